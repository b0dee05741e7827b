/* Recovering objects from a DETS file that was not closed, is truncated, or is damaged
 * anywhere.
 *
 * Every intact object is found, whatever its size.  Among several copies of a key, salvage
 * prefers the one in a collection in use that the key's slot points to, then the last one in the
 * file that is in use, then one that was just being freed, then one that was freed earlier whose
 * replacement was never written (docs/dets-format.md, "Repair").  In a bag, the objects of one
 * key in one collection count as one copy. */
#ifndef COPPICE_DETS_DETS_SALVAGE_H
#define COPPICE_DETS_DETS_SALVAGE_H

#include "dets_fault.h"
#include "dets_write.h"

struct dets_salvage {
    struct dets_shape shape; /* from the header, or inferred from the objects */
    /* The objects recovered, ready for dets_image_new(); they borrow from the file. */
    struct dets_record *records;
    size_t count;
    uint64_t older;            /* copies not chosen */
    uint64_t revived;          /* objects that were just being freed, or moved */
    struct dets_faults faults; /* what could not be read, and why */
    bool given_up;             /* the scan stopped at its limit: the file was crafted to be slow */
    struct buf keys;
};

/* The search reads the file by its slots, and then by position: each is half of the work.  tell()
 * is called again and again with how much is done, which only grows. */
struct dets_salvage_progress {
    void (*tell)(void *who, uint64_t done, uint64_t all);
    void *who;
};

/* ERR_NOT_DETS if the file has neither a DETS header nor an object, ERR_LIMIT if it is larger
 * than LIMIT_DETS_BYTES; there is then nothing to free.  progress may be NULL. */
must_use enum err dets_salvage(struct dets_salvage *salvage, struct bytes file,
                               const struct dets_salvage_progress *progress);
void dets_salvage_free(struct dets_salvage *salvage);

#endif
