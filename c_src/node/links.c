#include "../mem.h"
#include "inside.h"

#define TICKS_A_TICKTIME 4
/* Net_ticktimes in which a peer has to read something of what it is sent.  Reading is the least
 * that a node does, and a BEAM never puts it off; what does not read and yet sends ticks has
 * stopped half way, or is nobody's friend.  More than one, for a line may be bad. */
#define TICKTIMES_UNREAD 4

static struct bytes link_name(const struct conn *c)
{
    if (c->channel != NULL && channel_peer(c->channel).len > 0)
        return channel_peer(c->channel);
    return c->peer != NULL ? buf_bytes(&c->peer->name) : BYTES("a stranger");
}

static bool link_is_up(const struct conn *c)
{
    return c->peer != NULL && c->peer->up == c;
}

void link_accepted(struct node *n, struct conn *c)
{
    c->accepted = c->opened = true;
    c->channel = channel_accept(&n->self, (uint32_t)turn_random(&n->turn));
}

void link_opened(struct node *n, struct conn *c)
{
    c->opened = true;
    c->channel = channel_dial(&n->self, buf_bytes(&c->peer->name), (uint32_t)turn_random(&n->turn));
    conn_flush(n, c);
}

/* The connection is lost: whoever talked over it is told. */
static void link_down(struct node *n, struct peer *p)
{
    p->up = NULL;
    p->named_ms = n->turn.now_ms;
    if (n->processes == NULL)
        return;
    processes_node_down(n->processes, buf_bytes(&p->name), &n->turn);
    membership_forget(n, p);
    learning_down(n, p);
}

/* Takes the connection away from its peer and ends it. */
static void link_end(struct node *n, struct conn *c, bool closed, const char *why)
{
    struct peer *p = c->peer;
    bool up = link_is_up(c), attempt = p != NULL && p->attempt == c;
    conn_end(n, c, closed);
    n->untidy = true;
    if (up) {
        link_down(n, p);
        peer_later(n, p);
    }
    if (attempt) {
        p->attempt = NULL;
        peer_attempt_failed(n, p, why);
    }
}

void link_break(struct node *n, struct conn *c, const char *why)
{
    /* A failed attempt of ours is logged as such. */
    if (link_is_up(c) || c->accepted)
        node_log(n, LOG_WARNING, "%.*s disconnected: %s", TEXT(link_name(c)), why);
    link_end(n, c, false, why);
}

void link_closed(struct node *n, struct conn *c, enum err err)
{
    const char *why = err_text(err);
    if (link_is_up(c))
        node_log(n, LOG_INFO, "%.*s has gone", TEXT(link_name(c)));
    else if (c->opened && !c->accepted)
        why = "closed by the peer in the handshake: does it have the same cookie?";
    link_end(n, c, true, why);
}

/* The answer to a peer that has named itself.
 *
 * Both may have dialled at the same time; then the one whose name is greater in
 * the order of atoms keeps its own attempt.  An older connection that is
 * still up may be a restarted node's: the peer decides whether it is
 * (erl_dist_protocol; kernel's net_kernel.erl, accept_pending). */
static enum status link_status(struct node *n, struct conn *c)
{
    struct bytes name = channel_peer(c->channel);
    if (!node_name_valid(name) || bytes_equal(name, n->self.name) || n->stopping)
        return STATUS_NOT_ALLOWED;
    struct peer *p = peer_find(n, name);
    if (p == NULL)
        return STATUS_OK;
    if (p->up != NULL)
        return STATUS_ALIVE;
    if (p->attempt == NULL)
        return STATUS_OK;
    if (bytes_compare(n->self.name, name) > 0)
        return STATUS_NOK;
    conn_end(n, p->attempt, false);
    p->attempt = NULL;
    peer_later(n, p); /* should this one fail */
    return STATUS_OK_SIMULTANEOUS;
}

/* Answers a peer that has named itself; false when the connection is no more. */
static bool link_named(struct node *n, struct conn *c)
{
    enum status status = link_status(n, c);
    channel_answer(c->channel, status);
    if (status != STATUS_NOK && status != STATUS_NOT_ALLOWED)
        return true;
    if (status == STATUS_NOT_ALLOWED)
        node_log(n, LOG_WARNING, "%.*s may not connect to this node", TEXT(link_name(c)));
    conn_end(n, c, false);
    return false;
}

static void link_up(struct node *n, struct conn *c)
{
    struct peer *p = peer_named(n, channel_peer(c->channel));
    if (p->up != NULL) {
        struct conn *older = p->up;
        node_log(n, LOG_INFO, "%.*s has connected anew", TEXT(p->name));
        conn_end(n, older, false);
        link_down(n, p);
    }
    if (p->attempt != NULL && p->attempt != c)
        conn_end(n, p->attempt, false);
    p->attempt = NULL;
    c->peer = p;
    p->up = c;
    p->tried = p->met = true;
    p->dial_ms = 0;
    p->backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    n->settling = true;
    if (!n->client)
        node_log(n, LOG_INFO, "connected to %.*s", TEXT(p->name));
    if (n->client)
        client_peer_up(n, p);
    else
        learning_up(n, p);
}

static const char *bad_reason(const struct conn *c)
{
    enum status refusal = channel_refusal(c->channel);
    if (channel_error(c->channel) != ERR_STATUS || refusal == STATUSES)
        return err_text(channel_error(c->channel));
    return "the peer refuses this node";
}

/* Both have dialled, and the peer's attempt is the one that is kept: it has not
 * failed to connect, and is not away.  Should that attempt fail, we dial again. */
static void link_yield(struct node *n, struct conn *c)
{
    struct peer *p = c->peer;
    conn_end(n, c, false);
    p->attempt = NULL;
    if (p->up == NULL)
        peer_later(n, p);
}

/* A peer that breaks the protocol, knows another cookie, or says no. */
static void link_bad(struct node *n, struct conn *c)
{
    conn_flush(n, c);
    if (channel_refusal(c->channel) == STATUS_NOK && !n->client)
        link_yield(n, c);
    else
        link_break(n, c, bad_reason(c));
}

static void link_signal(struct node *n, struct conn *c, const struct signal *signal)
{
    if (n->processes != NULL)
        processes_signal(n->processes, buf_bytes(&c->peer->name), signal, &n->turn);
}

/* One event of the channel; false when the connection is no more. */
static bool link_event(struct node *n, struct conn *c, enum channel_event event,
                       const struct signal *signal)
{
    uint32_t id = c->id;
    switch (event) {
    case CHANNEL_NAMED:
        return link_named(n, c);
    case CHANNEL_ALIVE:
        channel_replace(c->channel, c->peer->up == NULL);
        break;
    case CHANNEL_UP:
        link_up(n, c);
        break;
    case CHANNEL_SIGNAL:
        link_signal(n, c, signal);
        break;
    case CHANNEL_BAD:
        link_bad(n, c);
        return false;
    case CHANNEL_QUIET:
        break;
    }
    return conn_find(n, id) == c;
}

void link_bytes(struct node *n, struct conn *c, struct bytes bytes)
{
    struct signal signal;
    enum channel_event event;
    c->read_ms = n->turn.now_ms;
    channel_feed(c->channel, bytes);
    do {
        event = channel_next(c->channel, &signal);
        if (!link_event(n, c, event, &signal))
            return;
    } while (event != CHANNEL_QUIET);
    conn_flush(n, c);
}

void link_written(struct node *n, struct conn *c, size_t count)
{
    must(count <= c->queued);
    c->queued -= count;
    c->moved_ms = n->turn.now_ms;
    if (!c->slow || c->queued > LIMIT_QUEUE_SLOW_BYTES / 2)
        return;
    c->slow = false;
    if (!link_is_up(c) || n->processes == NULL)
        return;
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        if (replica_is(p))
            replica_drained(p, buf_bytes(&c->peer->name), &n->turn);
}

void link_send(struct node *n, struct conn *c, const struct signal *signal)
{
    if (signal->payload.len > LIMIT_FRAME_BYTES) {
        node_log(n, LOG_ERROR, "a message of %zu bytes for %.*s is too large to be sent",
                 signal->payload.len, TEXT(link_name(c)));
        return;
    }
    channel_send(c->channel, signal);
    if (!c->dirty) {
        n->dirty = mem_room(n->dirty, n->dirty_count, &n->dirty_cap, sizeof(*n->dirty));
        n->dirty[n->dirty_count++] = c->id;
        c->dirty = true;
    }
    /* Of what a peer does not even begin to read it gets no more than it needs. */
    bool stuck = c->queued > 0 && c->moved_ms + n->config->ticktime_ms <= n->turn.now_ms;
    if (stuck || c->queued + channel_out(c->channel)->len > LIMIT_QUEUE_SLOW_BYTES)
        c->slow = true;
}

static uint64_t tick_ms(const struct node *n)
{
    return n->config->ticktime_ms / TICKS_A_TICKTIME;
}

/* When a peer that reads nothing is given up. */
static uint64_t unread_ms(const struct node *n, const struct conn *c)
{
    return c->queued > 0 ? c->moved_ms + TICKTIMES_UNREAD * n->config->ticktime_ms : UINT64_MAX;
}

uint64_t link_due(const struct node *n, const struct conn *c)
{
    if (!link_is_up(c))
        return c->since_ms + LIMIT_HANDSHAKE_MS;
    uint64_t tick = c->written_ms + tick_ms(n);
    uint64_t silent = c->read_ms + n->config->ticktime_ms;
    uint64_t unread = unread_ms(n, c);
    uint64_t due = tick < silent ? tick : silent;
    return due < unread ? due : unread;
}

void link_wake(struct node *n, struct conn *c)
{
    uint64_t now = n->turn.now_ms;
    if (!link_is_up(c)) {
        link_break(n, c, "no handshake in time");
    } else if (c->read_ms + n->config->ticktime_ms <= now) {
        link_break(n, c, "silent for longer than net_ticktime");
    } else if (unread_ms(n, c) <= now) {
        link_break(n, c, "it reads nothing of what it is sent");
    } else {
        channel_tick(c->channel);
        conn_flush(n, c);
    }
}
