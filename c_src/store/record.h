/* The records in which Grove keeps a state in a DETS table: {Group, State}, where State
 * is the struct, or a binary with the struct in external format (as
 * Grove.Storage.Serializer.encode gives it, with zlib of level 6 or without).  Elements
 * behind the second are kept as they are. */
#ifndef COPPICE_STORE_RECORD_H
#define COPPICE_STORE_RECORD_H

#include "../err.h"
#include "../term/bytes.h"

enum record_form {
    RECORD_RAW,
    RECORD_ENCODED, /* compressed where that is smaller, as term_to_binary does it */
    RECORD_AUTO     /* as the file has it; raw in a new one */
};

/* Takes the object of a DETS file apart, which stands there with its version byte,
 * compressed or not.  Appends the state (checked, without version byte) and the elements
 * behind it, one after the other.  ERR_SHAPE when it is no such record, ERR_LIMIT or what
 * reading its term gives. */
must_use enum err record_read(struct bytes object, struct buf *state, struct buf *rest,
                              uint32_t *rest_count, enum record_form *form);

/* Appends an object with its version byte: {Group, State, Rest...}. */
void record_put(struct buf *out, struct bytes group, struct bytes state, struct bytes rest,
                uint32_t rest_count, enum record_form form);

#endif
