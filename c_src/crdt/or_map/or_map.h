/* Grove's ORMap: the keys are an ORSet, and each has a state of any type, maps included.
 *
 * A value outlives its key: it is hidden while the key is deleted and reappears with it, since
 * what peers send of it may be only a part.  Concurrent puts can give one key values of
 * different types; then every replica keeps the one whose module is later in term order.
 *
 * Nested maps recurse through the type functions, at most LIMIT_MAP_NESTING deep.
 *
 * Memory per key of 12 characters, measured with 100,000 of them: 100 bytes in the two tables,
 * and the value: 80 bytes for an empty gcounter, 128 for a gset, 720 for a map. */
#ifndef COPPICE_CRDT_OR_MAP_H
#define COPPICE_CRDT_OR_MAP_H

#include "../figures.h"
#include "../or_set/or_set.h"
#include "../parsed.h"

/* States by key; never removed. */
struct values {
    struct table table; /* key -> struct crdt * */
    const struct crdt_options *options;
    unsigned level; /* number of enclosing maps around this one */
    /* For status: of all values. */
    size_t tombstones, tags;
    struct histogram by_tags; /* values by the most tags of one element */
    struct actor_watch watch; /* of the values, and of the map's keys */
    struct table actors;      /* actor -> uint32_t, how many of those have it */
    struct crdt *map;         /* that these values are of, or NULL */
};

struct or_map {
    struct crdt crdt;
    struct or_set keys;
    struct values values;
};

/* A state as its type and a valid struct; empty bytes for an empty state. */
struct typed_state {
    const struct crdt_type *type;
    struct bytes valid;
};

/* True if a state of this type would nest maps too deeply. */
bool values_too_deep(const struct crdt_type *type, unsigned level);

/* OK if a checked struct can be a value; errors as of crdt_validate(), ERR_SHAPE for one of no
 * known type, ERR_LIMIT for maps nested too deeply. */
must_use enum err values_validate(struct bytes checked, unsigned level);

/* map: the one that they are of, whose watch is told of their actors; or NULL. */
void values_init(struct values *v, const struct crdt_options *o, unsigned level, struct crdt *map);
void values_free(struct values *v);

/* The tags of all values, and the most of one element. */
struct tag_counts values_tags(const struct values *v);

/* NULL if the key has none.  It is changed by the functions below only, so that they count. */
struct crdt *values_find(const struct values *v, struct bytes key);

/* The following join changes to delta too, unless that is NULL. */

/* True if the value grew: it is new, or of a later type, or the join changed it. */
bool values_join(struct values *v, struct bytes key, const struct typed_state *g,
                 struct values *delta);
bool values_join_parsed(struct values *v, struct bytes key, const struct parsed *valid,
                        struct values *delta);

/* crdt_mutate() of the key's value; t->delta is ignored. */
must_use enum err values_mutate(struct values *v, struct bytes key, const struct op *ops,
                                size_t op_count, struct mutation_turn *t, struct values *delta);

/* Adds a copy of the state as the value of a key that has none. */
void values_copy(struct values *v, struct bytes key, const struct crdt *state);

/* Move all values out of from, which has the same level: each replaces the key's value, or is
 * joined to it. */
void values_replace(struct values *v, struct values *from);
void values_merge(struct values *v, struct values *from);

/* keys: of the map. */
void values_check(const struct values *v, const struct crdt *keys);

/* The type's mutate function. */
must_use enum err or_map_mutate(struct crdt *c, const struct op *ops, size_t count,
                                struct mutation_turn *t);

#endif
