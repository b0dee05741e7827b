#include "../../mem.h"
#include "../../term/order.h"
#include "rga.h"

/* --- orders -------------------------------------------------------------------------- */

static struct bytes actor_of(const struct rga *r, uint32_t number)
{
    return actors_term(&r->actors, number);
}

/* By term order; the exact order only where nothing else tells them apart. */
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

/* Where it stands: by time, then by what it stands behind. */
static int stands_compare(const struct rga *r, uint32_t number, const struct rga_item *item)
{
    const struct rga_element *e = &r->elements.list[number];
    int order = hlc_compare(e->time, item->time);
    if (order == 0)
        order = actors_compare_keys(r, e->node, item->node);
    if (order != 0 || (item->first && e->prev == RGA_HEAD))
        return order;
    if (item->first || e->prev == RGA_HEAD)
        return item->first ? 1 : -1;
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
        order = bytes_or_none_compare(a->more, b->more);
    return order != 0 ? order : bytes_or_none_compare(a->time_more, b->time_more);
}

/* --- the sequence ---------------------------------------------------------------------- */

static bool can_stand(const struct rga *r, uint32_t prev)
{
    return prev == RGA_HEAD || rga_tree_has(&r->tree, prev);
}

/* Lets elements stand, and then those that wait for them.  They stand in a list by
 * their next, as waiting ones do. */
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
        rga_tree_insert(&r->tree, place, number, !e->gone);
    }
}

static void wait_for(struct rga *r, uint32_t prev, uint32_t number)
{
    r->elements.list[number].next = r->elements.list[prev].waiting;
    r->elements.list[prev].waiting = number;
}

void rga_settle(struct rga *r)
{
    if (!r->stale)
        return;
    struct rga_element *all = r->elements.list;
    uint32_t first = RGA_NONE;
    rga_tree_free(&r->tree);
    for (uint32_t i = 0; i < r->elements.count; i++)
        all[i].waiting = all[i].next = RGA_NONE;
    for (uint32_t i = 0; i < r->elements.count; i++) {
        if (!all[i].here)
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

void rga_hear(struct rga *r, struct tag id)
{
    if (id.actor == RGA_OWN && id.n > r->heard)
        r->heard = id.n;
}

uint64_t rga_taken(const struct rga *r)
{
    return r->clock > r->heard ? r->clock : r->heard;
}

bool rga_raise(struct rga *r, uint64_t clock)
{
    if (clock <= r->clock)
        return false;
    r->clock = clock;
    return true;
}

static void seen(struct rga *r, struct hlc time)
{
    if (hlc_compare(time, r->latest) > 0)
        r->latest = time;
}

/* The order of the two decides who stays; only one that is where the other was leaves
 * the tree as it is. */
static bool replaces(struct rga *r, uint32_t number, const struct rga_item *item)
{
    int order = stands_compare(r, number, item);
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
    rga_hear(r, item->id);
    if (!item->first) {
        prev = rga_elements_number(&r->elements, item->prev);
        rga_hear(r, item->prev);
    }
    struct rga_element *e = &r->elements.list[number];
    bool came = !e->here;
    if (!came && !replaces(r, number, item))
        return false;
    e->time = item->time;
    e->node = item->node;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &item->terms);
    seen(r, item->time);
    if (!came || r->stale)
        return true;
    if (can_stand(r, prev))
        attach(r, number);
    else
        wait_for(r, prev, number);
    return true;
}

void rga_set_gone(struct rga *r, uint32_t number, bool gone)
{
    struct rga_element *e = &r->elements.list[number];
    must(e->gone != gone);
    e->gone = gone;
    r->elements.gone = gone ? r->elements.gone + 1 : r->elements.gone - 1;
    if (rga_tree_has(&r->tree, number))
        rga_tree_show(&r->tree, number, !gone);
}

bool rga_drop(struct rga *r, struct tag id)
{
    uint32_t number = rga_elements_number(&r->elements, id);
    rga_hear(r, id);
    if (r->elements.list[number].gone)
        return false;
    rga_set_gone(r, number, true);
    return true;
}

static struct tag id_for(struct rga *to, const struct rga *from, uint32_t number)
{
    return tag_for(&to->actors, &from->actors, from->elements.list[number].id);
}

void rga_tell(struct rga *to, const struct rga *from, uint32_t number)
{
    const struct rga_element *e = &from->elements.list[number];
    must(e->here);
    struct rga_item item = {.id = id_for(to, from, number), .first = e->prev == RGA_HEAD};
    if (!item.first)
        item.prev = id_for(to, from, e->prev);
    item.time = e->time;
    item.node = actors_number(&to->actors, actor_of(from, e->node));
    item.terms = rga_elements_terms(&from->elements, number);
    rga_add(to, &item);
}

void rga_tell_gone(struct rga *to, const struct rga *from, uint32_t number)
{
    rga_drop(to, id_for(to, from, number));
}

/* --- of our own ---------------------------------------------------------------------------- */

uint32_t rga_add_own(struct rga *r, uint32_t prev, struct hlc time, struct bytes value, bool front)
{
    struct tag id = {rga_taken(r) + 1, RGA_OWN};
    must(id.n <= INT64_MAX && !r->stale);
    r->clock = id.n;
    uint32_t number = rga_elements_number(&r->elements, id);
    struct rga_element *e = &r->elements.list[number];
    must(!e->here && !e->gone && e->waiting == RGA_NONE);
    e->time = time;
    e->node = RGA_OWN;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &(struct rga_terms){.value = value});
    seen(r, time);
    if (front)
        rga_tree_insert(&r->tree, rga_tree_front(&r->tree, prev), number, true);
    else if (can_stand(r, prev))
        attach(r, number);
    else
        wait_for(r, prev, number);
    return number;
}

void rga_take_back_own(struct rga *r, uint32_t number)
{
    struct rga_element *e = &r->elements.list[number];
    if (rga_tree_has(&r->tree, number)) {
        rga_tree_remove(&r->tree, number);
    } else {
        must(r->elements.list[e->prev].waiting == number);
        r->elements.list[e->prev].waiting = e->next;
        e->next = RGA_NONE;
    }
    rga_elements_take_back(&r->elements, number);
}
