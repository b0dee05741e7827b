#include "order_internal.h"

#include <math.h>
#include <string.h>

#include "../limits.h"
#include "head.h"
#include "integer.h"

enum rank order_rank(const struct etf_in *in)
{
    static const uint8_t ranks[] = {
        [TAG_SMALL_INTEGER] = RANK_NUMBER,
        [TAG_INTEGER] = RANK_NUMBER,
        [TAG_SMALL_BIG] = RANK_NUMBER,
        [TAG_LARGE_BIG] = RANK_NUMBER,
        [TAG_NEW_FLOAT] = RANK_NUMBER,
        [TAG_SMALL_ATOM_UTF8] = RANK_ATOM,
        [TAG_ATOM_UTF8] = RANK_ATOM,
        [TAG_NEWER_REFERENCE] = RANK_REFERENCE,
        [TAG_NEW_FUN] = RANK_FUN,
        [TAG_EXPORT] = RANK_EXPORT,
        [TAG_V4_PORT] = RANK_PORT,
        [TAG_NEW_PID] = RANK_PID,
        [TAG_SMALL_TUPLE] = RANK_TUPLE,
        [TAG_LARGE_TUPLE] = RANK_TUPLE,
        [TAG_RECORD] = RANK_RECORD,
        [TAG_MAP] = RANK_MAP,
        [TAG_NIL] = RANK_NIL,
        [TAG_STRING] = RANK_LIST,
        [TAG_LIST] = RANK_LIST,
        [TAG_BINARY] = RANK_BITSTRING,
        [TAG_BIT_BINARY] = RANK_BITSTRING,
    };
    must(in->at < in->end && *in->at < sizeof(ranks) && ranks[*in->at] != RANK_NONE);
    return ranks[*in->at];
}

static int compare_numbers(struct bytes a, struct bytes b, bool exact)
{
    struct etf_in in_a = etf_open(a), in_b = etf_open(b);
    bool float_a = *a.at == TAG_NEW_FLOAT, float_b = *b.at == TAG_NEW_FLOAT;
    if (!float_a && !float_b)
        return integer_compare(a, b);
    if (exact && float_a != float_b)
        return float_a ? 1 : -1;
    if (!float_a)
        return integer_compare_float(a, etf_float(&in_b));
    if (!float_b)
        return -integer_compare_float(b, etf_float(&in_a));
    double x = etf_float(&in_a), y = etf_float(&in_b);
    int order = COMPARE(x, y);
    return order != 0 || !exact ? order : sign(signbit(y), signbit(x));
}

static struct bytes skip(struct bytes b, size_t head)
{
    must(head <= b.len);
    return bytes_after(b, head);
}

/* UTF-8 sorts by bytes as by code points. */
int order_atoms(struct bytes a, struct bytes b)
{
    return bytes_compare(skip(a, *a.at == TAG_SMALL_ATOM_UTF8 ? 2 : 3),
                         skip(b, *b.at == TAG_SMALL_ATOM_UTF8 ? 2 : 3));
}

/* From the last word, the most significant; missing words are zeros. */
static int compare_references(struct bytes a, struct bytes b, bool exact)
{
    struct etf_in in_a = etf_open(a), in_b = etf_open(b);
    struct etf_reference x = etf_reference(&in_a), y = etf_reference(&in_b);
    int order = order_atoms(x.node, y.node);
    if (order == 0)
        order = COMPARE(x.creation, y.creation);
    for (unsigned i = LIMIT_REF_WORDS; order == 0 && i > 0; i--) {
        uint32_t word_x = i <= x.count ? x.words[i - 1] : 0;
        uint32_t word_y = i <= y.count ? y.words[i - 1] : 0;
        order = COMPARE(word_x, word_y);
    }
    return order != 0 || !exact ? order : COMPARE(x.count, y.count);
}

static int compare_exports(struct bytes a, struct bytes b)
{
    struct etf_in in_a = etf_open(a), in_b = etf_open(b);
    struct etf_export x = etf_export(&in_a), y = etf_export(&in_b);
    int order = order_atoms(x.module, y.module);
    if (order == 0)
        order = order_atoms(x.function, y.function);
    return order != 0 ? order : COMPARE(x.arity, y.arity);
}

/* The node, the creation, then the eight bytes of the number. */
static int compare_ports(struct bytes a, struct bytes b)
{
    struct bytes node_a = head_node(a.at), node_b = head_node(b.at);
    const uint8_t *number_a = node_a.at + node_a.len, *number_b = node_b.at + node_b.len;
    int order = order_atoms(node_a, node_b);
    if (order == 0)
        order = memcmp(number_a + 8, number_b + 8, 4);
    return order != 0 ? order : memcmp(number_a, number_b, 8);
}

/* The numbers first, then the node. */
static int compare_pids(struct bytes a, struct bytes b)
{
    struct etf_in in_a = etf_open(a), in_b = etf_open(b);
    struct etf_pid x = etf_pid(&in_a), y = etf_pid(&in_b);
    int order = COMPARE(x.serial, y.serial);
    if (order == 0)
        order = COMPARE(x.id, y.id);
    if (order == 0)
        order = order_atoms(x.node, y.node);
    return order != 0 ? order : COMPARE(x.creation, y.creation);
}

/* Binaries and bitstrings: the bits both have, then the length. */
static int compare_bits(struct bytes a, struct bytes b)
{
    uint64_t bits_a = head_number(a.at + 1, 4) * 8, bits_b = head_number(b.at + 1, 4) * 8;
    const uint8_t *at_a = a.at + HEAD_BYTES_COUNTED, *at_b = b.at + HEAD_BYTES_COUNTED;
    if (*a.at == TAG_BIT_BINARY)
        bits_a -= 8u - *at_a++;
    if (*b.at == TAG_BIT_BINARY)
        bits_b -= 8u - *at_b++;
    uint64_t shared = bits_a < bits_b ? bits_a : bits_b;
    int order = memcmp(at_a, at_b, shared / 8);
    if (order == 0 && shared % 8 != 0) {
        unsigned unused = 8 - shared % 8;
        order = (at_a[shared / 8] >> unused) - (at_b[shared / 8] >> unused);
    }
    return order != 0 ? order : COMPARE(bits_a, bits_b);
}

/* Compares a string with a list that is not one.  Only a number can equal a byte, so no
 * element needs a frame. */
static int compare_string(struct bytes string, struct bytes list, bool exact)
{
    size_t bytes = string.len - 3, elements = head_number(list.at + 1, 4);
    struct etf_in in = etf_open(skip(list, HEAD_BYTES_COUNTED));
    for (size_t i = 0; i < bytes && i < elements; i++) {
        uint8_t small[] = {TAG_SMALL_INTEGER, string.at[3 + i]};
        if (order_rank(&in) != RANK_NUMBER)
            return -1;
        int order = compare_numbers((struct bytes){small, sizeof(small)}, etf_any(&in), exact);
        if (order != 0)
            return order;
    }
    if (bytes < elements)
        return -1; /* [] is less than every other list */
    enum rank rest = bytes > elements ? RANK_LIST : RANK_NIL;
    return COMPARE(rest, order_rank(&in));
}

/* Compares two lists, at least one of them a string. */
static int compare_strings(struct bytes a, struct bytes b, bool exact)
{
    if (*a.at == TAG_STRING && *b.at == TAG_STRING)
        return bytes_compare(skip(a, 3), skip(b, 3));
    return *a.at == TAG_STRING ? compare_string(a, b, exact) : -compare_string(b, a, exact);
}

int order_leaves(enum rank rank, struct bytes a, struct bytes b, bool exact)
{
    switch (rank) {
    case RANK_NUMBER:
        return compare_numbers(a, b, exact);
    case RANK_ATOM:
        return order_atoms(a, b);
    case RANK_REFERENCE:
        return compare_references(a, b, exact);
    case RANK_EXPORT:
        return compare_exports(a, b);
    case RANK_PORT:
        return compare_ports(a, b);
    case RANK_PID:
        return compare_pids(a, b);
    case RANK_LIST:
        return compare_strings(a, b, exact);
    case RANK_BITSTRING:
        return compare_bits(a, b);
    default:
        return 0; /* [] */
    }
}
