#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../sorted.h"
#include "pg_scope.h"

/* --- finding ----------------------------------------------------------- */

struct bytes pg_peer_name(const struct peer *peer)
{
    return roster_node_name(peer->members);
}

static int compare_name(const void *element, const void *key)
{
    struct peer *const *peer = element;
    const struct bytes *node = key;
    return bytes_compare(pg_peer_name(*peer), *node);
}

/* Where the node is among the peers, or belongs. */
static size_t place_of(const struct scope *s, struct bytes node)
{
    return sorted_place(s->peers, s->count, sizeof(*s->peers), &node, compare_name);
}

struct peer *pg_peer_find(const struct scope *s, struct bytes node)
{
    struct peer **found = sorted_find(s->peers, s->count, sizeof(*s->peers), &node, compare_name);
    return found != NULL ? *found : NULL;
}

struct peer *pg_peer_speaking(const struct scope *s, struct bytes pid)
{
    struct peer *peer = pg_peer_find(s, node_of(pid));
    return peer != NULL && bytes_equal(term_bytes(&peer->pid), pid) ? peer : NULL;
}

struct peer *pg_peer_of_watch(const struct scope *s, uint64_t watch)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->peers[i]->watch == watch)
            return s->peers[i];
    return NULL;
}

/* --- coming and going -------------------------------------------------- */

struct peer *pg_peer_take(struct scope *s, struct bytes node)
{
    struct peer *peer = pg_peer_find(s, node);
    if (peer != NULL)
        return peer;
    size_t place = place_of(s, node);
    peer = mem_take(sizeof(*peer));
    peer->members = roster_node_new(node, false);
    s->peers = sorted_insert(s->peers, &s->count, &s->cap, sizeof(*s->peers), place);
    s->peers[place] = peer;
    return peer;
}

struct peer *pg_peer_adopt(struct scope *s, struct bytes pid, struct turn *t)
{
    must(pg_peer_speaking(s, pid) == NULL);
    if (!t->post->connected(t->post, node_of(pid)))
        return NULL;
    struct peer *peer = pg_peer_take(s, node_of(pid));
    pg_peer_lose(s, peer, t);
    peer->pid = term_copy(pid);
    peer->watch = watch_start(s->process, &(struct address){.pid = pid}, t);
    pg_wait(s, t);
    return peer;
}

void pg_peer_lose(struct scope *s, struct peer *peer, struct turn *t)
{
    if (peer->watch != 0)
        watch_stop(s->process, peer->watch, t);
    peer->watch = 0;
    peer->settled = peer->told = peer->absent = false;
    term_free(&peer->pid);
    struct scope_turn on = {s, t};
    roster_clear(s->roster, peer->members, &(struct roster_visitor){pg_visit_left, &on});
}

void pg_peer_free(struct peer *peer)
{
    roster_node_free(peer->members);
    term_free(&peer->pid);
    mem_free(peer);
}

void pg_peer_drop(struct scope *s, struct peer *peer, struct turn *t)
{
    pg_peer_lose(s, peer, t);
    size_t place = place_of(s, pg_peer_name(peer));
    must(s->peers[place] == peer);
    sorted_remove(s->peers, &s->count, sizeof(*s->peers), place);
    pg_peer_free(peer);
}

/* --- speaking ---------------------------------------------------------- */

void pg_wait(struct scope *s, struct turn *t)
{
    if (!s->waiting)
        process_wake_at(s->process, t->now_ms + LIMIT_DISCOVER_MS);
    s->waiting = true;
}

void pg_peer_discover(struct scope *s, struct peer *peer, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out = {0};
    pg_put_discover(&out, self, peer->version);
    struct address named = {.name = process_name(s->process), .node = pg_peer_name(peer)};
    if (peer->pid.len > 0)
        turn_send(t, self, term_bytes(&peer->pid), buf_bytes(&out));
    else
        turn_send_named(t, self, named.node, named.name, buf_bytes(&out));
    if (peer->watch == 0)
        peer->watch = watch_start(s->process, &named, t);
    buf_free(&out);
    peer->ask_ms = t->now_ms + LIMIT_DISCOVER_MS;
    pg_wait(s, t);
}

void pg_peer_tell(struct scope *s, struct peer *peer, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    must(peer->pid.len > 0);
    struct buf out = {0};
    pg_put_whole(&out, self, peer->version, s->roster, s->ours);
    turn_send(t, self, term_bytes(&peer->pid), buf_bytes(&out));
    buf_free(&out);
    peer->told = true;
}

/* pg of OTP 25 ends with badkey on a leave of a group that it has not heard of
 * (pg.erl, leave_remote): hence only to those who know all. */
void pg_tell_news(struct scope *s, const struct pg_news *news, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out[PG_VERSION + 1] = {{0}};
    for (size_t i = 0; i < s->count; i++) {
        const struct peer *peer = s->peers[i];
        if (!peer->told)
            continue;
        struct buf *message = &out[peer->version];
        if (message->len == 0)
            pg_put_news(message, self, peer->version, news);
        turn_send(t, self, term_bytes(&peer->pid), buf_bytes(message));
    }
    for (unsigned v = 0; v <= PG_VERSION; v++)
        buf_free(&out[v]);
}
