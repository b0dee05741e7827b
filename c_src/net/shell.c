#include "shell.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "../limits.h"
#include "../mem.h"
#include "children.h"
#include "clock.h"
#include "descriptors.h"
#include "handles.h"
#include "http.h"
#include "listener.h"
#include "log.h"
#include "owner.h"
#include "random.h"
#include "resolve.h"
#include "signals.h"
#include "sockets.h"
#include "workers.h"

struct shell {
    uv_loop_t loop;
    struct node *node;
    const struct config *config;
    const struct shell_options *options;
    struct sockets sockets;
    struct workers workers;
    struct children children;
    struct outbox outbox;
    struct randoms randoms;
    struct writer *log, *out;
    uv_tcp_t listener;
    uv_timer_t wake;
    uv_idle_t wake_now; /* once all other events of this round are handled */
    struct signals signals;
    size_t shaking_max; /* TLS handshakes */
    struct owner *owner;
    struct http *http;
    const struct request *next; /* a client node's, to be sent after this step */
    bool ending;
    int code;
};

static void perform(struct shell *sh, struct action *a);

/* Logs the line and frees it. */
static void say(struct shell *sh, enum log_level level, struct buf *line)
{
    log_line(sh->log, level, buf_bytes(line));
    buf_free(line);
}

static uint64_t now_ms(struct shell *sh)
{
    uv_update_time(&sh->loop);
    return uv_now(&sh->loop);
}

static void on_wake(uv_timer_t *timer);
static void on_wake_now(uv_idle_t *idle);

/* A timer of 0 ms that is set again and again keeps libuv from reading sockets. */
static void wake_at(struct shell *sh, uint64_t due, uint64_t now)
{
    uv_timer_stop(&sh->wake);
    uv_idle_stop(&sh->wake_now);
    if (due <= now)
        uv_idle_start(&sh->wake_now, on_wake_now);
    else if (due != UINT64_MAX)
        uv_timer_start(&sh->wake, on_wake, due - now, 0);
}

static void end_if_done(struct shell *sh)
{
    if (sh->ending && sh->sockets.count == 0 && !workers_busy(&sh->workers))
        uv_stop(&sh->loop);
}

/* Only what sockets and workers hold is left to be written. */
static void begin_end(struct shell *sh)
{
    wake_at(sh, UINT64_MAX, 0);
    sockets_close_all(&sh->sockets);
    end_if_done(sh);
}

/* The only place where the core is entered. */
static void step(struct shell *sh, struct event *e)
{
    e->now_ms = now_ms(sh);
    e->wall_ms = clock_wall_ms();
    e->random = random_take(&sh->randoms);
    node_step(sh->node, e, &sh->outbox);
    for (size_t i = 0; i < sh->outbox.count; i++)
        perform(sh, &sh->outbox.list[i]);
    outbox_clear(&sh->outbox);
    if (sh->next != NULL) {
        struct event request = {.kind = EVENT_REQUEST, .request = sh->next};
        sh->next = NULL;
        step(sh, &request);
        return;
    }
    uint64_t due = node_due(sh->node);
    if (sh->ending)
        begin_end(sh);
    else
        wake_at(sh, due, e->now_ms);
}

static void on_wake(uv_timer_t *timer)
{
    step(timer->data, &(struct event){.kind = EVENT_WAKE});
}

static void on_wake_now(uv_idle_t *idle)
{
    step(idle->data, &(struct event){.kind = EVENT_WAKE});
}

/* --- sockets --------------------------------------------------------------- */

static void on_opened(void *who, uint32_t id, const struct certificate *peer)
{
    step(who, &(struct event){.kind = EVENT_OPENED, .conn = id, .certificate = peer});
}

static void on_accepted(void *who, uint32_t id, const struct certificate *peer)
{
    step(who, &(struct event){.kind = EVENT_ACCEPTED, .conn = id, .certificate = peer});
}

static void on_refused(void *who, const char *from, const char *why)
{
    struct buf text = {0};
    buf_printf(&text, "%s is refused: %s", from, why);
    step(who, &(struct event){.kind = EVENT_REFUSED, .bytes = buf_bytes(&text)});
    buf_free(&text);
}

static void on_bytes(void *who, uint32_t id, struct bytes bytes)
{
    step(who, &(struct event){.kind = EVENT_BYTES, .conn = id, .bytes = bytes});
}

static void on_written(void *who, uint32_t id, size_t count)
{
    step(who, &(struct event){.kind = EVENT_WRITTEN, .conn = id, .written = count});
}

static void on_closed(void *who, uint32_t id, enum err err, const char *why)
{
    step(who,
         &(struct event){.kind = EVENT_CLOSED, .conn = id, .err = err, .bytes = bytes_of(why)});
}

static void on_gone(void *who)
{
    end_if_done(who);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct shell *sh = listener->data;
    if (status != 0)
        return;
    uint32_t accepted = socket_accept(&sh->sockets, listener);
    if (accepted != 0)
        on_accepted(sh, accepted, NULL);
}

/* --- files ------------------------------------------------------------------- */

/* Once the node has ended, failures of its last snapshots are reported here. */
static void on_stored(void *who, struct event *e)
{
    struct shell *sh = who;
    if (e->kind == EVENT_SAVED)
        children_reap(&sh->children);
    if (!sh->ending) {
        step(sh, e);
        return;
    }
    if (e->kind == EVENT_SAVED && e->failure != NULL) {
        log_line(sh->log, LOG_ERROR, bytes_of(e->failure->what));
        sh->code = EX_IOERR;
    }
    end_if_done(sh);
}

static void on_resolved(void *who, uint32_t query, enum err err, struct bytes text)
{
    struct shell *sh = who;
    if (!sh->ending)
        step(sh,
             &(struct event){.kind = EVENT_RESOLVED, .query = query, .err = err, .bytes = text});
}

static void on_epmd(void *who, const char *why)
{
    struct shell *sh = who;
    if (!sh->ending)
        step(sh, &(struct event){.kind = EVENT_EPMD, .bytes = bytes_of(why != NULL ? why : "")});
}

/* --- actions ----------------------------------------------------------------- */

static void say_ready(struct shell *sh, const struct action *a)
{
    struct buf line = {0};
    buf_printf(&line, "ready %.*s %u\n", TEXT(a->bytes), a->port);
    writer_put(sh->out, buf_bytes(&line));
    buf_free(&line);
}

static void dial(struct shell *sh, struct action *a)
{
    buf_put_u8(&a->bytes, 0);
    socket_dial(&sh->sockets, a->conn, (const char *)a->bytes.at, a->port, a->tls);
}

static void perform(struct shell *sh, struct action *a)
{
    switch (a->kind) {
    case ACTION_DIAL:
        dial(sh, a);
        break;
    case ACTION_SEND:
        socket_send(&sh->sockets, a->conn, &a->bytes);
        break;
    case ACTION_CLOSE:
        socket_close(&sh->sockets, a->conn);
        break;
    case ACTION_RESOLVE:
        buf_put_u8(&a->bytes, 0);
        resolve_host(&sh->loop, (const char *)a->bytes.at, a->query, on_resolved, sh);
        break;
    case ACTION_START_EPMD:
        children_start_epmd(&sh->children, sh->config->epmd_port);
        break;
    case ACTION_READY:
        say_ready(sh, a);
        break;
    case ACTION_OPEN_STORE:
    case ACTION_LOAD:
    case ACTION_BEGIN:
    case ACTION_APPEND:
    case ACTION_SAVE:
    case ACTION_CLOSE_STORE:
        workers_perform(&sh->workers, a);
        break;
    case ACTION_ANSWER:
        sh->code = sh->options->answered(sh->options->who, a->err, buf_bytes(&a->bytes), &sh->next);
        sh->ending = sh->next == NULL;
        break;
    case ACTION_LOG:
        log_line(sh->log, a->level, buf_bytes(&a->bytes));
        break;
    case ACTION_EXIT:
        sh->code = a->code;
        sh->ending = true;
        break;
    }
}

/* --- start and end ----------------------------------------------------------- */

/* Stops the node in good order; once it is stopping, does nothing. */
static void stop(struct shell *sh, const char *why)
{
    if (sh->ending)
        return;
    if (sh->options->listen) {
        struct buf line = {0};
        buf_printf(&line, "%s: saving", why);
        say(sh, LOG_INFO, &line);
    }
    step(sh, &(struct event){.kind = EVENT_STOP});
}

static void use_tls(struct shell *sh, const struct tls_contexts *contexts, const char *why)
{
    struct buf line = {0}, host = {0};
    sockets_use_tls(&sh->sockets, contexts, sh->shaking_max);
    if (!sh->options->listen)
        return;
    struct bytes name = buf_bytes(&sh->config->node);
    const uint8_t *at = memchr(name.at, '@', name.len);
    buf_put(&host, (struct bytes){at + 1, (size_t)(name.at + name.len - at - 1)});
    buf_put_u8(&host, 0);
    buf_printf(&line, "%s", why);
    bool good = tls_contexts_describe(contexts, (const char *)host.at, &line);
    say(sh, good ? LOG_INFO : LOG_WARNING, &line);
    buf_free(&host);
}

/* New connections use what was read; an error changes nothing. */
static void reload_tls(struct shell *sh)
{
    struct tls_contexts contexts;
    struct tls_error error;
    struct buf line = {0};
    if (tls_contexts_read(&contexts, &sh->config->tls, true, &error) == OK) {
        use_tls(sh, &contexts, "SIGHUP: read again: TLS with ");
        tls_contexts_free(&contexts);
        return;
    }
    buf_printf(&line, "SIGHUP: tls: %s; the certificates from before stay in use", error.what);
    say(sh, LOG_ERROR, &line);
}

static void on_signal(void *who, const char *name, bool reload)
{
    struct shell *sh = who;
    if (reload && sh->config->tls.on && sh->options->listen)
        reload_tls(sh);
    else
        stop(sh, name);
}

static void on_owner_ended(void *who)
{
    stop(who, "standard input has ended");
}

static void shell_open(struct shell *sh)
{
    const struct socket_events events = {on_opened,  on_accepted, on_refused, on_bytes,
                                         on_written, on_closed,   on_gone,    sh};
    sh->log = log_open();
    sh->out = writer_new(STDOUT_FILENO, NULL);
    must(uv_loop_init(&sh->loop) == 0);
    sockets_init(&sh->sockets, &sh->loop, &events);
    workers_open(&sh->workers, &sh->loop, sh->node, on_stored, sh);
    children_open(&sh->children, &sh->loop, &sh->workers, on_epmd, sh);
    must(uv_tcp_init(&sh->loop, &sh->listener) == 0);
    must(uv_timer_init(&sh->loop, &sh->wake) == 0);
    must(uv_idle_init(&sh->loop, &sh->wake_now) == 0);
    sh->listener.data = sh->wake.data = sh->wake_now.data = sh;
    signals_open(&sh->signals, &sh->loop, on_signal, sh);
}

/* False when a look-up is still open, which uses the loop. */
static bool shell_close(struct shell *sh)
{
    if (sh->owner != NULL)
        owner_forget(sh->owner);
    http_close(sh->http);
    handles_close(&sh->loop);
    bool closed = uv_loop_close(&sh->loop) == 0;
    owner_free(sh->owner);
    http_free(sh->http);
    workers_free(&sh->workers);
    sockets_free(&sh->sockets);
    outbox_free(&sh->outbox);
    writer_free(sh->out, LIMIT_FLUSH_MS);
    writer_free(sh->log, LIMIT_FLUSH_MS);
    return closed;
}

/* A connection may briefly be there twice, once from each side. */
static void check_descriptors(struct shell *sh, uint64_t limit)
{
    struct buf line = {0};
    size_t needed =
        DESCRIPTORS_OWN + 2 * sh->config->connects + DESCRIPTORS_STORE * sh->config->stored_count;
    if (needed <= limit)
        return;
    buf_printf(&line,
               "the limit of open files is %llu, but the nodes and the stored replicas that are "
               "configured may need %zu: raise the hard limit (ulimit -n, LimitNOFILE)",
               (unsigned long long)limit, needed);
    say(sh, LOG_WARNING, &line);
}

static void say_start(struct shell *sh, struct bytes address, uint16_t port)
{
    struct buf line = {0};
    log_line(sh->log, LOG_INFO, bytes_of(sh->options->about));
    buf_printf(&line, "listening on %.*s port %u", TEXT(address), port);
    say(sh, LOG_INFO, &line);
}

static void say_end(struct shell *sh)
{
    struct buf line = {0};
    buf_printf(&line, "ended");
    if (sh->code != 0)
        buf_printf(&line, ", exit code %d", sh->code);
    say(sh, LOG_INFO, &line);
}

/* How many connections the node may have.  Of those with TLS some are kept for handshakes. */
static size_t share_out(struct shell *sh, uint64_t descriptors)
{
    size_t connections = descriptors / 2;
    size_t part = connections / LIMIT_TLS_STRANGERS_PART;
    if (!sh->config->tls.on)
        return connections;
    sh->shaking_max = part < LIMIT_TLS_STRANGERS ? part : LIMIT_TLS_STRANGERS;
    use_tls(sh, &sh->options->tls, "TLS with ");
    return connections - sh->shaking_max;
}

static void refuse_to_listen(struct shell *sh, int e, uint16_t port)
{
    const struct config *c = sh->config;
    struct buf line = {0};
    buf_printf(&line, "cannot listen on %.*s ", TEXT(c->address));
    if (e == UV_EADDRINUSE && c->port_last > c->port)
        buf_printf(&line, "ports %u to %u: all are in use", c->port, c->port_last);
    else
        buf_printf(&line, "port %u: %s", port, uv_strerror(e));
    say(sh, LOG_ERROR, &line);
    sh->code = EX_OSERR;
}

/* False when it cannot; that is logged. */
static bool begin_to_listen(struct shell *sh, uint16_t *port)
{
    struct buf address = {0};
    int e = listener_open(&sh->listener, sh->config, on_connection, &address, port);
    if (e == 0)
        say_start(sh, buf_bytes(&address), *port);
    else
        refuse_to_listen(sh, e, *port);
    buf_free(&address);
    return e == 0;
}

/* False when it cannot; that is logged. */
static bool serve_metrics(struct shell *sh)
{
    struct buf line = {0};
    if (!sh->options->listen || !sh->config->metrics.on)
        return true;
    sh->http = http_open(&sh->loop, sh->node, sh->config, &line);
    say(sh, sh->http != NULL ? LOG_INFO : LOG_ERROR, &line);
    if (sh->http == NULL)
        sh->code = EX_OSERR;
    return sh->http != NULL;
}

/* A look-up was still open when its shell ended. */
static bool looking_up;

void shell_exit(int code)
{
    if (looking_up)
        _exit(code);
    exit(code);
}

int shell_run(struct node *node, const struct config *config, const struct shell_options *options)
{
    struct shell *sh = mem_take(sizeof(*sh));
    *sh = (struct shell){.node = node, .config = config, .options = options};
    uint16_t port = 0;
    uint64_t descriptors = descriptors_raise(config->stored_count);
    shell_open(sh);
    if ((!options->listen || begin_to_listen(sh, &port)) && serve_metrics(sh)) {
        if (options->listen)
            check_descriptors(sh, descriptors);
        size_t connections = share_out(sh, descriptors);
        step(sh, &(struct event){.kind = EVENT_START, .port = port, .connections = connections});
        if (options->request != NULL)
            step(sh, &(struct event){.kind = EVENT_REQUEST, .request = options->request});
        if (options->owned)
            sh->owner = owner_watch(&sh->loop, on_owner_ended, sh);
        if (!sh->ending || sh->sockets.count > 0 || workers_busy(&sh->workers))
            uv_run(&sh->loop, UV_RUN_DEFAULT);
    }
    if (options->listen)
        say_end(sh);
    int code = sh->code;
    if (shell_close(sh))
        mem_free(sh);
    else
        looking_up = true;
    return code;
}
