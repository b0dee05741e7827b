/* The elements of a sequence, found by their ids.
 *
 * An element is identified by a number, assigned when its id is first seen: as an element, as a
 * parent or as a tombstone.  So what is known of an id before its element arrives has a place.
 * Numbers and ids are removed by rga_elements_undo() only.
 *
 * Memory per element: 44 bytes here, 5 to 11 of index, and its value (with unknown fields, if
 * any) in one common buffer, rounded up to 4 bytes. */
#ifndef COPPICE_CRDT_RGA_ELEMENTS_H
#define COPPICE_CRDT_RGA_ELEMENTS_H

#include "../../causal/hlc.h"
#include "../../causal/tags.h"
#include "rga_tree.h"

struct rga_element {
    struct hlc time;
    struct tag id;
    uint32_t node;            /* of time; an actor's number */
    uint32_t prev;            /* the parent's number, or RGA_HEAD */
    uint32_t terms;           /* offset of its value */
    bool present, removed;    /* it has arrived; it was removed */
    bool pending;             /* it has arrived, but is not in its place yet */
    bool extras, time_extras; /* it has unknown fields; its time has */
};

/* The terms of an element, canonical; valid until elements change.  Unknown fields are empty if
 * there are none. */
struct rga_terms {
    struct bytes value, extras, time_extras;
};

struct rga_elements {
    struct rga_element *list;
    uint32_t *index; /* of ids (slots.h) */
    size_t count, cap, index_cap;
    size_t present, removed;
    struct buf terms;
    size_t dead; /* bytes of terms that are no longer used */
    uint64_t seed;
};

void rga_elements_init(struct rga_elements *es, uint64_t seed);
void rga_elements_free(struct rga_elements *es);

/* The number of an id, assigned if it has none. */
uint32_t rga_elements_number(struct rga_elements *es, struct tag id);

/* Removes the ids that were numbered since there were so many: what is known of them was undone. */
void rga_elements_undo(struct rga_elements *es, size_t count);

/* False if the id has no number. */
bool rga_elements_find(const struct rga_elements *es, struct tag id, uint32_t *number);

/* Reserves room for n more ids. */
void rga_elements_reserve(struct rga_elements *es, size_t n);

/* Sets an element's terms, replacing any it has, and marks it present. */
void rga_elements_set_terms(struct rga_elements *es, uint32_t number,
                            const struct rga_terms *terms);

/* Undoes the last arrival of an element. */
void rga_elements_undo_add(struct rga_elements *es, uint32_t number);

struct rga_terms rga_elements_terms(const struct rga_elements *es, uint32_t number);

void rga_elements_check(const struct rga_elements *es);

#endif
