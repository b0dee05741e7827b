#include "owner.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../err.h"
#include "../mem.h"
#include "machine.h"

struct owner {
    uv_async_t async;
    uv_thread_t thread;
    void (*ended)(void *who);
    void *who;
    uv_mutex_t lock;
    /* Under the lock: */
    bool at_end;    /* the thread does nothing more with this */
    bool forgotten; /* the handle is being closed */
};

bool owner_possible(void)
{
    struct stat status;
    return isatty(STDIN_FILENO) || (fstat(STDIN_FILENO, &status) == 0 &&
                                    (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)));
}

/* Returns at the end of standard input, or when it cannot be read any more. */
static void read_to_end(void)
{
    /* Reading at once would stop a program in a terminal's background (SIGTTIN). */
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char ignored[256];
    ssize_t n;
    do {
        poll(&input, 1, -1);
        n = read(STDIN_FILENO, ignored, sizeof(ignored));
    } while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
}

static void run(void *who)
{
    struct owner *o = who;
    read_to_end();
    uv_mutex_lock(&o->lock);
    if (!o->forgotten)
        uv_async_send(&o->async);
    o->at_end = true;
    uv_mutex_unlock(&o->lock);
}

static void on_end(uv_async_t *async)
{
    struct owner *o = async->data;
    o->ended(o->who);
}

struct owner *owner_watch(uv_loop_t *loop, void (*ended)(void *who), void *who)
{
    struct owner *o = mem_take(sizeof(*o));
    o->ended = ended;
    o->who = who;
    o->async.data = o;
    must(uv_mutex_init(&o->lock) == 0);
    machine_needs(uv_async_init(loop, &o->async, on_end), "wake the event loop");
    machine_needs(uv_thread_create(&o->thread, run, o), "start a thread that reads standard input");
    return o;
}

void owner_forget(struct owner *o)
{
    uv_mutex_lock(&o->lock);
    o->forgotten = true;
    uv_mutex_unlock(&o->lock);
    uv_close((uv_handle_t *)&o->async, NULL);
}

void owner_free(struct owner *o)
{
    if (o == NULL)
        return;
    uv_mutex_lock(&o->lock);
    bool at_end = o->at_end;
    uv_mutex_unlock(&o->lock);
    if (!at_end)
        return;
    uv_thread_join(&o->thread);
    uv_mutex_destroy(&o->lock);
    mem_free(o);
}
