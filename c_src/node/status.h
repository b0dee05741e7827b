/* What the process `coppice` tells of its node (server.h). */
#ifndef COPPICE_NODE_STATUS_H
#define COPPICE_NODE_STATUS_H

#include "../term/bytes.h"

struct server_options;

/* Lists of names: of the replicas, and of the nodes that are connected, but for commands. */
void status_put_replica_names(const struct server_options *o, struct buf *out);
void status_put_peer_names(const struct server_options *o, struct buf *out);

/* The map that the request `status` is answered with, canonical. */
void status_put(const struct server_options *o, struct buf *out);

/* The same in steps, of about so much work, in nanoseconds: there may be a hundred thousand
 * replicas.  Those that start meanwhile are left out, as are those that end before it is their
 * turn. o is borrowed. */
struct status;
struct status *status_open(const struct server_options *o);
void status_close(struct status *s); /* NULL is allowed */
bool status_step(struct status *s, uint64_t work);

/* The map, after the last step, at which status_step() was true: to be taken, or lent. */
struct buf *status_map(struct status *s);

#endif
