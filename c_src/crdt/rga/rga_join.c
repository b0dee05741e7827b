#include "../../mem.h"
#include "../../term/order.h"
#include "rga.h"

/* --- order --------------------------------------------------------------------------- */

static struct bytes actor_of(const struct rga *r, uint32_t number)
{
    return actors_term(&r->actors, number);
}

/* By term order; key order is used only as the last tie-breaker. */
static int actors_compare(const struct rga *r, uint32_t a, uint32_t b)
{
    return a == b ? 0 : term_compare(actor_of(r, a), actor_of(r, b));
}

static int actors_compare_keys(const struct rga *r, uint32_t a, uint32_t b)
{
    return a == b ? 0 : term_compare_keys(actor_of(r, a), actor_of(r, b));
}

int rga_siblings_compare(const struct rga *r, const struct rga_element *a,
                         const struct rga_element *b)
{
    int order = hlc_compare(a->time, b->time);
    if (order == 0)
        order = actors_compare(r, a->node, b->node);
    if (order == 0)
        order = actors_compare(r, a->id.actor, b->id.actor);
    if (order == 0)
        order = (a->id.n > b->id.n) - (a->id.n < b->id.n);
    return order != 0 ? order : actors_compare_keys(r, a->id.actor, b->id.actor);
}

struct sibling {
    const struct rga *r;
    const struct rga_element *e;
};

static bool comes_before(const void *arg, uint32_t other)
{
    const struct sibling *s = arg;
    return rga_siblings_compare(s->r, &s->r->elements.list[other], s->e) < 0;
}

/* Compares positions: by time, then by parent. */
static int position_compare(const struct rga *r, uint32_t number, const struct rga_item *item)
{
    const struct rga_element *e = &r->elements.list[number];
    int order = hlc_compare(e->time, item->time);
    if (order == 0)
        order = actors_compare_keys(r, e->node, item->node);
    if (order != 0 || (item->at_head && e->prev == RGA_HEAD))
        return order;
    if (item->at_head || e->prev == RGA_HEAD)
        return item->at_head ? 1 : -1;
    struct tag prev = r->elements.list[e->prev].id;
    order = actors_compare_keys(r, prev.actor, item->prev.actor);
    return order != 0 ? order : (prev.n > item->prev.n) - (prev.n < item->prev.n);
}

static int bytes_or_none_compare(struct bytes a, struct bytes b)
{
    if (a.len == 0 || b.len == 0)
        return (a.len > 0) - (b.len > 0);
    return bytes_equal(a, b) ? 0 : term_compare_keys(a, b);
}

static int terms_compare(const struct rga_terms *a, const struct rga_terms *b)
{
    int order = bytes_or_none_compare(a->value, b->value);
    if (order == 0)
        order = bytes_or_none_compare(a->extras, b->extras);
    return order != 0 ? order : bytes_or_none_compare(a->time_extras, b->time_extras);
}

/* --- the sequence ---------------------------------------------------------------------- */

static bool can_attach(const struct rga *r, uint32_t prev)
{
    return prev == RGA_HEAD || rga_tree_has(&r->tree, prev);
}

/* Inserts a list of elements, linked by next, into the tree, and then those that wait for them. */
static void attach(struct rga *r, uint32_t list)
{
    while (list != RGA_NONE) {
        uint32_t number = list;
        struct rga_element *all = r->elements.list, *e = &all[number];
        list = e->next;
        e->next = RGA_NONE;
        while (e->waiting != RGA_NONE) {
            uint32_t waiting = e->waiting;
            e->waiting = all[waiting].next;
            all[waiting].next = list;
            list = waiting;
        }
        struct sibling s = {r, e};
        struct rga_place place = rga_tree_place(&r->tree, e->prev, comes_before, &s);
        rga_tree_insert(&r->tree, place, number, !e->removed);
    }
}

static void wait_for(struct rga *r, uint32_t prev, uint32_t number)
{
    r->elements.list[number].next = r->elements.list[prev].waiting;
    r->elements.list[prev].waiting = number;
}

void rga_rebuild(struct rga *r)
{
    if (!r->stale)
        return;
    struct rga_element *all = r->elements.list;
    uint32_t first = RGA_NONE;
    rga_tree_free(&r->tree);
    for (uint32_t i = 0; i < r->elements.count; i++)
        all[i].waiting = all[i].next = RGA_NONE;
    for (uint32_t i = 0; i < r->elements.count; i++) {
        if (!all[i].present)
            continue;
        if (all[i].prev != RGA_HEAD) {
            wait_for(r, all[i].prev, i);
        } else {
            all[i].next = first;
            first = i;
        }
    }
    attach(r, first);
    r->stale = false;
}

/* --- joins ------------------------------------------------------------------------------ */

void rga_note_id(struct rga *r, struct tag id)
{
    if (id.actor == RGA_OWN && id.n > r->own_seen)
        r->own_seen = id.n;
}

uint64_t rga_own_max(const struct rga *r)
{
    return r->clock > r->own_seen ? r->clock : r->own_seen;
}

bool rga_raise_clock(struct rga *r, uint64_t clock)
{
    if (clock <= r->clock)
        return false;
    r->clock = clock;
    return true;
}

static void note_time(struct rga *r, struct hlc time)
{
    if (hlc_compare(time, r->latest) > 0)
        r->latest = time;
}

/* Whether the item replaces the present element with the same id: the greater one wins.  The tree
 * remains valid only if both have the same position. */
static bool replaces(struct rga *r, uint32_t number, const struct rga_item *item)
{
    int order = position_compare(r, number, item);
    if (order < 0)
        r->stale = true;
    if (order != 0)
        return order < 0;
    struct rga_terms terms = rga_elements_terms(&r->elements, number);
    return terms_compare(&terms, &item->terms) < 0;
}

bool rga_add(struct rga *r, const struct rga_item *item)
{
    uint32_t number = rga_elements_number(&r->elements, item->id), prev = RGA_HEAD;
    rga_note_id(r, item->id);
    if (!item->at_head) {
        prev = rga_elements_number(&r->elements, item->prev);
        rga_note_id(r, item->prev);
    }
    struct rga_element *e = &r->elements.list[number];
    bool came = !e->present;
    if (!came && !replaces(r, number, item))
        return false;
    e->time = item->time;
    e->node = item->node;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &item->terms);
    note_time(r, item->time);
    if (!came || r->stale)
        return true;
    if (can_attach(r, prev))
        attach(r, number);
    else
        wait_for(r, prev, number);
    return true;
}

void rga_set_removed(struct rga *r, uint32_t number, bool removed)
{
    struct rga_element *e = &r->elements.list[number];
    must(e->removed != removed);
    e->removed = removed;
    r->elements.removed = removed ? r->elements.removed + 1 : r->elements.removed - 1;
    if (rga_tree_has(&r->tree, number))
        rga_tree_show(&r->tree, number, !removed);
}

bool rga_add_tombstone(struct rga *r, struct tag id)
{
    uint32_t number = rga_elements_number(&r->elements, id);
    rga_note_id(r, id);
    if (r->elements.list[number].removed)
        return false;
    rga_set_removed(r, number, true);
    return true;
}

static struct tag id_for(struct rga *to, const struct rga *from, uint32_t number)
{
    return tag_translate(&to->actors, &from->actors, from->elements.list[number].id);
}

void rga_copy_element(struct rga *to, const struct rga *from, uint32_t number)
{
    const struct rga_element *e = &from->elements.list[number];
    must(e->present);
    struct rga_item item = {.id = id_for(to, from, number), .at_head = e->prev == RGA_HEAD};
    if (!item.at_head)
        item.prev = id_for(to, from, e->prev);
    item.time = e->time;
    item.node = actors_number(&to->actors, actor_of(from, e->node));
    item.terms = rga_elements_terms(&from->elements, number);
    rga_add(to, &item);
}

void rga_copy_tombstone(struct rga *to, const struct rga *from, uint32_t number)
{
    rga_add_tombstone(to, id_for(to, from, number));
}

/* --- our own elements ---------------------------------------------------------------------- */

uint32_t rga_add_own(struct rga *r, uint32_t prev, struct hlc time, struct bytes value, bool front)
{
    struct tag id = {rga_own_max(r) + 1, RGA_OWN};
    must(id.n <= INT64_MAX && !r->stale);
    r->clock = id.n;
    uint32_t number = rga_elements_number(&r->elements, id);
    struct rga_element *e = &r->elements.list[number];
    must(!e->present && !e->removed && e->waiting == RGA_NONE);
    e->time = time;
    e->node = RGA_OWN;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &(struct rga_terms){.value = value});
    note_time(r, time);
    if (front)
        rga_tree_insert(&r->tree, rga_tree_front(&r->tree, prev), number, true);
    else if (can_attach(r, prev))
        attach(r, number);
    else
        wait_for(r, prev, number);
    return number;
}

void rga_undo_add_own(struct rga *r, uint32_t number)
{
    struct rga_element *e = &r->elements.list[number];
    if (rga_tree_has(&r->tree, number)) {
        rga_tree_remove(&r->tree, number);
    } else {
        must(r->elements.list[e->prev].waiting == number);
        r->elements.list[e->prev].waiting = e->next;
        e->next = RGA_NONE;
    }
    rga_elements_undo_add(&r->elements, number);
}
