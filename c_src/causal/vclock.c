#include "vclock.h"

#include <stdlib.h>

#include "../mem.h"
#include "../term/etf.h"
#include "../term/order.h"
#include "../term/write.h"
#include "tags.h"

enum err vclock_validate(struct bytes canonical)
{
    struct etf_in in = etf_open(canonical);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    for (uint32_t pairs = etf_map(&in); pairs > 0 && in.err == OK; pairs--) {
        etf_any(&in);
        if (etf_uint64(&in) > VCLOCK_N_MAX)
            etf_fail(&in, ERR_RANGE);
    }
    return etf_finish(&in);
}

/* --- comparing two ---------------------------------------------------------------- */

/* A walk over the pairs of one clock, in the order of their keys. */
struct walk {
    struct etf_in in;
    uint32_t left; /* with the current pair */
    struct bytes actor;
    uint64_t n;
};

static void walk_read(struct walk *w)
{
    if (w->left == 0)
        return;
    w->actor = etf_any(&w->in);
    w->n = etf_uint64(&w->in);
}

static struct walk walk_open(struct bytes clock)
{
    struct walk w = {.in = etf_open(clock)};
    w.left = etf_map(&w.in);
    walk_read(&w);
    return w;
}

static void walk_next(struct walk *w)
{
    w->left--;
    walk_read(w);
}

/* Which of the two has the next actor: below 0 the first, 0 both. */
static int walk_order(const struct walk *a, const struct walk *b)
{
    if (a->left == 0 || b->left == 0)
        return a->left == 0 ? 1 : -1;
    return bytes_equal(a->actor, b->actor) ? 0 : term_compare_keys(a->actor, b->actor);
}

struct vclock_order vclock_compare(struct bytes clock, struct bytes other)
{
    struct walk a = walk_open(clock), b = walk_open(other);
    struct vclock_order order = {true, true};
    /* Ends where what is left of one cannot change anything. */
    while ((a.left > 0 && order.at_most) || (b.left > 0 && order.at_least)) {
        int next = walk_order(&a, &b);
        uint64_t n = next <= 0 ? a.n : 0, m = next >= 0 ? b.n : 0;
        order.at_most &= n <= m;
        order.at_least &= n >= m;
        if (next <= 0)
            walk_next(&a);
        if (next >= 0)
            walk_next(&b);
    }
    return order;
}

/* --- comparing many ------------------------------------------------------------------ */

/* One pair of one clock's map. */
struct entry {
    uint64_t n;
    uint32_t actor, clock;
};

/* Comparing all pairs of clocks actor by actor would let a small message take long.  So 64
 * clocks are compared at once: each clock has a row of bits, one per clock, and each of its
 * entries clears the bits of the clocks that have less. */
struct comparison {
    struct actors actors;
    struct entry *entries;
    size_t len;
    size_t count, words; /* of clocks; of a row */
    uint64_t *rows;      /* row i: the clocks that are at least clock i */
    uint64_t *at_least;  /* scratch row: the clocks at least as large for one actor */
};

static uint64_t *row_of(const struct comparison *c, size_t clock)
{
    return c->rows + clock * c->words;
}

static bool bit_is_set(const uint64_t *row, size_t i)
{
    return (row[i / 64] >> i % 64 & 1) != 0;
}

/* The number of an actor.  It is often the next one after that of the pair before, since the clocks
 * of a register have much the same actors. */
static uint32_t number_of(struct comparison *c, struct bytes actor, uint32_t next)
{
    if (next < actors_count(&c->actors) && bytes_equal(actors_term(&c->actors, next), actor))
        return next;
    return actors_number(&c->actors, actor);
}

static void entries_read(struct comparison *c, uint32_t clock, struct bytes map)
{
    struct etf_in in = etf_open(map);
    uint32_t next = 0;
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct entry entry = {.clock = clock, .actor = number_of(c, etf_any(&in), next)};
        entry.n = etf_uint64(&in);
        c->entries[c->len++] = entry;
        next = entry.actor + 1;
    }
    must(etf_finish(&in) == OK);
}

static size_t entries_in(const struct bytes *clocks, size_t count)
{
    size_t entries = 0;
    for (size_t i = 0; i < count; i++) {
        struct etf_in in = etf_open(clocks[i]);
        entries += etf_map(&in);
    }
    return entries;
}

/* The greatest number first. */
static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->n < y->n) - (x->n > y->n);
}

static bool are_in_order(const struct entry *entries, size_t count)
{
    size_t i = 1;
    while (i < count && entries[i - 1].n >= entries[i].n)
        i++;
    return i >= count;
}

/* Puts the entries of each actor together, in the order of the clocks; ends[i] is where those of
 * actor i end. */
static void sort_by_actor(struct comparison *c, size_t *ends)
{
    size_t actors = actors_count(&c->actors), before = 0;
    struct entry *sorted = mem_take(c->len * sizeof(*sorted));
    for (size_t i = 0; i < c->len; i++)
        ends[c->entries[i].actor]++;
    for (size_t i = 0; i < actors; i++) {
        size_t count = ends[i];
        ends[i] = before;
        before += count;
    }
    for (size_t i = 0; i < c->len; i++)
        sorted[ends[c->entries[i].actor]++] = c->entries[i];
    mem_free(c->entries);
    c->entries = sorted;
}

/* The entries of one actor, greatest first.  An entry of 0 clears nothing. */
static void compare_actor(struct comparison *c, size_t first, size_t end)
{
    for (size_t i = 0; i < c->words; i++)
        c->at_least[i] = 0;
    while (first < end && c->entries[first].n > 0) {
        size_t next = first;
        for (; next < end && c->entries[next].n == c->entries[first].n; next++)
            c->at_least[c->entries[next].clock / 64] |= UINT64_C(1) << c->entries[next].clock % 64;
        for (; first < next; first++) {
            uint64_t *row = row_of(c, c->entries[first].clock);
            for (size_t i = 0; i < c->words; i++)
                row[i] &= c->at_least[i];
        }
    }
}

static bool is_dominated(const struct comparison *c, size_t clock)
{
    for (size_t i = 0; i < c->count; i++) {
        if (bit_is_set(row_of(c, clock), i) && !bit_is_set(row_of(c, i), clock))
            return true;
    }
    return false;
}

void vclocks_compare(const struct bytes *clocks, size_t count, uint64_t seed, bool *dominated,
                     struct buf *greatest)
{
    struct comparison c = {.count = count, .words = (count + 63) / 64};
    must(count <= UINT32_MAX);
    actors_init(&c.actors, seed);
    c.rows = mem_take(count * c.words * sizeof(*c.rows));
    c.at_least = mem_take(c.words * sizeof(*c.at_least));
    c.entries = mem_take(entries_in(clocks, count) * sizeof(*c.entries));
    for (size_t i = 0; i < count; i++)
        entries_read(&c, (uint32_t)i, clocks[i]);
    for (size_t i = 0; i < count * c.words; i++)
        c.rows[i] = UINT64_MAX;
    size_t actors = actors_count(&c.actors), first = 0;
    size_t *ends = mem_take(actors * sizeof(*ends));
    sort_by_actor(&c, ends);
    put_map(greatest, (uint32_t)actors);
    for (uint32_t i = 0; i < actors; first = ends[i++]) {
        struct entry *entries = c.entries + first;
        if (!are_in_order(entries, ends[i] - first))
            qsort(entries, ends[i] - first, sizeof(*entries), entry_order);
        put_term(greatest, actors_term(&c.actors, i));
        put_uint(greatest, entries->n);
        compare_actor(&c, first, ends[i]);
    }
    mem_free(ends);
    for (size_t i = 0; i < count; i++)
        dominated[i] = is_dominated(&c, i);
    actors_free(&c.actors);
    mem_free(c.entries);
    mem_free(c.rows);
    mem_free(c.at_least);
}
