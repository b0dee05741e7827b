/* The nodes of the sequence's tree.  Private to the tree's files.
 *
 * Nodes are referred to by number, since their arrays move when they grow.  Level 0 are the
 * leaves; the root is an inner node, always.  A node may be empty.
 *
 * Depths are relative: a slot's shift is added to all depths below it.  So a subtree is moved to
 * another depth by changing a few shifts.  All sums are modulo 2^32; the depth of an element in
 * the element tree, the sum along the path, is below 2^31. */
#ifndef COPPICE_CRDT_RGA_NODES_H
#define COPPICE_CRDT_RGA_NODES_H

#include "rga_tree.h"

#define LEAF_ENTRIES 64 /* one bit of shown each */
#define INNER_SLOTS  32
#define NO_NODE      UINT32_MAX

struct rga_leaf {
    uint32_t parent; /* NO_NODE if it is free */
    uint32_t next;   /* to the right, or in the free list */
    uint32_t count;
    uint64_t shown; /* bit i for entry i */
    uint32_t element[LEAF_ENTRIES];
    uint32_t depth[LEAF_ENTRIES];
};

/* A slot summarizes all entries below its child: how many are shown, the least depth, and the
 * first element at that depth; RGA_NONE if there are no entries. */
struct rga_inner {
    uint32_t parent; /* NO_NODE for the root; the next one in the free list */
    uint32_t level;  /* 1 is above the leaves; 0 if it is free */
    uint32_t count;
    uint32_t child[INNER_SLOTS];
    uint32_t shown[INNER_SLOTS];
    uint32_t depth[INNER_SLOTS];
    uint32_t first[INNER_SLOTS];
    uint32_t shift[INNER_SLOTS];
};

struct rga_summary {
    uint32_t shown, depth, first;
};

/* --- rga_find.c -------------------------------------------------------------------------- */

/* The slot of a child. */
uint32_t rga_slot_of(const struct rga_inner *n, uint32_t child);

/* The leaf of an element, which is present, and its index there. */
uint32_t rga_leaf_of(const struct rga_tree *t, uint32_t element);
uint32_t rga_entry_of(const struct rga_tree *t, uint32_t element);

/* Counts t->shown anew. */
uint32_t rga_count_shown(const struct rga_tree *t);

/* What is added to the depths in a node along the path from the root. */
uint32_t rga_shift_of(const struct rga_tree *t, uint32_t level, uint32_t node);

/* The place behind an element and all its descendants, with its depth. */
struct rga_place rga_tree_after(const struct rga_tree *t, uint32_t element);

/* --- rga_tree.c -------------------------------------------------------------------------- */

uint32_t rga_parent_of(const struct rga_tree *t, uint32_t level, uint32_t node);
void rga_set_leaf_of(struct rga_tree *t, uint32_t element, uint32_t leaf);

/* A new node without entries, and the end of one. */
uint32_t rga_leaf_new(struct rga_tree *t, uint32_t next);
uint32_t rga_inner_new(struct rga_tree *t, uint32_t level);
void rga_leaf_drop(struct rga_tree *t, uint32_t leaf);
void rga_inner_drop(struct rga_tree *t, uint32_t node);

/* A root above the root, which becomes its only child. */
void rga_root_grow(struct rga_tree *t);

/* Inserts a child into a node that has room. */
void rga_slot_insert(struct rga_tree *t, uint32_t node, uint32_t slot, uint32_t child,
                     uint32_t shift);

/* The summary of a slot's child, to compare with the slot. */
struct rga_summary rga_child_summary(const struct rga_tree *t, const struct rga_inner *n,
                                     uint32_t slot);
/* Updates one slot; updates all slots above a node. */
void rga_slot_refresh(struct rga_tree *t, uint32_t node, uint32_t slot);
void rga_refresh(struct rga_tree *t, uint32_t level, uint32_t node);

/* Moves the entries from keep on to a new leaf after this one, not yet in any slot. */
uint32_t rga_leaf_cut(struct rga_tree *t, uint32_t leaf, uint32_t keep);
/* The same with the slots of an inner node. */
uint32_t rga_inner_cut(struct rga_tree *t, uint32_t node, uint32_t keep);

static inline uint32_t rga_bits(uint64_t shown)
{
    return (uint32_t)__builtin_popcountll(shown);
}

/* The lowest count bits; count is below 64. */
static inline uint64_t rga_low_bits(uint64_t shown, uint32_t count)
{
    return shown & ((UINT64_C(1) << count) - 1);
}

#endif
