/* The data types: a row of functions each.
 *
 * A type is a file that fills in one `struct crdt_type` and a line in types.c.
 * Its state in memory is its own; outside it is Grove's struct of the
 * same module, every field present.
 *
 * Two kinds of change exist: a mutation by this replica's actor, and a merge
 * (join) of a struct from elsewhere: a delta, a whole state, or what a fun made of our
 * state.  A join is commutative, associative and idempotent, and takes the
 * struct whole or not at all.
 *
 * What this replica itself changed since the last reset is its delta: the
 * smallest struct of the type whose join with a peer's older state gives the
 * peer the change.  Whether there is one is a matter of its structure, never of
 * its value: a counter's +1-1 is a delta. */
#ifndef COPPICE_CRDT_CRDT_H
#define COPPICE_CRDT_CRDT_H

#include "../err.h"
#include "op.h"

/* Whose change a struct that is merged brings. */
enum origin {
    ORIGIN_PEER,  /* a peer's: it has told the others itself, but for what our actor once did */
    ORIGIN_LOCAL, /* ours, made by a fun elsewhere: what it adds joins our delta */
};

struct crdt_type;

/* Each type's state begins with this. */
struct crdt {
    const struct crdt_type *type;
};

struct crdt_type {
    const char *module; /* "Elixir.Grove.Counter.GCounter", as in __struct__ */
    const char *name;   /* "gcounter", for configuration and command line */

    /* A new, empty state whose own mutations are by actor (canonical; copied). */
    struct crdt *(*make)(struct bytes actor);
    void (*free)(struct crdt *c);

    /* Applies count operations in order, all of them or, on ERR_BAD_OP (or ERR_LIMIT,
     * where a quantity would outgrow limits.h), none; *bad is the index
     * of the one that is wrong. */
    enum err (*mutate)(struct crdt *c, const struct op *ops, size_t count, size_t *bad);

    /* Joins a checked struct of this type.  ERR_TYPE for another type's, ERR_SHAPE,
     * ERR_RANGE, ERR_LIMIT or ERR_DUPLICATE for a malformed one, and nothing
     * changed.  *changed says whether the state grew. */
    enum err (*merge)(struct crdt *c, struct bytes checked, enum origin origin, bool *changed);

    /* Appends Grove's struct of the whole state, with an empty delta buffer:
     * what a peer may join, and what a fun may be applied to, so that whatever its
     * result adds is the fun's own doing. */
    void (*state)(const struct crdt *c, struct buf *out);

    /* True when there is a delta; the delta as a struct; no delta any more. */
    bool (*dirty)(const struct crdt *c);
    void (*delta)(const struct crdt *c, struct buf *out);
    void (*reset)(struct crdt *c);

    /* Appends the value in Grove's shape: an integer, a MapSet, a list, a map. */
    void (*value)(const struct crdt *c, struct buf *out);

    /* Ends the program where the state breaks the type's own invariants. */
    void (*check)(const struct crdt *c);
};

/* The type whose short name, or whose module, is this text; NULL for none. */
const struct crdt_type *crdt_type_named(struct bytes text);

/* Every type in turn, until NULL: for help texts and tests. */
const struct crdt_type *crdt_type_at(size_t i);

/* The row's functions by the names that callers read. */
struct crdt *crdt_make(const struct crdt_type *type, struct bytes actor);
void crdt_free(struct crdt *c); /* NULL is allowed */
must_use enum err crdt_mutate(struct crdt *c, const struct op *ops, size_t count, size_t *bad);
must_use enum err crdt_merge(struct crdt *c, struct bytes checked, enum origin origin,
                             bool *changed);
void crdt_state(const struct crdt *c, struct buf *out);
bool crdt_dirty(const struct crdt *c);
void crdt_delta(const struct crdt *c, struct buf *out);
void crdt_reset(struct crdt *c);
void crdt_value(const struct crdt *c, struct buf *out);
void crdt_check(const struct crdt *c); /* for tests and the simulator */

#endif
