/* Reading a properly closed DETS table of any type and keypos, written by OTP or dets_write.h.
 *
 * The file is one slice in memory; only keys are copied from it.  Every position and size in it
 * is checked before use, and read once, so that the slice may be a file that others write to.
 * dets_salvage.h reads files that were not closed, or are damaged. */
#ifndef COPPICE_DETS_DETS_READ_H
#define COPPICE_DETS_DETS_READ_H

#include "dets_fault.h"
#include "dets_header.h"

struct dets_table {
    struct bytes file;
    struct dets_header header;
    /* The file may change: the walk copies each object before it reads it, and the visitor's is
     * the copy.  dets_open() sets it to false. */
    bool changing;
};

/* An object in the file.  It borrows from the file (or from a copy, until the visitor returns); the
 * key is valid until the visitor returns. */
struct dets_object {
    struct bytes object; /* external format, with the version byte */
    struct bytes key;    /* canonical */
    uint64_t at;         /* offset of the object in the file */
    uint32_t slot;
};

/* Reads the header and checks what OTP checks before it opens a file without repair, including
 * the form of the free lists.  ERR_NOT_DETS, ERR_NOT_SAVED, ERR_DAMAGED or ERR_LIMIT, with a
 * fault. */
must_use enum err dets_open(struct dets_table *table, struct bytes file, struct dets_fault *fault);

/* Calls the visitor for each object, slot by slot; in a bag, the objects of a key in insertion
 * order.  An error from the visitor ends the walk and is returned, without a fault.
 * ERR_DAMAGED with a fault where the table cannot be read, perhaps after some visits.  An object
 * has been checked only as far as its key. */
must_use enum err dets_walk(const struct dets_table *table,
                            enum err (*visit)(void *who, const struct dets_object *object),
                            void *who, struct dets_fault *fault);

/* Checks everything: each term, the slot and order of each key, counts, counters, and that each
 * byte is either used once or free.  Adds the faults found.  The file may change meanwhile.  Calls
 * the visitor for each object, before it checks that, with an empty key. */
void dets_check(struct bytes file, struct dets_faults *faults,
                void (*visit)(void *who, const struct dets_object *object), void *who);

#endif
