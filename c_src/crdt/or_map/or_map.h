/* Grove's ORMap: its keys are an ORSet, and each has a state of any type, which may be
 * a map again.
 *
 * A value outlives its key: while the key is away it is hidden, and when the key comes
 * back so does the value, since what a peer tells of it may be a part only.  Of values of
 * different types under one key, which concurrent puts can make, the one stays
 * whose module is later in term order, on every replica.
 *
 * A map calls itself through the rows of functions, for the maps inside it: at most
 * LIMIT_MAP_NESTING deep.
 *
 * Costs a key of 12 characters, measured with 100,000 of them: 165 bytes in the two
 * tables, and its value, which is 64 bytes for an empty gcounter, 110 for a gset, 560 for a
 * map. */
#ifndef COPPICE_CRDT_OR_MAP_H
#define COPPICE_CRDT_OR_MAP_H

#include "../or_set/or_set.h"

/* States by key.  None ever goes. */
struct values {
    struct table table; /* key -> struct crdt * */
    const struct crdt_options *options;
    unsigned level; /* maps around the one whose values they are */
};

struct or_map {
    struct crdt crdt;
    struct or_set keys;
    struct values values;
};

/* What a value is joined with: a struct that fits; empty for an empty state. */
struct given {
    const struct crdt_type *type;
    struct bytes fitting;
};

/* True where a state of this type would be a map inside too many. */
bool values_too_deep(const struct crdt_type *type, unsigned level);

/* Whether a checked struct can be a value: errors as of crdt_fits(), ERR_SHAPE for one of
 * no type, ERR_LIMIT for one with a map inside too many. */
must_use enum err values_fit(struct bytes checked, unsigned level);

void values_init(struct values *v, const struct crdt_options *o, unsigned level);
void values_free(struct values *v);

/* NULL where the key has none. */
struct crdt *values_find(const struct values *v, struct bytes key);

/* In what follows, what grew joins grown, too, when that is not NULL. */

/* True when the value grew: it is new, or of a later type, or the join made it grow. */
bool values_join(struct values *v, struct bytes key, const struct given *g, struct values *grown);

/* crdt_mutate() of the value that the key has, but for t->delta. */
must_use enum err values_mutate(struct values *v, struct bytes key, const struct op *ops,
                                size_t count, struct mutation_turn *t, struct values *grown);

/* Gives the key, which has none, a value like this one. */
void values_copy(struct values *v, struct bytes key, const struct crdt *state);

/* Takes all of `from`, of the same level: each in the place of the value that its key
 * has, or joined to it. */
void values_replace(struct values *v, struct values *from);
void values_merge(struct values *v, struct values *from);

void values_check(const struct values *v);

/* The row's mutate. */
must_use enum err or_map_mutate(struct crdt *c, const struct op *ops, size_t count,
                                struct mutation_turn *t);

#endif
