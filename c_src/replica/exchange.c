#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"
#include "work.h"

/* Bytes of a sender's pid in a log line, at most. */
#define QUOTED 100

enum err exchange_merge(struct replica *r, struct bytes checked, bool relay)
{
    bool changed;
    if (etf_is_deeper(checked, LIMIT_STRUCT_DEPTH))
        return ERR_LIMIT;
    encoding_finish(r);
    enum err e = crdt_merge(r->crdt, checked, durable_delta(r, relay), &changed);
    if (changed) {
        replica_changed(r);
        r->estimated_bytes += checked.len;
    }
    return e;
}

/* --- receiving ------------------------------------------------------------- */

static bool is_nil(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, "nil");
}

/* A message that is sent to a whole group comes back to its sender. */
static bool is_self(const struct replica *r, struct bytes sender)
{
    struct etf_in in = etf_open(sender);
    if (etf_peek(&in) != ETF_PID)
        return false;
    struct buf scratch = {0};
    struct bytes pid;
    bool self =
        canon_view(&scratch, sender, &pid) == OK && bytes_equal(pid, process_pid(r->process));
    buf_free(&scratch);
    return self;
}

void exchange_refuse(struct replica *r, struct bytes sender, enum err why, struct turn *t)
{
    struct buf pid = {0}, line = {0};
    if (r->refused_for == NULL)
        r->refused_for = mem_take(ERR_COUNT * sizeof(*r->refused_for));
    r->refused_for[why]++;
    buf_printf(&line, "%s", err_text(why));
    if (sender.len > 0 && canon_put(&pid, sender) == OK) {
        buf_printf(&line, ", from ");
        text_print_short(&line, buf_bytes(&pid), QUOTED);
    }
    replica_refused(r, "a struct", buf_bytes(&line), t);
    buf_free(&pid);
    buf_free(&line);
}

static struct member *member_of_sender(struct replica *r, struct bytes sender)
{
    struct buf scratch = {0};
    struct bytes pid;
    struct member *m = NULL;
    struct etf_in in = etf_open(sender);
    if (etf_peek(&in) == ETF_PID && canon_view(&scratch, sender, &pid) == OK) {
        m = member_of_pid(r, pid);
        if (m == NULL)
            topic_unknown_sender(r, pid);
    }
    buf_free(&scratch);
    return m;
}

/* Two members with the same actor issue the same counts, tags and ids, of which each merge then
 * drops one: both lose changes that were acknowledged. */
static void check_actor(struct replica *r, struct member *m, struct bytes theirs, struct turn *t)
{
    struct buf scratch = {0}, actor = {0};
    struct bytes canonical;
    bool same = theirs.len > 0 && canon_view(&scratch, theirs, &canonical) == OK &&
                bytes_equal(canonical, term_bytes(&r->options.actor));
    m->same_actor |= same;
    if (same && log_is_due(&r->same_actor)) {
        text_print_short(&actor, term_bytes(&r->options.actor), QUOTED);
        turn_log(t, LOG_ERROR,
                 "%.*s: the replica on %.*s has the same actor %.*s: changes are being lost; "
                 "give each replica of the group an actor of its own (%llu so far)",
                 TEXT(process_name(r->process)), TEXT(member_node(m)), TEXT(actor),
                 (unsigned long long)r->same_actor);
    }
    buf_free(&scratch);
    buf_free(&actor);
}

/* m: the sender, if it is a member. */
static bool receive(struct replica *r, struct bytes checked, bool relay, struct member *m,
                    struct bytes sender, struct turn *t)
{
    if (m != NULL)
        check_actor(r, m, crdt_sender(r->options.type, checked), t);
    enum err e = exchange_merge(r, checked, relay);
    if (e != OK) {
        exchange_refuse(r, sender, e, t);
        return false;
    }
    r->merges++;
    work_join(r, t);
    if (m != NULL)
        member_note_struct(m, t);
    return true;
}

/* A member sends its deltas to all others itself, so that they need no relay once we have its
 * state.  A delta that arrives before, or from a non-member, may hold older changes that
 * others have missed: our own from before a restart, or some from beyond a partition.
 * Grove's servers do not exchange states, so nobody else would relay it. */
static bool needs_relay(const struct replica *r, const struct member *m)
{
    return !r->caught_up || m == NULL || !m->pulled;
}

bool exchange_accepts(struct replica *r, struct bytes sender, struct bytes actor, bool is_delta,
                      bool *relay, struct turn *t)
{
    struct member *m = member_of_sender(r, sender);
    *relay = !is_delta || needs_relay(r, m);
    if (is_self(r, sender))
        return false;
    if (m != NULL) {
        check_actor(r, m, actor, t);
        member_note_struct(m, t);
    }
    return true;
}

/* For some of Grove's CRDTs, an empty delta is nil. */
void exchange_receive(struct replica *r, struct bytes delta, struct bytes sender, struct turn *t)
{
    if (is_self(r, sender) || is_nil(delta))
        return;
    struct member *m = member_of_sender(r, sender);
    r->deltas_received++;
    receive(r, delta, needs_relay(r, m), m, sender, t);
    durable_flush(r, t);
}

void exchange_unfit(struct replica *r, const struct member *m, enum err why, struct turn *t)
{
    exchange_refuse(r, term_bytes(&m->pid), why, t);
}

bool exchange_pulled(struct replica *r, struct member *m, struct bytes state, struct turn *t)
{
    bool merged = receive(r, state, true, m, term_bytes(&m->pid), t);
    durable_flush(r, t);
    return merged;
}

/* --- sending --------------------------------------------------------------- */

static bool has_beams(const struct replica *r)
{
    size_t i = 0;
    while (i < r->member_count && !r->members[i]->beam)
        i++;
    return i < r->member_count;
}

/* A BEAM may rely on a newer Grove's fields in each struct; coppices get them when they change. */
static void put_delta_message(struct replica *r, struct buf *out)
{
    put_tuple(out, 3);
    put_atom(out, "grove_delta");
    if (has_beams(r))
        crdt_copy_extras(r->delta, r->crdt);
    crdt_state(r->delta, out);
    put_term(out, process_pid(r->process));
}

static bool sent_state(struct replica *r, struct member *m, bool final, struct turn *t)
{
    if (final)
        return (m->behind || m->unsent != NULL) && push_final(r, m, t);
    return m->behind && push_to(r, m, t);
}

static void send_delta(struct replica *r, const struct member *m, struct bytes delta,
                       struct turn *t)
{
    member_send(r, m, delta, t);
    r->deltas_sent++;
}

/* To whoever is subscribed. */
static void send_to_adapters(struct replica *r, struct bytes delta, bool final, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++) {
        const struct member *m = r->members[i];
        if (m->adapter && (final || !member_is_slow(m, t)))
            send_delta(r, m, delta, t);
    }
}

/* To the members: those that are subscribed are sent it already, unless their node is slow.  It
 * cannot have been slow before and not be slow now.  An empty delta has not been encoded: there is
 * none, or it is large. */
static void send_to_members(struct replica *r, struct bytes delta, bool large, bool final,
                            struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->adapter)
            continue;
        bool slow = !final && member_is_slow(m, t);
        if (slow || large)
            m->behind |= large || delta.len > 0;
        if (!slow && !sent_state(r, m, final, t) && delta.len > 0 && !m->subscribed)
            send_delta(r, m, delta, t);
    }
}

static bool has_adapters(const struct replica *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->adapter)
            return true;
    return false;
}

/* A delta that large structs were joined to is not encoded in one go: the members get the state in
 * pieces instead.  Subscribers of a topic get deltas only. */
static bool is_large(const struct replica *r)
{
    return r->delta_bytes > LIMIT_PIECE_BYTES && crdt_is_divisible(r->options.type) &&
           !has_adapters(r);
}

void exchange_publish(struct replica *r, struct bytes delta)
{
    bool changed;
    if (r->member_count == 0)
        return;
    bool merged = crdt_merge(r->delta, delta, NULL, &changed) == OK;
    for (size_t i = 0; i < r->member_count && !merged; i++)
        r->members[i]->behind = true;
}

void exchange_sync(struct replica *r, bool final, struct turn *t)
{
    growth_publish(r);
    bool dirty = !crdt_empty(r->delta), large = dirty && !final && is_large(r);
    struct buf delta = {0};
    if (dirty && !large && r->member_count > 0)
        put_delta_message(r, &delta);
    if (delta.len > 0)
        send_to_adapters(r, buf_bytes(&delta), final, t);
    send_to_members(r, buf_bytes(&delta), large, final, t);
    buf_free(&delta);
    push_resume(r, t);
    if (!dirty)
        return;
    /* Even if the members have gone: new ones are sent the state. */
    r->delta_bytes = 0;
    crdt_free(r->delta);
    r->delta = crdt_make(r->options.type, &r->crdt_options);
}
