/* A node and where to dial it, as configurations, requests and commands write it:
 *
 *     web1@host             at the port that the epmd of its host knows
 *     web1@host:9100        at this port
 *     web1@fdaa::3          an IPv6 address, which has more than one colon
 *     web1@[fdaa::3]:9100   the same with a port
 *
 * The node's name is what is left without the port and the brackets: web1@fdaa::3. */
#ifndef COPPICE_DIST_PLACE_H
#define COPPICE_DIST_PLACE_H

#include <stdint.h>

#include "../term/bytes.h"

struct place {
    struct buf name;
    uint16_t port; /* 0: none was written */
};

/* What place_read() takes, for messages. */
#define PLACE_EXPECTED "name@host, or name@host:PORT with a port from 1 to 65535"

/* Reads the text; false, and *place is empty, if it is none of these, or the name that is left is
 * not valid (node_name_valid()). */
bool place_read(struct bytes text, struct place *place);
void place_free(struct place *place);

#endif
