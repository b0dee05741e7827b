/* Messages of remote scopes, worked off.  Private to pg/.
 *
 * A message is validated whole, then applied, and where it replaces the scope's members, those
 * that it does not name leave in the end.  What may take long is copied, and each wake-up of our
 * scope does a part of it, so that other events are handled in between.  Several take turns.
 *
 * What else the same node sends waits meanwhile (turn.h, hold).  So it has one such message at a
 * time, and everything is handled in the order in which it was sent.  The message is dropped when
 * its scope or node ends, since its members leave anyway. */
#ifndef COPPICE_PG_PG_INTAKE_H
#define COPPICE_PG_PG_INTAKE_H

#include "pg_scope.h"

/* Takes a message of another node, no discover, which pg_read() has read.  Before a later one of
 * that node comes pg_intake_finish_node(). */
void pg_intake(struct scope *s, const struct pg_message *m, const struct gen_message *gen,
               struct turn *t);

bool pg_intake_is_open(const struct scope *s);
/* Does a part of the oldest, which then waits for the others. */
void pg_intake_wake(struct scope *s, struct turn *t);

/* Does all that is left: for all nodes, or for this one, which may have nothing open. */
void pg_intake_finish(struct scope *s, struct turn *t);
void pg_intake_finish_node(struct scope *s, struct bytes node, struct turn *t);

/* The node or the scope has ended. */
void pg_intake_drop_node(struct scope *s, struct bytes node, struct turn *t);
void pg_intake_drop_scope(struct scope *s, const struct remote_scope *remote, struct turn *t);

/* Our own scope has ended; t is NULL when the node has. */
void pg_intake_free(struct scope *s, struct turn *t);

#endif
