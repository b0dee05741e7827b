#include "write.h"

#include <ei.h>
#include <math.h>

#include "../err.h"
#include "../limits.h"
#include "head.h"
#include "utf8.h"

/* The longest integer or float that ei writes: tag, length, sign and 8 bytes. */
#define NUMBER_BYTES 11
/* The longest tag and length of an atom. */
#define ATOM_HEAD_BYTES 3
#define MAP_HEAD_BYTES  5

/* Adds to the length what ei wrote into the reserved room. */
static void written(struct buf *out, int result, int used)
{
    must(result == 0);
    out->len += (size_t)used;
}

void put_int(struct buf *out, int64_t v)
{
    int used = 0;
    if (v >= 0 && v <= UINT8_MAX) {
        buf_put(out, (struct bytes){(const uint8_t[]){TAG_SMALL_INTEGER, (uint8_t)v}, 2});
        return;
    }
    /* ei uses a SMALL_BIG for everything beyond 28 bits; OTP does not. */
    if (v >= INT32_MIN && v <= INT32_MAX) {
        buf_put_u8(out, TAG_INTEGER);
        buf_put_u32(out, (uint32_t)v);
        return;
    }
    int result = ei_encode_longlong((char *)buf_room(out, NUMBER_BYTES), &used, v);
    written(out, result, used);
}

void put_uint(struct buf *out, uint64_t v)
{
    int used = 0;
    if (v <= INT32_MAX) {
        put_int(out, (int64_t)v);
        return;
    }
    int result = ei_encode_ulonglong((char *)buf_room(out, NUMBER_BYTES), &used, v);
    written(out, result, used);
}

void put_float(struct buf *out, double v)
{
    int used = 0;
    must(isfinite(v));
    int result = ei_encode_double((char *)buf_room(out, NUMBER_BYTES), &used, v);
    written(out, result, used);
}

void put_bool(struct buf *out, bool v)
{
    put_atom(out, v ? "true" : "false");
}

void put_atom(struct buf *out, const char *text)
{
    put_atom_bytes(out, bytes_of(text));
}

bool is_atom_text(struct bytes text)
{
    uint32_t character;
    size_t characters = 0;
    for (size_t n; (n = utf8_next(text, &character)) > 0; text = bytes_after(text, n))
        characters++;
    return text.len == 0 && characters <= LIMIT_ATOM_CHARS;
}

void put_atom_bytes(struct buf *out, struct bytes text)
{
    int used = 0;
    must(text.len <= LIMIT_ATOM_BYTES);
    if (text.len <= UINT8_MAX && utf8_is_ascii(text)) {
        buf_put(out, (struct bytes){(const uint8_t[]){TAG_SMALL_ATOM_UTF8, (uint8_t)text.len}, 2});
        buf_put(out, text);
        return;
    }
    char *room = (char *)buf_room(out, ATOM_HEAD_BYTES + text.len);
    int result = ei_encode_atom_len_as(room, &used, (const char *)text.at, (int)text.len,
                                       ERLANG_UTF8, ERLANG_UTF8);
    written(out, result, used);
}

void put_binary(struct buf *out, struct bytes b)
{
    must(b.len <= UINT32_MAX);
    buf_put_u8(out, TAG_BINARY);
    buf_put_u32(out, (uint32_t)b.len);
    buf_put(out, b);
}

void put_nil(struct buf *out)
{
    buf_put_u8(out, TAG_NIL);
}

static void put_counted(struct buf *out, enum tag tag, uint32_t count)
{
    buf_put_u8(out, (uint8_t)tag);
    buf_put_u32(out, count);
}

void put_tuple(struct buf *out, uint32_t arity)
{
    if (arity > UINT8_MAX) {
        put_counted(out, TAG_LARGE_TUPLE, arity);
        return;
    }
    buf_put(out, (struct bytes){(const uint8_t[]){TAG_SMALL_TUPLE, (uint8_t)arity}, 2});
}

void put_map(struct buf *out, uint32_t n)
{
    put_counted(out, TAG_MAP, n);
}

void put_map_count(struct buf *out, size_t first, uint32_t n)
{
    uint8_t *head = out->at + first - MAP_HEAD_BYTES;
    must(first >= MAP_HEAD_BYTES && head[0] == TAG_MAP);
    for (unsigned i = MAP_HEAD_BYTES - 1; i > 0; i--, n >>= 8)
        head[i] = (uint8_t)n;
}

void put_list(struct buf *out, uint32_t n)
{
    if (n > 0)
        put_counted(out, TAG_LIST, n);
}

void put_pid(struct buf *out, struct bytes node, uint32_t id, uint32_t serial, uint32_t creation)
{
    buf_put_u8(out, TAG_NEW_PID);
    put_atom_bytes(out, node);
    buf_put_u32(out, id);
    buf_put_u32(out, serial);
    buf_put_u32(out, creation);
}

void put_reference(struct buf *out, struct bytes node, uint32_t creation, const uint32_t *words,
                   unsigned count)
{
    must(count >= 1 && count <= LIMIT_REF_WORDS);
    buf_put_u8(out, TAG_NEWER_REFERENCE);
    buf_put_u16(out, (uint16_t)count);
    put_atom_bytes(out, node);
    buf_put_u32(out, creation);
    for (unsigned i = 0; i < count; i++)
        buf_put_u32(out, words[i]);
}

void put_export(struct buf *out, const char *module, const char *function, uint8_t arity)
{
    buf_put_u8(out, TAG_EXPORT);
    put_atom(out, module);
    put_atom(out, function);
    put_uint(out, arity);
}

void put_term(struct buf *out, struct bytes term)
{
    buf_put(out, term);
}

const char *bad_term_reason(enum err why)
{
    must(why != OK);
    return why == ERR_LIMIT ? "too_large" : why == ERR_TAG ? "unknown_type" : "malformed";
}

void put_bad_term(struct buf *out, enum err why)
{
    put_tuple(out, 2);
    put_atom(out, "bad_term");
    put_atom(out, bad_term_reason(why));
}

void put_version(struct buf *out)
{
    buf_put_u8(out, TAG_VERSION);
}
