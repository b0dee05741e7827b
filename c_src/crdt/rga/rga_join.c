#include "../../limits.h"
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

/* An element that is looking for its place.  If it is in the tree, it is among its siblings there
 * with the position that it had before. */
struct newcomer {
    const struct rga *r;
    uint32_t number;
    const struct rga_element *before;
};

static bool comes_before(const void *arg, uint32_t other)
{
    const struct newcomer *n = arg;
    const struct rga_element *all = n->r->elements.list;
    const struct rga_element *sibling = other == n->number ? n->before : &all[other];
    return rga_siblings_compare(n->r, sibling, &all[n->number]) < 0;
}

/* What has not arrived, or is its own descendant, is in limbo. */
static struct rga_place place_for(const struct rga *r, uint32_t number,
                                  const struct rga_element *before)
{
    const struct rga_tree *t = &r->tree;
    const struct rga_element *e = &r->elements.list[number];
    struct newcomer n = {r, number, before};
    if (!e->present ||
        (e->prev != RGA_HEAD && rga_tree_has(t, number) && rga_tree_is_within(t, e->prev, number)))
        return rga_tree_front(t, RGA_LIMBO);
    return rga_tree_place(t, e->prev, comes_before, &n);
}

static void put_into_place(struct rga *r, uint32_t number, const struct rga_element *before)
{
    struct rga_place place = place_for(r, number, before);
    bool shown = !r->elements.list[number].removed;
    if (!rga_tree_has(&r->tree, number)) {
        rga_tree_insert(&r->tree, place, number, shown);
        return;
    }
    rga_tree_move(&r->tree, number, place);
    rga_tree_show(&r->tree, number, shown);
}

/* Puts an element that has arrived into its place; before is what was known of it in its old place
 * (of no interest in limbo). */
static void attach(struct rga *r, uint32_t number, const struct rga_element *before)
{
    const struct rga_element *all = r->elements.list;
    uint32_t prev = all[number].prev, root = RGA_NONE;
    if (prev != RGA_HEAD && !rga_tree_has(&r->tree, prev))
        rga_tree_insert(&r->tree, rga_tree_front(&r->tree, RGA_LIMBO), prev, false);
    if (rga_tree_has(&r->tree, number))
        root = rga_tree_limbo_root(&r->tree, number);
    put_into_place(r, number, before);
    /* That may have broken a cycle. */
    if (root != RGA_NONE && root != number && all[root].present && !all[root].pending)
        put_into_place(r, root, &all[root]);
}

/* Parents first, so that what arrives in any order is rarely moved. */
static void attach_ancestors(struct rga *r, uint32_t number, uint32_t *path)
{
    struct rga_element *all = r->elements.list;
    size_t count = 0;
    for (; number != RGA_HEAD && all[number].pending; number = all[number].prev) {
        all[number].pending = false;
        path[count++] = number;
    }
    while (count > 0) {
        number = path[--count];
        attach(r, number, &all[number]);
    }
}

void rga_settle(struct rga *r)
{
    if (r->pending_len == 0)
        return;
    uint32_t *path = mem_take(r->pending_len * sizeof(*path));
    for (size_t i = 0; i < r->pending_len; i++)
        attach_ancestors(r, r->pending[i], path);
    mem_free(path);
    mem_free(r->pending);
    r->pending = NULL;
    r->pending_len = r->pending_cap = 0;
}

/* --- joins ------------------------------------------------------------------------------ */

void rga_note_id(struct rga *r, struct tag id)
{
    if (id.actor == RGA_OWN && id.n > r->own_seen && id.n <= LIMIT_OWN_NUMBER)
        r->own_seen = id.n;
}

uint64_t rga_own_max(const struct rga *r)
{
    return r->clock > r->own_seen ? r->clock : r->own_seen;
}

void rga_count_own(struct rga *r)
{
    bool owns = rga_own_max(r) > 0;
    if (owns == r->owns)
        return;
    r->owns = owns;
    if (r->crdt.watch != NULL)
        r->crdt.watch->told(r->crdt.watch, r->crdt.options->actor, owns);
}

bool rga_raise_clock(struct rga *r, uint64_t clock)
{
    clock = clock < LIMIT_SHARED_CLOCK ? clock : LIMIT_SHARED_CLOCK;
    if (clock <= r->clock)
        return false;
    r->clock = clock;
    return true;
}

/* <0 if the item replaces the present element with the same id: the greater one wins.  *moves tells
 * whether they differ in position. */
static int item_compare(const struct rga *r, uint32_t number, const struct rga_item *item,
                        bool *moves)
{
    int order = position_compare(r, number, item);
    *moves = order != 0;
    if (order != 0)
        return order;
    struct rga_terms terms = rga_elements_terms(&r->elements, number);
    return terms_compare(&terms, &item->terms);
}

static void await_settling(struct rga *r, uint32_t number)
{
    r->pending = mem_room(r->pending, r->pending_len, &r->pending_cap, sizeof(*r->pending));
    r->pending[r->pending_len++] = number;
    r->elements.list[number].pending = true;
}

bool rga_add(struct rga *r, const struct rga_item *item)
{
    uint32_t number = rga_elements_number(&r->elements, item->id), prev = RGA_HEAD;
    rga_note_id(r, item->id);
    if (!item->at_head) {
        prev = rga_elements_number(&r->elements, item->prev);
        rga_note_id(r, item->prev);
    }
    struct rga_element *e = &r->elements.list[number], before = *e;
    bool moves = true;
    if (before.present && item_compare(r, number, item, &moves) >= 0)
        return false;
    e->time = item->time;
    e->node = item->node;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &item->terms);
    if (!before.present)
        await_settling(r, number);
    else if (moves && !before.pending)
        attach(r, number, &before);
    return true;
}

void rga_set_removed(struct rga *r, uint32_t number, bool removed)
{
    struct rga_element *e = &r->elements.list[number];
    must(e->removed != removed);
    e->removed = removed;
    r->elements.removed = removed ? r->elements.removed + 1 : r->elements.removed - 1;
    if (e->present && !e->pending)
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

uint32_t rga_add_own(struct rga *r, uint32_t prev, const struct rga_place *front, struct hlc time,
                     struct bytes value)
{
    struct tag id = {rga_own_max(r) + 1, RGA_OWN};
    must(id.n <= LIMIT_OWN_NUMBER && r->pending_len == 0);
    rga_raise_clock(r, id.n);
    rga_note_id(r, id);
    uint32_t number = rga_elements_number(&r->elements, id);
    struct rga_element *e = &r->elements.list[number];
    must(!e->present && !e->removed && !rga_tree_has(&r->tree, number));
    e->time = time;
    e->node = RGA_OWN;
    e->prev = prev;
    rga_elements_set_terms(&r->elements, number, &(struct rga_terms){.value = value});
    if (front != NULL)
        rga_tree_insert(&r->tree, *front, number, true);
    else
        attach(r, number, e);
    return number;
}

/* A parent that has not arrived is in the tree for its children: its id may be one that we have
 * not issued yet. */
void rga_undo_add_own(struct rga *r, uint32_t number)
{
    uint32_t prev = r->elements.list[number].prev;
    rga_tree_remove(&r->tree, number);
    rga_elements_undo_add(&r->elements, number);
    if (prev != RGA_HEAD && !r->elements.list[prev].present &&
        rga_tree_first_child(&r->tree, prev) == RGA_NONE)
        rga_tree_remove(&r->tree, prev);
}
