#include "causal/vclock.h"

#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

#define CLOCKS_MAX 200
#define ACTORS     150

/* A clock by actor number, 0 for a missing actor. */
struct plain {
    uint64_t n[ACTORS];
    bool zeros; /* its term names actors with 0 */
};

/* The actors of the first numbers; those of the others are integers. */
static const char *const actors[] = {"1", "1.0", "a", "<<\"a\">>", "{a, 1}", "[]"};
#define NAMED (sizeof(actors) / sizeof(actors[0]))

static uint32_t seed;

static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

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

static void put_actor(struct buf *text, size_t i)
{
    if (i < NAMED)
        buf_printf(text, "%s", actors[i]);
    else
        buf_printf(text, "%zu", i);
}

static struct bytes term_of_clock(const struct plain *p)
{
    struct buf text = {0};
    const char *comma = "";
    buf_printf(&text, "#{");
    for (size_t i = 0; i < ACTORS; i++) {
        if (p->n[i] == 0 && !p->zeros)
            continue;
        buf_printf(&text, "%s", comma);
        put_actor(&text, i);
        buf_printf(&text, " => %llu", (unsigned long long)p->n[i]);
        comma = ", ";
    }
    buf_printf(&text, "}");
    buf_put_u8(&text, 0);
    struct bytes clock = term_of((const char *)text.at);
    buf_free(&text);
    return clock;
}

/* --- comparing with the definition ----------------------------------------------------- */

struct trial {
    struct plain plain[CLOCKS_MAX];
    struct vclock list[CLOCKS_MAX];
    bool fresh[CLOCKS_MAX];
    size_t count;
    uint32_t strangers; /* actors that no clock has */
    struct actors actors;
};

/* Those that are not fresh must not dominate each other: i is one of them if it may be. */
static void choose_fresh(struct trial *t, size_t i, uint32_t one_of)
{
    t->fresh[i] = chance(one_of) == 0;
    for (size_t k = 0; k < i; k++)
        t->fresh[i] |= !t->fresh[k] && (dominates(&t->plain[i], &t->plain[k]) ||
                                        dominates(&t->plain[k], &t->plain[i]));
}

static bool is_dominated(const struct trial *t, size_t i)
{
    for (size_t k = 0; k < t->count; k++)
        if (dominates(&t->plain[k], &t->plain[i]))
            return true;
    return false;
}

/* Of all actors that any clock names. */
static struct bytes greatest_of(const struct trial *t)
{
    struct plain most = {0};
    struct buf text = {0};
    const char *comma = "";
    buf_printf(&text, "#{");
    for (size_t a = 0; a < ACTORS; a++) {
        bool named = false;
        for (size_t i = 0; i < t->count; i++) {
            named |= t->plain[i].zeros || t->plain[i].n[a] > 0;
            if (t->fresh[i] && t->plain[i].n[a] > most.n[a])
                most.n[a] = t->plain[i].n[a];
        }
        if (!named)
            continue;
        buf_printf(&text, "%s", comma);
        put_actor(&text, a);
        buf_printf(&text, " => %llu", (unsigned long long)most.n[a]);
        comma = ", ";
    }
    buf_printf(&text, "}");
    buf_put_u8(&text, 0);
    struct bytes term = term_of((const char *)text.at);
    buf_free(&text);
    return term;
}

static void check_greatest(const struct trial *t, const struct vclocks *v)
{
    struct buf greatest = {0}, canonical = {0};
    vclocks_greatest(v, &greatest);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&greatest)) == OK);
    CU_ASSERT(vclock_validate(buf_bytes(&canonical)) == OK);
    ASSERT_TERM(buf_bytes(&canonical), greatest_of(t));
    buf_free(&greatest);
    buf_free(&canonical);
}

static void number_strangers(struct trial *t)
{
    struct buf actor = {0};
    for (uint32_t i = 0; i < t->strangers; i++) {
        buf_clear(&actor);
        put_uint(&actor, ACTORS + i);
        actors_number(&t->actors, buf_bytes(&actor));
    }
    buf_free(&actor);
}

/* The number of dominated clocks. */
static size_t check_trial(struct trial *t)
{
    bool dominated[CLOCKS_MAX];
    size_t all = 0;
    actors_init(&t->actors, 7);
    number_strangers(t);
    for (size_t i = 0; i < t->count; i++) {
        struct bytes term = term_of_clock(&t->plain[i]);
        t->list[i] = vclock_read(term, &t->actors);
        vclock_check(&t->list[i], term, &t->actors);
        dominated[i] = true;
    }
    struct vclocks v = {&t->actors, t->list, t->fresh, t->count};
    vclocks_compare(&v, dominated);
    for (size_t i = 0; i < t->count; i++) {
        CU_ASSERT(dominated[i] == is_dominated(t, i));
        all += dominated[i];
    }
    if (t->strangers == 0)
        check_greatest(t, &v);
    for (size_t i = 0; i < t->count; i++)
        vclock_free(&t->list[i]);
    actors_free(&t->actors);
    return all;
}

/* --- clocks to compare ------------------------------------------------------------------ */

/* Small random counts of a few actors. */
static void draw_small(struct trial *t, size_t i)
{
    uint32_t most = 2 + chance(4);
    t->plain[i] = (struct plain){.zeros = i == 0 || chance(2) == 0};
    for (size_t a = 0; a < NAMED; a++)
        t->plain[i].n[a] = chance(most);
}

static const uint64_t counts[] = {
    0, 0, 1, 2, UINT32_MAX, UINT32_MAX + UINT64_C(1), INT64_MAX - 1, INT64_MAX};

static void draw_entry(struct plain *p, size_t a)
{
    p->n[a] = counts[chance(sizeof(counts) / sizeof(counts[0]))];
}

/* Every actor is drawn for the first; the others have a few more or fewer entries than one before:
 * mostly the last ones, which a comparison that ends too early misses. */
static void draw_wide(struct trial *t, size_t i)
{
    struct plain *p = &t->plain[i];
    *p = i == 0 ? (struct plain){0} : t->plain[chance((uint32_t)i)];
    p->zeros = chance(4) == 0;
    for (size_t a = 0; i == 0 && a < ACTORS; a++)
        draw_entry(p, a);
    for (uint32_t changes = chance(3); changes > 0; changes--)
        draw_entry(p, chance(2) == 0 ? ACTORS - 1 - chance(3) : chance(ACTORS));
}

/* Ranges of actors, which are disjoint, one in the other, or overlap. */
static void draw_range(struct trial *t, size_t i)
{
    size_t first = 10 * chance(ACTORS / 10), end = first + 1 + chance((uint32_t)(ACTORS - first));
    t->plain[i] = (struct plain){.zeros = chance(4) == 0};
    for (size_t a = first; a < end; a++)
        t->plain[i].n[a] = 1 + chance(20) / 19;
}

typedef void draw_function(struct trial *t, size_t i);

/* Numbers of clocks around multiples of 64.  Some of them are dominated, and some are not. */
static void check_drawn(draw_function *draw, uint32_t rounds)
{
    static const size_t sizes[] = {1, 2, 3, 7, 63, 64, 65, 127, 128, 129, 200};
    static const uint32_t one_of[] = {1, 2, 8, 50, 1000};
    static struct trial t;
    size_t all = 0, dominated = 0;
    seed = 1;
    for (uint32_t round = 0; round < rounds; round++) {
        t.count = sizes[round % 11];
        for (size_t i = 0; i < t.count; i++) {
            draw(&t, i);
            choose_fresh(&t, i, one_of[round % 5]);
        }
        all += t.count;
        dominated += check_trial(&t);
    }
    CU_ASSERT(dominated > all / 20 && dominated < all - all / 20);
}

static void compares_small_clocks(void)
{
    check_drawn(draw_small, 110);
}

static void compares_clocks_of_many_actors(void)
{
    check_drawn(draw_wide, 55);
}

static void compares_clocks_of_other_actors(void)
{
    check_drawn(draw_range, 55);
}

/* So many that only three new clocks are compared at once, or one. */
static void compares_among_many_actors(void)
{
    static const uint32_t strangers[] = {300000, 700000};
    static struct trial t;
    size_t dominated = 0;
    seed = 1;
    for (size_t round = 0; round < 8; round++) {
        t = (struct trial){.count = 7 + round % 3, .strangers = strangers[round / 4]};
        for (size_t i = 0; i < t.count; i++) {
            draw_small(&t, i);
            t.fresh[i] = true;
        }
        dominated += check_trial(&t);
    }
    CU_ASSERT(dominated > 8 && dominated < 8 * 7);
}

/* The new clock is below, above, beside and the same as one before, whichever entry it is that
 * decides, and however many others are new. */
static void compares_in_both_directions(void)
{
    static struct trial t;
    for (size_t others = 0; others < 20; others += 19) {
        for (size_t a = others % 2; a < ACTORS; a += 1 + others) {
            t = (struct trial){.count = 2 + others};
            for (size_t i = 0; i < ACTORS; i++)
                t.plain[0].n[i] = t.plain[1].n[i] = 5;
            for (size_t i = 2; i < t.count; i++)
                t.plain[i].n[(a + i) % ACTORS] = 9;
            t.fresh[0] = false;
            for (size_t i = 1; i < t.count; i++)
                t.fresh[i] = true;
            CU_ASSERT(check_trial(&t) == 0);
            t.plain[1].n[a] = a % 2 == 0 ? 4 : 0;
            CU_ASSERT(check_trial(&t) == 1);
            t.plain[1].n[a] = 6;
            CU_ASSERT(check_trial(&t) == 1);
            t.plain[1].n[(a + 1) % ACTORS] = 0;
            CU_ASSERT(check_trial(&t) == 0);
        }
    }
}

static void compares_empty_clocks(void)
{
    struct buf greatest = {0};
    struct vclock list[2];
    bool fresh[2] = {true, false}, dominated[2] = {true, true};
    struct actors none;
    actors_init(&none, 7);
    struct vclocks v = {&none, NULL, NULL, 0};
    vclocks_compare(&v, NULL);
    vclocks_greatest(&v, &greatest);
    ASSERT_TERM(buf_bytes(&greatest), term_of("#{}"));
    buf_clear(&greatest);
    list[0] = vclock_read(term_of("#{}"), &none);
    list[1] = vclock_read(term_of("#{a => 0}"), &none);
    CU_ASSERT(list[0].len == 0 && list[1].len == 0);
    v = (struct vclocks){&none, list, fresh, 2};
    vclocks_compare(&v, dominated);
    CU_ASSERT(!dominated[0] && !dominated[1]);
    vclocks_greatest(&v, &greatest);
    ASSERT_TERM(buf_bytes(&greatest), term_of("#{a => 0}"));
    vclock_free(&list[0]);
    vclock_free(&list[1]);
    actors_free(&none);
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

SUITE("vclock", TEST(compares_small_clocks), TEST(compares_clocks_of_many_actors),
      TEST(compares_clocks_of_other_actors), TEST(compares_among_many_actors),
      TEST(compares_in_both_directions), TEST(compares_empty_clocks), TEST(validates))
