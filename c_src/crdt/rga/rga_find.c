#include "../../err.h"
#include "rga_nodes.h"

uint32_t rga_slot_of(const struct rga_inner *n, uint32_t child)
{
    uint32_t i = n->count - 1; /* text grows at its end, mostly */
    while (n->child[i] != child)
        i--;
    return i;
}

bool rga_tree_has(const struct rga_tree *t, uint32_t element)
{
    if (element == RGA_LIMBO)
        return t->leaf_count > 0;
    return element < t->leaf_of_len && t->leaf_of[element] != NO_NODE;
}

uint32_t rga_leaf_of(const struct rga_tree *t, uint32_t element)
{
    must(rga_tree_has(t, element));
    return element == RGA_LIMBO ? t->limbo_leaf : t->leaf_of[element];
}

uint32_t rga_entry_of(const struct rga_tree *t, uint32_t element)
{
    const struct rga_leaf *leaf = &t->leaves[rga_leaf_of(t, element)];
    uint32_t i = t->last_entry;
    if (i < leaf->count && leaf->element[i] == element)
        return i;
    i = 0;
    while (leaf->element[i] != element)
        i++;
    return i;
}

/* --- by index ----------------------------------------------------------------- */

uint32_t rga_tree_shown(const struct rga_tree *t)
{
    return t->shown;
}

uint32_t rga_count_shown(const struct rga_tree *t)
{
    uint32_t child = t->limbo_leaf, at = rga_entry_of(t, RGA_LIMBO);
    uint32_t before = rga_bits(rga_low_bits(t->leaves[child].shown, at));
    for (uint32_t node = t->leaves[child].parent; node != NO_NODE; node = t->inners[node].parent) {
        const struct rga_inner *n = &t->inners[node];
        for (uint32_t i = 0; n->child[i] != child; i++)
            before += n->shown[i];
        child = node;
    }
    return before;
}

/* The position of the set bit that has this many set bits below it. */
static uint32_t bit_at(uint64_t shown, uint32_t below)
{
    for (; below > 0; below--)
        shown &= shown - 1;
    return (uint32_t)__builtin_ctzll(shown);
}

static struct rga_place place_at(const struct rga_tree *t, uint32_t index)
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
    uint32_t at = bit_at(t->leaves[node].shown, index);
    return (struct rga_place){node, at, t->leaves[node].depth[at] + rga_shift_of(t, 0, node)};
}

uint32_t rga_tree_at(const struct rga_tree *t, uint32_t index)
{
    struct rga_place at = place_at(t, index);
    return t->leaves[at.leaf].element[at.at];
}

struct rga_place rga_tree_front_at(const struct rga_tree *t, uint32_t index, uint32_t *parent)
{
    *parent = RGA_HEAD;
    if (index == 0)
        return rga_tree_front(t, RGA_HEAD);
    struct rga_place at = place_at(t, index - 1);
    *parent = t->leaves[at.leaf].element[at.at];
    return (struct rga_place){at.leaf, at.at + 1, at.depth + 1};
}

/* --- by depth ------------------------------------------------------------------ */

/* Depths are compared as the caller counts them, so a search carries the shift of the node that
 * it is in. */

uint32_t rga_shift_of(const struct rga_tree *t, uint32_t level, uint32_t node)
{
    uint32_t shift = 0;
    if (!t->shifted)
        return 0;
    for (uint32_t above = rga_parent_of(t, level, node); above != NO_NODE;
         node = above, above = t->inners[above].parent)
        shift += t->inners[above].shift[rga_slot_of(&t->inners[above], node)];
    return shift;
}

static uint32_t shallow_entry(const struct rga_leaf *leaf, uint32_t from, uint32_t most,
                              uint32_t shift)
{
    while (from < leaf->count && leaf->depth[from] + shift > most)
        from++;
    return from;
}

static uint32_t shallow_slot(const struct rga_inner *n, uint32_t from, uint32_t most,
                             uint32_t shift)
{
    while (from < n->count && (n->first[from] == RGA_NONE || n->depth[from] + shift > most))
        from++;
    return from;
}

static struct rga_place shallow_below(const struct rga_tree *t, uint32_t node, uint32_t slot,
                                      uint32_t most, uint32_t shift)
{
    for (uint32_t level = t->inners[node].level;; level--) {
        uint32_t child = t->inners[node].child[slot];
        shift += t->inners[node].shift[slot];
        if (level == 1)
            return (struct rga_place){child, shallow_entry(&t->leaves[child], 0, most, shift), 0};
        node = child;
        slot = shallow_slot(&t->inners[node], 0, most, shift);
    }
}

static struct rga_place end_of(const struct rga_tree *t)
{
    const struct rga_inner *n = &t->inners[t->root];
    for (uint32_t level = n->level; level > 1; level--)
        n = &t->inners[n->child[n->count - 1]];
    uint32_t last = n->child[n->count - 1];
    return (struct rga_place){last, t->leaves[last].count, 0};
}

/* The first entry at or after a place whose depth is at most this; if there is none, the end of the
 * last leaf. */
static struct rga_place shallow_from(const struct rga_tree *t, struct rga_place from, uint32_t most)
{
    const struct rga_leaf *leaf = &t->leaves[from.leaf];
    uint32_t child = from.leaf, shift = rga_shift_of(t, 0, child);
    from.at = shallow_entry(leaf, from.at, most, shift);
    if (from.at < leaf->count)
        return from;
    for (uint32_t node = leaf->parent; node != NO_NODE; node = t->inners[node].parent) {
        const struct rga_inner *n = &t->inners[node];
        uint32_t slot = rga_slot_of(n, child);
        shift -= n->shift[slot];
        slot = shallow_slot(n, slot + 1, most, shift);
        if (slot < n->count)
            return shallow_below(t, node, slot, most, shift);
        child = node;
    }
    return end_of(t);
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
                            uint32_t end, uint32_t shift)
{
    uint32_t seen[LEAF_ENTRIES], count = 0, low = 0;
    for (uint32_t i = end; i-- > 0;) {
        if (first[i] == RGA_NONE || depth[i] + shift > s->depth)
            continue;
        seen[count++] = i;
        if (depth[i] + shift < s->depth)
            break;
    }
    for (uint32_t high = count; low < high;) {
        uint32_t middle = (low + high) / 2, i = seen[middle];
        if (depth[i] + shift < s->depth || s->before(s->arg, first[i]))
            high = middle;
        else
            low = middle + 1;
    }
    if (low < count)
        return seen[low];
    return NO_NODE;
}

static struct rga_place before_below(const struct search *s, uint32_t node, uint32_t slot,
                                     uint32_t shift)
{
    for (uint32_t level = s->t->inners[node].level;; level--) {
        uint32_t child = s->t->inners[node].child[slot];
        shift += s->t->inners[node].shift[slot];
        if (level == 1) {
            const struct rga_leaf *leaf = &s->t->leaves[child];
            uint32_t at = last_before(s, leaf->depth, leaf->element, leaf->count, shift);
            return (struct rga_place){child, at, leaf->depth[at] + shift};
        }
        const struct rga_inner *n = &s->t->inners[child];
        slot = last_before(s, n->depth, n->first, n->count, shift);
        node = child;
    }
}

/* Returns what was found with its depth, or a place in NO_NODE: a child of RGA_HEAD without a
 * sibling before it. */
static struct rga_place search_left(const struct search *s, struct rga_place from)
{
    const struct rga_leaf *leaf = &s->t->leaves[from.leaf];
    uint32_t child = from.leaf, shift = rga_shift_of(s->t, 0, child);
    uint32_t at = last_before(s, leaf->depth, leaf->element, from.at, shift);
    if (at != NO_NODE)
        return (struct rga_place){from.leaf, at, leaf->depth[at] + shift};
    for (uint32_t node = leaf->parent; node != NO_NODE; node = s->t->inners[node].parent) {
        const struct rga_inner *n = &s->t->inners[node];
        uint32_t slot = rga_slot_of(n, child);
        shift -= n->shift[slot];
        slot = last_before(s, n->depth, n->first, slot, shift);
        if (slot != NO_NODE)
            return before_below(s, node, slot, shift);
        child = node;
    }
    return (struct rga_place){NO_NODE, 0, 0};
}

/* --- ancestors --------------------------------------------------------------------- */

static bool always(const void *arg, uint32_t other)
{
    (void)arg;
    (void)other;
    return true;
}

static struct rga_place place_of(const struct rga_tree *t, uint32_t element)
{
    uint32_t leaf = rga_leaf_of(t, element), at = rga_entry_of(t, element);
    return (struct rga_place){leaf, at, t->leaves[leaf].depth[at] + rga_shift_of(t, 0, leaf)};
}

/* The element itself or its ancestor with at most this depth; RGA_HEAD is not an entry. */
static uint32_t ancestor(const struct rga_tree *t, uint32_t element, uint32_t depth)
{
    struct search s = {t, depth, always, NULL};
    struct rga_place at = place_of(t, element);
    at.at++;
    at = search_left(&s, at);
    return at.leaf == NO_NODE ? RGA_HEAD : t->leaves[at.leaf].element[at.at];
}

bool rga_tree_is_within(const struct rga_tree *t, uint32_t element, uint32_t other)
{
    return ancestor(t, element, place_of(t, other).depth) == other;
}

uint32_t rga_tree_limbo_root(const struct rga_tree *t, uint32_t element)
{
    return ancestor(t, element, 0) == RGA_LIMBO ? ancestor(t, element, 1) : RGA_NONE;
}

struct rga_place rga_tree_after(const struct rga_tree *t, uint32_t element)
{
    struct rga_place place = place_of(t, element);
    uint32_t depth = place.depth;
    place.at++;
    place = shallow_from(t, place, depth);
    place.depth = depth;
    return place;
}

/* --- places ------------------------------------------------------------------------ */

struct rga_place rga_tree_front(const struct rga_tree *t, uint32_t parent)
{
    if (parent == RGA_HEAD || t->leaf_count == 0)
        return (struct rga_place){0, parent == RGA_LIMBO, 1};
    struct rga_place place = place_of(t, parent);
    return (struct rga_place){place.leaf, place.at + 1, place.depth + 1};
}

uint32_t rga_tree_child_at(const struct rga_tree *t, struct rga_place front)
{
    uint32_t depth = front.depth, element = rga_tree_next(t, &front);
    return element != RGA_NONE && front.depth == depth ? element : RGA_NONE;
}

uint32_t rga_tree_first_child(const struct rga_tree *t, uint32_t parent)
{
    return rga_tree_child_at(t, rga_tree_front(t, parent));
}

/* The last sibling that comes before a new one; in NO_NODE if there is none. */
static struct rga_place sibling_before(const struct rga_tree *t, uint32_t parent,
                                       rga_before *before, const void *arg)
{
    struct rga_place front = rga_tree_front(t, parent);
    uint32_t first = rga_tree_child_at(t, front);
    if (first == RGA_NONE || !before(arg, first))
        return (struct rga_place){NO_NODE, 0, 0};
    struct search s = {t, front.depth, before, arg};
    struct rga_place sibling = search_left(&s, shallow_from(t, front, front.depth - 1));
    must(sibling.leaf != NO_NODE && sibling.depth == front.depth);
    return sibling;
}

struct rga_place rga_tree_place(const struct rga_tree *t, uint32_t parent, rga_before *before,
                                const void *arg)
{
    struct rga_place place = sibling_before(t, parent, before, arg);
    if (place.leaf == NO_NODE)
        return rga_tree_front(t, parent);
    uint32_t depth = place.depth;
    place.at++;
    place = shallow_from(t, place, depth);
    place.depth = depth;
    return place;
}

uint32_t rga_tree_last_before(const struct rga_tree *t, uint32_t parent, rga_before *before,
                              const void *arg)
{
    struct rga_place place = sibling_before(t, parent, before, arg);
    return place.leaf == NO_NODE ? RGA_NONE : t->leaves[place.leaf].element[place.at];
}

/* --- walks -------------------------------------------------------------------------- */

static uint32_t next_entry(const struct rga_tree *t, struct rga_place *place)
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
    return leaf->element[place->at++];
}

uint32_t rga_tree_next(const struct rga_tree *t, struct rga_place *place)
{
    uint32_t element = next_entry(t, place);
    if (element != RGA_NONE)
        place->depth =
            t->leaves[place->leaf].depth[place->at - 1] + rga_shift_of(t, 0, place->leaf);
    return element;
}

uint32_t rga_tree_next_shown(const struct rga_tree *t, struct rga_place *place)
{
    for (;;) {
        uint32_t element = next_entry(t, place);
        if (element == RGA_NONE || element == RGA_LIMBO)
            return RGA_NONE;
        if ((t->leaves[place->leaf].shown >> (place->at - 1) & 1) != 0)
            return element;
    }
}
