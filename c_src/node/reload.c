#include "reload.h"

#include "../otp/names.h"
#include "../term/write.h"
#include "config_keys.h"

/* One that is under way. */
struct change {
    const struct reload *r;
    struct turn *turn;
    size_t made, refused; /* for the last line */
};

/* --- what cannot change -------------------------------------------------------------- */

static bool same_text(const struct buf *a, const struct buf *b)
{
    return bytes_equal(buf_bytes(a), buf_bytes(b));
}

static bool same_node(const struct config *a, const struct config *b)
{
    return same_text(&a->node, &b->node);
}

static bool same_cookie(const struct config *a, const struct config *b)
{
    return same_text(&a->cookie, &b->cookie);
}

static bool same_follow(const struct config *a, const struct config *b)
{
    return a->follow == b->follow;
}

static bool same_visible(const struct config *a, const struct config *b)
{
    return a->visible == b->visible;
}

static bool same_listen(const struct config *a, const struct config *b)
{
    return same_text(&a->address, &b->address) && a->port == b->port &&
           a->port_last == b->port_last;
}

static bool same_scope(const struct config *a, const struct config *b)
{
    if (a->scope_auto != b->scope_auto || a->scope_count != b->scope_count)
        return false;
    for (size_t i = 0; i < a->scope_count; i++)
        if (!same_text(&a->scopes[i], &b->scopes[i]))
            return false;
    return true;
}

static bool same_ticktime(const struct config *a, const struct config *b)
{
    return a->ticktime_ms == b->ticktime_ms;
}

static bool same_epmd_port(const struct config *a, const struct config *b)
{
    return a->epmd_port == b->epmd_port;
}

static bool same_start_epmd(const struct config *a, const struct config *b)
{
    return a->start_epmd == b->start_epmd;
}

static bool same_epmd(const struct config *a, const struct config *b)
{
    return a->epmd == b->epmd;
}

static bool same_peer_port(const struct config *a, const struct config *b)
{
    return a->peer_port == b->peer_port;
}

/* The certificates can change, but not whether there are any. */
static bool same_tls(const struct config *a, const struct config *b)
{
    return a->tls.on == b->tls.on;
}

static const struct {
    const char *key;
    bool (*same)(const struct config *a, const struct config *b);
} fixed[] = {
    {"node", same_node},
    {"cookie_file", same_cookie},
    {"follow", same_follow},
    {"visible", same_visible},
    {"listen", same_listen},
    {"scope", same_scope},
    {"net_ticktime", same_ticktime},
    {"epmd_port", same_epmd_port},
    {"start_epmd", same_start_epmd},
    {"epmd", same_epmd},
    {"peer_port", same_peer_port},
    {"tls", same_tls},
};

/* "c1.config:3:1: ", or nothing. */
static void put_line(struct buf *out, const struct config_line *line)
{
    if (line->file != NULL)
        buf_printf(out, "%s:%u:%u: ", line->file, line->line, line->column);
}

static void refuse(struct change *c, const struct config_line *at, enum log_level level,
                   struct buf *what)
{
    struct buf line = {0};
    put_line(&line, at);
    turn_log(c->turn, level, "%.*s%.*s", TEXT(line), TEXT(*what));
    c->refused++;
    buf_free(&line);
    buf_free(what);
}

static void refuse_fixed(struct change *c)
{
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        struct buf what = {0};
        if (fixed[i].same(c->r->config, c->r->fresh))
            continue;
        buf_printf(&what,
                   "%s: cannot change while the node runs; it goes on as before until it is "
                   "restarted",
                   fixed[i].key);
        refuse(c, config_line_of(c->r->fresh, fixed[i].key), LOG_WARNING, &what);
    }
}

/* --- what can -------------------------------------------------------------------------- */

static void take(struct config *to, const struct config *from)
{
    to->connect = from->connect;
    to->connects = from->connects;
    to->queries = from->queries;
    to->query_count = from->query_count;
    to->allows_all = from->allows_all;
    to->allow = from->allow;
    to->read_only = from->read_only;
    to->log_level = from->log_level;
    to->log_json = from->log_json;
    to->replicas = from->replicas;
    to->replica_names = from->replica_names;
    to->replica_count = from->replica_count;
    to->replica_cap = from->replica_cap;
    to->stored_count = from->stored_count;
    if (!same_tls(to, from))
        return; /* nor is there a certificate to compare */
    to->tls = from->tls;
    to->certified = from->certified;
    to->allow_certificates = from->allow_certificates;
}

static void exchange(struct config *a, struct config *b)
{
    struct config spare = *a;
    take(a, b);
    take(b, &spare);
}

static void log_changes(struct change *c)
{
    const struct config *now = c->r->config, *before = c->r->fresh;
    if (now->log_level != before->log_level) {
        turn_log(c->turn, LOG_INFO, "log_level: %s from now on", log_level_name(now->log_level));
        c->made++;
    }
    if (now->log_json != before->log_json) {
        turn_log(c->turn, LOG_INFO, "log: %s from now on", now->log_json ? "json" : "text");
        c->made++;
    }
}

static bool same_patterns(const struct name_patterns *a, const struct name_patterns *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_text(&a->list[i], &b->list[i]))
            return false;
    return true;
}

static void say_patterns(struct change *c, const char *key, size_t count, const char *none)
{
    if (count > 0)
        turn_log(c->turn, LOG_INFO, "%s: %zu name%s from now on", key, count,
                 count == 1 ? "" : "s and patterns");
    else
        turn_log(c->turn, LOG_INFO, "%s: %s from now on", key, none);
    c->made++;
}

static void access_changes(struct change *c)
{
    const struct config *now = c->r->config, *before = c->r->fresh;
    if (now->allows_all != before->allows_all || !same_patterns(&now->allow, &before->allow))
        say_patterns(c, "allow", now->allow.count, now->allows_all ? "every node" : "no node");
    if (same_tls(now, before) &&
        (now->certified != before->certified ||
         !same_patterns(&now->allow_certificates, &before->allow_certificates)))
        say_patterns(c, "allow_certificates", now->allow_certificates.count,
                     now->certified ? "none" : "every certificate that tls accepts");
    if (!same_patterns(&now->read_only, &before->read_only))
        say_patterns(c, "read_only", now->read_only.count, "no node");
    cluster_restrict(c->r->cluster, now->allows_all ? NULL : &now->allow,
                     now->certified ? &now->allow_certificates : NULL, c->turn);
}

/* --- connect ------------------------------------------------------------------------- */

/* A node of `connect`: names.h. */
struct target {
    struct buf name;
    uint16_t port;
};

static void put_targets(struct names *out, const struct config *c)
{
    for (size_t i = 0; i < c->connects; i++) {
        struct bytes name = buf_bytes(&c->connect[i].name);
        struct target *x = names_find(out, name);
        if (bytes_equal(name, buf_bytes(&c->node)))
            continue;
        if (x == NULL)
            x = names_add(out, name, sizeof(*x));
        if (c->connect[i].port != 0)
            x->port = c->connect[i].port;
    }
}

static void connect_to(const struct change *c, const struct target *x)
{
    struct bytes name = buf_bytes(&x->name);
    follow_keep(c->r->parts->follow, name);
    discovery_keep(c->r->parts->discovery, name);
    cluster_locate(c->r->cluster, name, x->port);
    cluster_connect(c->r->cluster, name, c->turn);
}

static void drop_targets(struct change *c, const struct names *before, const struct names *now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct target *x = before->list[i];
        if (names_find(now, buf_bytes(&x->name)) != NULL)
            continue;
        turn_log(c->turn, LOG_INFO, "connect: %.*s is gone, and is not dialled again",
                 TEXT(x->name));
        c->made++;
        if (!server_wants(c->r->server, buf_bytes(&x->name)))
            cluster_release(c->r->cluster, buf_bytes(&x->name));
    }
}

static void add_targets(struct change *c, const struct names *before, const struct names *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct target *x = now->list[i], *old = names_find(before, buf_bytes(&x->name));
        if (old != NULL && old->port == x->port)
            continue;
        c->made++;
        if (old == NULL) {
            turn_log(c->turn, LOG_INFO, "connect: %.*s is new", TEXT(x->name));
        } else {
            turn_log(c->turn, LOG_INFO, "connect: %.*s is dialled at another port from now on",
                     TEXT(x->name));
            cluster_release(c->r->cluster, buf_bytes(&x->name));
        }
        connect_to(c, x);
    }
}

/* Names of hosts in between, so that nodes that were found by one and are named now stay. */
static void connect_changes(struct change *c)
{
    struct names before = {0}, now = {0};
    put_targets(&before, c->r->fresh);
    put_targets(&now, c->r->config);
    drop_targets(c, &before, &now);
    c->made += discovery_changed(c->r->parts->discovery, c->turn);
    add_targets(c, &before, &now);
    names_free(&before);
    names_free(&now);
}

/* --- replicas ------------------------------------------------------------------------ */

/* Borrows from the replica. */
static struct bytes name_term(const struct config_replica *replica)
{
    struct bytes name, map;
    config_replica_read(replica, &name, &map);
    return name;
}

/* NULL when it was stopped on request. */
static struct process *running(const struct change *c, const struct config_replica *replica)
{
    struct process *p = process_named(c->r->parts->table, atom_text(name_term(replica)));
    return p != NULL && replica_is(p) ? p : NULL;
}

static void end_replica(struct change *c, struct process *p)
{
    struct buf reason = {0};
    put_atom(&reason, "normal");
    process_exit(p, buf_bytes(&reason), c->turn);
    buf_free(&reason);
}

static void stop_replica(struct change *c, const struct config_replica *replica)
{
    struct process *p = running(c, replica);
    turn_log(c->turn, LOG_INFO, "replica %.*s: is gone; its files, if it has any, stay",
             TEXT(atom_text(name_term(replica))));
    c->made++;
    if (p != NULL)
        end_replica(c, p);
}

static void refuse_replica(struct change *c, const struct config_replica *replica,
                           enum log_level level, const char *why)
{
    struct buf what = {0};
    const struct config_line at = {replica->file, replica->line, replica->column};
    buf_printf(&what, "replica %.*s: %s", TEXT(atom_text(name_term(replica))), why);
    refuse(c, &at, level, &what);
}

static void read_options(const struct change *c, const struct config_replica *replica,
                         struct replica_options *options)
{
    struct options_error error;
    struct bytes name, map;
    config_replica_read(replica, &name, &map);
    enum err e =
        replica_options_read(options, name, map, processes_node(c->r->parts->table), &error);
    must(e == OK); /* config_read() has checked it */
}

/* Where p is not NULL, in its place.  False when it cannot run, which is logged. */
static bool start_replica(struct change *c, const struct config_replica *replica, struct process *p)
{
    struct membership *m = c->r->parts->membership;
    struct replica_options options;
    struct options_error error;
    read_options(c, replica, &options);
    bool fits = membership_check_replica(m, &options, &error) == OK;
    if (fits && p != NULL)
        end_replica(c, p);
    if (fits && membership_add_replica(m, &options, c->turn) != NULL) {
        turn_log(c->turn, LOG_INFO, "replica %.*s: is %s", TEXT(atom_text(name_term(replica))),
                 p != NULL ? "restarted with other options" : "new");
        c->made++;
        return true;
    }
    must(!fits || p == NULL);
    refuse_replica(c, replica, LOG_ERROR,
                   !fits ? error.what
                         : "it cannot start: a process of this name runs already; stop that one, "
                           "and send SIGHUP again");
    replica_options_free(&options);
    return false;
}

/* Whether a replica that is started with b has all that one that runs with a has acknowledged, and
 * issues nothing again: it reads it from the same files.  Only the journal is sure to have it,
 * since the last snapshot may fail. */
static bool goes_on(const struct replica_options *a, const struct replica_options *b)
{
    return a->storage.file.len > 0 && a->storage.durability == DURABILITY_SYNC &&
           same_text(&a->storage.file, &b->storage.file) && a->type == b->type &&
           bytes_equal(term_bytes(&a->actor), term_bytes(&b->actor)) &&
           bytes_equal(term_bytes(&a->group), term_bytes(&b->group));
}

static bool can_restart(const struct change *c, const struct config_replica *now,
                        const struct process *p)
{
    struct replica_options options;
    read_options(c, now, &options);
    bool can = goes_on(replica_options(p), &options);
    replica_options_free(&options);
    return can;
}

/* One that is in both, and maybe runs. */
static void keep_replica(struct change *c, struct config_replica *now,
                         struct config_replica *before)
{
    struct process *p = running(c, now);
    struct term spare = now->term;
    if (p == NULL || bytes_equal(term_bytes(&now->term), term_bytes(&before->term)))
        return;
    bool can = can_restart(c, now, p);
    if (can && start_replica(c, now, p))
        return;
    now->term = before->term;
    before->term = spare;
    if (!can)
        refuse_replica(c, now, LOG_WARNING,
                       "these options cannot change while it runs; it goes on as before until the "
                       "node is restarted");
}

static void change_replicas(struct change *c)
{
    struct config *now = c->r->config, *before = c->r->fresh;
    for (size_t i = 0; i < before->replica_count; i++)
        if (config_find_replica(now, name_term(before->replicas[i])) == NULL)
            stop_replica(c, before->replicas[i]);
    for (size_t i = 0; i < now->replica_count;) {
        struct config_replica *x = now->replicas[i];
        struct config_replica *old = config_find_replica(before, name_term(x));
        if (old != NULL)
            keep_replica(c, x, old);
        else if (!start_replica(c, x, NULL)) {
            config_drop_replica(now, x); /* the next SIGHUP tries again */
            continue;
        }
        i++;
    }
}

/* --- the whole ----------------------------------------------------------------------- */

static void say_outcome(const struct change *c)
{
    const char *plural = c->made == 1 ? "" : "s";
    if (c->refused > 0)
        turn_log(c->turn, LOG_WARNING,
                 "the configuration was read again: %zu change%s, and %zu not made", c->made,
                 plural, c->refused);
    else if (c->made > 0)
        turn_log(c->turn, LOG_INFO, "the configuration was read again: %zu change%s", c->made,
                 plural);
    else
        turn_log(c->turn, LOG_INFO, "the configuration was read again: nothing has changed");
}

void reload_apply(const struct reload *r, struct turn *t)
{
    struct change c = {.r = r, .turn = t};
    refuse_fixed(&c);
    exchange(r->config, r->fresh);
    log_changes(&c);
    access_changes(&c);
    if (r->parts != NULL) {
        connect_changes(&c);
        change_replicas(&c);
    }
    say_outcome(&c);
}
