#include "children.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "../err.h"
#include "../mem.h"

struct search {
    pid_t pid;
    bool found;
};

static void compare(uv_handle_t *handle, void *search)
{
    struct search *s = search;
    if (handle->type == UV_PROCESS && !uv_is_closing(handle) &&
        uv_process_get_pid((uv_process_t *)handle) == s->pid)
        s->found = true;
}

/* Whether libuv or a worker waits for it. */
static bool is_ours(const struct children *c, pid_t pid)
{
    struct search s = {.pid = pid};
    uv_walk(c->loop, compare, &s);
    return s.found || workers_await(c->workers, pid);
}

/* The system shows one child that has ended at a time.  If that is one of ours, the others wait
 * until it is reaped, which is when this is called again. */
void children_reap(struct children *c)
{
    for (;;) {
        siginfo_t child = {0};
        if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0 || child.si_pid == 0)
            return;
        if (is_ours(c, child.si_pid) || waitpid(child.si_pid, NULL, WNOHANG) <= 0)
            return;
    }
}

static void on_ended(uv_signal_t *handle, int number)
{
    (void)number;
    children_reap(handle->data);
}

void children_open(struct children *c, uv_loop_t *loop, const struct workers *workers,
                   void (*started_epmd)(void *who, const char *why), void *who)
{
    *c = (struct children){
        .loop = loop, .workers = workers, .started_epmd = started_epmd, .who = who};
    must(uv_signal_init(loop, &c->ended) == 0);
    c->ended.data = c;
    uv_signal_start(&c->ended, on_ended, SIGCHLD);
    children_reap(c);
}

/* `epmd -daemon` leaves a process behind and ends. */
struct epmd {
    uv_process_t process; /* first: it is what libuv frees */
    const char *why;      /* it could not be started; NULL: it was */
};

static void epmd_closed(uv_handle_t *handle)
{
    struct children *c = handle->data;
    c->started_epmd(c->who, ((struct epmd *)handle)->why);
    mem_free(handle);
}

static void epmd_ended(uv_process_t *process, int64_t status, int signal)
{
    if (status != 0 || signal != 0)
        ((struct epmd *)process)->why = "it has ended with an error";
    uv_close((uv_handle_t *)process, epmd_closed);
    children_reap(process->data);
}

void children_start_epmd(struct children *c, uint16_t port)
{
    char text[8];
    snprintf(text, sizeof(text), "%u", port);
    char *arguments[] = {"epmd", "-daemon", "-port", text, NULL};
    uv_process_options_t options = {
        .file = "epmd", .args = arguments, .exit_cb = epmd_ended, .stdio_count = 0};
    struct epmd *epmd = mem_take(sizeof(*epmd));
    int e = uv_spawn(c->loop, &epmd->process, &options);
    epmd->process.data = c;
    if (e == 0)
        return;
    epmd->why = uv_strerror(e);
    uv_close((uv_handle_t *)&epmd->process, epmd_closed);
}
