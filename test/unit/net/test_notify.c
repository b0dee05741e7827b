#include "net/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

/* What a service manager gets on its socket. */

#define SHORT_MS 100

struct manager {
    int socket;
    char address[80], got[600];
    uv_loop_t loop;
    struct notify n;
};

/* Listens at a name that is in no folder. */
static void start(struct manager *m)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    *m = (struct manager){.socket = socket(AF_UNIX, SOCK_DGRAM, 0)};
    int len = snprintf(m->address, sizeof(m->address), "@test_notify_%d", (int)getpid());
    memcpy(at.sun_path + 1, m->address + 1, (size_t)len - 1);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    CU_ASSERT_FATAL(bind(m->socket, (struct sockaddr *)&at, bytes) == 0);
    CU_ASSERT_FATAL(uv_loop_init(&m->loop) == 0);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    setenv("NOTIFY_SOCKET", m->address, 1);
}

static void close_handle(uv_handle_t *handle, void *ignored)
{
    (void)ignored;
    uv_close(handle, NULL);
}

static void stop(struct manager *m)
{
    uv_walk(&m->loop, close_handle, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&m->loop) == 0);
    notify_close(&m->n);
    close(m->socket);
}

/* The next datagram; NULL if there is none. */
static const char *next(struct manager *m, int flags)
{
    ssize_t n = recv(m->socket, m->got, sizeof(m->got) - 1, flags);
    if (n < 0)
        return NULL;
    m->got[n] = '\0';
    return m->got;
}

static void tells_in_order(void)
{
    struct manager m;
    start(&m);
    notify_open(&m.n, &m.loop);
    CU_ASSERT(getenv("NOTIFY_SOCKET") == NULL);
    notify_ready(&m.n, "ready c1@host 4711\n");
    CU_ASSERT_STRING_EQUAL(next(&m, 0), "READY=1\nSTATUS=ready c1@host 4711");
    notify_reloading(&m.n);
    unsigned long long us = 0;
    CU_ASSERT(sscanf(next(&m, 0), "RELOADING=1\nMONOTONIC_USEC=%llu", &us) == 1);
    CU_ASSERT(us > 0 && us <= uv_hrtime() / 1000);
    notify_reloaded(&m.n);
    CU_ASSERT_STRING_EQUAL(next(&m, 0), "READY=1");
    notify_stopping(&m.n);
    CU_ASSERT_STRING_EQUAL(next(&m, 0), "STOPPING=1\nSTATUS=saving");
    stop(&m);
}

static void reloads_before_it_is_ready(void)
{
    struct manager m;
    start(&m);
    notify_open(&m.n, &m.loop);
    notify_reloading(&m.n);
    notify_reloaded(&m.n);
    CU_ASSERT(next(&m, MSG_DONTWAIT) == NULL);
    stop(&m);
}

static void finds_a_path(void)
{
    struct manager m;
    char path[] = "/tmp/test_notify_XXXXXX";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    start(&m);
    CU_ASSERT_FATAL(mkdtemp(path) != NULL);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", path);
    close(m.socket);
    m.socket = socket(AF_UNIX, SOCK_DGRAM, 0);
    CU_ASSERT_FATAL(bind(m.socket, (struct sockaddr *)&at, sizeof(at)) == 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    notify_open(&m.n, &m.loop);
    notify_stopping(&m.n);
    CU_ASSERT_STRING_EQUAL(next(&m, 0), "STOPPING=1\nSTATUS=saving");
    unlink(at.sun_path);
    rmdir(path);
    stop(&m);
}

static void watchdog(struct manager *m, const char *us, const char *pid)
{
    start(m);
    setenv("WATCHDOG_USEC", us, 1);
    if (pid != NULL)
        setenv("WATCHDOG_PID", pid, 1);
    notify_open(&m->n, &m->loop);
}

static void on_idle(uv_idle_t *idle)
{
    struct manager *m = idle->data;
    if (next(m, MSG_DONTWAIT) != NULL)
        uv_stop(&m->loop);
}

/* Its loop runs until it has told something, and then hangs. */
static void watchdog_comes_from_the_loop(void)
{
    struct manager m;
    uv_idle_t idle = {.data = &m};
    watchdog(&m, "40000", NULL);
    uv_idle_init(&m.loop, &idle);
    uv_idle_start(&idle, on_idle);
    uv_run(&m.loop, UV_RUN_DEFAULT);
    CU_ASSERT_STRING_EQUAL(m.got, "WATCHDOG=1");
    while (next(&m, MSG_DONTWAIT) != NULL)
        ;
    usleep(SHORT_MS * 1000);
    CU_ASSERT(next(&m, MSG_DONTWAIT) == NULL && errno == EAGAIN);
    stop(&m);
}

/* With a watchdog, the loop would have a timer. */
static bool watches(const char *us, const char *pid)
{
    struct manager m;
    watchdog(&m, us, pid);
    bool has = m.n.watchdog.data != NULL;
    CU_ASSERT(uv_loop_alive(&m.loop) == 0);
    stop(&m);
    return has;
}

static void watchdog_for_this_process_only(void)
{
    char mine[16], other[16];
    snprintf(mine, sizeof(mine), "%d", (int)getpid());
    snprintf(other, sizeof(other), "%d", (int)getppid());
    CU_ASSERT(watches("30000000", NULL));
    CU_ASSERT(watches("30000000", mine));
    CU_ASSERT(!watches("30000000", other));
    CU_ASSERT(!watches("0", NULL));
    CU_ASSERT(!watches("soon", NULL));
}

static bool tells_nobody(const char *address)
{
    struct manager m;
    start(&m);
    if (address != NULL)
        setenv("NOTIFY_SOCKET", address, 1);
    else
        unsetenv("NOTIFY_SOCKET");
    notify_open(&m.n, &m.loop);
    notify_ready(&m.n, "ready");
    notify_stopping(&m.n);
    bool none = next(&m, MSG_DONTWAIT) == NULL;
    stop(&m);
    return none;
}

static void does_without_a_manager(void)
{
    char longest[200];
    memset(longest, '/', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    CU_ASSERT(tells_nobody(NULL));
    CU_ASSERT(tells_nobody(""));
    CU_ASSERT(tells_nobody("relative"));
    CU_ASSERT(tells_nobody("vsock:2:1234"));
    CU_ASSERT(tells_nobody("/nobody/is/here"));
    CU_ASSERT(tells_nobody(longest));
}

/* Its queue is full.  That this test ends is the result. */
static void does_not_hang_with_its_manager(void)
{
    struct manager m;
    start(&m);
    notify_open(&m.n, &m.loop);
    while (sendto(m.n.socket, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&m.n.to, m.n.to_bytes) == 1)
        ;
    notify_ready(&m.n, "ready");
    CU_ASSERT_STRING_EQUAL(next(&m, 0), "x");
    stop(&m);
}

SUITE("notify", TEST(tells_in_order), TEST(reloads_before_it_is_ready), TEST(finds_a_path),
      TEST(watchdog_comes_from_the_loop), TEST(watchdog_for_this_process_only),
      TEST(does_without_a_manager), TEST(does_not_hang_with_its_manager))
