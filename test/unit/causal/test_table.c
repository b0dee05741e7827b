#include "causal/table.h"

#include <string.h>

#include "unit/suite.h"

#define SEED 0x1234567890abcdefu

/* Key i: a short binary, distinct for each i. */
static struct bytes key(uint32_t i)
{
    static uint8_t at[16];
    memcpy(at, "\x6d\x00\x00\x00\x05k", 6);
    memcpy(at + 6, &i, sizeof(i));
    return (struct bytes){at, 10};
}

static uint32_t *put(struct table *t, uint32_t i)
{
    bool added;
    uint32_t *record = table_add(t, key(i), &added);
    if (added)
        *record = i;
    return record;
}

static void starts_empty(void)
{
    struct table t;
    table_init(&t, 4, SEED);
    CU_ASSERT(table_find(&t, key(1)) == NULL);
    CU_ASSERT(table_end(&t) == 0);
    table_check(&t);
    table_free(&t, NULL);
}

static void finds_what_was_added(void)
{
    struct table t;
    bool added;
    table_init(&t, sizeof(uint32_t), SEED);
    uint32_t *one = table_add(&t, key(1), &added);
    CU_ASSERT(added && *one == 0);
    *one = 77;
    CU_ASSERT(table_add(&t, key(1), &added) == one && !added && *one == 77);
    CU_ASSERT(table_find(&t, key(1)) == one && table_find(&t, key(2)) == NULL);
    CU_ASSERT(bytes_equal(table_key(&t, one), key(1)));
    CU_ASSERT(t.live == 1);
    for (uint32_t i = 2; i < 5000; i++)
        put(&t, i);
    table_check(&t);
    for (uint32_t i = 2; i < 5000; i++) {
        const uint32_t *record = table_find(&t, key(i));
        CU_ASSERT(record != NULL && *record == i);
    }
    CU_ASSERT(table_find(&t, key(5000)) == NULL);
    table_free(&t, NULL);
    CU_ASSERT(t.live == 0 && table_find(&t, key(1)) == NULL);
}

static void keeps_insertion_order(void)
{
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < 1000; i++)
        put(&t, i * 7919 % 1000);
    for (uint32_t i = 0; i < 1000; i += 3)
        table_remove(&t, table_find(&t, key(i * 7919 % 1000)));
    put(&t, 0); /* a removed key is added at the end */
    uint32_t wanted = 1;
    for (size_t i = 0; i < table_end(&t); i++) {
        const uint32_t *record = table_at(&t, i);
        if (record == NULL)
            continue;
        CU_ASSERT(*record == (wanted < 1000 ? wanted * 7919 % 1000 : 0));
        wanted += wanted % 3 == 1 ? 1 : 2;
    }
    CU_ASSERT(wanted == 1001);
    table_check(&t);
    table_free(&t, NULL);
}

/* Random additions and removals, compared with a plain array. */
static void matches_a_model(void)
{
    enum { KEYS = 512 };
    static bool there[KEYS];
    memset(there, 0, sizeof(there));
    uint64_t random = 99;
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (unsigned step = 0; step < 60000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t i = (uint32_t)(random >> 40) % KEYS;
        /* Waves: mostly additions, then mostly removals. */
        bool adds = (random >> 60) < (step / 4000 % 2 ? 4 : 12);
        uint32_t *record = table_find(&t, key(i));
        CU_ASSERT((record != NULL) == there[i]);
        if (adds)
            put(&t, i);
        else if (record != NULL)
            table_remove(&t, record);
        there[i] = adds;
        if (step % 500 == 0)
            table_check(&t);
    }
    size_t live = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        const uint32_t *record = table_find(&t, key(i));
        CU_ASSERT((record != NULL) == there[i] && (record == NULL || *record == i));
        live += there[i];
    }
    CU_ASSERT(t.live == live && t.cap <= 2 * KEYS);
    table_check(&t);
    table_free(&t, NULL);
}

static void can_remove_while_iterating(void)
{
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < 300; i++)
        put(&t, i);
    size_t met = 0;
    for (size_t i = 0; i < table_end(&t); i++, met++)
        table_remove(&t, table_at(&t, i));
    CU_ASSERT(met == 300 && t.live == 0 && table_end(&t) == 0);
    put(&t, 5);
    CU_ASSERT(table_end(&t) == 1);
    table_check(&t);
    table_free(&t, NULL);
}

/* A record's number is its position, and generation tells when it changes. */
static void numbers_its_entries(void)
{
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < 3000; i++) {
        size_t generation = t.generation;
        size_t number = i > 0 ? table_number(&t, table_find(&t, key(i - 1))) : 0;
        CU_ASSERT(i == 0 || number == table_end(&t) - 1);
        put(&t, i);
        const uint32_t *before = i > 0 ? table_find(&t, key(i - 1)) : NULL;
        CU_ASSERT(i == 0 || t.generation > generation || table_number(&t, before) == number);
        if (i % 3 > 0)
            table_remove(&t, table_find(&t, key(i - 1)));
    }
    CU_ASSERT(t.generation > 0);
    for (size_t i = 0; i < table_end(&t); i++) {
        if (table_at(&t, i) != NULL)
            CU_ASSERT(table_number(&t, table_at(&t, i)) == i);
    }
    table_check(&t);
    table_free(&t, NULL);
}

/* The same entries of two tables: from one all at once. */
static void remove_from_both(struct table *one_by_one, struct table *at_once, uint32_t every)
{
    uint32_t numbers[3000];
    size_t count = 0;
    for (uint32_t i = every - 1; i < table_end(at_once); i += every)
        if (table_at(at_once, i) != NULL)
            numbers[count++] = i;
    for (size_t i = 0; i < count; i++)
        table_remove(one_by_one, table_at(one_by_one, numbers[i]));
    struct table_doomed doomed = {0};
    for (size_t i = 0; i < count; i++)
        table_doom(&doomed, numbers[i]);
    table_remove_doomed(at_once, &doomed);
    CU_ASSERT(doomed.count == 0 && doomed.numbers == NULL);
    table_check(at_once);
}

static void removes_many(void)
{
    static const uint32_t shares[] = {100, 9, 2, 5, 1};
    struct table one_by_one, at_once;
    table_init(&one_by_one, sizeof(uint32_t), SEED);
    table_init(&at_once, sizeof(uint32_t), SEED);
    for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
        for (uint32_t i = 0; i < 500; i++) {
            put(&one_by_one, 1000 * (uint32_t)k + i);
            put(&at_once, 1000 * (uint32_t)k + i);
        }
        remove_from_both(&one_by_one, &at_once, shares[k]);
        CU_ASSERT(at_once.live == one_by_one.live && at_once.used == one_by_one.used);
        CU_ASSERT_FATAL(table_end(&at_once) == table_end(&one_by_one));
        for (size_t i = 0; i < table_end(&at_once); i++) {
            const uint32_t *a = table_at(&at_once, i), *b = table_at(&one_by_one, i);
            CU_ASSERT((a == NULL) == (b == NULL) && (a == NULL || *a == *b));
        }
    }
    CU_ASSERT(at_once.live == 0 && table_end(&at_once) == 0);
    table_remove_doomed(&at_once, &(struct table_doomed){0});
    put(&at_once, 7);
    table_check(&at_once);
    table_free(&one_by_one, NULL);
    table_free(&at_once, NULL);
}

static size_t freed;

static void count_freed(void *record)
{
    freed += *(uint32_t *)record;
}

static void frees_records(void)
{
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 1; i <= 10; i++)
        put(&t, i);
    table_remove(&t, table_find(&t, key(4)));
    freed = 0;
    table_free(&t, count_freed);
    CU_ASSERT(freed == 55 - 4);
}

/* Records with pointers are aligned for them, others for numbers, whatever the keys' lengths. */
static void aligns_records(void)
{
    static const struct {
        size_t bytes, unit;
    } rows[] = {{4, 4}, {12, 4}, {8, 8}, {16, 8}};
    for (size_t row = 0; row < 4; row++) {
        struct table t;
        bool added;
        table_init(&t, rows[row].bytes, SEED);
        for (uint8_t len = 1; len <= 20; len++) {
            static const uint8_t text[20];
            const uint8_t *record = table_add(&t, (struct bytes){text, len}, &added);
            CU_ASSERT(added && (uintptr_t)record % rows[row].unit == 0);
        }
        table_check(&t);
        table_free(&t, NULL);
    }
}

/* On both sides of the lengths that are kept in one byte. */
static void holds_keys_of_any_length(void)
{
    static const size_t lengths[] = {0, 1, 254, 255, 256, 257, 65535, 65536, 1000000};
    static uint8_t text[1000000];
    struct table t;
    bool added;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint32_t *record = table_add(&t, (struct bytes){text, lengths[i]}, &added);
        CU_ASSERT(added);
        *record = i;
    }
    for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint32_t *record = table_find(&t, (struct bytes){text, lengths[i]});
        CU_ASSERT(record != NULL && *record == i && table_key(&t, record).len == lengths[i]);
    }
    table_check(&t);
    table_free(&t, NULL);
}

/* Adding a key that the table itself has returned moves nothing. */
static void takes_its_own_keys(void)
{
    struct table t;
    bool added;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < 1000; i++) {
        const uint32_t *first = put(&t, i);
        CU_ASSERT(table_add(&t, table_key(&t, first), &added) == first && !added);
    }
    table_free(&t, NULL);
}

/* Memory and time stay with what is there, whatever was there before. */
static void closes_holes(void)
{
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    for (uint32_t i = 0; i < 100000; i++)
        put(&t, i);
    size_t room = t.room;
    for (uint32_t i = 100000; i < 1000000; i++) {
        table_remove(&t, table_find(&t, key(i - 100000)));
        put(&t, i);
    }
    CU_ASSERT(t.room < 2 * room && t.cap <= 200000);
    CU_ASSERT(t.generation < 100);
    table_check(&t);
    for (uint32_t i = 900000; i < 999990; i++)
        table_remove(&t, table_find(&t, key(i)));
    put(&t, 1);
    CU_ASSERT(t.room < 1000 && t.cap < 100 && t.index_cap < 100 && t.live == 11);
    table_check(&t);
    table_free(&t, NULL);
}

static void holds_keys_without_records(void)
{
    struct table t;
    bool added;
    table_init(&t, 0, SEED);
    table_add(&t, BYTES("ab"), &added);
    CU_ASSERT(added);
    table_add(&t, BYTES("abc"), &added);
    CU_ASSERT(added);
    table_add(&t, BYTES("ab"), &added);
    CU_ASSERT(!added);
    CU_ASSERT(bytes_equal(table_key(&t, table_at(&t, 1)), BYTES("abc")));
    table_free(&t, NULL);
}

static uint16_t mark(struct bytes key)
{
    return (uint16_t)(key.at[6] << 8 | key.at[7]);
}

/* Whatever is added, removed, and moved: table_check() compares each with its key. */
static void keeps_marks_while_it_is_large(void)
{
    enum { LARGE = 200000 };
    struct table t;
    table_init(&t, sizeof(uint32_t), SEED);
    table_keep_marks(&t, mark);
    for (uint32_t i = 0; i < 1000; i++)
        put(&t, i);
    CU_ASSERT(!table_has_marks(&t));
    for (uint32_t i = 0; i < LARGE; i++) {
        put(&t, i);
        if (i % 50000 == 0)
            table_check(&t);
    }
    CU_ASSERT(table_has_marks(&t) && table_mark_at(&t, 77) == mark(key(77)));
    uint32_t generation = t.generation, end = LARGE;
    for (uint32_t i = 0; i < LARGE / 2; i++)
        table_remove(&t, table_find(&t, key(2 * i)));
    while (t.generation == generation)
        put(&t, end++);
    CU_ASSERT(table_has_marks(&t));
    table_check(&t);
    for (uint32_t i = 0; i < end; i++)
        if (table_find(&t, key(i)) != NULL && i % 1000 != 1)
            table_remove(&t, table_find(&t, key(i)));
    for (uint32_t i = 0; i < 10; i++)
        put(&t, i);
    CU_ASSERT(!table_has_marks(&t));
    table_check(&t);
    table_free(&t, NULL);
    for (uint32_t i = 0; i < LARGE; i++)
        put(&t, i);
    CU_ASSERT(table_has_marks(&t));
    table_free(&t, NULL);
}

/* Memory of a million elements, and lookups: anything but O(1) would take minutes. */
static void holds_a_million(void)
{
    enum { MANY = 1000000 };
    struct table t;
    table_init(&t, 16, SEED);
    for (uint32_t i = 0; i < MANY; i++)
        put(&t, i);
    size_t found = 0;
    for (uint32_t i = 0; i < 2 * MANY; i++)
        found += table_find(&t, key(i)) != NULL;
    CU_ASSERT(found == MANY && t.live == MANY);
    size_t memory = ((size_t)t.room << t.unit_bits) + t.cap * sizeof(*t.entries) +
                    t.index_cap * sizeof(*t.index);
    CU_ASSERT(memory <= 50 * (size_t)MANY);
    table_free(&t, NULL);
}

SUITE("table", TEST(starts_empty), TEST(finds_what_was_added), TEST(keeps_insertion_order),
      TEST(matches_a_model), TEST(can_remove_while_iterating), TEST(numbers_its_entries),
      TEST(removes_many), TEST(frees_records), TEST(aligns_records), TEST(holds_keys_of_any_length),
      TEST(takes_its_own_keys), TEST(closes_holes), TEST(holds_keys_without_records),
      TEST(keeps_marks_while_it_is_large), TEST(holds_a_million))
