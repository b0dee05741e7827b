#include "../dist/command_name.h"
#include "../dist/fit.h"
#include "internal.h"
#include "simultaneous.h"

#define TICKS_A_TICKTIME 4
/* Net_ticktimes in which a peer has to read something of what it is sent.  Reading is the least
 * that a node does, and a BEAM never puts it off: a peer that sends ticks and reads nothing is
 * half dead or hostile.  More than one, for a line may be bad. */
#define TICKTIMES_UNREAD 4
/* Nanoseconds that a short message takes, with its answer, and each of its bytes: they are read,
 * checked and copied. */
#define WORK_EVENT 500
#define WORK_BYTE  2

struct bytes link_name(const struct connection *x)
{
    if (x->channel != NULL && channel_peer(x->channel).len > 0)
        return channel_peer(x->channel);
    return x->peer != NULL ? buf_bytes(&x->peer->name) : BYTES("a stranger");
}

bool link_is_up(const struct connection *x)
{
    return x->peer != NULL && x->peer->up == x;
}

void link_accepted(struct connection *x, struct turn *t)
{
    x->accepted = x->opened = true;
    x->channel = channel_accept(&x->cluster->self, (uint32_t)turn_random(t));
    strangers_add(x);
}

void link_opened(struct connection *x, struct turn *t)
{
    x->channel =
        channel_dial(&x->cluster->self, buf_bytes(&x->peer->name), (uint32_t)turn_random(t));
    x->waits = link_is_connecting(x, buf_bytes(&x->peer->name));
    if (x->waits)
        wakeup_set(x->cluster->wakeups, &x->timer, t->now_ms + LIMIT_LET_IN_MS);
    else
        connection_flush(x, t);
}

/* It has waited long enough. */
static void link_begin(struct connection *x, struct turn *t)
{
    x->waits = false;
    wakeup_set(x->cluster->wakeups, &x->timer, t->now_ms + LIMIT_HANDSHAKE_MS);
    connection_flush(x, t);
}

static void link_down(struct peer *p, struct turn *t)
{
    struct cluster *c = p->cluster;
    p->up = NULL;
    if (t->now_ms - p->up_ms >= LIMIT_LINK_LASTED_MS)
        p->backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    c->untidy = true;
    c->listener.down(c->listener.who, buf_bytes(&p->name), t);
}

/* Why an attempt of ours has failed.  A node that serves has its name at epmd to itself: what the
 * peer is connected to is an earlier run of it, or its own attempt. */
static enum unreachable link_failure(const struct connection *x, bool closed)
{
    enum status refusal = x->channel != NULL ? channel_refusal(x->channel) : STATUSES;
    if (!x->cluster->options.serves && (refusal == STATUS_ALIVE || refusal == STATUS_NOK))
        return UNREACHABLE_TAKEN;
    bool unchallenged = x->opened && channel_flags(x->channel) == 0;
    return closed && unchallenged ? UNREACHABLE_CLOSED : UNREACHABLE;
}

/* Takes the connection away from its peer and ends it. */
static void link_end(struct connection *x, bool closed, const char *why, struct turn *t)
{
    struct peer *p = x->peer;
    bool up = link_is_up(x), attempt = p != NULL && p->attempt == x;
    enum unreachable failure = link_failure(x, closed);
    connection_end(x, closed, t);
    if (up) {
        link_down(p, t);
        peer_redial_later(p, t);
    }
    if (attempt) {
        p->attempt = NULL;
        peer_failed(p, failure, why, t);
    }
}

/* A failed attempt of ours is logged as such. */
static void log_break(const struct connection *x, const char *why, struct turn *t)
{
    if (!link_is_up(x)) {
        if (x->accepted)
            strangers_log(x, why, t);
    } else if (few_lines_may(&x->cluster->end_lines, t)) {
        turn_log(t, LOG_WARNING, "%.*s disconnected: %s", TEXT(link_name(x)), why);
    }
}

void link_break(struct connection *x, const char *why, struct turn *t)
{
    log_break(x, why, t);
    link_end(x, false, why, t);
}

/* Both have dialled, and the peer's attempt is the one that is kept: ours has not failed.
 * Should the peer's fail, we dial again. */
static void link_yield(struct connection *x, bool closed, struct turn *t)
{
    struct peer *p = x->peer;
    connection_end(x, closed, t);
    p->attempt = NULL;
    p->cluster->untidy = true;
    if (p->up == NULL)
        peer_redial_later(p, t);
}

static void log_closed(const struct connection *x, struct turn *t)
{
    if (!command_name_is(link_name(x)) && few_lines_may(&x->cluster->end_lines, t))
        turn_log(t, LOG_INFO, "%.*s closed the connection", TEXT(link_name(x)));
}

void link_closed(struct connection *x, const char *why, struct turn *t)
{
    struct peer *p = x->peer;
    if (p != NULL && p->attempt == x && link_is_answered(x) &&
        link_is_connecting(x, buf_bytes(&p->name))) {
        link_yield(x, true, t);
        return;
    }
    if (!x->opened)
        log_break(x, why, t);
    else if (link_is_up(x))
        log_closed(x, t);
    else if (!x->accepted)
        why = "closed by the peer in the handshake: does it have the same cookie?";
    link_end(x, true, why, t);
}

static void log_not_allowed(const struct connection *x, struct turn *t)
{
    struct cluster *c = x->cluster;
    bool allowed = cluster_allows(c, channel_peer(x->channel));
    c->not_allowed += !allowed;
    strangers_log(x, allowed ? "it may not connect to this node" : CLUSTER_NOT_ALLOWED, t);
}

/* Answers a peer that has named itself; false when the connection is no more. */
static bool link_named(struct connection *x, struct turn *t)
{
    enum status status = link_status(x);
    channel_answer(x->channel, status);
    connection_flush(x, t);
    if (status != STATUS_NOK && status != STATUS_NOT_ALLOWED)
        return true;
    if (status == STATUS_NOT_ALLOWED)
        log_not_allowed(x, t);
    connection_end(x, false, t);
    return false;
}

static uint64_t tick_ms(const struct cluster *c)
{
    return c->options.ticktime_ms / TICKS_A_TICKTIME;
}

static void link_up(struct connection *x, struct turn *t)
{
    struct cluster *c = x->cluster;
    if (link_yields(x, peer_find(c, channel_peer(x->channel)))) {
        connection_end(x, false, t);
        return;
    }
    struct peer *p = peer_named(c, channel_peer(x->channel));
    if (p->up != NULL) {
        if (few_lines_may(&c->end_lines, t))
            turn_log(t, LOG_INFO, "%.*s reconnected", TEXT(p->name));
        connection_end(p->up, false, t);
        link_down(p, t);
    }
    if (p->attempt != NULL && p->attempt != x)
        connection_end(p->attempt, false, t);
    p->attempt = NULL;
    strangers_remove(x);
    c->listener.trust(c->listener.who, x->id);
    x->peer = p;
    p->up = x;
    p->up_ms = t->now_ms;
    peer_set(p, p->dialling == DIAL_ONCE ? DIAL_NEVER : p->dialling, true);
    wakeup_stop(c->wakeups, &p->redial);
    wakeup_set(c->wakeups, &x->timer, t->now_ms + tick_ms(c));
    answers_send(p, t);
    c->listener.up(c->listener.who, buf_bytes(&p->name), t);
}

static void put_reason(struct buf *out, const struct connection *x)
{
    enum status refusal = channel_refusal(x->channel);
    if (channel_called(x->channel).len > 0)
        buf_printf(out, "the node there is called %.*s", TEXT(channel_called(x->channel)));
    else if (channel_error(x->channel) != ERR_STATUS || refusal == STATUSES)
        buf_printf(out, "%s", err_text(channel_error(x->channel)));
    else
        buf_printf(out,
                   "the peer refuses this node: is it allowed there (allow, net_kernel:allow/1)?");
    buf_put_u8(out, '\0');
}

/* A peer that breaks the protocol, has another cookie, or refuses. */
static void link_bad(struct connection *x, struct turn *t)
{
    connection_flush(x, t);
    bool has_answers = x->peer != NULL && x->peer->answer_count > 0;
    if (channel_refusal(x->channel) == STATUS_NOK &&
        (x->peer->dialling != DIAL_ONCE || has_answers)) {
        link_yield(x, false, t);
        return;
    }
    if (channel_refusal(x->channel) == STATUS_FALSE) {
        link_end(x, false, NULL, t); /* two nodes of one name: the first one keeps it */
        return;
    }
    struct buf why = {0};
    x->cluster->broken_for[channel_error(x->channel)]++;
    put_reason(&why, x);
    link_break(x, (const char *)why.at, t);
    buf_free(&why);
}

/* Handles the rest in a step of its own. */
static void link_continue(struct connection *x, struct turn *t);

static void link_signal(struct connection *x, const struct signal *signal, struct turn *t)
{
    struct cluster *c = x->cluster;
    c->listener.signal(c->listener.who, buf_bytes(&x->peer->name), signal, t);
}

/* One event of the channel; false when the connection is no more. */
static bool link_event(struct connection *x, enum channel_event event, const struct signal *signal,
                       struct turn *t)
{
    struct cluster *c = x->cluster;
    uint32_t id = x->id;
    switch (event) {
    case CHANNEL_NAMED:
        return link_named(x, t);
    case CHANNEL_ALIVE:
        channel_replace(x->channel, x->cluster->options.serves && x->peer->up == NULL);
        break;
    case CHANNEL_UP:
        connection_flush(x, t);
        link_up(x, t);
        break;
    case CHANNEL_SIGNAL:
        link_signal(x, signal, t);
        break;
    case CHANNEL_BAD:
        link_bad(x, t);
        return false;
    case CHANNEL_BUSY:
        turn_worked(t, WORK_BYTE * (uint64_t)LIMIT_CHECK_BYTES);
        link_continue(x, t);
        break;
    case CHANNEL_QUIET:
        break;
    }
    return connection_find(c, id) == x;
}

static size_t bytes_unsent(const struct connection *x)
{
    return x->queued + channel_out(x->channel)->len + channel_kept(x->channel);
}

/* A single large answer does not count: others pass it. */
static bool link_reads_too_little(const struct connection *x)
{
    return link_is_up(x) && bytes_unsent(x) - channel_largest(x->channel) > LIMIT_QUEUE_SLOW_BYTES;
}

/* A peer that does not read its answers waits for more of them, and one whose large message is
 * being worked off until that is done, so that the order of what it sends is kept.  Its bytes are
 * read from the connection all the same: two nodes that each waited for the other to read would
 * wait for ever. */
static bool link_must_wait(const struct connection *x)
{
    return x->holds > 0 || x->work.place != 0 || link_reads_too_little(x);
}

/* One that has more than its turn's work ahead of it is read from again when that is done.  One
 * that waits for its peer to read is not slowed down so: see link_must_wait(). */
static void link_pace(struct connection *x, struct turn *t)
{
    struct cluster *c = x->cluster;
    bool rests = x->work.place != 0 && !link_reads_too_little(x) &&
                 channel_unread(x->channel) > LIMIT_AHEAD_BYTES;
    if (rests == x->rests)
        return;
    x->rests = rests;
    x->read_ms = t->now_ms;
    c->listener.rest(c->listener.who, x->id, rests);
}

/* Handles one event of the channel; false when the connection is no more. */
static bool link_handle_one(struct connection *x, enum channel_event *event, struct turn *t)
{
    struct signal signal;
    size_t unread = channel_unread(x->channel);
    *event = channel_next(x->channel, &signal);
    size_t left = channel_unread(x->channel);
    turn_worked(t, WORK_EVENT + (left < unread ? WORK_BYTE * (uint64_t)(unread - left) : 0));
    return link_event(x, *event, &signal, t);
}

/* Handles what the channel has, as far as the peer need not wait.  What is more than a step's work
 * is left to the next one: others have their turn before. */
static void link_handle(struct connection *x, struct turn *t)
{
    enum channel_event event = CHANNEL_SIGNAL;
    while (event != CHANNEL_QUIET && !link_must_wait(x)) {
        if (!link_handle_one(x, &event, t))
            return;
        if (event != CHANNEL_QUIET && t->work > LIMIT_STEP_WORK && channel_unread(x->channel) > 0)
            link_continue(x, t);
    }
    connection_flush(x, t);
    link_pace(x, t);
}

static void on_work(struct wakeup *w, struct turn *t)
{
    struct connection *x = CONTAINER_OF(w, struct connection, work);
    link_handle(x, t);
}

static void link_continue(struct connection *x, struct turn *t)
{
    x->work.ring = on_work;
    wakeup_set(x->cluster->wakeups, &x->work, t->now_ms);
}

void link_release(struct connection *x, struct turn *t)
{
    x->holds -= x->holds > 0;
    if (x->holds == 0)
        link_continue(x, t);
}

void link_bytes(struct connection *x, struct bytes bytes, struct turn *t)
{
    x->read_ms = t->now_ms;
    channel_feed(x->channel, bytes);
    bool full = channel_unread(x->channel) > LIMIT_UNREAD_BYTES;
    if (full && link_reads_too_little(x)) {
        link_break(x, "it sends requests and does not read the answers", t);
        return;
    }
    /* It sends large messages faster than they are worked off in slices.  So its next bytes are not
     * read before some of these are handled. */
    if (full && x->holds > 0)
        x->cluster->listener.finish(x->cluster->listener.who, t);
    if (full)
        wakeup_stop(x->cluster->wakeups, &x->work);
    link_handle(x, t);
}

static bool has_much_unsent(const struct connection *x)
{
    return bytes_unsent(x) > LIMIT_CHANGE_QUEUE_BYTES;
}

bool link_is_busy(struct connection *x)
{
    x->awaited |= has_much_unsent(x);
    return x->awaited;
}

/* Reports what has drained. */
static void report_drained(struct connection *x, struct turn *t)
{
    const struct cluster_listener *l = &x->cluster->listener;
    bool drained = x->slow && x->queued + x->kept <= LIMIT_QUEUE_SLOW_BYTES / 2;
    bool idle = x->awaited && !has_much_unsent(x);
    x->slow &= !drained;
    x->awaited &= !idle;
    if (drained)
        l->drained(l->who, buf_bytes(&x->peer->name), t);
    if (idle)
        l->idle(l->who, buf_bytes(&x->peer->name));
}

void link_written(struct connection *x, size_t count, struct turn *t)
{
    struct cluster *c = x->cluster;
    must(count <= x->queued);
    x->queued -= count;
    c->queued -= count;
    x->moved_ms = t->now_ms;
    connection_flush(x, t);
    if (link_is_up(x))
        report_drained(x, t);
    if (link_is_up(x) && channel_unread(x->channel) > 0)
        link_handle(x, t);
}

static void queue(struct connection *x, const struct signal *signal, struct turn *t)
{
    size_t bytes = signal->payload.len + signal->rest.part.len + signal->reason.len;
    if (bytes > LIMIT_FRAME_BYTES) {
        turn_log(t, LOG_ERROR,
                 "a message of %zu bytes for %.*s is too large to be sent: at most %d are", bytes,
                 TEXT(link_name(x)), LIMIT_FRAME_BYTES);
        return;
    }
    connection_mark(x);
    if (bytes_unsent(x) > LIMIT_QUEUE_BYTES) {
        x->overflowed = true;
        return;
    }
    channel_send(x->channel, signal);
    /* A peer that does not even begin to read gets no more than it needs. */
    bool stuck = x->queued > 0 && x->moved_ms + x->cluster->options.ticktime_ms <= t->now_ms;
    if (stuck || bytes_unsent(x) > LIMIT_QUEUE_SLOW_BYTES)
        x->slow = true;
}

void link_send(struct connection *x, const struct signal *signal, struct turn *t)
{
    struct cluster *c = x->cluster;
    struct signal fit = *signal;
    struct buf memory = {0};
    if (signal_fit(&fit, channel_flags(x->channel), &memory))
        queue(x, &fit, t);
    else if (log_is_due(&c->withheld))
        turn_log(t, LOG_WARNING,
                 "not sent to %.*s: a native record, unknown before OTP 29 (%llu so far)",
                 TEXT(link_name(x)), (unsigned long long)c->withheld);
    buf_free(&memory);
}

/* When a peer that reads nothing is given up. */
static uint64_t unread_ms(const struct connection *x)
{
    if (x->queued == 0)
        return UINT64_MAX;
    return x->moved_ms + TICKTIMES_UNREAD * x->cluster->options.ticktime_ms;
}

/* When a silent peer is given up.  One that is not read from is not known to be silent. */
static uint64_t silent_ms(const struct connection *x)
{
    return x->rests ? UINT64_MAX : x->read_ms + x->cluster->options.ticktime_ms;
}

/* The timer is not moved whenever something is read or written: it rings at the first moment
 * when anything can be due, and is rearmed. */
static void link_wait(struct connection *x)
{
    struct cluster *c = x->cluster;
    uint64_t due = x->written_ms + tick_ms(c);
    uint64_t others[] = {silent_ms(x), unread_ms(x)};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        due = others[i] < due ? others[i] : due;
    wakeup_set(c->wakeups, &x->timer, due);
}

static const char *unshaken(const struct connection *x)
{
    if (x->opened)
        return "no handshake in time";
    return x->cluster->options.tls ? "no TLS handshake in time: is it a node without TLS?"
                                   : "its host does not answer";
}

void link_wake(struct connection *x, struct turn *t)
{
    struct cluster *c = x->cluster;
    uint64_t now = t->now_ms;
    if (x->waits) {
        link_begin(x, t);
    } else if (!link_is_up(x)) {
        link_break(x, unshaken(x), t);
    } else if (silent_ms(x) <= now) {
        link_break(x, "silent for longer than net_ticktime", t);
    } else if (unread_ms(x) <= now) {
        link_break(x, "it reads nothing of what it is sent", t);
    } else {
        if (x->written_ms + tick_ms(c) <= now) {
            channel_tick(x->channel);
            connection_flush(x, t);
        }
        link_wait(x);
    }
}
