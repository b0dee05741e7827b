#include "pg_scope.h"

static void heard_discover(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct peer *peer = pg_peer_speaking(s, buf_bytes(&m->peer));
    bool stranger = peer == NULL;
    if (stranger)
        peer = pg_peer_adopt(s, buf_bytes(&m->peer), t);
    if (peer == NULL)
        return;
    peer->version = m->version;
    pg_peer_tell(s, peer, t);
    if (stranger)
        pg_peer_discover(s, peer, t);
}

struct hearing {
    struct scope *scope;
    struct peer *peer;
    struct turn *turn;
    size_t refused;
};

static void hear_pair(void *who, bool joins, struct bytes group, struct bytes pid)
{
    struct hearing *h = who;
    struct scope *s = h->scope;
    if (!joins) {
        if (roster_remove(s->roster, h->peer->members, group, pid))
            pg_left(s, group, pid, h->turn);
        return;
    }
    enum roster_change change = roster_add(s->roster, h->peer->members, group, pid);
    if (change == ROSTER_NEW)
        pg_joined(s, group, pid, h->turn);
    else if (change == ROSTER_FULL)
        h->refused++;
}

/* The message is well-formed and from this peer. */
static void hear_members(struct scope *s, struct peer *peer, const struct pg_message *m,
                         struct turn *t)
{
    struct hearing h = {s, peer, t, 0};
    enum err err = pg_walk(m, &(struct pg_visitor){hear_pair, &h});
    must(err == OK);
    struct bytes node = pg_peer_name(peer);
    if (h.refused > 0)
        pg_log(s, t, LOG_WARNING, "left out %zu members on %.*s: %s", h.refused, (int)node.len,
               (const char *)node.at, err_text(ERR_LIMIT));
}

static void heard_whole(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct peer *peer = pg_peer_speaking(s, buf_bytes(&m->peer));
    if (peer == NULL)
        peer = pg_peer_adopt(s, buf_bytes(&m->peer), t);
    if (peer == NULL)
        return;
    /* A sync says nothing of what the peer can do: it answers our discover in
     * the version of that. */
    if (m->verb == PG_LOCAL_DATA)
        peer->version = m->version;
    peer->settled = true;
    struct scope_turn on = {s, t};
    roster_begin(peer->members);
    hear_members(s, peer, m, t);
    roster_end(s->roster, peer->members, &(struct roster_visitor){pg_visit_left, &on});
}

static void heard_news(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct peer *peer = pg_peer_speaking(s, buf_bytes(&m->peer));
    if (peer != NULL)
        hear_members(s, peer, m, t);
}

/* A known peer is asked again before long: what was lost is in its answer. */
static void refuse(struct scope *s, const struct pg_message *m, enum err err, struct turn *t)
{
    struct bytes pid = buf_bytes(&m->peer);
    struct bytes node = pid.len > 0 ? node_of(pid) : BYTES("someone");
    pg_log(s, t, LOG_WARNING, "dropped a message of %.*s: %s", (int)node.len, (const char *)node.at,
           err_text(err));
    struct peer *peer = pid.len > 0 ? pg_peer_speaking(s, pid) : NULL;
    if (peer != NULL) {
        peer->settled = false;
        pg_wait(s, t);
    }
}

void pg_hear(struct scope *s, const struct gen_message *gen, struct turn *t)
{
    struct pg_message m;
    enum err err = pg_read(&m, gen);
    if (err == OK && bytes_equal(node_of(buf_bytes(&m.peer)), roster_node_name(s->ours)))
        err = ERR_SHAPE;
    if (err == OK)
        err = pg_walk(&m, NULL);
    if (err != OK)
        refuse(s, &m, err, t);
    else if (m.verb == PG_DISCOVER)
        heard_discover(s, &m, t);
    else if (m.verb == PG_SYNC || m.verb == PG_LOCAL_DATA)
        heard_whole(s, &m, t);
    else
        heard_news(s, &m, t);
    buf_free(&m.peer);
}
