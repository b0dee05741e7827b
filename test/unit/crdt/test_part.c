/* Parts of states of every type.
 *
 * Expected results are computed by joins alone, which have suites of their own. */
#include "crdt/figures.h"
#include "crdt/gset.h"
#include "mem.h"
#include "term/write.h"
#include "unit/crdt/parts.h"

/* Parts cut at random buckets and joined in random order. */
static void check_parts(struct world *w, const struct crdt *c, unsigned cuts)
{
    struct part parts[RANGES];
    struct crdt *made = crdt_make(w->type, &versioned);
    uint32_t first = 0;
    must(cuts < RANGES);
    for (unsigned i = 0; i < cuts; i++) {
        uint32_t room = PART_BUCKETS - first - (cuts - i);
        uint32_t count = 1 + (uint32_t)random_below(&w->random, 2 * room / (cuts - i + 1));
        parts[i] = PART_RANGE(first, count < room ? count : 1);
        first += parts[i].count;
    }
    parts[cuts] = PART_RANGE(first, PART_BUCKETS - first);
    for (unsigned left = cuts + 1; left > 0; left--) {
        size_t i = random_below(&w->random, left);
        merge_part(made, c, parts[i]);
        CU_ASSERT(!merge_part(made, c, parts[i]));
        parts[i] = parts[left - 1];
    }
    CU_ASSERT(equivalent(made, c));
    CU_ASSERT(digest_of(made) == digest_of(c));
    crdt_free(made);
}

static void parts_join_to_the_state(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct world w = world_open(&workloads[t], 50, round);
            world_run(&w, STEPS);
            check_parts(&w, w.states[0], 0);
            check_parts(&w, w.states[0], 1);
            check_parts(&w, w.states[1], 7);
            check_parts(&w, w.states[2], RANGES - 1);
            world_close(&w);
        }
    }
}

/* A part has no entries of other buckets, except singletons. */
static void part_has_only_its_entries(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 50, t);
        uint64_t all[RANGES], got[RANGES];
        world_run(&w, STEPS);
        world_join_all(&w, w.states[0], false);
        digest_all(w.states[0], all);
        for (uint32_t i = 1; i < RANGES; i++) {
            struct crdt *c = crdt_make(w.type, &plain);
            bool changed = merge_part(c, w.states[0], range_at(i, RANGES));
            digest_all(c, got);
            CU_ASSERT(changed == !crdt_empty(c));
            for (uint32_t j = 1; j < RANGES; j++)
                CU_ASSERT(got[j] == (j == i ? all[j] : 0));
            crdt_free(c);
        }
        world_close(&w);
    }
}

/* Items of a state: their digests sum up to that of the state, and what two halves of their keys
 * select joins to it. */
static void check_items(struct world *w, const struct crdt *c)
{
    struct selection all = {0}, half = {.by_key = true};
    struct items items = {0};
    struct crdt *made = crdt_make(w->type, &versioned);
    uint64_t sum = 0, keys[2][4 * STEPS * WORLD_STATES];
    size_t counts[2] = {0};
    for (uint32_t i = 0; i < PART_BUCKETS; i++)
        selection_add_bucket(&all, i);
    crdt_items(c, &all, &items);
    for (size_t i = 0; i < items.count; i++) {
        size_t to = random_below(&w->random, 2);
        CU_ASSERT_FATAL(counts[to] < sizeof(keys[0]) / sizeof(keys[0][0]));
        CU_ASSERT(i == 0 || items.list[i - 1].key < items.list[i].key);
        keys[to][counts[to]++] = items.list[i].key;
        sum += items.list[i].digest;
    }
    CU_ASSERT(sum == digest_of(c));
    memcpy(half.buckets, all.buckets, sizeof(all.buckets));
    for (size_t i = 0; i < 2; i++) {
        half.keys = keys[i];
        half.key_count = counts[i];
        merge_part(made, c, PART_SELECTED(&half));
        CU_ASSERT(!merge_part(made, c, PART_SELECTED(&half)));
    }
    CU_ASSERT(equivalent(made, c) && digest_of(made) == sum);
    mem_free(items.list);
    crdt_free(made);
}

static void items_join_to_the_state(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        for (unsigned round = 0; round < ROUNDS && workloads[t].divisible; round++) {
            struct world w = world_open(&workloads[t], 50, round);
            world_run(&w, STEPS);
            world_join_all(&w, w.states[0], false);
            check_items(&w, w.states[0]);
            check_items(&w, w.states[1]);
            world_close(&w);
        }
    }
}

/* Of a table that keeps the buckets of its keys: the entries of a part are those that a walk over
 * all keys finds there. */
static void parts_of_large_tables_are_whole(void)
{
    enum { LARGE = 100000, BUCKETS = 64 };
    struct crdt *c = empty(crdt_type_named(BYTES("gset")), "a");
    struct buf element = {0};
    uint32_t wanted = 0;
    struct selection some = {0};
    for (uint32_t i = 0; i < LARGE; i++) {
        buf_clear(&element);
        put_uint(&element, i);
        CU_ASSERT(gset_add((struct gset *)c, buf_bytes(&element), NULL));
        uint32_t bucket = part_bucket(digest_bytes(0, buf_bytes(&element)));
        wanted += bucket % BUCKETS == 3;
    }
    CU_ASSERT(table_has_marks(&((struct gset *)c)->elements));
    for (uint32_t i = 3; i < PART_BUCKETS; i += BUCKETS)
        selection_add_bucket(&some, i);
    struct items items = {0};
    crdt_items(c, &some, &items);
    CU_ASSERT(items.count == wanted && wanted > 0);
    size_t found = 0;
    for (uint32_t first = 0; first < PART_BUCKETS; first += PART_BUCKETS / RANGES) {
        struct crdt *got = crdt_make(c->type, &plain);
        merge_part(got, c, PART_RANGE(first, PART_BUCKETS / RANGES));
        found += crdt_elements(got);
        crdt_free(got);
    }
    CU_ASSERT(found == LARGE);
    mem_free(items.list);
    buf_free(&element);
    crdt_free(c);
}

/* Exactly the entries of the selected keys, and nothing for none. */
static void selects_by_bucket_and_by_key(void)
{
    struct selection few = {0};
    struct items items = {0}, selected = {0};
    const struct crdt_type *type = crdt_type_named(BYTES("or_set"));
    struct crdt *c = make(type, "a", "[{add, [1]}, {add, [2]}, {add, [3]}, {remove, [2]}]");
    struct crdt *got = empty(type, "b");
    for (uint32_t i = 1; i < PART_BUCKETS; i++) /* without the counter, which is in the first */
        selection_add_bucket(&few, i);
    crdt_items(c, &few, &items);
    CU_ASSERT_FATAL(items.count == 3); /* two elements, a tombstone */
    CU_ASSERT(!merge_part(got, c, PART_SELECTED(&(struct selection){.by_key = true})));
    for (uint32_t i = 0; i < PART_BUCKETS; i++)
        if (i != part_bucket(items.list[1].key))
            selection_remove_bucket(&few, i);
    crdt_items(c, &few, &selected);
    CU_ASSERT(selected.count == 1 && selected.list[0].digest == items.list[1].digest);
    few.by_key = true;
    few.keys = &items.list[1].key;
    few.key_count = 1;
    CU_ASSERT(merge_part(got, c, PART_SELECTED(&few)));
    selected.count = 0;
    for (uint32_t i = 1; i < PART_BUCKETS; i++)
        selection_add_bucket(&few, i);
    few.by_key = false;
    crdt_items(got, &few, &selected);
    CU_ASSERT(selected.count == 1 && selected.list[0].digest == items.list[1].digest);
    mem_free(items.list);
    mem_free(selected.list);
    crdt_free(c);
    crdt_free(got);
}

static void some_types_are_indivisible(void)
{
    CU_ASSERT(crdt_type_at(WORKLOADS) == NULL);
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 1000, t);
        uint64_t digests[RANGES];
        unsigned taken = 0;
        CU_ASSERT(crdt_is_divisible(w.type) == workloads[t].divisible);
        world_run(&w, STEPS);
        world_join_all(&w, w.states[0], false);
        digest_all(w.states[0], digests);
        for (unsigned i = 0; i < RANGES; i++)
            taken += digests[i] != 0;
        CU_ASSERT(digests[0] != 0 || workloads[t].divisible);
        CU_ASSERT(workloads[t].divisible ? taken > WORLD_STATES / 2 : taken == 1);
        world_close(&w);
    }
}

static void parts_have_similar_sizes(void)
{
    enum { SIZE = 1 << 14 };
    const struct crdt_type *type = crdt_type_named(BYTES("gset"));
    struct crdt *c = empty(type, "a");
    struct buf part = {0};
    for (unsigned i = 0; i < SIZE; i++) {
        struct buf element = {0};
        put_uint(&element, i);
        struct op add = {BYTES("add"), 1, {buf_bytes(&element)}};
        struct mutation_turn t = {0};
        CU_ASSERT(crdt_mutate(c, &add, 1, &t) == OK);
        buf_free(&element);
    }
    for (uint32_t i = 0; i < RANGES; i++) {
        struct crdt *few = crdt_make(type, &plain);
        merge_part(few, c, range_at(i, RANGES));
        buf_clear(&part);
        crdt_value(few, &part);
        size_t bytes = part.len * RANGES / SIZE;
        CU_ASSERT(bytes > 3 && bytes < 9);
        crdt_free(few);
    }
    buf_free(&part);
    crdt_free(c);
}

static void unknown_fields_are_in_every_part(void)
{
    static const char *const wider[] = {
        "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => #{a => 1, b => "
        "2},"
        " delta_buffer => #{}, hue => red}",
        "#{'__struct__' => 'Elixir.Grove.Register.LWWRegister', actor => a, timestamp => 3,"
        " value => x, hue => red}",
    };
    static const char *const bare[] = {
        "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => p, counts => #{},"
        " delta_buffer => #{}, hue => red}",
        "#{'__struct__' => 'Elixir.Grove.Register.LWWRegister', actor => p, delta_dirty => false,"
        " hue => red, timestamp => 0, value => nil}",
    };
    for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++) {
        const struct crdt_type *type = crdt_type_of(term_of(wider[i]));
        struct crdt *c = crdt_make(type, &plain), *part = crdt_make(type, &plain);
        bool changed;
        uint64_t told = digest_of(c);
        CU_ASSERT(told == 0);
        CU_ASSERT(crdt_merge(c, wall(term_of(bare[i])), NULL, &changed) == OK && changed);
        CU_ASSERT(digest_of(c) == 0);
        CU_ASSERT(crdt_merge(c, wall(term_of(wider[i])), NULL, &changed) == OK && changed);
        CU_ASSERT(digest_of(c) != 0);
        CU_ASSERT(merge_part(part, c, PART_RANGE(1, 1)));
        is(part, crdt_state, bare[i]);
        crdt_free(c);
        crdt_free(part);
    }
}

/* --- between nodes ------------------------------------------------------------------------ */

/* Narrows down where two states differ and exchanges those parts; returns their size in bytes. */
static size_t exchange(struct crdt *a, struct crdt *b, struct part part)
{
    enum { WAYS = 16 };
    uint64_t ours[WAYS], theirs[WAYS];
    size_t bytes = 0;
    if (part.count == 1) {
        struct buf out = {0};
        crdt_state_of(a, part, &out);
        crdt_state_of(b, part, &out);
        bytes = out.len;
        buf_free(&out);
        merge_part(a, b, part);
        merge_part(b, a, part);
        return bytes;
    }
    crdt_digest(a, part, WAYS, ours);
    crdt_digest(b, part, WAYS, theirs);
    for (uint32_t i = 0, width = part.count / WAYS; i < WAYS; i++) {
        if (ours[i] != theirs[i])
            bytes += exchange(a, b, PART_RANGE(part.first + i * width, width));
    }
    return bytes;
}

static void exchanging_differences_converges(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct world w = world_open(&workloads[t], 50, round);
            struct crdt *a = crdt_make(w.type, &plain), *b = crdt_make(w.type, &versioned);
            struct crdt *both = empty(w.type, "both");
            world_run(&w, STEPS);
            world_join_all(&w, a, false);
            join(b, a);
            for (unsigned i = 0; i < ROUNDS; i++) {
                world_mutate(&w, a);
                world_mutate(&w, b);
            }
            join(both, b);
            join(both, a);
            exchange(a, b, PART_WHOLE);
            CU_ASSERT(equivalent(a, both) && equivalent(b, both));
            CU_ASSERT(exchange(a, b, PART_WHOLE) == 0);
            crdt_free(a);
            crdt_free(b);
            crdt_free(both);
            world_close(&w);
        }
    }
}

/* Two large sets that differ in four elements send each other few others. */
static void exchange_is_small_for_a_large_state(void)
{
    enum { SIZE = 3000 };
    const struct crdt_type *type = crdt_type_named(BYTES("or_set"));
    struct crdt *a = empty(type, "a"), *b = empty(type, "b");
    struct buf text = {0}, whole = {0};
    size_t bad;
    for (unsigned i = 0; i < SIZE; i++)
        buf_printf(&text, "%s{add, [%u]}", i > 0 ? ", " : "[", i);
    buf_put(&text, (struct bytes){(const uint8_t *)"]", 2});
    CU_ASSERT(mutate(a, (const char *)text.at, &bad) == OK);
    join(b, a);
    CU_ASSERT(mutate(a, "[{add, [x]}, {remove, [7]}]", &bad) == OK);
    CU_ASSERT(mutate(b, "[{add, [y]}, {remove, [8]}]", &bad) == OK);
    crdt_state(a, &whole);
    CU_ASSERT(exchange(a, b, PART_WHOLE) < whole.len / 20);
    CU_ASSERT(equivalent(a, b));
    buf_free(&text);
    buf_free(&whole);
    crdt_free(a);
    crdt_free(b);
}

SUITE("parts", TEST(parts_join_to_the_state), TEST(part_has_only_its_entries),
      TEST(items_join_to_the_state), TEST(parts_of_large_tables_are_whole),
      TEST(selects_by_bucket_and_by_key), TEST(some_types_are_indivisible),
      TEST(parts_have_similar_sizes), TEST(unknown_fields_are_in_every_part),
      TEST(exchanging_differences_converges), TEST(exchange_is_small_for_a_large_state))
