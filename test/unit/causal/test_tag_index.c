#include "causal/tag_index.h"

#include <string.h>

#include "unit/suite.h"

#define SEED 0x70ad5u

struct fixture {
    struct table table;
    struct tag_index index;
};

static void fixture_open(struct fixture *h)
{
    table_init(&h->table, sizeof(struct tags), SEED);
    tag_index_init(&h->index, &h->table, SEED);
}

static void free_tags(void *record)
{
    tags_free(record);
}

static void fixture_close(struct fixture *h)
{
    tag_index_free(&h->index);
    table_free(&h->table, free_tags);
}

static struct bytes key(uint32_t i)
{
    static uint8_t at[sizeof(i)];
    memcpy(at, &i, sizeof(i));
    return (struct bytes){at, sizeof(at)};
}

static struct tag tag(uint64_t n)
{
    return (struct tag){n, (uint32_t)(n % 3)};
}

static void add(struct fixture *h, uint32_t i, struct tag t)
{
    bool added;
    struct tags *record = table_add(&h->table, key(i), &added);
    CU_ASSERT(tags_add(record, t, SEED));
    tag_index_add(&h->index, record, t);
}

static void take(struct fixture *h, struct tags *record, struct tag t)
{
    CU_ASSERT(tags_remove(record, t));
    if (tags_count(record) == 0)
        table_remove(&h->table, record);
}

/* A record with the tag, of which the number is the table's. */
static struct tags *found_with(struct fixture *h, struct tag t)
{
    uint32_t number;
    struct tags *record = tag_index_find(&h->index, t, &number);
    CU_ASSERT_FATAL(record == NULL || number == table_number(&h->table, record));
    return record;
}

static bool has(struct fixture *h, uint32_t i, struct tag t)
{
    const struct tags *found = found_with(h, t);
    return found != NULL && found == table_find(&h->table, key(i));
}

static void finds_the_element(void)
{
    struct fixture h;
    fixture_open(&h);
    CU_ASSERT(found_with(&h, tag(1)) == NULL);
    add(&h, 7, tag(1));
    add(&h, 7, tag(2));
    add(&h, 8, tag(4));
    CU_ASSERT(has(&h, 7, tag(1)) && has(&h, 7, tag(2)) && has(&h, 8, tag(4)));
    CU_ASSERT(found_with(&h, tag(3)) == NULL);
    take(&h, table_find(&h.table, key(7)), tag(1));
    CU_ASSERT(found_with(&h, tag(1)) == NULL && has(&h, 7, tag(2)));
    tag_index_check(&h.index);
    fixture_close(&h);
}

/* Random adds and removals of tags, compared with a plain array.  A tag belongs to the element of
 * its number, every fifth to element 1. */
static void matches_a_model(void)
{
    enum { ELEMENTS = 300, TAGS = 2000, STEPS = 60000 };
    static bool held[TAGS];
    struct fixture h;
    uint64_t random = 3;
    size_t most = 0;
    memset(held, 0, sizeof(held));
    fixture_open(&h);
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t n = (uint32_t)(random >> 40) % TAGS, element = n % 5 == 0 ? 1 : n % ELEMENTS;
        /* Waves: mostly adds, then mostly removals. */
        bool gives = (random >> 60) < (step / 5000 % 2 ? 4 : 12);
        CU_ASSERT(has(&h, element, tag(n)) == held[n]);
        if (gives && !held[n])
            add(&h, element, tag(n));
        else if (!gives && held[n])
            take(&h, found_with(&h, tag(n)), tag(n));
        held[n] = gives;
        most = h.index.cap > most ? h.index.cap : most;
        if (step % 1000 == 0)
            tag_index_check(&h.index);
    }
    CU_ASSERT(most <= 4 * TAGS && h.table.generation > 0);
    tag_index_check(&h.index);
    fixture_close(&h);
}

/* One tag on several elements: each is found in turn, also if others of them go first. */
static void finds_all_elements(void)
{
    for (uint32_t count = 1; count <= 20; count++) {
        struct fixture h;
        struct tags *record;
        uint32_t found = 0;
        fixture_open(&h);
        for (uint32_t i = 0; i < count; i++) {
            add(&h, i, tag(5));
            add(&h, i, tag(100 + i));
        }
        tag_index_check(&h.index);
        for (uint32_t i = 3; i < count; i += 4) {
            take(&h, table_find(&h.table, key(i)), tag(5));
            take(&h, table_find(&h.table, key(i)), tag(100 + i));
            found++;
        }
        tag_index_check(&h.index);
        for (; (record = found_with(&h, tag(5))) != NULL; found++)
            take(&h, record, tag(5));
        CU_ASSERT(found == count);
        for (uint32_t i = 0; i < count; i++)
            CU_ASSERT(has(&h, i, tag(100 + i)) == (i % 4 != 3));
        tag_index_check(&h.index);
        fixture_close(&h);
    }
}

/* A malicious state: one tag on everything.  Searching for each would take hours. */
static void survives_one_tag_on_everything(void)
{
    enum { MANY = 300000 };
    struct fixture h;
    fixture_open(&h);
    for (uint32_t i = 0; i < MANY; i++)
        add(&h, i, tag(5));
    struct tags *record;
    for (uint32_t i = MANY; (record = found_with(&h, tag(5))) != NULL; i--) {
        CU_ASSERT(i > 0);
        take(&h, record, tag(5));
    }
    CU_ASSERT(h.table.live == 0);
    fixture_close(&h);
}

static void uses_little_memory(void)
{
    enum { MANY = 300000 };
    struct fixture h;
    fixture_open(&h);
    for (uint32_t i = 0; i < MANY; i++) {
        add(&h, i, tag(i));
        CU_ASSERT(i < 1000 || h.index.cap * sizeof(*h.index.slots) <= 13 * (size_t)i);
    }
    tag_index_check(&h.index);
    fixture_close(&h);
}

SUITE("tag_index", TEST(finds_the_element), TEST(matches_a_model), TEST(finds_all_elements),
      TEST(survives_one_tag_on_everything), TEST(uses_little_memory))
