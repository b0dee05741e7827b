/* A command: connects to a node and sends it requests, each when the one before is answered. */
#ifndef COPPICE_NODE_COMMAND_H
#define COPPICE_NODE_COMMAND_H

#include "../cluster/cluster.h"
#include "../otp/process.h"
#include "event.h"

struct command;

/* Starts the calling process.  All three are borrowed. */
struct command *command_new(struct processes *table, struct cluster *cluster, struct outbox *out);
/* NULL is allowed. */
void command_free(struct command *c);

/* Copies the request, and sends it as soon as its node is connected.  One ACTION_ANSWER is appended
 * to out in the end (of REQUEST_SUBSCRIBE others before it); until then there must not be another
 * request. */
void command_request(struct command *c, const struct request *request, struct turn *t);

/* A node is connected, or could not be reached. */
void command_up(struct command *c, struct bytes node, struct turn *t);
void command_unreachable(struct command *c, struct bytes node, enum unreachable why,
                         const char *text);

#endif
