/* An operation on a CRDT as data: its name and arguments, as a caller sends
 * them when it sends no fun.
 *
 *     increment                    {increment, []}
 *     {increment, [5]}             {add, [<<"x">>]}
 *
 * Names are Grove's own function names; arity here is without the CRDT. */
#ifndef COPPICE_CRDT_OP_H
#define COPPICE_CRDT_OP_H

#include "../err.h"
#include "../term/bytes.h"

/* More arguments than any operation has. */
#define OP_ARGS_MAX 4

struct op {
    struct bytes name; /* text */
    unsigned arity;
    struct bytes args[OP_ARGS_MAX]; /* canonical */
};

/* Operations read from one request, and the memory that they borrow from. */
struct ops {
    struct op *list;
    size_t count;
    struct buf terms; /* the request, canonical */
};

/* Reads an Op or a list of them from a checked term.  On an error (ERR_SHAPE,
 * ERR_LIMIT, ERR_DUPLICATE) *ops is empty and *bad, which borrows from request, is
 * the term that is no operation. */
must_use enum err ops_read(struct ops *ops, struct bytes request, struct bytes *bad);

/* Reads one Op, and no list, from a canonical term, from which it borrows: ERR_SHAPE
 * for anything else. */
must_use enum err op_read(struct op *op, struct bytes canonical);

/* The one operation Name with no arguments, as &Mod.name/1 stands for. */
void ops_single(struct ops *ops, struct bytes name);

void ops_free(struct ops *ops);

/* True when the operation has this name and arity. */
bool op_is(const struct op *op, const char *name, unsigned arity);

/* Appends the operation as a term: {Name, [Arg, ...]}. */
void op_put(struct buf *out, const struct op *op);

#endif
