/* What structs are worth together, by the definition of their types' joins instead of by the code
 * of crdt/: over lists, element by element.
 *
 * In the value of an or_map each struct is replaced by {Module, Value}, the value being what that
 * struct is worth by itself. */
#ifndef COPPICE_FUZZ_REFERENCE_H
#define COPPICE_FUZZ_REFERENCE_H

#include "crdt/crdt.h"

/* Appends the canonical value of the join of valid structs of the type, with MapSets in plain form.
 * False, with nothing appended, if it is not known here: a counter's beyond 64 bits. */
bool reference_value(struct buf *value, const struct crdt_type *type, const struct bytes *structs,
                     size_t count);

/* Appends a value that a state of the type has, in the same form. */
void reference_form(struct buf *out, const struct crdt_type *type, struct bytes value);

#endif
