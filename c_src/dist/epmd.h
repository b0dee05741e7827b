/* What is said to epmd, the daemon that knows which node listens where.
 *
 * A node is registered for as long as it keeps the connection open on which
 * it asked.  A look-up uses a connection of its own, which epmd closes after
 * the answer.
 *
 * Source: erl_dist_protocol, "EPMD Protocol". */
#ifndef COPPICE_DIST_EPMD_H
#define COPPICE_DIST_EPMD_H

#include "../err.h"
#include "../term/bytes.h"

#define EPMD_PORT 4369 /* unless ERL_EPMD_PORT says otherwise */

enum epmd_answer {
    EPMD_MORE,    /* not all of the answer is here yet */
    EPMD_DONE,    /* the answer was yes; the out-parameter is set */
    EPMD_NO,      /* the name is taken, or nobody has it */
    EPMD_NONSENSE /* not an answer of epmd's */
};

/* Appends the request to register; name is the part before the '@'. */
void epmd_put_register(struct buf *out, struct bytes name, uint16_t port, bool visible);

/* Reads all that came back so far.  *creation is 32 bits from an epmd of OTP 23
 * or later, 16 from an older one. */
enum epmd_answer epmd_registered(struct bytes answer, uint32_t *creation);

/* Appends the question where name listens. */
void epmd_put_lookup(struct buf *out, struct bytes name);

/* Reads all that came back so far.  EPMD_NO also for a node that speaks only
 * distribution versions other than 6. */
enum epmd_answer epmd_found(struct bytes answer, uint16_t *port);

#endif
