/* Any bytes from a peer: the first of them says whether they come behind a
 * handshake, and in what pieces.  A channel that hears a signal can say it to
 * another, which hears the same. */
#include <stddef.h>
#include <stdint.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "err.h"
#include "term/etf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum opening { BEHIND_HANDSHAKE, AS_DIALLED, AS_DIALLING, OPENINGS };

static const struct channel_self self = {.name = {(const uint8_t *)"a@h", 3},
                                         .cookie = {(const uint8_t *)"secret", 6},
                                         .flags = DFLAGS_OURS,
                                         .creation = 7};

struct pair {
    struct channel *dials, *accepts;
};

static void pass(struct channel *from, struct channel *to, enum channel_event wanted)
{
    struct signal signal;
    channel_feed(to, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
    must(channel_next(to, &signal) == wanted);
}

static struct pair joined(void)
{
    struct pair p = {channel_dial(&self, BYTES("a@h"), 1), channel_accept(&self, 2)};
    pass(p.dials, p.accepts, CHANNEL_NAMED);
    channel_answer(p.accepts, STATUS_OK);
    pass(p.accepts, p.dials, CHANNEL_QUIET);
    pass(p.dials, p.accepts, CHANNEL_UP);
    pass(p.accepts, p.dials, CHANNEL_UP);
    return p;
}

static void pair_free(struct pair *p)
{
    channel_free(p->dials);
    channel_free(p->accepts);
}

/* Not so: requests to spawn; sends without a sender, which the flags of these
 * two ask for; exits to an alias or a name, which only 37 carries. */
static bool can_be_said(const struct signal *s)
{
    struct etf_in to = etf_open(s->to);
    if (s->kind == SIGNAL_EXIT2 && etf_peek(&to) != ETF_PID)
        return false;
    return s->kind != SIGNAL_SPAWN_REQUEST && s->from.len > 0;
}

static void say_again(struct pair *p, const struct signal *s)
{
    struct signal heard;
    channel_send(p->accepts, s);
    channel_feed(p->dials, buf_bytes(channel_out(p->accepts)));
    buf_clear(channel_out(p->accepts));
    must(channel_next(p->dials, &heard) == CHANNEL_SIGNAL);
    must(heard.kind == s->kind && heard.id == s->id);
    must(bytes_equal(heard.from, s->from) && bytes_equal(heard.to, s->to));
    must(bytes_equal(heard.ref, s->ref) && bytes_equal(heard.reason, s->reason));
    must(bytes_equal(heard.payload, s->payload));
}

static void listen(struct channel *c, struct pair *other)
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
            if (can_be_said(&signal))
                say_again(other, &signal);
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
    struct pair p = joined(), other = joined();
    struct channel *stranger = data[0] % OPENINGS == AS_DIALLING
                                   ? channel_dial(&self, BYTES("b@h"), 3)
                                   : channel_accept(&self, 3);
    struct channel *c = data[0] % OPENINGS == BEHIND_HANDSHAKE ? p.accepts : stranger;
    size_t piece = 1 + data[0] / OPENINGS;
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        channel_feed(c, (struct bytes){data + at, n});
        listen(c, &other);
    }
    channel_free(stranger);
    pair_free(&p);
    pair_free(&other);
    return 0;
}
