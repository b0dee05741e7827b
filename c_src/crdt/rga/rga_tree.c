#include "rga_tree.h"

#include <string.h>

#include "../../err.h"
#include "../../mem.h"
#include "rga_nodes.h"

/* More levels than 2^32 half-full nodes can have. */
#define LEVELS_MAX 16

_Static_assert(LEAF_ENTRIES == 64 && LEAF_ENTRIES >= INNER_SLOTS, "shown has one bit per entry");

/* --- summaries ------------------------------------------------------------------ */

/* Sets depth and first to those of the first of the shallowest.  Depths in a node are less than
 * 2^31 apart. */
static void shallowest(struct rga_summary *s, const uint32_t *depth, const uint32_t *first,
                       uint32_t count)
{
    uint32_t from = 0;
    while (from < count && first[from] == RGA_NONE)
        from++;
    s->first = RGA_NONE;
    s->depth = 0;
    if (from == count)
        return;
    uint32_t base = depth[from];
    int32_t least = 0;
    for (uint32_t i = from; i < count; i++) {
        int32_t below = first[i] == RGA_NONE ? INT32_MAX : (int32_t)(depth[i] - base);
        least = below < least ? below : least;
    }
    s->depth = base + (uint32_t)least;
    while (first[from] == RGA_NONE || depth[from] != s->depth)
        from++;
    s->first = first[from];
}

static struct rga_summary leaf_summary(const struct rga_leaf *leaf)
{
    struct rga_summary s = {.shown = rga_bits(leaf->shown)};
    shallowest(&s, leaf->depth, leaf->element, leaf->count);
    return s;
}

static struct rga_summary inner_summary(const struct rga_inner *n)
{
    struct rga_summary s = {0};
    for (uint32_t i = 0; i < n->count; i++)
        s.shown += n->shown[i];
    shallowest(&s, n->depth, n->first, n->count);
    return s;
}

static struct rga_summary summary(const struct rga_tree *t, uint32_t level, uint32_t node)
{
    return level == 0 ? leaf_summary(&t->leaves[node]) : inner_summary(&t->inners[node]);
}

struct rga_summary rga_child_summary(const struct rga_tree *t, const struct rga_inner *n,
                                     uint32_t slot)
{
    struct rga_summary s = summary(t, n->level - 1, n->child[slot]);
    s.depth += n->shift[slot];
    return s;
}

static bool slot_has(const struct rga_inner *n, uint32_t slot, struct rga_summary s)
{
    return n->shown[slot] == s.shown && n->first[slot] == s.first &&
           (n->depth[slot] == s.depth || s.first == RGA_NONE);
}

static void slot_set(struct rga_inner *n, uint32_t slot, struct rga_summary s)
{
    n->shown[slot] = s.shown;
    n->depth[slot] = s.depth;
    n->first[slot] = s.first;
}

void rga_slot_refresh(struct rga_tree *t, uint32_t node, uint32_t slot)
{
    struct rga_inner *n = &t->inners[node];
    slot_set(n, slot, rga_child_summary(t, n, slot));
    t->written++;
}

void rga_refresh(struct rga_tree *t, uint32_t level, uint32_t node)
{
    struct rga_summary s = summary(t, level, node);
    uint32_t child = node;
    t->written++;
    for (node = rga_parent_of(t, level, node); node != NO_NODE; node = t->inners[node].parent) {
        struct rga_inner *n = &t->inners[node];
        uint32_t slot = rga_slot_of(n, child);
        s.depth += n->shift[slot];
        if (slot_has(n, slot, s))
            return;
        slot_set(n, slot, s);
        t->written++;
        s = inner_summary(n);
        child = node;
    }
}

/* Nothing is in limbo. */
static bool limbo_is_last(const struct rga_tree *t)
{
    const struct rga_leaf *leaf = &t->leaves[t->limbo_leaf];
    return leaf->next == NO_NODE && leaf->element[leaf->count - 1] == RGA_LIMBO;
}

/* Adds to the shown entries of all slots above a leaf, modulo 2^32. */
static void count_more(struct rga_tree *t, uint32_t leaf, uint32_t more)
{
    uint32_t child = leaf;
    for (uint32_t node = t->leaves[leaf].parent; node != NO_NODE; node = t->inners[node].parent) {
        struct rga_inner *n = &t->inners[node];
        n->shown[rga_slot_of(n, child)] += more;
        t->written++;
        child = node;
    }
}

/* Updates all slots above a leaf with a new entry.  Usually that is deeper than others there, and
 * changes nothing but the number of the shown. */
static void count_entry(struct rga_tree *t, uint32_t leaf, uint32_t depth, bool shown)
{
    const struct rga_inner *n = &t->inners[t->leaves[leaf].parent];
    uint32_t slot = rga_slot_of(n, leaf);
    depth += n->shift[slot];
    t->written++;
    if (n->first[slot] == RGA_NONE || (int32_t)(depth - n->depth[slot]) <= 0)
        rga_refresh(t, 0, leaf);
    else if (shown)
        count_more(t, leaf, 1);
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

uint32_t rga_leaf_new(struct rga_tree *t, uint32_t next)
{
    uint32_t number = t->free_leaf - 1;
    if (t->free_leaf > 0) {
        t->free_leaf = t->leaves[number].next;
    } else {
        must(t->leaf_count < NO_NODE);
        t->leaves = node_room(t->leaves, t->leaf_count, &t->leaf_cap, sizeof(*t->leaves));
        number = (uint32_t)t->leaf_count++;
    }
    struct rga_leaf *leaf = &t->leaves[number];
    leaf->parent = NO_NODE;
    leaf->next = next;
    leaf->count = 0;
    leaf->shown = 0;
    t->written++;
    return number;
}

void rga_leaf_drop(struct rga_tree *t, uint32_t leaf)
{
    must(leaf != 0);
    t->leaves[leaf].parent = NO_NODE;
    t->leaves[leaf].next = t->free_leaf;
    t->free_leaf = leaf + 1;
}

uint32_t rga_inner_new(struct rga_tree *t, uint32_t level)
{
    uint32_t number = t->free_inner - 1;
    if (t->free_inner > 0) {
        t->free_inner = t->inners[number].parent;
    } else {
        must(t->inner_count < NO_NODE);
        t->inners = node_room(t->inners, t->inner_count, &t->inner_cap, sizeof(*t->inners));
        number = (uint32_t)t->inner_count++;
    }
    struct rga_inner *n = &t->inners[number];
    n->parent = NO_NODE;
    n->level = level;
    n->count = 0;
    t->written++;
    return number;
}

void rga_inner_drop(struct rga_tree *t, uint32_t node)
{
    t->inners[node].level = 0;
    t->inners[node].parent = t->free_inner;
    t->free_inner = node + 1;
}

uint32_t rga_parent_of(const struct rga_tree *t, uint32_t level, uint32_t node)
{
    return level == 0 ? t->leaves[node].parent : t->inners[node].parent;
}

static void set_parent(struct rga_tree *t, uint32_t level, uint32_t node, uint32_t parent)
{
    if (level == 0)
        t->leaves[node].parent = parent;
    else
        t->inners[node].parent = parent;
}

void rga_slot_insert(struct rga_tree *t, uint32_t node, uint32_t slot, uint32_t child,
                     uint32_t shift)
{
    struct rga_inner *n = &t->inners[node];
    size_t rest = (n->count - slot) * sizeof(uint32_t);
    must(n->count < INNER_SLOTS);
    memmove(n->child + slot + 1, n->child + slot, rest);
    memmove(n->shown + slot + 1, n->shown + slot, rest);
    memmove(n->depth + slot + 1, n->depth + slot, rest);
    memmove(n->first + slot + 1, n->first + slot, rest);
    memmove(n->shift + slot + 1, n->shift + slot, rest);
    n->count++;
    n->child[slot] = child;
    n->shift[slot] = shift;
    set_parent(t, n->level - 1, child, node);
    rga_slot_refresh(t, node, slot);
}

void rga_root_grow(struct rga_tree *t)
{
    uint32_t below = t->root;
    t->root = rga_inner_new(t, t->inners[below].level + 1);
    rga_slot_insert(t, t->root, 0, below, 0);
}

void rga_set_leaf_of(struct rga_tree *t, uint32_t element, uint32_t leaf)
{
    if (element == RGA_LIMBO)
        t->limbo_leaf = leaf;
    else
        t->leaf_of[element] = leaf;
}

/* The first nodes.  An empty tree has none, since most deltas stay empty. */
static void init_nodes(struct rga_tree *t)
{
    uint32_t number = rga_leaf_new(t, NO_NODE);
    struct rga_leaf *leaf = &t->leaves[number];
    leaf->element[0] = RGA_LIMBO;
    leaf->depth[0] = 0;
    leaf->count = 1;
    t->limbo_leaf = number;
    t->root = rga_inner_new(t, 1);
    rga_slot_insert(t, t->root, 0, number, 0);
}

void rga_tree_free(struct rga_tree *t)
{
    mem_free(t->leaves);
    mem_free(t->inners);
    mem_free(t->leaf_of);
    *t = (struct rga_tree){0};
}

/* --- splitting --------------------------------------------------------------------- */

uint32_t rga_inner_cut(struct rga_tree *t, uint32_t node, uint32_t keep)
{
    uint32_t added = rga_inner_new(t, t->inners[node].level);
    struct rga_inner *n = &t->inners[node], *m = &t->inners[added];
    m->count = n->count - keep;
    n->count = keep;
    size_t bytes = m->count * sizeof(uint32_t);
    memcpy(m->child, n->child + keep, bytes);
    memcpy(m->shown, n->shown + keep, bytes);
    memcpy(m->depth, n->depth + keep, bytes);
    memcpy(m->first, n->first + keep, bytes);
    memcpy(m->shift, n->shift + keep, bytes);
    for (uint32_t i = 0; i < m->count; i++)
        set_parent(t, m->level - 1, m->child[i], added);
    t->written++;
    return added;
}

/* Puts what was cut from a node into a slot after it, for which its parent has room. */
static void insert_after(struct rga_tree *t, uint32_t level, uint32_t node, uint32_t added)
{
    uint32_t above = rga_parent_of(t, level, node);
    uint32_t slot = rga_slot_of(&t->inners[above], node);
    rga_slot_refresh(t, above, slot);
    rga_slot_insert(t, above, slot + 1, added, t->inners[above].shift[slot]);
}

/* Splits the full nodes right above a leaf, top down, so that the leaf's parent has room. */
static void split_full_ancestors(struct rga_tree *t, uint32_t leaf)
{
    uint32_t full[LEVELS_MAX], count = 0, node = t->leaves[leaf].parent;
    for (; node != NO_NODE && t->inners[node].count == INNER_SLOTS; node = t->inners[node].parent) {
        must(count < LEVELS_MAX);
        full[count++] = node;
    }
    while (count > 0) {
        node = full[--count];
        if (node == t->root)
            rga_root_grow(t);
        uint32_t added = rga_inner_cut(t, node, INNER_SLOTS / 2);
        insert_after(t, t->inners[node].level, node, added);
    }
}

uint32_t rga_leaf_cut(struct rga_tree *t, uint32_t leaf, uint32_t keep)
{
    uint32_t added = rga_leaf_new(t, t->leaves[leaf].next);
    struct rga_leaf *l = &t->leaves[leaf], *m = &t->leaves[added];
    l->next = added;
    m->count = l->count - keep;
    l->count = keep;
    memcpy(m->element, l->element + keep, m->count * sizeof(uint32_t));
    memcpy(m->depth, l->depth + keep, m->count * sizeof(uint32_t));
    if (m->count > 0) {
        m->shown = l->shown >> keep;
        l->shown = rga_low_bits(l->shown, keep);
    }
    for (uint32_t i = 0; i < m->count; i++)
        rga_set_leaf_of(t, m->element[i], added);
    t->written++;
    return added;
}

static uint32_t leaf_split(struct rga_tree *t, uint32_t leaf, uint32_t keep)
{
    split_full_ancestors(t, leaf);
    uint32_t added = rga_leaf_cut(t, leaf, keep);
    insert_after(t, 0, leaf, added);
    return added;
}

/* Returns the same place in a leaf with room for an entry.  After the last entry of a full leaf
 * this is the next leaf, or a new empty one, and RGA_LIMBO makes room alone: runs of typed text
 * thus leave full leaves. */
static struct rga_place make_room(struct rga_tree *t, struct rga_place p)
{
    if (t->leaves[p.leaf].count < LEAF_ENTRIES)
        return p;
    if (p.at == LEAF_ENTRIES - 1 && t->leaves[p.leaf].element[p.at] == RGA_LIMBO) {
        leaf_split(t, p.leaf, p.at);
        return p;
    }
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

void rga_tree_insert(struct rga_tree *t, struct rga_place place, uint32_t element, bool shown)
{
    must(!rga_tree_has(t, element) && element < RGA_LIMBO && place.depth > 0);
    reserve_leaf_of(t, element);
    if (t->leaf_count == 0)
        init_nodes(t);
    place = make_room(t, place);
    uint32_t at = place.at, shift = rga_shift_of(t, 0, place.leaf);
    struct rga_leaf *leaf = &t->leaves[place.leaf];
    size_t rest = (leaf->count - at) * sizeof(uint32_t);
    must(at <= leaf->count);
    memmove(leaf->element + at + 1, leaf->element + at, rest);
    memmove(leaf->depth + at + 1, leaf->depth + at, rest);
    leaf->element[at] = element;
    leaf->depth[at] = place.depth - shift;
    leaf->shown =
        leaf->shown >> at << 1 << at | (uint64_t)shown << at | rga_low_bits(leaf->shown, at);
    leaf->count++;
    t->leaf_of[element] = place.leaf;
    t->last_entry = at;
    count_entry(t, place.leaf, leaf->depth[at], shown);
    t->shown = limbo_is_last(t) ? t->shown + shown : rga_count_shown(t);
}

void rga_tree_show(struct rga_tree *t, uint32_t element, bool shown)
{
    uint32_t number = rga_leaf_of(t, element), at = rga_entry_of(t, element);
    struct rga_leaf *leaf = &t->leaves[number];
    uint64_t bit = UINT64_C(1) << at;
    t->last_entry = at;
    if (((leaf->shown & bit) != 0) == shown)
        return;
    leaf->shown ^= bit;
    t->written++;
    uint32_t more = shown ? 1 : UINT32_MAX;
    count_more(t, number, more);
    t->shown = limbo_is_last(t) ? t->shown + more : rga_count_shown(t);
}

void rga_tree_remove(struct rga_tree *t, uint32_t element)
{
    uint32_t number = rga_leaf_of(t, element), at = rga_entry_of(t, element);
    struct rga_leaf *leaf = &t->leaves[number];
    must(rga_tree_first_child(t, element) == RGA_NONE);
    leaf->count--;
    size_t rest = (leaf->count - at) * sizeof(uint32_t);
    memmove(leaf->element + at, leaf->element + at + 1, rest);
    memmove(leaf->depth + at, leaf->depth + at + 1, rest);
    leaf->shown = leaf->shown >> at >> 1 << at | rga_low_bits(leaf->shown, at);
    t->leaf_of[element] = NO_NODE;
    rga_refresh(t, 0, number);
    t->shown = rga_count_shown(t);
}

/* --- invariants --------------------------------------------------------------------- */

static void inner_check(const struct rga_tree *t, uint32_t node, size_t *children)
{
    const struct rga_inner *n = &t->inners[node];
    must(n->count <= INNER_SLOTS && (n->count > 0 || node != t->root));
    for (uint32_t i = 0; i < n->count; i++) {
        must(slot_has(n, i, rga_child_summary(t, n, i)));
        must(n->shift[i] == 0 || t->shifted);
        must(rga_parent_of(t, n->level - 1, n->child[i]) == node);
        must(n->level == 1 || t->inners[n->child[i]].level == n->level - 1);
    }
    *children += n->count;
}

/* Counts the nodes in use. */
static size_t nodes_check(const struct rga_tree *t)
{
    size_t children = 0, used = 0;
    for (uint32_t i = 0; i < t->inner_count; i++) {
        if (t->inners[i].level == 0)
            continue;
        inner_check(t, i, &children);
        used++;
    }
    for (size_t i = 0; i < t->leaf_count; i++) {
        const struct rga_leaf *leaf = &t->leaves[i];
        if (leaf->parent == NO_NODE)
            continue;
        must(leaf->count <= LEAF_ENTRIES);
        must(leaf->count == LEAF_ENTRIES || leaf->shown >> leaf->count == 0);
        used++;
    }
    must(children == used - 1 && t->inners[t->root].parent == NO_NODE);
    return used;
}

void rga_tree_check(const struct rga_tree *t)
{
    size_t here = 0, walked = 0;
    if (t->leaf_count == 0) {
        must(t->inner_count == 0);
        return;
    }
    must(nodes_check(t) >= 2 && t->leaves[0].parent != NO_NODE);
    must(t->shown == rga_count_shown(t));
    for (size_t i = 0; i < t->leaf_of_len; i++)
        here += t->leaf_of[i] != NO_NODE;
    uint32_t deepest = 1, element;
    bool limbo = false;
    struct rga_place place = {0};
    for (; (element = rga_tree_next(t, &place)) != RGA_NONE; walked++) {
        must(rga_leaf_of(t, element) == place.leaf && place.depth <= deepest);
        must((place.depth == 0) == (element == RGA_LIMBO));
        must(!limbo || element != RGA_LIMBO);
        limbo |= element == RGA_LIMBO;
        deepest = place.depth + 1;
    }
    must(walked == here + 1 && limbo);
}
