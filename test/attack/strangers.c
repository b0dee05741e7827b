/* Attacks by those who do not know the cookie. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "crowd.h"
#include "dist/flags.h"
#include "dist/handshake.h"
#include "err.h"
#include "limits.h"

#define SILENT    1100
#define SLOW      400
#define TURN_MS   20
#define BYTE_MS   200
#define CALL_MS   20000
#define FEW_FILES 64

/* --- many connections that do little ------------------------------------------------------ */

static void crowd_figures(struct scene *s, const struct crowd *c)
{
    figure(s, "%u at once, %lu opened, %lu closed by the node", c->count, c->opened, c->closed);
}

static void silent(struct scene *s)
{
    struct crowd c;
    crowd_open(&c, s->target.port, SILENT);
    for (; time_is_left(s); pause_ms(TURN_MS))
        crowd_turn(&c, (struct bytes){0}, 0);
    crowd_figures(s, &c);
    crowd_close(&c);
}

static void put_hello(struct buf *out, unsigned long number)
{
    char name[64];
    snprintf(name, sizeof(name), "stranger_%lu@127.0.0.1", number);
    put_name(out, &(struct hello){DFLAGS_OURS, 1, bytes_of(name)});
}

static void slow(struct scene *s)
{
    struct crowd c;
    struct buf hello = {0};
    put_hello(&hello, 0);
    crowd_open(&c, s->target.port, SLOW);
    for (; time_is_left(s); pause_ms(BYTE_MS))
        crowd_turn(&c, buf_bytes(&hello), 1);
    crowd_figures(s, &c);
    crowd_close(&c);
    buf_free(&hello);
}

/* They say their name, and then nothing to the challenge. */
static void half_open(struct scene *s)
{
    struct crowd c;
    struct buf hello = {0};
    put_hello(&hello, 0);
    crowd_open(&c, s->target.port, SILENT);
    for (; time_is_left(s); pause_ms(TURN_MS)) {
        struct bytes rest = buf_bytes(&hello);
        for (unsigned i = 0; i < c.count; i++)
            if (c.fds[i] >= 0 && c.written[i] == 0 &&
                write(c.fds[i], rest.at, rest.len) == (ssize_t)rest.len)
                c.written[i] = rest.len;
        crowd_turn(&c, (struct bytes){0}, 0);
    }
    crowd_figures(s, &c);
    crowd_close(&c);
    buf_free(&hello);
}

/* --- those that say something else ---------------------------------------------------------- */

static void say_nothing(struct buf *out, unsigned long number)
{
    (void)out;
    (void)number;
}

static void say_junk(struct buf *out, unsigned long number)
{
    (void)number;
    for (uint64_t n = 1 + draw() % 64; n > 0; n--)
        buf_put_u64(out, draw());
}

static void say_http(struct buf *out, unsigned long number)
{
    static const char *const other[] = {
        "GET / HTTP/1.1\r\nHost: target\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a ClientHello of TLS",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "EHLO target\r\n",
    };
    buf_put(out, bytes_of(other[number % (sizeof(other) / sizeof(other[0]))]));
}

/* The longest message that there could be, of which a part comes. */
static void say_long(struct buf *out, unsigned long number)
{
    (void)number;
    buf_put_u16(out, UINT16_MAX);
    memset(buf_room(out, LIMIT_HANDSHAKE_BYTES), 'N', LIMIT_HANDSHAKE_BYTES);
    out->len += LIMIT_HANDSHAKE_BYTES;
}

static void say_name_and_digest(struct buf *out, unsigned long number)
{
    static const uint8_t digest[DIGEST_BYTES];
    put_hello(out, number);
    put_reply(out, 0, digest);
}

static void junk(struct scene *s)
{
    storm(s, s->target.port, say_junk);
}

static void http(struct scene *s)
{
    storm(s, s->target.port, say_http);
}

static void long_message(struct scene *s)
{
    storm(s, s->target.port, say_long);
}

static void guesses(struct scene *s)
{
    storm(s, s->target.port, say_name_and_digest);
}

static void comes_and_goes(struct scene *s)
{
    storm(s, s->target.port, say_nothing);
}

/* Whole handshakes under the honest peer's name, with another cookie. */
static void impostor(struct scene *s)
{
    unsigned long count = 0;
    for (; time_is_left(s); count++) {
        struct link *l = link_open(&s->target, "honest", "guessed");
        expect(s, l == NULL, "let in with another cookie");
        link_close(l);
    }
    figure(s, "%lu attempts", count);
}

/* --- few descriptors ---------------------------------------------------------------------------
 */

/* While all connections for strangers are taken, a new peer connects, and a stored replica goes on
 * storing. */
static void few_files(struct scene *s)
{
    struct crowd c;
    struct buf request = {0};
    struct bytes reply;
    unsigned answers = 0;
    struct link *l = NULL;
    crowd_open(&c, s->target.port, SILENT);
    for (; time_is_left(s); pause_ms(TURN_MS)) {
        crowd_turn(&c, (struct bytes){0}, 0);
        if (l == NULL)
            l = link_open(&s->target, "known", TARGET_COOKIE);
        if (l == NULL)
            continue;
        link_call(l, "kept", answers, term_of(&request, "{mutate, increment}"));
        answers += link_flush(l, CALL_MS) && link_reply(l, CALL_MS, &reply);
        expect(s, !l->cut, "a new peer was disconnected");
        expect(s, target_files(&s->target) < FEW_FILES, "no descriptor is left");
    }
    expect(s, answers > 0, "a new peer was not let in");
    expect(s, target_lines(&s->target, "Too many open files") == 0, "files could not be opened");
    crowd_figures(s, &c);
    link_close(l);
    crowd_close(&c);
    buf_free(&request);
}

/* --- for comparison --------------------------------------------------------------------------- */

/* No attack: only the processor is as busy as an attacker makes it. */
static void nothing(struct scene *s)
{
    volatile unsigned long turns = 0;
    while (time_is_left(s))
        turns++;
}

const struct attack stranger_attacks[] = {
    {"for comparison, a busy processor", nothing, 24, 0, NULL, NULL, 0},
    {"1,100 silent connections", silent, 24, 8, NULL, NULL, 0},
    {"handshakes a byte at a time", slow, 24, 8, NULL, NULL, 0},
    {"1,100 half-open handshakes", half_open, 24, 8, NULL, NULL, 0},
    {"connections that are reset", comes_and_goes, 24, 8, NULL, NULL, 0},
    {"junk", junk, 24, 8, NULL, NULL, 0},
    {"HTTP, TLS and others", http, 24, 8, NULL, NULL, 0},
    {"handshakes of 64 kB", long_message, 24, 8, NULL, NULL, 0},
    {"guessed digests", guesses, 24, 8, NULL, NULL, 0},
    {"an impostor of a peer", impostor, 24, 8, NULL, NULL, 0},
    {"64 descriptors", few_files, 24, 8, NULL,
     "{replica, kept, #{crdt => gcounter, storage => #{file => \"kept.dets\"}}}.\n", FEW_FILES},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
