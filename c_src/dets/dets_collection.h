/* A collection: the objects of one slot. */
#ifndef COPPICE_DETS_DETS_COLLECTION_H
#define COPPICE_DETS_DETS_COLLECTION_H

#include "dets_header.h"

/* Checks that size bytes at `at` can be a block's, lie in the file before end, and start with
 * that size and the status of a collection in use.  The objects are not read.  ERR_DAMAGED. */
must_use enum err dets_collection_check(struct bytes file, uint64_t end, uint64_t at, uint32_t size,
                                        struct dets_fault *fault);

/* The objects of a collection of size bytes, which must lie in the file: all but its size and
 * status. */
struct bytes dets_collection_body(struct bytes file, uint64_t at, uint64_t size);

/* Iterates over the objects of a collection:
 *
 *     struct bytes object;
 *     struct dets_objects o = dets_objects(body, type);
 *     while (dets_objects_next(&o, &object))
 *         ...
 *
 * ends after the last object, or with intact false where the sizes are inconsistent; `at` is
 * then where the last consistent object ends. */
struct dets_objects {
    const uint8_t *at, *end;
    const uint8_t *key_end; /* in a bag: where the objects of this key end */
    bool bag;
    bool first; /* the object is the first of its key */
    bool intact;
};

struct dets_objects dets_objects(struct bytes body, uint32_t type);
bool dets_objects_next(struct dets_objects *objects, struct bytes *object);

/* Appends the canonical key of an object as stored in a file, compressed or not.  Bytes after
 * the key are not examined.  ERR_SHAPE if the object is not a tuple or has too few elements, or
 * the error from decoding it; out is then unchanged. */
must_use enum err dets_key(struct buf *out, struct bytes object, uint32_t keypos);

/* Checks that the object is exactly one term that OTP can decode, with its version byte.  Adds
 * the number of bytes examined to *scanned, unless that is NULL. */
must_use enum err dets_object_check(struct bytes object, uint64_t *scanned);

/* Whether objects fill the body exactly, judging by their sizes and version bytes alone.  Adds
 * to *scanned as dets_object_check() does. */
bool dets_objects_fit(struct bytes body, uint32_t type, uint64_t *scanned);

#endif
