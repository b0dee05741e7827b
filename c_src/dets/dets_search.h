/* The search for objects behind dets_salvage.h.  Private to dets/. */
#ifndef COPPICE_DETS_DETS_SEARCH_H
#define COPPICE_DETS_DETS_SEARCH_H

#include "dets_extents.h"
#include "dets_fault.h"
#include "dets_header.h"
#include "dets_salvage.h"
#include "dets_torn.h"
#include "dets_write.h"

/* How much a copy of an object is trusted, in ascending order. */
enum dets_rank {
    DETS_RANK_ABANDONED,  /* marked as freed, and its torn slot points elsewhere */
    DETS_RANK_FREED,      /* its slot points to it, but it is marked as freed */
    DETS_RANK_ORPHAN,     /* in use, but its slot does not point to it */
    DETS_RANK_REFERENCED, /* in use, and its slot points to it */
};

/* A copy of an object that may be recovered. */
struct dets_candidate {
    struct bytes object;
    size_t key, key_len; /* in the search's keys */
    uint64_t collection; /* position of the collection that holds it */
    enum dets_rank rank;
};

struct dets_search {
    struct bytes file;
    struct dets_shape shape;
    bool phash2; /* the slot of a key can be verified */
    struct dets_candidate *candidates;
    size_t count, cap;
    struct buf keys;
    struct dets_extents skip; /* needs no second scan */
    struct dets_torn torn;
    uint64_t scanned, scanned_max; /* bytes */
    struct dets_faults *faults;
    const struct dets_salvage_progress *progress; /* or NULL */
};

/* A collection found by the search. */
struct dets_site {
    uint64_t at;   /* of its size and status */
    uint64_t size; /* including those; within the file */
    enum dets_rank rank;
    bool referenced; /* by this slot */
    uint32_t slot;
};

/* Whether the search has scanned, or found, more than any file not crafted for it could need. */
bool dets_search_over_budget(const struct dets_search *s);

/* Takes the objects of a collection with consistent sizes, unless it was freed and no slot
 * points to it, nor is torn; adds a fault for each that is not intact.  True if all are intact. */
bool dets_search_intact(struct dets_search *s, const struct dets_site *site);

/* Looks for objects at every byte of a collection with inconsistent sizes, and adds a fault. */
void dets_search_damaged(struct dets_search *s, const struct dets_site *site);

/* Whether a key may be in a slot, whatever the number of slots was. */
bool dets_slot_fits(uint32_t slot, struct bytes key);

/* Infers type and keypos where the header cannot be trusted. */
struct dets_shape dets_search_shape(struct bytes file, const struct dets_header *header);

/* Searches everything that slots point to, in all existing segments, and notes torn slots. */
void dets_search_slots(struct dets_search *s);

/* Searches every block position outside `skip` for collections.  After dets_search_slots(). */
void dets_search_blocks(struct dets_search *s);

#endif
