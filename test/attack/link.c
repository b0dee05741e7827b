#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dist/flags.h"
#include "err.h"
#include "mem.h"
#include "term/text.h"
#include "term/write.h"

#define CREATION     1
#define READ_BYTES   65536
#define HANDSHAKE_MS 10000

int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static bool wait_for(int fd, short events, unsigned ms)
{
    struct pollfd p = {fd, events, 0};
    return poll(&p, 1, (int)ms) > 0;
}

/* --- the handshake ----------------------------------------------------------------------- */

/* Waits for bytes and gives them to the channel; false when none came. */
static bool feed(struct link *l, unsigned ms)
{
    static uint8_t bytes[READ_BYTES];
    if (!wait_for(l->fd, POLLIN, ms))
        return false;
    ssize_t n = read(l->fd, bytes, sizeof(bytes));
    l->cut = n == 0 || (n < 0 && errno != EAGAIN);
    if (n > 0)
        channel_feed(l->channel, (struct bytes){bytes, (size_t)n});
    return n > 0;
}

static bool shake_hands(struct link *l)
{
    struct signal signal;
    enum channel_event event;
    while ((event = channel_next(l->channel, &signal)) != CHANNEL_UP) {
        if (event == CHANNEL_BAD)
            return false;
        if (event == CHANNEL_ALIVE)
            channel_replace(l->channel, true);
        if (!link_flush(l, HANDSHAKE_MS) || (event == CHANNEL_QUIET && !feed(l, HANDSHAKE_MS)))
            return false;
    }
    return link_flush(l, HANDSHAKE_MS);
}

struct link *link_open(const struct target *t, const char *name, const char *cookie)
{
    uint32_t challenge;
    int fd = connect_to(t->port);
    if (fd < 0)
        return NULL;
    must(getrandom(&challenge, sizeof(challenge), 0) == sizeof(challenge));
    struct link *l = mem_take(sizeof(*l));
    l->fd = fd;
    snprintf(l->name, sizeof(l->name), "%s@127.0.0.1", name);
    put_pid(&l->pid, bytes_of(l->name), 1, 0, CREATION);
    l->self = (struct channel_self){.name = bytes_of(l->name),
                                    .cookie = bytes_of(cookie),
                                    .flags = DFLAGS_OURS,
                                    .creation = CREATION};
    l->channel = channel_dial(&l->self, BYTES(TARGET_NODE), challenge);
    if (shake_hands(l))
        return l;
    link_close(l);
    return NULL;
}

void link_close(struct link *l)
{
    if (l == NULL)
        return;
    close(l->fd);
    channel_free(l->channel);
    buf_free(&l->pid);
    mem_free(l);
}

/* --- sending --------------------------------------------------------------------------- */

void link_signal(struct link *l, const struct signal *signal)
{
    struct signal s = *signal;
    s.node = BYTES(TARGET_NODE);
    if (s.from.len == 0)
        s.from = buf_bytes(&l->pid);
    channel_send(l->channel, &s);
    channel_fill(l->channel, SIZE_MAX);
}

void link_send(struct link *l, const char *name, struct bytes message)
{
    struct buf to = {0};
    put_atom(&to, name);
    link_signal(
        l, &(struct signal){.kind = SIGNAL_REG_SEND, .to = buf_bytes(&to), .payload = message});
    buf_free(&to);
}

void link_call(struct link *l, const char *name, uint32_t number, struct bytes request)
{
    struct buf message = {0};
    const uint32_t words[3] = {number, 0, 0};
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_tuple(&message, 2);
    put_term(&message, buf_bytes(&l->pid));
    put_reference(&message, bytes_of(l->name), CREATION, words, 3);
    put_term(&message, request);
    link_send(l, name, buf_bytes(&message));
    buf_free(&message);
}

void link_raw(struct link *l, struct bytes bytes)
{
    buf_put(channel_out(l->channel), bytes);
}

bool link_flush(struct link *l, unsigned ms)
{
    struct buf *out = channel_out(l->channel);
    uint64_t end = now_ms() + ms;
    size_t sent = 0;
    while (sent < out->len && !l->cut) {
        ssize_t n = send(l->fd, out->at + sent, out->len - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            l->cut = true;
        else if (now_ms() >= end || !wait_for(l->fd, POLLOUT, (unsigned)(end - now_ms())))
            break;
    }
    buf_drop(out, sent);
    return out->len == 0 && !l->cut;
}

/* --- reading ---------------------------------------------------------------------------- */

bool link_drop(struct link *l)
{
    static uint8_t bytes[READ_BYTES];
    ssize_t n = 1;
    while (n > 0 && !l->cut) {
        n = read(l->fd, bytes, sizeof(bytes));
        l->cut = n == 0 || (n < 0 && errno != EAGAIN);
    }
    return !l->cut;
}

bool link_is_cut(struct link *l, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; link_drop(l) && now_ms() < end;)
        wait_for(l->fd, POLLIN, (unsigned)(end - now_ms()));
    return l->cut;
}

bool link_reply(struct link *l, unsigned ms, struct bytes *reply)
{
    struct signal signal;
    uint64_t end = now_ms() + ms;
    for (;;) {
        switch (channel_next(l->channel, &signal)) {
        case CHANNEL_SIGNAL:
            if (signal.kind != SIGNAL_SEND && signal.kind != SIGNAL_ALIAS_SEND)
                break;
            *reply = signal.payload;
            return true;
        case CHANNEL_BAD:
            return false;
        case CHANNEL_QUIET:
            if (now_ms() >= end || (!feed(l, (unsigned)(end - now_ms())) && l->cut))
                return false;
            break;
        default:
            break;
        }
    }
}

struct bytes term_of(struct buf *out, const char *text)
{
    buf_clear(out);
    struct text_error error;
    must(text_single(bytes_of(text), out, &error) == OK);
    return buf_bytes(out);
}
