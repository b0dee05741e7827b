#include "../dist/flags.h"
#include "../mem.h"
#include "../term/keyed_hash.h"
#include "internal.h"

struct cluster *cluster_new(const struct cluster_options *options,
                            const struct cluster_listener *listener, struct wakeups *wakeups)
{
    struct cluster *c = mem_take(sizeof(*c));
    *c = (struct cluster){
        .options = *options,
        .listener = *listener,
        .wakeups = wakeups,
        .self = {.name = options->name,
                 .cookie = options->cookie,
                 .flags = options->flags | (options->visible ? DFLAG_PUBLISHED : 0),
                 .tls = options->tls},
        .next_connection = 1,
        .connection_max = LIMIT_CONNECTIONS,
    };
    few_lines_init(&c->strangers.lines, wakeups, LIMIT_FEW_LINES,
                   "were disconnected before the end of the handshake");
    few_lines_init(&c->answer_lines, wakeups, LIMIT_FEW_LINES,
                   "messages for nodes that are not connected were dropped");
    few_lines_init(&c->end_lines, wakeups, LIMIT_PEER_LINES,
                   "connections of peers have ended or were replaced");
    return c;
}

void cluster_free(struct cluster *c)
{
    /* First, since their wake-ups are among the connections'. */
    for (size_t i = 0; i < c->peers.count; i++)
        answers_end(c->peers.list[i]);
    for (size_t i = 0; i < c->connection_count; i++) {
        channel_free(c->connections[i]->channel);
        buf_free(&c->connections[i]->in);
        mem_free(c->connections[i]);
    }
    names_free(&c->peers);
    hash_table_free(&c->connections_by_id);
    mem_free(c->connections);
    mem_free(c->dirty);
    mem_free(c);
}

void cluster_start(struct cluster *c, uint16_t port, size_t connections, struct turn *t)
{
    c->port = port;
    must(c->peers.count == 0);
    c->peers.secret = c->answered.secret = turn_random(t);
    if (connections > 0 && connections < LIMIT_CONNECTIONS)
        c->connection_max = connections;
    if (c->options.serves && !c->options.without_epmd) {
        registration_start(c, t);
        return;
    }
    /* Hashed, since everybody sees it, and the secrets of hash tables come from the same random
     * number.  0 stands for none; 1 to 3 are those of an epmd before OTP 23. */
    uint32_t creation = (uint32_t)keyed_hash(c->self.name, turn_random(t));
    c->self.creation = creation > 3 ? creation : creation + 4;
    c->ready = true;
    c->listener.ready(c->listener.who, c->self.creation, t);
}

void cluster_stop(struct cluster *c)
{
    c->stopping = true;
}

/* The one place that decides who is admitted: cluster_allows() by the name of a node, this by those
 * of its certificate, before it may say what it is called.  That name is only what the node calls
 * itself, which the cookie vouches for; an authority vouches for the others. */
static bool is_certified(const struct cluster *c, const struct certificate *certificate)
{
    return c->options.allow_certificates == NULL ||
           (certificate != NULL && certificate_matches(certificate, c->options.allow_certificates));
}

bool cluster_allows(const struct cluster *c, struct bytes node)
{
    return c->options.allow == NULL || name_patterns_match(c->options.allow, node);
}

/* A connection of either role whose peer is known by a name that is not allowed, or NULL. */
static struct connection *next_not_allowed(const struct cluster *c)
{
    for (size_t i = 0; i < c->connection_count; i++) {
        struct connection *x = c->connections[i];
        bool named = x->peer != NULL || (x->channel != NULL && channel_peer(x->channel).len > 0);
        if (named && !cluster_allows(c, link_name(x)))
            return x;
    }
    return NULL;
}

void cluster_restrict(struct cluster *c, const struct name_patterns *allow,
                      const struct name_patterns *allow_certificates, struct turn *t)
{
    c->options.allow = allow;
    c->options.allow_certificates = allow_certificates;
    for (struct connection *x; (x = next_not_allowed(c)) != NULL;)
        if (x->role == ROLE_LOOKUP)
            lookup_failed(x, false, CLUSTER_NOT_ALLOWED, t);
        else
            link_break(x, CLUSTER_NOT_ALLOWED, t);
}

/* Counts it, and appends why the certificate is refused: text. */
static void refuse_certificate(struct cluster *c, const struct certificate *certificate,
                               struct buf *why)
{
    c->not_allowed++;
    if (certificate == NULL) {
        buf_printf(why, "no certificate of it is verified, and allow_certificates compares names%c",
                   0);
        return;
    }
    buf_printf(why, "its certificate (");
    certificate_put_names(why, certificate);
    buf_printf(why, ") has no name that is among those of allow_certificates%c", 0);
}

/* It gets the answer of one whose name is not allowed: whatever it is called, it need not ask
 * again. */
static void refuse_accepted(struct cluster *c, uint32_t id, const struct certificate *certificate,
                            struct turn *t)
{
    struct buf why = {0};
    struct channel *channel = channel_accept(&c->self, 0);
    refuse_certificate(c, certificate, &why);
    if (few_lines_may(&c->strangers.lines, t))
        turn_log(t, LOG_WARNING, "a stranger disconnected: %s", (const char *)why.at);
    channel_answer(channel, STATUS_NOT_ALLOWED);
    c->listener.send(c->listener.who, id, channel_out(channel));
    c->listener.close(c->listener.who, id);
    channel_free(channel);
    buf_free(&why);
}

static void refuse_dialled(struct connection *x, const struct certificate *certificate,
                           struct turn *t)
{
    struct buf why = {0};
    refuse_certificate(x->cluster, certificate, &why);
    link_break(x, (const char *)why.at, t);
    buf_free(&why);
}

static void accepted(struct cluster *c, uint32_t id, const struct certificate *certificate,
                     struct turn *t)
{
    struct connection *x = NULL;
    bool serves = c->ready && !c->stopping;
    if (serves && !is_certified(c, certificate)) {
        refuse_accepted(c, id, certificate, t);
        return;
    }
    if (serves) {
        strangers_make_room(c, t);
        x = connection_add(c, id, ROLE_LINK, LIMIT_HANDSHAKE_MS, t);
    }
    if (x != NULL)
        link_accepted(x, t);
    else
        c->listener.close(c->listener.who, id);
}

static void opened(struct connection *x, const struct certificate *certificate, struct turn *t)
{
    if (x->role == ROLE_LINK && !is_certified(x->cluster, certificate)) {
        refuse_dialled(x, certificate, t);
        return;
    }
    x->opened = true;
    if (x->role == ROLE_LINK)
        link_opened(x, t);
    else if (x->role == ROLE_LOOKUP)
        lookup_opened(x, t);
    else
        registration_opened(x->cluster, t);
}

static void read_bytes(struct connection *x, struct bytes bytes, struct turn *t)
{
    if (x->role == ROLE_LINK)
        link_bytes(x, bytes, t);
    else if (x->role == ROLE_LOOKUP)
        lookup_bytes(x, bytes, t);
    else
        registration_bytes(x->cluster, bytes, t);
}

/* Why a dialled connection was closed. */
static const char *reason(const struct connection *x, enum err err)
{
    if (err == ERR_HOST)
        return err_text(err);
    if (x->role == ROLE_LINK)
        return x->opened ? err_text(err) : "its port cannot be reached";
    return x->opened ? "what answers there is not epmd" : "no epmd answers there";
}

static void closed(struct connection *x, enum err err, struct bytes why, struct turn *t)
{
    struct buf text = {0};
    /* It is TLS that has failed: a peer may refuse the certificate when for this side the handshake
     * is over (TLS 1.3), and any may break it later. */
    if (err == ERR_TLS)
        x->opened = false;
    if (err == ERR_TLS && why.len > 0)
        buf_put(&text, why);
    else
        buf_printf(&text, why.len > 0 ? "%s (%.*s)" : "%s", reason(x, err), TEXT(why));
    buf_put_u8(&text, '\0');
    if (x->role == ROLE_LINK)
        link_closed(x, (const char *)text.at, t);
    else if (x->role == ROLE_LOOKUP)
        lookup_failed(x, true, (const char *)text.at, t);
    else
        registration_closed(x->cluster, true, t);
    buf_free(&text);
}

void cluster_event(struct cluster *c, const struct connection_event *event, struct turn *t)
{
    struct connection *x = connection_find(c, event->connection);
    if (event->kind == CONNECTION_ACCEPTED)
        accepted(c, event->connection, event->certificate, t);
    else if (x == NULL)
        return;
    else if (event->kind == CONNECTION_OPENED)
        opened(x, event->certificate, t);
    else if (event->kind == CONNECTION_BYTES)
        read_bytes(x, event->bytes, t);
    else if (event->kind == CONNECTION_WRITTEN)
        link_written(x, event->written, t);
    else
        closed(x, event->err, event->bytes, t);
}

static void connect(struct cluster *c, struct bytes node, enum dialling dialling, struct turn *t)
{
    struct peer *p = peer_named(c, node);
    if (p->dialling < dialling)
        peer_set(p, dialling, p->tried);
    peer_dial(p, t);
}

void cluster_locate(struct cluster *c, struct bytes node, uint16_t port)
{
    if (port == 0)
        return;
    peer_named(c, node)->port = port;
    c->untidy = true;
}

void cluster_connect(struct cluster *c, struct bytes node, struct turn *t)
{
    connect(c, node, DIAL_ALWAYS, t);
}

void cluster_connect_once(struct cluster *c, struct bytes node, struct turn *t)
{
    connect(c, node, DIAL_ONCE, t);
}

void cluster_release(struct cluster *c, struct bytes node)
{
    struct peer *p = peer_find(c, node);
    if (p == NULL)
        return;
    peer_set(p, p->answer_count > 0 ? DIAL_ONCE : DIAL_NEVER, p->tried);
    p->port = 0;
    wakeup_stop(c->wakeups, &p->redial);
    c->untidy = true;
}

uint64_t cluster_not_allowed(const struct cluster *c)
{
    return c->not_allowed;
}

bool cluster_is_wanted(const struct cluster *c, struct bytes node)
{
    const struct peer *p = peer_find(c, node);
    return p != NULL && p->dialling == DIAL_ALWAYS;
}

bool cluster_has_tried_all(const struct cluster *c)
{
    return c->untried == 0;
}

bool cluster_send(struct cluster *c, struct bytes node, const struct signal *signal, struct turn *t)
{
    const struct peer *p = peer_find(c, node);
    if (p == NULL || p->up == NULL)
        return false;
    link_send(p->up, signal, t);
    return true;
}

/* Numbers of connections begin at 0. */
static struct connection *held(const struct cluster *c, uint64_t hold)
{
    must(hold > 0);
    struct connection *x = connection_find(c, (uint32_t)(hold - 1));
    return x != NULL && x->role == ROLE_LINK && x->holds > 0 ? x : NULL;
}

uint64_t cluster_hold(struct cluster *c, struct bytes node)
{
    struct peer *p = peer_find(c, node);
    if (p == NULL || p->up == NULL)
        return 0;
    p->up->holds++;
    return (uint64_t)p->up->id + 1;
}

void cluster_resume(struct cluster *c, uint64_t hold, struct turn *t)
{
    struct connection *x = held(c, hold);
    if (x != NULL)
        link_release(x, t);
}

bool cluster_is_held(const struct cluster *c, uint64_t hold)
{
    return held(c, hold) != NULL;
}

void cluster_flush(struct cluster *c, struct turn *t)
{
    connections_flush(c, t);
    peers_tidy(c);
}

static bool describe(const struct peer *p, struct cluster_peer *peer)
{
    if (p == NULL || p->up == NULL) {
        *peer = (struct cluster_peer){0};
        return false;
    }
    *peer = (struct cluster_peer){
        .name = buf_bytes(&p->name),
        .flags = channel_flags(p->up->channel),
        .announced = channel_announced(p->up->channel),
        .creation = channel_peer_creation(p->up->channel),
        .queued = p->up->queued + p->up->kept,
        .slow = p->up->slow,
    };
    return true;
}

bool cluster_find(const struct cluster *c, struct bytes node, struct cluster_peer *peer)
{
    return describe(peer_find(c, node), peer);
}

uint64_t cluster_broken_for(const struct cluster *c, enum err why)
{
    return c->broken_for[why];
}

bool cluster_next(const struct cluster *c, struct cluster_peer *peer)
{
    for (size_t i = names_after(&c->peers, peer->name); i < c->peers.count; i++)
        if (describe(c->peers.list[i], peer))
            return true;
    return false;
}

bool cluster_is_busy(const struct cluster *c, struct bytes node)
{
    const struct peer *p = peer_find(c, node);
    return p != NULL && p->up != NULL && link_is_busy(p->up);
}

bool cluster_is_registered(const struct cluster *c)
{
    return c->registered;
}

static void check_connection(const struct cluster *c, const struct connection *x)
{
    must(x->queued + x->kept <= LIMIT_QUEUE_BYTES);
    must(x->kept == (x->channel != NULL ? channel_kept(x->channel) : 0));
    must(x->kept == 0 || x->queued >= LIMIT_FILL_BYTES);
    if (x->channel != NULL)
        channel_check(x->channel);
    must(x->accepted || x->role == ROLE_REGISTRATION || x->peer != NULL);
    must(x->role != ROLE_REGISTRATION || c->registration == x);
    must(x->role != ROLE_LOOKUP || x->peer->attempt == x);
    must(x->peer == NULL || x->peer->up == x || x->peer->attempt == x);
    must(x->timer.place != 0 || (x->role == ROLE_REGISTRATION && c->registered));
}

void cluster_check(const struct cluster *c)
{
    size_t queued = 0, answered = 0, untried = 0;
    for (size_t i = 0; i < c->connection_count; i++) {
        must(i == 0 || c->connections[i - 1]->id < c->connections[i]->id);
        must(connection_find(c, c->connections[i]->id) == c->connections[i]);
        check_connection(c, c->connections[i]);
        queued += c->connections[i]->queued + c->connections[i]->kept;
    }
    strangers_check(c);
    must(queued == c->queued && queued <= LIMIT_QUEUES_BYTES);
    for (size_t i = 0; i < c->peers.count; i++) {
        const struct peer *p = c->peers.list[i];
        must(peer_find(c, buf_bytes(&p->name)) == p);
        must(p->up == NULL || (p->up->peer == p && channel_is_up(p->up->channel)));
        must(p->attempt == NULL || p->attempt->peer == p);
        must(p->redial.place == 0 || p->dialling == DIAL_ALWAYS);
        answered += p->answer_count > 0;
        untried += p->dialling == DIAL_ALWAYS && !p->tried;
        must((p->answer_count > 0) == (p->answers_late.place != 0));
        must(p->answer_count == 0 || (p->up == NULL && p->dialling != DIAL_NEVER));
    }
    must(untried == c->untried && c->connections_by_id.count == c->connection_count);
    must(answered == c->answered.all.count && c->answered.all.bytes <= LIMIT_ANSWER_BYTES);
}
