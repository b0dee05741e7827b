#include "vclock.h"

#include <stdlib.h>

#include "../mem.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "tags.h"

enum err vclock_fits(struct bytes canonical)
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

/* --- weighing -------------------------------------------------------------------- */

/* One pair of one clock. */
struct mark {
    uint64_t n;
    uint32_t actor, clock;
};

/* To compare every clock with every other, actor by actor, would let few bytes cost
 * much time.  So it is done for 64 of them at once: a clock has a row of bits, one for
 * each clock, and every pair of it clears those of the clocks that have less. */
struct weighing {
    struct actors actors;
    struct mark *marks;
    size_t len, cap;
    size_t count, words; /* of clocks, and of a row */
    uint64_t *rows;      /* that of clock i: the clocks that have all that it has */
    uint64_t *enough;    /* one row more */
};

static uint64_t *row_of(const struct weighing *w, size_t clock)
{
    return w->rows + clock * w->words;
}

static bool bit_is_set(const uint64_t *row, size_t i)
{
    return (row[i / 64] >> i % 64 & 1) != 0;
}

static void marks_read(struct weighing *w, uint32_t clock, struct bytes map)
{
    struct etf_in in = etf_open(map);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct mark mark = {.clock = clock};
        mark.actor = actors_number(&w->actors, etf_any(&in));
        mark.n = etf_uint64(&in);
        w->marks = mem_room(w->marks, w->len, &w->cap, sizeof(mark));
        w->marks[w->len++] = mark;
    }
    must(etf_finish(&in) == OK);
}

/* By actor, the greatest number first. */
static int mark_order(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->actor != y->actor)
        return x->actor < y->actor ? -1 : 1;
    return (x->n < y->n) - (x->n > y->n);
}

/* The end of the marks that have the actor of the first. */
static size_t end_of_actor(const struct weighing *w, size_t first)
{
    size_t end = first;
    while (end < w->len && w->marks[end].actor == w->marks[first].actor)
        end++;
    return end;
}

/* The marks of one actor, from the greatest down.  Nobody has less than 0. */
static void weigh_actor(struct weighing *w, size_t first, size_t end)
{
    for (size_t i = 0; i < w->words; i++)
        w->enough[i] = 0;
    while (first < end && w->marks[first].n > 0) {
        size_t next = first;
        for (; next < end && w->marks[next].n == w->marks[first].n; next++)
            w->enough[w->marks[next].clock / 64] |= UINT64_C(1) << w->marks[next].clock % 64;
        for (; first < next; first++) {
            uint64_t *row = row_of(w, w->marks[first].clock);
            for (size_t i = 0; i < w->words; i++)
                row[i] &= w->enough[i];
        }
    }
}

static bool is_dominated(const struct weighing *w, size_t clock)
{
    for (size_t i = 0; i < w->count; i++) {
        if (bit_is_set(row_of(w, clock), i) && !bit_is_set(row_of(w, i), clock))
            return true;
    }
    return false;
}

void vclocks_weigh(const struct bytes *clocks, size_t count, uint64_t seed, bool *dominated,
                   struct buf *greatest)
{
    struct weighing w = {.count = count, .words = (count + 63) / 64};
    must(count <= UINT32_MAX);
    actors_init(&w.actors, seed);
    w.rows = mem_take(count * w.words * sizeof(*w.rows));
    w.enough = mem_take(w.words * sizeof(*w.enough));
    for (size_t i = 0; i < count; i++)
        marks_read(&w, (uint32_t)i, clocks[i]);
    for (size_t i = 0; i < count * w.words; i++)
        w.rows[i] = UINT64_MAX;
    if (w.len > 0)
        qsort(w.marks, w.len, sizeof(*w.marks), mark_order);

    put_map(greatest, (uint32_t)actors_count(&w.actors));
    for (size_t first = 0, end; first < w.len; first = end) {
        end = end_of_actor(&w, first);
        put_term(greatest, actors_term(&w.actors, w.marks[first].actor));
        put_uint(greatest, w.marks[first].n);
        weigh_actor(&w, first, end);
    }
    for (size_t i = 0; i < count; i++)
        dominated[i] = is_dominated(&w, i);
    actors_free(&w.actors);
    mem_free(w.marks);
    mem_free(w.rows);
    mem_free(w.enough);
}
