/* The struct %Grove.Counter.GCounter{} around counts: the whole of a GCounter,
 * and each half of a PNCounter. */
#ifndef COPPICE_CRDT_GCOUNTER_H
#define COPPICE_CRDT_GCOUNTER_H

#include "counts.h"

/* Appends the canonical counts of a checked struct; errors as of
 * struct_read() and counts_read(), and out is then as it was. */
must_use enum err gcounter_read(struct buf *out, struct bytes checked);

/* Appends the struct: with all counts, or with those changed here. */
void gcounter_put(struct buf *out, struct bytes actor, const struct counts *c);
void gcounter_put_changed(struct buf *out, struct bytes actor, const struct counts *c);

#endif
