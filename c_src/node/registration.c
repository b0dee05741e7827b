#include "../dist/epmd.h"
#include "inside.h"

/* A name that epmd still holds for a node of ours that has just been killed is
 * free as soon as epmd has seen its socket close. */
#define REFUSALS_MAX 20

#define EXIT_UNAVAILABLE 69 /* sysexits' EX_UNAVAILABLE */

static void registration_later(struct node *n)
{
    uint64_t pause = n->register_backoff_ms;
    n->register_ms = n->turn.now_ms + pause;
    n->register_backoff_ms =
        pause * 2 > LIMIT_DIAL_BACKOFF_MAX_MS ? LIMIT_DIAL_BACKOFF_MAX_MS : pause * 2;
}

void registration_start(struct node *n)
{
    n->register_backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    n->register_ms = n->turn.now_ms;
    registration_wake(n);
}

void registration_wake(struct node *n)
{
    n->register_ms = 0;
    n->registration = conn_dial(n, CONN_REGISTRATION, BYTES("127.0.0.1"), n->config->epmd_port);
    if (n->registration == NULL)
        registration_later(n);
}

void registration_opened(struct node *n)
{
    struct buf request = {0};
    epmd_put_register(&request, name_local(n->self.name), n->port, n->config->visible);
    conn_send(n, n->registration, &request);
}

static void registration_done(struct node *n, uint32_t creation)
{
    n->register_backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    n->refusals = 0;
    n->registered = true;
    if (n->processes != NULL) {
        /* The first creation stays: our pids carry it. */
        node_log(n, LOG_INFO, "registered again with epmd");
        return;
    }
    node_open(n, creation);
    struct action *ready = outbox_add(n->out, ACTION_READY);
    ready->port = n->port;
    buf_put(&ready->bytes, n->self.name);
}

static void registration_refused(struct node *n)
{
    conn_end(n, n->registration, false);
    n->registration = NULL;
    n->refusals++;
    if (n->processes == NULL && n->refusals == REFUSALS_MAX) {
        node_log(n, LOG_ERROR, "epmd refuses the name %.*s: it is taken by another node",
                 TEXT(n->self.name));
        node_exit(n, EXIT_UNAVAILABLE);
        return;
    }
    if (n->refusals == 1)
        node_log(n, LOG_WARNING, "epmd refuses the name %.*s for now; trying again",
                 TEXT(n->self.name));
    n->register_ms = n->turn.now_ms + LIMIT_DIAL_BACKOFF_MIN_MS;
}

void registration_bytes(struct node *n, struct bytes bytes)
{
    struct conn *c = n->registration;
    uint32_t creation = 0;
    if (n->registered)
        return;
    if (c->in.len + bytes.len > LIMIT_EPMD_BYTES) {
        registration_refused(n);
        return;
    }
    buf_put(&c->in, bytes);
    switch (epmd_registered(buf_bytes(&c->in), &creation)) {
    case EPMD_MORE:
        break;
    case EPMD_DONE:
        registration_done(n, creation);
        break;
    case EPMD_NO:
    case EPMD_NONSENSE:
        registration_refused(n);
        break;
    }
}

/* epmd is not there: start one, and try again until it is. */
void registration_closed(struct node *n)
{
    n->registration = NULL;
    if (n->registered)
        node_log(n, LOG_WARNING, "epmd has gone; registering again when it is back");
    n->registered = false;
    outbox_add(n->out, ACTION_START_EPMD);
    registration_later(n);
}
