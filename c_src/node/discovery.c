#include "discovery.h"

#include <string.h>

#include "../dist/handshake.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../otp/names.h"

/* What the last answer was: each change is logged, not each answer. */
enum outcome { NONE_YET, ADDRESSES, NO_ADDRESS, FAILED };

/* A host name that is looked up. */
struct query {
    struct discovery *discovery;
    const struct config_query *config;
    enum outcome outcome;
    struct wakeup again;
};

/* A node that is dialled for no other reason than that its address was in an answer. */
struct found {
    struct buf name;
    const struct query *query;
    bool listed; /* in the last answer */
};

struct discovery {
    struct discovery_options options;
    struct query *queries; /* by the numbers of ACTION_RESOLVE */
    size_t count;
    struct names found;
    bool crowded; /* it was logged that there are more addresses than are dialled */
};

struct discovery *discovery_new(const struct discovery_options *options)
{
    struct discovery *d = mem_take(sizeof(*d));
    *d = (struct discovery){.options = *options, .count = options->config->query_count};
    d->queries = mem_take(d->count * sizeof(*d->queries));
    return d;
}

void discovery_free(struct discovery *d)
{
    names_free(&d->found);
    mem_free(d->queries);
    mem_free(d);
}

/* --- asking ------------------------------------------------------------------- */

static void ask(const struct query *q)
{
    struct action *a = outbox_add(q->discovery->options.out, ACTION_RESOLVE);
    a->query = (uint32_t)(q - q->discovery->queries);
    buf_put(&a->bytes, buf_bytes(&q->config->host));
}

static void on_again(struct wakeup *w, struct turn *t)
{
    (void)t;
    ask(CONTAINER_OF(w, struct query, again));
}

void discovery_start(struct discovery *d, struct turn *t)
{
    (void)t;
    for (size_t i = 0; i < d->count; i++) {
        struct query *q = &d->queries[i];
        *q = (struct query){.discovery = d, .config = &d->options.config->queries[i]};
        q->again.ring = on_again;
        ask(q);
    }
}

bool discovery_is_asking(const struct discovery *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->queries[i].outcome == NONE_YET)
            return true;
    return false;
}

/* --- the answer ---------------------------------------------------------------- */

static void say(struct query *q, enum outcome outcome, struct bytes why, struct turn *t)
{
    const struct config_query *c = q->config;
    unsigned long long interval_ms = c->interval_ms;
    if (outcome == q->outcome)
        return;
    if (outcome == FAILED)
        turn_log(t, LOG_WARNING, "cannot look up %.*s: %.*s; trying again every %llu ms",
                 TEXT(c->host), TEXT(why), interval_ms);
    else if (outcome == NO_ADDRESS)
        turn_log(t, LOG_WARNING, "%.*s has no address; looking it up every %llu ms", TEXT(c->host),
                 interval_ms);
    else if (q->outcome != NONE_YET)
        turn_log(t, LOG_INFO, "%.*s has addresses again", TEXT(c->host));
    q->outcome = outcome;
}

/* Appends name@ADDRESS. */
static void put_node(struct buf *out, const struct query *q, struct bytes address)
{
    struct bytes own = buf_bytes(&q->discovery->options.config->node);
    struct bytes name = buf_bytes(&q->config->name);
    if (name.len == 0)
        name = (struct bytes){own.at,
                              (size_t)((const uint8_t *)memchr(own.at, '@', own.len) - own.at)};
    buf_put(out, name);
    buf_put_u8(out, '@');
    buf_put(out, address);
}

static void connect(const struct query *q, struct bytes name, struct turn *t)
{
    struct discovery *d = q->discovery;
    struct found *x = names_add(&d->found, name, sizeof(*x));
    x->query = q;
    x->listed = true;
    cluster_locate(d->options.cluster, name, q->config->port);
    cluster_connect(d->options.cluster, name, t);
}

static void crowd(const struct query *q, struct turn *t)
{
    struct discovery *d = q->discovery;
    if (!d->crowded)
        turn_log(t, LOG_WARNING, "%.*s has more addresses than the %d that are dialled",
                 TEXT(q->config->host), LIMIT_FOUND);
    d->crowded = true;
}

static void take_address(const struct query *q, struct bytes name, struct turn *t)
{
    struct discovery *d = q->discovery;
    struct found *x = names_find(&d->found, name);
    if (x != NULL)
        x->listed |= x->query == q;
    else if (!node_name_valid(name) || bytes_equal(name, buf_bytes(&d->options.config->node)) ||
             cluster_is_wanted(d->options.cluster, name))
        return;
    else if (d->found.count < LIMIT_FOUND)
        connect(q, name, t);
    else
        crowd(q, t);
}

static void take_addresses(const struct query *q, struct bytes left, struct turn *t)
{
    struct buf name = {0};
    while (left.len > 0) {
        const uint8_t *space = memchr(left.at, ' ', left.len);
        size_t len = space != NULL ? (size_t)(space - left.at) : left.len;
        buf_clear(&name);
        put_node(&name, q, (struct bytes){left.at, len});
        take_address(q, buf_bytes(&name), t);
        len += space != NULL;
        left = (struct bytes){left.at + len, left.len - len};
    }
    buf_free(&name);
}

static void mark_missing(const struct query *q)
{
    struct discovery *d = q->discovery;
    for (size_t i = 0; i < d->found.count; i++) {
        struct found *x = d->found.list[i];
        x->listed &= x->query != q;
    }
}

/* Those that are missing, and not connected. */
static void forget_missing(const struct query *q, struct turn *t)
{
    struct discovery *d = q->discovery;
    struct cluster_peer peer;
    for (size_t i = d->found.count; i-- > 0;) {
        struct found *x = d->found.list[i];
        if (x->listed || cluster_find(d->options.cluster, buf_bytes(&x->name), &peer))
            continue;
        turn_log(t, LOG_INFO, "%.*s is forgotten: %.*s does not have its address", TEXT(x->name),
                 TEXT(x->query->config->host));
        cluster_release(d->options.cluster, buf_bytes(&x->name));
        names_remove(&d->found, x);
    }
}

void discovery_resolved(struct discovery *d, const struct event *e, struct turn *t)
{
    must(e->query < d->count);
    struct query *q = &d->queries[e->query];
    wakeup_set(d->options.wakeups, &q->again, t->now_ms + q->config->interval_ms);
    if (e->err != OK) {
        say(q, FAILED, e->bytes, t);
    } else {
        say(q, e->bytes.len > 0 ? ADDRESSES : NO_ADDRESS, BYTES(""), t);
        mark_missing(q);
        take_addresses(q, e->bytes, t);
        forget_missing(q, t);
    }
    d->options.answered(d->options.who);
}

void discovery_keep(struct discovery *d, struct bytes node)
{
    struct found *x = names_find(&d->found, node);
    if (x != NULL)
        names_remove(&d->found, x);
}
