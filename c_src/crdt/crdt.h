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
 * A change says what grew: it is joined, entry by entry as it happens, to another
 * state of the same type that the caller gives.  That other state is the delta:
 * the smallest one whose join with the state as it was gives the state as it is.  So a delta
 * is a CRDT like any other: it is written, joined and asked whether it is empty
 * by the same row.  Emptiness is a matter of structure, never of value: a
 * counter's +1-1 is a delta. */
#ifndef COPPICE_CRDT_CRDT_H
#define COPPICE_CRDT_CRDT_H

#include "../causal/digests.h"
#include "../err.h"
#include "mapset.h"
#include "op.h"
#include "struct.h"

/* Fields of a struct, more than any of Grove's has. */
#define CRDT_FIELDS_MAX DIGEST_FIELDS_MAX

struct crdt_options {
    struct bytes actor; /* canonical */
    uint64_t seed;      /* of hash tables: strangers choose the keys */
    enum mapset_form form;
};

struct crdt_type;

/* Each type's state begins with this. */
struct crdt {
    const struct crdt_type *type;
    const struct crdt_options *options; /* borrowed; shared with states inside */
    struct extras extras;               /* fields of its struct that Grove has and we do not know */
};

/* What a mutation takes besides its operations, and gives besides the change. */
struct mutation_turn {
    uint64_t wall_ms;   /* the time of day, for clocks that go with it */
    struct crdt *delta; /* NULL, or a state of the same type that gets what changed */
    struct buf *reply;  /* NULL, or gets one term an operation: `ok`, or what it made */
    size_t bad;         /* on an error: the index of the operation that is wrong */
};

struct crdt_type {
    const char *module; /* "Elixir.Grove.Counter.GCounter", as in __struct__ */
    const char *name;   /* "gcounter", for configuration and command line */

    /* The struct's fields in ASCII order, then NULL; and those that must be there in
     * one that is joined (bit i for fields[i]).  fits, join and put know a field by its
     * place here. */
    const char *fields[CRDT_FIELDS_MAX + 1];
    unsigned needed;

    /* The type of its two halves; NULL for a type that is not such a pair (halves.h). */
    const struct crdt_type *half;

    /* Bytes of a state, and what makes zeroed ones (behind struct crdt) an empty
     * state, NULL where zeros are one, and frees what a state has come to own. */
    size_t bytes;
    void (*open)(struct crdt *c);
    void (*close)(struct crdt *c);

    /* Applies count operations in order, all of them or, on ERR_BAD_OP (or
     * ERR_LIMIT, where a quantity would outgrow limits.h), none.  On an error
     * t->reply may hold anything. */
    enum err (*mutate)(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t);

    /* Whether a checked struct with these values can be joined: ERR_SHAPE, ERR_RANGE,
     * ERR_LIMIT or ERR_DUPLICATE for a malformed one.  A field that is not needed
     * may be empty. */
    enum err (*fits)(const struct bytes *values);

    /* Joins values that fit, reading straight from the frame; grown may be NULL.
     * True when the state grew. */
    bool (*join)(struct crdt *c, const struct bytes *values, struct crdt *grown);

    /* Whether its entries lie in buckets (part.h); put and digest are asked for the whole
     * only where they do not. */
    bool divisible;

    /* Appends the value of one field with the entries of one part, and an empty delta
     * buffer. */
    void (*put)(const struct crdt *c, unsigned field, struct part part, struct buf *out);

    /* Adds the digest of every entry, whatever order they are in. */
    void (*digest)(const struct crdt *c, const struct digests *d);

    /* crdt_copy_extras() for the states inside; NULL for a type without. */
    void (*copy_extras)(struct crdt *to, const struct crdt *from);

    /* Appends the value in Grove's shape: an integer, a MapSet, a list, a map. */
    void (*value)(const struct crdt *c, struct buf *out);

    /* True when joining it to anything changes nothing. */
    bool (*empty)(const struct crdt *c);

    /* A number for status; NULL for a type without. */
    size_t (*tombstones)(const struct crdt *c);

    /* Adds every actor that has left something in the state: a count, a tag, a dot, a
     * place in a clock.  NULL for a type whose state names none. */
    void (*actors)(const struct crdt *c, struct actors *seen);

    /* Ends the program where the state breaks the type's own invariants. */
    void (*check)(const struct crdt *c);
};

/* The type whose short name, or whose module, is this text; NULL for none. */
const struct crdt_type *crdt_type_named(struct bytes text);

/* The type of a checked struct; NULL when it is none of ours. */
const struct crdt_type *crdt_type_of(struct bytes checked);

/* Every type in turn, until NULL: for help texts and tests. */
const struct crdt_type *crdt_type_at(size_t i);

/* A new, empty state whose own mutations are by the actor.  The options, and the
 * actor's bytes, must live as long as it. */
struct crdt *crdt_make(const struct crdt_type *type, const struct crdt_options *o);
void crdt_free(struct crdt *c); /* NULL is allowed */

/* The same for a state inside another, in place: where type->bytes zeroed bytes are. */
void crdt_open(struct crdt *c, const struct crdt_type *type, const struct crdt_options *o);
void crdt_close(struct crdt *c);

/* Of crdt_mutate's reply, when there is one: `ok` for each of count operations. */
void mutation_reply_ok(struct mutation_turn *t, size_t count);

must_use enum err crdt_mutate(struct crdt *c, const struct op *ops, size_t count,
                              struct mutation_turn *t);

/* Joins a checked struct.  ERR_TYPE for another type's, errors as of fits for a
 * malformed one, and nothing changed.  grown as above; *changed says whether the
 * state grew. */
must_use enum err crdt_merge(struct crdt *c, struct bytes checked, struct crdt *grown,
                             bool *changed);

/* Its two halves, for a type that has others inside: whether a struct can be joined,
 * and the join of one that can; true when the state grew. */
must_use enum err crdt_fits(const struct crdt_type *type, struct bytes checked);
bool crdt_join(struct crdt *c, struct bytes fitting, struct crdt *grown);
/* crdt_fits() for a field that must be of this type: another's is malformed. */
must_use enum err crdt_fits_inside(const struct crdt_type *type, struct bytes checked);

/* Gives `to` the unknown fields that `from` has, and the states inside theirs: before a
 * delta is written for those who may count on them. */
void crdt_copy_extras(struct crdt *to, const struct crdt *from);

/* Appends Grove's struct of the whole state, with an empty delta buffer: what a peer
 * may join, and what a fun may be applied to.  A valid term, but maps of a type that
 * keeps its entries in a table are not in key order. */
void crdt_state(const struct crdt *c, struct buf *out);
void crdt_value(const struct crdt *c, struct buf *out);
bool crdt_empty(const struct crdt *c);
size_t crdt_tombstones(const struct crdt *c);
size_t crdt_actors(const struct crdt *c); /* how many have left something in it */
/* The row's, for a type that has others inside. */
void crdt_add_actors(const struct crdt *c, struct actors *seen);
void crdt_check(const struct crdt *c); /* for tests and the simulator */

#endif
