#include "../dist/epmd.h"
#include "../otp/list.h"
#include "internal.h"

/* epmd holds the name of a node that was just killed until it has seen its socket close. */
#define REFUSALS_MAX 20
/* An epmd that was just started, or restarted, listens after less than that: 2 seconds. */
#define MISSES_SAID 4

/* Both loopback addresses (net/dial.h). */
#define EPMD_HOST "localhost"

static void registration_dial(struct cluster *c, struct turn *t);

static void on_reregister(struct wakeup *w, struct turn *t)
{
    registration_dial(CONTAINER_OF(w, struct cluster, reregister), t);
}

static void registration_later(struct cluster *c, struct turn *t)
{
    uint64_t pause = c->register_backoff_ms;
    wakeup_set(c->wakeups, &c->reregister, t->now_ms + pause);
    c->register_backoff_ms =
        pause * 2 > LIMIT_DIAL_BACKOFF_MAX_MS ? LIMIT_DIAL_BACKOFF_MAX_MS : pause * 2;
}

void registration_start(struct cluster *c, struct turn *t)
{
    c->register_backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    c->reregister.ring = on_reregister;
    registration_dial(c, t);
}

static void registration_dial(struct cluster *c, struct turn *t)
{
    c->registration =
        connection_dial(c, ROLE_REGISTRATION, BYTES(EPMD_HOST), c->options.epmd_port, t);
    must(c->registration != NULL); /* its place is kept: most_connections() */
}

void registration_opened(struct cluster *c, struct turn *t)
{
    struct buf request = {0};
    epmd_put_register(&request, name_local(c->self.name), c->port, c->options.visible);
    connection_send(c->registration, &request, t);
}

static void registration_done(struct cluster *c, uint32_t creation, struct turn *t)
{
    wakeup_stop(c->wakeups, &c->registration->timer);
    c->register_backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    c->misses = c->oddities = c->refusals = 0;
    c->registered = true;
    if (c->ready) {
        /* The first creation stays: our pids carry it. */
        turn_log(t, LOG_INFO, "registered again with epmd");
        return;
    }
    c->ready = true;
    c->self.creation = creation;
    c->listener.ready(c->listener.who, creation, t);
}

/* A name is free again soon after its node has ended. */
static void registration_refused(struct cluster *c, struct turn *t)
{
    connection_end(c->registration, false, t);
    c->registration = NULL;
    c->refusals++;
    if (!c->ready && c->refusals == REFUSALS_MAX) {
        turn_log(t, LOG_ERROR,
                 "epmd refuses the name %.*s: another node has it (epmd -names lists them): end "
                 "that one, or set node to another name",
                 TEXT(c->self.name));
        c->listener.name_taken(c->listener.who, t);
        return;
    }
    if (c->refusals == 1)
        turn_log(
            t, LOG_WARNING,
            "epmd refuses the name %.*s: another node has it, or had it just now; trying again",
            TEXT(c->self.name));
    wakeup_set(c->wakeups, &c->reregister, t->now_ms + LIMIT_DIAL_BACKOFF_MIN_MS);
}

/* Nothing answers.  The node starts an epmd with its first attempt at most: one that was lost is
 * restarted by whoever manages it, and finds its port in use if this node was faster. */
static void epmd_missing(struct cluster *c, struct turn *t)
{
    if (c->options.starts_epmd && !c->asked_for_epmd && !c->ready) {
        c->asked_for_epmd = true;
        c->listener.start_epmd(c->listener.who);
    }
    if (++c->misses == MISSES_SAID)
        turn_log(t, LOG_WARNING,
                 "no epmd answers at %s port %u: start one there (epmd -daemon), or set "
                 "epmd_port; trying again",
                 EPMD_HOST, c->options.epmd_port);
}

static void epmd_is_odd(struct cluster *c, struct turn *t)
{
    if (++c->oddities == 1)
        turn_log(t, LOG_WARNING,
                 "what answers at %s port %u is not epmd: set epmd_port to that of an epmd; "
                 "trying again",
                 EPMD_HOST, c->options.epmd_port);
}

void registration_closed(struct cluster *c, bool closed, struct turn *t)
{
    bool opened = c->registration->opened;
    connection_end(c->registration, closed, t);
    c->registration = NULL;
    if (c->registered)
        turn_log(t, LOG_WARNING, "lost epmd; registering again when it is back");
    else if (opened)
        epmd_is_odd(c, t);
    else
        epmd_missing(c, t);
    c->registered = false;
    registration_later(c, t);
}

void registration_bytes(struct cluster *c, struct bytes bytes, struct turn *t)
{
    struct connection *x = c->registration;
    uint32_t creation = 0;
    if (c->registered)
        return;
    bool fits = x->in.len + bytes.len <= LIMIT_EPMD_BYTES;
    if (fits)
        buf_put(&x->in, bytes);
    switch (fits ? epmd_registered(buf_bytes(&x->in), &creation) : EPMD_NONSENSE) {
    case EPMD_MORE:
        break;
    case EPMD_DONE:
        registration_done(c, creation, t);
        break;
    case EPMD_NO:
        registration_refused(c, t);
        break;
    case EPMD_NONSENSE:
        registration_closed(c, false, t);
        break;
    }
}

void cluster_epmd_started(struct cluster *c, struct bytes why, struct turn *t)
{
    if (why.len == 0)
        turn_log(t, LOG_INFO, "started epmd on port %u", c->options.epmd_port);
    else
        turn_log(t, LOG_WARNING, "cannot start epmd: %.*s", TEXT(why));
}
