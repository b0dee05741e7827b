/* Fixed-width fields in network byte order, as in epmd's messages, the handshake and frame
 * headers.
 *
 * The error is sticky, as in term/etf.h: a read past the end returns zero or nothing, as does
 * every later read, and sets `truncated`, which is checked once at the end. */
#ifndef COPPICE_DIST_WIRE_H
#define COPPICE_DIST_WIRE_H

#include "../term/bytes.h"

struct wire {
    struct bytes left;
    bool truncated;
};

struct wire wire_open(struct bytes b);

uint8_t wire_u8(struct wire *in);
uint16_t wire_u16(struct wire *in);
uint32_t wire_u32(struct wire *in);
uint64_t wire_u64(struct wire *in);

/* The next n bytes, borrowed. */
struct bytes wire_bytes(struct wire *in, size_t n);

#endif
