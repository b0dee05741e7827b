#include "sockets.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "../limits.h"
#include "../mem.h"

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
    uv_tcp_t tcp;
    uv_timer_t drain;
    uv_getaddrinfo_t resolving;
    uv_connect_t connecting;
    uv_shutdown_t ending;
    struct addrinfo *addresses, *next_address;
    uint16_t port;
    bool open;      /* connected */
    bool wrote;     /* something, perhaps not yet sent */
    bool known;     /* in the tree */
    bool closing;   /* by the node, which expects no more callbacks */
    bool closed;    /* uv_close() was called */
    bool reopening; /* tcp is being closed for the next address */
    enum err err;   /* reported to the node at the end; OK: nothing */
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
    must(uv_tcp_init(all->loop, &s->tcp) == 0);
    must(uv_timer_init(all->loop, &s->drain) == 0);
    s->tcp.data = s->drain.data = s;
    s->holds = 2;
    return s;
}

static void socket_release(struct socket *s)
{
    struct sockets *all = s->all;
    if (--s->holds > 0)
        return;
    if (s->err != OK && !s->closing)
        all->events.closed(all->events.who, s->id, s->err);
    socket_forget(s);
    list_remove(&s->link);
    uv_freeaddrinfo(s->addresses);
    mem_free(s);
    all->count--;
    all->events.gone(all->events.who);
}

static void on_closed_handle(uv_handle_t *handle)
{
    socket_release(handle->data);
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
    if (!s->reopening)
        uv_close((uv_handle_t *)&s->tcp, on_closed_handle);
    uv_close((uv_handle_t *)&s->drain, on_closed_handle);
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
    s->open = true;
    uv_tcp_nodelay(&s->tcp, 1);
    if (uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) != 0)
        socket_end(s, ERR_CLOSED);
}

uint32_t socket_accept(struct sockets *all, uv_stream_t *listener)
{
    /* The numbers come round. */
    do
        all->accepted += 2;
    while (all->accepted == 0 || socket_find(all, all->accepted) != NULL);
    struct socket *s = socket_new(all, all->accepted);
    if (uv_accept(listener, (uv_stream_t *)&s->tcp) == 0)
        socket_begin(s);
    else
        socket_end(s, ERR_CLOSED);
    return s->id;
}

static void set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static void connect_next(struct socket *s);

/* The next address may be of another family, which needs another descriptor. */
static void reopen(uv_handle_t *handle)
{
    struct socket *s = handle->data;
    s->reopening = false;
    if (s->closed) {
        socket_release(s);
        return;
    }
    must(uv_tcp_init(s->all->loop, &s->tcp) == 0);
    connect_next(s);
}

static void connect_failed(struct socket *s)
{
    if (s->next_address == NULL) {
        socket_end(s, ERR_REFUSED);
        return;
    }
    s->reopening = true;
    uv_close((uv_handle_t *)&s->tcp, reopen);
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct socket *s = connecting->data;
    if (s->closed)
        return;
    if (status != 0) {
        connect_failed(s);
        return;
    }
    socket_begin(s);
    if (!s->closed)
        s->all->events.opened(s->all->events.who, s->id);
}

static void connect_next(struct socket *s)
{
    struct sockaddr *address = s->next_address->ai_addr;
    s->next_address = s->next_address->ai_next;
    set_port(address, s->port);
    s->connecting.data = s;
    if (uv_tcp_connect(&s->connecting, &s->tcp, address, on_connected) != 0)
        connect_failed(s);
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found)
{
    struct socket *s = resolving->data;
    s->addresses = s->next_address = found;
    if (s->closed)
        ; /* closed while it was being resolved */
    else if (status != 0 || found == NULL)
        socket_end(s, ERR_REFUSED);
    else
        connect_next(s);
    socket_release(s);
}

void socket_dial(struct sockets *all, uint32_t id, const char *host, uint16_t port)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct socket *s = socket_new(all, id);
    s->port = port;
    s->resolving.data = s;
    s->holds++;
    if (uv_getaddrinfo(all->loop, &s->resolving, on_resolved, host, NULL, &hints) != 0) {
        s->holds--;
        socket_end(s, ERR_REFUSED);
    }
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
    if (s == NULL || s->closed || s->closing || !s->open) {
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
    if (uv_write(&w->write, (uv_stream_t *)&s->tcp, &part, 1, on_written) != 0) {
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
    if (!s->wrote || uv_shutdown(&s->ending, (uv_stream_t *)&s->tcp, on_shutdown) != 0) {
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

size_t sockets_max(void)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlim_t more = limit.rlim_max < LIMIT_DESCRIPTORS ? limit.rlim_max : LIMIT_DESCRIPTORS;
    if (limit.rlim_cur < more &&
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){more, limit.rlim_max}) == 0)
        limit.rlim_cur = more;
    return limit.rlim_cur / 2;
}
