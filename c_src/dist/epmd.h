/* Requests to epmd, which maps node names to ports, and its answers.
 *
 * A registration lasts as long as the connection on which it was made.  A lookup uses a
 * connection of its own, which epmd closes after the answer.
 *
 * Source: erl_dist_protocol, "EPMD Protocol". */
#ifndef COPPICE_DIST_EPMD_H
#define COPPICE_DIST_EPMD_H

#include "../err.h"
#include "../term/bytes.h"

#define EPMD_PORT 4369 /* unless ERL_EPMD_PORT is set */

enum epmd_answer {
    EPMD_MORE,    /* the answer is incomplete */
    EPMD_DONE,    /* a positive answer; the out-parameter is set */
    EPMD_NO,      /* the name is taken, or not registered */
    EPMD_NONSENSE /* not an answer of epmd */
};

/* Appends a registration request; name is the part before the '@'. */
void epmd_put_register(struct buf *out, struct bytes name, uint16_t port, bool visible);

/* Parses everything received so far.  *creation has 32 bits from epmd of OTP 23 or later, 16
 * from an older one. */
enum epmd_answer epmd_registered(struct bytes answer, uint32_t *creation);

/* Appends a lookup request for name. */
void epmd_put_lookup(struct buf *out, struct bytes name);

/* Parses everything received so far.  EPMD_NO also for a node that does not speak distribution
 * version 6. */
enum epmd_answer epmd_found(struct bytes answer, uint16_t *port);

#endif
