/* The order of a sequence whose elements form a tree: each stands behind its parent,
 * children in order, each with all of its own descendants behind it.
 *
 * A B+-tree over the elements in that order.  Each entry has its depth, and each
 * inner node the least depth below it, because depths alone say where a
 * family ends: the descendants of an element are all that follow it up to the
 * first that is not deeper.  So nothing walks along parents, of which typed text
 * has as many as characters.  Everything here takes O(log n) steps.
 *
 * Elements are numbers below 2^31 that the caller gives, best without gaps.  Costs an
 * element: 4 bytes, and 8 bytes in a leaf that is at least half full, mostly more. */
#ifndef COPPICE_CRDT_RGA_TREE_H
#define COPPICE_CRDT_RGA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is before all elements: the parent of those without another. */
#define RGA_HEAD UINT32_MAX
/* No element. */
#define RGA_NONE UINT32_MAX

struct rga_leaf;
struct rga_inner;

/* All zero is empty and valid. */
struct rga_tree {
    struct rga_leaf *leaves; /* the first one is always the leftmost */
    struct rga_inner *inners;
    size_t leaf_count, leaf_cap, inner_count, inner_cap;
    uint32_t root;     /* an inner node, always */
    uint32_t *leaf_of; /* of each element; RGA_NONE for one that is not here */
    size_t reach;      /* of leaf_of */
    uint32_t shown;
};

/* Where an entry is, or where one could be: before entry number at of a leaf, or
 * behind its last one.  Good until the tree changes. */
struct rga_place {
    uint32_t leaf, at;
    uint32_t depth; /* of the element that goes there */
};

void rga_tree_free(struct rga_tree *t); /* leaves it empty */

bool rga_tree_has(const struct rga_tree *t, uint32_t element);

/* Elements that are shown, and the one with this index among them. */
uint32_t rga_tree_shown(const struct rga_tree *t);
uint32_t rga_tree_at(const struct rga_tree *t, uint32_t index);

/* The first child of a parent that is here, or is RGA_HEAD; RGA_NONE where it has none. */
uint32_t rga_tree_first(const struct rga_tree *t, uint32_t parent);

/* The place of a new first child. */
struct rga_place rga_tree_front(const struct rga_tree *t, uint32_t parent);

/* The place of a new child among the others: before(arg, other) says whether another
 * child of this parent comes before it. */
typedef bool rga_before(const void *arg, uint32_t other);
struct rga_place rga_tree_place(const struct rga_tree *t, uint32_t parent, rga_before *before,
                                const void *arg);

/* Puts an element that is not here to a place, shown or not. */
void rga_tree_insert(struct rga_tree *t, struct rga_place place, uint32_t element, bool shown);

/* Shows an element that is here, or hides it. */
void rga_tree_show(struct rga_tree *t, uint32_t element, bool shown);

/* Takes an element out that has no children. */
void rga_tree_remove(struct rga_tree *t, uint32_t element);

/* A walk over all elements in order: begins with an all-zero place; RGA_NONE at the
 * end, else place->depth is the element's. */
uint32_t rga_tree_next(const struct rga_tree *t, struct rga_place *place);

/* The same over those that are shown. */
uint32_t rga_tree_next_shown(const struct rga_tree *t, struct rga_place *place);

void rga_tree_check(const struct rga_tree *t);

#endif
