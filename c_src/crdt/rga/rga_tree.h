/* A sequence whose elements form a tree, in depth-first order: each element is followed by its
 * children in order, each child by its descendants.  Behind it is the limbo: elements that are
 * not below the head, with their descendants.
 *
 * It is stored as a B+-tree over the elements in that order.  Each entry has its depth in the
 * element tree, and each slot of an inner node the least depth below it.  Depths tell where a
 * subtree ends: the descendants of an element are all that follow it, up to the first that is
 * not deeper.  So nothing walks along parents: typed text is as deep as it is long.  Every
 * function takes O(log n) time, however large the subtree that it moves, but for free and check.
 *
 * Elements are numbers below 2^31 chosen by the caller, preferably without gaps.  Memory per
 * element: 4 bytes, and 8 in a leaf that is at least half full, mostly more. */
#ifndef COPPICE_CRDT_RGA_TREE_H
#define COPPICE_CRDT_RGA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The root: the parent of elements at the head. */
#define RGA_HEAD UINT32_MAX
/* No element. */
#define RGA_NONE UINT32_MAX
/* The parent of all that is not below the head; an entry itself, behind the sequence. */
#define RGA_LIMBO (UINT32_MAX - 1)

struct rga_leaf;
struct rga_inner;

/* All zero is empty and valid. */
struct rga_tree {
    struct rga_leaf *leaves; /* the first is always the leftmost */
    struct rga_inner *inners;
    size_t leaf_count, leaf_cap, inner_count, inner_cap; /* free ones included */
    uint32_t free_leaf, free_inner;                      /* the first free one + 1; 0 for none */
    uint32_t root;                                       /* an inner node, always */
    uint32_t *leaf_of; /* of each element; RGA_NONE if it is not in the tree */
    size_t leaf_of_len;
    uint32_t limbo_leaf; /* of RGA_LIMBO */
    uint32_t shown;      /* elements shown below the head */
    uint32_t last_entry; /* where in its leaf the last change was: it is looked at first */
    bool shifted;        /* a slot may have a shift */
    uint64_t written;    /* nodes written so far: tests of cost count them */
};

/* The position of an entry, or one for a new entry: before entry at of a leaf, or after its last.
 * Valid until the tree changes. */
struct rga_place {
    uint32_t leaf, at;
    uint32_t depth; /* of the element there */
};

void rga_tree_free(struct rga_tree *t); /* leaves it empty */

bool rga_tree_has(const struct rga_tree *t, uint32_t element);

/* The number of shown elements below the head, and the one with this index among them. */
uint32_t rga_tree_shown(const struct rga_tree *t);
uint32_t rga_tree_at(const struct rga_tree *t, uint32_t index);

/* The place for a new first child of the shown element before this index, *parent: RGA_HEAD for 0.
 * As rga_tree_at() and rga_tree_front(), with one search. */
struct rga_place rga_tree_front_at(const struct rga_tree *t, uint32_t index, uint32_t *parent);

/* The first child of a parent, which is in the tree, RGA_HEAD or RGA_LIMBO; RGA_NONE if it has
 * none.  The same for the parent whose front a place is. */
uint32_t rga_tree_first_child(const struct rga_tree *t, uint32_t parent);
uint32_t rga_tree_child_at(const struct rga_tree *t, struct rga_place front);

/* Whether an element is another one, or one of its descendants. */
bool rga_tree_is_within(const struct rga_tree *t, uint32_t element, uint32_t other);

/* The child of RGA_LIMBO that an element is within; RGA_NONE for an element below the head. */
uint32_t rga_tree_limbo_root(const struct rga_tree *t, uint32_t element);

/* The place for a new first child. */
struct rga_place rga_tree_front(const struct rga_tree *t, uint32_t parent);

/* The place for a new child among its siblings: before(arg, other) says whether another child of
 * this parent comes before it. */
typedef bool rga_before(const void *arg, uint32_t other);
struct rga_place rga_tree_place(const struct rga_tree *t, uint32_t parent, rga_before *before,
                                const void *arg);

/* The sibling right before that place; RGA_NONE if there is none. */
uint32_t rga_tree_last_before(const struct rga_tree *t, uint32_t parent, rga_before *before,
                              const void *arg);

/* Inserts an element that is not in the tree, shown or hidden. */
void rga_tree_insert(struct rga_tree *t, struct rga_place place, uint32_t element, bool shown);

/* Moves an element with all its descendants to a place, which must not be among these. */
void rga_tree_move(struct rga_tree *t, uint32_t element, struct rga_place place);

/* Shows or hides an element that is in the tree. */
void rga_tree_show(struct rga_tree *t, uint32_t element, bool shown);

/* Removes an element, which must have no children. */
void rga_tree_remove(struct rga_tree *t, uint32_t element);

/* Iterates over all entries in order, RGA_LIMBO and what is in limbo included, starting with an
 * all-zero place; RGA_NONE at the end, else place->depth is the entry's. */
uint32_t rga_tree_next(const struct rga_tree *t, struct rga_place *place);

/* The same over the shown elements below the head. */
uint32_t rga_tree_next_shown(const struct rga_tree *t, struct rga_place *place);

void rga_tree_check(const struct rga_tree *t);

#endif
