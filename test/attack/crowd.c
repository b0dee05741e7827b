#include "crowd.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"

#define OPEN_AT_ONCE 64

uint64_t draw(void)
{
    static uint64_t state = 1;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Resets the connection, so that its port can be used again at once. */
static void reset(int fd)
{
    struct linger linger = {1, 0};
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

void crowd_open(struct crowd *c, uint16_t port, unsigned count)
{
    *c = (struct crowd){.port = port, .count = count};
    c->fds = mem_take(count * sizeof(c->fds[0]));
    c->written = mem_take(count * sizeof(c->written[0]));
    for (unsigned i = 0; i < count; i++)
        c->fds[i] = -1;
    crowd_turn(c, (struct bytes){0}, 0);
}

void crowd_close(struct crowd *c)
{
    for (unsigned i = 0; i < c->count; i++)
        reset(c->fds[i]);
    mem_free(c->fds);
    mem_free(c->written);
}

static bool was_closed(int fd)
{
    uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

void crowd_turn(struct crowd *c, struct bytes text, size_t at_once)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (c->fds[i] >= 0 && was_closed(c->fds[i])) {
            reset(c->fds[i]);
            c->fds[i] = -1;
            c->closed++;
        }
        if (c->fds[i] < 0) {
            c->fds[i] = connect_to(c->port);
            c->written[i] = 0;
            c->opened += c->fds[i] >= 0;
        }
        for (size_t n = 0; n < at_once && c->fds[i] >= 0; n++)
            if (send(c->fds[i], text.at + c->written[i] % text.len, 1, MSG_NOSIGNAL) == 1)
                c->written[i]++;
    }
}

void storm(struct scene *s, uint16_t port, void (*say)(struct buf *out, unsigned long number))
{
    int fds[OPEN_AT_ONCE];
    struct buf out = {0};
    unsigned long number = 0;
    for (unsigned i = 0; i < OPEN_AT_ONCE; i++)
        fds[i] = -1;
    for (; time_is_left(s); number++) {
        int *fd = &fds[number % OPEN_AT_ONCE];
        reset(*fd);
        *fd = connect_to(port);
        buf_clear(&out);
        say(&out, number);
        if (*fd >= 0 && out.len > 0)
            (void)!send(*fd, out.at, out.len, MSG_NOSIGNAL);
    }
    for (unsigned i = 0; i < OPEN_AT_ONCE; i++)
        reset(fds[i]);
    buf_free(&out);
    figure(s, "%lu connections", number);
}
