/* Calls the replicas of one node over many connections, with many calls in flight on each, and
 * checks every reply.  It speaks the distribution protocol, so the node may be a coppice, a BEAM or
 * one built on `ei`; or it calls a bare echo.
 *
 *     build/bench/load WORK NODE PORT PID [KEY=VALUE ...]     (the cookie: $COPPICE_COOKIE)
 *     build/bench/load echo -    PORT PID [KEY=VALUE ...]
 *
 *     WORK         value, mutate, export, deltas, export_deltas or state (work.h)
 *     server       the replica's name (views)
 *     replicas     how many of them, SERVER_1 and so on; 0, the default, is SERVER alone
 *     connections  how many call (1), as nodes load_PID_1@127.0.0.1 and so on
 *     idle         how many more are open, and do nothing (0)
 *     members      how many more are in the replica's group, whose name is that of the replica, in
 *                  the pg scope `grove` (0)
 *     depth        calls in flight on each connection (256)
 *     ms           how long calls are made (500); 0: depth on each connection
 *     monitors     1: each call with a monitor, as GenServer.call/2 does it (0)
 *     bytes        of each message to an echo (120)
 *
 * Prints one line: the calls, the seconds that they took, the seconds of processor time of the
 * process PID meanwhile, the median, the 99th percentile and the longest of the times of the calls,
 * in microseconds, and the bytes of a state.  Ends with a message and another status than 0 if an
 * answer was wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "err.h"
#include "mem.h"
#include "peer.h"

#define EVENTS 256

/* --- times of calls, with an error of 1/64 --------------------------------------------- */

#define STEPS 64 /* between powers of two */

static uint64_t histogram[64 * STEPS], calls, longest_ns;

static void count(uint64_t took_ns)
{
    unsigned power = 63 - (unsigned)__builtin_clzll(took_ns | STEPS);
    histogram[power * STEPS + (took_ns >> (power - 6)) % STEPS]++;
    calls++;
    longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
}

static double percentile_us(unsigned percent)
{
    uint64_t wanted = calls * percent / 100, seen = 0;
    for (unsigned i = 0; i < 64 * STEPS; i++) {
        seen += histogram[i];
        if (seen > wanted)
            return (double)((STEPS + i % STEPS) * (UINT64_C(1) << (i / STEPS - 6))) / 1e3;
    }
    return 0;
}

/* --- connections -------------------------------------------------------------------- */

struct load {
    struct peer_options options;
    unsigned connections, idle, members, ms;
    const char *server;
    struct peer **peers; /* first those that call, then the members */
    int epoll;
};

static void watch(struct load *l, struct peer *p, int how)
{
    struct epoll_event event = {.events = EPOLLIN | (peer_is_blocked(p) ? EPOLLOUT : 0),
                                .data.ptr = p};
    must(epoll_ctl(l->epoll, how, peer_fd(p), &event) == 0);
}

static void connect_all(struct load *l)
{
    unsigned all = l->connections + l->members + l->idle;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    l->epoll = epoll_create1(0);
    l->peers = mem_take(all * sizeof(struct peer *));
    for (unsigned i = 0; i < all; i++) {
        l->peers[i] = peer_connect(&l->options, i + 1, i < l->connections);
        if (i >= l->connections && i - l->connections < l->members)
            peer_join(l->peers[i], "grove", l->server);
        watch(l, l->peers[i], EPOLL_CTL_ADD);
    }
}

static unsigned in_flight(const struct load *l)
{
    unsigned all = 0;
    for (unsigned i = 0; i < l->connections; i++)
        all += peer_in_flight(l->peers[i]);
    return all;
}

/* Takes what has come; with `more`, answers it with new calls. */
static void turn(struct load *l, bool more)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
        struct peer *p = events[i].data.ptr;
        bool blocked = peer_is_blocked(p);
        if (events[i].events & ~(unsigned)EPOLLOUT)
            peer_receive(p);
        if (more)
            peer_send(p);
        else
            peer_flush(p);
        if (peer_is_blocked(p) != blocked)
            watch(l, p, EPOLL_CTL_MOD);
    }
}

/* Makes calls until the deadline, or until the work has no more, and takes all replies. */
static void run(struct load *l, uint64_t deadline_ns)
{
    work_begin(l->options.work);
    for (unsigned i = 0; i < l->connections; i++) {
        peer_send(l->peers[i]);
        watch(l, l->peers[i], EPOLL_CTL_MOD);
    }
    while (in_flight(l) > 0)
        turn(l, now_ns() < deadline_ns);
}

static void await_members(struct load *l)
{
    for (unsigned i = 0; i < l->members; i++) {
        while (!peer_has_joined(l->peers[l->connections + i]))
            turn(l, false);
    }
}

/* Takes deltas until each member has that of each sync_now. */
static void await_deltas(struct load *l)
{
    for (unsigned i = 0; i < l->members; i++) {
        struct peer *p = l->peers[l->connections + i];
        for (uint64_t got = peer_deltas(p); got < work_deltas(l->options.work);) {
            turn(l, false);
            got += peer_deltas(p);
        }
    }
}

/* --- the program -------------------------------------------------------------------- */

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        die("the process has ended");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(struct load *l, int pid)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0)
        die("there is no process %d", pid);
    bool echo = l->options.node.len == 0;
    if (!echo)
        run(l, UINT64_MAX);
    else
        work_begin(l->options.work);
    for (unsigned i = 0; i < l->members; i++)
        peer_deltas(l->peers[l->connections + i]);
    memset(histogram, 0, sizeof(histogram));
    calls = longest_ns = 0;
    double cpu = cpu_s(clock);
    uint64_t start = now_ns();
    run(l, start + l->ms * UINT64_C(1000000));
    await_deltas(l);
    double took = (double)(now_ns() - start) / 1e9;
    cpu = cpu_s(clock) - cpu;
    printf("%llu %.6f %.6f %.2f %.2f %.2f %zu\n", (unsigned long long)calls, took, cpu,
           percentile_us(50), percentile_us(99), (double)longest_ns / 1e3,
           work_state_bytes(l->options.work));
    if (!echo)
        run(l, UINT64_MAX);
}

static const char *option(int argc, char **argv, const char *key, const char *otherwise)
{
    size_t len = strlen(key);
    for (int i = 5; i < argc; i++) {
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    }
    return otherwise;
}

static unsigned number(int argc, char **argv, const char *key, const char *otherwise)
{
    return (unsigned)strtoul(option(argc, argv, key, otherwise), NULL, 10);
}

int main(int argc, char **argv)
{
    bool echo = argc > 1 && strcmp(argv[1], "echo") == 0;
    enum work_kind kind = echo ? WORK_VALUE : argc > 4 ? work_kind_named(argv[1]) : WORK_KINDS;
    const char *cookie = getenv("COPPICE_COOKIE");
    if (argc < 5 || kind == WORK_KINDS || (cookie == NULL && !echo)) {
        fprintf(stderr, "usage: COPPICE_COOKIE=... load WORK NODE PORT PID [KEY=VALUE ...]\n");
        return 64;
    }
    struct load l = {
        .options = {.node = echo ? (struct bytes){0} : bytes_of(argv[2]),
                    .cookie = bytes_of(echo ? "" : cookie),
                    .port = (uint16_t)strtoul(argv[3], NULL, 10),
                    .depth = number(argc, argv, "depth", "256"),
                    .echo_bytes = number(argc, argv, "bytes", "120"),
                    .monitors = number(argc, argv, "monitors", "0") != 0,
                    .work = work_new(kind, option(argc, argv, "server", "views"),
                                     number(argc, argv, "replicas", "0")),
                    .replied = count},
        .server = option(argc, argv, "server", "views"),
        .members = number(argc, argv, "members", "0"),
        .connections = number(argc, argv, "connections", "1"),
        .idle = number(argc, argv, "idle", "0"),
        .ms = number(argc, argv, "ms", "500"),
    };
    connect_all(&l);
    await_members(&l);
    measure(&l, atoi(argv[4]));
    for (unsigned i = 0; i < l.connections + l.members + l.idle; i++)
        peer_free(l.peers[i]);
    mem_free(l.peers);
    work_free(l.options.work);
    return EXIT_SUCCESS;
}
