/* What was on disk is joined, in slices if it is large.  Private to replica/.
 *
 * A table of 280 MB takes many seconds to be joined.  Each wake-up of the replica joins one slice
 * of it (crdt/slices.h), so that other events are handled in between.  Until the last one the
 * replica is loading: the state is neither read nor sent, and mutations wait (durable.h). */
#ifndef COPPICE_REPLICA_LOADING_H
#define COPPICE_REPLICA_LOADING_H

#include "replica.h"

struct replica;
struct loading;

/* Takes over the content's memory, or copies the content. */
struct loading *loading_open(const struct disk_content *content);
void loading_free(struct loading *l); /* NULL is allowed */

/* Joins about so much as a step should; true when nothing is left, or the snapshot is refused,
 * which is *e then. */
bool loading_step(struct loading *l, struct replica *r, enum err *e);

/* How much of it is done; below 100 before the last step. */
unsigned loading_percent(const struct loading *l);

/* For the caller, after the last step. */
struct loading_figures {
    size_t bytes, records, refused; /* refused: records with a struct that is */
    bool snapshot, saved;           /* whether there was one; of struct disk_content */
};
struct loading_figures loading_figures(const struct loading *l);

#endif
