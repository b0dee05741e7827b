#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../err.h"
#include "../limits.h"
#include "machine.h"

#define US_A_MS 1000u

/* What is not sent is lost: there is nobody else to tell. */
static void tell(const struct notify *n, const char *text, int flags)
{
    if (n->to_bytes != 0)
        (void)sendto(n->socket, text, strlen(text), flags | MSG_NOSIGNAL,
                     (const struct sockaddr *)&n->to, n->to_bytes);
}

static void on_watchdog(uv_timer_t *timer)
{
    tell(timer->data, "WATCHDOG=1", MSG_DONTWAIT);
}

/* A path, or @ and a name that is in no folder.  False for anything else. */
static bool read_address(struct notify *n, const char *text)
{
    size_t len = strlen(text);
    n->to.sun_family = AF_UNIX;
    if ((text[0] != '/' && text[0] != '@') || len >= sizeof(n->to.sun_path))
        return false;
    memcpy(n->to.sun_path, text, len);
    if (text[0] == '@')
        n->to.sun_path[0] = '\0';
    n->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

static uint64_t number(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static void watch(struct notify *n, uv_loop_t *loop)
{
    uint64_t ms = number(getenv("WATCHDOG_USEC")) / US_A_MS / 2;
    uint64_t pid = number(getenv("WATCHDOG_PID"));
    if (ms == 0 || (pid != 0 && pid != (uint64_t)getpid()))
        return;
    must(uv_timer_init(loop, &n->watchdog) == 0);
    n->watchdog.data = n;
    uv_timer_start(&n->watchdog, on_watchdog, ms, ms);
    uv_unref((uv_handle_t *)&n->watchdog);
}

void notify_open(struct notify *n, uv_loop_t *loop)
{
    const char *address = getenv("NOTIFY_SOCKET");
    const struct timeval wait = {.tv_usec = LIMIT_FLUSH_MS * US_A_MS};
    *n = (struct notify){0};
    if (address == NULL || !read_address(n, address))
        return;
    n->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->socket < 0 || setsockopt(n->socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
        machine_needs(uv_translate_sys_error(errno), "open a socket to systemd (NOTIFY_SOCKET)");
    watch(n, loop);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_ready(struct notify *n, const char *status)
{
    char text[512];
    snprintf(text, sizeof(text), "READY=1\nSTATUS=%.*s", (int)strcspn(status, "\n"), status);
    n->ready = true;
    tell(n, text, 0);
}

void notify_reloading(const struct notify *n)
{
    struct timespec now;
    char text[64];
    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    if (n->ready)
        tell(n, text, 0);
}

void notify_reloaded(const struct notify *n)
{
    if (n->ready)
        tell(n, "READY=1", 0);
}

void notify_stopping(const struct notify *n)
{
    tell(n, "STOPPING=1\nSTATUS=saving", 0);
}

void notify_close(struct notify *n)
{
    if (n->to_bytes != 0)
        close(n->socket);
    n->to_bytes = 0;
}
