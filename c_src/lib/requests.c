#include "../limits.h"
#include "../term/canon.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* --- what is given ------------------------------------------------------------------------ */

static void put_given_text(struct call *call, const char *text)
{
    struct text_error error;
    if (call->answer.status == COPPICE_OK && text_single(bytes_of(text), &call->term, &error) != OK)
        answer_set_text(&call->answer, COPPICE_BAD_TERM, "line %u, column %u: %s", error.line,
                        error.column, error.what);
}

static void put_given_term(struct call *call, const void *term, size_t size)
{
    enum err e = canon_external(&call->term, (struct bytes){term, size});
    if (call->answer.status == COPPICE_OK && e != OK)
        answer_set_text(&call->answer, COPPICE_BAD_TERM, "not one external term: %s", err_text(e));
}

/* Of a tuple whose last element is put behind it. */
static void put_tag(struct call *call, const char *tag, uint32_t arity)
{
    put_tuple(&call->term, arity);
    put_atom(&call->term, tag);
}

/* --- replicas ------------------------------------------------------------------------------- */

void coppice_mutate(struct coppice *c, const char *replica, const char *operation,
                    coppice_callback *told, void *who)
{
    struct call *call = call_new(replica, told, who);
    put_tag(call, "mutate", 2);
    put_given_text(call, operation);
    call_give(c, call);
}

void coppice_mutate_term(struct coppice *c, const char *replica, const void *term, size_t size,
                         coppice_callback *told, void *who)
{
    struct call *call = call_new(replica, told, who);
    put_tag(call, "mutate", 2);
    put_given_term(call, term, size);
    call_give(c, call);
}

static void ask(struct coppice *c, const char *replica, const char *request, coppice_callback *told,
                void *who)
{
    struct call *call = call_new(replica, told, who);
    put_atom(&call->term, request);
    call_give(c, call);
}

void coppice_value(struct coppice *c, const char *replica, coppice_callback *told, void *who)
{
    ask(c, replica, "value", told, who);
}

void coppice_state(struct coppice *c, const char *replica, coppice_callback *told, void *who)
{
    ask(c, replica, "state", told, who);
}

/* A call of the node's own server about a replica, whose name is checked as a server's is. */
static struct call *about(const char *replica, const char *tag, uint32_t arity,
                          coppice_callback *told, void *who)
{
    struct call *call = call_new(replica, told, who);
    put_tag(call, tag, arity);
    put_atom_bytes(&call->term, buf_bytes(&call->server));
    buf_clear(&call->server);
    buf_put(&call->server, BYTES("coppice"));
    return call;
}

void coppice_start_replica(struct coppice *c, const char *replica, const char *options,
                           coppice_callback *told, void *who)
{
    struct call *call = about(replica, "start_replica", 3, told, who);
    put_given_text(call, options);
    call_give(c, call);
}

void coppice_stop_replica(struct coppice *c, const char *replica, coppice_callback *told, void *who)
{
    call_give(c, about(replica, "stop_replica", 2, told, who));
}

/* --- other processes ---------------------------------------------------------------------------
 */

static struct call *call_at(const char *at, const char *server, unsigned timeout_ms,
                            coppice_callback *told, void *who)
{
    struct call *call = call_new(server, told, who);
    call->plain = true;
    call->timeout_ms = timeout_ms;
    if (timeout_ms == 0 || timeout_ms > LIMIT_COMMAND_MS)
        answer_set_text(&call->answer, COPPICE_BAD_TERM,
                        "timeout_ms: expected milliseconds from 1 to %d, found %u",
                        LIMIT_COMMAND_MS, timeout_ms);
    else if (at != NULL && !place_read(bytes_of(at), &call->at))
        answer_set_text(&call->answer, COPPICE_BAD_TERM, "the node: expected " PLACE_EXPECTED);
    return call;
}

void coppice_call(struct coppice *c, const char *at, const char *server, const char *request,
                  unsigned timeout_ms, coppice_callback *told, void *who)
{
    struct call *call = call_at(at, server, timeout_ms, told, who);
    put_given_text(call, request);
    call_give(c, call);
}

void coppice_call_term(struct coppice *c, const char *at, const char *server, const void *term,
                       size_t size, unsigned timeout_ms, coppice_callback *told, void *who)
{
    struct call *call = call_at(at, server, timeout_ms, told, who);
    put_given_term(call, term, size);
    call_give(c, call);
}
