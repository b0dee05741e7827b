#include "paper.h"

#include <zlib.h>

#include "err.h"
#include "mem.h"

#define UNPACK_BYTES 65536

static void unpack(struct bytes packed, struct buf *out)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)packed.at, .avail_in = (uInt)packed.len};
    must(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
    int result = Z_OK;
    while (result == Z_OK) {
        z.next_out = buf_room(out, UNPACK_BYTES);
        z.avail_out = UNPACK_BYTES;
        result = inflate(&z, Z_NO_FLUSH);
        out->len += UNPACK_BYTES - z.avail_out;
    }
    must(result == Z_STREAM_END);
    inflateEnd(&z);
}

static uint32_t number_at(const uint8_t **at)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 8 | *(*at)++;
    return n;
}

static uint32_t group_at(const uint8_t **at)
{
    uint32_t n = 0, shift = 0;
    for (; (**at & 128) != 0; shift += 7)
        n |= (*(*at)++ & 127u) << shift;
    return n | (uint32_t) * (*at)++ << shift;
}

void paper_open(struct paper *t, struct bytes packed)
{
    *t = (struct paper){0};
    unpack(packed, &t->unpacked);
    const uint8_t *at = t->unpacked.at;
    uint32_t last = 0;
    t->count = number_at(&at);
    t->end.len = number_at(&at);
    t->at = mem_take(t->count * sizeof(*t->at));
    for (size_t i = 0; i < t->count; i++) {
        uint32_t distance = group_at(&at);
        last += distance & 1 ? ~(distance >> 1) : distance >> 1;
        t->at[i] = last;
    }
    t->characters = at;
    t->end.at = at + t->count;
    must(t->end.at + t->end.len == t->unpacked.at + t->unpacked.len);
}

void paper_close(struct paper *t)
{
    buf_free(&t->unpacked);
    mem_free(t->at);
}
