/* A state that is two states of one other type, as Grove's PNCounter is two GCounters and its
 * TwoPSet two GSets: the functions of a row that say nothing but "both".
 *
 * The row names the other type (crdt_type.half), its fields are the actor, the first half
 * and the second, and its state is struct crdt and then the two, in that order. */
#ifndef COPPICE_CRDT_HALVES_H
#define COPPICE_CRDT_HALVES_H

#include "crdt.h"

/* Fields of the struct. */
enum { HALVES_ACTOR, HALVES_FIRST, HALVES_SECOND };
#define HALVES_NEEDED (1u << HALVES_FIRST | 1u << HALVES_SECOND)

void halves_open(struct crdt *c);
void halves_close(struct crdt *c);
bool halves_join(struct crdt *c, const struct bytes *values, struct crdt *grown);
void halves_put(const struct crdt *c, unsigned field, struct part part, struct buf *out);
void halves_digest(const struct crdt *c, const struct digests *d);
void halves_copy_extras(struct crdt *to, const struct crdt *from);
bool halves_empty(const struct crdt *c);
void halves_check(const struct crdt *c);

#endif
