#include "../../mem.h"
#include "rga.h"

static bool can_attach(const struct rga *r, uint32_t prev)
{
    return prev == RGA_HEAD || rga_tree_has(&r->tree, prev);
}

/* Each present element is in the tree, or in its parent's waiting list. */
static void elements_check(const struct rga *r)
{
    size_t waiting = 0, in_lists = 0;
    for (uint32_t i = 0; i < r->elements.count; i++) {
        const struct rga_element *e = &r->elements.list[i];
        if (e->present) {
            must(hlc_compare(e->time, r->latest) <= 0);
            must(rga_tree_has(&r->tree, i) == can_attach(r, e->prev));
            must(e->node < actors_count(&r->actors));
        } else {
            must(!rga_tree_has(&r->tree, i));
        }
        if ((e->present || e->removed) && e->id.actor == RGA_OWN)
            must(e->id.n <= rga_own_max(r));
        waiting += e->present && !rga_tree_has(&r->tree, i);
        for (uint32_t w = e->waiting; w != RGA_NONE; w = r->elements.list[w].next) {
            must(r->elements.list[w].present && r->elements.list[w].prev == i);
            must(++in_lists <= r->elements.count);
        }
    }
    must(in_lists == waiting);
}

/* path holds the ancestors of the last element visited.  An element is in order if its parent is
 * the one above it there, and it comes after its sibling there. */
static void order_check(const struct rga *r)
{
    uint32_t *path = mem_take((r->elements.count + 1) * sizeof(*path)), number, depth = 0;
    struct rga_place at = {0};
    while ((number = rga_tree_next(&r->tree, &at)) != RGA_NONE) {
        const struct rga_element *e = &r->elements.list[number];
        must(at.depth <= depth + 1);
        must(e->prev == (at.depth > 1 ? path[at.depth - 1] : RGA_HEAD));
        if (at.depth <= depth)
            must(rga_siblings_compare(r, &r->elements.list[path[at.depth]], e) < 0);
        depth = at.depth;
        path[depth] = number;
    }
    mem_free(path);
}

static void shown_check(const struct rga *r)
{
    struct rga_place at = {0};
    uint32_t number, index = 0;
    for (; (number = rga_tree_next_shown(&r->tree, &at)) != RGA_NONE; index++) {
        must(!r->elements.list[number].removed);
        must(rga_tree_at(&r->tree, index) == number);
    }
    must(index == rga_tree_shown(&r->tree));
    for (uint32_t i = 0; i < r->elements.count; i++)
        index += rga_tree_has(&r->tree, i) && r->elements.list[i].removed;
    at = (struct rga_place){0};
    while (rga_tree_next(&r->tree, &at) != RGA_NONE)
        index--;
    must(index == 0);
}

void rga_check(const struct rga *r)
{
    must(!r->stale);
    rga_elements_check(&r->elements);
    rga_tree_check(&r->tree);
    elements_check(r);
    order_check(r);
    shown_check(r);
}
