/* Structs joined in slices: the same as crdt_merge() in one go, for every type, whatever the size
 * of a slice. */
#include "crdt/figures.h"
#include "crdt/slices.h"

#include "unit/crdt/parts.h"

static const size_t sizes[] = {1, 7, 60, 100, 300, 1000, 100000};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static enum err validate(struct crdt_slices *s)
{
    enum err e;
    while (!crdt_slices_validate(s, &e))
        CU_ASSERT_FATAL(e == OK);
    return e;
}

static bool join_all(struct crdt_slices *s, struct crdt *c, struct crdt *delta)
{
    bool changed, all = false, grew = false;
    while (!all) {
        all = crdt_slices_join(s, c, delta, &changed);
        grew |= changed;
        crdt_check(c);
        if (delta != NULL)
            crdt_check(delta);
    }
    return grew;
}

/* Joins a struct, followed by other terms, into a copy of a state in both ways. */
static void check_join(const struct crdt *c, struct bytes theirs, size_t bytes, bool alone)
{
    struct crdt *sliced = crdt_make(c->type, &plain), *whole = crdt_make(c->type, &plain);
    struct crdt *delta = crdt_make(c->type, &plain), *wanted = crdt_make(c->type, &plain);
    struct buf message = {0}, behind = {0};
    bool changed;
    join(sliced, c);
    join(whole, c);
    put_atom(&behind, "behind");
    buf_put(&message, theirs);
    buf_put(&message, buf_bytes(&behind));
    struct crdt_slices *s =
        crdt_slices_open(c->type, &plain, wall(buf_bytes(&message)), bytes, alone);
    CU_ASSERT(validate(s) == OK);
    CU_ASSERT(bytes_equal(crdt_slices_rest(s), buf_bytes(&behind)));
    CU_ASSERT(bytes_equal(crdt_slices_sender(s), crdt_sender(c->type, theirs)));
    CU_ASSERT(crdt_merge(whole, theirs, wanted, &changed) == OK);
    CU_ASSERT(join_all(s, sliced, delta) == changed);
    CU_ASSERT(equivalent(sliced, whole));
    CU_ASSERT(digest_of(sliced) == digest_of(whole));
    CU_ASSERT(equivalent(delta, wanted));
    crdt_slices_rewind(s);
    CU_ASSERT(!join_all(s, sliced, NULL));
    crdt_slices_free(s);
    crdt_free(sliced);
    crdt_free(whole);
    crdt_free(delta);
    crdt_free(wanted);
    buf_free(&message);
    buf_free(&behind);
}

static void slices_join_to_the_whole(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct world w = world_open(&workloads[t], 50, round);
            struct buf theirs = {0};
            world_run(&w, STEPS);
            crdt_state(w.states[0], &theirs);
            for (size_t i = 0; i < 2 * SIZES; i++)
                check_join(w.states[1], buf_bytes(&theirs), sizes[i / 2], i % 2 != 0);
            buf_free(&theirs);
            world_close(&w);
        }
    }
}

/* What is refused in one go is refused in slices, for the same reason. */
static void damaged_structs_are_refused(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 20, t);
        struct buf theirs = {0};
        unsigned refused = 0;
        world_run(&w, STEPS / 2);
        crdt_state(w.states[0], &theirs);
        for (size_t at = 0; at < theirs.len; at++) {
            uint8_t kept = theirs.at[at];
            size_t len;
            theirs.at[at] = (uint8_t)random_below(&w.random, 256);
            if (etf_check(buf_bytes(&theirs), &len) == OK && len == theirs.len) {
                enum err wanted = crdt_validate(w.type, buf_bytes(&theirs));
                struct crdt_slices *s = crdt_slices_open(w.type, &plain, wall(buf_bytes(&theirs)),
                                                         sizes[at % SIZES], at % 2 == 0);
                enum err got = validate(s);
                CU_ASSERT(got == wanted || wanted == ERR_DUPLICATE || (got != OK && wanted != OK));
                refused += got != OK;
                crdt_slices_free(s);
            }
            theirs.at[at] = kept;
        }
        CU_ASSERT(refused > 10);
        buf_free(&theirs);
        world_close(&w);
    }
}

static enum err refusal_of(const char *type, const char *text)
{
    struct crdt_slices *s =
        crdt_slices_open(crdt_type_named(bytes_of(type)), &plain, wall(term_of(text)), 20, false);
    enum err e = validate(s);
    crdt_slices_free(s);
    return e;
}

#define GSET(FIELDS) "#{'__struct__' => 'Elixir.Grove.Set.GSet'" FIELDS "}"
#define MAPSET(MAP)  "#{'__struct__' => 'Elixir.MapSet', map => " MAP "}"

static void refusals_have_their_reasons(void)
{
    CU_ASSERT(refusal_of("gset", "[]") == ERR_TYPE);
    CU_ASSERT(refusal_of("gset", "#{}") == ERR_TYPE);
    CU_ASSERT(refusal_of("or_set", GSET(", elements => " MAPSET("#{}"))) == ERR_TYPE);
    CU_ASSERT(refusal_of("gset", GSET("")) == ERR_SHAPE);
    CU_ASSERT(refusal_of("gset", GSET(", elements => []")) == ERR_SHAPE);
    CU_ASSERT(refusal_of("gset", GSET(", elements => #{}")) == ERR_SHAPE);
    CU_ASSERT(refusal_of("gset", GSET(", elements => " MAPSET("[]"))) == ERR_SHAPE);
    CU_ASSERT(refusal_of("gset", GSET(", elements => " MAPSET("#{1 => [], 2 => 3}"))) == ERR_SHAPE);
    CU_ASSERT(refusal_of("gset", GSET(", elements => " MAPSET("#{1 => []}"))) == OK);
}

/* Unknown fields are joined; one that is large is refused as in one go. */
static void unknown_fields_are_kept(void)
{
    struct crdt *c = empty(crdt_type_named(BYTES("gset")), "a");
    struct bytes theirs =
        term_of(GSET(", elements => " MAPSET("#{1 => [], 2 => []}") ", new => 1"));
    struct crdt_slices *s = crdt_slices_open(c->type, &plain, theirs, 1, false);
    CU_ASSERT(validate(s) == OK);
    CU_ASSERT(join_all(s, c, NULL));
    CU_ASSERT(c->unknown.count == 1);
    crdt_slices_free(s);
    struct buf large = {0}, text = {0};
    for (size_t i = 0; i < 100000; i++)
        buf_put_u8(&text, 0);
    put_map(&large, 3);
    put_term(&large, term_of("'__struct__'"));
    put_term(&large, term_of("'Elixir.Grove.Set.GSet'"));
    put_atom(&large, "elements");
    put_term(&large, term_of(MAPSET("#{}")));
    put_atom(&large, "new");
    put_binary(&large, buf_bytes(&text));
    CU_ASSERT(crdt_validate(c->type, buf_bytes(&large)) == ERR_LIMIT);
    s = crdt_slices_open(c->type, &plain, buf_bytes(&large), 1000, false);
    CU_ASSERT(validate(s) == ERR_LIMIT);
    crdt_slices_free(s);
    buf_free(&large);
    buf_free(&text);
    crdt_free(c);
}

/* A large value of a map is divided, too: no step joins much more than it is allowed to. */
static void steps_are_small(void)
{
    enum { ELEMENTS = 20000, BYTES_A_STEP = 1000 };
    struct crdt *set = empty(crdt_type_named(BYTES("gset")), "a");
    struct crdt *map = empty(crdt_type_named(BYTES("or_map")), "b");
    struct buf key = {0}, theirs = {0}, message = {0};
    for (unsigned i = 0; i < ELEMENTS; i++) {
        buf_clear(&key);
        put_uint(&key, i);
        struct op add = {BYTES("add"), 1, {buf_bytes(&key)}};
        struct mutation_turn t = {0};
        CU_ASSERT(crdt_mutate(set, &add, 1, &t) == OK);
    }
    crdt_state(set, &theirs);
    struct op put_it = {BYTES("put"), 2, {buf_bytes(&key), buf_bytes(&theirs)}};
    struct mutation_turn t = {0};
    CU_ASSERT(crdt_mutate(map, &put_it, 1, &t) == OK);
    crdt_state(map, &message);
    struct crdt *made = crdt_make(map->type, &plain);
    struct crdt_slices *s =
        crdt_slices_open(map->type, &plain, buf_bytes(&message), BYTES_A_STEP, false);
    bool changed, all = false;
    unsigned grown = 0;
    CU_ASSERT(validate(s) == OK);
    for (; !all; grown += changed)
        all = crdt_slices_join(s, made, NULL, &changed);
    CU_ASSERT(grown > message.len / BYTES_A_STEP / 2);
    CU_ASSERT(equivalent(made, map));
    crdt_slices_free(s);
    crdt_free(set);
    crdt_free(map);
    crdt_free(made);
    buf_free(&key);
    buf_free(&theirs);
    buf_free(&message);
}

/* The term with pair `at` of each of its maps twice, but for the fields of structs. */
static void put_doubled(struct buf *out, struct bytes term, uint32_t at)
{
    struct etf_in in = etf_open(term);
    if (etf_peek(&in) != ETF_MAP) {
        put_term(out, term);
        return;
    }
    uint32_t pairs = etf_map(&in);
    uint32_t twice = struct_module(term).len > 0 ? pairs : at;
    put_map(out, pairs + (twice < pairs));
    for (uint32_t i = 0; i < pairs; i++) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        for (unsigned times = i == twice ? 2 : 1; times > 0; times--) {
            put_term(out, key);
            put_doubled(out, value, at);
        }
    }
}

/* Both may be in one slice, or each in one of its own: then it is joined, and that by the same
 * slices by which it was found valid. */
static void check_doubled(const struct crdt *c, struct bytes doubled, size_t bytes)
{
    struct crdt *sliced = crdt_make(c->type, &plain);
    struct crdt_slices *s = crdt_slices_open(c->type, &plain, doubled, bytes, false);
    enum err e;
    while (!crdt_slices_validate(s, &e))
        ;
    CU_ASSERT(e == OK || e == ERR_DUPLICATE);
    if (e == OK) {
        join_all(s, sliced, NULL);
        CU_ASSERT(equivalent(sliced, c));
    }
    crdt_slices_free(s);
    crdt_free(sliced);
}

static void a_key_twice_is_joined_or_refused(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 20, t);
        struct buf theirs = {0}, doubled = {0};
        world_run(&w, STEPS / 2);
        crdt_state(w.states[0], &theirs);
        for (uint32_t at = 0; at < 4; at++) {
            buf_clear(&doubled);
            put_doubled(&doubled, buf_bytes(&theirs), at);
            for (size_t bytes = 1; bytes < 400; bytes++)
                check_doubled(w.states[0], buf_bytes(&doubled), bytes);
        }
        buf_free(&theirs);
        buf_free(&doubled);
        world_close(&w);
    }
}

/* #{N => [], ...} in no order: long to be put in order. */
static void put_unordered(struct buf *out, uint32_t count)
{
    put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_uint(out, i * 2654435761u); /* odd: all different */
        put_nil(out);
    }
}

static void put_register(struct buf *out, uint32_t keys)
{
    put_map(out, 4);
    put_term(out, term_of("'__struct__'"));
    put_term(out, term_of("'Elixir.Grove.Register.LWWRegister'"));
    put_atom(out, "actor");
    put_atom(out, "a");
    put_atom(out, "timestamp");
    put_uint(out, 1);
    put_atom(out, "value");
    put_unordered(out, keys);
}

static void put_set_of_one(struct buf *out, uint32_t keys)
{
    put_map(out, 2);
    put_term(out, term_of("'__struct__'"));
    put_term(out, term_of("'Elixir.Grove.Set.GSet'"));
    put_atom(out, "elements");
    put_map(out, 2);
    put_term(out, term_of("'__struct__'"));
    put_term(out, term_of("'Elixir.MapSet'"));
    put_atom(out, "map");
    put_map(out, 1);
    put_unordered(out, keys);
    put_nil(out);
}

static void check_large_term(const char *type, void (*write)(struct buf *out, uint32_t keys))
{
    enum { KEYS = 20000, BYTES_A_STEP = 1000 };
    struct crdt *whole = empty(crdt_type_named(bytes_of(type)), "a");
    struct crdt *sliced = crdt_make(whole->type, &plain);
    struct buf message = {0};
    bool changed;
    unsigned steps = 1;
    enum err e;
    write(&message, KEYS);
    CU_ASSERT_FATAL(crdt_merge(whole, buf_bytes(&message), NULL, &changed) == OK && changed);
    struct crdt_slices *s =
        crdt_slices_open(whole->type, &plain, buf_bytes(&message), BYTES_A_STEP, false);
    while (!crdt_slices_validate(s, &e))
        steps++;
    CU_ASSERT_FATAL(e == OK);
    join_all(s, sliced, NULL);
    CU_ASSERT(equivalent(sliced, whole));
    /* A merge sort compares each key that many times, in 8 ns each. */
    CU_ASSERT(steps > KEYS * 14 * 8 / (BYTES_A_STEP * 32));
    crdt_slices_rewind(s);
    CU_ASSERT(!join_all(s, sliced, NULL));
    crdt_slices_free(s);
    crdt_free(whole);
    crdt_free(sliced);
    buf_free(&message);
}

static void large_terms_are_put_in_order_in_steps(void)
{
    check_large_term("lww_register", put_register);
    check_large_term("gset", put_set_of_one);
}

/* Whether some of so many elements were there without the others after a step. */
static bool is_seen_in_part(struct bytes theirs, size_t elements, bool alone)
{
    struct crdt *c = empty(crdt_type_named(BYTES("dvv_set")), "a");
    struct crdt_slices *s = crdt_slices_open(c->type, &plain, theirs, 60, alone);
    bool changed, all = false, seen = false;
    CU_ASSERT_FATAL(validate(s) == OK);
    while (!all) {
        all = crdt_slices_join(s, c, NULL, &changed);
        seen |= crdt_elements(c) > 0 && crdt_elements(c) < elements;
    }
    CU_ASSERT_EQUAL(crdt_elements(c), elements);
    crdt_slices_free(s);
    crdt_free(c);
    return seen;
}

/* A remove of one of them would drop those that are yet to come. */
static void a_dvv_set_is_seen_whole(void)
{
    enum { ELEMENTS = 50 };
    struct crdt *c = empty(crdt_type_named(BYTES("dvv_set")), "b");
    struct buf element = {0}, theirs = {0};
    for (unsigned i = 0; i < ELEMENTS; i++) {
        buf_clear(&element);
        put_uint(&element, i);
        struct op add = {BYTES("add"), 1, {buf_bytes(&element)}};
        struct mutation_turn t = {0};
        CU_ASSERT(crdt_mutate(c, &add, 1, &t) == OK);
    }
    crdt_state(c, &theirs);
    CU_ASSERT(!is_seen_in_part(buf_bytes(&theirs), ELEMENTS, false));
    CU_ASSERT(is_seen_in_part(buf_bytes(&theirs), ELEMENTS, true));
    crdt_free(c);
    buf_free(&element);
    buf_free(&theirs);
}

SUITE("slices", TEST(slices_join_to_the_whole), TEST(damaged_structs_are_refused),
      TEST(refusals_have_their_reasons), TEST(unknown_fields_are_kept), TEST(steps_are_small),
      TEST(a_key_twice_is_joined_or_refused), TEST(large_terms_are_put_in_order_in_steps),
      TEST(a_dvv_set_is_seen_whole))
