#include <string.h>

#include "../dist/epmd.h"
#include "../mem.h"
#include "inside.h"

static size_t peer_slot(const struct node *n, struct bytes name)
{
    size_t low = 0, high = n->peer_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(buf_bytes(&n->peers[middle]->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct peer *peer_find(struct node *n, struct bytes name)
{
    size_t slot = peer_slot(n, name);
    bool found = slot < n->peer_count && bytes_equal(buf_bytes(&n->peers[slot]->name), name);
    return found ? n->peers[slot] : NULL;
}

struct peer *peer_named(struct node *n, struct bytes name)
{
    struct peer *p = peer_find(n, name);
    if (p != NULL)
        return p;
    size_t slot = peer_slot(n, name);
    n->peers = mem_room(n->peers, n->peer_count, &n->peer_cap, sizeof(*n->peers));
    memmove(n->peers + slot + 1, n->peers + slot, (n->peer_count - slot) * sizeof(*n->peers));
    p = mem_take(sizeof(*p));
    buf_put(&p->name, name);
    p->backoff_ms = LIMIT_DIAL_BACKOFF_MIN_MS;
    n->peers[slot] = p;
    n->peer_count++;
    return p;
}

/* Commands come under a new name each: those that have gone are forgotten. */
void peers_tidy(struct node *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->peer_count; i++) {
        struct peer *p = n->peers[i];
        if (p->wanted || p->up != NULL || p->attempt != NULL) {
            n->peers[kept++] = p;
        } else {
            buf_free(&p->name);
            mem_free(p);
        }
    }
    n->peer_count = kept;
}

struct bytes name_host(struct bytes name)
{
    size_t at = 0;
    while (name.at[at] != '@')
        at++;
    return (struct bytes){name.at + at + 1, name.len - at - 1};
}

struct bytes name_local(struct bytes name)
{
    return (struct bytes){name.at, (size_t)(name_host(name).at - name.at) - 1};
}

void peer_want(struct node *n, struct peer *p)
{
    p->wanted = true;
    p->followed = false;
    if (p->up == NULL && p->attempt == NULL)
        peer_dial(n, p);
}

void peer_dial(struct node *n, struct peer *p)
{
    must(p->attempt == NULL);
    p->dial_ms = 0;
    p->attempt = conn_dial(n, CONN_LOOKUP, name_host(buf_bytes(&p->name)), n->config->epmd_port);
    if (p->attempt == NULL) {
        peer_attempt_failed(n, p, "too many connections");
        return;
    }
    p->attempt->peer = p;
}

void peer_later(struct node *n, struct peer *p)
{
    if (!p->wanted || n->stopping)
        return;
    /* Between half of the pause and all of it: nodes that lost the same peer
     * do not all come back in the same moment. */
    uint64_t half = p->backoff_ms / 2;
    p->dial_ms = n->turn.now_ms + half + turn_random(&n->turn) % (half + 1);
    p->backoff_ms *= 2;
    if (p->backoff_ms > LIMIT_DIAL_BACKOFF_MAX_MS)
        p->backoff_ms = LIMIT_DIAL_BACKOFF_MAX_MS;
}

void peer_attempt_failed(struct node *n, struct peer *p, const char *why)
{
    must(p->attempt == NULL);
    /* Once until it succeeds: a peer that is away for a night is not news. */
    bool news = !p->tried || p->backoff_ms == LIMIT_DIAL_BACKOFF_MIN_MS;
    if (news && (p->wanted || n->client))
        node_log(n, LOG_WARNING, "cannot connect to %.*s: %s", TEXT(p->name), why);
    p->tried = true;
    n->settling = true;
    if (n->client)
        client_attempt_failed(n, p, why);
    else if (p->up == NULL)
        peer_later(n, p);
}

void lookup_opened(struct node *n, struct conn *c)
{
    struct buf question = {0};
    epmd_put_lookup(&question, name_local(buf_bytes(&c->peer->name)));
    conn_send(n, c, &question);
}

static void lookup_failed(struct node *n, struct conn *c, bool closed, const char *why)
{
    struct peer *p = c->peer;
    conn_end(n, c, closed);
    p->attempt = NULL;
    peer_attempt_failed(n, p, why);
}

static void lookup_found(struct node *n, struct conn *c, uint16_t port)
{
    struct peer *p = c->peer;
    conn_end(n, c, false);
    p->attempt = conn_dial(n, CONN_LINK, name_host(buf_bytes(&p->name)), port);
    must(p->attempt != NULL);
    p->attempt->peer = p;
}

void lookup_bytes(struct node *n, struct conn *c, struct bytes bytes)
{
    uint16_t port = 0;
    if (c->in.len + bytes.len > LIMIT_EPMD_BYTES) {
        lookup_failed(n, c, false, "what answers as epmd is none");
        return;
    }
    buf_put(&c->in, bytes);
    switch (epmd_found(buf_bytes(&c->in), &port)) {
    case EPMD_MORE:
        break;
    case EPMD_DONE:
        lookup_found(n, c, port);
        break;
    case EPMD_NO:
        /* Whom a peer has named and epmd does not know is a command, mostly. */
        if (!c->peer->met)
            follow_drop(n, c->peer);
        lookup_failed(n, c, false, "epmd there does not know that name");
        break;
    case EPMD_NONSENSE:
        lookup_failed(n, c, false, "what answers as epmd is none");
        break;
    }
}

void lookup_closed(struct node *n, struct conn *c)
{
    lookup_failed(n, c, true, "no epmd answers there");
}

uint64_t peers_due(const struct node *n)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < n->peer_count; i++)
        if (n->peers[i]->dial_ms != 0 && n->peers[i]->dial_ms < due)
            due = n->peers[i]->dial_ms;
    return due;
}

void peers_wake(struct node *n)
{
    for (size_t i = 0; i < n->peer_count; i++) {
        struct peer *p = n->peers[i];
        if (p->dial_ms == 0 || p->dial_ms > n->turn.now_ms)
            continue;
        p->dial_ms = 0;
        if (p->up == NULL && p->attempt == NULL)
            peer_dial(n, p);
    }
}
