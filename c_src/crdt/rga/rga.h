/* Grove's RGA: a sequence whose elements are each inserted after another one, or at the head.
 *
 *     elements: %{Id => %{id: Id, prev_id: Id | :head, timestamp: HLC, value: V}}
 *     Id:       {ReplicaId, N}
 *
 * The sequence is the tree of these in depth-first order, the parent of an element being the one
 * that it was inserted after.  Siblings are ordered by (time, counter, node), then by id, the
 * earlier first.  A removed element stays as a hidden tombstone, since others may be its
 * children.  An element whose parent has not arrived waits in the tree's limbo, hidden with its
 * descendants, as a child of its parent's id.  So do elements that are their own descendants, which
 * no honest peer sends.
 *
 * An id names one element for ever.  If a peer violates that, every replica keeps the element
 * that is later by time or, at equal times, greater in its other fields.  Its descendants move with
 * it, in O(log n) time however many they are.
 *
 * Memory per element: 77 bytes, measured with a million typed characters and with the real
 * history of a paper: 44 for the element, 5 to 11 of index, 4 and 8 to 16 of tree (rga_tree.h),
 * and 8 for its value.  Elements need no allocations of their own. */
#ifndef COPPICE_CRDT_RGA_H
#define COPPICE_CRDT_RGA_H

#include "../crdt.h"
#include "rga_elements.h"
#include "rga_layout.h"
#include "rga_tree.h"

/* The number of our own actor. */
#define RGA_OWN 0

struct rga {
    struct crdt crdt;
    struct actors actors;
    struct rga_elements elements;
    struct rga_tree tree;
    uint64_t clock;    /* at most LIMIT_SHARED_CLOCK */
    bool owns;         /* our own actor counts as one of the actors: rga_count_own() */
    uint64_t own_seen; /* the greatest n of our own actor in any id seen, up to LIMIT_OWN_NUMBER */
    uint32_t *pending; /* elements that have arrived, but are not in their places yet */
    size_t pending_len, pending_cap;
};

/* A received element, with the actor numbers of the state that it is for. */
struct rga_item {
    struct tag id, prev;
    bool at_head; /* there is no prev */
    struct hlc time;
    uint32_t node;
    struct rga_terms terms;
};

/* --- rga_join.c: true if the state grew -------------------------------------------- */

/* After rga_add(), rga_settle() must be called before the sequence is used otherwise.  It takes
 * O(log n) time for each element added. */
bool rga_add(struct rga *r, const struct rga_item *item);
bool rga_add_tombstone(struct rga *r, struct tag id);
bool rga_raise_clock(struct rga *r, uint64_t clock);
void rga_settle(struct rga *r);

/* Copy an element, or its tombstone, from one state to another. */
void rga_copy_element(struct rga *to, const struct rga *from, uint32_t number);
void rga_copy_tombstone(struct rga *to, const struct rga *from, uint32_t number);

/* Notes an id that was seen, so that none of our own is issued twice. */
void rga_note_id(struct rga *r, struct tag id);
/* The greatest n of our own that may have been issued. */
uint64_t rga_own_max(const struct rga *r);
/* Counts our own actor once the state has seen any insert of it, or a clock.  To be called at the
 * end of each change, which may have raised rga_own_max(). */
void rga_count_own(struct rga *r);

/* Adds an element with a new id of our own, after prev, or at the head for RGA_HEAD.  front is the
 * place for a first child of prev, which the time makes it; NULL if its place is not known. */
uint32_t rga_add_own(struct rga *r, uint32_t prev, const struct rga_place *front, struct hlc time,
                     struct bytes value);
/* Undoes the last rga_add_own(). */
void rga_undo_add_own(struct rga *r, uint32_t number);
/* Removes an element, or undoes that. */
void rga_set_removed(struct rga *r, uint32_t number, bool removed);

/* Orders two siblings: <0 if a comes first. */
int rga_siblings_compare(const struct rga *r, const struct rga_element *a,
                         const struct rga_element *b);

/* --- rga_check.c ------------------------------------------------------------------------ */

void rga_check(const struct rga *r);

/* --- rga_ops.c ------------------------------------------------------------------------ */

/* The type's mutate function. */
must_use enum err rga_mutate(struct crdt *c, const struct op *ops, size_t count,
                             struct mutation_turn *t);

/* --- rga_wire.c ------------------------------------------------------------------------ */

/* Reads ids; the last actors usually repeat. */
struct rga_id_reader {
    struct tag_reader tags;
    struct rga_id_prefix {
        struct bytes bytes; /* an id up to its number, as encoded there */
        uint32_t actor;
    } last[2]; /* the one before the other */
};

/* Reads the elements of one checked struct.  Starts all zero. */
struct rga_reader {
    struct rga_id_reader ids;
    struct rga_layout learned; /* from the last element that had to be read by names */
    bool has_learned;
    struct bytes node; /* the last one, as encoded there */
    uint32_t node_number;
    struct buf node_canonical, value, extras, time_extras;
};

void rga_reader_close(struct rga_reader *r);

/* Reads the next pair of a map: an id and its element.  If actors is NULL it only validates, else
 * it numbers the actors; a reader does either, not both.  ERR_SHAPE, ERR_RANGE, ERR_DUPLICATE or
 * ERR_LIMIT for a malformed one.  The item is valid until the next read. */
must_use enum err rga_read(struct rga_reader *r, struct actors *actors, struct etf_in *pairs,
                           struct rga_item *item);

/* Appends an id and its element, a pair of the map. */
void rga_put(struct buf *out, const struct rga *r, uint32_t number);

#endif
