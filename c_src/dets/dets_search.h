/* What the files of salvage share: a search for objects that is under way. */
#ifndef COPPICE_DETS_DETS_SEARCH_H
#define COPPICE_DETS_DETS_SEARCH_H

#include "dets_fault.h"
#include "dets_header.h"
#include "dets_write.h"

/* How much a copy of an object counts. */
enum dets_rank {
    DETS_FREED,   /* its slot points to it, but it was marked as freed */
    DETS_FOUND,   /* in use, but its slot does not point to it */
    DETS_POINTED, /* in use, and its slot points to it */
};

struct dets_find {
    struct bytes object;
    size_t key, key_len; /* in the search's keys */
    uint64_t collection; /* where the one stands that it was found in */
    enum dets_rank rank;
};

/* Bytes that need no second look. */
struct dets_extent {
    uint64_t at, end;
};

struct dets_search {
    struct bytes file;
    struct dets_shape shape;
    bool phash2; /* the slot of a key can be verified */
    struct dets_find *finds;
    size_t count, cap;
    struct buf keys;
    struct dets_extent *known;
    size_t known_count, known_cap;
    uint64_t looks, looks_max; /* at bytes */
    struct dets_faults *faults;
};

/* Where a collection is, and what is known of it. */
struct dets_site {
    uint64_t at;   /* of its size and status */
    uint64_t size; /* with those; inside of the file */
    enum dets_rank rank;
    bool pointed; /* by this slot */
    uint32_t slot;
};

/* Whether the search has looked more often, or found more, than any file that
 * was not made for it could need. */
bool dets_search_is_over(const struct dets_search *s);

/* Takes the objects of a collection whose sizes fit, but not those of one that
 * was freed and is not pointed to; notes those that are not whole.  True when
 * all are. */
bool dets_search_sound(struct dets_search *s, const struct dets_site *site);

/* Looks for objects at every byte of one whose sizes do not, and notes that. */
void dets_search_broken(struct dets_search *s, const struct dets_site *site);

/* Notes that the block of a collection of this size needs no second look. */
void dets_search_know(struct dets_search *s, uint64_t at, uint64_t bytes);

/* Whether a key may be in a slot, whatever the size of the table was. */
bool dets_slot_fits(uint32_t slot, struct bytes key);

/* Finds out type and keypos where the header cannot be trusted. */
struct dets_shape dets_search_shape(struct bytes file, const struct dets_header *header);

/* All that slots point to, in all parts and segments that there are. */
void dets_search_slots(struct dets_search *s);

/* All collections in use in what is not known yet. */
void dets_search_rest(struct dets_search *s);

#endif
