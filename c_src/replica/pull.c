#include "../limits.h"
#include "../otp/rex.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "inside.h"

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

static uint64_t ask_directly(struct replica *r, struct member *m, struct turn *t)
{
    struct buf request = {0};
    put_atom(&request, "state");
    uint64_t call = call_start(r->process, &(struct address){.pid = term_bytes(&m->pid)},
                               buf_bytes(&request), LIMIT_PULL_MS, t);
    buf_free(&request);
    return call;
}

static void later(struct member *m)
{
    m->failed++;
    m->pull = m->failed < LIMIT_PULL_TRIES ? PULL_LATER : PULL_DONE;
    m->ticks = UINT64_C(1) << (m->failed - 1);
}

static void ask(struct replica *r, struct member *m, struct turn *t)
{
    m->call = m->beam ? ask_beam(r, m, t) : ask_directly(r, m, t);
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
    for (size_t i = 0; i < r->member_count; i++) {
        if (r->members[i]->pull == PULL_DUE || r->members[i]->pull == PULL_OPEN)
            return true;
    }
    return false;
}

/* --- answers --------------------------------------------------------------- */

enum outcome { GOT, FAILED, REFUSED };

/* What is answered by the member itself: false when it was not reached or
 * did not manage; it may the next time. */
static enum outcome answer_read(const struct member *m, const struct answer *a, struct bytes *term)
{
    if (!m->beam) {
        *term = a->reply;
        return a->err == OK ? GOT : FAILED;
    }
    switch (rex_read(a, term)) {
    case REX_VALUE:
        return GOT;
    case REX_UNDEF: /* no Grove there: a process of another make */
        return REFUSED;
    case REX_RAISED:
    case REX_FAILED:
    case REX_GONE:
    case REX_LATE:
        break;
    }
    return FAILED;
}

/* {ok, Struct}; an {error, _} is the member's last word. */
static enum outcome state_read(struct replica *r, struct member *m, struct bytes term,
                               struct turn *t)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    struct bytes state = etf_any(&in);
    if (etf_finish(&in) != OK)
        return REFUSED;
    return exchange_pulled(r, m, state, t) ? GOT : REFUSED;
}

void pull_answer(struct replica *r, struct member *m, const struct answer *a, struct turn *t)
{
    struct bytes term = {0};
    must(m->pull == PULL_OPEN && r->pulls_open > 0);
    r->pulls_open--;
    m->pull = PULL_DONE;
    enum outcome outcome = answer_read(m, a, &term);
    if (outcome == GOT)
        outcome = state_read(r, m, term, t);
    if (outcome == FAILED)
        later(m);
    else
        m->failed = 0;
    ask_due(r, t);
    catch_up_check(r, t);
}
