#include "shell.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "../limits.h"
#include "../mem.h"
#include "children.h"
#include "descriptors.h"
#include "log.h"
#include "owner.h"
#include "sockets.h"
#include "workers.h"

#define BACKLOG 128
#define NS_A_MS 1000000u

/* The signals that stop the node.  SIGHUP comes from a terminal that is closed. */
static const struct {
    int number;
    const char *name;
} stop_signals[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}};

#define STOPS (sizeof(stop_signals) / sizeof(stop_signals[0]))

struct shell {
    uv_loop_t loop;
    struct node *node;
    const struct config *config;
    const struct shell_options *options;
    struct sockets sockets;
    struct workers workers;
    struct children children;
    struct outbox outbox;
    struct writer *log, *out;
    uv_tcp_t listener;
    uv_timer_t wake;
    uv_idle_t wake_now; /* once all other events of this round are handled */
    uv_signal_t stops[STOPS];
    struct owner *owner;
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

static uint64_t wall_ms(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_A_MS;
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
    e->wall_ms = wall_ms();
    must(RAND_bytes((unsigned char *)&e->random, sizeof(e->random)) == 1);
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

static void on_opened(void *who, uint32_t id)
{
    step(who, &(struct event){.kind = EVENT_OPENED, .conn = id});
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
    step(sh, &(struct event){.kind = EVENT_ACCEPTED, .conn = accepted});
}

/* Listens on the configured address; *port is the port it got. */
static int listen_open(struct shell *sh, uint16_t *port)
{
    struct sockaddr_storage address;
    int length = sizeof(address);
    struct buf host = {0};
    buf_printf(&host, "%.*s", TEXT(sh->config->address));
    buf_put_u8(&host, 0);
    int e = uv_ip4_addr((const char *)host.at, sh->config->port, (struct sockaddr_in *)&address);
    if (e != 0)
        e = uv_ip6_addr((const char *)host.at, sh->config->port, (struct sockaddr_in6 *)&address);
    buf_free(&host);
    if (e == 0)
        e = uv_tcp_bind(&sh->listener, (const struct sockaddr *)&address, 0);
    if (e == 0)
        e = uv_listen((uv_stream_t *)&sh->listener, BACKLOG, on_connection);
    if (e == 0)
        e = uv_tcp_getsockname(&sh->listener, (struct sockaddr *)&address, &length);
    /* The port is at the same offset in both kinds of address. */
    *port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return e;
}

/* --- files ------------------------------------------------------------------- */

/* Once the node has ended, failures of its last snapshots are reported here. */
static void on_stored(void *who, struct event *e)
{
    struct shell *sh = who;
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
    socket_dial(&sh->sockets, a->conn, (const char *)a->bytes.at, a->port);
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
    struct buf line = {0};
    if (sh->ending)
        return;
    if (sh->options->listen) {
        buf_printf(&line, "%s: saving", why);
        say(sh, LOG_INFO, &line);
    }
    step(sh, &(struct event){.kind = EVENT_STOP});
}

static void on_signal(uv_signal_t *handle, int number)
{
    size_t i = 0;
    while (stop_signals[i].number != number)
        i++;
    stop(handle->data, stop_signals[i].name);
}

static void on_owner_ended(void *who)
{
    stop(who, "standard input has ended");
}

/* SIGUSR1 and SIGUSR2 would end the process; SIGPIPE and SIGXFSZ as well, where a call that fails
 * is reported anyway.  SIGQUIT still makes a core dump. */
static void take_signals(struct shell *sh)
{
    struct sigaction old;
    const int ignored[] = {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < STOPS; i++) {
        int number = stop_signals[i].number;
        must(uv_signal_init(&sh->loop, &sh->stops[i]) == 0);
        sh->stops[i].data = sh;
        /* nohup has it ignored. */
        if (number != SIGHUP || sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_IGN)
            uv_signal_start(&sh->stops[i], on_signal, number);
    }
}

static void shell_open(struct shell *sh)
{
    const struct socket_events events = {on_opened, on_bytes, on_written, on_closed, on_gone, sh};
    sh->log = log_open();
    sh->out = writer_new(STDOUT_FILENO, NULL);
    must(uv_loop_init(&sh->loop) == 0);
    sockets_init(&sh->sockets, &sh->loop, &events);
    sh->workers =
        (struct workers){.loop = &sh->loop, .node = sh->node, .done = on_stored, .who = sh};
    children_open(&sh->children, &sh->loop, &sh->workers, on_epmd, sh);
    must(uv_tcp_init(&sh->loop, &sh->listener) == 0);
    must(uv_timer_init(&sh->loop, &sh->wake) == 0);
    must(uv_idle_init(&sh->loop, &sh->wake_now) == 0);
    sh->listener.data = sh->wake.data = sh->wake_now.data = sh;
    take_signals(sh);
}

static void close_handle(uv_handle_t *handle, void *ignored)
{
    (void)ignored;
    if (!uv_is_closing(handle))
        uv_close(handle, handle->type == UV_PROCESS ? (uv_close_cb)mem_free : NULL);
}

static void shell_close(struct shell *sh)
{
    if (sh->owner != NULL)
        owner_forget(sh->owner);
    uv_walk(&sh->loop, close_handle, NULL);
    uv_run(&sh->loop, UV_RUN_DEFAULT);
    uv_loop_close(&sh->loop);
    owner_free(sh->owner);
    workers_free(&sh->workers);
    sockets_free(&sh->sockets);
    outbox_free(&sh->outbox);
    writer_free(sh->out, LIMIT_FLUSH_MS);
    writer_free(sh->log, LIMIT_FLUSH_MS);
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

static void say_start(struct shell *sh, uint16_t port)
{
    struct buf line = {0};
    log_line(sh->log, LOG_INFO, bytes_of(sh->options->about));
    buf_printf(&line, "listening on %.*s port %u", TEXT(sh->config->address), port);
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

static void refuse_to_listen(struct shell *sh, int e)
{
    struct buf line = {0};
    buf_printf(&line, "cannot listen on %.*s port %u: %s", TEXT(sh->config->address),
               sh->config->port, uv_strerror(e));
    say(sh, LOG_ERROR, &line);
    sh->code = EX_OSERR;
}

int shell_run(struct node *node, const struct config *config, const struct shell_options *options)
{
    struct shell sh = {.node = node, .config = config, .options = options};
    uint16_t port = 0;
    uint64_t descriptors = descriptors_raise();
    shell_open(&sh);
    int e = options->listen ? listen_open(&sh, &port) : 0;
    if (e != 0) {
        refuse_to_listen(&sh, e);
    } else {
        if (options->listen) {
            say_start(&sh, port);
            check_descriptors(&sh, descriptors);
        }
        step(&sh,
             &(struct event){.kind = EVENT_START, .port = port, .connections = descriptors / 2});
        if (options->request != NULL)
            step(&sh, &(struct event){.kind = EVENT_REQUEST, .request = options->request});
        if (options->owned)
            sh.owner = owner_watch(&sh.loop, on_owner_ended, &sh);
        if (!sh.ending || sh.sockets.count > 0 || workers_busy(&sh.workers))
            uv_run(&sh.loop, UV_RUN_DEFAULT);
    }
    if (options->listen)
        say_end(&sh);
    shell_close(&sh);
    return sh.code;
}
