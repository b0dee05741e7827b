#include "crdt/tally.h"
#include "limits.h"
#include "term/etf.h"
#include "unit/suite.h"

static bool join_with_delta(struct counts *c, const char *text, struct counts *delta)
{
    CU_ASSERT(counts_validate(wall(term_of(text))) == OK);
    bool grew = counts_join(c, wall(term_of(text)), delta);
    counts_check(c);
    if (delta != NULL)
        counts_check(delta);
    return grew;
}

static bool join(struct counts *c, const char *text)
{
    return join_with_delta(c, text, NULL);
}

static void put_whole(const struct counts *c, struct buf *out)
{
    counts_put(c, PART_WHOLE, out);
}

static void is(const struct counts *c, void (*put)(const struct counts *c, struct buf *out),
               const char *wanted)
{
    struct buf out = {0};
    put(c, &out);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
}

static enum err add(struct counts *c, const char *actor, const char *text, size_t *bad)
{
    struct ops ops;
    struct bytes wrong;
    struct buf sum = {0};
    CU_ASSERT(ops_read(&ops, wall(term_of(text)), &wrong) == OK);
    enum err e = tally(c, term_of(actor), "add", ops.list, ops.count, &sum, bad);
    CU_ASSERT(e == OK || sum.len == 0);
    if (e == OK)
        counts_raise(c, term_of(actor), buf_bytes(&sum), NULL);
    counts_check(c);
    buf_free(&sum);
    ops_free(&ops);
    return e;
}

static void join_takes_the_maximum(void)
{
    struct counts c = {0};
    CU_ASSERT(join(&c, "#{b => 2, d => 4}"));
    CU_ASSERT(join(&c, "#{a => 1, b => 1, c => 3, e => 5}"));
    CU_ASSERT(!join(&c, "#{a => 1, b => 2, e => 4}"));
    CU_ASSERT(join(&c, "#{b => 9}"));
    CU_ASSERT(!join(&c, "#{}"));
    is(&c, put_whole, "#{a => 1, b => 9, c => 3, d => 4, e => 5}");
    is(&c, counts_sum, "22");
    counts_free(&c);
}

static void finds_an_actors_count(void)
{
    struct counts c = {0};
    ASSERT_TERM(counts_of(&c, term_of("a")), term_of("0"));
    CU_ASSERT(join(&c, "#{a => 0, b => 18446744073709551616, 1.0 => 3}"));
    ASSERT_TERM(counts_of(&c, term_of("a")), term_of("0"));
    ASSERT_TERM(counts_of(&c, term_of("b")), term_of("18446744073709551616"));
    ASSERT_TERM(counts_of(&c, term_of("1.0")), term_of("3"));
    ASSERT_TERM(counts_of(&c, term_of("1")), term_of("0"));
    counts_free(&c);
}

/* 1 and 1.0 are different actors, like keys of a map. */
static void distinguishes_actors(void)
{
    struct counts c = {0};
    CU_ASSERT(join(&c, "#{1 => 1, 1.0 => 2, <<\"1\">> => 3, '1' => 4, \"1\" => 5, [] => 6}"));
    CU_ASSERT(join(&c, "#{1.0 => 3, {1} => 7}"));
    is(&c, put_whole,
       "#{1 => 1, 1.0 => 3, <<\"1\">> => 3, '1' => 4, \"1\" => 5, [] => 6, {1} => 7}");
    counts_free(&c);
}

/* Grove keeps an entry for an actor that counted by 0; states must agree. */
static void keeps_zeros(void)
{
    struct counts c = {0};
    CU_ASSERT(join(&c, "#{a => 0, b => 1}"));
    CU_ASSERT(!join(&c, "#{a => 0, b => 0}"));
    CU_ASSERT(join(&c, "#{c => 0}"));
    is(&c, put_whole, "#{a => 0, b => 1, c => 0}");
    is(&c, counts_sum, "1");
    counts_free(&c);
}

static void fills_the_delta(void)
{
    struct counts c = {0}, delta = {0};
    join(&c, "#{a => 1, b => 2, c => 3}");
    CU_ASSERT(join_with_delta(&c, "#{a => 1, b => 3, d => 1}", &delta));
    is(&delta, put_whole, "#{b => 3, d => 1}");
    CU_ASSERT(join_with_delta(&c, "#{a => 5, b => 4, c => 3, 0 => 0}", &delta));
    is(&delta, put_whole, "#{0 => 0, a => 5, b => 4, d => 1}");
    counts_raise(&c, term_of("d"), term_of("1"), &delta);
    counts_raise(&c, term_of("e"), term_of("0"), &delta);
    is(&delta, put_whole, "#{0 => 0, a => 5, b => 4, d => 1}");
    counts_raise(&c, term_of("d"), term_of("2"), &delta);
    counts_raise(&c, term_of("e"), term_of("1"), &delta);
    is(&delta, put_whole, "#{0 => 0, a => 5, b => 4, d => 2, e => 1}");
    is(&c, put_whole, "#{0 => 0, a => 5, b => 4, c => 3, d => 2, e => 1}");
    counts_free(&delta);
    counts_free(&c);
}

static void merges_many(void)
{
    struct counts c = {0};
    struct buf map = {0};
    for (int step = 7; step > 0; step -= 2) {
        buf_clear(&map);
        buf_printf(&map, "#{");
        for (int i = 0; i < 900; i += step)
            buf_printf(&map, "%s%d => %d", i == 0 ? "" : ", ", i, i + 1);
        buf_printf(&map, "}%c", 0);
        join(&c, (const char *)map.at);
    }
    CU_ASSERT(c.len == 900);
    is(&c, counts_sum, "405450");
    buf_free(&map);
    counts_free(&c);
}

static void tallies(void)
{
    struct counts c = {0};
    size_t bad;
    CU_ASSERT(add(&c, "b", "[add, {add, [4]}, {other, [x]}, {add, [0]}, {add, []}]", &bad) == OK);
    CU_ASSERT(add(&c, "a", "[]", &bad) == OK);
    CU_ASSERT(add(&c, "a", "{add, [0]}", &bad) == OK);
    is(&c, put_whole, "#{b => 6}");
    CU_ASSERT(add(&c, "b", "[add, {add, [-1]}]", &bad) == ERR_BAD_OP && bad == 1);
    CU_ASSERT(add(&c, "b", "[{add, [1.0]}]", &bad) == ERR_BAD_OP && bad == 0);
    CU_ASSERT(add(&c, "b", "[other, add, {add, [1, 2]}]", &bad) == ERR_BAD_OP && bad == 2);
    is(&c, put_whole, "#{b => 6}");
    counts_free(&c);
}

static void counts_beyond_64_bits(void)
{
    struct counts c = {0};
    size_t bad;
    CU_ASSERT(add(&c, "a", "{add, [9223372036854775807]}", &bad) == OK);
    CU_ASSERT(add(&c, "a", "add", &bad) == OK);
    is(&c, put_whole, "#{a => 9223372036854775808}");
    CU_ASSERT(
        add(&c, "a", "[{add, [18446744073709551615]}, {add, [18446744073709551615]}]", &bad) == OK);
    is(&c, put_whole, "#{a => 46116860184273879038}");
    join(&c, "#{b => 18446744073709551615, c => 1, a => 46116860184273879037}");
    is(&c, counts_sum, "64563604257983430654");
    counts_free(&c);
}

/* A LARGE_BIG_EXT integer whose encoding has exactly this many bytes. */
static struct bytes large(size_t len, struct buf *out)
{
    size_t digits = len - 6;
    buf_put_u8(out, 111);
    buf_put_u32(out, (uint32_t)digits);
    buf_put_u8(out, 0);
    for (size_t i = 0; i < digits; i++)
        buf_put_u8(out, 0xff);
    return buf_bytes(out);
}

static struct bytes map_of(struct buf *map, struct bytes count)
{
    buf_clear(map);
    buf_put(map, hex("74 00000001 7701 61"));
    buf_put(map, count);
    return buf_bytes(map);
}

static void limits_counts(void)
{
    struct counts c = {0};
    struct buf most = {0}, more = {0}, map = {0};
    size_t bad;
    large(LIMIT_COUNT_BYTES, &most);
    large(LIMIT_COUNT_BYTES + 1, &more);
    CU_ASSERT(counts_validate(wall(map_of(&map, buf_bytes(&more)))) == ERR_LIMIT);
    CU_ASSERT(counts_validate(wall(map_of(&map, buf_bytes(&most)))) == OK);
    CU_ASSERT(counts_join(&c, buf_bytes(&map), NULL));
    counts_check(&c);
    CU_ASSERT(add(&c, "a", "[{add, [0]}, add]", &bad) == ERR_LIMIT && bad == 1);
    CU_ASSERT(add(&c, "b", "add", &bad) == OK);
    struct buf sum = {0};
    size_t len;
    counts_sum(&c, &sum);
    CU_ASSERT(etf_check(wall(buf_bytes(&sum)), &len) == OK && len == LIMIT_COUNT_BYTES + 1);
    buf_free(&sum);
    buf_free(&map);
    buf_free(&most);
    buf_free(&more);
    counts_free(&c);
}

static void refused(struct bytes given, enum err wanted)
{
    CU_ASSERT(counts_validate(wall(given)) == wanted);
}

static void refuses_malformed_maps(void)
{
    refused(term_of("nil"), ERR_SHAPE);
    refused(term_of("[{a, 1}]"), ERR_SHAPE);
    refused(term_of("#{a => 1, b => x}"), ERR_SHAPE);
    refused(term_of("#{a => 1.0}"), ERR_SHAPE);
    refused(term_of("#{a => -1}"), ERR_RANGE);
    refused(term_of("#{a => 1, b => -9223372036854775809}"), ERR_RANGE);
    refused(hex("74 00000002 7701 61 6101 7701 61 6102"), ERR_DUPLICATE);
    refused(hex("74 00000002 7701 61 6101 64 0001 61 6102"), ERR_DUPLICATE);
}

/* Keys in another order, ATOM_EXT and wide integers make the same map. */
static void reads_any_encoding(void)
{
    struct counts c = {0};
    struct bytes map = hex("74 00000002 64 0001 62 62 00000002 73 01 61 6e 01 00 01");
    CU_ASSERT(counts_validate(wall(map)) == OK);
    CU_ASSERT(counts_join(&c, wall(map), NULL));
    is(&c, put_whole, "#{a => 1, b => 2}");
    counts_free(&c);
}

SUITE("counts", TEST(join_takes_the_maximum), TEST(finds_an_actors_count),
      TEST(distinguishes_actors), TEST(keeps_zeros), TEST(fills_the_delta), TEST(merges_many),
      TEST(tallies), TEST(counts_beyond_64_bits), TEST(limits_counts), TEST(refuses_malformed_maps),
      TEST(reads_any_encoding))
