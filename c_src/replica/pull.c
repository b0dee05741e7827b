#include "../limits.h"
#include "../otp/rex.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* On a BEAM the documented function is run beside the member: a message
 * that was guessed wrong would end a Grove server. */
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

static void later(struct member *m)
{
    m->pull = m->failed + 1 < LIMIT_PULL_TRIES ? PULL_LATER : PULL_DONE;
    m->ticks = UINT64_C(1) << m->failed;
    m->failed += m->pull == PULL_LATER;
}

static void ask(struct replica *r, struct member *m, struct turn *t)
{
    m->call = m->beam ? ask_beam(r, m, t) : compare_start(r, m, t);
    if (m->call == 0) {
        later(m);
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

void pull_from(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull == PULL_OPEN)
        return;
    m->pull = PULL_DUE;
    ask_due(r, t);
}

void pull_stop(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull == PULL_OPEN) {
        call_stop(r->process, m->call, t);
        r->pulls_open--;
    }
    m->pull = PULL_DONE;
    compare_stop(m);
    ask_due(r, t);
}

void pull_tick(struct replica *r, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->pull == PULL_LATER && --m->ticks == 0)
            m->pull = PULL_DUE;
    }
    ask_due(r, t);
}

bool pull_pending(const struct replica *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->pull != PULL_DONE)
            return true;
    return false;
}

/* --- answers --------------------------------------------------------------- */

/* {ok, Struct}; an {error, _} is the member's last word. */
static enum outcome state_heard(struct replica *r, struct member *m, struct bytes term,
                                struct turn *t)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    struct bytes state = etf_any(&in);
    if (etf_finish(&in) != OK)
        return OUTCOME_REFUSED;
    return exchange_pulled(r, m, state, t) ? OUTCOME_DONE : OUTCOME_REFUSED;
}

/* FAILED where it was not reached or did not manage: it may the next time. */
static enum outcome beam_heard(struct replica *r, struct member *m, const struct answer *a,
                               struct turn *t)
{
    struct bytes term = {0};
    switch (rex_read(a, &term)) {
    case REX_VALUE:
        return state_heard(r, m, term, t);
    case REX_UNDEF: /* no Grove there: a process of another make */
        return OUTCOME_REFUSED;
    case REX_RAISED:
    case REX_FAILED:
    case REX_GONE:
    case REX_LATE:
        break;
    }
    return OUTCOME_FAILED;
}

/* {error, {storage, _}}: a replica that cannot read its own files, for now. */
static bool is_trouble(struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "error");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "storage");
    return in.err == OK;
}

static enum outcome heard(struct replica *r, struct member *m, const struct answer *a,
                          struct turn *t)
{
    if (m->beam)
        return beam_heard(r, m, a, t);
    if (a->err != OK || is_trouble(a->reply))
        return OUTCOME_FAILED;
    return compare_answer(r, m, a->reply, t);
}

void pull_answer(struct replica *r, struct member *m, const struct answer *a, struct turn *t)
{
    must(m->pull == PULL_OPEN && r->pulls_open > 0);
    enum outcome outcome = heard(r, m, a, t);
    if (outcome == OUTCOME_MORE)
        return;
    r->pulls_open--;
    m->pull = PULL_DONE;
    compare_stop(m);
    if (outcome == OUTCOME_FAILED)
        later(m);
    else
        m->failed = 0;
    m->heard |= outcome == OUTCOME_DONE;
    ask_due(r, t);
    catch_up_check(r, t);
}
