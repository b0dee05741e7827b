#include "command.h"

#include "../err.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"

struct command {
    struct cluster *cluster;
    struct outbox *out;
    struct process *caller;
    /* The current request: */
    bool open; /* it is not answered */
    enum request_kind kind;
    struct buf node, name, term;
    uint64_t timeout_ms;
};

static void answer(struct command *c, enum err err, struct bytes term)
{
    struct action *a = outbox_add(c->out, ACTION_ANSWER);
    must(c->open);
    c->open = false;
    a->err = err;
    buf_put(&a->bytes, term);
}

static bool is_ok(const struct answer *a)
{
    struct etf_in in = etf_open(a->reply);
    return a->err == OK && etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2 &&
           etf_accept(&in, "ok");
}

static void take_answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    struct command *c = process_self(p);
    struct buf term = {0};
    (void)call;
    (void)t;
    bool subscribed = c->kind == REQUEST_SUBSCRIBE && is_ok(a);
    if (subscribed || !c->open)
        return;
    asker_put_answer(&term, a);
    answer(c, a->err, buf_bytes(&term));
    buf_free(&term);
}

/* {coppice_changed, Name, Ref, Change} */
static void take_message(struct process *p, struct bytes message, struct turn *t)
{
    const struct command *c = process_self(p);
    struct etf_in in = etf_open(message);
    bool change = c->open && c->kind == REQUEST_SUBSCRIBE && etf_peek(&in) == ETF_TUPLE &&
                  etf_tuple(&in) == 4 && etf_accept(&in, "coppice_changed");
    if (!change) {
        asker_message(p, message, t);
        return;
    }
    etf_any(&in);
    etf_any(&in);
    struct action *a = outbox_add(c->out, ACTION_ANSWER);
    a->more = true;
    buf_put(&a->bytes, etf_any(&in));
}

/* The replica is down. */
static void take_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    struct command *c = process_self(p);
    (void)watch;
    (void)t;
    if (c->open)
        answer(c, ERR_CLOSED, reason);
}

static const struct process_kind kind = {
    .module = "coppice_command",
    .message = take_message,
    .answer = take_answer,
    .down = take_down,
    .state = asker_state,
    .free = asker_free,
};

struct command *command_new(struct processes *table, struct cluster *cluster, struct outbox *out)
{
    struct command *c = mem_take(sizeof(*c));
    c->cluster = cluster;
    c->out = out;
    c->caller = process_start(table, &kind, c, (struct bytes){0});
    return c;
}

void command_free(struct command *c)
{
    if (c == NULL)
        return;
    buf_free(&c->node);
    buf_free(&c->name);
    buf_free(&c->term);
    mem_free(c);
}

static void cast(struct command *c, struct turn *t)
{
    struct buf message = {0}, ok = {0};
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_term(&message, buf_bytes(&c->term));
    turn_send_named(t, process_pid(c->caller), buf_bytes(&c->node), buf_bytes(&c->name),
                    buf_bytes(&message));
    put_atom(&ok, "ok");
    answer(c, OK, buf_bytes(&ok));
    buf_free(&message);
    buf_free(&ok);
}

static void call(const struct command *c, struct turn *t)
{
    struct address whom = {.name = buf_bytes(&c->name), .node = buf_bytes(&c->node)};
    uint64_t number = call_start(c->caller, &whom, buf_bytes(&c->term), c->timeout_ms, t);
    must(number != 0);
}

/* The replica is watched from before it is asked: it may be another one, started again, after. */
static void subscribe(struct command *c, struct turn *t)
{
    struct address whom = {.name = buf_bytes(&c->name), .node = buf_bytes(&c->node)};
    struct buf term = {0};
    put_tuple(&term, 3);
    put_atom(&term, "subscribe");
    put_term(&term, process_pid(c->caller));
    put_term(&term, buf_bytes(&c->term));
    watch_start(c->caller, &whom, t);
    uint64_t number = call_start(c->caller, &whom, buf_bytes(&term), c->timeout_ms, t);
    must(number != 0);
    buf_free(&term);
}

static void send(struct command *c, struct turn *t)
{
    if (c->kind == REQUEST_CAST)
        cast(c, t);
    else if (c->kind == REQUEST_SUBSCRIBE)
        subscribe(c, t);
    else
        call(c, t);
}

static void set(struct buf *b, struct bytes text)
{
    buf_clear(b);
    buf_put(b, text);
}

void command_request(struct command *c, const struct request *request, struct turn *t)
{
    struct cluster_peer peer;
    must(!c->open);
    c->open = true;
    c->kind = request->kind;
    c->timeout_ms = request->timeout_ms;
    set(&c->node, request->node);
    set(&c->name, request->name);
    set(&c->term, request->term);
    if (cluster_find(c->cluster, request->node, &peer)) {
        send(c, t);
        return;
    }
    cluster_locate(c->cluster, request->node, request->port);
    cluster_connect_once(c->cluster, request->node, t);
}

static bool waits_for(const struct command *c, struct bytes node)
{
    return c != NULL && c->open && bytes_equal(buf_bytes(&c->node), node);
}

void command_up(struct command *c, struct bytes node, struct turn *t)
{
    if (waits_for(c, node))
        send(c, t);
}

void command_unreachable(struct command *c, struct bytes node, enum unreachable why,
                         const char *text)
{
    static const enum err errors[] = {
        [UNREACHABLE] = ERR_REFUSED,
        [UNREACHABLE_UNKNOWN] = ERR_REFUSED,
        [UNREACHABLE_TAKEN] = ERR_TAKEN,
        [UNREACHABLE_CLOSED] = ERR_STATUS,
    };
    struct buf reason = {0};
    if (!waits_for(c, node))
        return;
    put_binary(&reason, bytes_of(text));
    answer(c, errors[why], buf_bytes(&reason));
    buf_free(&reason);
}
