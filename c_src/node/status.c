#include "status.h"

#include "../dist/command_name.h"
#include "../dist/flags.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "server.h"

/* Nanoseconds that the status of a replica takes. */
#define WORK_REPLICA 700

/* --- names -------------------------------------------------------------------- */

static uint32_t count_replicas(const struct server_options *o)
{
    uint32_t count = 0;
    for (struct process *p = NULL; (p = replica_next(o->table, p)) != NULL;)
        count++;
    return count;
}

void status_put_replica_names(const struct server_options *o, struct buf *out)
{
    uint32_t count = count_replicas(o);
    if (count > 0)
        put_list(out, count);
    for (struct process *p = NULL; (p = replica_next(o->table, p)) != NULL;)
        put_atom_bytes(out, process_name(p));
    put_nil(out);
}

/* Like cluster_next(), without commands: the one that asks is among them. */
static bool next_peer(const struct server_options *o, struct cluster_peer *peer)
{
    bool found = cluster_next(o->cluster, peer);
    while (found && command_name_is(peer->name))
        found = cluster_next(o->cluster, peer);
    return found;
}

static uint32_t count_peers(const struct server_options *o)
{
    uint32_t count = 0;
    for (struct cluster_peer peer = {0}; next_peer(o, &peer);)
        count++;
    return count;
}

/* Those that are connected, and no others: follow.h says why. */
void status_put_peer_names(const struct server_options *o, struct buf *out)
{
    uint32_t count = count_peers(o);
    if (count > 0)
        put_list(out, count);
    for (struct cluster_peer peer = {0}; next_peer(o, &peer);)
        put_atom_bytes(out, peer.name);
    put_nil(out);
}

static void put_peer(const struct server_options *o, const struct cluster_peer *peer,
                     struct buf *out)
{
    put_map(out, 6);
    put_atom(out, "beam");
    put_bool(out, learning_is_beam(o->learning, peer->name));
    put_atom(out, "creation");
    put_uint(out, peer->creation);
    put_atom(out, "pg_version");
    put_uint(out, learning_pg_version(o->learning, peer->name));
    put_atom(out, "queued_bytes");
    put_uint(out, peer->queued);
    put_atom(out, "read_only");
    put_bool(out, !access_may_write(o->access, peer->name));
    put_atom(out, "visible");
    put_bool(out, (peer->flags & DFLAG_PUBLISHED) != 0);
}

static void put_peers(const struct server_options *o, struct buf *out)
{
    put_map(out, count_peers(o));
    for (struct cluster_peer peer = {0}; next_peer(o, &peer);) {
        put_atom_bytes(out, peer.name);
        put_peer(o, &peer, out);
    }
}

/* --- the status ----------------------------------------------------------------- */

struct status {
    const struct server_options *options;
    struct buf pids; /* of the replicas that there were in the beginning */
    size_t at;       /* those from here on are yet to be put */
    struct buf map;  /* in no order ... */
    size_t first;    /* ... with the replicas from here on ... */
    uint32_t count;  /* ... so many of them */
    struct canon *canon;
    struct buf canonical;
};

static void put_before_replicas(struct status *s)
{
    const struct server_options *o = s->options;
    struct buf *map = &s->map;
    put_map(map, 13);
    put_atom(map, "address");
    put_binary(map, buf_bytes(&o->config->address));
    put_atom(map, "creation");
    put_uint(map, processes_creation(o->table));
    put_atom(map, "node");
    put_atom_bytes(map, processes_node(o->table));
    put_atom(map, "not_allowed");
    put_uint(map, cluster_not_allowed(o->cluster));
    put_atom(map, "peers");
    put_peers(o, map);
    put_atom(map, "port");
    put_uint(map, o->port);
    put_atom(map, "pubsub");
    membership_put_pubsub(o->membership, map);
    put_atom(map, "read_only");
    put_uint(map, o->access->refused);
    put_atom(map, "registered");
    put_bool(map, cluster_is_registered(o->cluster));
    put_atom(map, "replicas");
    put_map(map, 0);
    s->first = map->len;
}

static void put_after_replicas(struct status *s)
{
    const struct server_options *o = s->options;
    put_map_count(&s->map, s->first, s->count);
    put_atom(&s->map, "scopes");
    membership_put_scopes(o->membership, &s->map);
    put_atom(&s->map, "stopped");
    membership_put_stopped(o->membership, &s->map);
    put_atom(&s->map, "undelivered");
    put_uint(&s->map, cluster_undelivered(o->cluster));
}

struct status *status_open(const struct server_options *o)
{
    struct status *s = mem_take(sizeof(*s));
    s->options = o;
    for (struct process *p = NULL; (p = replica_next(o->table, p)) != NULL;)
        buf_put(&s->pids, process_pid(p));
    put_before_replicas(s);
    return s;
}

void status_close(struct status *s)
{
    if (s == NULL)
        return;
    canon_close(s->canon);
    buf_free(&s->pids);
    buf_free(&s->map);
    buf_free(&s->canonical);
    mem_free(s);
}

/* The next replica, unless it has ended meanwhile. */
static void put_next_replica(struct status *s)
{
    struct etf_in in = etf_open(bytes_after(buf_bytes(&s->pids), s->at));
    struct process *p = process_of_pid(s->options->table, etf_any(&in));
    s->at = (size_t)(in.at - s->pids.at);
    if (p == NULL)
        return;
    put_atom_bytes(&s->map, process_name(p));
    replica_status(p, &s->map);
    s->count++;
}

bool status_step(struct status *s, uint64_t work)
{
    enum err e = OK;
    uint64_t spent = 0;
    for (; s->at < s->pids.len && spent < work; spent += WORK_REPLICA)
        put_next_replica(s);
    if (spent >= work)
        return false;
    if (s->canon == NULL) {
        put_after_replicas(s);
        s->canon = canon_open(&s->canonical, buf_bytes(&s->map));
    }
    bool all = canon_step(s->canon, work - spent, &e);
    must(e == OK);
    return all;
}

struct buf *status_map(struct status *s)
{
    return &s->canonical;
}

void status_put(const struct server_options *o, struct buf *out)
{
    struct status *s = status_open(o);
    bool all = status_step(s, UINT64_MAX);
    must(all);
    buf_put(out, buf_bytes(status_map(s)));
    status_close(s);
}
