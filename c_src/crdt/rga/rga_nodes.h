/* What the files of the sequence's tree share: its nodes.
 *
 * Nodes are numbers, since the arrays they are in move when they grow.  A leaf that
 * removals left empty stays; its slot says that nothing in it is shallow. */
#ifndef COPPICE_CRDT_RGA_NODES_H
#define COPPICE_CRDT_RGA_NODES_H

#include "rga_tree.h"

#define LEAF_ENTRIES 64 /* as many as bits in shown */
#define INNER_SLOTS  32
#define NO_NODE      UINT32_MAX
#define NO_DEPTH     UINT32_MAX

struct rga_leaf {
    uint32_t parent, next, count;
    uint64_t shown; /* bit i for entry i */
    uint32_t element[LEAF_ENTRIES];
    uint32_t depth[LEAF_ENTRIES];
};

/* A slot tells of all entries below its child: how many are shown, the least depth,
 * and the first element that has it. */
struct rga_inner {
    uint32_t parent, level, count; /* level 1 is above leaves */
    uint32_t child[INNER_SLOTS];
    uint32_t shown[INNER_SLOTS];
    uint32_t depth[INNER_SLOTS];
    uint32_t first[INNER_SLOTS];
};

/* Which slot is the child's. */
uint32_t rga_slot_of(const struct rga_inner *n, uint32_t child);

/* Which entry of its leaf an element is, that is here. */
uint32_t rga_entry_of(const struct rga_tree *t, uint32_t element);

static inline uint32_t rga_bits(uint64_t shown)
{
    return (uint32_t)__builtin_popcountll(shown);
}

#endif
