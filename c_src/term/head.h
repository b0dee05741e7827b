/* Heads of encoded terms: tags, lengths, number of subterms.  Private to term/; everything
 * else reads through etf.h.
 *
 * One table has the layout of each tag, and one function applies it within bounds, so that
 * measuring, checking, reading and copying cannot disagree about where a term ends. */
#ifndef COPPICE_TERM_HEAD_H
#define COPPICE_TERM_HEAD_H

#include <endian.h>

#include "../err.h"
#include "bytes.h"
#include "etf.h"

enum tag {
    TAG_RECORD = 67, /* a native record, since OTP 29 */
    TAG_NEW_FLOAT = 70,
    TAG_BIT_BINARY = 77,
    TAG_COMPRESSED = 80,
    TAG_NEW_PID = 88,
    TAG_NEW_PORT = 89,
    TAG_NEWER_REFERENCE = 90,
    TAG_SMALL_INTEGER = 97,
    TAG_INTEGER = 98,
    TAG_FLOAT = 99,
    TAG_ATOM = 100,
    TAG_REFERENCE = 101,
    TAG_PORT = 102,
    TAG_PID = 103,
    TAG_SMALL_TUPLE = 104,
    TAG_LARGE_TUPLE = 105,
    TAG_NIL = 106,
    TAG_STRING = 107,
    TAG_LIST = 108,
    TAG_BINARY = 109,
    TAG_SMALL_BIG = 110,
    TAG_LARGE_BIG = 111,
    TAG_NEW_FUN = 112,
    TAG_EXPORT = 113,
    TAG_NEW_REFERENCE = 114,
    TAG_SMALL_ATOM = 115,
    TAG_MAP = 116,
    TAG_FUN = 117, /* a fun, before OTP 23 */
    TAG_ATOM_UTF8 = 118,
    TAG_SMALL_ATOM_UTF8 = 119,
    TAG_V4_PORT = 120,
    TAG_VERSION = 131,
};

/* Bytes of a LIST, LARGE_TUPLE, MAP or BINARY before its content. */
#define HEAD_BYTES_COUNTED 5
/* Bytes of a NEW_FUN before its module; the offsets of its size and index. */
#define HEAD_BYTES_FUN    30
#define HEAD_OF_FUN_SIZE  1
#define HEAD_OF_FUN_INDEX 22
/* Of a RECORD: before its module; the offset of its flags, of which there is one. */
#define HEAD_BYTES_RECORD    6
#define HEAD_OF_RECORD_FLAGS 5
#define RECORD_EXPORTED      1

struct head {
    uint8_t tag;
    enum etf_kind kind;
    uint64_t count; /* value of the length field; 0 if there is none */
    uint64_t size;  /* bytes up to the first subterm, or of the whole term */
    uint64_t terms; /* number of subterms */
};

/* The layout of a tag.  The count field, of width bytes at offset, is multiplied by unit
 * (bytes) and each (subterms); more is the number of other subterms.  If node is not 0, an
 * atom follows the head, and after it node bytes and the counted ones.  An unknown tag has the kind
 * ETF_NOTHING. */
struct head_layout {
    uint8_t kind, head, offset, width, unit, each, more, node;
};
extern const struct head_layout head_layouts[256];

/* head_read() of what is rare: a bitstring, a node whose atom is of another kind than OTP sends, a
 * head that is cut off. */
must_use enum err head_read_other(const uint8_t *at, const uint8_t *end, struct head *head);

/* The value of a count field. */
static inline uint32_t head_count(const uint8_t *at, unsigned width)
{
    uint16_t two;
    uint32_t four;
    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof(two));
        return be16toh(two);
    case 4:
        memcpy(&four, at, sizeof(four));
        return be32toh(four);
    default:
        return 0;
    }
}

/* Measures the head at the front of [at, end).  ERR_SHORT, ERR_TAG, or ERR_SHAPE for a pid,
 * port or reference whose node is not an atom.  The node counts as part of the head, not as a
 * subterm; values are not checked.  Here, since all that is done with terms begins with it. */
must_use static inline enum err head_read(const uint8_t *at, const uint8_t *end, struct head *head)
{
    size_t room = (size_t)(end - at);
    if (room == 0)
        return ERR_SHORT;
    const struct head_layout *layout = &head_layouts[*at];
    if (room < layout->head || layout->kind == ETF_NOTHING || layout->kind == ETF_BITSTRING)
        return head_read_other(at, end, head);
    head->tag = *at;
    head->kind = layout->kind;
    head->count = head_count(at + layout->offset, layout->width);
    head->size = layout->head + head->count * layout->unit;
    head->terms = head->count * layout->each + layout->more;
    if (layout->node > 0) {
        const uint8_t *node = at + layout->head;
        if (end - node < 2 || *node != TAG_SMALL_ATOM_UTF8)
            return head_read_other(at, end, head);
        head->size += 2u + node[1] + layout->node;
    }
    return head->size <= room ? OK : ERR_SHORT;
}

/* The node name in a pid, port or reference. */
struct bytes head_node(const uint8_t *at);

/* The content of a leaf: an atom's text in its own encoding, the bytes of a binary, bitstring
 * or STRING, the digits of a big integer. */
static inline struct bytes head_content(const uint8_t *at, const struct head *head)
{
    must(head->count < head->size);
    return (struct bytes){at + (head->size - head->count), head->count};
}

/* The value of a FLOAT or NEW_FLOAT.  ERR_SHAPE for a text that is not a number, ERR_RANGE if
 * it is not finite. */
must_use enum err head_float(const uint8_t *at, double *v);

/* A big-endian number of 1 to 8 bytes. */
static inline uint64_t head_number(const uint8_t *at, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++)
        v = v << 8 | at[i];
    return v;
}

/* The value of an integer term, unless it is a big one. */
static inline bool head_word(const uint8_t *at, int64_t *v)
{
    if (*at == TAG_SMALL_INTEGER)
        *v = at[1];
    else if (*at == TAG_INTEGER)
        *v = (int32_t)head_count(at + 1, 4);
    else
        return false;
    return true;
}

/* Skips LIST heads with a count of 0: the tail after such a head is the term. */
static inline const uint8_t *head_past_empty(const uint8_t *at, const uint8_t *end)
{
    while (end - at > HEAD_BYTES_COUNTED && *at == TAG_LIST && head_count(at + 1, 4) == 0)
        at += HEAD_BYTES_COUNTED;
    return at;
}

#endif
