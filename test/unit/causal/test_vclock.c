#include <string.h>

#include "causal/vclock.h"

#include "term/canon.h"
#include "term/etf.h"
#include "unit/suite.h"

#define CLOCKS_MAX 200
#define ACTORS     6

/* A clock by actor number, 0 for a missing actor. */
struct plain {
    unsigned n[ACTORS];
};

static const char *const actors[ACTORS] = {"1", "1.0", "a", "<<\"a\">>", "{a, 1}", "[]"};

static bool dominates(const struct plain *a, const struct plain *b)
{
    bool more = false;
    for (size_t i = 0; i < ACTORS; i++) {
        if (a->n[i] < b->n[i])
            return false;
        more |= a->n[i] > b->n[i];
    }
    return more;
}

/* zeros: whether actors with 0 are named. */
static struct bytes clock_of(const struct plain *p, bool zeros)
{
    struct buf text = {0};
    const char *comma = "";
    buf_printf(&text, "#{");
    for (size_t i = 0; i < ACTORS; i++) {
        if (p->n[i] == 0 && !zeros)
            continue;
        buf_printf(&text, "%s%s => %u", comma, actors[i], p->n[i]);
        comma = ", ";
    }
    buf_printf(&text, "}");
    buf_put_u8(&text, 0);
    struct bytes clock = term_of((const char *)text.at);
    buf_free(&text);
    return clock;
}

/* Each with each, as pairs. */
static void check_pairs(const struct plain *plain, size_t count, const struct bytes *clocks)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            bool same = !dominates(&plain[i], &plain[k]) && !dominates(&plain[k], &plain[i]) &&
                        memcmp(&plain[i], &plain[k], sizeof(plain[i])) == 0;
            struct vclock_order order = vclock_compare(clocks[i], clocks[k]);
            CU_ASSERT(order.at_most == (same || dominates(&plain[k], &plain[i])));
            CU_ASSERT(order.at_least == (same || dominates(&plain[i], &plain[k])));
        }
}

static void check_compare(const struct plain *plain, size_t count, const struct bytes *clocks)
{
    bool dominated[CLOCKS_MAX];
    struct buf greatest = {0}, canonical = {0};
    struct plain most = {0};
    vclocks_compare(clocks, count, 7, dominated, &greatest);
    for (size_t i = 0; i < count; i++) {
        bool wanted = false;
        for (size_t j = 0; j < count; j++)
            wanted |= dominates(&plain[j], &plain[i]);
        CU_ASSERT(dominated[i] == wanted);
        for (size_t a = 0; a < ACTORS; a++)
            most.n[a] = most.n[a] > plain[i].n[a] ? most.n[a] : plain[i].n[a];
    }
    check_pairs(plain, count < 20 ? count : 20, clocks);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&greatest)) == OK);
    CU_ASSERT(vclock_validate(buf_bytes(&canonical)) == OK);
    ASSERT_TERM(buf_bytes(&canonical), clock_of(&most, true));
    buf_free(&greatest);
    buf_free(&canonical);
}

/* Numbers of clocks around multiples of 64, with small random counts. */
static void distinguishes_dominated_from_concurrent(void)
{
    static const size_t counts[] = {1, 2, 3, 7, 63, 64, 65, 127, 128, 129, 200};
    uint32_t chance = 1;
    for (uint32_t round = 0; round < 200; round++) {
        struct plain plain[CLOCKS_MAX];
        struct bytes clocks[CLOCKS_MAX];
        size_t count = counts[round % 11];
        for (size_t i = 0; i < count; i++) {
            for (size_t a = 0; a < ACTORS; a++) {
                chance = chance * 1664525 + 1013904223;
                plain[i].n[a] = (chance >> 16) % (2 + round % 4);
            }
            clocks[i] = clock_of(&plain[i], i == 0 || (chance >> 28 & 1) != 0);
        }
        check_compare(plain, count, clocks);
    }
}

static void compares_empty_clocks(void)
{
    struct buf greatest = {0};
    bool dominated[2] = {true, true};
    vclocks_compare(NULL, 0, 7, NULL, &greatest);
    ASSERT_TERM(buf_bytes(&greatest), term_of("#{}"));
    buf_clear(&greatest);
    struct bytes two[] = {term_of("#{}"), term_of("#{a => 0}")};
    vclocks_compare(two, 2, 7, dominated, &greatest);
    CU_ASSERT(!dominated[0] && !dominated[1]);
    ASSERT_TERM(buf_bytes(&greatest), term_of("#{a => 0}"));
    buf_free(&greatest);
}

static void validates(void)
{
    CU_ASSERT(vclock_validate(term_of("#{}")) == OK);
    CU_ASSERT(vclock_validate(term_of("#{a => 0, 1 => 9223372036854775807}")) == OK);
    CU_ASSERT(vclock_validate(term_of("#{a => 9223372036854775808}")) == ERR_RANGE);
    CU_ASSERT(vclock_validate(term_of("#{a => 36893488147419103232}")) == ERR_RANGE);
    CU_ASSERT(vclock_validate(term_of("#{a => -1, b => 1}")) == ERR_RANGE);
    CU_ASSERT(vclock_validate(term_of("#{a => 1.0}")) == ERR_SHAPE);
    CU_ASSERT(vclock_validate(term_of("[{a, 1}]")) == ERR_SHAPE);
    CU_ASSERT(vclock_validate(term_of("[]")) == ERR_SHAPE);
}

SUITE("vclock", TEST(distinguishes_dominated_from_concurrent), TEST(compares_empty_clocks),
      TEST(validates))
