/* The elements of a sequence, found by their ids.
 *
 * An element is a number, given to its id when that is first heard of: as an element,
 * as one that another stands behind, or as a removed one; so what is known of an id
 * before its element comes has its place.  Numbers and ids never go.
 *
 * Costs an element: 48 bytes here, 5 to 11 of index, and its value (with unknown fields,
 * where it has any) in one common buffer, rounded up to 4 bytes. */
#ifndef COPPICE_CRDT_RGA_ELEMENTS_H
#define COPPICE_CRDT_RGA_ELEMENTS_H

#include "../../causal/hlc.h"
#include "../../causal/tags.h"
#include "rga_tree.h"

struct rga_element {
    struct hlc time;
    struct tag id;
    uint32_t node;          /* of time: an actor's number */
    uint32_t prev;          /* the element's that it stands behind, or RGA_HEAD */
    uint32_t terms;         /* where its value is */
    uint32_t waiting, next; /* the first that waits for it; the next that waits for the same */
    bool here, gone;        /* it came; it was removed */
    bool more, time_more;   /* it has unknown fields, and its time has */
};

/* What an element has besides: canonical, good until elements are next changed.  Empty
 * where there are no unknown fields. */
struct rga_terms {
    struct bytes value, more, time_more;
};

struct rga_elements {
    struct rga_element *list;
    uint32_t *index; /* open addressing: a number + 1, 0 is free */
    size_t count, cap, index_cap;
    size_t here, gone;
    struct buf terms;
    size_t dead; /* bytes of terms that nothing has any more */
    uint64_t seed;
};

void rga_elements_init(struct rga_elements *es, uint64_t seed);
void rga_elements_free(struct rga_elements *es);

/* The number of an id, given to it where it has none. */
uint32_t rga_elements_number(struct rga_elements *es, struct tag id);

/* False where it has none. */
bool rga_elements_find(const struct rga_elements *es, struct tag id, uint32_t *number);

/* Room for n more ids at once. */
void rga_elements_reserve(struct rga_elements *es, size_t n);

/* Gives an element its terms, in the place of those that it has if it is here. */
void rga_elements_set_terms(struct rga_elements *es, uint32_t number,
                            const struct rga_terms *terms);

/* The last element that came, as if it had not. */
void rga_elements_take_back(struct rga_elements *es, uint32_t number);

struct rga_terms rga_elements_terms(const struct rga_elements *es, uint32_t number);

void rga_elements_check(const struct rga_elements *es);

#endif
