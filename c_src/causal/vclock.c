#include "vclock.h"

#include <stdlib.h>

#include "../mem.h"
#include "../term/etf.h"
#include "../term/write.h"

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

/* --- in memory -------------------------------------------------------------------- */

/* The number of an actor.  It is often the next one after that of the pair before, since the clocks
 * of a register have much the same actors. */
static uint32_t number_of(struct actors *actors, struct bytes actor, uint32_t next)
{
    if (next < actors_count(actors) && bytes_equal(actors_term(actors, next), actor))
        return next;
    return actors_number(actors, actor);
}

struct vclock vclock_read(struct bytes valid, struct actors *actors)
{
    struct etf_in in = etf_open(valid);
    uint32_t pairs = etf_map(&in), next = 0;
    struct vclock v = {.list = mem_take(pairs * sizeof(*v.list))};
    for (uint32_t left = pairs; left > 0; left--) {
        uint32_t actor = number_of(actors, etf_any(&in), next);
        uint64_t n = etf_uint64(&in);
        if (n > 0)
            v.list[v.len++] = (struct tag){n, actor};
        next = actor + 1;
    }
    must(etf_finish(&in) == OK);
    if (v.len < pairs)
        v.list = mem_resize(v.list, v.len * sizeof(*v.list));
    return v;
}

void vclock_free(struct vclock *v)
{
    mem_free(v->list);
    *v = (struct vclock){0};
}

void vclock_check(const struct vclock *v, struct bytes valid, const struct actors *actors)
{
    struct etf_in in = etf_open(valid);
    size_t at = 0;
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        uint32_t actor;
        bool known = actors_find(actors, etf_any(&in), &actor);
        uint64_t n = etf_uint64(&in);
        must(known);
        if (n == 0)
            continue;
        must(at < v->len && tag_equal(v->list[at], (struct tag){n, actor}));
        at++;
    }
    must(etf_finish(&in) == OK && at == v->len);
}

void vclocks_greatest(const struct vclocks *v, struct buf *greatest)
{
    size_t actors = actors_count(v->actors);
    uint64_t *most = mem_take(actors * sizeof(*most));
    for (size_t i = 0; i < v->count; i++) {
        const struct vclock *clock = &v->list[i];
        for (size_t k = 0; v->fresh[i] && k < clock->len; k++) {
            struct tag entry = clock->list[k];
            most[entry.actor] = entry.n > most[entry.actor] ? entry.n : most[entry.actor];
        }
    }
    put_map(greatest, (uint32_t)actors);
    for (uint32_t i = 0; i < actors; i++) {
        put_term(greatest, actors_term(v->actors, i));
        put_uint(greatest, most[i]);
    }
    mem_free(most);
}

/* --- a few fresh ones --------------------------------------------------------------- */

/* How another clock compares with one. */
struct difference {
    bool more, less; /* it has more for an actor; it has less for one */
};

/* Entries from one look at what is known to the next. */
#define BLOCK 64

/* of: the one clock, spread over an array by actor; len: its entries.  Ends where neither can
 * dominate the other any more.  Differences of counts below 2^63 have their sign in the top bit. */
static struct difference differ(const uint64_t *of, size_t len, const struct vclock *other)
{
    struct difference d = {.more = other->len > len, .less = other->len < len};
    size_t common = 0;
    for (size_t i = 0; i < other->len && !(d.more && d.less);) {
        size_t end = other->len - i > BLOCK ? i + BLOCK : other->len;
        uint64_t more = 0, less = 0;
        for (; i < end; i++) {
            struct tag entry = other->list[i];
            uint64_t n = of[entry.actor];
            more |= n - entry.n;
            less |= entry.n - n;
            common += n > 0;
        }
        d.more |= more >> 63;
        /* What is left cannot have all the actors that have not been met. */
        d.less |= less >> 63 || common + (other->len - i) < len;
    }
    return d;
}

static void spread(const struct vclock *clock, uint64_t *of, bool there)
{
    for (size_t i = 0; i < clock->len; i++)
        of[clock->list[i].actor] = there ? clock->list[i].n : 0;
}

/* Compares some fresh clocks with all.  of: zeros, and again after it; as many for each as there
 * are actors.  The others come from memory once, not once for each fresh one. */
static void compare_with_all(const struct vclocks *v, const size_t *fresh, size_t count,
                             uint64_t *of, bool *dominated)
{
    size_t actors = actors_count(v->actors);
    for (size_t k = 0; k < count; k++)
        spread(&v->list[fresh[k]], of + k * actors, true);
    for (size_t i = 0; i < v->count; i++)
        for (size_t k = 0; k < count; k++) {
            struct difference d = differ(of + k * actors, v->list[fresh[k]].len, &v->list[i]);
            dominated[fresh[k]] |= d.more && !d.less;
            dominated[i] |= d.less && !d.more;
        }
    for (size_t k = 0; k < count; k++)
        spread(&v->list[fresh[k]], of + k * actors, false);
}

/* Up to so many fresh clocks are compared so. */
#define FEW 12
/* So many numbers are spread, 8 MB, or those of one clock. */
#define SPREAD_MAX (1u << 20)

static void compare_few(const struct vclocks *v, bool *dominated)
{
    size_t actors = actors_count(v->actors), fit = SPREAD_MAX / (actors + 1);
    size_t at_once = fit < 1 ? 1 : fit > FEW ? FEW : fit;
    size_t fresh[FEW], len = 0;
    for (size_t i = 0; i < v->count; i++)
        if (v->fresh[i])
            fresh[len++] = i;
    at_once = at_once > len ? len : at_once;
    uint64_t *of = mem_take(at_once * actors * sizeof(*of));
    for (size_t first = 0; first < len; first += at_once) {
        size_t count = len - first > at_once ? at_once : len - first;
        compare_with_all(v, fresh + first, count, of, dominated);
    }
    mem_free(of);
}

/* --- many fresh ones ------------------------------------------------------------------ */

/* One entry of those of an actor.  Packed: 12 bytes instead of 16. */
struct __attribute__((packed, aligned(4))) entry {
    uint64_t n;
    uint32_t clock;
};

/* Comparing all pairs of clocks actor by actor would let a small message take long.  So 64
 * clocks are compared at once: each clock has a row of bits, one per clock, and each of its
 * entries clears the bits of the clocks that have less.
 *
 * Only the actors of the fresh clocks are looked at.  A clock that has another one is dominated by
 * no fresh one. */
struct comparison {
    const struct vclocks *clocks;
    bool *named;           /* by actor: a fresh clock has it */
    struct entry *entries; /* of these actors, one after the other */
    size_t *ends;          /* where those of each actor end */
    size_t words;          /* of a row */
    uint64_t *rows;        /* row i: the clocks that are at least clock i */
    uint64_t *at_least;    /* scratch row: the clocks at least as large for one actor */
};

static uint64_t *row_of(const struct comparison *c, size_t clock)
{
    return c->rows + clock * c->words;
}

static bool bit_is_set(const uint64_t *row, size_t i)
{
    return (row[i / 64] >> i % 64 & 1) != 0;
}

static void fill_row(const struct comparison *c, size_t clock, uint64_t word)
{
    for (size_t i = 0; i < c->words; i++)
        row_of(c, clock)[i] = word;
}

static void name_actors(struct comparison *c)
{
    for (size_t i = 0; i < c->clocks->count; i++) {
        const struct vclock *clock = &c->clocks->list[i];
        for (size_t k = 0; c->clocks->fresh[i] && k < clock->len; k++)
            c->named[clock->list[k].actor] = true;
    }
}

/* Counts the entries of each named actor; the rows begin here. */
static size_t count_entries(struct comparison *c)
{
    size_t all = 0;
    for (size_t i = 0; i < c->clocks->count; i++) {
        const struct vclock *clock = &c->clocks->list[i];
        size_t named = 0;
        for (size_t k = 0; k < clock->len; k++) {
            bool is = c->named[clock->list[k].actor];
            c->ends[clock->list[k].actor] += is;
            named += is;
        }
        fill_row(c, i, named == clock->len ? UINT64_MAX : 0);
        all += named;
    }
    return all;
}

/* Puts the entries of each named actor together, in the order of the clocks. */
static void sort_by_actor(struct comparison *c)
{
    size_t actors = actors_count(c->clocks->actors), before = 0;
    c->entries = mem_take(count_entries(c) * sizeof(*c->entries));
    for (size_t i = 0; i < actors; i++) {
        size_t count = c->ends[i];
        c->ends[i] = before;
        before += count;
    }
    for (uint32_t i = 0; i < c->clocks->count; i++) {
        const struct vclock *clock = &c->clocks->list[i];
        for (size_t k = 0; k < clock->len; k++)
            if (c->named[clock->list[k].actor])
                c->entries[c->ends[clock->list[k].actor]++] = (struct entry){clock->list[k].n, i};
    }
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

/* The entries of one actor, greatest first. */
static void compare_actor(struct comparison *c, size_t first, size_t end)
{
    for (size_t i = 0; i < c->words; i++)
        c->at_least[i] = 0;
    while (first < end) {
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

static void compare_actors(struct comparison *c)
{
    size_t actors = actors_count(c->clocks->actors), first = 0;
    for (size_t i = 0; i < actors; first = c->ends[i++]) {
        struct entry *entries = c->entries + first;
        size_t count = c->ends[i] - first;
        if (!are_in_order(entries, count))
            qsort(entries, count, sizeof(*entries), entry_order);
        compare_actor(c, first, c->ends[i]);
    }
}

static bool is_dominated(const struct comparison *c, size_t clock)
{
    for (size_t i = 0; i < c->clocks->count; i++) {
        if (bit_is_set(row_of(c, clock), i) && !bit_is_set(row_of(c, i), clock))
            return true;
    }
    return false;
}

static void compare_many(const struct vclocks *v, bool *dominated)
{
    struct comparison c = {.clocks = v, .words = (v->count + 63) / 64};
    size_t actors = actors_count(v->actors);
    must(v->count <= UINT32_MAX);
    c.named = mem_take(actors * sizeof(*c.named));
    c.ends = mem_take(actors * sizeof(*c.ends));
    c.rows = mem_take(v->count * c.words * sizeof(*c.rows));
    c.at_least = mem_take(c.words * sizeof(*c.at_least));
    name_actors(&c);
    sort_by_actor(&c);
    compare_actors(&c);
    for (size_t i = 0; i < v->count; i++)
        dominated[i] = is_dominated(&c, i);
    mem_free(c.named);
    mem_free(c.ends);
    mem_free(c.entries);
    mem_free(c.rows);
    mem_free(c.at_least);
}

/* --- either --------------------------------------------------------------------------- */

void vclocks_compare(const struct vclocks *v, bool *dominated)
{
    size_t fresh = 0;
    for (size_t i = 0; i < v->count; i++) {
        dominated[i] = false;
        fresh += v->fresh[i];
    }
    if (fresh <= FEW)
        compare_few(v, dominated);
    else
        compare_many(v, dominated);
}
