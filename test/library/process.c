/* What the library does to the process that it is in: threads, signals, children, descriptors. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static struct coppice *to_wake;

static void *wake_from_thread(void *who)
{
    coppice_wake((struct coppice *)who);
    return NULL;
}

static void wake_from_handler(int number)
{
    (void)number;
    coppice_wake(to_wake);
}

void check_wake(void)
{
    struct heard h;
    pthread_t thread;
    memset(&h, 0, sizeof(h));
    struct coppice *node = to_wake = open_node("{node, 'wake@127.0.0.1'}.", &h);
    pthread_create(&thread, NULL, wake_from_thread, node);
    UNTIL(h.wakes == 1, node, NULL);
    pthread_join(thread, NULL);
    signal(SIGUSR1, wake_from_handler);
    raise(SIGUSR1);
    UNTIL(h.wakes == 2, node, NULL);
    signal(SIGUSR1, SIG_DFL);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* As if a peer had closed its connection while it is written to. */
static void on_wake_pipe(void *who)
{
    ((struct heard *)who)->wakes++;
    raise(SIGPIPE);
}

void check_pipe(void)
{
    struct coppice_options options;
    struct coppice *node;
    struct heard h;
    sigset_t pipe, before, pending;
    memset(&h, 0, sizeof(h));
    memset(&options, 0, sizeof(options));
    options.config = "{node, 'pipe@127.0.0.1'}.";
    options.cookie = "secret";
    options.on_wake = on_wake_pipe;
    options.who = &h;
    if (!CHECK(coppice_open(&node, &options, NULL) == COPPICE_OK))
        return;
    coppice_wake(node);
    UNTIL(h.wakes == 1, node, NULL);
    /* One that is the program's own stays its own. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGPIPE));
    raise(SIGPIPE);
    coppice_wake(node);
    UNTIL(h.wakes == 2, node, NULL);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE));
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* A node for each thread. */
static void *run_own(void *config)
{
    struct told *t = (struct told *)calloc(1, sizeof(*t));
    struct coppice *node = open_node((const char *)config, NULL);
    int i;
    for (i = 0; i < 200; i++)
        coppice_mutate(node, "hits", "increment", NULL, NULL);
    coppice_value(node, "hits", tell, t);
    UNTIL(t->count == 1, node, NULL);
    coppice_close(node);
    return t;
}

void check_threads(void)
{
    static const char *const configs[] = {
        "{node, 'thread1@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.",
        "{node, 'thread2@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}."};
    pthread_t threads[2];
    int i;
    for (i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_own, (void *)configs[i]);
    for (i = 0; i < 2; i++) {
        void *result;
        pthread_join(threads[i], &result);
        CHECK(told((struct told *)result, COPPICE_OK, "200"));
        free(result);
    }
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Takes signals for as long as the process lives, to show that the library's threads take none and
 * that the child which writes a snapshot runs no handler. */
static pthread_t main_thread;
static pid_t main_process;
static volatile sig_atomic_t alarms, astray;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
    if (!pthread_equal(pthread_self(), main_thread) || getpid() != main_process)
        astray++;
}

static int has_snapshot(const char *folder)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/hits.dets", folder);
    return access(path, F_OK) == 0;
}

void check_storage(const char *folder)
{
    struct told t, again;
    struct sigaction actions[65], now;
    sigset_t before, after;
    char config[800];
    unsigned count = descriptors();
    int i;
    memset(&t, 0, sizeof(t));
    memset(&again, 0, sizeof(again));
    main_thread = pthread_self();
    main_process = getpid();
    setpgid(0, 0);
    signal(SIGALRM, on_alarm);
    for (i = 1; i < 65; i++)
        sigaction(i, NULL, &actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    snprintf(
        config, sizeof(config),
        "{node, 'stored@127.0.0.1'}. {replica, hits, #{crdt => gcounter, snapshot_interval => 100,"
        " storage => #{file => \"%s/hits.dets\"}}}.",
        folder);
    struct coppice *node = open_node(config, NULL);
    coppice_mutate(node, "hits", "{increment, [7]}", tell, &t);
    while (t.count == 0 || !has_snapshot(folder)) {
        kill(0, SIGALRM);
        turn(node, NULL);
    }
    CHECK(told(&t, COPPICE_OK, "ok"));
    CHECK(coppice_close(node) == COPPICE_OK);
    node = open_node(config, NULL);
    coppice_value(node, "hits", tell, &again);
    UNTIL(again.count == 1, node, NULL);
    CHECK(told(&again, COPPICE_OK, "7"));
    CHECK(coppice_close(node) == COPPICE_OK);
    CHECK(alarms > 0 && astray == 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (i = 1; i < 65; i++) {
        if (sigaction(i, NULL, &now) == 0)
            CHECK(actions[i].sa_handler == now.sa_handler);
        CHECK(sigismember(&before, i) == sigismember(&after, i));
    }
    CHECK(descriptors() == count);
}
