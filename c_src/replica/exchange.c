#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of a sender's pid that a log line shows. */
#define QUOTED 100

enum err exchange_merge(struct replica *r, struct bytes checked, bool tell)
{
    bool changed;
    enum err e = crdt_merge(r->crdt, checked, durable_grown(r, tell), &changed);
    if (changed) {
        replica_changed(r);
        r->bytes += checked.len;
    }
    return e;
}

/* --- in -------------------------------------------------------------------- */

static bool is_nil(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, "nil");
}

/* In a group, a message that one sends to all comes back to its sender. */
static bool is_self(const struct replica *r, struct bytes sender)
{
    struct etf_in in = etf_open(sender);
    if (etf_peek(&in) != ETF_PID)
        return false;
    struct buf pid = {0};
    bool self =
        canon_put(&pid, sender) == OK && bytes_equal(buf_bytes(&pid), process_pid(r->process));
    buf_free(&pid);
    return self;
}

static void delta_refused(struct replica *r, struct bytes sender, enum err why, struct turn *t)
{
    struct buf pid = {0}, line = {0};
    buf_printf(&line, "%s", err_text(why));
    if (sender.len > 0 && canon_put(&pid, sender) == OK) {
        buf_printf(&line, ", from ");
        text_print_short(&line, buf_bytes(&pid), QUOTED);
    }
    replica_refused(r, "a struct", buf_bytes(&line), t);
    buf_free(&pid);
    buf_free(&line);
}

static bool take(struct replica *r, struct bytes checked, bool tell, struct bytes sender,
                 struct turn *t)
{
    enum err e = exchange_merge(r, checked, tell);
    if (e == OK)
        r->merges++;
    else
        delta_refused(r, sender, e, t);
    return e == OK;
}

/* A member whose state is in has told its changes to everyone, as we do.  What comes
 * before that, or from a stranger, may be the past: our own from before a restart, or
 * what was done beyond a cut.  Grove's servers do not exchange states, so who else
 * missed it hears of it from nobody but us. */
static bool is_past(struct replica *r, struct bytes sender)
{
    struct buf pid = {0};
    struct member *m = NULL;
    if (sender.len > 0 && canon_put(&pid, sender) == OK)
        m = member_of_pid(r, buf_bytes(&pid));
    buf_free(&pid);
    return !r->caught_up || m == NULL || !m->heard;
}

/* Some CRDTs of Grove's have the delta nil when nothing has changed. */
void exchange_receive(struct replica *r, struct bytes delta, struct bytes sender, struct turn *t)
{
    if (is_self(r, sender) || is_nil(delta))
        return;
    take(r, delta, is_past(r, sender), sender, t);
    durable_flush(r, t);
}

bool exchange_pulled(struct replica *r, struct member *m, struct bytes state, struct turn *t)
{
    bool taken = take(r, state, true, term_bytes(&m->pid), t);
    durable_flush(r, t);
    return taken;
}

/* --- out ------------------------------------------------------------------- */

static bool is_slow(const struct member *m, struct turn *t)
{
    return t->post->slow(t->post, member_node(m));
}

static void send_to(struct replica *r, struct member *m, struct bytes message, struct turn *t)
{
    turn_send(t, process_pid(r->process), term_bytes(&m->pid), message);
}

static void delta_message(struct replica *r, struct buf *out)
{
    put_tuple(out, 3);
    put_atom(out, "grove_delta");
    crdt_share_extras(r->delta, r->crdt);
    crdt_state(r->delta, out);
    put_term(out, process_pid(r->process));
}

static bool told_state(struct replica *r, struct member *m, bool last, struct turn *t)
{
    if (last)
        return (m->behind || m->untold != NULL) && push_last(r, m, t);
    return m->behind && push_to(r, m, t);
}

void exchange_sync(struct replica *r, bool last, struct turn *t)
{
    bool dirty = !crdt_empty(r->delta);
    struct buf delta = {0};
    if (dirty && r->member_count > 0)
        delta_message(r, &delta);
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (!last && is_slow(m, t))
            m->behind |= dirty;
        else if (!told_state(r, m, last, t) && dirty)
            send_to(r, m, buf_bytes(&delta), t);
    }
    buf_free(&delta);
    push_resume(r, t);
    if (!dirty)
        return;
    /* Without members too: who comes gets the state. */
    crdt_free(r->delta);
    r->delta = crdt_make(r->options.type, &r->crdt_options);
}
