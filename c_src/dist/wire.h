/* Fixed fields in network order: what epmd, the handshake and frame headers
 * are made of.
 *
 * As with term/etf.h the error is sticky: a read beyond the end gives zero or
 * nothing, as does every read after it, and `fell_short` says so once at the end. */
#ifndef COPPICE_DIST_WIRE_H
#define COPPICE_DIST_WIRE_H

#include "../term/bytes.h"

struct wire {
    struct bytes left;
    bool fell_short;
};

struct wire wire_open(struct bytes b);

uint8_t wire_u8(struct wire *in);
uint16_t wire_u16(struct wire *in);
uint32_t wire_u32(struct wire *in);
uint64_t wire_u64(struct wire *in);

/* The next n bytes, borrowed. */
struct bytes wire_bytes(struct wire *in, size_t n);

#endif
