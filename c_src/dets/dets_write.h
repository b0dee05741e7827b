/* Writing a DETS table: the bytes of a fresh file of version 9, closed properly,
 * which OTP opens with {repair, false} and then uses as its own.
 *
 * An image is made of records and gives the file's bytes piece by piece, from
 * the first to the last.  It borrows the records and what they point to, all of
 * which must stay as they are until it is freed.  It keeps some 60 bytes for each
 * record beside them: a large object passes through as the piece it is. */
#ifndef COPPICE_DETS_DETS_WRITE_H
#define COPPICE_DETS_DETS_WRITE_H

#include "dets_fault.h"
#include "dets_header.h"

/* What OTP's open_file/2 asks about a table. */
struct dets_shape {
    enum dets_type type;
    uint32_t keypos; /* from 1 */
};

/* One object with its key. */
struct dets_record {
    struct bytes key;    /* canonical: element keypos of the object */
    struct bytes object; /* external format, byte for byte as it shall stand there */
    bool bare;           /* the object lacks the version byte: a canonical term */
};

struct dets_image;

/* Lays out the file.  The order of the records does not matter, but that the
 * objects of one key of a bag keep theirs.  ERR_LIMIT when they do not fit into
 * a DETS file, ERR_DUPLICATE when a set has a key twice; *fault then says more, with
 * the number of bytes that would be needed in place of a position. */
must_use enum err dets_image_new(struct dets_image **image, const struct dets_shape *shape,
                                 const struct dets_record *records, size_t count,
                                 struct dets_fault *fault);

/* The size of the file. */
uint64_t dets_image_size(const struct dets_image *image);

/* The next piece, never empty; false behind the last.  It is good until the next
 * call. */
bool dets_image_next(struct dets_image *image, struct bytes *piece);

/* NULL is allowed. */
void dets_image_free(struct dets_image *image);

#endif
