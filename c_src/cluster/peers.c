#include "../dist/epmd.h"
#include "../otp/list.h"
#include "internal.h"

struct peer *peer_find(const struct cluster *c, struct bytes name)
{
    return names_find(&c->peers, name);
}

static void on_redial(struct wakeup *w, struct turn *t)
{
    peer_dial(CONTAINER_OF(w, struct peer, redial), t);
}

struct peer *peer_named(struct cluster *c, struct bytes name)
{
    struct peer *p = peer_find(c, name);
    if (p != NULL)
        return p;
    p = names_add(&c->peers, name, sizeof(*p));
    p->cluster = c;
    p->backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    p->redial.ring = on_redial;
    answers_init(p);
    return p;
}

static bool is_untried(const struct peer *p)
{
    return p->dialling == DIAL_ALWAYS && !p->tried;
}

void peer_set(struct peer *p, enum dialling dialling, bool tried)
{
    p->cluster->untried -= is_untried(p);
    p->dialling = dialling;
    p->tried = tried;
    p->cluster->untried += is_untried(p);
}

/* Each command comes under a name of its own: without this they would pile up. */
void peers_tidy(struct cluster *c)
{
    if (!c->untidy)
        return;
    for (size_t i = c->peers.count; i-- > 0;) {
        struct peer *p = c->peers.list[i];
        if (p->dialling == DIAL_NEVER && p->up == NULL && p->attempt == NULL) {
            answers_end(p);
            names_remove(&c->peers, p);
        }
    }
    c->untidy = false;
}

/* What is behind the @ of name@host. */
static struct bytes name_host(struct bytes name)
{
    size_t at = 0;
    while (name.at[at] != '@')
        at++;
    return bytes_after(name, at + 1);
}

struct bytes name_local(struct bytes name)
{
    return (struct bytes){name.at, (size_t)(name_host(name).at - name.at) - 1};
}

/* The port at which it is dialled without a look-up; 0: epmd has to be asked. */
static uint16_t known_port(const struct peer *p)
{
    const struct cluster_options *o = &p->cluster->options;
    return p->port == 0 && o->without_epmd ? o->peer_port : p->port;
}

void peer_dial(struct peer *p, struct turn *t)
{
    struct cluster *c = p->cluster;
    struct bytes host = name_host(buf_bytes(&p->name));
    uint16_t port = known_port(p);
    if (p->up != NULL || p->attempt != NULL)
        return;
    wakeup_stop(c->wakeups, &p->redial);
    if (!cluster_allows(c, buf_bytes(&p->name))) {
        peer_failed(p, UNREACHABLE, CLUSTER_NOT_ALLOWED, t);
        return;
    }
    if (port == 0 && c->options.without_epmd) {
        peer_failed(p, UNREACHABLE,
                    "no port is known for it: add one to its name (name@host:PORT), or set "
                    "peer_port",
                    t);
        return;
    }
    if (port != 0)
        p->attempt = connection_dial(c, ROLE_LINK, host, port, t);
    else
        p->attempt = connection_dial(c, ROLE_LOOKUP, host, c->options.epmd_port, t);
    if (p->attempt != NULL)
        p->attempt->peer = p;
    else
        peer_failed(p, UNREACHABLE, "too many connections", t);
}

void peer_redial_later(struct peer *p, struct turn *t)
{
    if (p->dialling != DIAL_ALWAYS || p->cluster->stopping)
        return;
    /* Between half of the pause and all of it, so that nodes that lost the same peer do not all
     * come back at the same moment. */
    uint64_t half = p->backoff_ms / 2;
    wakeup_set(p->cluster->wakeups, &p->redial, t->now_ms + half + turn_random(t) % (half + 1));
    p->backoff_ms *= 2;
    if (p->backoff_ms > LIMIT_DIAL_BACKOFF_MAX_MS)
        p->backoff_ms = LIMIT_DIAL_BACKOFF_MAX_MS;
}

void peer_failed(struct peer *p, enum unreachable why, const char *text, struct turn *t)
{
    struct cluster *c = p->cluster;
    /* A warning once until it succeeds: a peer that is away for a night is not news. */
    bool news = !p->tried || p->backoff_ms == LIMIT_DIAL_BACKOFF_MIN_MS;
    must(p->attempt == NULL);
    peer_set(p, p->dialling, true);
    c->untidy = true;
    c->listener.unreachable(c->listener.who, buf_bytes(&p->name), why, text, t);
    if (!answers_drop(p, text, t) && p->dialling != DIAL_NEVER)
        turn_log(t, news ? LOG_WARNING : LOG_DEBUG, "cannot connect to %.*s: %s", TEXT(p->name),
                 text);
    if (p->dialling == DIAL_ONCE)
        peer_set(p, DIAL_NEVER, true);
    if (p->up == NULL)
        peer_redial_later(p, t);
}

void lookup_opened(struct connection *x, struct turn *t)
{
    struct buf question = {0};
    epmd_put_lookup(&question, name_local(buf_bytes(&x->peer->name)));
    connection_send(x, &question, t);
}

static void lookup_end(struct connection *x, bool closed, enum unreachable why, const char *text,
                       struct turn *t)
{
    struct peer *p = x->peer;
    connection_end(x, closed, t);
    p->attempt = NULL;
    peer_failed(p, why, text, t);
}

void lookup_failed(struct connection *x, bool closed, const char *why, struct turn *t)
{
    lookup_end(x, closed, UNREACHABLE, why, t);
}

static void lookup_found(struct connection *x, uint16_t port, struct turn *t)
{
    struct peer *p = x->peer;
    struct cluster *c = x->cluster;
    connection_end(x, false, t);
    p->attempt = connection_dial(c, ROLE_LINK, name_host(buf_bytes(&p->name)), port, t);
    must(p->attempt != NULL); /* in the place of the look-up */
    p->attempt->peer = p;
}

void lookup_bytes(struct connection *x, struct bytes bytes, struct turn *t)
{
    uint16_t port = 0;
    if (x->in.len + bytes.len > LIMIT_EPMD_BYTES) {
        lookup_failed(x, false, "what answers there is not epmd", t);
        return;
    }
    buf_put(&x->in, bytes);
    switch (epmd_found(buf_bytes(&x->in), &port)) {
    case EPMD_MORE:
        break;
    case EPMD_DONE:
        lookup_found(x, port, t);
        break;
    case EPMD_NO:
        lookup_end(x, false, UNREACHABLE_UNKNOWN, "epmd there does not know that name", t);
        break;
    case EPMD_NONSENSE:
        lookup_failed(x, false, "what answers there is not epmd", t);
        break;
    }
}
