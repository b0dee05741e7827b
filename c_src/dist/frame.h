/* Frames: the length before each message, the distribution header, fragments.
 *
 * A frame is a length of 4 bytes (2 in the handshake) and that many bytes; an empty one is a
 * tick.  A body starts with 'p' (112), or with 131 and 68 (unfragmented message), 69 (first
 * fragment) or 70 (a later fragment).  We do not announce the atom cache, so a header with
 * atoms is refused.
 *
 * Source: erl_dist_protocol; erl_ext_dist, "Distribution Header". */
#ifndef COPPICE_DIST_FRAME_H
#define COPPICE_DIST_FRAME_H

#include "../err.h"
#include "../term/bytes.h"

/* The first bytes of a body. */
enum {
    BODY_PLAIN = 112,   /* a version byte precedes each term */
    BODY_VERSION = 131, /* followed by one of the next three */
    BODY_WHOLE = 68,
    BODY_FIRST = 69,
    BODY_LATER = 70
};

enum frame {
    FRAME_MORE, /* the frame is incomplete */
    FRAME_TICK, /* an empty frame was consumed */
    FRAME_BODY, /* *body is the content of the frame */
    FRAME_BAD   /* longer than limit */
};

/* Cuts the next frame off the front of in; length_bytes is 2 or 4.  body borrows from in and is
 * valid until the buffer behind it changes. */
enum frame frame_next(struct bytes *in, unsigned length_bytes, size_t limit, struct bytes *body);

/* Reassembly of fragmented messages; fragments of different sequences may interleave.  Bounded
 * by LIMIT_FRAME_BYTES in total: a message that is larger, and beyond that the one that has waited
 * longest for its next fragment, is skipped to its end, and only its beginning is kept, by which
 * whoever waits for an answer can be found.  A process killed while it sends leaves one that never
 * ends (OTP 25), so of more than LIMIT_FRAGMENT_SEQUENCES the same one is forgotten. */
struct fragments;
struct fragments *fragments_new(void);
void fragments_free(struct fragments *f);

enum message {
    MESSAGE_NONE,  /* a fragment was stored; no message yet */
    MESSAGE_WHOLE, /* *terms has the control tuple and the payload */
    MESSAGE_CUT,   /* a message that was skipped: *terms has only its beginning */
    MESSAGE_BAD    /* *err says why; close the connection */
};

/* Takes one frame body.  On MESSAGE_WHOLE *terms is valid until the next call or, if the
 * message was not fragmented, as long as body is; *versioned tells whether a version byte
 * precedes each term ('p' frames).  ERR_FRAGMENT: a later fragment of an unknown
 * sequence (unless some were forgotten), a number out of sequence, 0 or 2^64-1, a sequence begun
 * twice.  ERR_SHAPE: a header with atoms, or an unknown first
 * byte. */
enum message message_take(struct fragments *f, struct bytes body, struct bytes *terms,
                          bool *versioned, enum err *err);

/* Frees the memory of the last reassembled message, as the next call of message_take()
 * otherwise does. */
void fragments_forget(struct fragments *f);

/* Frees the buffer (taken over); a large one is only kept to be freed in steps ... */
void fragments_drop(struct fragments *f, struct buf *bytes);
/* ... of which this is one; false after the last. */
bool fragments_release(struct fragments *f);

/* frame_open() appends a header for a peer with these flags and returns where the frame
 * starts; the caller appends the terms (*versioned as above); frame_close() fills in the
 * length. */
size_t frame_open(struct buf *out, uint64_t flags, bool *versioned);
void frame_close(struct buf *out, size_t start);

/* The same for a fragment of a message: the first, which has the control tuple and the start of the
 * payload, or a later one.  number counts down to 1. */
size_t fragment_open(struct buf *out, bool first, uint64_t sequence, uint64_t number);

#endif
