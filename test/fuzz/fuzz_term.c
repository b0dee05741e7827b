/* Arbitrary bytes as up to three terms in a row.
 *
 * Each: the measures of its length agree, whatever the check accepts can be read to its end, and
 * its canonical form is its own, in whatever way it is made; that form can be printed, parsed
 * again to the same bytes, hashed and written as JSON.  All: each order is one, and integers can be
 * added and subtracted. */
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "limits.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/integer.h"
#include "term/json.h"
#include "term/native_record.h"
#include "term/order.h"
#include "term/phash2.h"
#include "term/sum.h"
#include "term/text.h"
#include "term/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TERMS 3

/* --- one term ---------------------------------------------------------------------------- */

/* Reads a term as the kind it is; of a container only the head. */
static void read_one(struct etf_in *in)
{
    struct atom atom;
    struct bytes element, tail;
    switch (etf_peek(in)) {
    case ETF_INTEGER:
        etf_int64(in);
        break;
    case ETF_FLOAT:
        etf_float(in);
        break;
    case ETF_ATOM:
        etf_atom(in, &atom);
        break;
    case ETF_REFERENCE:
        etf_reference(in);
        break;
    case ETF_PORT:
        etf_port(in);
        break;
    case ETF_PID:
        etf_pid(in);
        break;
    case ETF_EXPORT:
        etf_export(in);
        break;
    case ETF_TUPLE:
        etf_tuple(in);
        break;
    case ETF_MAP:
        etf_map(in);
        break;
    case ETF_LIST:
        if (!etf_cons(in, &element, &tail))
            for (struct etf_list l = etf_list(in); etf_next(&l, &element);)
                ;
        break;
    case ETF_BINARY:
        etf_binary(in);
        break;
    default:
        etf_any(in);
        break;
    }
}

/* The check in steps of a few bytes. */
static enum err check_slowly(struct bytes b, size_t *len)
{
    struct etf_check check;
    enum err e = OK;
    etf_check_open(&check, b);
    while (!etf_check_step(&check, 1 + b.len % 7, &e))
        ;
    *len = (size_t)(check.at - b.at);
    return e;
}

/* True, with the length, if the term is accepted. */
static bool measures(struct bytes b, size_t *len)
{
    size_t length, measured, slowly;
    bool ends = etf_length(b, &length) == OK;
    bool sound = etf_measure(b, &measured) == OK;
    enum err e = etf_check(b, len);
    must(!sound || (ends && length == measured));
    must(check_slowly(b, &slowly) == e);
    must(e != OK || (sound && *len == measured && *len == slowly));
    return e == OK;
}

static void read_all(struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    must(etf_any(&in).len == checked.len && etf_finish(&in) == OK);
    in = etf_open(checked);
    while (in.err == OK && in.at < in.end)
        read_one(&in);
}

/* In steps of all lengths, here those that the term's own bytes happen to say. */
static void steps(struct bytes canonical, struct bytes checked)
{
    struct buf out = {0};
    enum err e;
    size_t i = 0;
    struct canon *c = canon_open(&out, checked);
    while (!canon_step(c, 1 + checked.at[i], &e))
        i = (i + 1) % checked.len;
    canon_close(c);
    must(e == OK && bytes_equal(buf_bytes(&out), canonical));
    buf_free(&out);
}

static void forms(struct bytes canonical, struct bytes checked)
{
    struct buf twice = {0}, scratch = {0};
    struct bytes view;
    size_t len;
    must(etf_check(canonical, &len) == OK && len == canonical.len);
    must(canon_put(&twice, canonical) == OK && bytes_equal(buf_bytes(&twice), canonical));
    must(canon_view(&scratch, checked, &view) == OK && bytes_equal(view, canonical));
    must(!canon_is_plain(checked) || bytes_equal(checked, canonical));
    steps(canonical, checked);
    buf_clear(&twice);
    buf_put_u8(&twice, 131);
    buf_put(&twice, checked);
    buf_clear(&scratch);
    must(canon_external(&scratch, buf_bytes(&twice)) == OK);
    must(bytes_equal(buf_bytes(&scratch), canonical));
    buf_free(&twice);
    buf_free(&scratch);
}

static void texts(struct bytes canonical)
{
    struct buf text = {0}, again = {0}, brief = {0};
    struct text_error wrong;
    text_print(&text, canonical);
    /* Which cannot be read (text.h). */
    if (!etf_has_record(canonical)) {
        must(text_single(buf_bytes(&text), &again, &wrong) == OK);
        must(bytes_equal(buf_bytes(&again), canonical));
    }
    text_print_short(&brief, canonical, 40);
    must(brief.len <= text.len || brief.len <= 40 + sizeof("..."));
    text_is_literal(canonical);
    buf_free(&text);
    buf_free(&again);
    buf_free(&brief);
}

static void json(struct bytes canonical)
{
    struct buf out = {0};
    uint32_t character;
    json_put(&out, canonical);
    for (size_t at = 0, n; at < out.len; at += n) {
        n = utf8_next((struct bytes){out.at + at, out.len - at}, &character);
        must(n > 0 && character >= ' ');
    }
    buf_free(&out);
}

static void hashes(struct bytes canonical)
{
    must(etf_has_record(canonical) || phash2(canonical) < PHASH2_RANGE);
}

/* --- several ------------------------------------------------------------------------------- */

typedef int order(struct bytes a, struct bytes b);

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void ordered(order *compare, const struct bytes *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int ij = sign(compare(t[i], t[j]));
            must(ij == -sign(compare(t[j], t[i])) && (i != j || ij == 0));
            for (size_t k = 0; k < count; k++)
                must(ij > 0 || compare(t[j], t[k]) > 0 || compare(t[i], t[k]) <= 0);
        }
}

static void total(struct bytes a, struct bytes b)
{
    bool same = bytes_equal(a, b);
    must((term_compare_keys(a, b) == 0) == same && (term_compare_dets(a, b) == 0) == same);
    must(!same || term_compare(a, b) == 0);
}

static bool is_integer(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_INTEGER;
}

/* Both are not negative; sum is empty where it is too large. */
static void summed(struct bytes a, struct bytes b, struct bytes sum)
{
    struct sum s = {0};
    struct buf out = {0};
    enum err e = sum_add(&s, a);
    if (e == OK)
        e = sum_add(&s, b);
    if (e == OK)
        e = sum_put(&s, &out);
    must((e == OK) == (sum.len > 0) && bytes_equal(buf_bytes(&out), sum));
    sum_free(&s);
    buf_free(&out);
}

static void arithmetic(struct bytes a, struct bytes b)
{
    struct buf sum = {0}, back = {0}, difference = {0};
    if (integer_add(&sum, a, b) == OK) {
        if (integer_sub(&back, buf_bytes(&sum), b) == OK)
            must(bytes_equal(buf_bytes(&back), a));
        buf_clear(&back);
        must(integer_add(&back, b, a) == OK && bytes_equal(buf_bytes(&sum), buf_bytes(&back)));
    }
    if (integer_sub(&difference, a, b) == OK)
        must(integer_sign(buf_bytes(&difference)) == sign(integer_compare(a, b)));
    must(sign(integer_compare(a, b)) == sign(term_compare(a, b)));
    if (integer_sign(a) >= 0 && integer_sign(b) >= 0)
        summed(a, b, buf_bytes(&sum));
    buf_free(&sum);
    buf_free(&back);
    buf_free(&difference);
}

static void together(const struct bytes *t, size_t count)
{
    ordered(term_compare, t, count);
    ordered(term_compare_keys, t, count);
    ordered(term_compare_dets, t, count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            total(t[i], t[j]);
            if (is_integer(t[i]) && is_integer(t[j]))
                arithmetic(t[i], t[j]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf unpacked = {0}, kept[TERMS] = {0};
    struct bytes terms[TERMS], left = {data, size};
    size_t len, count = 0;
    if (canon_external(&unpacked, left) != OK)
        must(unpacked.len == 0);
    while (count < TERMS && measures(left, &len)) {
        struct bytes checked = {left.at, len};
        left = (struct bytes){left.at + len, left.len - len};
        read_all(checked);
        if (canon_put(&kept[count], checked) != OK)
            continue;
        terms[count] = buf_bytes(&kept[count]);
        forms(terms[count], checked);
        texts(terms[count]);
        json(terms[count]);
        hashes(terms[count]);
        count++;
    }
    together(terms, count);
    for (size_t i = 0; i < TERMS; i++)
        buf_free(&kept[i]);
    buf_free(&unpacked);
    return 0;
}
