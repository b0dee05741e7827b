#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../err.h"
#include "../mem.h"
#include "machine.h"

/* `epmd -daemon` leaves a process behind and ends.  A thread waits for that, since libuv's own way
 * takes SIGCHLD, which belongs to the program that the library is in. */
struct epmd {
    uv_work_t request;
    struct children *children;
    pid_t pid;
    const char *why; /* it could not be started; NULL: it was */
};

/* Whether a thread waits for it. */
static bool is_ours(const struct children *c, pid_t pid)
{
    return (c->epmd != NULL && c->epmd->pid == pid) || workers_await(c->workers, pid);
}

/* The system shows one child that has ended at a time.  If that is one of ours, the others wait
 * until it is reaped, which is when this is called again. */
void children_reap(struct children *c)
{
    while (c->reaps) {
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

void children_open(struct children *c, uv_loop_t *loop, const struct workers *workers, bool reaps,
                   void (*started_epmd)(void *who, const char *why), void *who)
{
    *c = (struct children){
        .loop = loop, .workers = workers, .reaps = reaps, .started_epmd = started_epmd, .who = who};
    if (!reaps)
        return;
    machine_needs(uv_signal_init(loop, &c->ended), "take signals");
    c->ended.data = c;
    uv_signal_start(&c->ended, on_ended, SIGCHLD);
    children_reap(c);
}

/* A program that waits for all of its children may have been told instead. */
static void await_epmd(uv_work_t *request)
{
    struct epmd *epmd = request->data;
    int status = 0;
    pid_t ended;
    if (epmd->pid == 0)
        return;
    do
        ended = waitpid(epmd->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended == epmd->pid && status != 0)
        epmd->why = "it has ended with an error";
}

static void epmd_ended(uv_work_t *request, int cancelled)
{
    struct epmd *epmd = request->data;
    struct children *c = epmd->children;
    (void)cancelled;
    c->epmd = NULL;
    c->started_epmd(c->who, epmd->why);
    mem_free(epmd);
    children_reap(c);
}

/* Of the node's descriptors it gets none but the standard ones, which lead nowhere; and no signal
 * stays blocked or ignored. */
static int spawn_epmd(pid_t *pid, uint16_t port)
{
    char text[8];
    snprintf(text, sizeof(text), "%u", port);
    char *const arguments[] = {"epmd", "-daemon", "-port", text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    int e = posix_spawnp(pid, arguments[0], &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return e;
}

void children_start_epmd(struct children *c, uint16_t port)
{
    must(c->epmd == NULL);
    struct epmd *epmd = c->epmd = mem_take(sizeof(*epmd));
    *epmd = (struct epmd){.children = c};
    epmd->request.data = epmd;
    int e = spawn_epmd(&epmd->pid, port);
    if (e != 0) {
        epmd->pid = 0;
        epmd->why = uv_strerror(uv_translate_sys_error(e));
    }
    must(uv_queue_work(c->loop, &epmd->request, await_epmd, epmd_ended) == 0);
}
