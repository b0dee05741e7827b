#include <stdio.h>

#include "mem.h"
#include "term/canon.h"
#include "term/native_record.h"
#include "term/order.h"
#include "term/text.h"
#include "unit/suite.h"

/* A row of term/native_records.etf: what OTP 29 says of a term. */
struct row {
    int64_t value, key;
    struct bytes text, term;
};

struct rows {
    struct row at[300];
    size_t count;
};

static struct row row_read(struct bytes element)
{
    struct etf_in in = etf_open(element);
    struct row row;
    etf_tuple_of(&in, 4);
    row.value = etf_int64(&in);
    row.key = etf_int64(&in);
    row.text = etf_binary(&in);
    row.term = etf_any(&in);
    must(etf_finish(&in) == OK);
    return row;
}

static void rows_read(struct rows *rows)
{
    struct bytes file = vector("term/native_records.etf");
    size_t len;
    must(file.len > 1 && etf_check((struct bytes){file.at + 1, file.len - 1}, &len) == OK);
    must(len == file.len - 1);
    struct etf_in in = etf_open((struct bytes){file.at + 1, len});
    struct bytes element;
    rows->count = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);)
        rows->at[rows->count++] = row_read(element);
    must(etf_finish(&in) == OK && rows->count > 200);
}

static int sign(int64_t v)
{
    return (v > 0) - (v < 0);
}

static bool same(const char *what, const struct row *row, bool yes)
{
    if (!yes)
        fprintf(stderr, "\n%s: %.*s\n", what, TEXT(row->text));
    return yes;
}

static void canonical_as_otp_29_writes_them(void)
{
    struct rows rows;
    rows_read(&rows);
    for (size_t i = 0; i < rows.count; i++) {
        struct buf out = {0};
        CU_ASSERT(canon_put(&out, wall(rows.at[i].term)) == OK);
        CU_ASSERT(same("canonical", &rows.at[i], bytes_equal(buf_bytes(&out), rows.at[i].term)));
        buf_free(&out);
    }
}

static void ordered_as_by_otp_29(void)
{
    struct rows rows;
    rows_read(&rows);
    for (size_t i = 0; i < rows.count; i++)
        for (size_t k = 0; k < rows.count; k++) {
            const struct row *a = &rows.at[i], *b = &rows.at[k];
            CU_ASSERT(same("value", a,
                           sign(term_compare(a->term, b->term)) == sign(a->value - b->value)));
            CU_ASSERT(
                same("key", a, sign(term_compare_keys(a->term, b->term)) == sign(a->key - b->key)));
        }
}

static void printed_as_by_otp_29(void)
{
    struct rows rows;
    rows_read(&rows);
    for (size_t i = 0; i < rows.count; i++) {
        struct buf out = {0};
        text_print(&out, rows.at[i].term);
        bool yes = bytes_equal(buf_bytes(&out), rows.at[i].text);
        if (!yes)
            fprintf(stderr, "\n%.*s", TEXT(out));
        CU_ASSERT(same("printed", &rows.at[i], yes));
        buf_free(&out);
    }
}

static bool has_text(struct bytes text, const char *part)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.at[i] == part[0] && text.at[i + 1] == part[1])
            return true;
    return false;
}

static void found(void)
{
    struct rows rows;
    size_t with = 0;
    rows_read(&rows);
    for (size_t i = 0; i < rows.count; i++) {
        bool wanted = has_text(rows.at[i].text, "#m") || has_text(rows.at[i].text, "#l") ||
                      has_text(rows.at[i].text, "#'");
        CU_ASSERT(same("found", &rows.at[i], etf_has_record(wall(rows.at[i].term)) == wanted));
        with += wanted;
    }
    CU_ASSERT(with > 100 && with < rows.count);
    /* What only looks like one. */
    CU_ASSERT(!etf_has_record(hex("6d 0000000c 43 00000001 00 77016d 770172")));
    CU_ASSERT(!etf_has_record(hex("77 01 43")));
    CU_ASSERT(!etf_has_record((struct bytes){0}));
}

static enum err check(const char *given)
{
    size_t len;
    return etf_check(wall(hex(given)), &len);
}

static void refused(void)
{
    static const char whole[] = "43 00000002 00 77016d 770172 770161 770162 6101 6102";
    struct bytes b = hex(whole);
    CU_ASSERT(check(whole) == OK);
    for (size_t cut = 0; cut < b.len; cut++) {
        size_t len;
        CU_ASSERT(etf_check(wall((struct bytes){b.at, cut}), &len) == ERR_SHORT);
    }
    CU_ASSERT(check("43 ffffffff 00 77016d 770172") == ERR_SHORT);
    CU_ASSERT(check("43 00000000 02 77016d 770172") == ERR_RANGE);
    CU_ASSERT(check("43 00000000 00 6d0000000161 770172") == ERR_SHAPE);
    CU_ASSERT(check("43 00000001 00 77016d 770172 6101 6101") == ERR_SHAPE);
    struct buf out = {0};
    /* Two fields of one name, in two encodings. */
    CU_ASSERT(canon_put(&out, hex("43 00000002 00 77016d 770172 770161 64000161 6101 6102")) ==
              ERR_DUPLICATE);
    CU_ASSERT(out.len == 0);
    /* Parts that are not canonical. */
    CU_ASSERT(canon_put(&out, hex("43 00000001 00 7600016d 64000172 73 01 61 62 00000001")) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("43 00000001 00 77016d 770172 770161 6101")));
    buf_free(&out);
}

SUITE("term/native_record", TEST(canonical_as_otp_29_writes_them), TEST(ordered_as_by_otp_29),
      TEST(printed_as_by_otp_29), TEST(found), TEST(refused))
