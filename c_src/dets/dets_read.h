/* Reading a DETS table that was closed properly: of any type and keypos, written
 * by OTP or by dets_write.h.
 *
 * The file stands in memory as one slice, and nothing of it is copied but keys.
 * Every position and size in it is taken for hostile.  A file that was not closed,
 * or is damaged, is for dets_salvage.h. */
#ifndef COPPICE_DETS_DETS_READ_H
#define COPPICE_DETS_DETS_READ_H

#include "dets_fault.h"
#include "dets_header.h"

struct dets_table {
    struct bytes file;
    struct dets_header header;
};

/* An object where it stands; good as long as the file, the key until the
 * visitor returns. */
struct dets_object {
    struct bytes object; /* external format, with the version byte */
    struct bytes key;    /* canonical */
    uint64_t at;         /* of the object in the file */
    uint32_t slot;
};

/* Reads the header and checks what OTP checks before it takes a file without
 * repair, the form of the free lists included.  ERR_NOT_DETS, ERR_NOT_SAVED,
 * ERR_DAMAGED or ERR_LIMIT, with a fault. */
must_use enum err dets_open(struct dets_table *table, struct bytes file, struct dets_fault *fault);

/* Shows each object to the visitor, slot by slot, those of one key of a bag in
 * their order.  An error of the visitor ends the walk and is returned, with no
 * fault.  ERR_DAMAGED with a fault where the table cannot be walked: a visitor
 * may have seen objects by then.  Of an object only what stands up to its key has
 * been checked. */
must_use enum err dets_walk(const struct dets_table *table,
                            enum err (*visit)(void *who, const struct dets_object *object),
                            void *who, struct dets_fault *fault);

/* Looks at everything: each term, the slot and the order of each key, counts,
 * counters, and that each byte is used once or free.  Adds what it finds. */
void dets_check(struct bytes file, struct dets_faults *faults);

#endif
