#include "bytes.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "word.h"

#define BUF_INITIAL_BYTES 64

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.at, b.at, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Every bit of the product depends on every bit of both. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One word at a time.  The last word may overlap bytes already hashed; the length
 * distinguishes inputs that end in NULs. */
uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    uint64_t h = seed ^ 0x9e3779b97f4a7c15u, last;
    for (size_t i = 0; i + sizeof(h) < b.len; i += sizeof(h))
        h = fold(h ^ word_at(b.at + i), 0xbf58476d1ce4e5b9u);
    if (b.len >= sizeof(h))
        last = word_at(b.at + b.len - sizeof(h));
    else
        last = short_word_at(b.at, b.len);
    return fold(h ^ last, 0x94d049bb133111ebu ^ b.len);
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    must(n <= SIZE_MAX / 2 - b->len);
    size_t grown = b->cap * 2 > BUF_INITIAL_BYTES ? b->cap * 2 : BUF_INITIAL_BYTES;
    b->cap = grown >= b->len + n ? grown : b->len + n;
    b->at = mem_resize(b->at, b->cap);
    return b->at + b->len;
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    v = htobe16(v);
    buf_put(b, (struct bytes){(const uint8_t *)&v, sizeof(v)});
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    buf_put(b, (struct bytes){(const uint8_t *)&v, sizeof(v)});
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    v = htobe64(v);
    buf_put(b, (struct bytes){(const uint8_t *)&v, sizeof(v)});
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(n >= 0);
    vsnprintf((char *)buf_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
    must(n <= b->len);
    b->len -= n;
    if (b->len > 0 && n > 0)
        memmove(b->at, b->at + n, b->len);
}

void buf_reset(struct buf *b)
{
    if (b->cap > LIMIT_SPARE_BYTES)
        buf_free(b);
    else
        buf_clear(b);
}

void buf_free(struct buf *b)
{
    mem_free(b->at);
    *b = (struct buf){0};
}

bool buf_free_some(struct buf *b, size_t bytes)
{
    if (b->cap <= bytes) {
        buf_free(b);
        return false;
    }
    b->cap -= bytes;
    b->len = b->len < b->cap ? b->len : b->cap;
    b->at = mem_resize(b->at, b->cap);
    return true;
}

struct term term_copy(struct bytes canonical)
{
    must(canonical.len > 0);
    struct term t = {mem_take(canonical.len), canonical.len};
    memcpy(t.at, canonical.at, canonical.len);
    return t;
}

struct term term_take(struct buf *canonical)
{
    must(canonical->len > 0);
    struct term t = {mem_resize(canonical->at, canonical->len), canonical->len};
    *canonical = (struct buf){0};
    return t;
}

struct bytes term_bytes(const struct term *t)
{
    return (struct bytes){t->at, t->len};
}

void term_free(struct term *t)
{
    mem_free(t->at);
    *t = (struct term){0};
}
