#include "frame.h"

#include "flags.h"
#include "wire.h"

#define LENGTH_BYTES 4

enum frame frame_next(struct bytes *in, unsigned length_bytes, size_t limit, struct bytes *body)
{
    must(length_bytes == 2 || length_bytes == 4);
    struct wire rest = wire_open(*in);
    size_t len = length_bytes == 2 ? wire_u16(&rest) : wire_u32(&rest);
    if (rest.truncated)
        return FRAME_MORE;
    if (len > limit)
        return FRAME_BAD;
    struct bytes inside = wire_bytes(&rest, len);
    if (rest.truncated)
        return FRAME_MORE;
    *in = rest.left;
    *body = inside;
    return len > 0 ? FRAME_BODY : FRAME_TICK;
}

size_t frame_open(struct buf *out, uint64_t flags, bool *versioned)
{
    size_t start = out->len;
    buf_put_u32(out, 0);
    *versioned = (flags & (DFLAG_FRAGMENTS | DFLAG_DIST_HDR_ATOM_CACHE)) == 0;
    if (*versioned) {
        buf_put_u8(out, BODY_PLAIN);
    } else {
        buf_put_u8(out, BODY_VERSION);
        buf_put_u8(out, BODY_WHOLE);
        buf_put_u8(out, 0); /* atoms */
    }
    return start;
}

size_t fragment_open(struct buf *out, bool first, uint64_t sequence, uint64_t number)
{
    size_t start = out->len;
    must(number > 0 && number < UINT64_MAX);
    buf_put_u32(out, 0);
    buf_put_u8(out, BODY_VERSION);
    buf_put_u8(out, first ? BODY_FIRST : BODY_LATER);
    buf_put_u64(out, sequence);
    buf_put_u64(out, number);
    if (first)
        buf_put_u8(out, 0); /* atoms */
    return start;
}

void frame_close(struct buf *out, size_t start)
{
    must(start + LENGTH_BYTES < out->len);
    size_t len = out->len - start - LENGTH_BYTES;
    must(len <= UINT32_MAX);
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        out->at[start + i] = (uint8_t)(len >> 8 * (LENGTH_BYTES - 1 - i));
}
