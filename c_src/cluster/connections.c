#include "../limits.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../sorted.h"
#include "internal.h"

/* Bytes that are written at once.  They are reported as written when all of them are: of a state
 * that takes minutes each piece shows that the peer reads. */
#define PIECE_BYTES (256u * 1024)
/* Of large messages so much is made ready at a time: a piece, with the last fragment. */
#define FILL_BYTES (PIECE_BYTES - LIMIT_FRAGMENT_BYTES)
/* Bytes of answers that wait for those to the rest of what a peer has sent at once: it would cost a
 * write to the socket for each step. */
#define COLLECTED_BYTES (16u * 1024)

static int compare_id(const void *element, const void *key)
{
    uint32_t id = (*(struct connection *const *)element)->id, wanted = *(const uint32_t *)key;
    return (id > wanted) - (id < wanted);
}

static size_t place_of(const struct cluster *c, uint32_t id)
{
    return sorted_place(c->connections, c->connection_count, sizeof(*c->connections), &id,
                        compare_id);
}

struct connection *connection_find(const struct cluster *c, uint32_t id)
{
    struct hash_link *found = hash_table_find(&c->connections_by_id, id);
    return found != NULL ? CONTAINER_OF(found, struct connection, by_id) : NULL;
}

static void on_timer(struct wakeup *w, struct turn *t)
{
    struct connection *x = CONTAINER_OF(w, struct connection, timer);
    if (x->role == ROLE_LINK)
        link_wake(x, t);
    else if (x->role == ROLE_LOOKUP)
        lookup_failed(x, false, x->opened ? "epmd does not answer" : "its host does not answer", t);
    else
        registration_closed(x->cluster, false, t);
}

/* While there is no connection to epmd, its place is kept. */
static size_t most_connections(const struct cluster *c, uint32_t id, enum connection_role role)
{
    bool accepted = id % 2 == 0;
    size_t kept = c->connection_max / LIMIT_DIALS_KEPT;
    if (accepted)
        return c->connection_max - (kept > 0 ? kept : 1);
    bool registers = role == ROLE_REGISTRATION || c->registration != NULL;
    return registers ? c->connection_max : c->connection_max - 1;
}

struct connection *connection_add(struct cluster *c, uint32_t id, enum connection_role role,
                                  uint64_t wait_ms, struct turn *t)
{
    if (c->connection_count >= most_connections(c, id, role))
        return NULL;
    size_t place = place_of(c, id);
    must(place == c->connection_count || c->connections[place]->id != id);
    c->connections = sorted_insert(c->connections, &c->connection_count, &c->connection_cap,
                                   sizeof(*c->connections), place);
    struct connection *x = c->connections[place] = mem_take(sizeof(*x));
    *x = (struct connection){.cluster = c,
                             .id = id,
                             .role = role,
                             .timer.ring = on_timer,
                             .read_ms = t->now_ms,
                             .written_ms = t->now_ms};
    hash_table_put(&c->connections_by_id, &x->by_id, id);
    wakeup_set(c->wakeups, &x->timer, t->now_ms + wait_ms);
    return x;
}

struct connection *connection_dial(struct cluster *c, enum connection_role role, struct bytes host,
                                   uint16_t port, struct turn *t)
{
    uint64_t wait_ms = role == ROLE_LINK ? LIMIT_HANDSHAKE_MS : LIMIT_EPMD_MS;
    /* The numbers come round; those of long-lived connections are passed over. */
    while (connection_find(c, c->next_connection) != NULL)
        c->next_connection += 2;
    struct connection *x = connection_add(c, c->next_connection, role, wait_ms, t);
    if (x == NULL)
        return NULL;
    c->next_connection += 2;
    c->listener.dial(c->listener.who, x->id, host, port, role == ROLE_LINK && c->options.tls);
    return x;
}

static void send_piece(const struct connection *x, struct bytes piece)
{
    struct buf copy = {0};
    buf_put(&copy, piece);
    x->cluster->listener.send(x->cluster->listener.who, x->id, &copy);
}

void connection_send(struct connection *x, struct buf *bytes, struct turn *t)
{
    if (bytes->len == 0)
        return;
    if (x->queued == 0)
        x->moved_ms = t->now_ms;
    x->queued += bytes->len;
    x->cluster->queued += bytes->len;
    x->written_ms = t->now_ms;
    if (bytes->len > PIECE_BYTES) {
        struct bytes left = buf_bytes(bytes);
        for (; left.len > PIECE_BYTES; left = bytes_after(left, PIECE_BYTES))
            send_piece(x, (struct bytes){left.at, PIECE_BYTES});
        send_piece(x, left);
        buf_free(bytes);
        return;
    }
    x->cluster->listener.send(x->cluster->listener.who, x->id, bytes);
}

void connection_mark(struct connection *x)
{
    struct cluster *c = x->cluster;
    if (x->dirty)
        return;
    c->dirty = mem_room(c->dirty, c->dirty_count, &c->dirty_cap, sizeof(*c->dirty));
    c->dirty[c->dirty_count++] = x->id;
    x->dirty = true;
}

/* What the channel keeps is counted as queued, too. */
static void count_kept(struct connection *x)
{
    size_t kept = channel_kept(x->channel);
    x->cluster->queued += kept - x->kept;
    x->kept = kept;
}

static void flush(struct connection *x, size_t fill_bytes, struct turn *t)
{
    if (x->channel == NULL)
        return;
    connection_send(x, channel_out(x->channel), t);
    while (x->queued < fill_bytes && channel_kept(x->channel) > 0) {
        size_t room = fill_bytes - x->queued;
        channel_fill(x->channel, room < FILL_BYTES ? room : FILL_BYTES);
        connection_send(x, channel_out(x->channel), t);
    }
    count_kept(x);
}

static bool collects(const struct connection *x)
{
    return x->work.place != 0 && channel_kept(x->channel) == 0 &&
           channel_out(x->channel)->len < COLLECTED_BYTES;
}

void connection_flush(struct connection *x, struct turn *t)
{
    if (!collects(x))
        flush(x, LIMIT_FILL_BYTES, t);
}

static void flush_dirty(struct cluster *c, struct turn *t)
{
    /* Breaking one link may queue signals on others: they are appended, and walked too. */
    for (size_t i = 0; i < c->dirty_count; i++) {
        struct connection *x = connection_find(c, c->dirty[i]);
        if (x == NULL)
            continue;
        x->dirty = false;
        connection_flush(x, t);
        if (x->queued + x->kept > LIMIT_QUEUE_BYTES || x->overflowed)
            link_break(x, "it does not read as fast as it is sent", t);
    }
    c->dirty_count = 0;
}

static struct connection *longest_queue(const struct cluster *c)
{
    struct connection *longest = c->connections[0];
    for (size_t i = 1; i < c->connection_count; i++)
        if (c->connections[i]->queued + c->connections[i]->kept > longest->queued + longest->kept)
            longest = c->connections[i];
    return longest;
}

void connections_flush(struct cluster *c, struct turn *t)
{
    flush_dirty(c, t);
    while (c->queued > LIMIT_QUEUES_BYTES) {
        link_break(longest_queue(c), "all peers together do not read as fast as they are sent", t);
        flush_dirty(c, t);
    }
}

void connection_end(struct connection *x, bool closed, struct turn *t)
{
    struct cluster *c = x->cluster;
    size_t place = place_of(c, x->id);
    must(place < c->connection_count && c->connections[place] == x);
    if (!closed) {
        flush(x, SIZE_MAX, t);
        c->listener.close(c->listener.who, x->id);
    }
    sorted_remove(c->connections, &c->connection_count, sizeof(*c->connections), place);
    hash_table_remove(&c->connections_by_id, &x->by_id);
    strangers_remove(x);
    wakeup_stop(c->wakeups, &x->timer);
    wakeup_stop(c->wakeups, &x->work);
    c->queued -= x->queued + x->kept;
    channel_free(x->channel);
    buf_free(&x->in);
    mem_free(x);
}
