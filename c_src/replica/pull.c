#include "../limits.h"
#include "../otp/rex.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* On a BEAM, rex runs Grove's documented function: a Grove server would crash on a message
 * that it does not know. */
static uint64_t ask_beam(struct replica *r, struct member *m, struct turn *t)
{
    struct buf args = {0};
    put_list(&args, 1);
    put_term(&args, term_bytes(&m->pid));
    put_nil(&args);
    uint64_t call = rex_start(r->process, member_node(m), "Elixir.Grove.Replication.Server",
                              "state", buf_bytes(&args), LIMIT_PULL_MS, t);
    buf_free(&args);
    return call;
}

static void back_off(struct member *m)
{
    m->pull = m->failures + 1 < LIMIT_PULL_TRIES ? PULL_BACKOFF : PULL_IDLE;
    m->backoff_ticks = UINT64_C(1) << m->failures;
    m->failures += m->pull == PULL_BACKOFF;
}

static void ask(struct replica *r, struct member *m, struct turn *t)
{
    if (m->adapter)
        m->call = topic_ask(r, m, t);
    else
        m->call = m->beam ? ask_beam(r, m, t) : compare_start(r, m, t);
    if (m->call == 0) {
        back_off(m);
        return;
    }
    m->pull = PULL_OPEN;
    r->pulls_open++;
}

static void ask_due(struct replica *r, struct turn *t)
{
    for (size_t i = 0; i < r->member_count && r->pulls_open < LIMIT_PULLS; i++) {
        if (r->members[i]->pull == PULL_DUE)
            ask(r, r->members[i], t);
    }
}

/* What a node has that may only read is not wanted; but who is subscribed there is. */
static bool has_nothing(const struct member *m, const struct turn *t)
{
    return !m->adapter && !turn_may_write(t, member_node(m));
}

void pull_from(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull == PULL_OPEN || has_nothing(m, t))
        return;
    m->pull = PULL_DUE;
    ask_due(r, t);
}

void pull_stop(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull == PULL_OPEN) {
        if (!m->taking)
            call_stop(r->process, m->call, t);
        r->pulls_open--;
    }
    m->taking = false;
    m->call = 0;
    m->pull = PULL_IDLE;
    compare_stop(m);
    ask_due(r, t);
}

void pull_tick(struct replica *r, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->pull == PULL_BACKOFF && --m->backoff_ticks == 0)
            m->pull = PULL_DUE;
    }
    ask_due(r, t);
}

/* A node with nobody on the topic has answered, though it is asked again. */
static bool is_pending(const struct member *m)
{
    return m->pull != PULL_IDLE && !(m->adapter && m->pull == PULL_BACKOFF);
}

bool pull_pending(const struct replica *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (is_pending(r->members[i]))
            return true;
    return false;
}

/* --- replies --------------------------------------------------------------- */

/* {ok, Struct}; anything else is final. */
static enum reply_result state_received(struct replica *r, struct member *m, struct bytes term,
                                        struct turn *t)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    struct bytes state = in.err == OK ? etf_last(&in) : (struct bytes){0};
    if (etf_finish(&in) != OK)
        return REPLY_REFUSED;
    if (intake_pulled(r, m, state, t))
        return REPLY_TAKEN;
    return exchange_pulled(r, m, state, t) ? REPLY_DONE : REPLY_REFUSED;
}

/* A member that was not reached, or whose call raised or timed out, is asked again. */
static enum reply_result beam_replied(struct replica *r, struct member *m, const struct answer *a,
                                      struct turn *t)
{
    struct bytes term = {0};
    switch (rex_read(a, &term)) {
    case REX_VALUE:
        return state_received(r, m, term, t);
    case REX_UNFIT:
        exchange_unfit(r, m, a->err, t);
        return REPLY_REFUSED;
    case REX_UNDEF: /* no Grove on that node: not a Grove server */
        return REPLY_REFUSED;
    case REX_RAISED:
    case REX_FAILED:
    case REX_GONE:
    case REX_LATE:
        break;
    }
    return REPLY_FAILED;
}

/* {error, {storage, _}}: a replica that cannot read its own files at present. */
static bool is_storage_error(struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "error");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "storage");
    return in.err == OK;
}

static enum reply_result replied(struct replica *r, struct member *m, const struct answer *a,
                                 struct turn *t)
{
    if (m->adapter)
        return topic_answer(r, m, a, t);
    if (m->beam)
        return beam_replied(r, m, a, t);
    if (answer_is_unfit(a)) {
        exchange_unfit(r, m, a->err, t);
        return REPLY_REFUSED;
    }
    if (a->err != OK || is_storage_error(a->reply))
        return REPLY_FAILED;
    return compare_answer(r, m, a->reply, t);
}

static void note_done(struct member *m, const struct turn *t)
{
    m->pulled = true;
    m->synced_wall_ms = t->wall_ms;
    if (m->agreement != AGREEMENT_EQUAL || m->beam)
        member_note(m, AGREEMENT_EXCHANGED, t);
}

static void finish(struct replica *r, struct member *m, enum reply_result result, struct turn *t)
{
    m->taking = result == REPLY_TAKEN;
    if (result == REPLY_MORE || result == REPLY_TAKEN)
        return;
    r->pulls_open--;
    m->pull = PULL_IDLE;
    compare_stop(m);
    if (result == REPLY_FAILED)
        back_off(m);
    else
        m->failures = 0;
    if (result == REPLY_LATER) {
        m->pull = PULL_BACKOFF;
        m->backoff_ticks = 1;
    }
    if (result == REPLY_DONE)
        note_done(m, t);
    ask_due(r, t);
    catch_up_check(r, t);
}

void pull_answer(struct replica *r, struct member *m, const struct answer *a, struct turn *t)
{
    must(m->pull == PULL_OPEN && !m->taking && r->pulls_open > 0);
    finish(r, m, replied(r, m, a, t), t);
}

void pull_taken(struct replica *r, struct member *m, bool merged, struct turn *t)
{
    must(m->pull == PULL_OPEN && m->taking && r->pulls_open > 0);
    enum reply_result result = merged ? compare_taken(r, m, t) : REPLY_REFUSED;
    finish(r, m, result, t);
}
