#include "counts.h"

#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../sorted.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/integer.h"
#include "../term/order.h"
#include "../term/sum.h"
#include "../term/write.h"
#include "tags.h"

struct count {
    struct term actor, count;
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

static int compare_actor(const void *element, const void *key)
{
    const struct count *count = element;
    const struct bytes *actor = key;
    return term_compare_keys(term_bytes(&count->actor), *actor);
}

/* The first entry at or after `from` whose actor is not below this one. */
static size_t place_of(const struct counts *c, size_t from, struct bytes actor)
{
    if (from == c->len)
        return from;
    return from +
           sorted_place(c->list + from, c->len - from, sizeof(*c->list), &actor, compare_actor);
}

static bool is_at(const struct counts *c, size_t i, struct bytes actor)
{
    return i < c->len && bytes_equal(term_bytes(&c->list[i].actor), actor);
}

static void entry_set(struct counts *c, size_t i, struct bytes count)
{
    struct term *old = &c->list[i].count;
    if (old->len == count.len) {
        memcpy(old->at, count.at, count.len);
        return;
    }
    term_free(old);
    *old = term_copy(count);
}

/* Appends an entry; the caller knows that it belongs at the end. */
static void entry_append(struct counts *c, struct bytes actor, struct bytes count)
{
    c->list = mem_room(c->list, c->len, &c->cap, sizeof(*c->list));
    c->list[c->len++] = (struct count){term_copy(actor), term_copy(count)};
}

/* Merges the entries of more, none of which c has, from the back, so that each entry moves
 * once.  What lies between two of them is found by its ends, not compared: a small delta among
 * many actors would compare all.  Empties more. */
static void merge_sorted(struct counts *c, struct counts *more)
{
    struct counts before = {.list = c->list, .len = c->len};
    size_t to = c->len + more->len;
    for (size_t i = 0; c->watch != NULL && i < more->len; i++)
        c->watch->told(c->watch, term_bytes(&more->list[i].actor), true);
    if (to > c->cap) {
        c->cap = to > 2 * c->cap ? to : 2 * c->cap;
        before.list = c->list = mem_resize(c->list, c->cap * sizeof(*c->list));
    }
    c->len = to;
    while (more->len > 0) {
        struct count last = more->list[--more->len];
        size_t place = place_of(&before, 0, term_bytes(&last.actor)), moved = before.len - place;
        to -= moved;
        memmove(c->list + to, before.list + place, moved * sizeof(*c->list));
        before.len = place;
        c->list[--to] = last;
    }
    counts_free(more);
}

static const struct bytes zero = {(const uint8_t[]){97, 0}, 2};

/* --- changes ------------------------------------------------------------- */

bool counts_is_count(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_INTEGER && integer_sign(term) >= 0;
}

bool counts_have(const struct counts *c, struct bytes actor)
{
    return is_at(c, place_of(c, 0, actor), actor);
}

struct bytes counts_of(const struct counts *c, struct bytes actor)
{
    size_t at = place_of(c, 0, actor);
    return is_at(c, at, actor) ? term_bytes(&c->list[at].count) : zero;
}

void counts_raise(struct counts *c, struct bytes actor, struct bytes count, struct counts *delta)
{
    must(counts_is_count(count) && count.len <= LIMIT_COUNT_BYTES);
    size_t at = place_of(c, 0, actor);
    bool known = is_at(c, at, actor);
    if (integer_compare(count, known ? term_bytes(&c->list[at].count) : zero) <= 0)
        return;
    if (known) {
        entry_set(c, at, count);
    } else {
        struct counts fresh = {0};
        entry_append(&fresh, actor, count);
        merge_sorted(c, &fresh);
    }
    if (delta != NULL)
        counts_raise(delta, actor, count, NULL);
}

/* --- joins --------------------------------------------------------------- */

static enum err validate_canonical(struct bytes map)
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

/* A map may have many counters that nobody has incremented yet: an empty map is not copied. */
static enum err read_map(struct buf *scratch, struct bytes checked, struct bytes *canonical)
{
    struct etf_in in = etf_open(checked);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    *canonical = checked;
    if (etf_map(&in) == 0)
        return OK;
    enum err e = canon_put(scratch, checked);
    *canonical = buf_bytes(scratch);
    return e == OK ? validate_canonical(*canonical) : e;
}

enum err counts_validate(struct bytes checked)
{
    struct buf scratch = {0};
    struct bytes canonical;
    enum err e = read_map(&scratch, checked, &canonical);
    buf_free(&scratch);
    return e;
}

/* Joins entries in key order; those that grew are appended to raised (may be NULL). */
static void join_canonical(struct counts *c, struct bytes canonical, struct counts *raised)
{
    struct counts fresh = {0};
    size_t at = 0;
    struct etf_in in = etf_open(canonical);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct bytes actor = etf_any(&in), count = etf_any(&in);
        at = place_of(c, at, actor);
        if (!is_at(c, at, actor))
            entry_append(&fresh, actor, count);
        else if (integer_compare(count, term_bytes(&c->list[at].count)) > 0)
            entry_set(c, at, count);
        else
            continue;
        if (raised != NULL)
            entry_append(raised, actor, count);
    }
    must(etf_finish(&in) == OK);
    merge_sorted(c, &fresh);
}

bool counts_join(struct counts *c, struct bytes valid, struct counts *delta)
{
    struct buf scratch = {0};
    struct bytes canonical;
    struct counts raised = {0};
    enum err e = read_map(&scratch, valid, &canonical);
    must(e == OK);
    join_canonical(c, canonical, &raised);
    bool grew = raised.len > 0;
    if (grew && delta != NULL) {
        buf_clear(&scratch);
        counts_put(&raised, PART_WHOLE, &scratch);
        join_canonical(delta, buf_bytes(&scratch), NULL);
    }
    counts_free(&raised);
    buf_free(&scratch);
    return grew;
}

/* --- reading ------------------------------------------------------------- */

void counts_put(const struct counts *c, struct part part, struct buf *out)
{
    uint32_t count = 0;
    put_map(out, 0);
    size_t first = out->len;
    for (size_t i = 0; i < c->len; i++) {
        struct bytes actor = term_bytes(&c->list[i].actor);
        if (!part_has_bytes(part, actor))
            continue;
        put_term(out, actor);
        put_term(out, term_bytes(&c->list[i].count));
        count++;
    }
    put_map_count(out, first, count);
}

void counts_digest(const struct counts *c, const struct digests *d, unsigned field)
{
    for (size_t i = 0; i < c->len; i++) {
        uint64_t key = digest_bytes(d->salt, term_bytes(&c->list[i].actor));
        digests_add(d, field, key, digest_bytes(key, term_bytes(&c->list[i].count)));
    }
}

void counts_actors(const struct counts *c, struct actors *seen)
{
    for (size_t i = 0; i < c->len; i++)
        actors_number(seen, term_bytes(&c->list[i].actor));
}

/* LIMIT_COUNT_BYTES keeps the sum of as many counts as fit in memory within the limits of
 * integer_add(). */
void counts_sum(const struct counts *c, struct buf *out)
{
    struct sum total = {0};
    for (size_t i = 0; i < c->len; i++)
        must(sum_add(&total, term_bytes(&c->list[i].count)) == OK);
    must(sum_put(&total, out) == OK);
    sum_free(&total);
}

void counts_check(const struct counts *c)
{
    for (size_t i = 0; i < c->len; i++) {
        const struct count *e = &c->list[i];
        must(counts_is_count(term_bytes(&e->count)));
        must(e->count.len <= LIMIT_COUNT_BYTES);
        if (i > 0)
            must(term_compare_keys(term_bytes(&c->list[i - 1].actor), term_bytes(&e->actor)) < 0);
    }
}
