#include "rows.h"

#include "mem.h"
#include "term/canon.h"

struct term canonical(struct bytes checked)
{
    struct term t;
    enum err e = canon_copy(&t, checked);
    must(e == OK);
    return t;
}

struct bytes field(struct bytes map, const char *name)
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

void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        term_free(&r->list[i].key);
        term_free(&r->list[i].second);
    }
    mem_free(r->list);
    *r = (struct rows){0};
}

struct row *rows_find(const struct rows *r, const struct term *key, const struct term *second)
{
    for (size_t i = 0; i < r->count; i++)
        if (bytes_equal(term_bytes(&r->list[i].key), term_bytes(key)) &&
            (second == NULL || bytes_equal(term_bytes(&r->list[i].second), term_bytes(second))))
            return &r->list[i];
    return NULL;
}

void rows_add(struct rows *r, struct term key, struct term second, uint64_t n)
{
    struct row *there = rows_find(r, &key, &second);
    if (there == NULL) {
        r->list = mem_room(r->list, r->count, &r->cap, sizeof(*r->list));
        r->list[r->count++] = (struct row){key, second, n};
        return;
    }
    if (n > there->n)
        there->n = n;
    term_free(&key);
    term_free(&second);
}

void rows_add_numbers(struct rows *r, struct bytes first, struct bytes map)
{
    struct etf_in in = etf_open(map);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct term key = canonical(etf_any(&in));
        struct etf_in number = etf_open(etf_any(&in));
        uint64_t n = etf_uint64(&number);
        r->unknown |= number.err != OK;
        if (first.len > 0)
            rows_add(r, canonical(first), key, n);
        else
            rows_add(r, key, (struct term){0}, n);
    }
}

void rows_add_elements(struct rows *r, struct bytes mapset)
{
    struct etf_in in = etf_open(field(mapset, "map"));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        rows_add(r, canonical(etf_any(&in)), (struct term){0}, 0);
        etf_any(&in);
    }
}

void rows_add_tags(struct rows *r, struct bytes entries)
{
    struct etf_in in = etf_open(entries);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes element = etf_any(&in);
        struct etf_in tags = etf_open(field(etf_any(&in), "map"));
        for (uint32_t count = etf_map(&tags); count > 0; count--) {
            rows_add(r, canonical(element), canonical(etf_any(&tags)), 0);
            etf_any(&tags);
        }
    }
}

void rows_difference(struct rows *shown, const struct rows *added, const struct rows *removed)
{
    for (size_t i = 0; i < added->count; i++) {
        const struct row *row = &added->list[i];
        bool tagged = row->second.len > 0;
        if (rows_find(removed, tagged ? &row->second : &row->key, NULL) == NULL)
            rows_add(shown, term_copy(term_bytes(&row->key)), (struct term){0}, 0);
    }
}
