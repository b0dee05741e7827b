#include "channel_internal.h"

#include "../limits.h"
#include "../mem.h"
#include "flags.h"
#include "frame.h"
#include "outgoing.h"

/* --- input -------------------------------------------------------------- */

static enum frame next_frame(struct channel *c, struct bytes *body)
{
    bool up = c->state == UP, wide = up || c->self->tls;
    if (c->consumed == c->in.len)
        return FRAME_MORE;
    struct bytes rest = bytes_after(buf_bytes(&c->in), c->consumed);
    enum frame frame =
        frame_next(&rest, wide ? 4 : 2, up ? LIMIT_FRAME_BYTES : LIMIT_HANDSHAKE_BYTES, body);
    c->consumed = c->in.len - rest.len;
    return frame;
}

/* A plain connection to which the other side sends a record of TLS, a handshake or an alert of
 * version 3.x: no message of ours has such a length. */
static bool speaks_tls(const struct channel *c)
{
    if (c->self->tls || c->in.len - c->consumed < 2)
        return false;
    const uint8_t *at = c->in.at + c->consumed;
    return (at[0] == 0x16 || at[0] == 0x15) && at[1] == 3;
}

/* Reads one handshake message.  CHANNEL_QUIET with *more set means "continue". */
static enum channel_event handshake_step(struct channel *c, bool *more)
{
    struct bytes body;
    if (speaks_tls(c))
        return channel_bad(c, ERR_SPEAKS_TLS);
    switch (next_frame(c, &body)) {
    case FRAME_MORE:
        *more = false;
        return CHANNEL_QUIET;
    case FRAME_BODY:
        return channel_handshake(c, body);
    case FRAME_TICK:
        return channel_bad(c, ERR_SHAPE);
    default:
        return channel_bad(c, ERR_LIMIT);
    }
}

/* The buffer with the message must not change until it is checked: what follows it is copied. */
static void keep_in(struct channel *c)
{
    struct buf rest = {0};
    buf_put(&rest, bytes_after(buf_bytes(&c->in), c->consumed));
    c->checked_in = c->in;
    c->in = rest;
    c->consumed = 0;
}

/* Continues the check of a message. */
static enum channel_event check_step(struct channel *c, struct signal *signal)
{
    c->checking = !control_check(&c->control, LIMIT_CHECK_BYTES);
    if (c->checking)
        return CHANNEL_BUSY;
    enum err e = control_finish(&c->control, &c->scratch, signal);
    return e == OK ? CHANNEL_SIGNAL : channel_bad(c, e);
}

static enum channel_event message_begin(struct channel *c, struct bytes terms, bool versioned,
                                        struct signal *signal)
{
    enum err e = control_open(&c->control, terms, versioned, &c->scratch);
    if (e != OK)
        return channel_bad(c, e);
    enum channel_event event = check_step(c, signal);
    bool in_frame = terms.at >= c->in.at && terms.at < c->in.at + c->in.len;
    if (event == CHANNEL_BUSY && in_frame)
        keep_in(c);
    return event;
}

/* The beginning of a message that is too large.  If it has no whole control tuple, nobody can be
 * told of it. */
static enum channel_event message_cut(struct channel *c, struct bytes terms, struct signal *signal)
{
    if (control_open(&c->control, terms, false, &c->scratch) != OK)
        return CHANNEL_QUIET;
    control_cut(&c->control);
    enum err e = control_finish(&c->control, &c->scratch, signal);
    return e == OK ? CHANNEL_SIGNAL : channel_bad(c, e);
}

/* The same for one frame of an up channel. */
static enum channel_event signal_step(struct channel *c, struct signal *signal, bool *more)
{
    struct bytes body, terms;
    bool versioned;
    enum err e;
    switch (next_frame(c, &body)) {
    case FRAME_MORE:
        *more = false;
        return CHANNEL_QUIET;
    case FRAME_TICK:
        return CHANNEL_QUIET;
    case FRAME_BODY:
        break;
    default:
        return channel_bad(c, ERR_LIMIT);
    }
    switch (message_take(c->fragments, body, &terms, &versioned, &e)) {
    case MESSAGE_NONE:
        return CHANNEL_QUIET;
    case MESSAGE_WHOLE:
        return message_begin(c, terms, versioned, signal);
    case MESSAGE_CUT:
        return message_cut(c, terms, signal);
    default:
        return channel_bad(c, e);
    }
}

enum channel_event channel_next(struct channel *c, struct signal *signal)
{
    if (c->checking)
        return check_step(c, signal);
    buf_reset(&c->scratch);
    fragments_drop(c->fragments, &c->checked_in);
    fragments_forget(c->fragments);
    if (c->state == ACCEPT_OK)
        channel_send_challenge(c);
    enum channel_event event = c->state == BAD ? CHANNEL_BAD : CHANNEL_QUIET;
    bool more = true;
    size_t from = c->consumed;
    while (event == CHANNEL_QUIET && more) {
        if (fragments_release(c->fragments) ||
            (c->consumed - from > LIMIT_TICK_BYTES && c->consumed < c->in.len))
            return CHANNEL_BUSY;
        if (c->state == UP)
            event = signal_step(c, signal, &more);
        else if (channel_awaits_message(c))
            event = handshake_step(c, &more);
        else
            more = false;
    }
    if (event == CHANNEL_BAD || (event == CHANNEL_QUIET && c->consumed == c->in.len)) {
        buf_reset(&c->in);
        c->consumed = 0;
    }
    return event;
}

void channel_feed(struct channel *c, struct bytes read)
{
    if (c->state == BAD)
        return;
    /* Move only when less is left than was consumed: then all moves together cost no more than
     * the reads did. */
    if (c->consumed > c->in.len - c->consumed) {
        buf_drop(&c->in, c->consumed);
        c->consumed = 0;
    }
    buf_put(&c->in, read);
}

size_t channel_unread(const struct channel *c)
{
    return c->in.len - c->consumed + (c->checking ? c->control.payload.len : 0);
}

/* --- the interface ------------------------------------------------------ */

static struct channel *channel_new(const struct channel_self *self, enum state state,
                                   uint32_t challenge)
{
    struct channel *c = mem_take(sizeof(*c));
    c->self = self;
    c->state = state;
    c->refusal = STATUSES;
    c->challenge = challenge;
    c->fragments = fragments_new();
    c->outgoing = outgoing_new();
    return c;
}

struct channel *channel_dial(const struct channel_self *self, struct bytes peer, uint32_t challenge)
{
    struct channel *c = channel_new(self, DIAL_STATUS, challenge);
    struct hello hello = channel_hello(self);
    buf_put(&c->peer, peer);
    channel_widen(c);
    put_name(&c->out, &hello);
    return c;
}

struct channel *channel_accept(const struct channel_self *self, uint32_t challenge)
{
    return channel_new(self, ACCEPT_NAME, challenge);
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    fragments_free(c->fragments);
    outgoing_free(c->outgoing);
    buf_free(&c->scratch);
    buf_free(&c->in);
    buf_free(&c->checked_in);
    buf_free(&c->out);
    buf_free(&c->peer);
    buf_free(&c->called);
    mem_free(c);
}

void channel_answer(struct channel *c, enum status status)
{
    must(c->state == ACCEPT_NAMED || (c->state == ACCEPT_NAME && status == STATUS_NOT_ALLOWED));
    channel_send_status(c, status);
    switch (status) {
    case STATUS_OK:
    case STATUS_OK_SIMULTANEOUS:
        c->state = ACCEPT_OK;
        break;
    case STATUS_ALIVE:
        c->state = ACCEPT_ALIVE;
        break;
    default:
        must(status == STATUS_NOK || status == STATUS_NOT_ALLOWED);
        channel_bad(c, ERR_STATUS);
    }
}

void channel_replace(struct channel *c, bool replace)
{
    must(c->state == DIAL_ALIVE);
    channel_send_status(c, replace ? STATUS_TRUE : STATUS_FALSE);
    if (replace) {
        c->state = DIAL_CHALLENGE;
        return;
    }
    c->refusal = STATUS_ALIVE;
    channel_bad(c, ERR_STATUS);
}

enum err channel_error(const struct channel *c)
{
    return c->err;
}

enum status channel_refusal(const struct channel *c)
{
    return c->refusal;
}

struct bytes channel_peer(const struct channel *c)
{
    return buf_bytes(&c->peer);
}

struct bytes channel_called(const struct channel *c)
{
    return buf_bytes(&c->called);
}

uint32_t channel_peer_creation(const struct channel *c)
{
    return c->creation;
}

uint64_t channel_announced(const struct channel *c)
{
    return c->announced;
}

uint64_t channel_flags(const struct channel *c)
{
    return c->flags;
}

bool channel_is_up(const struct channel *c)
{
    return c->state == UP;
}

void channel_send(struct channel *c, const struct signal *signal)
{
    must(c->state == UP);
    if (control_can_write(signal->kind, c->flags))
        outgoing_send(c->outgoing, signal, c->flags, &c->out);
}

void channel_fill(struct channel *c, size_t bytes)
{
    outgoing_fill(c->outgoing, bytes, &c->out);
}

size_t channel_kept(const struct channel *c)
{
    return outgoing_kept(c->outgoing);
}

size_t channel_largest(const struct channel *c)
{
    return outgoing_largest(c->outgoing);
}

void channel_check(const struct channel *c)
{
    outgoing_check(c->outgoing);
}

void channel_tick(struct channel *c)
{
    must(c->state == UP);
    buf_put_u32(&c->out, 0);
}

struct buf *channel_out(struct channel *c)
{
    return &c->out;
}
