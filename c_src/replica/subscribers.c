#include "subscribers.h"

#include "../crdt/part.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of messages after which a millisecond passes before the next ones: encoding values takes
 * a tenth of the time at most. */
#define BYTES_A_MS (16u * 1024)
/* Nanoseconds that looking at a subscriber takes. */
#define WORK_SUBSCRIBER 10

enum what { WHAT_VALUE, WHAT_DELTA, WHAT_VERSION };
static const char *const whats[] = {"value", "delta", "version"};

struct wishes {
    enum what what;
    bool acks; /* it asks for each message after the first */
};

struct subscriber {
    struct buf pid, ref;
    uint64_t watch;
    struct wishes wishes;
    bool unacked;  /* and has not asked for the next one */
    bool missed;   /* of WHAT_DELTA: the next one is the state */
    uint64_t told; /* the version that it was sent; 0: none */
};

/* The first state has version 1. */
static uint64_t version_of(const struct replica *r)
{
    return r->changes + 1;
}

/* --- the list ----------------------------------------------------------------- */

static void subscriber_free(struct subscriber *s)
{
    buf_free(&s->pid);
    buf_free(&s->ref);
    mem_free(s);
}

static void remove_at(struct subscribers *all, size_t i)
{
    subscriber_free(all->list[i]);
    all->count--;
    for (; i < all->count; i++)
        all->list[i] = all->list[i + 1];
}

static bool wants_deltas(const struct replica *r)
{
    const struct subscribers *all = &r->subscribers;
    size_t i = 0;
    while (i < all->count && all->list[i]->wishes.what != WHAT_DELTA)
        i++;
    return i < all->count;
}

static void remove_subscriber(struct replica *r, size_t i)
{
    remove_at(&r->subscribers, i);
    if (!wants_deltas(r))
        growth_stop(r);
}

void subscribers_free(struct replica *r)
{
    struct subscribers *all = &r->subscribers;
    for (size_t i = 0; i < all->count; i++)
        subscriber_free(all->list[i]);
    mem_free(all->list);
    growth_stop(r);
    *all = (struct subscribers){0};
}

bool subscribers_down(struct replica *r, uint64_t watch)
{
    struct subscribers *all = &r->subscribers;
    size_t i = 0;
    while (i < all->count && all->list[i]->watch != watch)
        i++;
    if (i == all->count)
        return false;
    remove_subscriber(r, i);
    return true;
}

static bool is_full(const struct subscribers *all, struct bytes node, struct turn *t)
{
    size_t of_node = 0;
    turn_worked(t, WORK_SUBSCRIBER * (uint64_t)all->count);
    for (size_t i = 0; i < all->count; i++)
        of_node += bytes_equal(node_of(buf_bytes(&all->list[i]->pid)), node);
    return all->count >= LIMIT_CHANGE_SUBSCRIBERS || of_node >= LIMIT_CHANGE_SUBSCRIBERS_NODE;
}

/* Takes the pid over. */
static struct subscriber *add(struct replica *r, struct buf *pid, struct wishes wishes,
                              struct turn *t)
{
    struct subscribers *all = &r->subscribers;
    struct subscriber *s = mem_take(sizeof(*s));
    if (wishes.what == WHAT_DELTA && !wants_deltas(r))
        growth_start(r);
    *s = (struct subscriber){.pid = *pid, .wishes = wishes, .missed = true};
    *pid = (struct buf){0};
    processes_reference(process_table(r->process), &s->ref);
    all->list = mem_room(all->list, all->count, &all->cap, sizeof(struct subscriber *));
    all->list[all->count++] = s;
    s->watch = watch_start(r->process, &(struct address){.pid = buf_bytes(&s->pid)}, t);
    return s;
}

/* --- messages ------------------------------------------------------------------ */

static bool is_small(struct replica *r, struct turn *t)
{
    return push_piece_buckets(r, t) == PART_BUCKETS;
}

static struct bytes delta_for(struct replica *r, const struct subscriber *s, struct turn *t)
{
    const struct growth *g = &r->subscribers.growth;
    if (!s->missed && !g->lost)
        return buf_bytes(&g->encoded);
    return is_small(r, t) ? encoding_state(r).part : (struct bytes){0};
}

/* Nothing, where it is what a member would be sent in pieces. */
static struct bytes content_for(struct replica *r, const struct subscriber *s, struct turn *t)
{
    struct bytes content = {0};
    if (s->wishes.what == WHAT_DELTA)
        content = delta_for(r, s, t);
    else if (s->wishes.what == WHAT_VALUE && is_small(r, t))
        content = encoding_value(r).part;
    return content.len <= LIMIT_PIECE_BYTES ? content : (struct bytes){0};
}

static void put_message(struct replica *r, const struct subscriber *s, struct buf *out,
                        struct turn *t)
{
    struct bytes content = content_for(r, s, t);
    put_tuple(out, 4);
    put_atom(out, "coppice_changed");
    put_atom_bytes(out, process_name(r->process));
    put_term(out, buf_bytes(&s->ref));
    put_map(out, content.len > 0 ? 2 : 1);
    if (content.len > 0) {
        put_atom(out, whats[s->wishes.what]);
        put_term(out, content);
    }
    put_atom(out, "version");
    put_uint(out, version_of(r));
}

static bool is_busy(const struct replica *r, const struct subscriber *s, struct turn *t)
{
    struct bytes node = node_of(buf_bytes(&s->pid));
    return !bytes_equal(node, processes_node(process_table(r->process))) &&
           t->post->busy(t->post, node);
}

static size_t send(struct replica *r, struct subscriber *s, struct turn *t)
{
    struct buf message = {0};
    put_message(r, s, &message, t);
    size_t bytes = message.len;
    turn_send(t, process_pid(r->process), buf_bytes(&s->pid), buf_bytes(&message));
    buf_free(&message);
    s->told = version_of(r);
    s->unacked = s->wishes.acks;
    s->missed = false;
    return bytes;
}

/* Who was not sent the delta may have it next time, as long as it is small; it costs those who were
 * little to have that again. */
static void forget_delta(struct replica *r)
{
    const struct subscribers *all = &r->subscribers;
    bool missed = false, large = all->growth.encoded.len > LIMIT_CHANGE_QUEUE_BYTES;
    for (size_t i = 0; i < all->count; i++) {
        struct subscriber *s = all->list[i];
        bool behind = s->wishes.what == WHAT_DELTA && s->told != version_of(r);
        missed |= behind;
        s->missed |= behind && (large || all->growth.lost);
    }
    if (all->growth.since != NULL && (!missed || large || all->growth.lost))
        growth_start(r);
}

/* Sends whom it can.  The first who was not, since its node is busy, comes first the next time. */
static void send_all(struct replica *r, struct turn *t)
{
    struct subscribers *all = &r->subscribers;
    size_t first = all->next < all->count ? all->next : 0;
    growth_collect(r);
    size_t bytes = all->growth.encoded.len;
    turn_worked(t, WORK_SUBSCRIBER * (uint64_t)all->count);
    all->dirty = all->waiting = false;
    for (size_t n = 0; n < all->count; n++) {
        size_t i = (first + n) % all->count;
        struct subscriber *s = all->list[i];
        if (s->told == version_of(r) || s->unacked)
            continue;
        if (!is_busy(r, s, t)) {
            bytes += send(r, s, t);
        } else if (!all->waiting) {
            all->waiting = true;
            all->next = i;
        }
    }
    forget_delta(r);
    all->next_ms = t->now_ms + bytes / BYTES_A_MS;
}

void subscribers_changed(struct replica *r)
{
    struct subscribers *all = &r->subscribers;
    if (all->count == 0)
        return;
    all->dirty = true;
    replica_set_wake(r);
}

void subscribers_idle(struct replica *r)
{
    if (r->subscribers.waiting)
        subscribers_changed(r);
}

uint64_t subscribers_due(const struct replica *r)
{
    const struct subscribers *all = &r->subscribers;
    if (!all->dirty || all->count == 0 || !durable_is_safe(r))
        return UINT64_MAX;
    return all->next_ms > 0 ? all->next_ms : 1;
}

void subscribers_wake(struct replica *r, struct turn *t)
{
    if (t->now_ms >= subscribers_due(r))
        send_all(r, t);
}

void subscribers_finish(struct replica *r, struct turn *t)
{
    if (durable_is_safe(r))
        send_all(r, t);
}

/* --- requests ------------------------------------------------------------------- */

static void refuse(struct replica *r, struct bytes from, const char *reason, struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    gen_reply_error(r->process, from, buf_bytes(&atom), t);
    buf_free(&atom);
}

static void refuse_options(struct replica *r, struct bytes from, const char *what, struct turn *t)
{
    struct buf reason = {0};
    put_tuple(&reason, 2);
    put_atom(&reason, "bad_options");
    put_binary(&reason, bytes_of(what));
    gen_reply_error(r->process, from, buf_bytes(&reason), t);
    buf_free(&reason);
}

/* Reads one of the options; NULL, or what is wrong with it. */
static const char *read_option(struct etf_in *in, struct wishes *wishes)
{
    if (etf_accept(in, "what")) {
        for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
            wishes->what = (enum what)i;
            if (etf_accept(in, whats[i]))
                return NULL;
        }
        return "what is value, delta or version";
    }
    if (etf_accept(in, "ack")) {
        wishes->acks = etf_bool(in);
        return in->err == OK ? NULL : "ack is true or false";
    }
    return "the options are what and ack";
}

static const char *read_options(struct bytes term, struct wishes *wishes)
{
    struct etf_in in = etf_open(term);
    const char *wrong = NULL;
    if (term.len == 0)
        return NULL;
    if (etf_peek(&in) != ETF_MAP)
        return "the options are a map";
    for (uint32_t pairs = etf_map(&in); pairs > 0 && wrong == NULL; pairs--)
        wrong = read_option(&in, wishes);
    return wrong;
}

/* False unless it is a pid. */
static bool read_pid(struct bytes term, struct buf *pid)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_PID && canon_put(pid, term) == OK;
}

/* A message for a node that is not connected would have it dialled, and wait. */
static bool is_here(const struct replica *r, struct bytes pid, struct turn *t)
{
    struct bytes node = node_of(pid);
    return bytes_equal(node, processes_node(process_table(r->process))) ||
           t->post->connected(t->post, node);
}

void subscribers_subscribe(struct replica *r, struct bytes from, const struct bytes *args,
                           struct turn *t)
{
    struct buf pid = {0};
    struct wishes wishes = {0};
    const char *wrong = read_options(args[1], &wishes);
    if (!read_pid(args[0], &pid)) {
        refuse(r, from, "bad_pid", t);
    } else if (wrong != NULL) {
        refuse_options(r, from, wrong, t);
    } else if (!is_here(r, buf_bytes(&pid), t)) {
        refuse(r, from, "noconnection", t);
    } else if (is_full(&r->subscribers, node_of(buf_bytes(&pid)), t)) {
        refuse(r, from, "limit", t);
    } else {
        const struct subscriber *s = add(r, &pid, wishes, t);
        gen_reply_value(r->process, from, buf_bytes(&s->ref), t);
        send_all(r, t);
    }
    buf_free(&pid);
}

/* By its pid or its reference. */
static bool is_named(const struct subscriber *s, struct bytes id)
{
    return bytes_equal(buf_bytes(&s->pid), id) || bytes_equal(buf_bytes(&s->ref), id);
}

void subscribers_unsubscribe(struct replica *r, struct bytes from, const struct bytes *args,
                             struct turn *t)
{
    struct subscribers *all = &r->subscribers;
    struct buf scratch = {0};
    struct bytes id;
    bool good = canon_view(&scratch, args[0], &id) == OK;
    for (size_t i = all->count; i-- > 0 && good;) {
        if (!is_named(all->list[i], id))
            continue;
        watch_stop(r->process, all->list[i]->watch, t);
        remove_subscriber(r, i);
    }
    if (from.len > 0)
        gen_reply_ok(r->process, from, t);
    buf_free(&scratch);
}

void subscribers_ack(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct subscribers *all = &r->subscribers;
    struct buf scratch = {0};
    struct bytes id;
    (void)from;
    (void)t;
    bool good = canon_view(&scratch, args[0], &id) == OK;
    for (size_t i = 0; i < all->count && good; i++)
        if (bytes_equal(buf_bytes(&all->list[i]->ref), id))
            all->list[i]->unacked = false;
    buf_free(&scratch);
    subscribers_changed(r);
}
