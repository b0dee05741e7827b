#include "sockets.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "dial.h"

#define READ_BYTES 262144
/* How long closing waits for a peer that does not read. */
#define DRAIN_MS 2000
/* Sockets in which closing waits, at most: anyone can have as many connections refused. */
#define DRAINING_MAX 64

struct socket {
    uint32_t id; /* first: the tree compares it */
    struct sockets *all;
    struct list link;
    struct list draining; /* in sockets.draining while closing */
    uv_tcp_t *tcp;        /* NULL while it is being dialled, */
    struct dial *dial;    /* and else this is */
    uv_timer_t drain;
    uv_shutdown_t ending;
    bool wrote;   /* something, perhaps not yet sent */
    bool known;   /* in the tree */
    bool closing; /* by the node, which expects no more callbacks */
    bool closed;  /* uv_close() was called */
    enum err err; /* reported to the node at the end; OK: nothing */
    const char *why;
    unsigned holds; /* handles and requests of libuv that still point here */
};

struct writing {
    uv_write_t write;
    struct socket *socket;
    struct buf bytes;
};

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
    *s = (struct sockets){.loop = loop, .events = *events, .scratch = mem_take(READ_BYTES)};
    list_init(&s->list);
    list_init(&s->draining);
}

void sockets_free(struct sockets *s)
{
    must(s->count == 0);
    mem_free(s->scratch);
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
    all->count++;
    must(*(struct socket **)tsearch(s, &all->by_id, by_id) == s);
    s->known = true;
    must(uv_timer_init(all->loop, &s->drain) == 0);
    s->drain.data = s;
    s->why = "";
    s->holds = 1;
    return s;
}

static void socket_release(struct socket *s)
{
    struct sockets *all = s->all;
    if (--s->holds > 0)
        return;
    if (s->err != OK && !s->closing)
        all->events.closed(all->events.who, s->id, s->err, s->why);
    socket_forget(s);
    list_remove(&s->link);
    mem_free(s);
    all->count--;
    all->events.gone(all->events.who);
}

static void on_closed_timer(uv_handle_t *timer)
{
    socket_release(timer->data);
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

static void socket_end(struct socket *s, enum err err)
{
    if (s->closed)
        return;
    s->closed = true;
    s->err = err;
    if (!list_empty(&s->draining)) {
        list_remove(&s->draining);
        s->all->draining_count--;
    }
    if (s->dial != NULL)
        dial_stop(s->dial);
    if (s->tcp != NULL)
        uv_close((uv_handle_t *)s->tcp, on_closed_tcp);
    uv_close((uv_handle_t *)&s->drain, on_closed_timer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct socket *s = handle->data;
    *buf = uv_buf_init((char *)s->all->scratch, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct socket *s = stream->data;
    if (count < 0) {
        socket_end(s, ERR_CLOSED);
    } else if (count > 0 && !s->closing) {
        struct bytes bytes = {(const uint8_t *)buf->base, (size_t)count};
        s->all->events.bytes(s->all->events.who, s->id, bytes);
    }
}

static void socket_begin(struct socket *s)
{
    uv_tcp_nodelay(s->tcp, 1);
    if (uv_read_start((uv_stream_t *)s->tcp, on_alloc, on_read) != 0)
        socket_end(s, ERR_CLOSED);
}

uint32_t socket_accept(struct sockets *all, uv_stream_t *listener)
{
    /* The numbers come round. */
    do
        all->accepted += 2;
    while (all->accepted == 0 || socket_find(all, all->accepted) != NULL);
    struct socket *s = socket_new(all, all->accepted);
    uv_tcp_t *tcp = mem_take(sizeof(*tcp));
    must(uv_tcp_init(all->loop, tcp) == 0);
    socket_own(s, tcp);
    if (uv_accept(listener, (uv_stream_t *)tcp) == 0)
        socket_begin(s);
    else
        socket_end(s, ERR_CLOSED);
    return s->id;
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
    if (!s->closed)
        s->all->events.opened(s->all->events.who, s->id);
}

void socket_dial(struct sockets *all, uint32_t id, const char *host, uint16_t port)
{
    struct socket *s = socket_new(all, id);
    s->dial = dial_host(all->loop, host, port, on_dialled, s);
}

static void on_written(uv_write_t *write, int status)
{
    struct writing *w = write->data;
    struct socket *s = w->socket;
    size_t count = w->bytes.len;
    buf_free(&w->bytes);
    mem_free(w);
    if (s->closed)
        return;
    if (status != 0)
        socket_end(s, ERR_CLOSED);
    else if (!s->closing)
        s->all->events.written(s->all->events.who, s->id, count);
}

void socket_send(struct sockets *all, uint32_t id, struct buf *bytes)
{
    struct socket *s = socket_find(all, id);
    if (s == NULL || s->closed || s->closing || s->tcp == NULL) {
        buf_free(bytes);
        return;
    }
    struct writing *w = mem_take(sizeof(*w));
    s->wrote = true;
    w->socket = s;
    w->bytes = *bytes;
    *bytes = (struct buf){0};
    w->write.data = w;
    uv_buf_t part = uv_buf_init((char *)w->bytes.at, (unsigned)w->bytes.len);
    if (uv_write(&w->write, (uv_stream_t *)s->tcp, &part, 1, on_written) != 0) {
        buf_free(&w->bytes);
        mem_free(w);
        socket_end(s, ERR_CLOSED);
    }
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
    socket_forget(s);
    if (s->closing || s->closed) {
        s->closing = true;
        return;
    }
    s->closing = true;
    if (!s->wrote || uv_shutdown(&s->ending, (uv_stream_t *)s->tcp, on_shutdown) != 0) {
        socket_end(s, OK);
        return;
    }
    list_append(&all->draining, &s->draining);
    all->draining_count++;
    uv_timer_start(&s->drain, on_drain_timeout, DRAIN_MS, 0);
}

void socket_close(struct sockets *all, uint32_t id)
{
    struct socket *s = socket_find(all, id);
    if (s == NULL)
        return;
    socket_drain(s);
    if (all->draining_count > DRAINING_MAX)
        socket_end(CONTAINER_OF(all->draining.next, struct socket, draining), OK);
}

void sockets_close_all(struct sockets *all)
{
    for (struct list *l = all->list.next; l != &all->list; l = l->next)
        socket_drain(CONTAINER_OF(l, struct socket, link));
}
