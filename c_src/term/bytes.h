/* Bytes: borrowed slices, growable buffers, owned terms.
 *
 * A `struct bytes` is always borrowed: the function that returns it says how long it is valid,
 * and it is never freed.  A `struct buf` owns its content.  A `struct term` owns one canonical
 * term (term/canon.h) that outlives the event it arrived with. */
#ifndef COPPICE_TERM_BYTES_H
#define COPPICE_TERM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

/* The bytes of a string literal, without its NUL. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* The arguments of %.*s for bytes or a buffer. */
#define TEXT(bytes) (int)(bytes).len, (const char *)(bytes).at

/* The bytes of a C string, without its NUL; valid as long as text is. */
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* What follows the first n bytes; b may be empty, without an address. */
static inline struct bytes bytes_after(struct bytes b, size_t n)
{
    return n == 0 ? b : (struct bytes){b.at + n, b.len - n};
}

/* memcmp order, a proper prefix first: <0, 0 or >0. */
int bytes_compare(struct bytes a, struct bytes b);

/* A fast hash.  The same bytes and seed give the same value on every machine and in every release,
 * since nodes compare digests of their states (causal/digests.h).  Tables whose keys others choose
 * need another one (keyed_hash.h). */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

/* A growable buffer; all zero is an empty buffer. */
struct buf {
    uint8_t *at;
    size_t len, cap;
};

/* The content of the buffer; valid until the buffer is next changed. */
static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->at, b->len};
}

/* buf_room() of a buffer that has too little. */
uint8_t *buf_grow(struct buf *b, size_t n);

/* Reserves n more bytes and returns where they start; the caller writes there and adds what it
 * wrote to len. */
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
    return b->at != NULL && n <= b->cap - b->len ? b->at + b->len : buf_grow(b, n);
}

static inline void buf_put(struct buf *b, struct bytes more)
{
    if (more.len == 0)
        return;
    memcpy(buf_room(b, more.len), more.at, more.len);
    b->len += more.len;
}

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    *buf_room(b, 1) = v;
    b->len += 1;
}

void buf_put_u16(struct buf *b, uint16_t v); /* big endian, as the next two */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);

/* Appends like printf. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes; n <= len. */
void buf_drop(struct buf *b, size_t n);

/* Empties the buffer and keeps its memory. */
static inline void buf_clear(struct buf *b)
{
    b->len = 0;
}

/* The same, but frees the memory if it has grown beyond LIMIT_SPARE_BYTES. */
void buf_reset(struct buf *b);

/* Frees the memory; leaves an empty buffer. */
void buf_free(struct buf *b);
/* Frees so many bytes at the end of it; false once there are none left. */
bool buf_free_some(struct buf *b, size_t bytes);

/* One owned canonical term; all zero means "none". */
struct term {
    uint8_t *at;
    size_t len;
};

/* A copy of bytes that are already canonical. */
struct term term_copy(struct bytes canonical);

/* Takes over the content of the buffer, which must be one canonical term, and leaves it empty. */
struct term term_take(struct buf *canonical);

/* Borrowed; valid until the term is freed. */
struct bytes term_bytes(const struct term *t);

/* Frees the term, if any, and leaves "none". */
void term_free(struct term *t);

#endif
