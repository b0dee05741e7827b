#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "items.h"
#include "limits.h"
#include "mem.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "world.h"

/* The timeout of gen_server:call/2. */
#define CALL_MS 5000

void caller_start(struct sim *s, unsigned node)
{
    struct caller *c = &s->callers[node];
    buf_printf(&c->name, "caller%u@c%u", node + 1, node + 1);
}

void caller_free(struct sim *s, unsigned node)
{
    struct caller *c = &s->callers[node];
    channel_free(c->channel);
    subscriber_free(s, node);
    buf_free(&c->name);
    for (size_t i = 0; i < s->call_count; i++)
        if (s->calls[i].node == node)
            buf_free(&s->calls[i].request);
}

/* --- results ----------------------------------------------------------------- */

static void call_over(struct sim *s, struct sim_call *call, enum sim_outcome outcome,
                      const char *text)
{
    call->outcome = outcome;
    buf_free(&call->request);
    if (call->kind != CALL_CAST)
        trace_printf(s, "%s: %s", call->label, text);
    while (s->calls_over < s->call_count && s->calls[s->calls_over].outcome != SIM_OPEN)
        s->calls_over++;
}

static bool is_ok(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, "ok") && etf_finish(&in) == OK;
}

static bool is_error(struct bytes term)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "error");
    return in.err == OK;
}

/* An acknowledgement counts even if its node has died since, provided that it is durable. */
static void check_reply(struct sim *s, const struct sim_call *call, struct bytes term)
{
    unsigned node = call->node;
    bool lives = s->callers[node].life == s->nodes[node].life && s->nodes[node].node != NULL;
    bool made = is_ok(term) && (lives || sim_is_durable(s, node));
    if (call->kind == CALL_STATE)
        check_state(s, node, term);
    if (call->kind == CALL_ADD && made)
        check_acknowledged(s, node, call->by);
    if (call->kind == CALL_ADD && call->refused && lives &&
        call->replica == s->nodes[node].replicas)
        check_refused(s, node, call->by);
    if (call->kind == CALL_CHANGE && made)
        check_items_acknowledged(s, node, call->adds, call->removes);
}

static void call_result(struct sim *s, size_t number, enum sim_outcome outcome, struct bytes term)
{
    struct sim_call *call = &s->calls[number];
    struct buf text = {0};
    buf_printf(&text, "%s", outcome == SIM_DOWN ? "down, " : "");
    trace_term(&text, term);
    buf_put_u8(&text, '\0');
    call->refused = outcome == SIM_REPLIED && is_error(term);
    call_over(s, call, outcome, (const char *)text.at);
    buf_free(&text);
    if (call->kind == CALL_VALUE && outcome == SIM_REPLIED)
        check_value(s, call->node, term);
    if (outcome == SIM_REPLIED)
        check_reply(s, call, term);
}

/* --- requests -------------------------------------------------------------------- */

static void send_kill(struct sim *s, unsigned node, size_t number)
{
    const struct node *n = s->nodes[node].ready ? s->nodes[node].node : NULL;
    const struct process *p = n != NULL ? process_named(node_processes(n), BYTES("counter")) : NULL;
    struct buf pid = {0}, reason = {0};
    peer_put_pid(s, node, &pid);
    put_atom(&reason, "kill");
    s->calls[number].sent = true;
    if (p != NULL)
        peer_send(s, node,
                  &(struct signal){.kind = SIGNAL_EXIT2,
                                   .from = buf_bytes(&pid),
                                   .to = process_pid(p),
                                   .reason = buf_bytes(&reason)});
    buf_free(&pid);
    buf_free(&reason);
    call_over(s, &s->calls[number], SIM_REPLIED, p != NULL ? "sent" : "noproc");
}

/* As gen:do_call does: a monitor, then the message with the same reference. */
static void send_call(struct sim *s, unsigned node, size_t number)
{
    struct sim_call *call = &s->calls[number];
    struct buf pid = {0}, ref = {0}, name = {0}, message = {0};
    peer_put_pid(s, node, &pid);
    peer_put_ref(s, node, number, &ref);
    put_atom(&name, "counter");
    struct signal signal = {.kind = SIGNAL_MONITOR,
                            .from = buf_bytes(&pid),
                            .to = buf_bytes(&name),
                            .ref = buf_bytes(&ref)};
    call->sent = true;
    if (call->kind != CALL_CAST)
        peer_send(s, node, &signal);
    put_tuple(&message, call->kind == CALL_CAST ? 2 : 3);
    put_atom(&message, call->kind == CALL_CAST ? "$gen_cast" : "$gen_call");
    if (call->kind != CALL_CAST) {
        put_tuple(&message, 2);
        put_term(&message, buf_bytes(&pid));
        put_list(&message, 1);
        put_atom(&message, "alias");
        put_term(&message, buf_bytes(&ref));
    }
    put_term(&message, buf_bytes(&call->request));
    signal.kind = SIGNAL_REG_SEND;
    signal.payload = buf_bytes(&message);
    if (call->kind != CALL_MONITOR)
        peer_send(s, node, &signal);
    buf_free(&pid);
    buf_free(&ref);
    buf_free(&name);
    buf_free(&message);
    if (call->kind == CALL_CAST)
        call_over(s, call, SIM_REPLIED, "");
}

void caller_send_pending(struct sim *s, unsigned node)
{
    for (size_t i = s->calls_over; i < s->call_count && s->callers[node].up; i++)
        if (s->calls[i].node == node && s->calls[i].outcome == SIM_OPEN && !s->calls[i].sent)
            (s->calls[i].kind == CALL_KILL ? send_kill : send_call)(s, node, i);
}

/* Adds a call, to be sent by begin(); its label is the rest of the arguments. */
static size_t call_new(struct sim *s, unsigned node, enum call_kind kind, struct buf *request,
                       const char *label, ...)
{
    s->calls = mem_room(s->calls, s->call_count, &s->call_cap, sizeof(*s->calls));
    size_t number = s->call_count++;
    struct sim_call *call = &s->calls[number];
    *call = (struct sim_call){
        .node = node, .replica = s->nodes[node].replicas, .kind = kind, .request = *request};
    call->until_ms = kind == CALL_MONITOR ? UINT64_MAX : s->now_ms + CALL_MS;
    va_list args;
    va_start(args, label);
    vsnprintf(call->label, sizeof(call->label), label, args);
    va_end(args);
    trace_printf(s, "%s", call->label);
    return number;
}

/* A local call on a BEAM: the server's new state is checked before its reply. */
static void call_beam(struct sim *s, unsigned node, size_t number)
{
    struct buf reply = {0};
    s->calls[number].sent = true;
    s->callers[node].life = s->nodes[node].life;
    if (grove_call(s, node, buf_bytes(&s->calls[number].request), &reply)) {
        check_node(s, node);
        call_result(s, number, SIM_REPLIED, buf_bytes(&reply));
    } else {
        caller_lost(s, node, "no such process");
    }
    buf_free(&reply);
}

static void begin(struct sim *s, unsigned node, size_t number)
{
    struct caller *c = &s->callers[node];
    if (sim_is_beam(s, node))
        call_beam(s, node, number);
    else if (c->up)
        caller_send_pending(s, node);
    else if (!c->dialling && s->nodes[node].ready)
        peer_connect(s, node);
    else if (!c->dialling)
        caller_lost(s, node, "not connected");
}

static void parse(struct buf *out, const char *text)
{
    struct text_error error;
    enum err e = text_single(bytes_of(text), out, &error);
    must(e == OK);
}

static size_t call(struct sim *s, unsigned node, enum call_kind kind, const char *request)
{
    struct buf term = {0};
    parse(&term, request);
    size_t number = call_new(s, node, kind, &term, "n%u, %s", node + 1, request);
    begin(s, node, number);
    return number;
}

size_t sim_call(struct sim *s, unsigned node, const char *request)
{
    return call(s, node, CALL_OTHER, request);
}

void sim_kill_replica(struct sim *s, unsigned node)
{
    struct buf none = {0};
    must(sim_is_durable(s, node));
    begin(s, node, call_new(s, node, CALL_KILL, &none, "n%u, kill", node + 1));
}

size_t sim_call_value(struct sim *s, unsigned node)
{
    return call(s, node, CALL_VALUE, "value");
}

size_t sim_call_state(struct sim *s, unsigned node)
{
    return call(s, node, CALL_STATE, "state");
}

void sim_cast(struct sim *s, unsigned node, const char *request)
{
    struct buf term = {0};
    parse(&term, request);
    begin(s, node, call_new(s, node, CALL_CAST, &term, "n%u, cast %s", node + 1, request));
}

void sim_monitor(struct sim *s, unsigned node)
{
    struct buf nothing = {0};
    must(!sim_is_beam(s, node));
    begin(s, node, call_new(s, node, CALL_MONITOR, &nothing, "monitor n%u", node + 1));
}

/* --- increments, entered in the ledger ------------------------------------------ */

static size_t add(struct sim *s, unsigned node, enum call_kind kind, int64_t by,
                  struct buf *request, const char *how)
{
    s->ledgers[node].asked[by < 0] += (uint64_t)(by < 0 ? -by : by);
    size_t number = call_new(s, node, kind, request, "n%u %c= %lld%s", node + 1, by < 0 ? '-' : '+',
                             (long long)(by < 0 ? -by : by), how);
    s->calls[number].by = by;
    begin(s, node, number);
    return number;
}

static void put_operation(struct buf *out, int64_t by)
{
    put_tuple(out, 2);
    put_atom(out, "mutate");
    put_tuple(out, 2);
    put_atom(out, by < 0 ? "decrement" : "increment");
    put_list(out, 1);
    put_int(out, by < 0 ? -by : by);
    put_nil(out);
}

size_t sim_add(struct sim *s, unsigned node, int64_t by)
{
    struct buf request = {0};
    put_operation(&request, by);
    return add(s, node, CALL_ADD, by, &request, "");
}

void sim_cast_add(struct sim *s, unsigned node, int64_t by)
{
    struct buf request = {0};
    put_operation(&request, by);
    add(s, node, CALL_CAST, by, &request, " by a cast");
}

size_t sim_add_batch(struct sim *s, unsigned node, uint64_t by)
{
    struct buf request = {0};
    char text[100];
    snprintf(text, sizeof(text), "{batch, [increment, {increment, [%llu]}]}",
             (unsigned long long)by - 1);
    must(by >= 1);
    parse(&request, text);
    return add(s, node, CALL_ADD, (int64_t)by, &request, " in a batch");
}

size_t sim_add_by_export(struct sim *s, unsigned node)
{
    struct buf request = {0};
    char text[100];
    snprintf(text, sizeof(text), "{mutate, fun 'Elixir.Grove.Counter.%s':increment/1}",
             strcmp(s->options.crdt, "gcounter") == 0 ? "GCounter" : "PNCounter");
    parse(&request, text);
    return add(s, node, CALL_ADD, 1, &request, " by a named fun");
}

size_t sim_add_by_closure(struct sim *s, unsigned node, uint64_t by)
{
    struct buf request = {0};
    put_tuple(&request, 2);
    put_atom(&request, "mutate");
    fun_put(s, node, &request, by);
    return add(s, node, CALL_ADD, (int64_t)by, &request, " by a closure");
}

/* --- changes of items ------------------------------------------------------------ */

static size_t change(struct sim *s, unsigned node, enum call_kind kind, const char *form,
                     const struct change *first, const struct change *second)
{
    char text[300];
    struct buf request = {0};
    snprintf(text, sizeof(text), second != NULL ? "{%s, [%s, %s]}" : "{%s, %s}", form, first->op,
             second != NULL ? second->op : "");
    parse(&request, text);
    size_t number = call_new(s, node, kind, &request, "n%u%s %s", node + 1,
                             kind == CALL_CAST ? ", cast" : ",", text);
    struct sim_call *call = &s->calls[number];
    call->adds = first->adds | (second != NULL ? second->adds : 0);
    call->removes = first->removes | (second != NULL ? second->removes : 0);
    s->added |= call->adds;
    s->removed |= call->removes;
    begin(s, node, number);
    return number;
}

void sim_change(struct sim *s, unsigned node)
{
    struct change first, second;
    items_draw(s, &first);
    items_draw(s, &second);
    switch (sim_random(s, 8)) {
    case 0:
        /* Nobody knows when a cast is done, and sim_checkpoint() needs to for a removal. */
        change(s, node, first.removes == 0 ? CALL_CAST : CALL_CHANGE, "mutate", &first, NULL);
        break;
    case 1:
        change(s, node, CALL_OTHER, "mutate_reply", &first, NULL);
        break;
    case 2:
        change(s, node, CALL_CHANGE, "batch", &first, &second);
        break;
    default:
        change(s, node, CALL_CHANGE, "mutate", &first, NULL);
        break;
    }
}

size_t sim_probe(struct sim *s, unsigned node, unsigned of, bool adds)
{
    struct change c;
    return items_probe(s, of, adds, &c) ? change(s, node, CALL_CHANGE, "mutate", &c, NULL)
                                        : SIZE_MAX;
}

/* --- conditions ------------------------------------------------------------------- */

enum sim_outcome sim_outcome(const struct sim *s, size_t number)
{
    must(number < s->call_count);
    return s->calls[number].outcome;
}

bool sim_refused(const struct sim *s, size_t number)
{
    must(number < s->call_count);
    return s->calls[number].refused;
}

bool sim_idle(const struct sim *s)
{
    for (size_t i = s->calls_over; i < s->call_count; i++)
        if (s->calls[i].outcome == SIM_OPEN && s->calls[i].kind != CALL_MONITOR)
            return false;
    return true;
}

/* --- replies and DOWNs ---------------------------------------------------------- */

static void demonitor(struct sim *s, unsigned node, size_t number)
{
    struct buf pid = {0}, ref = {0}, name = {0};
    peer_put_pid(s, node, &pid);
    peer_put_ref(s, node, number, &ref);
    put_atom(&name, "counter");
    peer_send(s, node,
              &(struct signal){.kind = SIGNAL_DEMONITOR,
                               .from = buf_bytes(&pid),
                               .to = buf_bytes(&name),
                               .ref = buf_bytes(&ref)});
    buf_free(&pid);
    buf_free(&ref);
    buf_free(&name);
}

void caller_result(struct sim *s, unsigned node, uint64_t number, enum sim_outcome outcome,
                   struct bytes term)
{
    if (number >= s->call_count || s->calls[number].node != node || !s->calls[number].sent ||
        s->calls[number].kind == CALL_CAST)
        sim_violated(s, "caller%u got the result of a call that it did not make", node + 1);
    struct sim_call *call = &s->calls[number];
    if (call->outcome == SIM_REPLIED && outcome == SIM_REPLIED)
        sim_violated(s, "caller%u got two replies: %s", node + 1, call->label);
    /* The call has timed out and its alias is gone, or a DOWN has crossed the demonitor. */
    if (call->outcome != SIM_OPEN)
        return;
    call_result(s, number, outcome, term);
    if (outcome == SIM_REPLIED)
        demonitor(s, node, number);
}

void caller_lost(struct sim *s, unsigned node, const char *why)
{
    subscriber_lost(s, node);
    for (size_t i = s->calls_over; i < s->call_count; i++)
        if (s->calls[i].node == node && s->calls[i].outcome == SIM_OPEN)
            call_over(s, &s->calls[i], SIM_DOWN, why);
}

/* --- time ------------------------------------------------------------------------ */

/* When the connection needs attention: a handshake timeout, or a tick. */
static uint64_t link_ms(const struct sim *s, const struct caller *c)
{
    if (c->dialling)
        return c->dialled_ms + LIMIT_HANDSHAKE_MS;
    return c->up ? c->written_ms + s->options.ticktime_ms / 4 : UINT64_MAX;
}

uint64_t caller_due(const struct sim *s, unsigned node)
{
    uint64_t due = link_ms(s, &s->callers[node]);
    for (size_t i = s->calls_over; i < s->call_count; i++)
        if (s->calls[i].node == node && s->calls[i].outcome == SIM_OPEN &&
            s->calls[i].until_ms < due)
            due = s->calls[i].until_ms;
    return due;
}

static void wake_link(struct sim *s, unsigned node)
{
    const struct caller *c = &s->callers[node];
    if (link_ms(s, c) > s->now_ms)
        return;
    if (c->dialling)
        peer_give_up(s, node);
    else
        peer_tick(s, node);
}

void caller_wake(struct sim *s, unsigned node)
{
    wake_link(s, node);
    for (size_t i = s->calls_over; i < s->call_count; i++) {
        struct sim_call *call = &s->calls[i];
        if (call->node != node || call->outcome != SIM_OPEN || call->until_ms > s->now_ms)
            continue;
        if (call->sent && s->callers[node].up)
            demonitor(s, node, i);
        call_over(s, call, SIM_TIMEOUT, "timeout");
    }
}
