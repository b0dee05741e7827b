#include "crdt/counts.h"
#include "limits.h"
#include "term/etf.h"
#include "unit/suite.h"

static void read(struct buf *out, const char *text)
{
    CU_ASSERT(counts_read(out, wall(term_of(text))) == OK);
}

static bool join(struct counts *c, const char *text, bool local)
{
    struct buf map = {0};
    read(&map, text);
    bool grew = counts_join(c, wall(buf_bytes(&map)), term_of("me"), local);
    counts_check(c);
    buf_free(&map);
    return grew;
}

static void is(const struct counts *c, void (*put)(const struct counts *c, struct buf *out),
               const char *wanted)
{
    struct buf out = {0};
    put(c, &out);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
}

static enum err tally(struct counts *c, const char *actor, const char *text, size_t *bad)
{
    struct ops ops;
    struct bytes wrong;
    struct buf sum = {0};
    CU_ASSERT(ops_read(&ops, wall(term_of(text)), &wrong) == OK);
    enum err e = counts_tally(c, term_of(actor), "add", ops.list, ops.count, &sum, bad);
    CU_ASSERT(e == OK || sum.len == 0);
    if (e == OK)
        counts_raise(c, term_of(actor), buf_bytes(&sum));
    counts_check(c);
    buf_free(&sum);
    ops_free(&ops);
    return e;
}

static void joins_to_the_larger(void)
{
    struct counts c = {0};
    CU_ASSERT(join(&c, "#{b => 2, d => 4}", false));
    CU_ASSERT(join(&c, "#{a => 1, b => 1, c => 3, e => 5}", false));
    CU_ASSERT(!join(&c, "#{a => 1, b => 2, e => 4}", false));
    CU_ASSERT(join(&c, "#{b => 9}", false));
    CU_ASSERT(!join(&c, "#{}", false));
    is(&c, counts_put, "#{a => 1, b => 9, c => 3, d => 4, e => 5}");
    is(&c, counts_sum, "22");
    CU_ASSERT(!counts_changed(&c));
    counts_free(&c);
}

/* 1 and 1.0 are two actors, as they are two keys of a map. */
static void keeps_actors_apart(void)
{
    struct counts c = {0};
    CU_ASSERT(
        join(&c, "#{1 => 1, 1.0 => 2, <<\"1\">> => 3, '1' => 4, \"1\" => 5, [] => 6}", false));
    CU_ASSERT(join(&c, "#{1.0 => 3, {1} => 7}", false));
    is(&c, counts_put,
       "#{1 => 1, 1.0 => 3, <<\"1\">> => 3, '1' => 4, \"1\" => 5, [] => 6, {1} => 7}");
    counts_free(&c);
}

/* Grove keeps an entry for whoever counted by 0, and so states agree. */
static void keeps_zeros(void)
{
    struct counts c = {0};
    CU_ASSERT(join(&c, "#{a => 0, b => 1}", false));
    CU_ASSERT(!join(&c, "#{a => 0, b => 0}", false));
    CU_ASSERT(join(&c, "#{c => 0}", true));
    is(&c, counts_put, "#{a => 0, b => 1, c => 0}");
    is(&c, counts_put_changed, "#{c => 0}");
    is(&c, counts_sum, "1");
    counts_free(&c);
}

static void marks_what_grew_here(void)
{
    struct counts c = {0};
    join(&c, "#{a => 1, b => 2, c => 3}", false);
    CU_ASSERT(join(&c, "#{a => 1, b => 3, d => 1}", true));
    is(&c, counts_put_changed, "#{b => 3, d => 1}");
    /* What a peer brings afterwards is no news of ours, but ours stays news. */
    join(&c, "#{b => 7, e => 1}", false);
    is(&c, counts_put_changed, "#{b => 7, d => 1}");
    counts_reset(&c);
    CU_ASSERT(!counts_changed(&c));
    is(&c, counts_put_changed, "#{}");
    is(&c, counts_put, "#{a => 1, b => 7, c => 3, d => 1, e => 1}");
    counts_free(&c);
}

/* What a peer knows of ourselves and we did not. */
static void marks_what_it_once_did(void)
{
    struct counts c = {0};
    join(&c, "#{a => 1, me => 5}", false);
    is(&c, counts_put_changed, "#{me => 5}");
    counts_reset(&c);
    join(&c, "#{a => 2, me => 5}", false);
    CU_ASSERT(!counts_changed(&c));
    join(&c, "#{a => 3, me => 6}", false);
    is(&c, counts_put_changed, "#{me => 6}");
    counts_free(&c);
}

static void weaves_many_in(void)
{
    struct counts c = {0};
    struct buf map = {0};
    for (int step = 7; step > 0; step -= 2) {
        buf_clear(&map);
        buf_printf(&map, "#{");
        for (int i = 0; i < 900; i += step)
            buf_printf(&map, "%s%d => %d", i == 0 ? "" : ", ", i, i + 1);
        buf_printf(&map, "}%c", 0);
        join(&c, (const char *)map.at, step == 3);
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
    CU_ASSERT(tally(&c, "b", "[add, {add, [4]}, {other, [x]}, {add, [0]}, {add, []}]", &bad) == OK);
    CU_ASSERT(tally(&c, "a", "[]", &bad) == OK);
    CU_ASSERT(tally(&c, "a", "{add, [0]}", &bad) == OK);
    is(&c, counts_put, "#{b => 6}");
    CU_ASSERT(tally(&c, "b", "[add, {add, [-1]}]", &bad) == ERR_BAD_OP && bad == 1);
    CU_ASSERT(tally(&c, "b", "[{add, [1.0]}]", &bad) == ERR_BAD_OP && bad == 0);
    CU_ASSERT(tally(&c, "b", "[other, add, {add, [1, 2]}]", &bad) == ERR_BAD_OP && bad == 2);
    is(&c, counts_put, "#{b => 6}");
    counts_free(&c);
}

static void counts_past_machine_words(void)
{
    struct counts c = {0};
    size_t bad;
    CU_ASSERT(tally(&c, "a", "{add, [9223372036854775807]}", &bad) == OK);
    CU_ASSERT(tally(&c, "a", "add", &bad) == OK);
    is(&c, counts_put, "#{a => 9223372036854775808}");
    CU_ASSERT(tally(&c, "a", "[{add, [18446744073709551615]}, {add, [18446744073709551615]}]",
                    &bad) == OK);
    is(&c, counts_put, "#{a => 46116860184273879038}");
    join(&c, "#{b => 18446744073709551615, c => 1, a => 46116860184273879037}", false);
    is(&c, counts_sum, "64563604257983430654");
    counts_free(&c);
}

/* An integer of LARGE_BIG form whose encoding has exactly this many bytes. */
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

static enum err read_one(struct buf *out, struct bytes count)
{
    struct buf map = {0};
    buf_put(&map, hex("74 00000001 7701 61"));
    buf_put(&map, count);
    enum err e = counts_read(out, wall(buf_bytes(&map)));
    buf_free(&map);
    return e;
}

static void bounds_counts(void)
{
    struct counts c = {0};
    struct buf most = {0}, more = {0}, map = {0};
    size_t bad;
    large(LIMIT_COUNT_BYTES, &most);
    large(LIMIT_COUNT_BYTES + 1, &more);
    CU_ASSERT(read_one(&map, buf_bytes(&more)) == ERR_LIMIT && map.len == 0);
    CU_ASSERT(read_one(&map, buf_bytes(&most)) == OK);
    CU_ASSERT(counts_join(&c, buf_bytes(&map), term_of("me"), false));
    counts_check(&c);
    CU_ASSERT(tally(&c, "a", "[{add, [0]}, add]", &bad) == ERR_LIMIT && bad == 1);
    CU_ASSERT(tally(&c, "b", "add", &bad) == OK);
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
    struct buf out = {0};
    buf_put_u8(&out, 'x');
    CU_ASSERT(counts_read(&out, wall(given)) == wanted);
    CU_ASSERT(out.len == 1 && out.at[0] == 'x');
    buf_free(&out);
}

static void refuses_what_is_no_map_of_counts(void)
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

/* Keys in another order, old atoms and wide integers are the same map. */
static void reads_any_encoding(void)
{
    struct buf out = {0};
    CU_ASSERT(counts_read(&out, wall(hex("74 00000002 64 0001 62 62 00000002"
                                         "  73 01 61 6e 01 00 01"))) == OK);
    ASSERT_TERM(buf_bytes(&out), term_of("#{a => 1, b => 2}"));
    buf_free(&out);
}

SUITE("counts", TEST(joins_to_the_larger), TEST(keeps_actors_apart), TEST(keeps_zeros),
      TEST(marks_what_grew_here), TEST(marks_what_it_once_did), TEST(weaves_many_in), TEST(tallies),
      TEST(counts_past_machine_words), TEST(bounds_counts), TEST(refuses_what_is_no_map_of_counts),
      TEST(reads_any_encoding))
