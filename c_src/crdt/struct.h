/* Grove's structs: maps that name a module under the key __struct__. */
#ifndef COPPICE_CRDT_STRUCT_H
#define COPPICE_CRDT_STRUCT_H

#include "../err.h"
#include "../term/bytes.h"

/* Reads a checked term: values[i] gets the field names[i], as it stands there.
 * Other fields are passed over, so that a Grove that has more of them is
 * understood.  ERR_TYPE for anything but a struct of this module, ERR_SHAPE when a
 * field is missing, ERR_DUPLICATE when one is there twice. */
must_use enum err struct_read(struct bytes checked, const char *module, const char *const *names,
                              size_t count, struct bytes *values);

/* Begins a struct with this many fields; the caller appends their names, atoms
 * in ASCII order, each followed by its value. */
void struct_put(struct buf *out, const char *module, uint32_t fields);

#endif
