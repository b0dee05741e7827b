#include "canon_internal.h"

/* The order of the types, as in order.c, but for exact comparison: integers before floats. */
enum rank {
    RANK_INTEGER = 1,
    RANK_FLOAT,
    RANK_ATOM,
    RANK_REFERENCE,
    RANK_FUN,
    RANK_EXPORT,
    RANK_PORT,
    RANK_PID,
    RANK_TUPLE,
    RANK_RECORD,
    RANK_MAP,
    RANK_NIL,
    RANK_LIST,
    RANK_BITSTRING,
};

#define CONTENT_BITS 60
#define CONTENT_MAX  ((UINT64_C(1) << CONTENT_BITS) - 1)

static uint64_t prefix(enum rank rank, uint64_t content)
{
    return (uint64_t)rank << CONTENT_BITS | content;
}

/* --- numbers ------------------------------------------------------------------ */

/* Those of 32 bits are spread, so that they differ in the high bits, too. */
static uint64_t integer(int64_t v)
{
    const uint64_t zero = UINT64_C(1) << 59, far = UINT64_C(1) << 58;
    if (v >= INT32_MIN && v <= INT32_MAX)
        return prefix(RANK_INTEGER, zero + ((uint64_t)v << 27));
    return prefix(RANK_INTEGER, zero + (uint64_t)v + (v > 0 ? far : -far));
}

/* Digits from the least significant; beyond 7 there is one number for each sign. */
static uint64_t big_integer(uint64_t digits, bool negative, const uint8_t *at)
{
    int64_t v = 0;
    if (digits > 7)
        return prefix(RANK_INTEGER, negative ? 0 : CONTENT_MAX);
    while (digits > 0)
        v = v << 8 | at[--digits];
    return integer(negative ? -v : v);
}

/* The bits of positive floats are in order, those of negative ones in reverse. */
static uint64_t floating(const uint8_t *at)
{
    uint64_t bits = head_number(at, 8), sign = UINT64_C(1) << 63;
    return prefix(RANK_FLOAT, ((bits & sign) != 0 ? ~bits : bits | sign) >> 4);
}

/* --- others ------------------------------------------------------------------- */

/* The first bytes; missing ones count as zeros. */
static uint64_t text(enum rank rank, const uint8_t *at, uint64_t len)
{
    uint64_t content = 0;
    for (unsigned i = 0; i < 7; i++)
        content = content << 8 | (i < len ? at[i] : 0);
    return prefix(rank, content << 4);
}

/* The serial, then the number. */
static uint64_t pid(const uint8_t *at)
{
    struct bytes node = head_node(at);
    const uint8_t *rest = node.at + node.len;
    uint64_t number = head_number(rest, 4), serial = head_number(rest + 4, 4);
    bool fits = serial < UINT64_C(1) << 28;
    return prefix(RANK_PID, fits ? serial << 32 | number : CONTENT_MAX);
}

/* The arity, then the first element. */
static uint64_t tuple(uint64_t arity, const uint8_t *first)
{
    if (arity == 0 || arity > 4095)
        return prefix(RANK_TUPLE, arity == 0 ? 0 : CONTENT_MAX);
    return prefix(RANK_TUPLE, arity << 48 | canon_prefix(first) >> 16);
}

uint64_t canon_prefix(const uint8_t *at)
{
    switch (*at) {
    case TAG_SMALL_INTEGER:
        return integer(at[1]);
    case TAG_INTEGER:
        return integer((int32_t)head_number(at + 1, 4));
    case TAG_SMALL_BIG:
        return big_integer(at[1], at[2] != 0, at + 3);
    case TAG_LARGE_BIG:
        return big_integer(head_number(at + 1, 4), at[5] != 0, at + 6);
    case TAG_NEW_FLOAT:
        return floating(at + 1);
    case TAG_SMALL_ATOM_UTF8:
        return text(RANK_ATOM, at + 2, at[1]);
    case TAG_ATOM_UTF8:
        return text(RANK_ATOM, at + 3, head_number(at + 1, 2));
    case TAG_NEWER_REFERENCE:
        return prefix(RANK_REFERENCE, 0);
    case TAG_NEW_FUN:
        return prefix(RANK_FUN, 0);
    case TAG_EXPORT:
        return prefix(RANK_EXPORT, 0);
    case TAG_V4_PORT:
        return prefix(RANK_PORT, 0);
    case TAG_NEW_PID:
        return pid(at);
    case TAG_SMALL_TUPLE:
        return tuple(at[1], at + 2);
    case TAG_LARGE_TUPLE:
        return tuple(head_number(at + 1, 4), at + HEAD_BYTES_COUNTED);
    case TAG_RECORD:
        return prefix(RANK_RECORD, 0);
    case TAG_MAP:
        return prefix(RANK_MAP, head_number(at + 1, 4));
    case TAG_NIL:
        return prefix(RANK_NIL, 0);
    case TAG_STRING:
        return prefix(RANK_LIST, integer(at[3]) >> 4);
    case TAG_LIST:
        return prefix(RANK_LIST, canon_prefix(at + HEAD_BYTES_COUNTED) >> 4);
    case TAG_BINARY:
        return text(RANK_BITSTRING, at + HEAD_BYTES_COUNTED, head_number(at + 1, 4));
    default:
        must(*at == TAG_BIT_BINARY);
        return text(RANK_BITSTRING, at + HEAD_BYTES_COUNTED + 1, head_number(at + 1, 4));
    }
}
