#include <string.h>

#include "../mem.h"
#include "inside.h"

/* Bytes that the shell is given to write at once.  It says that they are written when all of
 * them are: of a state that takes minutes each piece shows that the peer reads. */
#define PIECE_BYTES (256u * 1024)

/* Where id is, or would be inserted. */
static size_t conn_slot(const struct node *n, uint32_t id)
{
    size_t low = 0, high = n->conn_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (n->conns[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct conn *conn_find(struct node *n, uint32_t id)
{
    size_t slot = conn_slot(n, id);
    return slot < n->conn_count && n->conns[slot]->id == id ? n->conns[slot] : NULL;
}

struct conn *conn_add(struct node *n, uint32_t id, enum conn_role role)
{
    if (n->conn_count == LIMIT_CONNECTIONS)
        return NULL;
    size_t slot = conn_slot(n, id);
    must(slot == n->conn_count || n->conns[slot]->id != id);
    n->conns = mem_room(n->conns, n->conn_count, &n->conn_cap, sizeof(*n->conns));
    memmove(n->conns + slot + 1, n->conns + slot, (n->conn_count - slot) * sizeof(*n->conns));
    struct conn *c = mem_take(sizeof(*c));
    uint64_t now = n->turn.now_ms;
    *c = (struct conn){.id = id, .role = role, .since_ms = now, .read_ms = now, .written_ms = now};
    n->conns[slot] = c;
    n->conn_count++;
    return c;
}

struct conn *conn_dial(struct node *n, enum conn_role role, struct bytes host, uint16_t port)
{
    struct conn *c = conn_add(n, n->next_conn, role);
    if (c == NULL)
        return NULL;
    n->next_conn += 2;
    struct action *a = outbox_add(n->out, ACTION_DIAL);
    a->conn = c->id;
    a->port = port;
    buf_put(&a->bytes, host);
    return c;
}

static void send_piece(struct node *n, const struct conn *c, struct bytes piece)
{
    struct action *a = outbox_add(n->out, ACTION_SEND);
    a->conn = c->id;
    buf_put(&a->bytes, piece);
}

void conn_send(struct node *n, struct conn *c, struct buf *bytes)
{
    if (bytes->len == 0)
        return;
    if (c->queued == 0)
        c->moved_ms = n->turn.now_ms;
    c->queued += bytes->len;
    c->written_ms = n->turn.now_ms;
    if (bytes->len > PIECE_BYTES) {
        struct bytes left = buf_bytes(bytes);
        for (; left.len > PIECE_BYTES; left.at += PIECE_BYTES, left.len -= PIECE_BYTES)
            send_piece(n, c, (struct bytes){left.at, PIECE_BYTES});
        send_piece(n, c, left);
        buf_free(bytes);
        return;
    }
    struct action *a = outbox_add(n->out, ACTION_SEND);
    a->conn = c->id;
    a->bytes = *bytes;
    *bytes = (struct buf){0};
}

void conn_flush(struct node *n, struct conn *c)
{
    if (c->channel != NULL)
        conn_send(n, c, channel_out(c->channel));
}

void conns_flush(struct node *n)
{
    /* Ending one link makes others say so to nobody: the list does not grow
     * under the walk but by what is then walked, too. */
    for (size_t i = 0; i < n->dirty_count; i++) {
        struct conn *c = conn_find(n, n->dirty[i]);
        if (c == NULL)
            continue;
        c->dirty = false;
        conn_flush(n, c);
        if (c->queued > LIMIT_QUEUE_BYTES)
            link_break(n, c, "it does not read as fast as it is sent");
    }
    n->dirty_count = 0;
}

void conn_end(struct node *n, struct conn *c, bool closed)
{
    size_t slot = conn_slot(n, c->id);
    must(slot < n->conn_count && n->conns[slot] == c);
    if (!closed) {
        conn_flush(n, c);
        outbox_add(n->out, ACTION_CLOSE)->conn = c->id;
    }
    n->conn_count--;
    memmove(n->conns + slot, n->conns + slot + 1, (n->conn_count - slot) * sizeof(*n->conns));
    channel_free(c->channel);
    buf_free(&c->in);
    mem_free(c);
}

static uint64_t conn_due(const struct node *n, const struct conn *c)
{
    if (c->role == CONN_LINK)
        return link_due(n, c);
    /* A registration that is done stays open for good. */
    if (c->role == CONN_REGISTRATION && n->registered)
        return UINT64_MAX;
    return c->since_ms + LIMIT_EPMD_MS;
}

uint64_t conns_due(const struct node *n)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < n->conn_count; i++) {
        uint64_t one = conn_due(n, n->conns[i]);
        due = one < due ? one : due;
    }
    return due;
}

static void conn_wake(struct node *n, struct conn *c)
{
    if (c->role == CONN_LINK) {
        link_wake(n, c);
    } else if (c->role == CONN_LOOKUP) {
        struct peer *p = c->peer;
        conn_end(n, c, false);
        p->attempt = NULL;
        peer_attempt_failed(n, p, "epmd does not answer");
    } else {
        conn_end(n, c, false);
        registration_closed(n);
    }
}

void conns_wake(struct node *n)
{
    /* Waking one may end it, or another: look each up again by its number. */
    for (uint32_t id = 0;;) {
        size_t slot = conn_slot(n, id);
        if (slot == n->conn_count)
            return;
        struct conn *c = n->conns[slot];
        id = c->id + 1;
        if (conn_due(n, c) <= n->turn.now_ms)
            conn_wake(n, c);
    }
}
