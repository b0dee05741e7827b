/* What a request to a replica costs beyond its own bytes, counted for turn_worked(). */
#ifndef COPPICE_REPLICA_WORK_H
#define COPPICE_REPLICA_WORK_H

#include "../otp/turn.h"

struct replica;

/* The whole state was walked over. */
void work_walk(const struct replica *r, struct turn *t);

/* Some of it was looked for, and written in so many bytes. */
void work_part(const struct replica *r, size_t bytes, struct turn *t);

/* A struct was joined.  Most types look only at what it names; a counter moves the counts of its
 * other actors, and a register compares all of its values. */
void work_join(const struct replica *r, struct turn *t);

#endif
