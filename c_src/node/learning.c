#include "../mem.h"
#include "../otp/gen.h"
#include "../otp/rex.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "inside.h"

/* What a peer is asked when it comes up, one question after the other: which
 * version its pg has (a greeting of the wrong version ends the pg of OTP 25), and
 * which scope its Grove uses.  A node without `rex` is no BEAM: a
 * coppice, which needs neither.  Who follows then asks whom it is connected to. */

#define ASK_MS 5000
/* Grove may be started later than its node: the scope is asked for again. */
#define AGAIN_MIN_MS 1000
#define AGAIN_MAX_MS 30000

#define GROVE_MEMBERSHIP "Elixir.Grove.Cluster.Membership"

static uint64_t ask(struct node *n, struct peer *p, const char *module, const char *function)
{
    struct buf none = {0};
    put_nil(&none);
    uint64_t call = rex_start(n->asker, buf_bytes(&p->name), module, function, buf_bytes(&none),
                              ASK_MS, &n->turn);
    buf_free(&none);
    return call;
}

void learning_up(struct node *n, struct peer *p)
{
    p->learned = (struct learned){.pause_ms = AGAIN_MIN_MS};
    p->learned.version_call = ask(n, p, "pg", "version");
}

void learning_down(struct node *n, struct peer *p)
{
    if (p->learned.version_call != 0)
        call_stop(n->asker, p->learned.version_call, &n->turn);
    if (p->learned.scope_call != 0)
        call_stop(n->asker, p->learned.scope_call, &n->turn);
    if (p->learned.nodes_call != 0)
        call_stop(n->asker, p->learned.nodes_call, &n->turn);
    p->learned = (struct learned){0};
}

static void learned_all(struct node *n, struct peer *p)
{
    p->learned.done = true;
    n->settling = true;
    membership_meet(n, p);
    follow_ask(n, p);
}

static void heard_version(struct node *n, struct peer *p, const struct answer *a)
{
    struct bytes term = {0};
    enum rex_outcome outcome = rex_read(a, &term);
    struct etf_in in = etf_open(term);
    uint64_t version = outcome == REX_VALUE ? etf_uint64(&in) : 0;
    p->learned.pg = outcome == REX_VALUE && in.err == OK && version >= 1;
    p->learned.beam = outcome != REX_GONE;
    if (p->learned.beam && n->config->scope_auto)
        p->learned.scope_call = ask(n, p, GROVE_MEMBERSHIP, "scope");
    else
        learned_all(n, p);
}

static void heard_scope(struct node *n, struct peer *p, const struct answer *a)
{
    struct atom scope;
    struct bytes term = {0};
    enum rex_outcome outcome = rex_read(a, &term);
    struct etf_in in = etf_open(term);
    if (outcome == REX_VALUE)
        etf_atom(&in, &scope);
    if (outcome == REX_VALUE && etf_finish(&in) == OK) {
        membership_add_scope(n, (struct bytes){scope.text, scope.len});
    } else {
        p->learned.again_ms = n->turn.now_ms + p->learned.pause_ms;
        p->learned.pause_ms *= 2;
        if (p->learned.pause_ms > AGAIN_MAX_MS)
            p->learned.pause_ms = AGAIN_MAX_MS;
    }
    if (!p->learned.done)
        learned_all(n, p);
}

/* True when it was this question that is answered now; then it is open no more. */
static bool is_answer(uint64_t *question, uint64_t call)
{
    if (*question != call)
        return false;
    *question = 0;
    return true;
}

static void asker_answer(struct process *process, uint64_t call, const struct answer *a,
                         struct turn *t)
{
    (void)t;
    struct node *n = process_self(process);
    for (size_t i = 0; i < n->peer_count; i++) {
        struct peer *p = n->peers[i];
        if (is_answer(&p->learned.version_call, call))
            heard_version(n, p, a);
        else if (is_answer(&p->learned.scope_call, call))
            heard_scope(n, p, a);
        else if (is_answer(&p->learned.nodes_call, call))
            follow_heard(n, p, a);
        else
            continue;
        return;
    }
}

static void asker_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        gen_reply_unknown(p, m.from, m.request, t);
}

static void asker_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static void asker_free(void *self)
{
    (void)self; /* the node owns itself */
}

static const struct process_kind asker_kind = {
    .module = "coppice_asker",
    .message = asker_message,
    .answer = asker_answer,
    .state = asker_state,
    .free = asker_free,
};

void learning_start(struct node *n)
{
    n->asker = process_start(n->processes, &asker_kind, n, (struct bytes){0});
}

uint64_t learning_due(const struct node *n)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < n->peer_count; i++) {
        uint64_t again = n->peers[i]->learned.again_ms;
        if (again != 0 && again < due)
            due = again;
    }
    return due;
}

void learning_wake(struct node *n)
{
    for (size_t i = 0; i < n->peer_count; i++) {
        struct learned *l = &n->peers[i]->learned;
        if (l->again_ms == 0 || l->again_ms > n->turn.now_ms)
            continue;
        l->again_ms = 0;
        l->scope_call = ask(n, n->peers[i], GROVE_MEMBERSHIP, "scope");
    }
}
