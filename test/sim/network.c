
#include "dist/epmd.h"
#include "mem.h"
#include "world.h"

/* --- the queue ----------------------------------------------------------- */

static bool before(const struct queued *a, const struct queued *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void swap(struct sim *s, size_t a, size_t b)
{
    struct queued t = s->queue[a];
    s->queue[a] = s->queue[b];
    s->queue[b] = t;
}

void queue_put(struct sim *s, const struct queued *t)
{
    s->queue = mem_room(s->queue, s->queue_len, &s->queue_cap, sizeof(*s->queue));
    size_t at = s->queue_len++;
    s->queue[at] = *t;
    s->queue[at].order = s->order++;
    for (; at > 0 && before(&s->queue[at], &s->queue[(at - 1) / 2]); at = (at - 1) / 2)
        swap(s, at, (at - 1) / 2);
}

struct queued queue_take(struct sim *s)
{
    must(s->queue_len > 0);
    struct queued first = s->queue[0];
    s->queue[0] = s->queue[--s->queue_len];
    for (size_t at = 0, child; (child = 2 * at + 1) < s->queue_len; at = child) {
        if (child + 1 < s->queue_len && before(&s->queue[child + 1], &s->queue[child]))
            child++;
        if (!before(&s->queue[child], &s->queue[at]))
            break;
        swap(s, at, child);
    }
    return first;
}

/* --- connections --------------------------------------------------------- */

static struct pipe *pipe_find(struct sim *s, enum party party, unsigned machine, uint32_t conn,
                              unsigned *side)
{
    for (struct pipe *p = s->pipes; p != NULL; p = p->next)
        for (unsigned i = 0; i < 2; i++) {
            const struct end *e = &p->ends[i];
            if (e->attached && e->party == party && e->machine == machine && e->conn == conn) {
                *side = i;
                return p;
            }
        }
    return NULL;
}

static void arrivals_drop(struct end *e)
{
    while (e->first != NULL) {
        struct arrival *a = e->first;
        e->first = a->next;
        buf_free(&a->bytes);
        mem_free(a);
    }
    e->tail = &e->first;
}

/* Frees the connections with no attached end and no queued arrival. */
static void pipes_tidy(struct sim *s)
{
    for (struct pipe **at = &s->pipes; *at != NULL;) {
        struct pipe *p = *at;
        bool over = !p->ends[0].attached && !p->ends[1].attached && p->queued == 0;
        if (!over) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        arrivals_drop(&p->ends[0]);
        arrivals_drop(&p->ends[1]);
        mem_free(p);
    }
}

static uint64_t latency(struct sim *s, const struct pipe *p)
{
    const struct sim_options *o = &s->options;
    if (p->ends[0].machine == p->ends[1].machine)
        return o->latency_min_ms;
    return o->latency_min_ms + sim_random(s, o->latency_max_ms - o->latency_min_ms + 1);
}

static const struct link *link_to(const struct sim *s, const struct pipe *p, unsigned side)
{
    return &s->links[p->ends[1 - side].machine][p->ends[side].machine];
}

static void schedule_arrival(struct sim *s, struct pipe *p, unsigned side, size_t bytes)
{
    const struct link *link = link_to(s, p, side);
    struct end *e = &p->ends[side];
    uint64_t due_ms = s->now_ms + latency(s, p);
    if (link->byte_ms > 0)
        due_ms = (e->last_ms > due_ms ? e->last_ms : due_ms) + bytes * link->byte_ms;
    e->last_ms = due_ms > e->last_ms ? due_ms : e->last_ms;
    p->queued++;
    queue_put(s, &(struct queued){.due_ms = e->last_ms, .pipe = p, .end = side});
}

/* Its party reads again, or has closed it: what has arrived meanwhile comes at once. */
static void end_rest(struct sim *s, struct pipe *p, unsigned side)
{
    struct end *e = &p->ends[side];
    e->rests = false;
    for (; e->unread > 0; e->unread--) {
        p->queued++;
        queue_put(s, &(struct queued){.due_ms = s->now_ms, .pipe = p, .end = side});
    }
}

/* Sends an arrival towards one side; it comes after all that were sent before. */
static void send_arrival(struct sim *s, struct pipe *p, unsigned side, const struct arrival *what)
{
    struct end *e = &p->ends[side];
    struct arrival *a = mem_take(sizeof(*a));
    *a = *what;
    *e->tail = a;
    e->tail = &a->next;
    schedule_arrival(s, p, side, a->bytes.len);
}

/* Resets the connection: what is in flight is lost, and whoever still has an end is told. */
static void pipe_reset(struct sim *s, struct pipe *p)
{
    for (unsigned side = 0; side < 2; side++) {
        arrivals_drop(&p->ends[side]);
        if (p->ends[side].attached && !p->ends[side].stale)
            send_arrival(s, p, side, &(struct arrival){.kind = ARRIVE_END, .err = ERR_CLOSED});
    }
}

/* --- calls of the parties ------------------------------------------------ */

void network_dial(struct sim *s, const struct end *from, struct bytes host, uint16_t port)
{
    struct pipe *p = mem_take(sizeof(*p));
    unsigned machine = world_machine(s, from->machine, host);
    p->port = port;
    p->ends[0] = *from;
    p->ends[0].attached = true;
    p->ends[1] = (struct end){.machine = machine == MACHINES ? from->machine : machine};
    p->ends[0].tail = &p->ends[0].first;
    p->ends[1].tail = &p->ends[1].first;
    p->next = s->pipes;
    s->pipes = p;
    if (machine == MACHINES)
        send_arrival(s, p, 0, &(struct arrival){.kind = ARRIVE_END, .err = ERR_REFUSED});
    else
        send_arrival(s, p, 1, &(struct arrival){.kind = ARRIVE_DIAL});
}

void network_send(struct sim *s, enum party party, unsigned machine, uint32_t conn,
                  struct bytes bytes)
{
    unsigned side;
    struct pipe *p = pipe_find(s, party, machine, conn, &side);
    if (p == NULL || !p->ends[side].open)
        sim_violated(s, "%s sends on connection %u, which is not open", s->machines[machine].name,
                     conn);
    while (bytes.len > 0) {
        size_t piece = bytes.len;
        if (s->options.pieces) {
            uint64_t most = UINT64_C(1) << sim_random(s, 13);
            piece = 1 + sim_random(s, most < bytes.len ? most : bytes.len);
            piece = piece < bytes.len ? piece : bytes.len;
        }
        struct arrival a = {.kind = ARRIVE_BYTES};
        buf_put(&a.bytes, (struct bytes){bytes.at, piece});
        send_arrival(s, p, 1 - side, &a);
        bytes.at += piece;
        bytes.len -= piece;
    }
}

static void side_close(struct sim *s, struct pipe *p, unsigned side)
{
    p->ends[side].attached = false;
    send_arrival(s, p, 1 - side, &(struct arrival){.kind = ARRIVE_END, .err = ERR_CLOSED});
    end_rest(s, p, side);
}

void network_close(struct sim *s, enum party party, unsigned machine, uint32_t conn)
{
    unsigned side;
    struct pipe *p = pipe_find(s, party, machine, conn, &side);
    if (p == NULL)
        sim_violated(s, "%s closes connection %u, which it does not have",
                     s->machines[machine].name, conn);
    side_close(s, p, side);
}

/* Calls act for each attached end on that machine of that party, or of any if negative. */
static void each_end(struct sim *s, int party, unsigned machine,
                     void (*act)(struct sim *s, struct pipe *p, unsigned side))
{
    for (struct pipe *p = s->pipes; p != NULL; p = p->next)
        for (unsigned side = 0; side < 2; side++) {
            const struct end *e = &p->ends[side];
            if (e->attached && e->machine == machine && (party < 0 || (int)e->party == party))
                act(s, p, side);
        }
}

void network_close_all(struct sim *s, enum party party, unsigned machine)
{
    each_end(s, (int)party, machine, side_close);
}

static void side_reset(struct sim *s, struct pipe *p, unsigned side)
{
    p->ends[side].attached = false;
    pipe_reset(s, p);
}

void network_reset(struct sim *s, enum party party, unsigned machine)
{
    each_end(s, (int)party, machine, side_reset);
}

static void side_power_off(struct sim *s, struct pipe *p, unsigned side)
{
    (void)s;
    p->ends[side].attached = false;
    p->ends[side].stale = true;
    arrivals_drop(&p->ends[side]);
}

void network_power_off(struct sim *s, unsigned machine)
{
    each_end(s, -1, machine, side_power_off);
}

/* Dials that got no answer while the machine was off are refused now. */
void network_power_on(struct sim *s, unsigned machine)
{
    for (struct pipe *p = s->pipes; p != NULL; p = p->next)
        if (p->ends[1].machine == machine && p->ends[1].stale && !p->ends[0].open)
            pipe_reset(s, p);
}

static bool between(const struct pipe *p, unsigned a, unsigned b)
{
    unsigned x = p->ends[0].machine, y = p->ends[1].machine;
    return (x == a && y == b) || (x == b && y == a);
}

void network_reset_link(struct sim *s, unsigned a, unsigned b)
{
    for (struct pipe *p = s->pipes; p != NULL; p = p->next)
        if (between(p, a, b))
            pipe_reset(s, p);
}

size_t sim_in_flight(const struct sim *s, unsigned a, unsigned b)
{
    size_t bytes = 0;
    for (const struct pipe *p = s->pipes; p != NULL; p = p->next)
        for (unsigned side = 0; side < 2 && between(p, a, b); side++)
            for (const struct arrival *x = p->ends[side].first; x != NULL; x = x->next)
                bytes += x->bytes.len;
    return bytes;
}

/* Everything in flight is scheduled anew; entries already queued will find nothing left. */
void network_heal(struct sim *s, unsigned a, unsigned b)
{
    for (struct pipe *p = s->pipes; p != NULL; p = p->next)
        for (unsigned side = 0; side < 2 && between(p, a, b); side++) {
            p->ends[side].last_ms = 0;
            for (const struct arrival *x = p->ends[side].first; x != NULL; x = x->next)
                schedule_arrival(s, p, side, x->bytes.len);
        }
}

void network_rest(struct sim *s, unsigned machine, uint32_t conn, bool rests)
{
    unsigned side;
    struct pipe *p = pipe_find(s, PARTY_NODE, machine, conn, &side);
    if (p == NULL || p->ends[side].rests == rests)
        sim_violated(s, "%s rests or reads twice, or what it does not have: connection %u",
                     s->machines[machine].name, conn);
    p->ends[side].rests = true;
    if (!rests)
        end_rest(s, p, side);
}

void network_free(struct sim *s)
{
    while (s->pipes != NULL) {
        struct pipe *p = s->pipes;
        s->pipes = p->next;
        arrivals_drop(&p->ends[0]);
        arrivals_drop(&p->ends[1]);
        mem_free(p);
    }
    mem_free(s->queue);
}

/* --- events for the parties ---------------------------------------------- */

static void tell_opened(struct sim *s, const struct end *e)
{
    struct event opened = {.kind = EVENT_OPENED, .conn = e->conn};
    if (e->party == PARTY_NODE)
        world_step(s, e->machine, &opened);
    else
        caller_opened(s, e->machine - SIM_NODES_MAX, e->conn);
}

static void tell_bytes(struct sim *s, const struct end *e, struct bytes bytes)
{
    struct event read = {.kind = EVENT_BYTES, .conn = e->conn, .bytes = bytes};
    if (e->party == PARTY_NODE)
        world_step(s, e->machine, &read);
    else if (e->party == PARTY_EPMD)
        epmd_bytes(s, e->machine, e->conn, bytes);
    else
        caller_bytes(s, e->machine - SIM_NODES_MAX, e->conn, bytes);
}

static void tell_written(struct sim *s, const struct end *e, size_t count)
{
    struct event written = {.kind = EVENT_WRITTEN, .conn = e->conn, .written = count};
    if (e->party == PARTY_NODE)
        world_step(s, e->machine, &written);
}

static void tell_closed(struct sim *s, const struct end *e, enum err err)
{
    struct event closed = {.kind = EVENT_CLOSED, .conn = e->conn, .err = err};
    if (e->party == PARTY_NODE)
        world_step(s, e->machine, &closed);
    else if (e->party == PARTY_EPMD)
        epmd_closed(s, e->machine, e->conn);
    else
        caller_closed(s, e->machine - SIM_NODES_MAX, e->conn);
}

/* A dial has arrived: epmd, a node, or nobody listens on the port. */
static void dialled(struct sim *s, struct pipe *p)
{
    struct end *e = &p->ends[1];
    struct sim_node *n = e->machine < SIM_NODES_MAX ? &s->nodes[e->machine] : NULL;
    if (p->port == EPMD_PORT && epmd_listens(s, e->machine)) {
        e->party = PARTY_EPMD;
        e->conn = epmd_accepted(s, e->machine);
    } else if (n != NULL && n->node != NULL && p->port == n->port) {
        e->party = PARTY_NODE;
        e->conn = n->accepted += 2;
    } else {
        send_arrival(s, p, 0, &(struct arrival){.kind = ARRIVE_END, .err = ERR_REFUSED});
        return;
    }
    e->attached = e->open = true;
    if (p->ends[0].attached)
        send_arrival(s, p, 0, &(struct arrival){.kind = ARRIVE_OPEN});
    if (e->party == PARTY_NODE)
        world_step(s, e->machine, &(struct event){.kind = EVENT_ACCEPTED, .conn = e->conn});
}

static void deliver(struct sim *s, struct pipe *p, unsigned side, const struct arrival *a)
{
    struct end *e = &p->ends[side], *other = &p->ends[1 - side];
    switch (a->kind) {
    case ARRIVE_DIAL:
        dialled(s, p);
        break;
    case ARRIVE_OPEN:
        e->open = true;
        if (e->attached)
            tell_opened(s, e);
        break;
    case ARRIVE_BYTES:
        /* A closed end still acknowledges data, and drops it. */
        if (e->attached)
            tell_bytes(s, e, buf_bytes(&a->bytes));
        if (other->attached)
            tell_written(s, other, a->bytes.len);
        break;
    case ARRIVE_END:
        if (e->attached) {
            e->attached = false;
            tell_closed(s, e, a->err);
        }
        break;
    }
}

void network_arrive(struct sim *s, const struct queued *t)
{
    struct pipe *p = t->pipe;
    struct end *e = &p->ends[t->end];
    must(p->queued > 0);
    p->queued--;
    if (link_to(s, p, t->end)->cut) {
        /* It stays until the link is healed. */
    } else if (e->rests && e->attached) {
        e->unread++;
    } else if (!s->machines[e->machine].up) {
        e->stale = true;
        arrivals_drop(e);
    } else if (e->stale) {
        pipe_reset(s, p);
    } else if (e->first != NULL) {
        struct arrival *a = e->first;
        e->first = a->next;
        if (e->first == NULL)
            e->tail = &e->first;
        deliver(s, p, t->end, a);
        buf_free(&a->bytes);
        mem_free(a);
    }
    pipes_tidy(s);
}
