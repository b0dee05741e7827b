/* Arbitrary bytes from a peer; the first byte selects the state of the channel and the size of
 * the pieces.  Every signal that is read is also sent over a second connection, and must be
 * read there unchanged. */
#include <stddef.h>
#include <stdint.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "err.h"
#include "term/etf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum start { AFTER_HANDSHAKE, ACCEPTING, DIALLING, STARTS };

static const struct channel_self self = {.name = {(const uint8_t *)"a@h", 3},
                                         .cookie = {(const uint8_t *)"secret", 6},
                                         .flags = DFLAGS_OURS,
                                         .creation = 7};

struct pair {
    struct channel *dialler, *acceptor;
};

static void pass(struct channel *from, struct channel *to, enum channel_event wanted)
{
    struct signal signal;
    channel_feed(to, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
    must(channel_next(to, &signal) == wanted);
}

static struct pair connected_pair(void)
{
    struct pair p = {channel_dial(&self, BYTES("a@h"), 1), channel_accept(&self, 2)};
    struct signal signal;
    pass(p.dialler, p.acceptor, CHANNEL_NAMED);
    channel_answer(p.acceptor, STATUS_OK);
    must(channel_next(p.acceptor, &signal) == CHANNEL_QUIET);
    pass(p.acceptor, p.dialler, CHANNEL_QUIET);
    pass(p.dialler, p.acceptor, CHANNEL_UP);
    pass(p.acceptor, p.dialler, CHANNEL_UP);
    return p;
}

static void pair_free(struct pair *p)
{
    channel_free(p->dialler);
    channel_free(p->acceptor);
}

/* Not sent: spawn requests; sends without a sender, which the flags of these two require;
 * exits to an alias or a name, which only 37 carries. */
static bool can_be_sent(const struct signal *s)
{
    struct etf_in to = etf_open(s->to);
    if (s->kind == SIGNAL_EXIT2 && etf_peek(&to) != ETF_PID)
        return false;
    return s->kind != SIGNAL_SPAWN_REQUEST && s->from.len > 0;
}

static void resend(struct pair *p, const struct signal *s)
{
    struct signal received;
    channel_send(p->acceptor, s);
    channel_fill(p->acceptor, SIZE_MAX);
    channel_feed(p->dialler, buf_bytes(channel_out(p->acceptor)));
    buf_clear(channel_out(p->acceptor));
    must(channel_next(p->dialler, &received) == CHANNEL_SIGNAL);
    must(received.kind == s->kind && received.id == s->id);
    must(bytes_equal(received.from, s->from) && bytes_equal(received.to, s->to));
    must(bytes_equal(received.ref, s->ref) && bytes_equal(received.reason, s->reason));
    must(bytes_equal(received.payload, s->payload));
}

static void drain(struct channel *c, struct pair *other)
{
    struct signal signal;
    for (;;) {
        switch (channel_next(c, &signal)) {
        case CHANNEL_NAMED:
            channel_answer(c, STATUS_ALIVE);
            break;
        case CHANNEL_ALIVE:
            channel_replace(c, true);
            break;
        case CHANNEL_UP:
            break;
        case CHANNEL_SIGNAL:
            if (can_be_sent(&signal))
                resend(other, &signal);
            break;
        default:
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct pair p = connected_pair(), other = connected_pair();
    struct channel *stranger = data[0] % STARTS == DIALLING ? channel_dial(&self, BYTES("b@h"), 3)
                                                            : channel_accept(&self, 3);
    struct channel *c = data[0] % STARTS == AFTER_HANDSHAKE ? p.acceptor : stranger;
    size_t piece = 1 + data[0] / STARTS;
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        channel_feed(c, (struct bytes){data + at, n});
        drain(c, &other);
    }
    channel_free(stranger);
    pair_free(&p);
    pair_free(&other);
    return 0;
}
