#include "channel_internal.h"

enum channel_event channel_bad(struct channel *c, enum err e)
{
    must(e != OK && c->state != BAD);
    c->state = BAD;
    c->err = e;
    return CHANNEL_BAD;
}

struct hello channel_hello(const struct channel_self *self)
{
    return (struct hello){.flags = self->flags, .creation = self->creation, .name = self->name};
}

static void agree(struct channel *c, const struct hello *peer)
{
    c->creation = peer->creation;
    c->announced = peer->flags;
    c->flags = c->self->flags & peer->flags;
}

void channel_widen(struct channel *c)
{
    if (c->self->tls)
        buf_put_u16(&c->out, 0);
}

void channel_send_challenge(struct channel *c)
{
    struct hello self = channel_hello(c->self);
    channel_widen(c);
    put_challenge(&c->out, &self, c->challenge);
    c->state = ACCEPT_REPLY;
}

void channel_send_status(struct channel *c, enum status status)
{
    channel_widen(c);
    put_status(&c->out, status);
}

static bool digest_valid(const struct channel *c, const uint8_t digest[DIGEST_BYTES])
{
    uint8_t wanted[DIGEST_BYTES];
    digest_make(wanted, c->self->cookie, c->challenge);
    return digest_equal(wanted, digest);
}

static enum channel_event up(struct channel *c)
{
    c->state = UP;
    return CHANNEL_UP;
}

static enum channel_event dial_status(struct channel *c, struct bytes message)
{
    enum status status;
    enum err e = read_status(message, &status);
    if (e != OK)
        return channel_bad(c, e);
    switch (status) {
    case STATUS_OK:
    case STATUS_OK_SIMULTANEOUS:
        c->state = DIAL_CHALLENGE;
        return CHANNEL_QUIET;
    case STATUS_ALIVE:
        c->state = DIAL_ALIVE;
        return CHANNEL_ALIVE;
    case STATUS_NOK:
    case STATUS_NOT_ALLOWED:
        c->refusal = status;
        return channel_bad(c, ERR_STATUS);
    default:
        return channel_bad(c, ERR_SHAPE);
    }
}

static enum channel_event dial_challenge(struct channel *c, struct bytes message)
{
    struct hello peer;
    uint32_t challenge;
    enum err e = read_challenge(message, &peer, &challenge);
    if (e == OK && !bytes_equal(peer.name, buf_bytes(&c->peer))) {
        buf_put(&c->called, peer.name);
        e = ERR_NAME;
    }
    if (e != OK)
        return channel_bad(c, e);
    agree(c, &peer);
    uint8_t digest[DIGEST_BYTES];
    digest_make(digest, c->self->cookie, challenge);
    channel_widen(c);
    put_reply(&c->out, c->challenge, digest);
    c->state = DIAL_ACK;
    return CHANNEL_QUIET;
}

static enum channel_event dial_ack(struct channel *c, struct bytes message)
{
    uint8_t digest[DIGEST_BYTES];
    enum err e = read_ack(message, digest);
    if (e == OK && !digest_valid(c, digest))
        e = ERR_COOKIE;
    return e == OK ? up(c) : channel_bad(c, e);
}

static enum channel_event accept_name(struct channel *c, struct bytes message)
{
    struct hello peer;
    enum err e = read_name(message, &peer);
    bool nameless = e == OK && peer.name.len == 0;
    if (e == ERR_FLAGS || nameless)
        channel_send_status(c, STATUS_NOT_ALLOWED);
    if (e != OK || nameless)
        return channel_bad(c, nameless ? ERR_NAME : e);
    agree(c, &peer);
    buf_put(&c->peer, peer.name);
    c->state = ACCEPT_NAMED;
    return CHANNEL_NAMED;
}

static enum channel_event accept_alive(struct channel *c, struct bytes message)
{
    enum status status;
    enum err e = read_status(message, &status);
    if (e != OK)
        return channel_bad(c, e);
    if (status == STATUS_TRUE) {
        channel_send_challenge(c);
        return CHANNEL_QUIET;
    }
    if (status != STATUS_FALSE)
        return channel_bad(c, ERR_SHAPE);
    c->refusal = status;
    return channel_bad(c, ERR_STATUS);
}

static enum channel_event accept_reply(struct channel *c, struct bytes message)
{
    uint32_t challenge;
    uint8_t digest[DIGEST_BYTES];
    enum err e = read_reply(message, &challenge, digest);
    if (e == OK && !digest_valid(c, digest))
        e = ERR_COOKIE;
    if (e != OK)
        return channel_bad(c, e);
    digest_make(digest, c->self->cookie, challenge);
    channel_widen(c);
    put_ack(&c->out, digest);
    return up(c);
}

static enum channel_event (*const steps[STATES])(struct channel *, struct bytes) = {
    [DIAL_STATUS] = dial_status, [DIAL_CHALLENGE] = dial_challenge, [DIAL_ACK] = dial_ack,
    [ACCEPT_NAME] = accept_name, [ACCEPT_ALIVE] = accept_alive,     [ACCEPT_REPLY] = accept_reply,
};

bool channel_awaits_message(const struct channel *c)
{
    return steps[c->state] != NULL;
}

enum channel_event channel_handshake(struct channel *c, struct bytes message)
{
    return steps[c->state](c, message);
}
