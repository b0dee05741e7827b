#include "counts.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/integer.h"
#include "../term/order.h"
#include "../term/write.h"

struct count {
    struct term actor, count;
    bool changed; /* here, since the last reset */
};

void counts_free(struct counts *c)
{
    for (size_t i = 0; i < c->len; i++) {
        term_free(&c->list[i].actor);
        term_free(&c->list[i].count);
    }
    mem_free(c->list);
    *c = (struct counts){0};
}

/* The first entry from `from` on whose actor is not below this one. */
static size_t place_of(const struct counts *c, size_t from, struct bytes actor)
{
    size_t low = from, high = c->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (term_compare_keys(term_bytes(&c->list[middle].actor), actor) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct counts *c, size_t i, struct bytes actor)
{
    return i < c->len && bytes_equal(term_bytes(&c->list[i].actor), actor);
}

static void entry_mark(struct counts *c, size_t i)
{
    c->changed += !c->list[i].changed;
    c->list[i].changed = true;
}

static void entry_set(struct counts *c, size_t i, struct bytes count)
{
    term_free(&c->list[i].count);
    c->list[i].count = term_copy(count);
}

/* Appends an entry, which the caller knows to belong at the end. */
static void entry_append(struct counts *c, struct bytes actor, struct bytes count)
{
    c->list = mem_room(c->list, c->len, &c->cap, sizeof(*c->list));
    c->list[c->len++] = (struct count){term_copy(actor), term_copy(count), false};
}

/* Moves the entries of more, of which c has none, to their places: from the
 * back, so that every entry moves once.  Empties more. */
static void weave(struct counts *c, struct counts *more)
{
    size_t left = c->len, to = c->len + more->len;
    if (to > c->cap) {
        c->cap = to > 2 * c->cap ? to : 2 * c->cap;
        c->list = mem_resize(c->list, c->cap * sizeof(*c->list));
    }
    c->len = to;
    while (more->len > 0) {
        const struct count *last = &more->list[more->len - 1];
        if (left > 0 &&
            term_compare_keys(term_bytes(&c->list[left - 1].actor), term_bytes(&last->actor)) > 0)
            c->list[--to] = c->list[--left];
        else
            c->list[--to] = more->list[--more->len];
    }
    c->changed += more->changed;
    more->changed = 0;
    counts_free(more);
}

/* --- sums ---------------------------------------------------------------- */

static const struct bytes zero = {(const uint8_t[]){97, 0}, 2};
static const struct bytes one = {(const uint8_t[]){97, 1}, 2};

/* What fits a machine word is added there: a million counts beside a huge one
 * cost a million machine additions, not a million long ones. */
struct sum {
    uint64_t small;
    struct buf big, next; /* big is a term, empty for 0 */
};

static enum err sum_add_big(struct sum *s, struct bytes amount)
{
    buf_clear(&s->next);
    enum err e = integer_add(&s->next, s->big.len > 0 ? buf_bytes(&s->big) : zero, amount);
    if (e != OK)
        return e;
    struct buf spare = s->big;
    s->big = s->next;
    s->next = spare;
    return OK;
}

static enum err sum_carry(struct sum *s)
{
    struct buf term = {0};
    put_uint(&term, s->small);
    s->small = 0;
    enum err e = sum_add_big(s, buf_bytes(&term));
    buf_free(&term);
    return e;
}

static enum err sum_add(struct sum *s, struct bytes amount)
{
    struct etf_in in = etf_open(amount);
    uint64_t small = etf_uint64(&in);
    if (in.err != OK)
        return sum_add_big(s, amount);
    enum err e = small > UINT64_MAX - s->small ? sum_carry(s) : OK;
    s->small += small;
    return e;
}

static void sum_free(struct sum *s)
{
    buf_free(&s->big);
    buf_free(&s->next);
}

/* --- mutations ----------------------------------------------------------- */

static bool is_count(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_INTEGER && integer_sign(term) >= 0;
}

static bool amount_read(const struct op *op, struct bytes *amount)
{
    *amount = op->arity == 0 ? one : op->args[0];
    return op->arity <= 1 && is_count(*amount);
}

enum err counts_tally(const struct counts *c, struct bytes actor, const char *name,
                      const struct op *ops, size_t count, struct buf *sum, size_t *bad)
{
    struct sum total = {0};
    size_t at = place_of(c, 0, actor), last = 0;
    enum err e = is_at(c, at, actor) ? sum_add(&total, term_bytes(&c->list[at].count)) : OK;
    for (size_t i = 0; i < count && e == OK; i++) {
        struct bytes amount;
        if (!bytes_equal(ops[i].name, bytes_of(name)))
            continue;
        last = i;
        e = amount_read(&ops[i], &amount) ? sum_add(&total, amount) : ERR_BAD_OP;
    }
    if (e == OK)
        e = sum_carry(&total);
    if (e == OK && total.big.len > LIMIT_COUNT_BYTES)
        e = ERR_LIMIT;
    if (e == OK)
        buf_put(sum, buf_bytes(&total.big));
    else
        *bad = last;
    sum_free(&total);
    return e;
}

void counts_raise(struct counts *c, struct bytes actor, struct bytes count)
{
    must(is_count(count) && count.len <= LIMIT_COUNT_BYTES);
    size_t at = place_of(c, 0, actor);
    bool known = is_at(c, at, actor);
    int order = integer_compare(count, known ? term_bytes(&c->list[at].count) : zero);
    must(order >= 0);
    if (order == 0)
        return;
    if (known) {
        entry_set(c, at, count);
    } else {
        struct counts fresh = {0};
        entry_append(&fresh, actor, count);
        weave(c, &fresh);
    }
    entry_mark(c, at);
}

/* --- joins --------------------------------------------------------------- */

static enum err canonical_check(struct bytes map)
{
    struct etf_in in = etf_open(map);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        etf_any(&in);
        enum etf_kind kind = etf_peek(&in);
        struct bytes count = etf_any(&in);
        if (kind != ETF_INTEGER)
            return ERR_SHAPE;
        if (integer_sign(count) < 0)
            return ERR_RANGE;
        if (count.len > LIMIT_COUNT_BYTES)
            return ERR_LIMIT;
    }
    return etf_finish(&in);
}

enum err counts_read(struct buf *out, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    size_t before = out->len;
    enum err e = canon_put(out, checked);
    if (e == OK)
        e = canonical_check((struct bytes){out->at + before, out->len - before});
    if (e != OK)
        out->len = before;
    return e;
}

/* Raises the entry at i; false when it has already seen that much. */
static bool entry_join(struct counts *c, size_t i, struct bytes count, bool ours)
{
    if (integer_compare(count, term_bytes(&c->list[i].count)) <= 0)
        return false;
    entry_set(c, i, count);
    if (ours)
        entry_mark(c, i);
    return true;
}

bool counts_join(struct counts *c, struct bytes canonical, struct bytes own, bool local)
{
    struct counts fresh = {0};
    bool grew = false;
    size_t at = 0;
    struct etf_in in = etf_open(canonical);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct bytes actor = etf_any(&in), count = etf_any(&in);
        bool ours = local || bytes_equal(actor, own);
        at = place_of(c, at, actor);
        if (is_at(c, at, actor)) {
            grew |= entry_join(c, at, count, ours);
        } else {
            entry_append(&fresh, actor, count);
            if (ours)
                entry_mark(&fresh, fresh.len - 1);
        }
    }
    must(etf_finish(&in) == OK);
    grew |= fresh.len > 0;
    weave(c, &fresh);
    return grew;
}

/* --- what is read from them ---------------------------------------------- */

void counts_put(const struct counts *c, struct buf *out)
{
    put_map(out, (uint32_t)c->len);
    for (size_t i = 0; i < c->len; i++) {
        put_term(out, term_bytes(&c->list[i].actor));
        put_term(out, term_bytes(&c->list[i].count));
    }
}

void counts_put_changed(const struct counts *c, struct buf *out)
{
    put_map(out, (uint32_t)c->changed);
    for (size_t i = 0; i < c->len; i++) {
        if (!c->list[i].changed)
            continue;
        put_term(out, term_bytes(&c->list[i].actor));
        put_term(out, term_bytes(&c->list[i].count));
    }
}

bool counts_changed(const struct counts *c)
{
    return c->changed > 0;
}

void counts_reset(struct counts *c)
{
    for (size_t i = 0; i < c->len && c->changed > 0; i++) {
        c->changed -= c->list[i].changed;
        c->list[i].changed = false;
    }
    must(c->changed == 0);
}

/* LIMIT_COUNT_BYTES keeps the sum of as many counts as memory holds within
 * what integer_add() accepts. */
void counts_sum(const struct counts *c, struct buf *out)
{
    struct sum total = {0};
    for (size_t i = 0; i < c->len; i++)
        must(sum_add(&total, term_bytes(&c->list[i].count)) == OK);
    must(sum_carry(&total) == OK);
    put_term(out, buf_bytes(&total.big));
    sum_free(&total);
}

void counts_check(const struct counts *c)
{
    size_t changed = 0;
    for (size_t i = 0; i < c->len; i++) {
        const struct count *e = &c->list[i];
        must(is_count(term_bytes(&e->count)));
        must(e->count.len <= LIMIT_COUNT_BYTES);
        if (i > 0)
            must(term_compare_keys(term_bytes(&c->list[i - 1].actor), term_bytes(&e->actor)) < 0);
        changed += e->changed;
    }
    must(changed == c->changed);
}
