/* rga: the tree of the elements, each below the one that it was inserted after, walked from the
 * head.  Siblings are in the order of their times, then of their ids.  Of two elements with one id
 * the later is kept, at equal times the greater. */
#include "mem.h"
#include "term/order.h"
#include "term/write.h"
#include "worth.h"

struct element {
    struct term id, time, parent, value; /* time: {Milliseconds, Counter, Node} */
};

struct elements {
    struct element *list;
    size_t count, cap;
    struct rows tombstones;
};

static void element_free(struct element *e)
{
    term_free(&e->id);
    term_free(&e->time);
    term_free(&e->parent);
    term_free(&e->value);
}

static struct element element_read(struct bytes map)
{
    struct buf time = {0};
    struct bytes clock = field(map, "timestamp");
    put_tuple(&time, 3);
    put_term(&time, field(clock, "time"));
    put_term(&time, field(clock, "counter"));
    put_term(&time, field(clock, "node"));
    struct element e = {canonical(field(map, "id")), canonical(buf_bytes(&time)),
                        canonical(field(map, "prev_id")), canonical(field(map, "value"))};
    buf_free(&time);
    return e;
}

static bool is_greater(const struct element *a, const struct element *b)
{
    int order = term_compare_keys(term_bytes(&a->time), term_bytes(&b->time));
    if (order == 0)
        order = term_compare_keys(term_bytes(&a->parent), term_bytes(&b->parent));
    if (order == 0)
        order = term_compare_keys(term_bytes(&a->value), term_bytes(&b->value));
    return order > 0;
}

static void add_element(struct elements *all, struct bytes map)
{
    struct element e = element_read(map);
    size_t i = 0;
    while (i < all->count && !bytes_equal(term_bytes(&all->list[i].id), term_bytes(&e.id)))
        i++;
    if (i == all->count) {
        all->list = mem_room(all->list, i, &all->cap, sizeof(*all->list));
        all->list[all->count++] = e;
        return;
    }
    bool wins = is_greater(&e, &all->list[i]);
    element_free(wins ? &all->list[i] : &e);
    if (wins)
        all->list[i] = e;
}

static bool is_before(const struct element *a, const struct element *b)
{
    int order = term_compare(term_bytes(&a->time), term_bytes(&b->time));
    if (order == 0)
        order = term_compare(term_bytes(&a->id), term_bytes(&b->id));
    if (order == 0)
        order = term_compare_keys(term_bytes(&a->id), term_bytes(&b->id));
    return order < 0;
}

/* The first child that comes after another one, or at all for NULL. */
static const struct element *next_child(const struct elements *all, struct bytes parent,
                                        const struct element *after)
{
    const struct element *next = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct element *e = &all->list[i];
        if (bytes_equal(term_bytes(&e->parent), parent) && (after == NULL || is_before(after, e)) &&
            (next == NULL || is_before(e, next)))
            next = e;
    }
    return next;
}

/* Appends the values of all below, and returns their number. */
static uint32_t walk(const struct elements *all, struct bytes parent, struct buf *values)
{
    uint32_t shown = 0;
    for (const struct element *e = NULL; (e = next_child(all, parent, e)) != NULL;) {
        if (rows_find(&all->tombstones, &e->id, NULL) == NULL) {
            put_term(values, term_bytes(&e->value));
            shown++;
        }
        shown += walk(all, term_bytes(&e->id), values);
    }
    return shown;
}

bool worth_rga(struct buf *value, const struct bytes *structs, size_t count)
{
    struct elements all = {0};
    struct buf head = {0}, values = {0};
    for (size_t i = 0; i < count; i++) {
        struct etf_in in = etf_open(field(structs[i], "elements"));
        for (uint32_t left = etf_map(&in); left > 0; left--) {
            etf_any(&in);
            add_element(&all, etf_any(&in));
        }
        rows_add_elements(&all.tombstones, field(structs[i], "tombstones"));
    }
    put_atom(&head, "head");
    uint32_t shown = walk(&all, buf_bytes(&head), &values);
    if (shown > 0)
        put_list(value, shown);
    put_term(value, buf_bytes(&values));
    put_nil(value);
    for (size_t i = 0; i < all.count; i++)
        element_free(&all.list[i]);
    mem_free(all.list);
    rows_free(&all.tombstones);
    buf_free(&head);
    buf_free(&values);
    return true;
}
