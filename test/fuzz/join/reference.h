/* What the simple types are worth, by the definition of their join instead of by their code: over
 * lists, element by element. */
#ifndef COPPICE_FUZZ_REFERENCE_H
#define COPPICE_FUZZ_REFERENCE_H

#include "crdt/crdt.h"

/* Appends the canonical value of the join of valid structs of the type, with MapSets in plain form.
 * False, with nothing appended, if it is not known here: of another type, or with numbers beyond 64
 * bits. */
bool reference_value(struct buf *value, const struct crdt_type *type, const struct bytes *structs,
                     size_t count);

#endif
