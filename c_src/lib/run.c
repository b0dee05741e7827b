#include <signal.h>
#include <sysexits.h>
#include <time.h>

#include "../net/machine.h"
#include "internal.h"

/* --- signals ----------------------------------------------------------------------------- */

/* What is raised by write() goes to the thread that has called it, so it can be taken back. */
void signals_block(struct blocked *b)
{
    static const int numbers[] = {SIGPIPE, SIGXFSZ};
    sigset_t pending, mask;
    sigpending(&pending);
    sigemptyset(&mask);
    sigemptyset(&b->ours);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&mask, numbers[i]);
        if (sigismember(&pending, numbers[i]) == 0)
            sigaddset(&b->ours, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &mask, &b->before);
}

void signals_unblock(const struct blocked *b)
{
    const struct timespec none = {0};
    while (sigtimedwait(&b->ours, NULL, &none) > 0)
        continue;
    pthread_sigmask(SIG_SETMASK, &b->before, NULL);
}

/* --- what waits for the next turn ------------------------------------------------------------ */

/* The calls that were given before coppice_stop() are made before the node stops. */
static void on_soon(uv_idle_t *soon)
{
    struct coppice *c = soon->data;
    bool stops = c->stops;
    uv_idle_stop(soon);
    c->stops = false; /* callbacks may set it again */
    watches_begin(c);
    calls_begin(c);
    if (stops)
        loop_stop(c->loop, "coppice_stop()");
}

void do_soon(struct coppice *c)
{
    uv_idle_start(&c->soon, on_soon);
}

static void on_wake(uv_async_t *wake)
{
    struct coppice *c = wake->data;
    if (c->options.on_wake != NULL)
        c->options.on_wake(c->options.who);
}

/* The first job makes libuv start its threads, which inherit what is blocked: the program's signals
 * are for the program's threads. */
static void do_nothing(uv_work_t *first)
{
    (void)first;
}

static void on_first(uv_work_t *first, int cancelled)
{
    (void)cancelled;
    first->data = NULL;
}

static void start_threads(uv_loop_t *uv)
{
    sigset_t all, before;
    uv_work_t first = {.data = uv};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(uv_queue_work(uv, &first, do_nothing, on_first) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    while (first.data != NULL)
        uv_run(uv, UV_RUN_ONCE);
}

void run_open(struct coppice *c)
{
    uv_loop_t *uv = loop_uv(c->loop);
    must(uv_idle_init(uv, &c->soon) == 0);
    must(uv_timer_init(uv, &c->later) == 0);
    machine_needs(uv_async_init(uv, &c->wake, on_wake), "wake the event loop");
    c->soon.data = c->later.data = c->wake.data = c;
    start_threads(uv);
}

/* --- turns -------------------------------------------------------------------------------------
 */

static void turn(struct coppice *c, uv_run_mode mode)
{
    struct blocked blocked;
    if (c->inside)
        die("coppice: a callback has called coppice_run() or coppice_turn() of its own node\n");
    c->inside = true;
    signals_block(&blocked);
    do {
        if (!loop_is_done(c->loop))
            uv_run(loop_uv(c->loop), mode);
    } while (mode == UV_RUN_DEFAULT && !loop_is_done(c->loop));
    if (loop_is_done(c->loop))
        calls_end(c);
    signals_unblock(&blocked);
    c->inside = false;
}

static enum coppice_status outcome(const struct coppice *c)
{
    int code = loop_code(c->loop);
    if (code == 0)
        return COPPICE_OK;
    return code == EX_UNAVAILABLE ? COPPICE_TAKEN : COPPICE_SYSTEM;
}

enum coppice_status coppice_run(struct coppice *c)
{
    turn(c, UV_RUN_DEFAULT);
    return outcome(c);
}

int coppice_turn(struct coppice *c)
{
    turn(c, UV_RUN_NOWAIT);
    return !loop_is_done(c->loop);
}

int coppice_fd(const struct coppice *c)
{
    return uv_backend_fd(loop_uv(c->loop));
}

int coppice_timeout_ms(struct coppice *c)
{
    if (loop_is_done(c->loop))
        return 0;
    uv_update_time(loop_uv(c->loop));
    return uv_backend_timeout(loop_uv(c->loop));
}

void coppice_stop(struct coppice *c)
{
    c->stops = true;
    do_soon(c);
}

void coppice_wake(struct coppice *c)
{
    uv_async_send(&c->wake);
}
