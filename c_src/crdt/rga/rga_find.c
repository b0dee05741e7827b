#include "../../err.h"
#include "rga_nodes.h"

uint32_t rga_slot_of(const struct rga_inner *n, uint32_t child)
{
    uint32_t i = 0;
    while (n->child[i] != child)
        i++;
    return i;
}

uint32_t rga_entry_of(const struct rga_tree *t, uint32_t element)
{
    must(rga_tree_has(t, element));
    const struct rga_leaf *leaf = &t->leaves[t->leaf_of[element]];
    uint32_t i = 0;
    while (leaf->element[i] != element)
        i++;
    return i;
}

bool rga_tree_has(const struct rga_tree *t, uint32_t element)
{
    return element < t->leaf_of_len && t->leaf_of[element] != NO_NODE;
}

/* --- by index ----------------------------------------------------------------- */

uint32_t rga_tree_shown(const struct rga_tree *t)
{
    return t->shown;
}

/* The position of the set bit that has this many set bits below it. */
static uint32_t bit_at(uint64_t shown, uint32_t below)
{
    for (; below > 0; below--)
        shown &= shown - 1;
    return (uint32_t)__builtin_ctzll(shown);
}

uint32_t rga_tree_at(const struct rga_tree *t, uint32_t index)
{
    must(index < t->shown);
    uint32_t node = t->root;
    for (uint32_t level = t->inners[node].level; level > 0; level--) {
        const struct rga_inner *n = &t->inners[node];
        uint32_t i = 0;
        for (; index >= n->shown[i]; i++)
            index -= n->shown[i];
        node = n->child[i];
    }
    const struct rga_leaf *leaf = &t->leaves[node];
    return leaf->element[bit_at(leaf->shown, index)];
}

/* --- by depth ------------------------------------------------------------------ */

static uint32_t shallow_in(const uint32_t *depth, uint32_t from, uint32_t count, uint32_t most)
{
    while (from < count && depth[from] > most)
        from++;
    return from;
}

static struct rga_place shallow_below(const struct rga_tree *t, uint32_t node, uint32_t slot,
                                      uint32_t most)
{
    for (uint32_t level = t->inners[node].level;; level--) {
        uint32_t child = t->inners[node].child[slot];
        if (level == 1) {
            const struct rga_leaf *leaf = &t->leaves[child];
            return (struct rga_place){child, shallow_in(leaf->depth, 0, leaf->count, most), 0};
        }
        node = child;
        slot = shallow_in(t->inners[node].depth, 0, t->inners[node].count, most);
    }
}

/* The first entry at or after a place whose depth is at most this; if there is none, the end of the
 * last leaf. */
static struct rga_place shallow_from(const struct rga_tree *t, struct rga_place from, uint32_t most)
{
    const struct rga_leaf *leaf = &t->leaves[from.leaf];
    from.at = shallow_in(leaf->depth, from.at, leaf->count, most);
    if (from.at < leaf->count)
        return from;
    uint32_t child = from.leaf;
    for (uint32_t node = leaf->parent; node != NO_NODE; node = t->inners[node].parent) {
        const struct rga_inner *n = &t->inners[node];
        uint32_t slot = shallow_in(n->depth, rga_slot_of(n, child) + 1, n->count, most);
        if (slot < n->count)
            return shallow_below(t, node, slot, most);
        child = node;
    }
    const struct rga_inner *n = &t->inners[t->root];
    for (uint32_t level = n->level; level > 1; level--)
        n = &t->inners[n->child[n->count - 1]];
    uint32_t last = n->child[n->count - 1];
    return (struct rga_place){last, t->leaves[last].count, 0};
}

/* --- among siblings -------------------------------------------------------------- */

/* A search to the left for the last sibling that comes before a new one or, failing that, for the
 * parent: the first entry on the way that is shallower than the siblings. */
struct search {
    const struct rga_tree *t;
    uint32_t depth; /* of the siblings */
    rga_before *before;
    const void *arg;
};

/* The entry or slot left of end that has what is searched for; NO_NODE if none has.  The siblings
 * up to the first shallower entry are in order, so a binary search over them finds it. */
static uint32_t last_before(const struct search *s, const uint32_t *depth, const uint32_t *first,
                            uint32_t end)
{
    uint32_t seen[LEAF_ENTRIES], count = 0, low = 0;
    for (uint32_t i = end; i-- > 0;) {
        if (depth[i] > s->depth)
            continue;
        seen[count++] = i;
        if (depth[i] < s->depth)
            break;
    }
    for (uint32_t high = count; low < high;) {
        uint32_t middle = (low + high) / 2, i = seen[middle];
        if (depth[i] < s->depth || s->before(s->arg, first[i]))
            high = middle;
        else
            low = middle + 1;
    }
    if (low < count)
        return seen[low];
    return NO_NODE;
}

static struct rga_place before_below(const struct search *s, uint32_t node, uint32_t slot)
{
    for (uint32_t level = s->t->inners[node].level;; level--) {
        uint32_t child = s->t->inners[node].child[slot];
        if (level == 1) {
            const struct rga_leaf *leaf = &s->t->leaves[child];
            uint32_t at = last_before(s, leaf->depth, leaf->element, leaf->count);
            return (struct rga_place){child, at, leaf->depth[at]};
        }
        const struct rga_inner *n = &s->t->inners[child];
        slot = last_before(s, n->depth, n->first, n->count);
        node = child;
    }
}

/* Returns what was found with its depth.  A child of RGA_HEAD without a sibling before it gets the
 * parent's depth. */
static struct rga_place search_left(const struct search *s, struct rga_place from)
{
    const struct rga_leaf *leaf = &s->t->leaves[from.leaf];
    uint32_t at = last_before(s, leaf->depth, leaf->element, from.at), child = from.leaf;
    if (at != NO_NODE)
        return (struct rga_place){from.leaf, at, leaf->depth[at]};
    for (uint32_t node = leaf->parent; node != NO_NODE; node = s->t->inners[node].parent) {
        const struct rga_inner *n = &s->t->inners[node];
        uint32_t slot = last_before(s, n->depth, n->first, rga_slot_of(n, child));
        if (slot != NO_NODE)
            return before_below(s, node, slot);
        child = node;
    }
    return (struct rga_place){0, 0, s->depth - 1};
}

/* --- places ------------------------------------------------------------------------ */

struct rga_place rga_tree_front(const struct rga_tree *t, uint32_t parent)
{
    if (parent == RGA_HEAD)
        return (struct rga_place){0, 0, 1};
    uint32_t leaf = t->leaf_of[parent], at = rga_entry_of(t, parent);
    return (struct rga_place){leaf, at + 1, t->leaves[leaf].depth[at] + 1};
}

uint32_t rga_tree_first_child(const struct rga_tree *t, uint32_t parent)
{
    struct rga_place next = rga_tree_front(t, parent);
    uint32_t depth = next.depth, element = rga_tree_next(t, &next);
    return element != RGA_NONE && next.depth == depth ? element : RGA_NONE;
}

struct rga_place rga_tree_place(const struct rga_tree *t, uint32_t parent, rga_before *before,
                                const void *arg)
{
    struct rga_place front = rga_tree_front(t, parent);
    uint32_t first = rga_tree_first_child(t, parent);
    if (first == RGA_NONE || !before(arg, first))
        return front;
    struct search s = {t, front.depth, before, arg};
    struct rga_place sibling = search_left(&s, shallow_from(t, front, front.depth - 1));
    must(sibling.depth == front.depth);
    sibling.at++;
    struct rga_place place = shallow_from(t, sibling, front.depth);
    place.depth = front.depth;
    return place;
}

/* --- walks -------------------------------------------------------------------------- */

uint32_t rga_tree_next(const struct rga_tree *t, struct rga_place *place)
{
    if (t->leaf_count == 0)
        return RGA_NONE;
    const struct rga_leaf *leaf = &t->leaves[place->leaf];
    while (place->at == leaf->count) {
        if (leaf->next == NO_NODE)
            return RGA_NONE;
        place->leaf = leaf->next;
        place->at = 0;
        leaf = &t->leaves[place->leaf];
    }
    place->depth = leaf->depth[place->at];
    return leaf->element[place->at++];
}

uint32_t rga_tree_next_shown(const struct rga_tree *t, struct rga_place *place)
{
    for (;;) {
        uint32_t element = rga_tree_next(t, place);
        if (element == RGA_NONE || (t->leaves[place->leaf].shown >> (place->at - 1) & 1) != 0)
            return element;
    }
}
