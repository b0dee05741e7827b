/* Writing a DETS table: the bytes of a new, properly closed file of version 9, which OTP opens
 * with {repair, false} and can then update.
 *
 * An image is made of records and yields the file's bytes piece by piece, in order.  It borrows
 * the records and what they point to; none of these may change until the image is freed.  It
 * needs some 60 bytes of memory per record; large objects are passed through uncopied. */
#ifndef COPPICE_DETS_DETS_WRITE_H
#define COPPICE_DETS_DETS_WRITE_H

#include "dets_fault.h"
#include "dets_header.h"

/* The options of OTP's open_file/2 that determine the layout. */
struct dets_shape {
    enum dets_type type;
    uint32_t keypos; /* from 1 */
};

/* An object to write, with its key. */
struct dets_record {
    struct bytes key;    /* canonical: element keypos of the object */
    struct bytes object; /* external format, written byte for byte */
    bool bare;           /* a canonical term: the version byte is to be added */
};

struct dets_image;

/* Lays out the file.  The order of the records does not matter, except among the objects of one
 * key of a bag.  ERR_LIMIT if they do not fit into a DETS file, ERR_DUPLICATE if a set has a key
 * twice; *fault then says more, with the number of bytes needed in place of an offset. */
must_use enum err dets_image_new(struct dets_image **image, const struct dets_shape *shape,
                                 const struct dets_record *records, size_t count,
                                 struct dets_fault *fault);

/* The size of the file. */
uint64_t dets_image_size(const struct dets_image *image);

/* The next piece, never empty, valid until the next call; false after the last. */
bool dets_image_next(struct dets_image *image, struct bytes *piece);

/* NULL is allowed. */
void dets_image_free(struct dets_image *image);

#endif
