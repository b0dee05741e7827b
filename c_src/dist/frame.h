/* Frames: the length before each message, the distribution header, fragments.
 *
 * A frame is a length of 4 bytes (2 in the handshake) and so many bytes.  An
 * empty one is a tick.  A body starts with 'p' (112), or with 131 and 68
 * (whole message), 69 (first fragment) or 70 (a later fragment).  We do not
 * announce the atom cache, so a header that names atoms is refused.
 *
 * Source: erl_dist_protocol; erl_ext_dist, "Distribution Header". */
#ifndef COPPICE_DIST_FRAME_H
#define COPPICE_DIST_FRAME_H

#include "../err.h"
#include "../term/bytes.h"

/* The bytes that a body starts with. */
enum {
    BODY_PLAIN = 112,   /* and a version byte before each term */
    BODY_VERSION = 131, /* and one of the next three */
    BODY_WHOLE = 68,
    BODY_FIRST = 69,
    BODY_LATER = 70
};

enum frame {
    FRAME_MORE, /* no whole frame yet */
    FRAME_TICK, /* an empty frame was cut off */
    FRAME_BODY, /* *body is the frame's inside */
    FRAME_BAD   /* longer than limit */
};

/* Cuts the next frame off the front of in; length_bytes is 2 or 4.  body
 * borrows from in: good until the buffer behind it changes. */
enum frame frame_next(struct bytes *in, unsigned length_bytes, size_t limit, struct bytes *body);

/* Messages that are arriving in pieces, by sequence; pieces of different
 * sequences interleave.  Bounded by LIMIT_FRAGMENT_SEQUENCES and, all together,
 * LIMIT_FRAME_BYTES: beyond, the one that has waited longest for its next piece
 * is given up, since a process that is killed while it sends leaves one that
 * never ends (OTP 25). */
struct fragments;
struct fragments *fragments_new(void);
void fragments_free(struct fragments *f);

enum message {
    MESSAGE_NONE,  /* a fragment was taken in; no message yet */
    MESSAGE_WHOLE, /* *terms holds control tuple and payload */
    MESSAGE_BAD    /* *err says why; the connection is to be closed */
};

/* Takes in one frame body.  On MESSAGE_WHOLE *terms is good until the next
 * call or, where the frame was whole in itself, as long as body is; *versioned says
 * whether a version byte stands before each term ('p' frames).  ERR_FRAGMENT
 * for a continuation without a start, a number out of sequence, 0 or 2^64-1,
 * a sequence begun twice or one given up; ERR_LIMIT for a message beyond
 * LIMIT_FRAME_BYTES; ERR_SHAPE for a header with atoms or an unknown first byte. */
enum message message_take(struct fragments *f, struct bytes body, struct bytes *terms,
                          bool *versioned, enum err *err);

/* Gives back the memory of the last message that came in pieces, which
 * otherwise the next call of message_take does. */
void fragments_forget(struct fragments *f);

/* Opens a frame with the header for a peer with these flags, and closes it by
 * filling in its length.  Between the two calls the caller appends the terms.
 * frame_open returns where the frame starts; *versioned is as above. */
size_t frame_open(struct buf *out, uint64_t flags, bool *versioned);
void frame_close(struct buf *out, size_t start);

#endif
