#include "op.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"

/* The text of a canonical atom, borrowed. */
static struct bytes name_read(struct etf_in *in)
{
    struct bytes name = etf_name(in);
    if (etf_peek(in) != ETF_ATOM)
        etf_fail(in, ERR_SHAPE);
    else
        etf_any(in);
    return name;
}

/* Name or {Name, [Arg, ...]} */
enum err op_read(struct op *op, struct bytes canonical)
{
    struct etf_in in = etf_open(canonical);
    *op = (struct op){0};
    if (etf_peek(&in) == ETF_ATOM) {
        op->name = name_read(&in);
        return etf_finish(&in);
    }
    etf_tuple_of(&in, 2);
    op->name = name_read(&in);
    struct bytes arg;
    for (struct etf_list args = etf_list(&in); etf_next(&args, &arg);) {
        if (op->arity == OP_ARGS_MAX)
            etf_fail(&in, ERR_SHAPE);
        else
            op->args[op->arity++] = arg;
    }
    return etf_finish(&in);
}

static bool is_list(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_LIST;
}

/* Element i of a list; the request itself if it is not a list or has no such element (an
 * improper tail). */
static struct bytes element(struct bytes request, size_t i)
{
    struct etf_in in = etf_open(request);
    struct bytes term;
    if (is_list(request)) {
        for (struct etf_list list = etf_list(&in); etf_next(&list, &term);) {
            if (i-- == 0)
                return term;
        }
    }
    return request;
}

static void make_room(struct ops *ops, size_t *cap)
{
    if (ops->count == 0) {
        ops->list = &ops->single;
        *cap = 1;
    } else if (ops->list == &ops->single) {
        *cap = 0;
        ops->list = mem_room(NULL, 0, cap, sizeof(*ops->list));
        ops->list[0] = ops->single;
    } else {
        ops->list = mem_room(ops->list, ops->count, cap, sizeof(*ops->list));
    }
}

static void append(struct ops *ops, size_t *cap, struct bytes term, enum err *e)
{
    struct op op;
    *e = ops->count == LIMIT_OPS ? ERR_LIMIT : op_read(&op, term);
    for (unsigned i = 0; *e == OK && i < op.arity; i++)
        if (etf_is_deeper(op.args[i], LIMIT_VALUE_DEPTH))
            *e = ERR_LIMIT;
    if (*e != OK)
        return;
    make_room(ops, cap);
    ops->list[ops->count++] = op;
}

static enum err read_all(struct ops *ops, struct bytes canonical)
{
    size_t cap = 0;
    enum err e = OK;
    if (!is_list(canonical)) {
        append(ops, &cap, canonical, &e);
        return e;
    }
    struct etf_in in = etf_open(canonical);
    struct bytes term;
    for (struct etf_list list = etf_list(&in); e == OK && etf_next(&list, &term);)
        append(ops, &cap, term, &e);
    return e == OK ? etf_finish(&in) : e;
}

/* It would take some time to make them all canonical. */
static bool are_too_many(struct bytes request)
{
    struct etf_in in = etf_open(request);
    return is_list(request) && etf_list(&in).left > LIMIT_OPS;
}

enum err ops_read(struct ops *ops, struct bytes request, struct bytes *bad)
{
    struct bytes canonical;
    *ops = (struct ops){0};
    enum err e = are_too_many(request) ? ERR_LIMIT : canon_view(&ops->terms, request, &canonical);
    if (e == OK)
        e = read_all(ops, canonical);
    if (e == OK)
        return OK;
    *bad = e == ERR_SHAPE ? element(request, ops->count) : request;
    ops_free(ops);
    return e;
}

void ops_single(struct ops *ops, struct bytes name)
{
    *ops = (struct ops){.count = 1};
    buf_put(&ops->terms, name);
    ops->list = &ops->single;
    ops->single.name = buf_bytes(&ops->terms);
}

void ops_free(struct ops *ops)
{
    if (ops->list != &ops->single)
        mem_free(ops->list);
    buf_free(&ops->terms);
    *ops = (struct ops){0};
}

bool op_is(const struct op *op, const char *name, unsigned arity)
{
    return op->arity == arity && bytes_equal(op->name, bytes_of(name));
}

void op_put(struct buf *out, const struct op *op)
{
    struct buf args = {0};
    put_list(&args, op->arity);
    for (unsigned i = 0; i < op->arity; i++)
        put_term(&args, op->args[i]);
    put_nil(&args);

    put_tuple(out, 2);
    put_atom_bytes(out, op->name);
    /* The canonical form of a list of small integers is a string. */
    must(canon_put(out, buf_bytes(&args)) == OK);
    buf_free(&args);
}
