/* An operation on a CRDT as data: its name and arguments, for callers that do not send a fun.
 *
 *     increment                    {increment, []}
 *     {increment, [5]}             {add, [<<"x">>]}
 *
 * The names are those of Grove's functions; arity does not count the CRDT itself. */
#ifndef COPPICE_CRDT_OP_H
#define COPPICE_CRDT_OP_H

#include "../err.h"
#include "../term/bytes.h"

/* Maximum number of arguments. */
#define OP_ARGS_MAX 4

struct op {
    struct bytes name; /* text */
    unsigned arity;
    struct bytes args[OP_ARGS_MAX]; /* canonical */
};

/* The operations of one request, and the memory that they borrow from.  Not to be copied. */
struct ops {
    struct op *list;
    size_t count;
    struct op single; /* list, if there is one only */
    struct buf terms; /* the request, canonical, unless it was */
};

/* Reads an operation or a list of them from a checked term, from which they may borrow.  On an
 * error (ERR_SHAPE, ERR_LIMIT for too many or an argument deeper than LIMIT_VALUE_DEPTH,
 * ERR_DUPLICATE) *ops is empty, and *bad is the term at fault, borrowed from request. */
must_use enum err ops_read(struct ops *ops, struct bytes request, struct bytes *bad);

/* Reads a single operation from a canonical term, from which it borrows: ERR_SHAPE for anything
 * else. */
must_use enum err op_read(struct op *op, struct bytes canonical);

/* The single operation name without arguments: the meaning of &Mod.name/1. */
void ops_single(struct ops *ops, struct bytes name);

void ops_free(struct ops *ops);

/* True if the operation has this name and arity. */
bool op_is(const struct op *op, const char *name, unsigned arity);

/* Appends the operation as a term: {Name, [Arg, ...]}. */
void op_put(struct buf *out, const struct op *op);

#endif
