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
    uint32_t id; /* of ACTION_RESOLVE */
    struct config_query config;
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
    struct query **queries; /* in the order of their ids */
    size_t count, cap;
    uint32_t next_id;
    struct names found;
    bool crowded; /* it was logged that there are more addresses than are dialled */
};

struct discovery *discovery_new(const struct discovery_options *options)
{
    struct discovery *d = mem_take(sizeof(*d));
    *d = (struct discovery){.options = *options};
    return d;
}

static void query_free(struct query *q)
{
    config_query_free(&q->config);
    mem_free(q);
}

void discovery_free(struct discovery *d)
{
    names_free(&d->found);
    for (size_t i = 0; i < d->count; i++)
        query_free(d->queries[i]);
    mem_free(d->queries);
    mem_free(d);
}

/* --- asking ------------------------------------------------------------------- */

static void ask(const struct query *q)
{
    struct action *a = outbox_add(q->discovery->options.out, ACTION_RESOLVE);
    a->query = q->id;
    buf_put(&a->bytes, buf_bytes(&q->config.host));
}

static void on_again(struct wakeup *w, struct turn *t)
{
    (void)t;
    ask(CONTAINER_OF(w, struct query, again));
}

static void add(struct discovery *d, const struct config_query *config)
{
    struct query *q = mem_take(sizeof(*q));
    *q = (struct query){.discovery = d, .id = d->next_id++};
    config_query_copy(&q->config, config);
    q->again.ring = on_again;
    d->queries = mem_room(d->queries, d->count, &d->cap, sizeof(struct query *));
    d->queries[d->count++] = q;
    ask(q);
}

void discovery_start(struct discovery *d)
{
    for (size_t i = 0; i < d->options.config->query_count; i++)
        add(d, &d->options.config->queries[i]);
}

bool discovery_is_asking(const struct discovery *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->queries[i]->outcome == NONE_YET)
            return true;
    return false;
}

/* --- the answer ---------------------------------------------------------------- */

static void say(struct query *q, enum outcome outcome, struct bytes why, struct turn *t)
{
    const struct config_query *c = &q->config;
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
    struct bytes name = buf_bytes(&q->config.name);
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
    cluster_locate(d->options.cluster, name, q->config.port);
    cluster_connect(d->options.cluster, name, t);
}

static void crowd(const struct query *q, struct turn *t)
{
    struct discovery *d = q->discovery;
    if (!d->crowded)
        turn_log(t, LOG_WARNING, "%.*s has more addresses than the %d that are dialled",
                 TEXT(q->config.host), LIMIT_FOUND);
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
        left = bytes_after(left, len);
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
                 TEXT(x->query->config.host));
        cluster_release(d->options.cluster, buf_bytes(&x->name));
        names_remove(&d->found, x);
    }
}

static struct query *query_of(const struct discovery *d, uint32_t id)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->queries[i]->id == id)
            return d->queries[i];
    return NULL;
}

void discovery_resolved(struct discovery *d, const struct event *e, struct turn *t)
{
    struct query *q = query_of(d, e->query);
    if (q == NULL)
        return; /* dropped in the meantime */
    wakeup_set(d->options.wakeups, &q->again, t->now_ms + q->config.interval_ms);
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

/* --- another configuration --------------------------------------------------------- */

/* Its nodes are wanted no more; those that are connected stay so. */
static void drop(struct discovery *d, size_t i)
{
    struct query *q = d->queries[i];
    for (size_t k = d->found.count; k-- > 0;) {
        struct found *x = d->found.list[k];
        if (x->query != q)
            continue;
        cluster_release(d->options.cluster, buf_bytes(&x->name));
        names_remove(&d->found, x);
    }
    wakeup_stop(d->options.wakeups, &q->again);
    memmove(&d->queries[i], &d->queries[i + 1], (--d->count - i) * sizeof(struct query *));
    query_free(q);
}

static bool is_configured(const struct discovery *d, const struct config_query *query)
{
    const struct config *c = d->options.config;
    for (size_t i = 0; i < c->query_count; i++)
        if (config_query_equal(&c->queries[i], query))
            return true;
    return false;
}

static bool is_asked(const struct discovery *d, const struct config_query *query)
{
    for (size_t i = 0; i < d->count; i++)
        if (config_query_equal(&d->queries[i]->config, query))
            return true;
    return false;
}

size_t discovery_changed(struct discovery *d, struct turn *t)
{
    const struct config *c = d->options.config;
    size_t changes = 0;
    for (size_t i = d->count; i-- > 0;) {
        const struct config_query *old = &d->queries[i]->config;
        if (is_configured(d, old))
            continue;
        turn_log(t, LOG_INFO, "connect: %.*s is no longer looked up", TEXT(old->host));
        drop(d, i);
        changes++;
    }
    for (size_t i = 0; i < c->query_count; i++) {
        if (is_asked(d, &c->queries[i]))
            continue;
        turn_log(t, LOG_INFO, "connect: %.*s is looked up from now on", TEXT(c->queries[i].host));
        add(d, &c->queries[i]);
        changes++;
    }
    return changes;
}
