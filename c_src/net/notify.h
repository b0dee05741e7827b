/* What a service manager is told: sd_notify(3), datagrams to the socket in $NOTIFY_SOCKET.
 *
 * That page describes the protocol, promises that it stays as it is, and advises to do without
 * libsystemd, which would load five more libraries into every process.  Without a manager nothing
 * happens, and one that does not read is waited for no longer than LIMIT_FLUSH_MS: a node does not
 * depend on it. */
#ifndef COPPICE_NET_NOTIFY_H
#define COPPICE_NET_NOTIFY_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

/* All zeros: there is no manager. */
struct notify {
    int socket;
    struct sockaddr_un to;
    socklen_t to_bytes;
    uv_timer_t watchdog;
    bool ready;
};

/* Reads $NOTIFY_SOCKET, and removes what it reads from the environment, since children are not the
 * service.  If $WATCHDOG_USEC is set, and $WATCHDOG_PID names no other process, WATCHDOG=1 is
 * sent twice in that time from now on: by a timer of the loop, so that a loop that hangs misses
 * it.  The timer does not keep the loop running, and is closed with the loop's other handles. */
void notify_open(struct notify *n, uv_loop_t *loop);

/* READY=1: the node answers calls.  status is one line for people, which stays until it stops. */
void notify_ready(struct notify *n, const char *status);

/* RELOADING=1, with the system's time that systemd compares; then READY=1 again.  A node that is
 * not ready yet tells neither. */
void notify_reloading(const struct notify *n);
void notify_reloaded(const struct notify *n);

/* STOPPING=1: the node saves and ends. */
void notify_stopping(const struct notify *n);

void notify_close(struct notify *n);

#endif
