#include "../dist/epmd.h"
#include "../otp/list.h"
#include "internal.h"

/* epmd holds the name of a node that was just killed until it has seen its socket close. */
#define REFUSALS_MAX 20

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
        connection_dial(c, ROLE_REGISTRATION, BYTES("127.0.0.1"), c->options.epmd_port, t);
    if (c->registration == NULL)
        registration_later(c, t);
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
    c->refusals = 0;
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

static void registration_refused(struct cluster *c, struct turn *t)
{
    connection_end(c->registration, false, t);
    c->registration = NULL;
    c->refusals++;
    if (!c->ready && c->refusals == REFUSALS_MAX) {
        turn_log(t, LOG_ERROR, "epmd refuses the name %.*s: it is taken by another node",
                 TEXT(c->self.name));
        c->listener.name_taken(c->listener.who, t);
        return;
    }
    if (c->refusals == 1)
        turn_log(t, LOG_WARNING, "epmd refuses the name %.*s; retrying", TEXT(c->self.name));
    wakeup_set(c->wakeups, &c->reregister, t->now_ms + LIMIT_DIAL_BACKOFF_MIN_MS);
}

void registration_bytes(struct cluster *c, struct bytes bytes, struct turn *t)
{
    struct connection *x = c->registration;
    uint32_t creation = 0;
    if (c->registered)
        return;
    if (x->in.len + bytes.len > LIMIT_EPMD_BYTES) {
        registration_refused(c, t);
        return;
    }
    buf_put(&x->in, bytes);
    switch (epmd_registered(buf_bytes(&x->in), &creation)) {
    case EPMD_MORE:
        break;
    case EPMD_DONE:
        registration_done(c, creation, t);
        break;
    case EPMD_NO:
    case EPMD_NONSENSE:
        registration_refused(c, t);
        break;
    }
}

/* epmd is not there: start one, and retry until it is. */
void registration_closed(struct cluster *c, bool closed, struct turn *t)
{
    connection_end(c->registration, closed, t);
    c->registration = NULL;
    if (c->registered)
        turn_log(t, LOG_WARNING, "lost epmd; registering again when it is back");
    c->registered = false;
    c->listener.start_epmd(c->listener.who);
    registration_later(c, t);
}
