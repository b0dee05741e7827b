/* Taking out of a DETS file whatever is still in it: of one that was changed and
 * not closed, is cut, or is damaged anywhere.
 *
 * Every object that is whole is found, whatever its size.  Of several copies of a key
 * one is chosen: that in a collection in use to which its slot points, else the
 * last one in the file that is in use, else one that was just being freed
 * (docs/dets-format.md, "Repair").  Objects of a bag count by key and collection. */
#ifndef COPPICE_DETS_DETS_SALVAGE_H
#define COPPICE_DETS_DETS_SALVAGE_H

#include "dets_fault.h"
#include "dets_write.h"

struct dets_salvage {
    struct dets_shape shape; /* of the header, or what the objects show it to be */
    /* What was found, ready for dets_image_new(); the objects stand in the file. */
    struct dets_record *records;
    size_t count;
    uint64_t older;            /* copies that were not chosen */
    uint64_t revived;          /* objects that were just being freed, or moved */
    struct dets_faults faults; /* what could not be read, and why */
    bool given_up;             /* before all was searched: the file was made to take forever */
    struct buf keys;
};

/* ERR_NOT_DETS when neither a header nor an object of DETS is in the file,
 * ERR_LIMIT when it is larger than LIMIT_DETS_BYTES; there is then nothing to
 * free. */
must_use enum err dets_salvage(struct dets_salvage *salvage, struct bytes file);
void dets_salvage_free(struct dets_salvage *salvage);

#endif
