#include "reference.h"

#include <string.h>

#include "crdt/mapset.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/integer.h"
#include "term/order.h"
#include "term/write.h"

#define ROWS_MAX 512

/* Keys with a number or a second key each, in no order. */
struct row {
    struct term key, second;
    uint64_t n;
};

struct rows {
    struct row list[ROWS_MAX];
    size_t count;
    bool unknown; /* too many, or a number that is too large */
};

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        term_free(&r->list[i].key);
        term_free(&r->list[i].second);
    }
    *r = (struct rows){0};
}

static struct term canonical(struct bytes checked)
{
    struct term t;
    enum err e = canon_copy(&t, checked);
    must(e == OK);
    return t;
}

static struct row *find(const struct rows *r, const struct term *key, const struct term *second)
{
    for (size_t i = 0; i < r->count; i++)
        if (bytes_equal(term_bytes(&r->list[i].key), term_bytes(key)) &&
            (second == NULL || bytes_equal(term_bytes(&r->list[i].second), term_bytes(second))))
            return (struct row *)&r->list[i];
    return NULL;
}

/* Takes both terms.  A row that is there keeps the greater number. */
static void add(struct rows *r, struct term key, struct term second, uint64_t n)
{
    struct row *there = find(r, &key, &second);
    if (there == NULL && r->count < ROWS_MAX) {
        r->list[r->count++] = (struct row){key, second, n};
        return;
    }
    if (there == NULL)
        r->unknown = true;
    else if (n > there->n)
        there->n = n;
    term_free(&key);
    term_free(&second);
}

/* The value of a field; empty if it is not there. */
static struct bytes field(struct bytes map, const char *name)
{
    struct etf_in in = etf_open(map);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        bool this = etf_accept(&in, name);
        if (!this)
            etf_any(&in);
        struct bytes value = etf_any(&in);
        if (this)
            return value;
    }
    return (struct bytes){0};
}

/* --- counters: the greatest count of each actor, and their sum --------------------------- */

static void add_counts(struct rows *r, struct bytes map)
{
    struct etf_in in = etf_open(map);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes actor = etf_any(&in);
        struct etf_in count = etf_open(etf_any(&in));
        uint64_t n = etf_uint64(&count);
        r->unknown |= count.err != OK;
        add(r, canonical(actor), (struct term){0}, n);
    }
}

static bool put_sum(struct buf *value, const struct rows *plus, const struct rows *minus)
{
    __int128 sum = 0;
    for (size_t i = 0; i < plus->count; i++)
        sum += plus->list[i].n;
    for (size_t i = 0; i < minus->count; i++)
        sum -= minus->list[i].n;
    if (plus->unknown || minus->unknown || sum > INT64_MAX || sum < INT64_MIN)
        return false;
    put_int(value, (int64_t)sum);
    return true;
}

/* --- sets --------------------------------------------------------------------------------- */

static void add_elements(struct rows *r, struct bytes mapset)
{
    struct etf_in in = etf_open(field(mapset, "map"));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        add(r, canonical(etf_any(&in)), (struct term){0}, 0);
        etf_any(&in);
    }
}

/* Elements and their tags, one pair a row. */
static void add_tags(struct rows *r, struct bytes entries)
{
    struct etf_in in = etf_open(entries);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes element = etf_any(&in);
        struct etf_in tags = etf_open(field(etf_any(&in), "map"));
        for (uint32_t count = etf_map(&tags); count > 0; count--) {
            add(r, canonical(element), canonical(etf_any(&tags)), 0);
            etf_any(&tags);
        }
    }
}

/* The elements of the first that are not in the second; where they have tags, those of which a tag
 * is not. */
static bool put_difference(struct buf *value, const struct rows *added, const struct rows *removed)
{
    struct buf elements = {0}, set = {0};
    struct rows shown = {0};
    for (size_t i = 0; i < added->count; i++) {
        const struct row *row = &added->list[i];
        bool tagged = row->second.len > 0;
        if (find(removed, tagged ? &row->second : &row->key, NULL) == NULL)
            add(&shown, term_copy(term_bytes(&row->key)), (struct term){0}, 0);
    }
    for (size_t i = 0; i < shown.count; i++)
        mapset_element(&elements, term_bytes(&shown.list[i].key));
    mapset_put(&set, MAPSET_PLAIN, (uint32_t)shown.count);
    put_term(&set, buf_bytes(&elements));
    mapset_end(&set, MAPSET_PLAIN);
    enum err e = canon_put(value, buf_bytes(&set));
    must(e == OK);
    rows_free(&shown);
    buf_free(&elements);
    buf_free(&set);
    return !added->unknown && !removed->unknown;
}

/* --- the register -------------------------------------------------------------------------- */

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

static bool put_last_write(struct buf *value, const struct bytes *structs, size_t count)
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

/* --- which of them ------------------------------------------------------------------------- */

static void collect(struct rows *plus, struct rows *minus, const char *type, struct bytes s)
{
    if (strcmp(type, "gcounter") == 0)
        add_counts(plus, field(s, "counts"));
    if (strcmp(type, "pncounter") == 0) {
        add_counts(plus, field(field(s, "positive"), "counts"));
        add_counts(minus, field(field(s, "negative"), "counts"));
    }
    if (strcmp(type, "gset") == 0)
        add_elements(plus, field(s, "elements"));
    if (strcmp(type, "two_p_set") == 0) {
        add_elements(plus, field(field(s, "added"), "elements"));
        add_elements(minus, field(field(s, "removed"), "elements"));
    }
    if (strcmp(type, "or_set") == 0) {
        add_tags(plus, field(s, "entries"));
        add_elements(minus, field(s, "tombstones"));
    }
}

bool reference_value(struct buf *value, const struct crdt_type *type, const struct bytes *structs,
                     size_t count)
{
    static const char *const sets[] = {"gset", "two_p_set", "or_set"};
    static const char *const counters[] = {"gcounter", "pncounter"};
    static struct rows plus, minus;
    bool known = false;
    for (size_t i = 0; i < count; i++)
        collect(&plus, &minus, type->name, structs[i]);
    for (size_t i = 0; i < 3; i++)
        if (strcmp(type->name, sets[i]) == 0)
            known = put_difference(value, &plus, &minus);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(type->name, counters[i]) == 0)
            known = put_sum(value, &plus, &minus);
    if (strcmp(type->name, "lww_register") == 0)
        known = put_last_write(value, structs, count);
    if (!known)
        buf_clear(value);
    rows_free(&plus);
    rows_free(&minus);
    return known;
}
