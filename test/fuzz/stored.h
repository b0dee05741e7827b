/* Files of a storage, built as an input says: whole ones with right lengths and checksums, which
 * bytes alone would rarely have, and then damaged. */
#ifndef COPPICE_FUZZ_STORED_H
#define COPPICE_FUZZ_STORED_H

#include "dist/wire.h"
#include "term/bytes.h"

/* Whose files they are. */
#define STORED_MODULE "Elixir.Grove.Set.GSet"
struct stored_owner {
    struct bytes module; /* the atom, encoded */
    struct bytes group;  /* canonical */
};

/* Appends one canonical term, most often a small one. */
void stored_put_term(struct buf *out, struct wire *in);

/* Appends a segment of a journal.  *sound counts the records that it has, unless something is
 * damaged: then SIZE_MAX. */
void stored_put_segment(struct buf *out, struct wire *in, const struct stored_owner *owner,
                        size_t *sound);

/* Appends a DETS table with the owner's record, and others. */
void stored_put_table(struct buf *out, struct wire *in, const struct stored_owner *owner);

/* Changes, truncates or lengthens bytes in the buffer from start on; false if nothing. */
bool stored_damage(struct buf *out, size_t start, struct wire *in);

#endif
