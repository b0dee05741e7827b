#include "causal/tags.h"

#include <string.h>

#include "unit/suite.h"

static struct tag tag(uint32_t actor, uint64_t n)
{
    return (struct tag){n, actor};
}

static void numbers_actors(void)
{
    struct actors a;
    uint32_t number = 9;
    actors_init(&a, 7);
    CU_ASSERT(!actors_find(&a, term_of("a"), &number) && number == 9);
    CU_ASSERT(actors_number(&a, term_of("a")) == 0);
    CU_ASSERT(actors_number(&a, term_of("<<\"a\">>")) == 1);
    CU_ASSERT(actors_number(&a, term_of("1")) == 2);
    CU_ASSERT(actors_number(&a, term_of("1.0")) == 3);
    CU_ASSERT(actors_number(&a, term_of("<<\"a\">>")) == 1);
    CU_ASSERT(actors_find(&a, term_of("1"), &number) && number == 2);
    CU_ASSERT(actors_count(&a) == 4);
    ASSERT_TERM(actors_term(&a, 3), term_of("1.0"));
    actors_free(&a);
}

static void writes_a_tag(void)
{
    struct actors a, b;
    struct buf out = {0};
    actors_init(&a, 7);
    actors_init(&b, 8);
    actors_number(&a, term_of("x"));
    actors_number(&a, term_of("{pair, 1}"));
    tag_put(&out, &a, tag(1, INT64_MAX));
    ASSERT_TERM(buf_bytes(&out), term_of("{{pair, 1}, 9223372036854775807}"));
    struct tag there = tag_translate(&b, &a, tag(1, 5));
    CU_ASSERT(there.actor == 0 && there.n == 5);
    ASSERT_TERM(actors_term(&b, 0), term_of("{pair, 1}"));
    buf_free(&out);
    actors_free(&a);
    actors_free(&b);
}

static void reads_tags(void)
{
    static const char *const tags[] = {"{a, 1}", "{a, 2}", "{#{x => 1}, 3}", "{a, 0}"};
    struct tag_reader checks = {0}, reads = {0};
    struct actors a;
    actors_init(&a, 7);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT(tag_validate(&checks, term_of(tags[i])) == OK);
        struct tag t = tag_read(&reads, &a, wall(term_of(tags[i])));
        struct buf out = {0};
        tag_put(&out, &a, t);
        ASSERT_TERM(buf_bytes(&out), term_of(tags[i]));
        buf_free(&out);
    }
    CU_ASSERT(actors_count(&a) == 2);
    /* The same actor as ATOM_EXT, and a wide integer. */
    struct bytes old = hex("68 02 64 0001 61 62 00000007");
    CU_ASSERT(tag_validate(&checks, wall(old)) == OK);
    CU_ASSERT(tag_equal(tag_read(&reads, &a, wall(old)), tag(0, 7)));
    tag_reader_close(&checks);
    tag_reader_close(&reads);
    actors_free(&a);
}

static void refused(struct bytes given, enum err wanted)
{
    struct tag_reader r = {0};
    CU_ASSERT(tag_validate(&r, wall(given)) == wanted);
    tag_reader_close(&r);
}

static void refuses_malformed_tags(void)
{
    refused(term_of("a"), ERR_SHAPE);
    refused(term_of("{a}"), ERR_SHAPE);
    refused(term_of("{a, 1, 2}"), ERR_SHAPE);
    refused(term_of("{a, b}"), ERR_SHAPE);
    refused(term_of("{a, 1.0}"), ERR_SHAPE);
    refused(term_of("[a, 1]"), ERR_SHAPE);
    refused(term_of("{a, -1}"), ERR_RANGE);
    refused(term_of("{a, 9223372036854775808}"), ERR_RANGE);
    refused(term_of("{a, 18446744073709551616}"), ERR_RANGE);
    refused(hex("68 02 74 00000002 6101 6101 6101 6102 6101"), ERR_DUPLICATE);
}

static void sets_match_a_model(void)
{
    enum { ACTORS = 4, COUNTS = 128 };
    static bool there[ACTORS][COUNTS];
    memset(there, 0, sizeof(there));
    struct tag_set s;
    uint64_t random = 5;
    tag_set_init(&s, 0x77);
    for (unsigned step = 0; step < 40000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t actor = (uint32_t)(random >> 40) % ACTORS;
        uint64_t n = (random >> 45) % COUNTS;
        bool adds = (random >> 60) < (step / 3000 % 2 ? 5 : 11);
        CU_ASSERT(tag_set_has(&s, tag(actor, n)) == there[actor][n]);
        bool did = adds ? tag_set_add(&s, tag(actor, n)) : tag_set_remove(&s, tag(actor, n));
        CU_ASSERT(did == (there[actor][n] != adds));
        there[actor][n] = adds;
        if (step % 500 == 0)
            tag_set_check(&s);
    }
    size_t count = 0, walked = 0, at = 0;
    struct tag t;
    for (; tag_set_next(&s, &at, &t); walked++)
        CU_ASSERT(there[t.actor][t.n]);
    for (uint32_t actor = 0; actor < ACTORS; actor++)
        for (uint64_t n = 0; n < COUNTS; n++)
            count += there[actor][n];
    CU_ASSERT(walked == count && s.count == count);
    tag_set_check(&s);
    tag_set_free(&s);
    CU_ASSERT(!tag_set_has(&s, tag(0, 0)));
}

/* At most 35 bytes per tag; anything but O(1) would take minutes. */
static void sets_hold_a_million(void)
{
    enum { MANY = 1000000 };
    struct tag_set s;
    tag_set_init(&s, 3);
    for (uint64_t n = 0; n < MANY; n++)
        tag_set_add(&s, tag(1, n));
    size_t found = 0;
    for (uint64_t n = 0; n < 2 * MANY; n++)
        found += tag_set_has(&s, tag(1, n));
    CU_ASSERT(found == MANY && s.count == MANY);
    CU_ASSERT(s.cap * sizeof(*s.list) + s.slots_cap * sizeof(*s.slots) <= 35 * (size_t)MANY);
    tag_set_free(&s);
}

/* The order of slots would tell a peer about the seed, and be a slow order to fill another set
 * in. */
static void sets_keep_the_order(void)
{
    enum { MANY = 1000 };
    struct tag_set s;
    struct tag t;
    size_t at = 0;
    tag_set_init(&s, 3);
    for (uint64_t n = 0; n < MANY; n++)
        tag_set_add(&s, tag((uint32_t)n % 3, n * 7));
    for (uint64_t n = 0; n < MANY; n++)
        CU_ASSERT(tag_set_next(&s, &at, &t) && tag_equal(t, tag((uint32_t)n % 3, n * 7)));
    CU_ASSERT(!tag_set_next(&s, &at, &t));
    CU_ASSERT(tag_set_remove(&s, tag(1, 7)));
    at = 1;
    CU_ASSERT(tag_set_next(&s, &at, &t) && tag_equal(t, tag((MANY - 1) % 3, (MANY - 1) * 7)));
    tag_set_check(&s);
    tag_set_free(&s);
}

/* None, one in place, many, and back again. */
static void tags_of_one_element(void)
{
    struct tags t = {0};
    struct tag got;
    size_t at = 0;
    CU_ASSERT(!tags_has(&t, tag(0, 0)) && !tags_remove(&t, tag(0, 0)));
    CU_ASSERT(!tags_next(&t, &at, &got));
    for (uint64_t n = 0; n < 50; n++) {
        CU_ASSERT(!tags_has(&t, tag(2, n)));
        CU_ASSERT(tags_add(&t, tag(2, n), 1) && !tags_add(&t, tag(2, n), 1));
        CU_ASSERT(tags_has(&t, tag(2, n)) && !tags_has(&t, tag(1, n)));
        CU_ASSERT(tags_count(&t) == n + 1);
    }
    uint64_t seen = 0;
    for (at = 0; tags_next(&t, &at, &got);)
        seen |= UINT64_C(1) << got.n;
    CU_ASSERT(seen == (UINT64_C(1) << 50) - 1);
    for (uint64_t n = 0; n < 50; n++) {
        CU_ASSERT(!tags_remove(&t, tag(1, n)) && tags_remove(&t, tag(2, n)));
        CU_ASSERT(!tags_has(&t, tag(2, n)) && tags_count(&t) == 49 - n);
        CU_ASSERT(n == 49 || tags_has(&t, tag(2, 49)));
    }
    tags_add(&t, tag(1, 1), 1);
    tags_add(&t, tag(1, 2), 1);
    tags_free(&t);
    CU_ASSERT(tags_count(&t) == 0);
    tags_add(&t, tag(1, 1), 1);
    tags_free(&t);
}

SUITE("tags", TEST(numbers_actors), TEST(writes_a_tag), TEST(reads_tags),
      TEST(refuses_malformed_tags), TEST(sets_match_a_model), TEST(sets_hold_a_million),
      TEST(sets_keep_the_order), TEST(tags_of_one_element))
