/* Attacks on the web server of the metrics. */
#include <string.h>
#include <sys/socket.h>

#include "attack.h"
#include "crowd.h"

#define CONNECTIONS 200
#define TURN_MS     20

static const char request[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static void attend(struct scene *s, struct bytes text, size_t at_once)
{
    struct crowd c;
    crowd_open(&c, s->target.web_port, CONNECTIONS);
    for (; time_is_left(s); pause_ms(TURN_MS))
        crowd_turn(&c, text, at_once);
    figure(s, "%u at once, %lu opened, %lu closed by the node", c.count, c.opened, c.closed);
    crowd_close(&c);
}

static void silent(struct scene *s)
{
    attend(s, (struct bytes){0}, 0);
}

static void slow(struct scene *s)
{
    attend(s, BYTES(request), 1);
}

/* Requests without end, of which nobody reads the answers. */
static void unread(struct scene *s)
{
    attend(s, BYTES(request), sizeof(request));
}

static void say_request(struct buf *out, unsigned long number)
{
    (void)number;
    buf_put(out, BYTES(request));
}

static void say_headers(struct buf *out, unsigned long number)
{
    (void)number;
    buf_put(out, BYTES("GET / HTTP/1.1\r\n"));
    while (out->len < 65536)
        buf_put(out, BYTES("X-More: and more and more and more and more\r\n"));
}

static void say_junk(struct buf *out, unsigned long number)
{
    (void)number;
    for (uint64_t n = 1 + draw() % 64; n > 0; n--)
        buf_put_u64(out, draw());
}

static void requests(struct scene *s)
{
    storm(s, s->target.web_port, say_request);
}

static void headers(struct scene *s)
{
    storm(s, s->target.web_port, say_headers);
}

static void junk(struct scene *s)
{
    storm(s, s->target.web_port, say_junk);
}

const struct attack web_attacks[] = {
    {"metrics: 200 silent connections", silent, 32, 0, NULL, NULL, 0},
    {"metrics: a byte at a time", slow, 32, 0, NULL, NULL, 0},
    {"metrics: answers that nobody reads", unread, 32, 0, NULL, NULL, 0},
    {"metrics: requests", requests, 32, 0, NULL, NULL, 0},
    {"metrics: 64 kB of headers", headers, 32, 0, NULL, NULL, 0},
    {"metrics: junk", junk, 32, 0, NULL, NULL, 0},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
