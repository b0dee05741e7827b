#include "unit/suite.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "mem.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/order.h"
#include "term/text.h"
#include "term/write.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void print_term(struct bytes term)
{
    struct buf text = {0};
    text_print_short(&text, term, 200);
    fprintf(stderr, "\n    %.*s", (int)text.len, (const char *)text.at);
    buf_free(&text);
}

/* --- against a BEAM ------------------------------------------------------ */

/* A term and its places in a BEAM's two orders (order.escript). */
struct row {
    struct bytes term;
    int64_t value, key;
};

struct rows {
    struct buf file;
    struct row *at;
    size_t count, cap;
};

static void rows_open(struct rows *rows)
{
    *rows = (struct rows){0};
    must(canon_external(&rows->file, vector("term/order.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&rows->file));
    struct bytes element;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in tuple = etf_open(element);
        struct row row;
        etf_tuple_of(&tuple, 3);
        row.value = etf_int64(&tuple);
        row.key = etf_int64(&tuple);
        row.term = etf_any(&tuple);
        must(etf_finish(&tuple) == OK);
        rows->at = mem_room(rows->at, rows->count, &rows->cap, sizeof(row));
        rows->at[rows->count++] = row;
    }
    must(etf_finish(&in) == OK && rows->count > 700);
}

static void rows_close(struct rows *rows)
{
    mem_free(rows->at);
    buf_free(&rows->file);
}

static bool agrees(const struct row *a, const struct row *b, int order, int place)
{
    if (sign(order) == place)
        return true;
    print_term(a->term);
    print_term(b->term);
    fprintf(stderr, "\n    gives %d, a BEAM %d\n", order, place);
    return false;
}

static void orders_values_as_a_beam(void)
{
    struct rows rows;
    rows_open(&rows);
    size_t wrong = 0;
    for (size_t i = 0; i < rows.count && wrong < 10; i++)
        for (size_t k = 0; k < rows.count && wrong < 10; k++) {
            const struct row *a = &rows.at[i], *b = &rows.at[k];
            wrong += !agrees(a, b, term_compare(a->term, b->term),
                             (a->value > b->value) - (a->value < b->value));
        }
    CU_ASSERT_EQUAL(wrong, 0);
    rows_close(&rows);
}

static void orders_keys_as_a_beam(void)
{
    struct rows rows;
    rows_open(&rows);
    size_t wrong = 0;
    for (size_t i = 0; i < rows.count && wrong < 10; i++)
        for (size_t k = 0; k < rows.count && wrong < 10; k++) {
            const struct row *a = &rows.at[i], *b = &rows.at[k];
            wrong += !agrees(a, b, term_compare_keys(a->term, b->term),
                             (a->key > b->key) - (a->key < b->key));
        }
    CU_ASSERT_EQUAL(wrong, 0);
    rows_close(&rows);
}

/* The places of dets_order.escript.  Where two terms share one, a BEAM has no order; ours is
 * still a total order. */
static void orders_dets_keys_as_a_beam(void)
{
    struct rows rows = {0};
    must(canon_external(&rows.file, vector("term/dets_order.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&rows.file));
    struct bytes element;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in tuple = etf_open(element);
        struct row row = {0};
        etf_tuple_of(&tuple, 2);
        row.key = etf_int64(&tuple);
        row.term = etf_any(&tuple);
        must(etf_finish(&tuple) == OK);
        rows.at = mem_room(rows.at, rows.count, &rows.cap, sizeof(row));
        rows.at[rows.count++] = row;
    }
    must(etf_finish(&in) == OK && rows.count > 700);
    size_t wrong = 0;
    for (size_t i = 0; i < rows.count && wrong < 10; i++)
        for (size_t k = 0; k < rows.count && wrong < 10; k++) {
            const struct row *a = &rows.at[i], *b = &rows.at[k];
            int order = term_compare_dets(a->term, b->term), place = sign((int)(a->key - b->key));
            if (place != 0)
                wrong += !agrees(a, b, order, place);
            else
                wrong += !agrees(a, b, order, -sign(term_compare_dets(b->term, a->term)));
            wrong += (order == 0) != (i == k);
        }
    CU_ASSERT_EQUAL(wrong, 0);
    rows_close(&rows);
}

/* --- by hand ------------------------------------------------------------- */

struct pair {
    const char *a, *b;
    int value, key;
};

static void check_pairs(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct pair *p = &pairs[i];
        struct row a = {term_of(p->a), 0, 0}, b = {term_of(p->b), 0, 0};
        CU_ASSERT(agrees(&a, &b, term_compare(a.term, b.term), p->value));
        CU_ASSERT(agrees(&b, &a, term_compare(b.term, a.term), -p->value));
        CU_ASSERT(agrees(&a, &b, term_compare_keys(a.term, b.term), p->key));
        CU_ASSERT(agrees(&b, &a, term_compare_keys(b.term, a.term), -p->key));
    }
}

static void compares_numbers_without_rounding(void)
{
    static const struct pair pairs[] = {
        {"1", "1.0", 0, -1},
        {"2", "1.0", 1, -1},
        {"-0.0", "0.0", 0, -1},
        {"0", "-0.0", 0, -1},
        {"9007199254740993", "9007199254740992.0", 1, -1},
        {"-9007199254740993", "-9007199254740992.0", -1, -1},
        {"18446744073709551615", "18446744073709551616.0", -1, -1},
        {"18446744073709551616", "18446744073709551616.0", 0, -1},
        {"18446744073709551617", "18446744073709551616.0", 1, -1},
        {"-9223372036854775808", "-9223372036854775808.0", 0, -1},
        {"-9223372036854775809", "-9223372036854775808.0", -1, -1},
        {"9223372036854775807", "9223372036854775808.0", -1, -1},
        {"3", "3.5", -1, -1},
        {"-3", "-3.5", 1, -1},
        {"-4", "-3.5", -1, -1},
    };
    check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

/* A BEAM treats these as equal, and as the same key.  Here, where equality is that of bytes,
 * they are two. */
static void distinguishes_terms_equal_on_a_beam(void)
{
    static const struct pair pairs[] = {
        {"#Ref<'a@h'.1.1.2.3>", "#Ref<'a@h'.1.1.2.3.0.0>", 0, -1},
        {"{-0.0,a}", "{0.0,a}", 0, -1},
        {"#{-0.0 => 1}", "#{0.0 => 1}", -1, -1},
        {"#{a => -0.0}", "#{a => 0.0}", 0, -1},
    };
    check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]));

    /* The same fun with two free variables and two creators: a@h, pids 1 and 2. */
    static const char *const head = "70 0000004a 00 00000000000000000000000000000000 00000001 "
                                    "00000001 77026d61 6101 6105 58 77036140 68 ";
    char text[512];
    struct bytes funs[4];
    for (unsigned i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "%s 0000000%u 00000001 00000001 610%u", head, 1 + i % 2,
                 i / 2);
        struct buf canonical = {0};
        must(canon_put(&canonical, hex(text)) == OK);
        funs[i] = wall(buf_bytes(&canonical));
        buf_free(&canonical);
    }
    CU_ASSERT_EQUAL(term_compare(funs[0], funs[1]), 0);
    CU_ASSERT_EQUAL(sign(term_compare_keys(funs[0], funs[1])), -1);
    CU_ASSERT_EQUAL(sign(term_compare_keys(funs[1], funs[0])), 1);
    /* Free variables are compared before the creator. */
    CU_ASSERT_EQUAL(sign(term_compare_keys(funs[1], funs[2])), -1);
    CU_ASSERT_EQUAL(sign(term_compare(funs[1], funs[2])), -1);
}

/* All keys are compared before any value, outermost map first. */
static void compares_keys_of_maps_before_values(void)
{
    static const struct pair pairs[] = {
        {"#{a => 9, b => 1}", "#{a => 1, c => 1}", -1, -1},
        {"#{a => 9, b => 1}", "#{a => 1, b => 2}", 1, 1},
        {"#{a => #{x => 9, y => 1}, b => 1}", "#{a => #{x => 1, y => 1}, c => 1}", -1, -1},
        {"#{a => #{x => [9, {1, 2}]}, b => 1}", "#{a => #{x => [1]}, c => 1}", -1, -1},
        {"#{a => {9, #{x => 1}}, b => 1}", "#{a => {1, #{y => 1}}, c => 1}", -1, -1},
        {"#{a => <<\"long\">>, b => 1}", "#{a => x, c => 1}", -1, -1},
        {"#{#{x => 2} => 1}", "#{#{x => 1, y => 1} => 1}", -1, -1},
        {"#{#{x => 2, y => 1} => 1}", "#{#{x => 1, z => 1} => 0}", -1, -1},
        {"#{a => 2, b => 1.0}", "#{a => 1, b => 1}", 1, 1},
        {"#{a => 1, b => 3}", "#{a => 1.0, b => 2}", 1, -1},
        {"{#{a => 2}, 1}", "{#{a => 1}, 2}", 1, 1},
    };
    check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

/* --- depth --------------------------------------------------------------- */

/* Containers nested to the maximum depth, with leaf at the bottom. */
static struct bytes nest(struct buf *out, const char *shape, int64_t leaf)
{
    for (unsigned i = 0; i < LIMIT_TERM_DEPTH; i++) {
        switch (shape[i % strlen(shape)]) {
        case '{':
            put_tuple(out, 1);
            break;
        case '[':
            put_list(out, 1);
            break;
        case 'v':
            put_map(out, 1);
            put_atom(out, "k");
            break;
        default:
            must(false);
        }
    }
    put_int(out, leaf);
    for (unsigned i = 0; i < LIMIT_TERM_DEPTH; i++)
        if (shape[i % strlen(shape)] == '[')
            put_nil(out);
    return buf_bytes(out);
}

static void compares_at_the_maximum_depth(void)
{
    static const char *const shapes[] = {"{", "[", "v", "v{[", "[v"};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct buf small = {0}, large = {0};
        struct bytes a = wall(nest(&small, shapes[i], 1000));
        struct bytes b = wall(nest(&large, shapes[i], 70000));
        CU_ASSERT_EQUAL(sign(term_compare(a, b)), -1);
        CU_ASSERT_EQUAL(sign(term_compare_keys(b, a)), 1);
        CU_ASSERT_EQUAL(term_compare(a, a), 0);
        buf_free(&small);
        buf_free(&large);
    }
}

SUITE("term/order", TEST(orders_values_as_a_beam), TEST(orders_keys_as_a_beam),
      TEST(orders_dets_keys_as_a_beam), TEST(compares_numbers_without_rounding),
      TEST(distinguishes_terms_equal_on_a_beam), TEST(compares_keys_of_maps_before_values),
      TEST(compares_at_the_maximum_depth))
