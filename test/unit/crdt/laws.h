/* The laws that every type must obey, for the suites of the types.
 *
 * A sample state is given as operations by an actor, in Erlang syntax. */
#ifndef COPPICE_TEST_CRDT_LAWS_H
#define COPPICE_TEST_CRDT_LAWS_H

#include <stdio.h>
#include <string.h>

#include "crdt/crdt.h"
#include "err.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

#define LAWS_STATES_MAX 8

struct sample {
    const char *actor, *ops;
};

#define LAWS_SEED 0x5eed5eed5eed5eedu

/* Wall clock of the next mutation; advances by 1 ms with each. */
static uint64_t laws_wall_ms = 1700000000000;

/* Random number of the next mutation; advances with each that is drawn. */
static uint64_t laws_random = 1;

/* Options for states to borrow, never freed. */
static inline const struct crdt_options *options_of(const char *actor)
{
    static struct crdt_options all[1024];
    static size_t next;
    struct bytes term = term_of(actor);
    for (size_t i = 0; i < next; i++) {
        if (bytes_equal(all[i].actor, term))
            return &all[i];
    }
    must(next < sizeof(all) / sizeof(all[0]));
    all[next] = (struct crdt_options){term, LAWS_SEED + next, MAPSET_PLAIN};
    return &all[next++];
}

static inline struct crdt *empty(const struct crdt_type *type, const char *actor)
{
    struct crdt *c = crdt_make(type, options_of(actor));
    CU_ASSERT(crdt_empty(c));
    crdt_check(c);
    return c;
}

/* The reply gets one term per operation. */
/* A dry run before it has the same result, and changes nothing. */
static inline enum err mutate_all(struct crdt *c, const char *text, struct crdt *delta,
                                  struct buf *reply, size_t *bad)
{
    struct ops ops;
    struct bytes wrong;
    struct mutation_turn t = {.wall_ms = laws_wall_ms++,
                              .random = laws_random,
                              .delta = delta,
                              .reply = reply,
                              .bad = SIZE_MAX};
    *bad = SIZE_MAX;
    enum err e = ops_read(&ops, wall(term_of(text)), &wrong);
    if (e != OK)
        return e;
    struct mutation_turn dry = {
        .wall_ms = t.wall_ms, .random = t.random, .bad = SIZE_MAX, .dry = true};
    struct buf before = {0}, after = {0};
    crdt_state(c, &before);
    enum err told = crdt_mutate(c, ops.list, ops.count, &dry);
    crdt_state(c, &after);
    CU_ASSERT(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
    buf_free(&before);
    buf_free(&after);
    e = crdt_mutate(c, ops.list, ops.count, &t);
    CU_ASSERT(told == e && dry.random == t.random && (e == OK || dry.bad == t.bad));
    *bad = t.bad;
    laws_random = t.random;
    ops_free(&ops);
    crdt_check(c);
    if (delta != NULL)
        crdt_check(delta);
    return e;
}

static inline enum err mutate(struct crdt *c, const char *text, size_t *bad)
{
    return mutate_all(c, text, NULL, NULL, bad);
}

static inline struct crdt *make(const struct crdt_type *type, const char *actor, const char *ops)
{
    struct crdt *c = empty(type, actor);
    size_t bad;
    CU_ASSERT(mutate(c, ops, &bad) == OK);
    return c;
}

/* Asserts the replies of the operations, as a list. */
static inline void replies(struct crdt *c, const char *ops, const char *wanted)
{
    struct buf terms = {0}, list = {0}, got = {0};
    size_t bad, len;
    uint32_t count = 0;
    CU_ASSERT(mutate_all(c, ops, NULL, &terms, &bad) == OK);
    for (size_t at = 0; at < terms.len; at += len, count++)
        CU_ASSERT_FATAL(etf_check((struct bytes){terms.at + at, terms.len - at}, &len) == OK);
    put_list(&list, count);
    buf_put(&list, buf_bytes(&terms));
    put_nil(&list);
    CU_ASSERT(canon_put(&got, buf_bytes(&list)) == OK);
    ASSERT_TERM(buf_bytes(&got), term_of(wanted));
    buf_free(&terms);
    buf_free(&list);
    buf_free(&got);
}

typedef void put_function(const struct crdt *c, struct buf *out);

/* Asserts that the function appends exactly one term, and returns its canonical form. */
static inline struct buf put(const struct crdt *c, put_function *function)
{
    struct buf out = {0}, canonical = {0};
    size_t len = 0;
    function(c, &out);
    CU_ASSERT(etf_check(wall(buf_bytes(&out)), &len) == OK && len == out.len);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&out)) == OK);
    buf_free(&out);
    return canonical;
}

static inline void is(const struct crdt *c, put_function *function, const char *wanted)
{
    struct buf out = put(c, function);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
}

/* Joins the encoded state of the other. */
static inline bool join_with_delta(struct crdt *c, const struct crdt *other, struct crdt *delta)
{
    struct buf out = {0};
    bool changed = false;
    crdt_state(other, &out);
    CU_ASSERT(crdt_validate(c->type, buf_bytes(&out)) == OK);
    CU_ASSERT(crdt_merge(c, wall(buf_bytes(&out)), delta, &changed) == OK);
    crdt_check(c);
    buf_free(&out);
    return changed;
}

static inline bool join(struct crdt *c, const struct crdt *other)
{
    return join_with_delta(c, other, NULL);
}

/* The encoded join of states.  A struct names its actor, which a join does not change, so states
 * are compared after joining them to one of a fixed actor. */
static inline struct buf joined_state(const struct crdt *const *states, size_t count)
{
    struct crdt *eye = empty(states[0]->type, "eye");
    for (size_t i = 0; i < count; i++)
        join(eye, states[i]);
    struct buf out = put(eye, crdt_state);
    crdt_free(eye);
    return out;
}

static inline bool equal_and_free(struct buf a, struct buf b)
{
    bool equal = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    buf_free(&a);
    buf_free(&b);
    return equal;
}

/* (a b) c: the join of c with the join of a and b. */
static inline struct buf nested(const struct crdt *a, const struct crdt *b, const struct crdt *c)
{
    struct crdt *inner = empty(a->type, "inner");
    join(inner, a);
    join(inner, b);
    struct buf out = joined_state((const struct crdt *const[]){inner, c}, 2);
    crdt_free(inner);
    return out;
}

static inline bool equivalent(const struct crdt *a, const struct crdt *b)
{
    return equal_and_free(joined_state(&a, 1), joined_state(&b, 1));
}

/* The delta of joining b to a: the old a joined with it is the new a, and it has nothing that a
 * had. */
static inline void check_join_delta(const struct crdt *a, const struct crdt *b)
{
    struct crdt *c = empty(a->type, "c"), *old = empty(a->type, "old"),
                *delta = empty(a->type, "c");
    join(c, a);
    join(old, a);
    bool changed = join_with_delta(c, b, delta);
    crdt_check(delta);
    CU_ASSERT(crdt_empty(delta) == !changed);
    CU_ASSERT(join(old, delta) == changed);
    CU_ASSERT(equivalent(old, c));
    CU_ASSERT(!join(c, delta));
    crdt_free(c);
    crdt_free(old);
    crdt_free(delta);
}

static inline void check_laws(struct crdt *const *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT(!join(s[i], s[i]));
        for (size_t j = 0; j < n; j++) {
            const struct crdt *ij[] = {s[i], s[j]}, *ji[] = {s[j], s[i]},
                              *ijj[] = {s[i], s[j], s[j]};
            CU_ASSERT(equal_and_free(joined_state(ij, 2), joined_state(ji, 2)));
            CU_ASSERT(equal_and_free(joined_state(ij, 2), joined_state(ijj, 3)));
            check_join_delta(s[i], s[j]);
            for (size_t k = 0; k < n; k++)
                CU_ASSERT(equal_and_free(nested(s[i], s[j], s[k]), nested(s[j], s[k], s[i])));
        }
    }
}

static inline void check_laws_on_samples(const struct crdt_type *type, const struct sample *made,
                                         size_t n)
{
    struct crdt *s[LAWS_STATES_MAX];
    must(n <= LAWS_STATES_MAX);
    for (size_t i = 0; i < n; i++)
        s[i] = make(type, made[i].actor, made[i].ops);
    check_laws(s, n);
    for (size_t i = 0; i < n; i++)
        crdt_free(s[i]);
}

/* The old state joined with the delta of a mutation is the new state. */
static inline void check_mutation_delta(const struct crdt_type *type, const char *before,
                                        const char *after)
{
    struct crdt *c = make(type, "a", before), *peer = empty(type, "b"), *delta = empty(type, "a");
    join(peer, c);
    size_t bad;
    CU_ASSERT(mutate_all(c, after, delta, NULL, &bad) == OK);
    CU_ASSERT(!crdt_empty(delta));
    CU_ASSERT(join(peer, delta));
    CU_ASSERT(equivalent(peer, c));
    CU_ASSERT(!join(c, delta) && !join(peer, delta));
    crdt_free(peer);
    crdt_free(delta);
    crdt_free(c);
}

/* Merging fails with this error and changes neither the state nor the delta. */
static inline void refuses(struct crdt *c, struct bytes given, enum err wanted)
{
    struct buf state = put(c, crdt_state);
    struct crdt *delta = empty(c->type, "a");
    bool changed = true;
    enum err e = crdt_merge(c, wall(given), delta, &changed);
    CU_ASSERT(e == wanted && crdt_validate(c->type, given) == wanted);
    if (e != wanted)
        fprintf(stderr, "\ngot: %s\n", err_text(e));
    CU_ASSERT(!changed && crdt_empty(delta));
    crdt_check(c);
    CU_ASSERT(equal_and_free(state, put(c, crdt_state)));
    crdt_free(delta);
}

/* No prefix passes etf_check().  A term with one bit flipped that does is merged or refused, and a
 * refusal changes nothing. */
static inline void check_corruption(struct crdt *c, struct bytes whole)
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
        bool taken = crdt_merge(c, damaged, NULL, &changed) == OK;
        crdt_check(c);
        CU_ASSERT(equal_and_free(before, put(c, crdt_state)) == !(taken && changed));
    }
    buf_free(&copy);
}

/* Merges each struct of this type in a recorded file, and checks that its value and its encoding
 * equal those of Grove after a reset of the delta.  Returns their number. */
static inline size_t matches_recording(const char *name, const struct crdt_type *type)
{
    struct bytes file = vector(name);
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
        struct crdt_options options = {term_bytes(&actor), LAWS_SEED, MAPSET_VERSIONED};
        struct crdt *c = crdt_make(type, &options);
        bool changed;
        enum err e = crdt_merge(c, wall(given), NULL, &changed);
        CU_ASSERT(e == OK || e == ERR_TYPE);
        CU_ASSERT((crdt_type_of(given) == type) == (e == OK));
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

static inline size_t agrees_with_grove(const struct crdt_type *type)
{
    return matches_recording("crdt/counters.etf", type);
}

#endif
