#include "../mem.h"
#include "../otp/gen.h"
#include "../otp/watch.h"
#include "../term/write.h"
#include "inside.h"

/* A command is one request: connect, say it, wait for the answer. */
struct client {
    enum request_kind kind;
    struct buf node, name, term;
    uint64_t timeout_ms;
    uint64_t call; /* 0 until it is made */
    struct process *caller;
};

static void answer(struct node *n, enum err err, struct bytes term)
{
    struct action *a = outbox_add(n->out, ACTION_ANSWER);
    a->err = err;
    buf_put(&a->bytes, term);
}

static void caller_answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    (void)call;
    (void)t;
    answer(process_self(p), a->err, a->reply);
}

static void caller_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        gen_reply_unknown(p, m.from, m.request, t);
}

static void caller_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static void caller_free(void *self)
{
    (void)self; /* the node owns itself */
}

static const struct process_kind caller_kind = {
    .module = "coppice_command",
    .message = caller_message,
    .answer = caller_answer,
    .state = caller_state,
    .free = caller_free,
};

static void cast(struct node *n, const struct client *c)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_term(&message, buf_bytes(&c->term));
    turn_send_named(&n->turn, process_pid(c->caller), buf_bytes(&c->node), buf_bytes(&c->name),
                    buf_bytes(&message));
    buf_free(&message);
    struct buf ok = {0};
    put_atom(&ok, "ok");
    answer(n, OK, buf_bytes(&ok));
    buf_free(&ok);
}

void client_peer_up(struct node *n, struct peer *p)
{
    struct client *c = n->commands;
    if (c == NULL || !bytes_equal(buf_bytes(&c->node), buf_bytes(&p->name)))
        return;
    if (c->kind == REQUEST_CAST) {
        cast(n, c);
        return;
    }
    struct address whom = {.name = buf_bytes(&c->name), .node = buf_bytes(&c->node)};
    c->call = call_start(c->caller, &whom, buf_bytes(&c->term), c->timeout_ms, &n->turn);
    must(c->call != 0);
}

void client_attempt_failed(struct node *n, struct peer *p, const char *why)
{
    struct client *c = n->commands;
    if (c == NULL || !bytes_equal(buf_bytes(&c->node), buf_bytes(&p->name)))
        return;
    struct buf reason = {0};
    put_binary(&reason, bytes_of(why));
    answer(n, ERR_REFUSED, buf_bytes(&reason));
    buf_free(&reason);
}

void client_request(struct node *n, const struct request *request)
{
    must(n->client && n->commands == NULL);
    struct client *c = mem_take(sizeof(*c));
    c->kind = request->kind;
    c->timeout_ms = request->timeout_ms;
    buf_put(&c->node, request->node);
    buf_put(&c->name, request->name);
    buf_put(&c->term, request->term);
    c->caller = process_start(n->processes, &caller_kind, n, (struct bytes){0});
    n->commands = c;
    peer_dial(n, peer_named(n, request->node));
}

void client_free(struct node *n)
{
    struct client *c = n->commands;
    if (c == NULL)
        return;
    buf_free(&c->node);
    buf_free(&c->name);
    buf_free(&c->term);
    mem_free(c);
}
