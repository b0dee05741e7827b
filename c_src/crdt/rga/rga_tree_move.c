/* Moving a subtree: it is a run of entries, so it is cut out and pasted elsewhere.
 *
 * The tree is cut before three entries: the first of the subtree, the first after it, and the one
 * that it goes before.  Each cut splits one node per level, so that below the root no node has
 * entries from both sides.  Then it is enough to rotate the slots of the root and to add the
 * difference in depth to their shifts.  Where parts meet, nodes that fit into one are joined, as
 * they are with the neighbours of the same parent that a cut made small: so moves do not use up
 * memory. */
#include <string.h>

#include "../../err.h"
#include "rga_nodes.h"

#define CUTS 3

/* --- cutting -------------------------------------------------------------------------- */

/* Moves the slots after one to a new node, in front of them what was cut from that slot's child;
 * NO_NODE if that leaves nothing to move. */
static uint32_t cut_after(struct rga_tree *t, uint32_t node, uint32_t slot, uint32_t right)
{
    uint32_t shift = t->inners[node].shift[slot];
    rga_slot_refresh(t, node, slot);
    if (right == NO_NODE && slot + 1 == t->inners[node].count)
        return NO_NODE;
    uint32_t added = rga_inner_cut(t, node, slot + 1);
    if (right != NO_NODE)
        rga_slot_insert(t, added, 0, right, shift);
    return added;
}

static void cut_before(struct rga_tree *t, uint32_t element)
{
    uint32_t child = rga_leaf_of(t, element);
    uint32_t right = rga_leaf_cut(t, child, rga_entry_of(t, element));
    uint32_t node = t->leaves[child].parent;
    for (; node != t->root; child = node, node = t->inners[node].parent)
        right = cut_after(t, node, rga_slot_of(&t->inners[node], child), right);
    uint32_t slot = rga_slot_of(&t->inners[node], child);
    rga_slot_refresh(t, node, slot);
    if (right != NO_NODE)
        rga_slot_insert(t, node, slot + 1, right, t->inners[node].shift[slot]);
}

/* --- pasting -------------------------------------------------------------------------- */

/* The root's slot of an entry; its end for RGA_NONE. */
static uint32_t root_slot(const struct rga_tree *t, uint32_t element)
{
    if (element == RGA_NONE)
        return t->inners[t->root].count;
    uint32_t child = rga_leaf_of(t, element), node = t->leaves[child].parent;
    for (; node != t->root; node = t->inners[node].parent)
        child = node;
    return rga_slot_of(&t->inners[node], child);
}

/* Swaps [from, middle) with [middle, to). */
static void rotate(uint32_t *array, uint32_t from, uint32_t middle, uint32_t to)
{
    uint32_t left[INNER_SLOTS];
    size_t bytes = (middle - from) * sizeof(uint32_t);
    memcpy(left, array + from, bytes);
    memmove(array + from, array + middle, (to - middle) * sizeof(uint32_t));
    memcpy(array + from + (to - middle), left, bytes);
}

static void rotate_slots(struct rga_inner *n, uint32_t from, uint32_t middle, uint32_t to)
{
    rotate(n->child, from, middle, to);
    rotate(n->shown, from, middle, to);
    rotate(n->depth, from, middle, to);
    rotate(n->first, from, middle, to);
    rotate(n->shift, from, middle, to);
}

static void paste(struct rga_tree *t, uint32_t first, uint32_t end, uint32_t before, uint32_t shift)
{
    struct rga_inner *root = &t->inners[t->root];
    uint32_t from = root_slot(t, first), to = root_slot(t, end), at = root_slot(t, before);
    for (uint32_t i = from; i < to; i++) {
        root->shift[i] += shift;
        root->depth[i] += shift;
    }
    t->shifted |= shift != 0;
    t->written++;
    must(at <= from || at >= to);
    if (at < from)
        rotate_slots(root, at, from, to);
    else if (at > to)
        rotate_slots(root, from, to, at);
}

/* --- joining -------------------------------------------------------------------------- */

static uint32_t last_leaf(const struct rga_tree *t, uint32_t level, uint32_t node)
{
    for (; level > 0; level--)
        node = t->inners[node].child[t->inners[node].count - 1];
    return node;
}

/* NO_NODE for the first leaf. */
static uint32_t leaf_before(const struct rga_tree *t, uint32_t leaf)
{
    uint32_t child = leaf, node = t->leaves[leaf].parent;
    for (; node != NO_NODE; child = node, node = t->inners[node].parent) {
        const struct rga_inner *n = &t->inners[node];
        uint32_t slot = rga_slot_of(n, child);
        if (slot > 0)
            return last_leaf(t, n->level - 1, n->child[slot - 1]);
    }
    return NO_NODE;
}

static uint32_t count_of(const struct rga_tree *t, uint32_t level, uint32_t node)
{
    return level == 0 ? t->leaves[node].count : t->inners[node].count;
}

static void slot_remove(struct rga_inner *n, uint32_t slot)
{
    rotate_slots(n, slot, slot + 1, n->count);
    n->count--;
}

static void take_entries(struct rga_tree *t, uint32_t left, uint32_t right, uint32_t shift)
{
    struct rga_leaf *a = &t->leaves[left], *b = &t->leaves[right];
    for (uint32_t i = 0; i < b->count; i++) {
        a->element[a->count + i] = b->element[i];
        a->depth[a->count + i] = b->depth[i] + shift;
        rga_set_leaf_of(t, b->element[i], left);
    }
    if (b->count > 0)
        a->shown |= b->shown << a->count;
    a->count += b->count;
    a->next = b->next;
}

static void take_slots(struct rga_tree *t, uint32_t left, uint32_t right, uint32_t shift)
{
    for (uint32_t i = 0; i < t->inners[right].count; i++) {
        const struct rga_inner *b = &t->inners[right];
        rga_slot_insert(t, left, t->inners[left].count, b->child[i], b->shift[i] + shift);
    }
}

/* Joins a node with the one after it if they fit into one. */
static bool join(struct rga_tree *t, uint32_t level, uint32_t left, uint32_t right)
{
    uint32_t most = level == 0 ? LEAF_ENTRIES : INNER_SLOTS;
    if (count_of(t, level, left) + count_of(t, level, right) > most)
        return false;
    uint32_t shift = rga_shift_of(t, level, right) - rga_shift_of(t, level, left);
    uint32_t above = rga_parent_of(t, level, right);
    if (level == 0)
        take_entries(t, left, right, shift);
    else
        take_slots(t, left, right, shift);
    slot_remove(&t->inners[above], rga_slot_of(&t->inners[above], right));
    if (level == 0)
        rga_leaf_drop(t, right);
    else
        rga_inner_drop(t, right);
    rga_refresh(t, level, left);
    rga_refresh(t, level + 1, above);
    return true;
}

/* The node before or after one with the same parent; NO_NODE if there is none. */
static uint32_t beside(const struct rga_tree *t, uint32_t level, uint32_t node, bool after)
{
    const struct rga_inner *n = &t->inners[rga_parent_of(t, level, node)];
    uint32_t slot = rga_slot_of(n, node);
    if (after)
        return slot + 1 < n->count ? n->child[slot + 1] : NO_NODE;
    return slot > 0 ? n->child[slot - 1] : NO_NODE;
}

/* Joins small nodes on both sides of a cut, from the leaves up to the first common node. */
static void join_around(struct rga_tree *t, uint32_t element)
{
    uint32_t right = rga_leaf_of(t, element), left = leaf_before(t, right), outer;
    if (left == NO_NODE)
        return;
    for (uint32_t level = 0; left != right; level++) {
        uint32_t left_above = rga_parent_of(t, level, left);
        uint32_t right_above = rga_parent_of(t, level, right);
        if ((outer = beside(t, level, left, false)) != NO_NODE && join(t, level, outer, left))
            left = outer;
        outer = beside(t, level, right, true);
        if (outer != NO_NODE)
            join(t, level, right, outer);
        join(t, level, left, right);
        left = left_above;
        right = right_above;
    }
}

/* --- moving --------------------------------------------------------------------------- */

static void shrink_root(struct rga_tree *t)
{
    while (t->inners[t->root].count == 1 && t->inners[t->root].level > 1) {
        uint32_t old = t->root, shift = t->inners[old].shift[0];
        t->root = t->inners[old].child[0];
        struct rga_inner *root = &t->inners[t->root];
        root->parent = NO_NODE;
        for (uint32_t i = 0; i < root->count; i++) {
            root->shift[i] += shift;
            root->depth[i] += shift;
        }
        rga_inner_drop(t, old);
    }
}

/* Links the leaves on both sides of a cut. */
static void link_leaves(struct rga_tree *t, uint32_t element)
{
    uint32_t leaf = rga_leaf_of(t, element);
    t->leaves[leaf_before(t, leaf)].next = leaf;
}

void rga_tree_move(struct rga_tree *t, uint32_t element, struct rga_place place)
{
    struct rga_place after = rga_tree_after(t, element);
    uint32_t shift = place.depth - after.depth;
    uint32_t cuts[CUTS] = {element, rga_tree_next(t, &after)}, count = 1;
    uint32_t end = cuts[1], before = rga_tree_next(t, &place);
    if (shift == 0 && (before == element || before == end))
        return;
    if (end != RGA_NONE)
        count++;
    if (before != RGA_NONE && before != element && before != end)
        cuts[count++] = before;
    while (t->inners[t->root].count > INNER_SLOTS - CUTS)
        rga_root_grow(t);
    for (uint32_t i = 0; i < count; i++)
        cut_before(t, cuts[i]);
    paste(t, element, end, before, shift);
    for (uint32_t i = 0; i < count; i++)
        link_leaves(t, cuts[i]);
    t->leaves[last_leaf(t, t->inners[t->root].level, t->root)].next = NO_NODE;
    for (uint32_t i = 0; i < count; i++)
        join_around(t, cuts[i]);
    shrink_root(t);
    t->shown = rga_count_shown(t);
}
