/* A collection: the objects of one slot. */
#ifndef COPPICE_DETS_DETS_COLLECTION_H
#define COPPICE_DETS_DETS_COLLECTION_H

#include "dets_header.h"

/* Checks where a collection stands and what stands around its objects: that
 * size bytes at `at` are a block's, inside of the file up to end, and have the
 * size and the status of a collection in use in front.  ERR_DAMAGED. */
must_use enum err dets_collection_check(struct bytes file, uint64_t end, uint64_t at, uint32_t size,
                                        struct dets_fault *fault);

/* The objects of a collection, one after the other:
 *
 *     struct bytes object;
 *     struct dets_objects o = dets_objects(body, type);
 *     while (dets_objects_next(&o, &object))
 *         ...
 *
 * ends behind the last object, or with whole false where the sizes do not fit
 * into each other; `at` then stands where they stopped to. */
struct dets_objects {
    const uint8_t *at, *end;
    const uint8_t *key_end; /* of a bag: where the objects of this key end */
    bool bag;
    bool first; /* the object begins a key */
    bool whole;
};

/* body is what stands behind the collection's size and status. */
struct dets_objects dets_objects(struct bytes body, uint32_t type);
bool dets_objects_next(struct dets_objects *objects, struct bytes *object);

/* Appends the canonical form of the key of an object as it stands in a file,
 * compressed or not.  What stands behind the key is not looked at.  ERR_SHAPE for
 * what is not a tuple or has too few elements, and what reading it may give;
 * out is then as it was. */
must_use enum err dets_key(struct buf *out, struct bytes object, uint32_t keypos);

/* Whether the object is one whole term that OTP reads, with its version byte.  Adds to *looks,
 * unless it is NULL, how many bytes were looked at to know. */
must_use enum err dets_object_check(struct bytes object, uint64_t *looks);

/* Whether the body is objects from its first byte to its last, going by their
 * sizes and version bytes alone.  Adds to *looks as dets_object_check() does. */
bool dets_objects_fit(struct bytes body, uint32_t type, uint64_t *looks);

#endif
