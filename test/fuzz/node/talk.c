/* How the peers that may make mistakes say it: in messages and other signals, in frames of their
 * own making, in bytes that are none. */
#include "dist/control.h"
#include "otp/process.h"
#include "sayings.h"
#include "term/etf.h"
#include "term/write.h"

/* --- saying it ------------------------------------------------------------------------ */

/* What the channel has to send; large messages are in fragments already. */
static void send(struct world *w, struct peer *p)
{
    struct buf out = {0};
    size_t piece = draw(&w->in, 4) == 3 ? 1 + draw_byte(&w->in) : 0;
    channel_fill(p->channel, SIZE_MAX);
    buf_put(&out, buf_bytes(channel_out(p->channel)));
    buf_clear(channel_out(p->channel));
    world_feed(w, p, buf_bytes(&out), piece);
    buf_free(&out);
}

static void say(struct world *w, struct peer *p, const struct signal *signal)
{
    if (!control_can_write(signal->kind, channel_flags(p->channel)))
        return;
    channel_send(p->channel, signal);
    send(w, p);
}

static void say_message(struct world *w, struct peer *p, saying *put)
{
    struct buf to = {0}, message = {0};
    bool by_name = draw(&w->in, 2) == 0;
    const struct process *process = arg_target(w, &to, by_name);
    struct etf_in in = etf_open(buf_bytes(&to));
    enum signal_kind kind = etf_peek(&in) == ETF_PID ? SIGNAL_SEND : SIGNAL_REG_SEND;
    put(w, &message, p, process);
    say(w, p,
        &(struct signal){.kind = kind,
                         .from = buf_bytes(&p->pid),
                         .to = buf_bytes(&to),
                         .payload = buf_bytes(&message)});
    buf_free(&to);
    buf_free(&message);
}

static void say_to_scope(struct world *w, struct peer *p, saying *put)
{
    struct buf to = {0}, message = {0};
    put_atom(&to, "grove");
    put(w, &message, p, NULL);
    say(w, p,
        &(struct signal){.kind = SIGNAL_REG_SEND,
                         .from = buf_bytes(&p->pid),
                         .to = buf_bytes(&to),
                         .payload = buf_bytes(&message)});
    buf_free(&to);
    buf_free(&message);
}

void talk_join(struct world *w, struct peer *p)
{
    if (world_is_up(p) && node_is_ready(w->node))
        say_to_scope(w, p, say_all_groups);
}

static void answer(struct world *w, struct peer *p)
{
    struct buf message = {0};
    size_t have = p->asked < QUESTIONS ? p->asked : QUESTIONS;
    if (have == 0)
        return;
    const struct question *q =
        &p->questions[(p->asked - 1 - draw(&w->in, QUESTIONS) % have) % QUESTIONS];
    put_tuple(&message, 2);
    put_term(&message, term_bytes(&q->tag));
    say_answer(w, &message, q);
    say(w, p,
        &(struct signal){.kind = SIGNAL_SEND,
                         .from = buf_bytes(&p->pid),
                         .to = term_bytes(&q->pid),
                         .payload = buf_bytes(&message)});
    buf_free(&message);
}

/* A signal that is no message, with arguments of the right kinds. */
static void say_signal(struct world *w, struct peer *p)
{
    static const enum signal_kind kinds[] = {
        SIGNAL_LINK,         SIGNAL_UNLINK,       SIGNAL_UNLINK_ID, SIGNAL_UNLINK_ID_ACK,
        SIGNAL_EXIT,         SIGNAL_GROUP_LEADER, SIGNAL_MONITOR,   SIGNAL_DEMONITOR,
        SIGNAL_MONITOR_EXIT, SIGNAL_SPAWN_REPLY,  SIGNAL_EXIT2,     SIGNAL_ALIAS_SEND};
    struct buf from = {0}, to = {0}, ref = {0}, any = {0};
    enum signal_kind kind = kinds[draw(&w->in, 12)];
    bool name = kind == SIGNAL_MONITOR || kind == SIGNAL_DEMONITOR;
    arg_pid(w, &from, p);
    arg_ref(w, &ref, p);
    if (kind == SIGNAL_ALIAS_SEND)
        arg_ref(w, &to, p);
    else if (name)
        arg_target(w, &to, draw(&w->in, 2) == 0);
    else
        put_term(&to, process_pid(world_process(w)));
    if (draw(&w->in, 2) == 0)
        put_word(&w->terms, &any);
    else
        arg_any(w, &any);
    struct signal s = {.kind = kind,
                       .from = buf_bytes(&from),
                       .to = buf_bytes(&to),
                       .ref = buf_bytes(&ref),
                       .reason = buf_bytes(&any),
                       .id = 1 + draw(&w->in, 3)};
    if (kind == SIGNAL_ALIAS_SEND)
        s.payload = s.reason;
    say(w, p, &s);
    buf_free(&from);
    buf_free(&to);
    buf_free(&ref);
    buf_free(&any);
}

/* --- frames of its own ----------------------------------------------------------------- */

static void send_frame(struct world *w, struct peer *p, struct bytes content)
{
    struct buf frame = {0};
    buf_put_u32(&frame, (uint32_t)content.len);
    buf_put(&frame, content);
    world_feed(w, p, buf_bytes(&frame), draw(&w->in, 4) == 3 ? 1 + draw_byte(&w->in) : 0);
    buf_free(&frame);
}

/* {29, ReqId, From, GroupLeader, {Module, Function, Arity}, Options} and the arguments. */
static void say_spawn(struct world *w, struct peer *p)
{
    struct buf frame = {0};
    buf_put(&frame, BYTES("p\203"));
    put_tuple(&frame, 6);
    put_uint(&frame, 29);
    arg_ref(w, &frame, p);
    put_term(&frame, buf_bytes(&p->pid));
    put_term(&frame, buf_bytes(&p->pid));
    bool erpc = draw(&w->in, 2) == 0;
    put_tuple(&frame, 3);
    put_atom(&frame, erpc ? "erpc" : "erlang");
    put_atom(&frame, erpc ? "execute_call" : "nodes");
    put_uint(&frame, erpc ? 4 : draw(&w->in, 2));
    put_list(&frame, 1);
    put_atom(&frame, draw(&w->in, 2) == 0 ? "monitor" : "link");
    put_nil(&frame);
    buf_put_u8(&frame, 131);
    if (erpc) {
        put_list(&frame, 4);
        arg_ref(w, &frame, p);
        put_atom(&frame, "erlang");
        put_word(&w->terms, &frame);
    }
    arg_any(w, &frame);
    if (erpc)
        put_nil(&frame);
    send_frame(w, p, buf_bytes(&frame));
    buf_free(&frame);
}

/* A control message with any number and any terms, in one of the two forms. */
static void say_control(struct world *w, struct peer *p)
{
    struct buf frame = {0};
    bool header = draw(&w->in, 2) == 0, payload = draw(&w->in, 2) == 0;
    unsigned arity = 1 + draw(&w->in, 7);
    buf_put(&frame, header ? BYTES("\203D\0") : BYTES("p\203"));
    put_tuple(&frame, arity);
    put_uint(&frame, draw(&w->in, 40));
    while (--arity > 0)
        switch (draw(&w->in, 4)) {
        case 0:
            arg_pid(w, &frame, p);
            break;
        case 1:
            arg_target(w, &frame, false);
            break;
        case 2:
            arg_ref(w, &frame, p);
            break;
        default:
            arg_any(w, &frame);
            break;
        }
    if (payload && !header)
        buf_put_u8(&frame, 131);
    if (payload)
        arg_any(w, &frame);
    send_frame(w, p, buf_bytes(&frame));
    buf_free(&frame);
}

/* A fragment by itself: of a message that began elsewhere, or never. */
static void say_fragment(struct world *w, struct peer *p)
{
    struct buf frame = {0};
    bool first = draw(&w->in, 2) == 0;
    buf_put(&frame, first ? BYTES("\203E") : BYTES("\203F"));
    buf_put_u64(&frame, draw(&w->in, 4));
    buf_put_u64(&frame, draw(&w->in, 4));
    if (first) {
        buf_put_u8(&frame, 0);
        put_tuple(&frame, 3);
        put_uint(&frame, 22);
        put_term(&frame, buf_bytes(&p->pid));
        arg_target(w, &frame, false);
    }
    buf_put(&frame, draw_bytes(&w->in, 40));
    send_frame(w, p, buf_bytes(&frame));
    buf_free(&frame);
}

static void say_bytes(struct world *w, struct peer *p)
{
    struct bytes bytes = draw_bytes(&w->in, 60);
    if (draw(&w->in, 2) == 0)
        send_frame(w, p, bytes);
    else
        world_feed(w, p, bytes, 0);
}

/* Something that may be wrong beyond the terms in it. */
static void say_badly(struct world *w, struct peer *p)
{
    p->may_break = true;
    switch (draw(&w->in, 4)) {
    case 0:
        say_bytes(w, p);
        break;
    case 1:
        say_fragment(w, p);
        break;
    default:
        say_control(w, p);
        break;
    }
}

void talk(struct world *w, struct peer *p)
{
    static saying *const messages[] = {say_call,     say_call,    say_call,    say_call,  say_cast,
                                       say_ack,      say_system,  say_delta,   say_delta, say_pg,
                                       say_anything, say_forward, say_ei_call, say_call};
    unsigned which = draw(&w->in, 24);
    if (!world_is_up(p) || world_process(w) == NULL)
        return;
    if (which < 14)
        say_message(w, p, messages[which]);
    else if (which < 17)
        answer(w, p);
    else if (which < 19)
        say_to_scope(w, p, say_pg);
    else if (which < 21)
        say_signal(w, p);
    else if (which == 21)
        say_spawn(w, p);
    else
        say_badly(w, p);
}

/* --- hearing --------------------------------------------------------------------------- */

static void take_question(struct peer *p, struct bytes payload)
{
    struct etf_in in = etf_open(payload);
    struct question *q = &p->questions[p->asked % QUESTIONS];
    if (etf_tuple(&in) != 3 || !etf_accept(&in, "$gen_call"))
        return;
    etf_tuple_of(&in, 2);
    struct bytes pid = etf_any(&in), tag = etf_any(&in), request = etf_any(&in);
    must(etf_finish(&in) == OK);
    term_free(&q->pid);
    term_free(&q->tag);
    term_free(&q->request);
    q->pid = term_copy(pid);
    q->tag = term_copy(tag);
    q->request = term_copy(request);
    p->asked++;
}

void talk_heard(struct world *w, struct peer *p, const struct signal *signal)
{
    const struct bytes parts[] = {signal->from, signal->ref, signal->payload};
    for (unsigned i = 0; i < 3; i++)
        if (parts[i].len > 0 && parts[i].len < 4096)
            terms_know(&w->terms, parts[i]);
    if (signal->payload.len > 0)
        take_question(p, signal->payload);
}
