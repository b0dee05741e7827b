#include "term/integer.h"
#include "term/order.h"
#include "term/write.h"
#include "worth.h"

/* --- lww_register: the last write ------------------------------------------------------------ */

struct write {
    struct term timestamp, actor, value;
};

static void write_free(struct write *w)
{
    term_free(&w->timestamp);
    term_free(&w->actor);
    term_free(&w->value);
}

static bool is_none(const struct write *w)
{
    struct etf_in value = etf_open(term_bytes(&w->value));
    return integer_sign(term_bytes(&w->timestamp)) == 0 && etf_accept(&value, "nil");
}

static bool is_later(const struct write *a, const struct write *b)
{
    int order = integer_compare(term_bytes(&a->timestamp), term_bytes(&b->timestamp));
    int (*const compare[])(struct bytes, struct bytes) = {term_compare, term_compare_keys};
    for (size_t i = 0; i < 4 && order == 0; i++) {
        const struct term *x = i % 2 == 0 ? &a->actor : &a->value;
        const struct term *y = i % 2 == 0 ? &b->actor : &b->value;
        order = compare[i / 2](term_bytes(x), term_bytes(y));
    }
    return order > 0;
}

bool worth_lww_register(struct buf *value, const struct bytes *structs, size_t count)
{
    struct write last = {0};
    for (size_t i = 0; i < count; i++) {
        struct write w = {canonical(field(structs[i], "timestamp")),
                          canonical(field(structs[i], "actor")),
                          canonical(field(structs[i], "value"))};
        bool wins = !is_none(&w) && (last.value.len == 0 || is_later(&w, &last));
        write_free(wins ? &last : &w);
        if (wins)
            last = w;
    }
    if (last.value.len == 0)
        put_atom(value, "nil");
    else
        put_term(value, term_bytes(&last.value));
    write_free(&last);
    return true;
}

/* --- mv_register: the values whose clock no other dominates, in key order -----------------------
 */

static void add_clock(struct rows *clock, const struct row *pair)
{
    struct etf_in in = etf_open(term_bytes(&pair->key));
    etf_tuple_of(&in, 2);
    etf_any(&in);
    rows_add_numbers(clock, (struct bytes){0}, etf_any(&in));
}

static bool is_at_most(const struct rows *clock, const struct rows *other)
{
    for (size_t i = 0; i < clock->count; i++) {
        const struct row *n = &clock->list[i], *same = rows_find(other, &n->key, NULL);
        if (n->n > (same != NULL ? same->n : 0))
            return false;
    }
    return true;
}

static bool dominates(const struct row *a, const struct row *b)
{
    struct rows clock_a = {0}, clock_b = {0};
    add_clock(&clock_a, a);
    add_clock(&clock_b, b);
    bool above = is_at_most(&clock_b, &clock_a) && !is_at_most(&clock_a, &clock_b);
    rows_free(&clock_a);
    rows_free(&clock_b);
    return above;
}

static bool is_dominated(const struct rows *pairs, const struct row *pair)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (dominates(&pairs->list[i], pair))
            return true;
    return false;
}

/* The first that comes after another one, or at all for NULL. */
static const struct row *next_in_order(const struct rows *pairs, const struct row *after)
{
    const struct row *next = NULL;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct row *p = &pairs->list[i];
        struct bytes key = term_bytes(&p->key);
        if ((after == NULL || term_compare_keys(key, term_bytes(&after->key)) > 0) &&
            (next == NULL || term_compare_keys(key, term_bytes(&next->key)) < 0))
            next = p;
    }
    return next;
}

bool worth_mv_register(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows pairs = {0};
    struct buf values = {0};
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct etf_in in = etf_open(field(structs[i], "values"));
        for (uint32_t left = etf_map(&in); left > 0; left--) {
            rows_add(&pairs, canonical(etf_any(&in)), (struct term){0}, 0);
            etf_any(&in);
        }
    }
    for (const struct row *p = NULL; (p = next_in_order(&pairs, p)) != NULL;) {
        if (is_dominated(&pairs, p))
            continue;
        struct etf_in in = etf_open(term_bytes(&p->key));
        etf_tuple_of(&in, 2);
        put_term(&values, etf_any(&in));
        kept++;
    }
    if (kept > 0)
        put_list(value, kept);
    put_term(value, buf_bytes(&values));
    put_nil(value);
    rows_free(&pairs);
    buf_free(&values);
    return true;
}
