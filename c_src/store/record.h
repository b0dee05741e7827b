/* The record in which Grove stores a state in a DETS table: {Group, State}, where State is the
 * struct, or a binary with the struct in external format (as Grove.Storage.Serializer.encode
 * returns it, uncompressed or with zlib level 6).  Elements after the second are kept as they
 * are. */
#ifndef COPPICE_STORE_RECORD_H
#define COPPICE_STORE_RECORD_H

#include "../err.h"
#include "../term/bytes.h"

enum record_form {
    RECORD_RAW,
    RECORD_ENCODED, /* a binary, compressed if that is smaller, as by term_to_binary */
    RECORD_AUTO     /* as in the file; raw in a new one */
};

/* Decodes an object as stored in a DETS file, with its version byte, compressed or not.  *state is
 * the state (checked, without version byte): a part of the object or, if it is compressed there,
 * the content of memory (empty before, and after an error).  Appends the concatenated elements
 * after it to rest.  ERR_SHAPE if it is not such a record, ERR_LIMIT, or the error from decoding
 * the term. */
must_use enum err record_read(struct bytes object, struct buf *memory, struct bytes *state,
                              struct buf *rest, uint32_t *rest_count, enum record_form *form);

/* Appends the object {Group, State, Rest...}, with its version byte. */
void record_put(struct buf *out, struct bytes group, struct bytes state, struct bytes rest,
                uint32_t rest_count, enum record_form form);

#endif
