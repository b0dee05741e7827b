#include "order.h"

#include "../limits.h"
#include "head.h"
#include "integer.h"
#include "native_record.h"
#include "order_internal.h"

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
    int order = order_atoms(x.module, y.module);
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
        order = order_atoms(etf_any(&in_x), etf_any(&in_y));
    return order;
}

/* The module, the name, whether it is exported, the number of fields, their names, their values: as
 * OTP 29 sorts them. */
static int enter_records(struct walk *w, enum by by)
{
    struct etf_record x = etf_record(&w->a), y = etf_record(&w->b);
    int order = order_atoms(x.module, y.module);
    if (order == 0)
        order = order_atoms(x.name, y.name);
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

static bool is_small(const uint8_t *at)
{
    return *at == TAG_SMALL_INTEGER || *at == TAG_INTEGER;
}

static int32_t take_small(struct etf_in *in)
{
    bool byte = *in->at == TAG_SMALL_INTEGER;
    int32_t v = byte ? in->at[1] : (int32_t)head_number(in->at + 1, 4);
    in->at += byte ? 2 : 5;
    return v;
}

/* Integers of 32 bits are most of what there is. */
static int enter_small(struct walk *w)
{
    int32_t a = take_small(&w->a), b = take_small(&w->b);
    return COMPARE(a, b);
}

/* Compares the next terms: leaves completely, containers by what their heads tell, with a
 * frame opened for the rest. */
static int enter(struct walk *w, enum by by)
{
    if (is_small(w->a.at) && is_small(w->b.at))
        return enter_small(w);
    enum rank rank_a = order_rank(&w->a), rank_b = order_rank(&w->b);
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
    return rank_a != rank_b ? COMPARE(rank_a, rank_b) : order_leaves(rank_a, a, b, by != BY_VALUE);
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
            int order = tail_a ? COMPARE(order_rank(&w->a), RANK_LIST)
                               : COMPARE(RANK_LIST, order_rank(&w->b));
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
