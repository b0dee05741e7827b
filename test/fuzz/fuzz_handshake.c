/* A handshake between two channels on whose way somebody changes bytes.
 *
 * The input says who they are (flags old and new, one cookie or two, TLS or not), how the acceptor
 * answers, and which bytes of which message are changed, left out or added.  A side is up only if
 * the other knows its cookie; without changes, they are up exactly if they must be.  The rest of
 * the input is read as each message: one that is accepted is accepted as it is written again. */
#include <stddef.h>
#include <stdint.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "dist/wire.h"
#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- messages ------------------------------------------------------------------------------- */

/* After its length. */
static struct bytes content(const struct buf *message)
{
    struct wire in = wire_open(buf_bytes(message));
    must(wire_u16(&in) == in.left.len);
    return in.left;
}

static bool same_hello(const struct hello *a, const struct hello *b)
{
    return a->flags == b->flags && a->creation == b->creation && bytes_equal(a->name, b->name);
}

static void names(struct bytes message)
{
    struct hello peer, again;
    uint32_t challenge, same;
    struct buf out = {0};
    if (read_name(message, &peer) == OK && peer.name.len > 0) {
        must(node_name_valid(peer.name));
        put_name(&out, &peer);
        must(read_name(content(&out), &again) == OK && same_hello(&peer, &again));
    }
    buf_clear(&out);
    if (read_challenge(message, &peer, &challenge) == OK && peer.name.len > 0) {
        put_challenge(&out, &peer, challenge);
        must(read_challenge(content(&out), &again, &same) == OK);
        must(same_hello(&peer, &again) && same == challenge);
    }
    buf_free(&out);
}

static void others(struct bytes message)
{
    struct buf out = {0};
    enum status status;
    uint32_t challenge;
    uint8_t digest[DIGEST_BYTES];
    if (read_status(message, &status) == OK)
        put_status(&out, status);
    else if (read_reply(message, &challenge, digest) == OK)
        put_reply(&out, challenge, digest);
    else if (read_ack(message, digest) == OK)
        put_ack(&out, digest);
    must(out.len == 0 || bytes_equal(content(&out), message));
    buf_free(&out);
}

/* --- two channels ------------------------------------------------------------------------------
 */

struct side {
    struct channel_self self;
    struct channel *channel;
    bool up, bad;
};

struct talk {
    struct side dialler, acceptor;
    enum status answer;
    bool replace, changed;
    unsigned messages; /* passed so far */
};

/* The flags of a peer: ours, visible, without what is optional, of another release, too few. */
static uint64_t flags_of(uint8_t which)
{
    static const uint64_t flags[] = {
        DFLAGS_OURS,
        DFLAGS_OURS | DFLAG_PUBLISHED,
        DFLAGS_MANDATORY_25,
        DFLAG_MANDATORY_25_DIGEST,
        DFLAGS_OURS & ~DFLAG_FRAGMENTS,
        DFLAGS_OURS & ~DFLAG_MANDATORY_25_DIGEST & ~DFLAG_MAP_TAG,
        UINT64_MAX & ~DFLAG_NAME_ME,
        0,
    };
    return flags[which % (sizeof(flags) / sizeof(flags[0]))];
}

/* As the other side takes them. */
static uint64_t announced(uint64_t flags)
{
    return (flags & DFLAG_MANDATORY_25_DIGEST) != 0 ? flags | DFLAGS_MANDATORY_25 : flags;
}

static bool has_enough(uint64_t flags)
{
    return (~announced(flags) & DFLAGS_MANDATORY_25) == 0;
}

/* A change: the message that it is in, where, and what. */
struct change {
    uint8_t message, at, what;
};

static void apply(struct talk *t, struct buf *bytes, const struct change *change)
{
    size_t at = bytes->len == 0 ? 0 : change->at % bytes->len;
    t->changed = true;
    switch (change->what % 4) {
    case 0:
        bytes->len = at;
        break;
    case 1:
        buf_put_u8(bytes, change->at);
        break;
    default:
        if (bytes->len > 0)
            bytes->at[at] ^= change->what;
        break;
    }
}

/* What one has written goes to the other, changed on its way. */
static bool pass(struct talk *t, struct side *from, struct side *to, struct bytes changes)
{
    struct buf *out = channel_out(from->channel);
    if (out->len == 0)
        return false;
    for (; changes.len >= 3; changes.at += 3, changes.len -= 3) {
        struct change change = {changes.at[0], changes.at[1], changes.at[2]};
        if (change.message % 8 == t->messages)
            apply(t, out, &change);
    }
    t->messages++;
    channel_feed(to->channel, buf_bytes(out));
    buf_clear(out);
    return true;
}

static void act(struct talk *t, struct side *s)
{
    struct signal signal;
    for (enum channel_event e; (e = channel_next(s->channel, &signal)) != CHANNEL_QUIET;) {
        channel_check(s->channel);
        if (e == CHANNEL_NAMED) {
            must(node_name_valid(channel_peer(s->channel)));
            channel_answer(s->channel, t->answer);
        } else if (e == CHANNEL_ALIVE) {
            channel_replace(s->channel, t->replace);
        } else if (e == CHANNEL_UP) {
            must(!s->up && channel_is_up(s->channel));
            must((channel_flags(s->channel) & ~s->self.flags) == 0);
            s->up = true;
        } else if (e == CHANNEL_BAD) {
            must(channel_error(s->channel) != OK);
            s->bad = true;
            return;
        } else {
            must(e == CHANNEL_SIGNAL || e == CHANNEL_BUSY);
        }
    }
}

static void finished(const struct talk *t)
{
    const struct side *d = &t->dialler, *a = &t->acceptor;
    bool cookies = bytes_equal(d->self.cookie, a->self.cookie);
    must(cookies || (!d->up && !a->up));
    if (t->changed)
        return;
    bool welcome = t->answer == STATUS_OK || t->answer == STATUS_OK_SIMULTANEOUS ||
                   (t->answer == STATUS_ALIVE && t->replace);
    bool agree = cookies && welcome && d->self.tls == a->self.tls && has_enough(d->self.flags) &&
                 has_enough(a->self.flags);
    must(d->up == agree && a->up == agree && (agree || d->bad || a->bad || d->self.tls));
    if (!agree)
        return;
    must(channel_flags(d->channel) == (d->self.flags & announced(a->self.flags)));
    must(channel_flags(a->channel) == (a->self.flags & announced(d->self.flags)));
}

static struct channel_self self_of(uint8_t who, struct bytes name, uint8_t flags)
{
    bool tls = (who & 2) != 0, other_cookie = (who & 1) != 0;
    return (struct channel_self){.name = name,
                                 .cookie = other_cookie ? BYTES("guess") : BYTES("secret"),
                                 .flags = flags_of(flags),
                                 .creation = 7,
                                 .tls = tls};
}

static void talk(struct wire *in)
{
    static const enum status answers[] = {STATUS_OK, STATUS_OK_SIMULTANEOUS, STATUS_NOK,
                                          STATUS_NOT_ALLOWED, STATUS_ALIVE};
    struct talk t = {0};
    uint8_t who = wire_u8(in), answer = wire_u8(in), flags = wire_u8(in);
    t.dialler.self = self_of(who & 3, BYTES("d@h"), flags & 15);
    t.acceptor.self = self_of(who >> 2 & 3, BYTES("a@h"), flags >> 4);
    t.answer = answers[answer % 5];
    t.replace = answer >= 128;
    t.dialler.channel = channel_dial(&t.dialler.self, BYTES("a@h"), 1000);
    t.acceptor.channel = channel_accept(&t.acceptor.self, 2000 + answer);
    struct bytes changes = wire_bytes(in, (size_t)3 * (wire_u8(in) % 8));
    for (bool more = true; more;) {
        more = pass(&t, &t.dialler, &t.acceptor, changes);
        act(&t, &t.acceptor);
        more = pass(&t, &t.acceptor, &t.dialler, changes) || more;
        act(&t, &t.dialler);
    }
    finished(&t);
    channel_free(t.dialler.channel);
    channel_free(t.acceptor.channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire in = wire_open((struct bytes){data, size});
    talk(&in);
    names(in.left);
    others(in.left);
    return 0;
}
