/* The layout of an element as it is encoded: what stands between the parts that vary.  Private to
 * rga_wire.c.
 *
 * A sender encodes all elements alike, with the same fields in the same order: if it is a coppice,
 * or a BEAM of before OTP 26, in that of their names.  So names are looked up only in an element
 * with another layout than the one before; in those after it they are compared with that as one run
 * of bytes before each part. */
#ifndef COPPICE_CRDT_RGA_LAYOUT_H
#define COPPICE_CRDT_RGA_LAYOUT_H

#include <string.h>

#include "../../term/etf.h"

enum rga_part { RGA_ID, RGA_PREV, RGA_COUNTER, RGA_NODE, RGA_TIME, RGA_VALUE, RGA_PARTS };

struct rga_layout {
    enum rga_part order[RGA_PARTS];
    struct bytes before[RGA_PARTS + 1]; /* each of these; the last is after all of them */
};

/* That of the elements that a coppice writes. */
extern const struct rga_layout rga_layout_own;

/* Learns the layout of an element, from its parts in it.  Both must outlive the layout. */
void rga_layout_learn(struct rga_layout *l, struct bytes element, const struct bytes *parts);

/* If the cursor's next bytes are these, which end with a term or a head, consumes them and returns
 * true; false for empty ones. */
static inline bool rga_accept_bytes(struct etf_in *in, struct bytes wanted)
{
    size_t room = (size_t)(in->end - in->at);
    if (wanted.len == 0 || room < wanted.len || memcmp(in->at, wanted.at, wanted.len) != 0)
        return false;
    in->at += wanted.len;
    return true;
}

#endif
