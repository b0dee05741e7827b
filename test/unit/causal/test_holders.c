#include "causal/holders.h"

#include <string.h>

#include "unit/suite.h"

#define SEED 0x70ad5u

struct held {
    struct table table;
    struct holders holders;
};

static void open_held(struct held *h)
{
    table_init(&h->table, sizeof(struct tags), SEED);
    holders_init(&h->holders, &h->table, SEED);
}

static void free_tags(void *record)
{
    tags_free(record);
}

static void close_held(struct held *h)
{
    holders_free(&h->holders);
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

static void give(struct held *h, uint32_t i, struct tag t)
{
    bool added;
    struct tags *record = table_add(&h->table, key(i), &added);
    CU_ASSERT(tags_add(record, t, SEED));
    holders_add(&h->holders, record, t);
}

static void take(struct held *h, struct tags *record, struct tag t)
{
    CU_ASSERT(tags_remove(record, t));
    if (record->count == 0)
        table_remove(&h->table, record);
}

static bool has(struct held *h, uint32_t i, struct tag t)
{
    const struct tags *found = holders_find(&h->holders, t);
    return found != NULL && found == table_find(&h->table, key(i));
}

static void finds_the_holder(void)
{
    struct held h;
    open_held(&h);
    CU_ASSERT(holders_find(&h.holders, tag(1)) == NULL);
    give(&h, 7, tag(1));
    give(&h, 7, tag(2));
    give(&h, 8, tag(4));
    CU_ASSERT(has(&h, 7, tag(1)) && has(&h, 7, tag(2)) && has(&h, 8, tag(4)));
    CU_ASSERT(holders_find(&h.holders, tag(3)) == NULL);
    take(&h, table_find(&h.table, key(7)), tag(1));
    CU_ASSERT(holders_find(&h.holders, tag(1)) == NULL && has(&h, 7, tag(2)));
    holders_check(&h.holders);
    close_held(&h);
}

/* Tags that come and go on elements that do, against a plain array: each tag belongs to
 * the element of its number, some to many. */
static void agrees_with_a_model(void)
{
    enum { ELEMENTS = 300, TAGS = 2000, STEPS = 60000 };
    static bool held[TAGS];
    struct held h;
    uint64_t random = 3;
    size_t most = 0;
    memset(held, 0, sizeof(held));
    open_held(&h);
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t n = (uint32_t)(random >> 40) % TAGS, element = n % 5 == 0 ? 1 : n % ELEMENTS;
        /* Waves: mostly new ones, then mostly old ones that go. */
        bool gives = (random >> 60) < (step / 5000 % 2 ? 4 : 12);
        CU_ASSERT(has(&h, element, tag(n)) == held[n]);
        if (gives && !held[n])
            give(&h, element, tag(n));
        else if (!gives && held[n])
            take(&h, holders_find(&h.holders, tag(n)), tag(n));
        held[n] = gives;
        most = h.holders.cap > most ? h.holders.cap : most;
        if (step % 1000 == 0)
            holders_check(&h.holders);
    }
    CU_ASSERT(most <= 4 * TAGS && h.table.renumbered > 0);
    holders_check(&h.holders);
    close_held(&h);
}

/* One tag on several elements: each in turn, and of too many only some. */
static void finds_all_but_of_a_crowd(void)
{
    for (uint32_t count = 1; count <= 2 * HOLDERS_MAX; count++) {
        struct held h;
        struct tags *record;
        uint32_t found = 0;
        open_held(&h);
        for (uint32_t i = 0; i < count; i++) {
            give(&h, i, tag(5));
            give(&h, i, tag(100 + i));
        }
        holders_check(&h.holders);
        for (; (record = holders_find(&h.holders, tag(5))) != NULL; found++)
            take(&h, record, tag(5));
        CU_ASSERT(found == (count < HOLDERS_MAX ? count : HOLDERS_MAX));
        for (uint32_t i = 0; i < count; i++)
            CU_ASSERT(has(&h, i, tag(100 + i)));
        close_held(&h);
    }
}

/* What a stranger sends: one tag on everything.  A search for each would take hours. */
static void bears_one_tag_on_everything(void)
{
    enum { MANY = 300000 };
    struct held h;
    open_held(&h);
    holders_reserve(&h.holders, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        give(&h, i, tag(5));
    CU_ASSERT(holders_find(&h.holders, tag(5)) != NULL);
    close_held(&h);
}

static void costs_few_bytes(void)
{
    enum { MANY = 300000 };
    struct held h;
    open_held(&h);
    for (uint32_t i = 0; i < MANY; i++) {
        give(&h, i, tag(i));
        CU_ASSERT(i < 1000 || h.holders.cap * sizeof(*h.holders.slots) <= 13 * (size_t)i);
    }
    holders_check(&h.holders);
    close_held(&h);
}

static void reserves(void)
{
    struct held h;
    open_held(&h);
    give(&h, 1, tag(1));
    holders_reserve(&h.holders, 1000);
    table_reserve(&h.table, 1000);
    const uint32_t *slots = h.holders.slots;
    for (uint32_t i = 2; i <= 1001; i++)
        give(&h, i, tag(i));
    CU_ASSERT(h.holders.slots == slots && has(&h, 1, tag(1)) && has(&h, 1001, tag(1001)));
    close_held(&h);
}

SUITE("holders", TEST(finds_the_holder), TEST(agrees_with_a_model), TEST(finds_all_but_of_a_crowd),
      TEST(bears_one_tag_on_everything), TEST(costs_few_bytes), TEST(reserves))
