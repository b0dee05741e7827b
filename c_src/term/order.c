#include "order.h"

#include <math.h>
#include <string.h>

#include "../limits.h"
#include "etf.h"
#include "head.h"
#include "integer.h"

/* Two canonical terms are walked side by side, each byte once.  Maps complicate this: all keys
 * are compared before any value, but keys and values alternate in the bytes.  So a difference
 * between two values is only noted in the map's frame, and the walk goes on over the remaining
 * keys, skipping the values.  Both cursors must then be past everything compared, which is why
 * every open container counts its remaining terms on either side. */

enum inside {
    ELEMENTS, /* a tuple, the values of a record, or the free variables of a fun */
    LIST,     /* elements, then one tail */
    AT_KEY,   /* a map, before a key */
    AT_VALUE, /* a map, before a value */
};

/* What counts as a difference. */
enum by {
    BY_VALUE, /* 1 and 1.0 are equal */
    BY_KEY,   /* every integer is less than every float */
    BY_DETS,  /* BY_KEY, but BY_VALUE inside maps and funs */
};

struct frame {
    size_t left_a, left_b; /* remaining terms on either side */
    int noted;             /* the result, unless a later key decides first */
    enum inside inside;
    enum by by;
};

struct walk {
    struct etf_in a, b;
    unsigned depth, maps; /* number of frames, and of those that are maps */
    uint64_t work;        /* about one for each nanosecond */
    struct frame frames[LIMIT_TERM_DEPTH];
};

/* The order of the types.  Funs and exports are one type in the manual; the runtime puts all
 * funs before all exports. */
enum rank {
    RANK_NONE, /* not a canonical term */
    RANK_NUMBER,
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

static enum rank rank(const struct etf_in *in)
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

static int sign(bool greater, bool less)
{
    return (int)greater - (int)less;
}
#define COMPARE(x, y) sign((x) > (y), (x) < (y))

/* --- work -----------------------------------------------------------------

 * Measured with a million keys of each kind, the caller's share included. */

#define WORK_COMPARE 64 /* for two terms */
#define WORK_STEP    24 /* for two terms inside them */

static bool is_container(struct bytes term)
{
    return *term.at == TAG_LIST || *term.at == TAG_SMALL_TUPLE || *term.at == TAG_LARGE_TUPLE ||
           *term.at == TAG_MAP || *term.at == TAG_NEW_FUN || *term.at == TAG_RECORD;
}

/* Of skipping a term: a leaf has a length. */
static uint64_t skip_work(struct bytes term)
{
    return is_container(term) ? term.len * 2 : 0;
}

/* Of skipping two terms, and comparing them if they are leaves of one type. */
static uint64_t leaf_work(struct bytes a, struct bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    if (is_container(a) || is_container(b)) /* a string with a list of other elements, perhaps */
        return skip_work(a) + skip_work(b) + shorter * 8;
    return shorter / 8;
}

static void skip_next(struct walk *w, struct etf_in *in)
{
    w->work += skip_work(etf_any(in));
}

/* --- leaves -------------------------------------------------------------- */

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
    return (struct bytes){b.at + head, b.len - head};
}

/* UTF-8 sorts by bytes as by code points. */
static int compare_atoms(struct bytes a, struct bytes b)
{
    return bytes_compare(skip(a, *a.at == TAG_SMALL_ATOM_UTF8 ? 2 : 3),
                         skip(b, *b.at == TAG_SMALL_ATOM_UTF8 ? 2 : 3));
}

/* From the last word, the most significant; missing words are zeros. */
static int compare_references(struct bytes a, struct bytes b, bool exact)
{
    struct etf_in in_a = etf_open(a), in_b = etf_open(b);
    struct etf_reference x = etf_reference(&in_a), y = etf_reference(&in_b);
    int order = compare_atoms(x.node, y.node);
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
    int order = compare_atoms(x.module, y.module);
    if (order == 0)
        order = compare_atoms(x.function, y.function);
    return order != 0 ? order : COMPARE(x.arity, y.arity);
}

/* The node, the creation, then the eight bytes of the number. */
static int compare_ports(struct bytes a, struct bytes b)
{
    struct bytes node_a = head_node(a.at), node_b = head_node(b.at);
    const uint8_t *number_a = node_a.at + node_a.len, *number_b = node_b.at + node_b.len;
    int order = compare_atoms(node_a, node_b);
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
        order = compare_atoms(x.node, y.node);
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
        if (rank(&in) != RANK_NUMBER)
            return -1;
        int order = compare_numbers((struct bytes){small, sizeof(small)}, etf_any(&in), exact);
        if (order != 0)
            return order;
    }
    if (bytes < elements)
        return -1; /* [] is less than every other list */
    enum rank rest = bytes > elements ? RANK_LIST : RANK_NIL;
    return COMPARE(rest, rank(&in));
}

/* Compares two lists, at least one of them a string. */
static int compare_strings(struct bytes a, struct bytes b, bool exact)
{
    if (*a.at == TAG_STRING && *b.at == TAG_STRING)
        return bytes_compare(skip(a, 3), skip(b, 3));
    return *a.at == TAG_STRING ? compare_string(a, b, exact) : -compare_string(b, a, exact);
}

/* --- containers ---------------------------------------------------------- */

static struct frame *open_frame(struct walk *w, enum inside inside, size_t left_a, size_t left_b,
                                enum by by)
{
    must(w->depth < LIMIT_TERM_DEPTH);
    w->maps += inside == AT_KEY;
    struct frame *f = &w->frames[w->depth++];
    *f = (struct frame){left_a, left_b, 0, inside, by};
    return f;
}

/* How map values and free variables of funs are compared. */
static enum by inner(enum by by)
{
    return by == BY_DETS ? BY_VALUE : by;
}

static void close_frame(struct walk *w)
{
    must(w->depth > 0);
    const struct frame *f = &w->frames[--w->depth];
    w->maps -= f->inside == AT_KEY || f->inside == AT_VALUE;
}

static int enter_tuples(struct walk *w, enum by by)
{
    uint32_t arity_a = etf_tuple(&w->a), arity_b = etf_tuple(&w->b);
    if (arity_a > 0 || arity_b > 0)
        open_frame(w, ELEMENTS, arity_a, arity_b, by);
    return COMPARE(arity_a, arity_b);
}

static int enter_maps(struct walk *w, enum by by)
{
    size_t size_a = etf_map(&w->a), size_b = etf_map(&w->b);
    if (size_a > 0 || size_b > 0)
        open_frame(w, size_a == size_b ? AT_KEY : ELEMENTS, 2 * size_a, 2 * size_b, by);
    return COMPARE(size_a, size_b);
}

static void enter_lists(struct walk *w, enum by by)
{
    size_t elements_a = head_number(w->a.at + 1, 4), elements_b = head_number(w->b.at + 1, 4);
    w->a.at += HEAD_BYTES_COUNTED;
    w->b.at += HEAD_BYTES_COUNTED;
    open_frame(w, LIST, elements_a + 1, elements_b + 1, by);
}

struct fun {
    struct bytes head, module, old_uniq; /* head: everything before the free variables */
    uint64_t index, held;
};

/* Leaves the cursor at the fun's first free variable. */
static struct fun fun_open(struct etf_in *in)
{
    const uint8_t *at = in->at;
    struct fun fun = {.index = head_number(at + HEAD_OF_FUN_INDEX, 4),
                      .held = head_number(at + HEAD_OF_FUN_INDEX + 4, 4)};
    in->at += HEAD_BYTES_FUN;
    fun.module = etf_any(in);
    etf_any(in);
    fun.old_uniq = etf_any(in);
    etf_any(in);
    fun.head = (struct bytes){at, (size_t)(in->at - at)};
    return fun;
}

/* The runtime compares the module, the index, the old uniq and the free variables.  Funs that
 * differ elsewhere are equal, and the same map key; here their bytes then decide. */
static int enter_funs(struct walk *w, enum by by)
{
    struct fun x = fun_open(&w->a), y = fun_open(&w->b);
    int order = compare_atoms(x.module, y.module);
    if (order == 0)
        order = COMPARE(x.index, y.index);
    if (order == 0)
        order = integer_compare(x.old_uniq, y.old_uniq);
    if (order == 0)
        order = COMPARE(x.held, y.held);
    int tie = by == BY_KEY ? bytes_compare(x.head, y.head) : 0;
    if (x.held == 0 && y.held == 0)
        return order != 0 ? order : tie;
    open_frame(w, ELEMENTS, x.held, y.held, inner(by))->noted = tie;
    return order;
}

static int compare_fields(const struct etf_record *x, const struct etf_record *y)
{
    struct etf_in in_x = etf_open(x->fields), in_y = etf_open(y->fields);
    int order = 0;
    for (uint32_t i = 0; i < x->count && order == 0; i++)
        order = compare_atoms(etf_any(&in_x), etf_any(&in_y));
    return order;
}

/* The module, the name, whether it is exported, the number of fields, their names, their values: as
 * OTP 29 sorts them. */
static int enter_records(struct walk *w, enum by by)
{
    struct etf_record x = etf_record(&w->a), y = etf_record(&w->b);
    int order = compare_atoms(x.module, y.module);
    if (order == 0)
        order = compare_atoms(x.name, y.name);
    if (order == 0)
        order = COMPARE(x.exported, y.exported);
    if (order == 0)
        order = COMPARE(x.count, y.count);
    if (order == 0)
        order = compare_fields(&x, &y);
    w->work += (x.fields.len + y.fields.len) * 2;
    if (x.count > 0 || y.count > 0)
        open_frame(w, ELEMENTS, x.count, y.count, by);
    return order;
}

static int compare_leaves(enum rank kind, struct bytes a, struct bytes b, bool exact)
{
    switch (kind) {
    case RANK_NUMBER:
        return compare_numbers(a, b, exact);
    case RANK_ATOM:
        return compare_atoms(a, b);
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

/* Compares the next terms: leaves completely, containers by what their heads tell, with a
 * frame opened for the rest. */
static int enter(struct walk *w, enum by by)
{
    enum rank rank_a = rank(&w->a), rank_b = rank(&w->b);
    if (rank_a == rank_b) {
        if (rank_a == RANK_TUPLE)
            return enter_tuples(w, by);
        if (rank_a == RANK_RECORD)
            return enter_records(w, by);
        if (rank_a == RANK_MAP)
            return enter_maps(w, by);
        if (rank_a == RANK_FUN)
            return enter_funs(w, by);
        if (rank_a == RANK_LIST && *w->a.at == TAG_LIST && *w->b.at == TAG_LIST) {
            enter_lists(w, by);
            return 0;
        }
    }
    struct bytes a = etf_any(&w->a), b = etf_any(&w->b);
    w->work += leaf_work(a, b);
    return rank_a != rank_b ? COMPARE(rank_a, rank_b)
                            : compare_leaves(rank_a, a, b, by != BY_VALUE);
}

/* Compares the next terms of the innermost frame, or closes it. */
static int step(struct walk *w)
{
    struct frame *f = &w->frames[w->depth - 1];
    w->work += WORK_STEP;
    if (f->left_a == 0) {
        int noted = f->noted;
        close_frame(w);
        return noted;
    }
    bool tail_a = f->left_a == 1, tail_b = f->left_b == 1;
    f->left_a--;
    f->left_b--;
    switch (f->inside) {
    case AT_KEY:
        f->inside = AT_VALUE;
        return enter(w, BY_KEY);
    case AT_VALUE:
        f->inside = AT_KEY;
        if (f->noted == 0)
            return enter(w, inner(f->by));
        skip_next(w, &w->a);
        skip_next(w, &w->b);
        return 0;
    case LIST:
        if (tail_a != tail_b) { /* the rest of the longer list is a list */
            int order = tail_a ? COMPARE(rank(&w->a), RANK_LIST) : COMPARE(RANK_LIST, rank(&w->b));
            skip_next(w, &w->a);
            skip_next(w, &w->b);
            return order;
        }
        return enter(w, f->by);
    case ELEMENTS:
        break;
    }
    return enter(w, f->by);
}

/* Propagates a difference outwards: it decides for every enclosing container, up to a map that
 * has it in a value, in whose frame it is noted. */
static int propagate(struct walk *w, int order)
{
    while (w->maps > 0) {
        struct frame *f = &w->frames[w->depth - 1];
        if (f->inside == AT_KEY) {
            f->noted = order;
            return 0;
        }
        for (; f->left_a > 0; f->left_a--)
            skip_next(w, &w->a);
        for (; f->left_b > 0; f->left_b--)
            skip_next(w, &w->b);
        close_frame(w);
    }
    w->depth = 0;
    return order;
}

static int compare(struct bytes a, struct bytes b, enum by by, uint64_t *work)
{
    *work += WORK_COMPARE + (a.len < b.len ? a.len : b.len) / 64;
    if (bytes_equal(a, b))
        return 0;
    struct walk w;
    w.work = 0;
    w.a = etf_open(a);
    w.b = etf_open(b);
    w.depth = w.maps = 0;
    int order = enter(&w, by);
    for (;;) {
        if (order != 0)
            order = propagate(&w, order);
        if (w.depth == 0) {
            *work += w.work;
            return order;
        }
        order = step(&w);
    }
}

int term_compare(struct bytes a, struct bytes b)
{
    uint64_t work = 0;
    return compare(a, b, BY_VALUE, &work);
}

int term_compare_keys(struct bytes a, struct bytes b)
{
    uint64_t work = 0;
    return compare(a, b, BY_KEY, &work);
}

int term_compare_keys_counted(struct bytes a, struct bytes b, uint64_t *work)
{
    return compare(a, b, BY_KEY, work);
}

int term_compare_dets(struct bytes a, struct bytes b)
{
    uint64_t work = 0;
    int order = compare(a, b, BY_DETS, &work);
    return order != 0 ? order : compare(a, b, BY_KEY, &work);
}
