
#include "dist/flags.h"
#include "mem.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* Looks like a hidden BEAM node with one process and a rex. */

#define CREATION  7
#define PID_ID    100
#define REF_WORDS 3

static struct caller *caller_of(struct sim *s, unsigned node)
{
    return &s->callers[node];
}

/* --- the connection ----------------------------------------------------------- */

void peer_connect(struct sim *s, unsigned node)
{
    struct caller *c = caller_of(s, node);
    must(c->channel == NULL && !c->dialling);
    c->dialling = true;
    c->dialled_ms = s->now_ms;
    c->conn = ++c->last_conn;
    c->life = s->nodes[node].life;
    c->self = (struct channel_self){.name = buf_bytes(&c->name),
                                    .cookie = BYTES(COOKIE),
                                    .flags = DFLAGS_OURS | DFLAGS_OF_BEAM,
                                    .creation = CREATION};
    struct end end = {.party = PARTY_CALLER, .machine = CALLER_OF(node), .conn = c->conn};
    network_dial(s, &end, bytes_of(s->machines[node].name), s->nodes[node].port);
}

static void flush(struct sim *s, unsigned node)
{
    struct caller *c = caller_of(s, node);
    struct buf *out = channel_out(c->channel);
    channel_fill(c->channel, SIZE_MAX);
    if (out->len == 0)
        return;
    network_send(s, PARTY_CALLER, CALLER_OF(node), c->conn, buf_bytes(out));
    buf_clear(out);
    c->written_ms = s->now_ms;
}

static void forget(struct caller *c)
{
    channel_free(c->channel);
    c->channel = NULL;
    c->dialling = c->up = false;
}

void peer_give_up(struct sim *s, unsigned node)
{
    network_close(s, PARTY_CALLER, CALLER_OF(node), caller_of(s, node)->conn);
    forget(caller_of(s, node));
    caller_lost(s, node, "handshake timeout");
}

void peer_send(struct sim *s, unsigned node, const struct signal *signal)
{
    channel_send(caller_of(s, node)->channel, signal);
    flush(s, node);
}

void peer_tick(struct sim *s, unsigned node)
{
    channel_tick(caller_of(s, node)->channel);
    flush(s, node);
}

void caller_opened(struct sim *s, unsigned node, uint32_t conn)
{
    struct caller *c = caller_of(s, node);
    must(c->conn == conn && c->dialling);
    struct bytes name = buf_bytes(&s->nodes[node].config.node);
    c->channel = channel_dial(&c->self, name, (uint32_t)world_random(s));
    flush(s, node);
}

void caller_closed(struct sim *s, unsigned node, uint32_t conn)
{
    struct caller *c = caller_of(s, node);
    must(c->conn == conn);
    forget(c);
    caller_lost(s, node, "connection lost");
}

/* --- identifiers ----------------------------------------------------------------- */

void peer_put_pid(const struct sim *s, unsigned node, struct buf *out)
{
    put_pid(out, buf_bytes(&s->callers[node].name), PID_ID, 0, CREATION);
}

void peer_put_ref(const struct sim *s, unsigned node, size_t call, struct buf *out)
{
    const uint32_t words[REF_WORDS] = {(uint32_t)call, 0, 0};
    put_reference(out, buf_bytes(&s->callers[node].name), CREATION, words, REF_WORDS);
}

/* --- received signals ------------------------------------------------------------- */

static uint64_t call_number(struct bytes ref)
{
    struct etf_in in = etf_open(ref);
    struct etf_reference r = etf_reference(&in);
    return etf_finish(&in) == OK && r.creation == CREATION ? r.words[0] : UINT64_MAX;
}

/* {[alias | Ref], Reply} */
static void reply_received(struct sim *s, unsigned node, struct bytes message)
{
    struct etf_in in = etf_open(message);
    struct bytes head, ref;
    etf_tuple_of(&in, 2);
    if (!etf_cons(&in, &head, &ref))
        sim_violated(s, "caller%u got a message that is no reply", node + 1);
    caller_result(s, node, call_number(ref), SIM_REPLIED, etf_any(&in));
}

static bool is_rex(struct bytes name)
{
    struct etf_in in = etf_open(name);
    return etf_accept(&in, "rex");
}

/* A name but rex; its only pid is the caller's. */
static bool is_missing(struct bytes to)
{
    struct etf_in in = etf_open(to);
    return etf_peek(&in) == ETF_ATOM && !is_rex(to);
}

static void answer_noproc(struct sim *s, unsigned node, const struct signal *monitor)
{
    struct buf reason = {0};
    put_atom(&reason, "noproc");
    peer_send(s, node,
              &(struct signal){.kind = SIGNAL_MONITOR_EXIT,
                               .from = monitor->to,
                               .to = monitor->from,
                               .ref = monitor->ref,
                               .reason = buf_bytes(&reason)});
    buf_free(&reason);
}

static void received(struct sim *s, unsigned node, const struct signal *signal)
{
    switch (signal->kind) {
    case SIGNAL_ALIAS_SEND:
        reply_received(s, node, signal->payload);
        break;
    case SIGNAL_SEND:
        subscriber_message(s, node, signal);
        break;
    case SIGNAL_REG_SEND:
        if (is_rex(signal->to))
            fun_call(s, node, signal->payload);
        break;
    case SIGNAL_MONITOR:
        if (is_missing(signal->to))
            answer_noproc(s, node, signal);
        break;
    case SIGNAL_MONITOR_EXIT:
        caller_result(s, node, call_number(signal->ref), SIM_DOWN, signal->reason);
        break;
    default:
        break;
    }
}

static void event(struct sim *s, unsigned node, enum channel_event event,
                  const struct signal *signal)
{
    struct caller *c = caller_of(s, node);
    switch (event) {
    case CHANNEL_UP:
        c->dialling = false;
        c->up = true;
        caller_send_pending(s, node);
        break;
    case CHANNEL_ALIVE:
        /* The node has not noticed yet that our last connection is gone. */
        channel_replace(c->channel, true);
        break;
    case CHANNEL_SIGNAL:
        received(s, node, signal);
        break;
    case CHANNEL_BAD:
        sim_violated(s, "caller%u was refused, or got invalid data: %s", node + 1,
                     err_text(channel_error(c->channel)));
    default:
        break;
    }
}

void caller_bytes(struct sim *s, unsigned node, uint32_t conn, struct bytes bytes)
{
    struct caller *c = caller_of(s, node);
    struct signal signal;
    enum channel_event e;
    must(c->conn == conn);
    channel_feed(c->channel, bytes);
    do {
        e = channel_next(c->channel, &signal);
        event(s, node, e, &signal);
    } while (e != CHANNEL_QUIET);
    flush(s, node);
}
