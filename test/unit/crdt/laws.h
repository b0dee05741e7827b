/* What every type must obey, whatever it is: for the suites of the types.
 *
 * States are written as operations by an actor, in Erlang syntax. */
#ifndef COPPICE_TEST_CRDT_LAWS_H
#define COPPICE_TEST_CRDT_LAWS_H

#include <stdio.h>
#include <string.h>

#include "crdt/crdt.h"
#include "err.h"
#include "term/canon.h"
#include "term/etf.h"
#include "unit/suite.h"

#define LAWS_STATES_MAX 8

struct made {
    const char *actor, *ops;
};

static inline enum err mutate(struct crdt *c, const char *text, size_t *bad)
{
    struct ops ops;
    struct bytes wrong;
    *bad = SIZE_MAX;
    enum err e = ops_read(&ops, wall(term_of(text)), &wrong);
    if (e != OK)
        return e;
    e = crdt_mutate(c, ops.list, ops.count, bad);
    ops_free(&ops);
    crdt_check(c);
    return e;
}

static inline struct crdt *make(const struct crdt_type *type, const char *actor, const char *ops)
{
    struct crdt *c = crdt_make(type, term_of(actor));
    size_t bad;
    CU_ASSERT(mutate(c, ops, &bad) == OK);
    return c;
}

typedef void put_function(const struct crdt *c, struct buf *out);

/* What put appends must be one canonical term and nothing else. */
static inline struct buf put(const struct crdt *c, put_function *function)
{
    struct buf out = {0}, canonical = {0};
    size_t len = 0;
    function(c, &out);
    CU_ASSERT(etf_check(wall(buf_bytes(&out)), &len) == OK && len == out.len);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&out)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&canonical), buf_bytes(&out)));
    buf_free(&canonical);
    return out;
}

static inline void is(const struct crdt *c, put_function *function, const char *wanted)
{
    struct buf out = put(c, function);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
}

/* Joins what put appends of the other. */
static inline bool join(struct crdt *c, const struct crdt *other, put_function *function)
{
    struct buf out = put(other, function);
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(buf_bytes(&out)), ORIGIN_PEER, &changed) == OK);
    crdt_check(c);
    buf_free(&out);
    return changed;
}

/* The struct names the actor, which a join leaves alone: so states are compared
 * as an actor of its own sees them. */
static inline struct buf seen(const struct crdt *const *states, size_t count)
{
    struct crdt *eye = crdt_make(states[0]->type, term_of("eye"));
    for (size_t i = 0; i < count; i++)
        join(eye, states[i], crdt_state);
    struct buf out = put(eye, crdt_state);
    crdt_free(eye);
    return out;
}

static inline bool same(struct buf a, struct buf b)
{
    bool equal = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    buf_free(&a);
    buf_free(&b);
    return equal;
}

/* (a b) c: joins b into a copy of a, then c. */
static inline struct buf nested(const struct crdt *a, const struct crdt *b, const struct crdt *c)
{
    struct crdt *inner = crdt_make(a->type, term_of("inner"));
    join(inner, a, crdt_state);
    join(inner, b, crdt_state);
    struct buf out = seen((const struct crdt *const[]){inner, c}, 2);
    crdt_free(inner);
    return out;
}

static inline void joins_lawfully(const struct crdt_type *type, const struct made *made, size_t n)
{
    struct crdt *s[LAWS_STATES_MAX];
    must(n <= LAWS_STATES_MAX);
    for (size_t i = 0; i < n; i++)
        s[i] = make(type, made[i].actor, made[i].ops);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT(!join(s[i], s[i], crdt_state));
        for (size_t j = 0; j < n; j++) {
            const struct crdt *ij[] = {s[i], s[j]}, *ji[] = {s[j], s[i]},
                              *ijj[] = {s[i], s[j], s[j]};
            CU_ASSERT(same(seen(ij, 2), seen(ji, 2)));
            CU_ASSERT(same(seen(ij, 2), seen(ijj, 3)));
            for (size_t k = 0; k < n; k++)
                CU_ASSERT(same(nested(s[i], s[j], s[k]), nested(s[j], s[k], s[i])));
        }
    }
    for (size_t i = 0; i < n; i++)
        crdt_free(s[i]);
}

/* The old state joined with the delta is the new state; then nothing is left. */
static inline void delta_carries(const struct crdt_type *type, const char *before,
                                 const char *after)
{
    struct crdt *c = make(type, "a", before);
    crdt_reset(c);
    CU_ASSERT(!crdt_dirty(c));
    struct crdt *peer = crdt_make(type, term_of("b"));
    join(peer, c, crdt_state);
    size_t bad;
    CU_ASSERT(mutate(c, after, &bad) == OK);
    CU_ASSERT(crdt_dirty(c));
    CU_ASSERT(join(peer, c, crdt_delta));
    CU_ASSERT(!crdt_dirty(peer));
    CU_ASSERT(same(seen((const struct crdt *const[]){peer}, 1),
                   seen((const struct crdt *const[]){c}, 1)));
    crdt_reset(c);
    CU_ASSERT(!join(peer, c, crdt_delta));
    crdt_free(peer);
    crdt_free(c);
}

/* Merging ends in this error and leaves state and delta as they were. */
static inline void refuses(struct crdt *c, struct bytes given, enum err wanted)
{
    struct buf state = put(c, crdt_state), delta = put(c, crdt_delta);
    bool changed = true;
    enum err e = crdt_merge(c, wall(given), ORIGIN_LOCAL, &changed);
    CU_ASSERT(e == wanted);
    if (e != wanted)
        fprintf(stderr, "\ngot: %s\n", err_text(e));
    CU_ASSERT(!changed);
    crdt_check(c);
    CU_ASSERT(same(state, put(c, crdt_state)));
    CU_ASSERT(same(delta, put(c, crdt_delta)));
}

/* No prefix gets past the door; what does with one byte replaced is taken or
 * refused, and a refusal changes nothing. */
static inline void survives_damage(struct crdt *c, struct bytes whole)
{
    size_t len;
    for (size_t cut = 0; cut < whole.len; cut++)
        CU_ASSERT(etf_check(wall((struct bytes){whole.at, cut}), &len) != OK);
    struct buf copy = {0};
    for (size_t i = 0; i < whole.len * 8; i++) {
        bool changed;
        buf_clear(&copy);
        buf_put(&copy, whole);
        copy.at[i / 8] ^= (uint8_t)(1 << i % 8);
        struct bytes damaged = wall(buf_bytes(&copy));
        if (etf_check(damaged, &len) != OK || len != damaged.len)
            continue;
        struct buf before = put(c, crdt_state);
        bool taken = crdt_merge(c, damaged, ORIGIN_PEER, &changed) == OK;
        crdt_check(c);
        CU_ASSERT(same(before, put(c, crdt_state)) == !(taken && changed));
    }
    buf_free(&copy);
}

/* The structs of counters.etf that are of this type: each is taken, is worth
 * what Grove says, and is written as Grove writes it once its delta is gone. */
static inline size_t agrees_with_grove(const struct crdt_type *type)
{
    struct bytes file = vector("crdt/counters.etf");
    struct etf_in in = etf_open((struct bytes){file.at + 1, file.len - 1});
    struct bytes entry;
    size_t agreed = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &entry);) {
        struct etf_in at = etf_open(entry);
        etf_tuple_of(&at, 4);
        etf_any(&at);
        struct bytes given = etf_any(&at);
        struct term reset, value, actor;
        CU_ASSERT(canon_copy(&reset, etf_any(&at)) == OK);
        CU_ASSERT(canon_copy(&value, etf_any(&at)) == OK);
        struct etf_in fields = etf_open(term_bytes(&reset));
        etf_map(&fields);
        for (int i = 0; i < 3; i++) /* __struct__, its value, actor */
            etf_any(&fields);
        actor = term_copy(etf_any(&fields));
        struct crdt *c = crdt_make(type, term_bytes(&actor));
        bool changed;
        enum err e = crdt_merge(c, wall(given), ORIGIN_PEER, &changed);
        CU_ASSERT(e == OK || e == ERR_TYPE);
        if (e == OK) {
            struct buf got = put(c, crdt_state), worth = put(c, crdt_value);
            ASSERT_TERM(buf_bytes(&got), term_bytes(&reset));
            ASSERT_TERM(buf_bytes(&worth), term_bytes(&value));
            buf_free(&got);
            buf_free(&worth);
            agreed++;
        }
        crdt_free(c);
        term_free(&actor);
        term_free(&reset);
        term_free(&value);
    }
    CU_ASSERT(etf_finish(&in) == OK);
    return agreed;
}

#endif
