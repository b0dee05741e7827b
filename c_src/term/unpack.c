#include "unpack.h"

#include <zlib.h>

#include "../limits.h"
#include "../mem.h"
#include "head.h"

/* The output grows in these steps, by what the stream really contains: the size in front of it
 * is only a claim. */
#define UNPACK_STEP_BYTES 65536u

static enum err inflate_all(struct buf *out, z_stream *z, size_t size)
{
    size_t base = out->len;
    int result = Z_OK;
    while (result == Z_OK) {
        size_t left = size - (out->len - base);
        /* One byte too many, so that a longer stream is noticed. */
        uInt step = (uInt)(left < UNPACK_STEP_BYTES ? left + 1 : UNPACK_STEP_BYTES);
        z->next_out = buf_room(out, step);
        z->avail_out = step;
        result = inflate(z, Z_NO_FLUSH);
        out->len += step - z->avail_out;
        if (out->len - base > size)
            return ERR_ZLIB;
    }
    if (result != Z_STREAM_END || out->len - base != size)
        return ERR_ZLIB;
    return z->avail_in == 0 ? OK : ERR_TRAILING;
}

enum err unpack(struct buf *out, struct bytes packed)
{
    if (packed.len < 4)
        return ERR_SHORT;
    uint64_t size = head_number(packed.at, 4);
    if (size > LIMIT_UNPACKED_BYTES || packed.len > LIMIT_FRAME_BYTES)
        return ERR_LIMIT;
    size_t base = out->len;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)(packed.at + 4),
                  .avail_in = (uInt)(packed.len - 4)};
    mem_sufficed(inflateInit(&z) == Z_OK);
    enum err e = inflate_all(out, &z, size);
    inflateEnd(&z);
    if (e != OK)
        out->len = base;
    return e;
}
