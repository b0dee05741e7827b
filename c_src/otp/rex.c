#include "rex.h"

#include "../term/etf.h"
#include "../term/write.h"

uint64_t rex_start(struct process *owner, struct bytes node, const char *module,
                   const char *function, struct bytes args, uint64_t timeout_ms, struct turn *t)
{
    struct buf request = {0};
    put_tuple(&request, 5);
    put_atom(&request, "call");
    put_atom(&request, module);
    put_atom(&request, function);
    put_term(&request, args);
    put_atom(&request, "user");
    uint64_t call = call_start(owner, &(struct address){.name = BYTES("rex"), .node = node},
                               buf_bytes(&request), timeout_ms, t);
    buf_free(&request);
    return call;
}

/* {Module, Function, ArityOrArgs, Location}, or {Fun, Args, Location}. */
static bool is_frame(struct bytes term, bool *fun)
{
    struct etf_in in = etf_open(term);
    uint32_t arity = etf_tuple(&in);
    enum etf_kind first = etf_peek(&in);
    *fun = arity == 3 && (first == ETF_FUN || first == ETF_EXPORT);
    return *fun || (arity == 4 && first == ETF_ATOM);
}

/* What rex_read_exit() has to know of a stack trace. */
struct trace {
    size_t frames;
    bool in_fun; /* the call of a fun failed, not the fun's body */
};

/* False when term is not a stack trace. */
static bool read_trace(struct bytes term, struct trace *trace)
{
    struct etf_in in = etf_open(term);
    struct bytes frame;
    bool fun;
    *trace = (struct trace){0};
    for (struct etf_list list = etf_list(&in); etf_next(&list, &frame); trace->frames++) {
        if (!is_frame(frame, &fun))
            return false;
        trace->in_fun |= fun && trace->frames == 0;
    }
    return etf_finish(&in) == OK;
}

/* rpc removes its own frames from the stack.  So undef means a missing function only when
 * the stack has a single frame or starts with a fun; else it was raised deeper in the code. */
enum rex_outcome rex_read_exit(struct bytes reason, struct bytes *term)
{
    struct etf_in in = etf_open(reason);
    struct trace trace;
    *term = reason;
    if (etf_tuple(&in) != 2)
        return REX_RAISED;
    struct bytes exception = etf_any(&in);
    if (!read_trace(etf_any(&in), &trace))
        return REX_RAISED;
    struct etf_in at_exception = etf_open(exception);
    bool missing = trace.frames == 1 || trace.in_fun;
    if (missing && etf_accept(&at_exception, "undef")) {
        *term = (struct bytes){0};
        return REX_UNDEF;
    }
    *term = exception;
    return REX_RAISED;
}

enum rex_outcome rex_read(const struct answer *a, struct bytes *term)
{
    *term = (struct bytes){0};
    if (answer_is_unfit(a))
        return REX_UNFIT;
    if (a->err != OK)
        return a->err == ERR_TIMEOUT ? REX_LATE : REX_GONE;
    struct etf_in in = etf_open(a->reply);
    if (etf_tuple(&in) != 2 || !etf_accept(&in, "badrpc")) {
        *term = a->reply;
        return REX_VALUE;
    }
    *term = etf_any(&in);
    struct etf_in reason = etf_open(*term);
    if (etf_tuple(&reason) != 2 || !etf_accept(&reason, "EXIT"))
        return REX_FAILED;
    return rex_read_exit(etf_any(&reason), term);
}
