/* Bytes: borrowed slices, growable buffers, owned terms.
 *
 * A `struct bytes` is always borrowed: whoever hands it out says until when
 * it is good, and nobody frees through it.  A `struct buf` owns what it holds.
 * A `struct term` owns one canonical term (term/canon.h) that outlives the
 * event which brought it. */
#ifndef COPPICE_TERM_BYTES_H
#define COPPICE_TERM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

/* The bytes of a string literal, without its NUL. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* The arguments of %.*s for bytes or a buffer. */
#define TEXT(bytes) (int)(bytes).len, (const char *)(bytes).at

/* The bytes of a C string, without its NUL; good as long as text is. */
struct bytes bytes_of(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);

/* memcmp order, a proper prefix first: <0, 0 or >0. */
int bytes_compare(struct bytes a, struct bytes b);

/* A hash for tables in memory: the same bytes and seed give the same value on
 * every machine, and in every release, since nodes compare digests of their states
 * (causal/digests.h).  Not for strangers' keys without a seed. */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

/* A growable buffer; all zero is empty and valid. */
struct buf {
    uint8_t *at;
    size_t len, cap;
};

/* What the buffer holds; good until the buffer is next changed. */
struct bytes buf_bytes(const struct buf *b);

/* Makes room for n more bytes and returns where they go, without counting
 * them as held: the caller writes there and adds to len what it wrote. */
uint8_t *buf_room(struct buf *b, size_t n);

void buf_put(struct buf *b, struct bytes more);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v); /* big endian, as are the next two */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);

/* Appends like printf. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes; n <= len. */
void buf_drop(struct buf *b, size_t n);

/* Forgets what it holds and keeps the memory. */
void buf_clear(struct buf *b);

/* Frees the memory; the buffer is then empty and valid. */
void buf_free(struct buf *b);

/* One canonical term, owned.  All zero means "none". */
struct term {
    uint8_t *at;
    size_t len;
};

/* An owned copy of bytes that are already canonical. */
struct term term_copy(struct bytes canonical);

/* Takes over what the buffer holds, which must be one canonical term; the
 * buffer is empty afterwards. */
struct term term_take(struct buf *canonical);

/* Borrows; good until the term is freed. */
struct bytes term_bytes(const struct term *t);

/* Frees and leaves "none"; "none" is allowed. */
void term_free(struct term *t);

#endif
