#include "sockets.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "dial.h"
#include "sockets_internal.h"
#include "stream_write.h"
#include "tls.h"

/* How long closing waits for a peer that does not read. */
#define DRAIN_MS 2000
/* Sockets in which closing waits, at most: anyone can have as many connections refused. */
#define DRAINING_MAX 64
/* Sockets in the handshake that are read in a round of the loop: each is some 30 us of work. */
#define STRANGERS_A_ROUND 4

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct socket *socket_find(struct sockets *s, uint32_t id)
{
    void *node = tfind(&id, &s->by_id, by_id);
    return node != NULL ? *(struct socket **)node : NULL;
}

void sockets_init(struct sockets *s, uv_loop_t *loop, const struct socket_events *events)
{
    *s = (struct sockets){.loop = loop, .events = *events, .scratch = mem_take(SOCKET_READ_BYTES)};
    list_init(&s->list);
    list_init(&s->draining);
    list_init(&s->shaking);
}

void sockets_use_tls(struct sockets *s, const struct tls_contexts *contexts, size_t most)
{
    struct tls_contexts old = s->tls;
    tls_contexts_hold(&s->tls, contexts);
    tls_contexts_free(&old);
    s->shaking_max = most;
    if (s->plain == NULL)
        s->plain = mem_take(SOCKET_READ_BYTES);
}

void sockets_free(struct sockets *s)
{
    must(s->count == 0);
    tls_contexts_free(&s->tls);
    mem_free(s->scratch);
    mem_free(s->plain);
}

/* The node knows it no more: its number may be used again. */
static void socket_forget(struct socket *s)
{
    if (s->known)
        tdelete(s, &s->all->by_id, by_id);
    s->known = false;
}

static struct socket *socket_new(struct sockets *all, uint32_t id)
{
    struct socket *s = mem_take(sizeof(*s));
    s->id = id;
    s->all = all;
    list_append(&all->list, &s->link);
    list_init(&s->draining);
    list_init(&s->shaking);
    all->count++;
    must(*(struct socket **)mem_had(tsearch(s, &all->by_id, by_id)) == s);
    s->known = true;
    must(uv_timer_init(all->loop, &s->drain) == 0);
    must(uv_idle_init(all->loop, &s->report) == 0);
    s->drain.data = s->report.data = s;
    s->why = "";
    s->holds = 2; /* the timer and the report */
    return s;
}

void socket_settle(struct socket *s)
{
    if (list_empty(&s->shaking))
        return;
    list_remove(&s->shaking);
    list_init(&s->shaking);
    s->all->shaking_count--;
    uv_timer_stop(&s->drain);
}

void socket_report(struct socket *s, enum err err)
{
    const struct socket_events *events = &s->all->events;
    bool known = s->opened || s->id % 2 == 1;
    /* Whoever only looks whether somebody listens is no news. */
    if (err == OK || s->closing || (!known && !s->heard && err != ERR_FULL && err != ERR_TIMEOUT))
        return;
    s->closing = true;
    socket_forget(s);
    if (known)
        events->closed(events->who, s->id, err, s->why);
    else
        events->refused(events->who, s->from, s->why);
}

static void socket_release(struct socket *s)
{
    struct sockets *all = s->all;
    if (--s->holds > 0)
        return;
    socket_report(s, s->err);
    socket_forget(s);
    list_remove(&s->link);
    tls_free(s->tls);
    mem_free(s->host);
    mem_free(s);
    all->count--;
    all->events.gone(all->events.who);
}

static void on_closed_own(uv_handle_t *handle)
{
    socket_release(handle->data);
}

static void on_closed_tcp(uv_handle_t *tcp)
{
    struct socket *s = tcp->data;
    mem_free(tcp);
    socket_release(s);
}

/* Takes over a handle, open or about to be accepted. */
static void socket_own(struct socket *s, uv_tcp_t *tcp)
{
    s->tcp = tcp;
    tcp->data = s;
    s->holds++;
}

void socket_end(struct socket *s, enum err err)
{
    if (s->closed)
        return;
    s->closed = true;
    s->err = err;
    socket_settle(s);
    if (!list_empty(&s->draining)) {
        list_remove(&s->draining);
        s->all->draining_count--;
    }
    if (s->dial != NULL)
        dial_stop(s->dial);
    if (s->tcp != NULL)
        uv_close((uv_handle_t *)s->tcp, on_closed_tcp);
    uv_close((uv_handle_t *)&s->drain, on_closed_own);
    uv_close((uv_handle_t *)&s->report, on_closed_own);
}

/* Of those in the handshake a few are read in a round; to the others it gives no room, and they
 * wait for the next one, so that no peer waits for many strangers.  A handshake of TLS is the work
 * of a whole round. */
static bool must_wait(struct socket *s)
{
    struct sockets *all = s->all;
    if (s->trusted)
        return false;
    bool waits = all->strangers >= STRANGERS_A_ROUND;
    all->strangers += s->tls != NULL && !s->opened ? STRANGERS_A_ROUND : 1;
    return waits;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct socket *s = handle->data;
    *buf = uv_buf_init((char *)s->all->scratch, must_wait(s) ? 0 : SOCKET_READ_BYTES);
}

/* So many bytes, of which so many are the node's; 0: TLS speaks for itself. */
static void on_written(void *who, size_t len, size_t plain, bool good)
{
    struct socket *s = who;
    s->said -= plain == 0 ? len : 0;
    if (s->closed)
        return;
    if (!good)
        socket_end(s, ERR_CLOSED);
    else if (!s->closing && plain > 0)
        s->all->events.written(s->all->events.who, s->id, plain);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf);

/* May close the socket. */
static void socket_resume(struct socket *s)
{
    if (!s->paused || s->rests || s->closed)
        return;
    s->paused = false;
    if (uv_read_start((uv_stream_t *)s->tcp, on_alloc, on_read) != 0)
        socket_end(s, ERR_CLOSED);
}

static void on_report(uv_idle_t *report)
{
    struct socket *s = report->data;
    size_t count = s->taken;
    s->taken = 0;
    s->all->strangers = 0;
    uv_idle_stop(report);
    socket_resume(s);
    if (count > 0 && !s->closing && !s->closed)
        s->all->events.written(s->all->events.who, s->id, count);
}

/* All is written.  The node is told in the next round of the loop, before that waits. */
static void written_at_once(struct socket *s, size_t len, size_t plain)
{
    s->said -= plain == 0 ? len : 0;
    s->taken += plain;
    if (plain > 0)
        uv_idle_start(&s->report, on_report);
}

void socket_write(struct socket *s, struct buf *bytes, size_t plain)
{
    size_t len = bytes->len;
    const struct stream_write write = {(uv_stream_t *)s->tcp, plain, on_written, s};
    s->wrote = true;
    enum stream_written written = stream_write(&write, bytes);
    if (written == STREAM_WRITTEN)
        written_at_once(s, len, plain);
    else if (written == STREAM_BROKEN)
        socket_end(s, ERR_CLOSED);
}

/* --- reading and writing ------------------------------------------------------------- */

/* libuv would go on reading from one that sends as fast as it is read: 32 times, with everybody
 * else waiting. */
static void socket_pause(struct socket *s)
{
    s->paused = true;
    uv_read_stop((uv_stream_t *)s->tcp);
    uv_idle_start(&s->report, on_report);
}

void socket_trust(struct sockets *all, uint32_t id)
{
    struct socket *s = socket_find(all, id);
    if (s != NULL)
        s->trusted = true;
}

void socket_rest(struct sockets *all, uint32_t id, bool rests)
{
    struct socket *s = socket_find(all, id);
    if (s == NULL || s->closed || s->closing)
        return;
    s->rests = rests;
    socket_pause(s);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct socket *s = stream->data;
    struct bytes bytes = {(const uint8_t *)buf->base, count > 0 ? (size_t)count : 0};
    s->heard |= count > 0;
    if (count == SOCKET_READ_BYTES || count == UV_ENOBUFS)
        socket_pause(s);
    if (count == UV_ENOBUFS)
        return;
    if (s->tls != NULL && !s->closing && count != 0) {
        tls_feed(s->tls, bytes);
        if (count < 0)
            tls_feed_end(s->tls);
        socket_tls_receive(s);
    } else if (count > 0 && !s->closing) {
        s->all->events.bytes(s->all->events.who, s->id, bytes);
    }
    if (count < 0)
        socket_end(s, ERR_CLOSED);
}

static void socket_begin(struct socket *s)
{
    uv_tcp_nodelay(s->tcp, 1);
    if (uv_read_start((uv_stream_t *)s->tcp, on_alloc, on_read) != 0)
        socket_end(s, ERR_CLOSED);
}

static void on_shaking_timeout(uv_timer_t *drain)
{
    struct socket *s = drain->data;
    s->why = "no TLS handshake in time: does it speak TLS?";
    socket_end(s, ERR_TIMEOUT);
}

static void put_address(struct socket *s)
{
    struct sockaddr_storage address = {0};
    char host[INET6_ADDRSTRLEN] = "";
    int length = sizeof(address);
    uv_tcp_getpeername(s->tcp, (struct sockaddr *)&address, &length);
    uv_ip_name((const struct sockaddr *)&address, host, sizeof(host));
    /* The port is at the same offset in both kinds of address. */
    snprintf(s->from, sizeof(s->from), "%s port %u", host,
             ntohs(((struct sockaddr_in *)&address)->sin_port));
}

/* Half-open handshakes cost nobody else a connection: the oldest makes room. */
static void socket_shake(struct socket *s)
{
    struct sockets *all = s->all;
    put_address(s);
    s->tls = tls_new_server(all->tls.server);
    list_append(&all->shaking, &s->shaking);
    uv_timer_start(&s->drain, on_shaking_timeout, LIMIT_HANDSHAKE_MS, 0);
    if (++all->shaking_count <= all->shaking_max)
        return;
    struct socket *oldest = CONTAINER_OF(all->shaking.next, struct socket, shaking);
    oldest->why = "too many connections are in the TLS handshake";
    socket_end(oldest, ERR_FULL);
}

uint32_t socket_accept(struct sockets *all, uv_stream_t *listener)
{
    bool tls = all->tls.server != NULL;
    /* The numbers come round. */
    do
        all->accepted += 2;
    while (all->accepted == 0 || socket_find(all, all->accepted) != NULL);
    struct socket *s = socket_new(all, all->accepted);
    uv_tcp_t *tcp = mem_take(sizeof(*tcp));
    must(uv_tcp_init(all->loop, tcp) == 0);
    socket_own(s, tcp);
    s->opened = !tls;
    if (uv_accept(listener, (uv_stream_t *)tcp) == 0) {
        if (tls)
            socket_shake(s);
        socket_begin(s);
    } else {
        socket_end(s, ERR_CLOSED);
    }
    return tls ? 0 : s->id;
}

static void on_dialled(void *who, uv_tcp_t *tcp, enum err err, const char *why)
{
    struct socket *s = who;
    s->dial = NULL;
    if (tcp == NULL) {
        s->why = why;
        socket_end(s, err);
        return;
    }
    socket_own(s, tcp);
    socket_begin(s);
    if (s->closed)
        return;
    if (s->host != NULL) {
        s->tls = tls_new_client(s->all->tls.client, s->host);
        socket_tls_flush(s);
    } else {
        s->opened = true;
        s->all->events.opened(s->all->events.who, s->id, NULL);
    }
}

void socket_dial(struct sockets *all, uint32_t id, const char *host, uint16_t port, bool tls)
{
    struct socket *s = socket_new(all, id);
    s->trusted = true;
    s->dial = dial_host(all->loop, host, port, on_dialled, s);
    if (tls)
        s->host = strcpy(mem_take(strlen(host) + 1), host);
}

void socket_send(struct sockets *all, uint32_t id, struct buf *bytes)
{
    struct socket *s = socket_find(all, id);
    if (s == NULL || s->closed || s->closing || !s->opened) {
        buf_free(bytes);
        return;
    }
    if (s->tls == NULL) {
        socket_write(s, bytes, bytes->len);
        return;
    }
    size_t count = bytes->len;
    bool good = tls_write(s->tls, buf_bytes(bytes));
    buf_free(bytes);
    if (good)
        socket_write(s, tls_out(s->tls), count);
    else
        socket_end(s, ERR_CLOSED);
}

static void on_drain_timeout(uv_timer_t *drain)
{
    socket_end(drain->data, OK);
}

static void on_shutdown(uv_shutdown_t *ending, int status)
{
    struct socket *s = ending->handle->data;
    if (status != 0 && !s->closed)
        socket_end(s, OK);
}

/* Writes everything, then shuts our side down; the peer's end or the time-out closes the socket.
 * Closing at once, with bytes of the peer unread, would reset the connection and lose what was
 * just written. */
static void socket_drain(struct socket *s)
{
    struct sockets *all = s->all;
    bool again = s->closing && !list_empty(&s->draining);
    socket_forget(s);
    socket_settle(s);
    s->closing = true;
    if (again || s->closed)
        return;
    s->rests = false; /* the peer's end is to be read */
    if (s->paused)
        uv_idle_start(&s->report, on_report);
    if (s->tls != NULL)
        socket_tls_say_end(s);
    if (!s->wrote || uv_shutdown(&s->ending, (uv_stream_t *)s->tcp, on_shutdown) != 0) {
        socket_end(s, OK);
        return;
    }
    list_append(&all->draining, &s->draining);
    all->draining_count++;
    uv_timer_start(&s->drain, on_drain_timeout, DRAIN_MS, 0);
}

void socket_drain_few(struct socket *s)
{
    struct sockets *all = s->all;
    socket_drain(s);
    if (all->draining_count > DRAINING_MAX)
        socket_end(CONTAINER_OF(all->draining.next, struct socket, draining), OK);
}

void socket_close(struct sockets *all, uint32_t id)
{
    struct socket *s = socket_find(all, id);
    if (s != NULL)
        socket_drain_few(s);
}

void sockets_close_all(struct sockets *all)
{
    for (struct list *l = all->list.next; l != &all->list; l = l->next)
        socket_drain(CONTAINER_OF(l, struct socket, link));
}
