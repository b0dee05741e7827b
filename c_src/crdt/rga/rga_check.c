#include "../../limits.h"
#include "../../mem.h"
#include "rga.h"

/* Each present element is in the tree. */
static void elements_check(const struct rga *r)
{
    for (uint32_t i = 0; i < r->elements.count; i++) {
        const struct rga_element *e = &r->elements.list[i];
        must(!e->pending);
        if (e->present) {
            must(rga_tree_has(&r->tree, i));
            must(e->node < actors_count(&r->actors));
        }
        if ((e->present || e->removed) && e->id.actor == RGA_OWN && e->id.n <= LIMIT_OWN_NUMBER)
            must(e->id.n <= rga_own_max(r));
    }
}

/* The parent of an element in the tree. */
static uint32_t parent_of(const struct rga *r, uint32_t number)
{
    const struct rga_element *e = &r->elements.list[number];
    bool limbo =
        !e->present || (e->prev != RGA_HEAD && rga_tree_is_within(&r->tree, e->prev, number));
    return limbo ? RGA_LIMBO : e->prev;
}

/* path holds the ancestors of the last element visited.  An element is in order if its parent is
 * the one above it there, and it comes after its sibling there. */
static void order_check(const struct rga *r)
{
    uint32_t *path = mem_take((r->elements.count + 2) * sizeof(*path)), number, depth = 0;
    struct rga_place at = {0};
    path[0] = RGA_HEAD;
    for (; (number = rga_tree_next(&r->tree, &at)) != RGA_NONE; path[depth] = number) {
        uint32_t last = depth;
        must(at.depth <= depth + 1);
        depth = at.depth;
        if (number == RGA_LIMBO)
            continue;
        must(parent_of(r, number) == path[depth - 1]);
        if (depth <= last && path[depth - 1] != RGA_LIMBO)
            must(rga_siblings_compare(r, &r->elements.list[path[depth]],
                                      &r->elements.list[number]) < 0);
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
    at = (struct rga_place){0};
    while ((number = rga_tree_next(&r->tree, &at)) != RGA_LIMBO && number != RGA_NONE)
        index -= !r->elements.list[number].removed;
    must(index == 0);
}

void rga_check(const struct rga *r)
{
    must(r->pending_len == 0 && r->clock <= LIMIT_SHARED_CLOCK);
    must(r->owns == (rga_own_max(r) > 0));
    rga_elements_check(&r->elements);
    rga_tree_check(&r->tree);
    elements_check(r);
    order_check(r);
    shown_check(r);
}
