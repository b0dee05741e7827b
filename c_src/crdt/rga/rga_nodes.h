/* The nodes of the sequence's tree.  Private to the tree's files.
 *
 * Nodes are referred to by number, since their arrays move when they grow.  A leaf emptied by
 * removals stays; its slot has NO_DEPTH. */
#ifndef COPPICE_CRDT_RGA_NODES_H
#define COPPICE_CRDT_RGA_NODES_H

#include "rga_tree.h"

#define LEAF_ENTRIES 64 /* one bit of shown each */
#define INNER_SLOTS  32
#define NO_NODE      UINT32_MAX
#define NO_DEPTH     UINT32_MAX

struct rga_leaf {
    uint32_t parent, next, count;
    uint64_t shown; /* bit i for entry i */
    uint32_t element[LEAF_ENTRIES];
    uint32_t depth[LEAF_ENTRIES];
};

/* A slot summarizes all entries below its child: how many are shown, the least depth, and the
 * first element at that depth. */
struct rga_inner {
    uint32_t parent, level, count; /* level 1 is above the leaves */
    uint32_t child[INNER_SLOTS];
    uint32_t shown[INNER_SLOTS];
    uint32_t depth[INNER_SLOTS];
    uint32_t first[INNER_SLOTS];
};

/* The slot of a child. */
uint32_t rga_slot_of(const struct rga_inner *n, uint32_t child);

/* The index of an element, which is present, in its leaf. */
uint32_t rga_entry_of(const struct rga_tree *t, uint32_t element);

static inline uint32_t rga_bits(uint64_t shown)
{
    return (uint32_t)__builtin_popcountll(shown);
}

#endif
