#include "rga_tree.h"

#include <string.h>

#include "../../err.h"
#include "../../mem.h"
#include "rga_nodes.h"

/* More levels than 2^32 half-full nodes can have. */
#define LEVELS_MAX 16

_Static_assert(LEAF_ENTRIES == 64 && LEAF_ENTRIES >= INNER_SLOTS, "shown has one bit per entry");

/* --- summaries ------------------------------------------------------------------ */

/* A slot's summary of its child. */
struct summary {
    uint32_t shown, depth, first;
};

/* Sets depth and first to those of the first of the shallowest. */
static void shallowest(struct summary *s, const uint32_t *depth, const uint32_t *first,
                       uint32_t count)
{
    s->depth = NO_DEPTH;
    for (uint32_t i = 0; i < count; i++)
        s->depth = depth[i] < s->depth ? depth[i] : s->depth;
    for (uint32_t i = 0; i < count && s->depth != NO_DEPTH; i++) {
        if (depth[i] != s->depth)
            continue;
        s->first = first[i];
        return;
    }
    s->first = RGA_NONE;
}

static struct summary leaf_summary(const struct rga_leaf *leaf)
{
    struct summary s = {.shown = rga_bits(leaf->shown)};
    shallowest(&s, leaf->depth, leaf->element, leaf->count);
    return s;
}

static struct summary inner_summary(const struct rga_inner *n)
{
    struct summary s = {0};
    for (uint32_t i = 0; i < n->count; i++)
        s.shown += n->shown[i];
    shallowest(&s, n->depth, n->first, n->count);
    return s;
}

static struct summary slot_summary(const struct rga_inner *n, uint32_t slot)
{
    return (struct summary){n->shown[slot], n->depth[slot], n->first[slot]};
}

static struct summary child_summary(const struct rga_tree *t, const struct rga_inner *n,
                                    uint32_t slot)
{
    uint32_t child = n->child[slot];
    return n->level == 1 ? leaf_summary(&t->leaves[child]) : inner_summary(&t->inners[child]);
}

static bool summaries_equal(struct summary a, struct summary b)
{
    return a.shown == b.shown && a.depth == b.depth && a.first == b.first;
}

static void slot_set(struct rga_inner *n, uint32_t slot, struct summary s)
{
    n->shown[slot] = s.shown;
    n->depth[slot] = s.depth;
    n->first[slot] = s.first;
}

/* Updates the summaries above a leaf. */
static void refresh(struct rga_tree *t, uint32_t leaf)
{
    struct summary s = leaf_summary(&t->leaves[leaf]);
    uint32_t child = leaf;
    for (uint32_t node = t->leaves[leaf].parent; node != NO_NODE; node = t->inners[node].parent) {
        struct rga_inner *n = &t->inners[node];
        uint32_t slot = rga_slot_of(n, child);
        if (summaries_equal(slot_summary(n, slot), s))
            return;
        slot_set(n, slot, s);
        s = inner_summary(n);
        child = node;
    }
    t->shown = s.shown;
}

/* --- nodes ------------------------------------------------------------------------ */

/* Room for one more node; exactly one for the first, which may remain the only one. */
static void *node_room(void *nodes, size_t count, size_t *cap, size_t size)
{
    if (*cap > 0)
        return mem_room(nodes, count, cap, size);
    *cap = 1;
    return mem_resize(nodes, size);
}

static uint32_t leaf_new(struct rga_tree *t, uint32_t parent, uint32_t next)
{
    must(t->leaf_count < NO_NODE);
    t->leaves = node_room(t->leaves, t->leaf_count, &t->leaf_cap, sizeof(*t->leaves));
    struct rga_leaf *leaf = &t->leaves[t->leaf_count];
    leaf->parent = parent;
    leaf->next = next;
    leaf->count = 0;
    leaf->shown = 0;
    return (uint32_t)t->leaf_count++;
}

static uint32_t inner_new(struct rga_tree *t, uint32_t parent, uint32_t level)
{
    must(t->inner_count < NO_NODE);
    t->inners = node_room(t->inners, t->inner_count, &t->inner_cap, sizeof(*t->inners));
    struct rga_inner *n = &t->inners[t->inner_count];
    n->parent = parent;
    n->level = level;
    n->count = 0;
    return (uint32_t)t->inner_count++;
}

static uint32_t *parent_of(struct rga_tree *t, uint32_t child_level, uint32_t child)
{
    return child_level == 0 ? &t->leaves[child].parent : &t->inners[child].parent;
}

/* The node must have room. */
static void slot_insert(struct rga_tree *t, uint32_t node, uint32_t slot, uint32_t child)
{
    struct rga_inner *n = &t->inners[node];
    size_t rest = (n->count - slot) * sizeof(uint32_t);
    must(n->count < INNER_SLOTS);
    memmove(n->child + slot + 1, n->child + slot, rest);
    memmove(n->shown + slot + 1, n->shown + slot, rest);
    memmove(n->depth + slot + 1, n->depth + slot, rest);
    memmove(n->first + slot + 1, n->first + slot, rest);
    n->count++;
    n->child[slot] = child;
    *parent_of(t, n->level - 1, child) = node;
    slot_set(n, slot, child_summary(t, n, slot));
}

/* The first nodes.  An empty tree has none, since most deltas stay empty. */
static void init_nodes(struct rga_tree *t)
{
    uint32_t leaf = leaf_new(t, NO_NODE, NO_NODE);
    t->root = inner_new(t, NO_NODE, 1);
    slot_insert(t, t->root, 0, leaf);
}

void rga_tree_free(struct rga_tree *t)
{
    mem_free(t->leaves);
    mem_free(t->inners);
    mem_free(t->leaf_of);
    *t = (struct rga_tree){0};
}

/* --- splitting --------------------------------------------------------------------- */

/* Moves the right half of a full inner node to a new one after it, for which its parent has room;
 * the root first gets a new root above it. */
static void inner_split(struct rga_tree *t, uint32_t node)
{
    if (node == t->root) {
        t->root = inner_new(t, NO_NODE, t->inners[node].level + 1);
        slot_insert(t, t->root, 0, node);
    }
    uint32_t added = inner_new(t, NO_NODE, t->inners[node].level), half = INNER_SLOTS / 2;
    struct rga_inner *n = &t->inners[node], *m = &t->inners[added];
    m->count = INNER_SLOTS - half;
    n->count = half;
    memcpy(m->child, n->child + half, m->count * sizeof(uint32_t));
    memcpy(m->shown, n->shown + half, m->count * sizeof(uint32_t));
    memcpy(m->depth, n->depth + half, m->count * sizeof(uint32_t));
    memcpy(m->first, n->first + half, m->count * sizeof(uint32_t));
    for (uint32_t i = 0; i < m->count; i++)
        *parent_of(t, m->level - 1, m->child[i]) = added;
    struct rga_inner *above = &t->inners[n->parent];
    uint32_t slot = rga_slot_of(above, node);
    slot_set(above, slot, inner_summary(n));
    slot_insert(t, n->parent, slot + 1, added);
}

/* Splits the full nodes right above a leaf, top down, so that the leaf's parent has room. */
static void split_full_ancestors(struct rga_tree *t, uint32_t leaf)
{
    uint32_t full[LEVELS_MAX], count = 0, node = t->leaves[leaf].parent;
    for (; node != NO_NODE && t->inners[node].count == INNER_SLOTS; node = t->inners[node].parent) {
        must(count < LEVELS_MAX);
        full[count++] = node;
    }
    while (count > 0)
        inner_split(t, full[--count]);
}

/* Moves the entries from keep on to a new leaf after this one. */
static uint32_t leaf_split(struct rga_tree *t, uint32_t leaf, uint32_t keep)
{
    split_full_ancestors(t, leaf);
    uint32_t added = leaf_new(t, NO_NODE, t->leaves[leaf].next);
    struct rga_leaf *l = &t->leaves[leaf], *m = &t->leaves[added];
    l->next = added;
    m->count = l->count - keep;
    l->count = keep;
    memcpy(m->element, l->element + keep, m->count * sizeof(uint32_t));
    memcpy(m->depth, l->depth + keep, m->count * sizeof(uint32_t));
    if (m->count > 0) {
        m->shown = l->shown >> keep;
        l->shown &= (UINT64_C(1) << keep) - 1;
    }
    for (uint32_t i = 0; i < m->count; i++)
        t->leaf_of[m->element[i]] = added;
    struct rga_inner *above = &t->inners[l->parent];
    uint32_t slot = rga_slot_of(above, leaf);
    slot_set(above, slot, leaf_summary(l));
    slot_insert(t, l->parent, slot + 1, added);
    return added;
}

/* Returns the same place in a leaf with room for an entry.  After the last entry of a full leaf
 * this is the next leaf, or a new empty one: runs of typed text thus leave full leaves. */
static struct rga_place make_room(struct rga_tree *t, struct rga_place p)
{
    if (t->leaves[p.leaf].count < LEAF_ENTRIES)
        return p;
    if (p.at == LEAF_ENTRIES) {
        uint32_t next = t->leaves[p.leaf].next;
        if (next == NO_NODE || t->leaves[next].count == LEAF_ENTRIES)
            next = leaf_split(t, p.leaf, LEAF_ENTRIES);
        return (struct rga_place){next, 0, p.depth};
    }
    uint32_t half = LEAF_ENTRIES / 2, added = leaf_split(t, p.leaf, half);
    if (p.at <= half)
        return p;
    return (struct rga_place){added, p.at - half, p.depth};
}

static void reserve_leaf_of(struct rga_tree *t, uint32_t element)
{
    if (element < t->leaf_of_len)
        return;
    size_t len = t->leaf_of_len * 2 > element ? t->leaf_of_len * 2 : (size_t)element + LEAF_ENTRIES;
    t->leaf_of = mem_resize(t->leaf_of, len * sizeof(*t->leaf_of));
    for (; t->leaf_of_len < len; t->leaf_of_len++)
        t->leaf_of[t->leaf_of_len] = NO_NODE;
}

/* --- changes ------------------------------------------------------------------------ */

/* The lowest count bits. */
static uint64_t low_bits(uint64_t shown, uint32_t count)
{
    return shown & ((UINT64_C(1) << count) - 1);
}

void rga_tree_insert(struct rga_tree *t, struct rga_place place, uint32_t element, bool shown)
{
    must(!rga_tree_has(t, element) && place.depth > 0 && place.depth < NO_DEPTH);
    reserve_leaf_of(t, element);
    if (t->leaf_count == 0)
        init_nodes(t);
    place = make_room(t, place);
    struct rga_leaf *leaf = &t->leaves[place.leaf];
    uint32_t at = place.at;
    size_t rest = (leaf->count - at) * sizeof(uint32_t);
    must(at <= leaf->count);
    memmove(leaf->element + at + 1, leaf->element + at, rest);
    memmove(leaf->depth + at + 1, leaf->depth + at, rest);
    leaf->element[at] = element;
    leaf->depth[at] = place.depth;
    leaf->shown = leaf->shown >> at << 1 << at | (uint64_t)shown << at | low_bits(leaf->shown, at);
    leaf->count++;
    t->leaf_of[element] = place.leaf;
    refresh(t, place.leaf);
}

void rga_tree_show(struct rga_tree *t, uint32_t element, bool shown)
{
    uint64_t bit = UINT64_C(1) << rga_entry_of(t, element);
    struct rga_leaf *leaf = &t->leaves[t->leaf_of[element]];
    leaf->shown = shown ? leaf->shown | bit : leaf->shown & ~bit;
    refresh(t, t->leaf_of[element]);
}

void rga_tree_remove(struct rga_tree *t, uint32_t element)
{
    uint32_t number = t->leaf_of[element], at = rga_entry_of(t, element);
    struct rga_leaf *leaf = &t->leaves[number];
    must(rga_tree_first_child(t, element) == RGA_NONE);
    leaf->count--;
    size_t rest = (leaf->count - at) * sizeof(uint32_t);
    memmove(leaf->element + at, leaf->element + at + 1, rest);
    memmove(leaf->depth + at, leaf->depth + at + 1, rest);
    leaf->shown = leaf->shown >> at >> 1 << at | low_bits(leaf->shown, at);
    t->leaf_of[element] = NO_NODE;
    refresh(t, number);
}

/* --- invariants --------------------------------------------------------------------- */

static void inner_check(const struct rga_tree *t, uint32_t node, size_t *children)
{
    const struct rga_inner *n = &t->inners[node];
    must(n->count > 0 && n->count <= INNER_SLOTS);
    for (uint32_t i = 0; i < n->count; i++) {
        must(summaries_equal(slot_summary(n, i), child_summary(t, n, i)));
        if (n->level == 1) {
            must(t->leaves[n->child[i]].parent == node);
        } else {
            must(t->inners[n->child[i]].parent == node);
            must(t->inners[n->child[i]].level == n->level - 1);
        }
    }
    *children += n->count;
}

void rga_tree_check(const struct rga_tree *t)
{
    size_t children = 0, here = 0, walked = 0;
    if (t->leaf_count == 0) {
        must(t->inner_count == 0 && t->shown == 0);
        return;
    }
    for (uint32_t i = 0; i < t->inner_count; i++)
        inner_check(t, i, &children);
    must(children == t->leaf_count + t->inner_count - 1);
    must(t->inners[t->root].parent == NO_NODE);
    must(inner_summary(&t->inners[t->root]).shown == t->shown);
    for (size_t i = 0; i < t->leaf_count; i++) {
        const struct rga_leaf *leaf = &t->leaves[i];
        must(leaf->count <= LEAF_ENTRIES);
        must(leaf->count == LEAF_ENTRIES || leaf->shown >> leaf->count == 0);
    }
    for (size_t i = 0; i < t->leaf_of_len; i++)
        here += t->leaf_of[i] != NO_NODE;
    uint32_t deepest = 1, element;
    struct rga_place place = {0};
    for (; (element = rga_tree_next(t, &place)) != RGA_NONE; walked++) {
        must(t->leaf_of[element] == place.leaf);
        must(place.depth >= 1 && place.depth <= deepest);
        deepest = place.depth + 1;
    }
    must(walked == here);
}
