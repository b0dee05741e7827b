#include "loop.h"

#include <string.h>
#include <sysexits.h>

#include "../limits.h"
#include "../mem.h"
#include "children.h"
#include "clock.h"
#include "descriptors.h"
#include "handles.h"
#include "listener.h"
#include "machine.h"
#include "pace.h"
#include "random.h"
#include "resolve.h"
#include "sockets.h"
#include "workers.h"

/* Connections that are accepted in one round of the loop. */
#define ACCEPTED_A_ROUND 1

struct loop {
    uv_loop_t uv;
    struct node *node;
    const struct config *config;
    struct loop_options options;
    struct sockets sockets;
    struct workers workers;
    struct children children;
    struct outbox outbox;
    struct randoms randoms;
    struct pace pace;
    uv_tcp_t listener;
    uv_idle_t next_round; /* runs once something was accepted */
    unsigned accepted;    /* in this round */
    bool is_waiting;      /* the listener has one more */
    uv_timer_t wake;
    uv_idle_t wake_now;         /* once all other events of this round are handled */
    size_t shaking_max;         /* TLS handshakes */
    const struct request *next; /* a client node's, to be sent after this step */
    bool ending;
    int code;
};

static void perform(struct loop *l, struct action *a);

/* Logs the line and frees it. */
static void say(struct loop *l, enum log_level level, struct buf *line)
{
    l->options.log(l->options.who, level, buf_bytes(line));
    buf_free(line);
}

static uint64_t now_ms(struct loop *l)
{
    uv_update_time(&l->uv);
    return uv_now(&l->uv);
}

static void on_wake(uv_timer_t *timer);
static void on_wake_now(uv_idle_t *idle);

/* A timer of 0 ms that is set again and again keeps libuv from reading sockets. */
static void wake_at(struct loop *l, uint64_t due, uint64_t now)
{
    uv_timer_stop(&l->wake);
    uv_idle_stop(&l->wake_now);
    if (due <= now)
        uv_idle_start(&l->wake_now, on_wake_now);
    else if (due != UINT64_MAX)
        uv_timer_start(&l->wake, on_wake, due - now, 0);
}

bool loop_has_ended(const struct loop *l)
{
    return l->ending;
}

bool loop_is_done(const struct loop *l)
{
    return l->ending && l->sockets.count == 0 && !workers_busy(&l->workers);
}

static void end_if_done(struct loop *l)
{
    if (loop_is_done(l))
        uv_stop(&l->uv);
}

/* Only what sockets and workers hold is left to be written. */
static void begin_end(struct loop *l)
{
    wake_at(l, UINT64_MAX, 0);
    sockets_close_all(&l->sockets);
    end_if_done(l);
}

static void step(struct loop *l, struct event *e)
{
    uint64_t began_ns = uv_hrtime();
    e->now_ms = now_ms(l);
    e->wall_ms = clock_wall_ms();
    e->random = random_take(&l->randoms);
    e->slowness = l->pace.slowness;
    node_step(l->node, e, &l->outbox);
    for (size_t i = 0; i < l->outbox.count; i++)
        perform(l, &l->outbox.list[i]);
    outbox_clear(&l->outbox);
    pace_note(&l->pace, node_work(l->node), uv_hrtime() - began_ns);
}

/* The only place where the core is entered. */
void loop_step(struct loop *l, struct event *e)
{
    step(l, e);
    if (l->next != NULL) {
        struct event request = {.kind = EVENT_REQUEST, .request = l->next};
        l->next = NULL;
        loop_step(l, &request);
        return;
    }
    uint64_t due = node_due(l->node);
    if (l->ending)
        begin_end(l);
    else
        wake_at(l, due, e->now_ms);
    if (l->options.stepped != NULL)
        l->options.stepped(l->options.who);
}

static void on_wake(uv_timer_t *timer)
{
    loop_step(timer->data, &(struct event){.kind = EVENT_WAKE});
}

static void on_wake_now(uv_idle_t *idle)
{
    loop_step(idle->data, &(struct event){.kind = EVENT_WAKE});
}

/* --- sockets --------------------------------------------------------------- */

static void on_opened(void *who, uint32_t id, const struct certificate *peer)
{
    loop_step(who, &(struct event){.kind = EVENT_OPENED, .conn = id, .certificate = peer});
}

static void on_accepted(void *who, uint32_t id, const struct certificate *peer)
{
    loop_step(who, &(struct event){.kind = EVENT_ACCEPTED, .conn = id, .certificate = peer});
}

static void on_refused(void *who, const char *from, const char *why)
{
    struct buf text = {0};
    buf_printf(&text, "%s is refused: %s", from, why);
    loop_step(who, &(struct event){.kind = EVENT_REFUSED, .bytes = buf_bytes(&text)});
    buf_free(&text);
}

static void on_bytes(void *who, uint32_t id, struct bytes bytes)
{
    loop_step(who, &(struct event){.kind = EVENT_BYTES, .conn = id, .bytes = bytes});
}

static void on_written(void *who, uint32_t id, size_t count)
{
    loop_step(who, &(struct event){.kind = EVENT_WRITTEN, .conn = id, .written = count});
}

static void on_closed(void *who, uint32_t id, enum err err, const char *why)
{
    loop_step(
        who, &(struct event){.kind = EVENT_CLOSED, .conn = id, .err = err, .bytes = bytes_of(why)});
}

static void on_gone(void *who)
{
    end_if_done(who);
}

static void on_next_round(uv_idle_t *next_round);

static void accept_one(struct loop *l)
{
    if (l->accepted++ == 0)
        uv_idle_start(&l->next_round, on_next_round);
    uint32_t id = socket_accept(&l->sockets, (uv_stream_t *)&l->listener);
    if (id != 0)
        on_accepted(l, id, NULL);
}

static void on_next_round(uv_idle_t *next_round)
{
    struct loop *l = next_round->data;
    uv_idle_stop(next_round);
    l->accepted = 0;
    if (l->is_waiting) {
        l->is_waiting = false;
        accept_one(l);
    }
}

/* libuv calls this as long as somebody connects, which may be for ever.  One that is not accepted
 * here makes it wait until that is done, and the peers have their turn. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct loop *l = listener->data;
    if (status != 0)
        return;
    if (l->accepted < ACCEPTED_A_ROUND)
        accept_one(l);
    else
        l->is_waiting = true;
}

/* --- files ------------------------------------------------------------------- */

/* Once the node has ended, failures of its last snapshots are reported here. */
static void on_stored(void *who, struct event *e)
{
    struct loop *l = who;
    if (e->kind == EVENT_SAVED)
        children_reap(&l->children);
    if (!l->ending) {
        loop_step(l, e);
        return;
    }
    if (e->kind == EVENT_SAVED && e->failure != NULL) {
        l->options.log(l->options.who, LOG_ERROR, bytes_of(e->failure->what));
        l->code = EX_IOERR;
    }
    end_if_done(l);
}

static void on_resolved(void *who, uint32_t query, enum err err, struct bytes text)
{
    struct loop *l = who;
    if (!l->ending)
        loop_step(
            l, &(struct event){.kind = EVENT_RESOLVED, .query = query, .err = err, .bytes = text});
}

static void on_epmd(void *who, const char *why)
{
    struct loop *l = who;
    if (!l->ending)
        loop_step(l,
                  &(struct event){.kind = EVENT_EPMD, .bytes = bytes_of(why != NULL ? why : "")});
}

/* --- actions ----------------------------------------------------------------- */

static void dial(struct loop *l, struct action *a)
{
    buf_put_u8(&a->bytes, 0);
    socket_dial(&l->sockets, a->conn, (const char *)a->bytes.at, a->port, a->tls);
}

static void perform(struct loop *l, struct action *a)
{
    switch (a->kind) {
    case ACTION_DIAL:
        dial(l, a);
        break;
    case ACTION_SEND:
        socket_send(&l->sockets, a->conn, &a->bytes);
        break;
    case ACTION_CLOSE:
        socket_close(&l->sockets, a->conn);
        break;
    case ACTION_TRUST:
        socket_trust(&l->sockets, a->conn);
        break;
    case ACTION_REST:
    case ACTION_READ:
        socket_rest(&l->sockets, a->conn, a->kind == ACTION_REST);
        break;
    case ACTION_RESOLVE:
        buf_put_u8(&a->bytes, 0);
        resolve_host(&l->uv, (const char *)a->bytes.at, a->query, on_resolved, l);
        break;
    case ACTION_START_EPMD:
        children_start_epmd(&l->children, l->config->epmd_port);
        break;
    case ACTION_READY:
        l->options.ready(l->options.who, buf_bytes(&a->bytes), a->port);
        break;
    case ACTION_OPEN_STORE:
    case ACTION_LOAD:
    case ACTION_BEGIN:
    case ACTION_APPEND:
    case ACTION_SAVE:
    case ACTION_JOINED:
    case ACTION_CLOSE_STORE:
        workers_perform(&l->workers, a);
        break;
    case ACTION_ANSWER:
        l->code = l->options.answered(l->options.who, a->err, buf_bytes(&a->bytes), &l->next);
        l->ending |= l->next == NULL && !(a->more && l->code == 0);
        break;
    case ACTION_REPLY:
        l->options.replied(l->options.who, a->call, a->err, buf_bytes(&a->bytes));
        break;
    case ACTION_LOG:
        l->options.log(l->options.who, a->level, buf_bytes(&a->bytes));
        break;
    case ACTION_EXIT:
        l->code = a->code;
        l->ending = true;
        break;
    }
}

/* --- start and end ----------------------------------------------------------- */

void loop_stop(struct loop *l, const char *why)
{
    if (l->ending)
        return;
    if (l->options.listen) {
        struct buf line = {0};
        buf_printf(&line, "%s: saving", why);
        say(l, LOG_INFO, &line);
    }
    loop_step(l, &(struct event){.kind = EVENT_STOP});
}

void loop_use_tls(struct loop *l, const struct tls_contexts *contexts, const char *why)
{
    struct buf line = {0};
    sockets_use_tls(&l->sockets, contexts, l->shaking_max);
    if (!l->options.listen)
        return;
    buf_printf(&line, "%s", why);
    bool good = tls_contexts_describe(contexts, buf_bytes(&l->config->node), &line);
    say(l, good ? LOG_INFO : LOG_WARNING, &line);
}

static void check_descriptors(struct loop *l, uint64_t limit)
{
    struct buf line = {0};
    if (!descriptors_suffice(limit, l->config->connects, l->config->stored_count, &line))
        say(l, LOG_WARNING, &line);
}

static void say_start(struct loop *l, struct bytes address, uint16_t port)
{
    struct buf line = {0};
    buf_printf(&line, "listening on %.*s port %u", TEXT(address), port);
    say(l, LOG_INFO, &line);
}

/* How many connections the node may have.  Of those with TLS some are kept for handshakes. */
static size_t share_out(struct loop *l, uint64_t descriptors)
{
    size_t connections = descriptors / 2;
    size_t part = connections / LIMIT_TLS_STRANGERS_PART;
    if (!l->config->tls.on)
        return connections;
    l->shaking_max = part < LIMIT_TLS_STRANGERS ? part : LIMIT_TLS_STRANGERS;
    loop_use_tls(l, &l->options.tls, "TLS with ");
    return connections - l->shaking_max;
}

static void refuse_to_listen(struct loop *l, int e, uint16_t port)
{
    struct buf line = {0};
    listener_put_failure(&line, "listen", buf_bytes(&l->config->address), l->config->port, port, e);
    say(l, LOG_ERROR, &line);
    l->code = EX_OSERR;
    l->ending = true;
}

/* False when it cannot; that is logged. */
static bool begin_to_listen(struct loop *l, uint16_t *port)
{
    struct buf address = {0};
    int e = listener_open(&l->listener, l->config, on_connection, &address, port);
    if (e == 0)
        say_start(l, buf_bytes(&address), *port);
    else
        refuse_to_listen(l, e, *port);
    buf_free(&address);
    return e == 0;
}

struct loop *loop_new(struct node *node, const struct config *config,
                      const struct loop_options *options)
{
    struct loop *l = mem_take(sizeof(*l));
    const struct socket_events events = {on_opened,  on_accepted, on_refused, on_bytes,
                                         on_written, on_closed,   on_gone,    l};
    *l = (struct loop){.node = node, .config = config, .options = *options};
    machine_needs(uv_loop_init(&l->uv), "start the event loop");
    sockets_init(&l->sockets, &l->uv, &events);
    workers_open(&l->workers, &l->uv, l->node, on_stored, l);
    children_open(&l->children, &l->uv, &l->workers, options->reaps, on_epmd, l);
    must(uv_tcp_init(&l->uv, &l->listener) == 0);
    must(uv_timer_init(&l->uv, &l->wake) == 0);
    must(uv_idle_init(&l->uv, &l->wake_now) == 0);
    must(uv_idle_init(&l->uv, &l->next_round) == 0);
    l->listener.data = l->wake.data = l->wake_now.data = l->next_round.data = l;
    return l;
}

bool loop_begin(struct loop *l)
{
    uint16_t port = 0;
    if (l->options.listen) {
        if (!begin_to_listen(l, &port))
            return false;
        check_descriptors(l, l->options.descriptors);
    }
    size_t connections = share_out(l, l->options.descriptors);
    loop_step(l, &(struct event){.kind = EVENT_START, .port = port, .connections = connections});
    return true;
}

bool loop_free(struct loop *l)
{
    handles_close(&l->uv);
    bool closed = uv_loop_close(&l->uv) == 0;
    workers_free(&l->workers);
    sockets_free(&l->sockets);
    outbox_free(&l->outbox);
    if (closed)
        mem_free(l);
    return closed;
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_put_ongoing(struct loop *l, struct buf *out)
{
    ongoing_put(&l->workers.ongoing, out);
}

int loop_code(const struct loop *l)
{
    return l->code;
}
