/* The data types: one table of functions each.
 *
 * A type is a file that defines one `struct crdt_type`, and a line in types.c.  Its state in
 * memory is its own business; outside it is Grove's struct of the same module, with every field
 * present.
 *
 * There are two kinds of change: a mutation by this replica's actor, and a merge (join) of a
 * struct from elsewhere: a delta, a whole state, or the result of a fun applied to our state.
 * A join is commutative, associative and idempotent, and takes the struct whole or not at all.
 *
 * Each change is also joined, entry by entry, to another state of the same type that the caller
 * supplies: the delta.  It is the smallest state whose join with the old state gives the new
 * one: a CRDT like any other.  Emptiness is a matter of structure: a counter's +1-1 is a delta. */
#ifndef COPPICE_CRDT_CRDT_H
#define COPPICE_CRDT_CRDT_H

#include "../causal/digests.h"
#include "../err.h"
#include "mapset.h"
#include "op.h"
#include "struct.h"

#define CRDT_FIELDS_MAX DIGEST_FIELDS_MAX /* of a struct */

/* How a field of a large struct is divided (slices.h). */
enum slicing {
    SLICE_NOT,    /* it is taken whole */
    SLICE_TERM,   /* the same, and made canonical first */
    SLICE_PAIRS,  /* a map: the pairs are independent of each other */
    SLICE_LAST,   /* the same, joined after the other fields, which it may dominate */
    SLICE_SET,    /* a MapSet */
    SLICE_STRUCT, /* a struct of a type here */
    SLICE_STATES  /* a map whose values are such structs */
};

struct crdt_options {
    struct bytes actor; /* canonical */
    uint64_t seed;      /* of hash tables; secret, since peers choose the keys */
    enum mapset_form form;
};

struct crdt_type;

/* The head of each type's state. */
struct crdt {
    const struct crdt_type *type;
    const struct crdt_options *options; /* borrowed; shared with nested states */
    struct unknown_fields unknown;      /* fields of Grove's struct that are not known here */
    struct actor_watch *watch;          /* told of its actors, unless NULL; see crdt_watch() */
};

/* Inputs and outputs of a mutation besides its operations. */
struct mutation_turn {
    uint64_t wall_ms;   /* wall clock, for hybrid logical clocks */
    uint64_t random;    /* any number, another one in each turn; for mutation_random() */
    struct crdt *delta; /* NULL, or a state of the same type that changes are joined to */
    struct buf *reply;  /* NULL, or gets one term per operation: `ok` or its result */
    size_t bad;         /* on an error: the index of the operation at fault */
    bool dry;           /* only tell the result, without delta and reply */
};

struct tag_counts; /* figures.h */
struct put_cursor; /* encoding.h */

struct crdt_type {
    const char *module; /* "Elixir.Grove.Counter.GCounter", as in __struct__ */
    const char *name;   /* "gcounter", for configuration and command line */

    /* The struct's fields in ASCII order, then NULL; and those required in a struct to be joined
     * (bit i for fields[i]).  validate, join and put refer to fields by index. */
    const char *fields[CRDT_FIELDS_MAX + 1];
    unsigned needed;
    enum slicing slicing[CRDT_FIELDS_MAX];
    bool sliced_alone; /* only where nobody sees or changes the state between two slices */

    /* The field `actor` names who wrote the value, not whose struct it is. */
    bool actor_of_value;

    /* The type of both halves; NULL for a type that is not such a pair (halves.h). */
    const struct crdt_type *half;

    /* Size of a state; open makes zeroed bytes (after struct crdt) an empty state, NULL if they
     * are one already; close frees what a state owns. */
    size_t bytes;
    void (*open)(struct crdt *c);
    void (*close)(struct crdt *c);

    /* Applies count operations in order: all of them or, on ERR_BAD_OP (or ERR_LIMIT, if a
     * quantity would exceed limits.h), none.  After an error t->reply is undefined.  With t->dry
     * the result is the same, and the state too after that: a call with the same state,
     * operations, time and random number then has the same result. */
    enum err (*mutate)(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t);

    /* OK if a checked struct with these values can be joined, else ERR_SHAPE, ERR_RANGE,
     * ERR_LIMIT or ERR_DUPLICATE.  Fields that are not needed may be empty. */
    enum err (*validate)(const struct bytes *values);

    /* Joins valid values, reading straight from the frame; delta may be NULL.  True if the state
     * grew. */
    bool (*join)(struct crdt *c, const struct bytes *values, struct crdt *delta);

    /* Whether its entries are spread over buckets (part.h); if not, put and digest are called
     * for the whole only. */
    bool divisible;

    /* Appends the value of one field, limited to the entries of one part.  The delta buffer is
     * written empty. */
    void (*put)(const struct crdt *c, unsigned field, struct part part, struct buf *out);

    /* put for the whole, and value, in slices (encoding.h); NULL: they are written in one go. */
    bool (*encode)(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out);

    /* Adds the digest of every entry, in any order. */
    void (*digest)(const struct crdt *c, const struct digests *d);

    /* crdt_copy_extras() for nested states; NULL for a type without them. */
    void (*copy_extras)(struct crdt *to, const struct crdt *from);

    /* Appends the value in Grove's shape: an integer, a MapSet, a list, a map. */
    void (*value)(const struct crdt *c, struct buf *out);

    /* True if joining it to any state changes nothing. */
    bool (*empty)(const struct crdt *c);

    /* The number of elements, keys or values, and that of tombstones, for status; NULL for a type
     * without them.  Like tags, they do not walk over the state. */
    size_t (*elements)(const struct crdt *c), (*tombstones)(const struct crdt *c);

    /* crdt_tags(); NULL for a type whose elements have no tags. */
    void (*tags)(const struct crdt *c, struct tag_counts *counts);

    /* Adds every actor that left a trace in the state: a count, a tag, a dot, a clock entry.
     * NULL for a type whose state names none, and so are the next two. */
    void (*actors)(const struct crdt *c, struct actors *seen);
    /* Their number, without a walk. */
    size_t (*actor_count)(const struct crdt *c);
    /* From now on c->watch, which may be NULL, is told of each that comes, or goes, since its last
     * trace was overwritten.  NULL where the type reads c->watch itself. */
    void (*watch)(struct crdt *c);

    /* Ends the process if the state violates the type's invariants. */
    void (*check)(const struct crdt *c);
};

/* The type with this name or module; NULL for none. */
const struct crdt_type *crdt_type_named(struct bytes text);

/* The type of a checked struct; NULL for any other term. */
const struct crdt_type *crdt_type_of(struct bytes checked);

/* Type i of all types, NULL after the last: for help texts and tests. */
const struct crdt_type *crdt_type_at(size_t i);

/* The actor of the replica whose struct this is, as it is encoded there.  Empty if it does not say,
 * or if nothing in states of this type depends on it: then two replicas may have the same. */
struct bytes crdt_sender(const struct crdt_type *type, struct bytes checked);

/* A new, empty state, mutated in the name of the options' actor.  The options and the actor's
 * bytes must outlive it. */
struct crdt *crdt_make(const struct crdt_type *type, const struct crdt_options *o);
void crdt_free(struct crdt *c); /* NULL is allowed */

/* The same in place, for a nested state: c points to type->bytes zeroed bytes. */
void crdt_open(struct crdt *c, const struct crdt_type *type, const struct crdt_options *o);
void crdt_close(struct crdt *c);

/* The next random number of a turn. */
uint64_t mutation_random(struct mutation_turn *t);

/* Appends `ok` to t->reply, unless that is NULL, for each of count operations. */
void mutation_reply_ok(struct mutation_turn *t, size_t count);

must_use enum err crdt_mutate(struct crdt *c, const struct op *ops, size_t count,
                              struct mutation_turn *t);

/* Joins a checked struct.  ERR_TYPE for another type's struct, errors as of validate for a
 * malformed one; then nothing has changed.  delta may be NULL; *changed says whether the state
 * grew. */
must_use enum err crdt_merge(struct crdt *c, struct bytes checked, struct crdt *delta,
                             bool *changed);

/* The two steps of crdt_merge(), for types with nested states: validation, and the join of a
 * valid struct; true if the state grew. */
must_use enum err crdt_validate(const struct crdt_type *type, struct bytes checked);
bool crdt_join(struct crdt *c, struct bytes valid, struct crdt *delta);
/* crdt_validate() for a field that must be of this type: ERR_SHAPE instead of ERR_TYPE. */
must_use enum err crdt_validate_field(const struct crdt_type *type, struct bytes checked);

/* Copies the unknown fields of from, and of its nested states, to `to`: before a delta is
 * written for readers that may rely on them. */
void crdt_copy_extras(struct crdt *to, const struct crdt *from);

/* Appends Grove's struct of the whole state, with an empty delta buffer, for peers and funs.  A
 * valid term, but the maps of types that keep their entries in a table are not in key order. */
void crdt_state(const struct crdt *c, struct buf *out);
void crdt_value(const struct crdt *c, struct buf *out);
bool crdt_empty(const struct crdt *c);
void crdt_check(const struct crdt *c); /* for tests and the simulator */

#endif
