#include "learning.h"

#include "../dist/flags.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../otp/names.h"
#include "../otp/rex.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"

#define ASK_MS 5000
/* Grove may be started later than its node: the scope is asked for again. */
#define AGAIN_MIN_MS 1000
#define AGAIN_MAX_MS 30000

#define GROVE_MEMBERSHIP "Elixir.Grove.Cluster.Membership"

/* A connected node. */
struct learned {
    struct buf name;
    struct learning *learning;
    bool done;        /* all was answered once */
    bool has_version; /* the first question was answered */
    bool otp, beam;
    unsigned pg;
    uint64_t version_call, scope_call; /* open questions; 0: not open */
    struct wakeup again;               /* when to ask once more */
    uint64_t pause_ms;
};

struct learning {
    struct processes *table;
    struct wakeups *wakeups;
    struct process *process;
    bool asks_scope;
    struct learning_listener listener;
    struct names nodes;
};

struct learning *learning_new(struct processes *table, struct wakeups *wakeups, bool asks_scope,
                              const struct learning_listener *listener)
{
    struct learning *l = mem_take(sizeof(*l));
    *l = (struct learning){
        .table = table, .wakeups = wakeups, .asks_scope = asks_scope, .listener = *listener};
    l->nodes.secret = processes_seed(table);
    return l;
}

void learning_free(struct learning *l)
{
    names_free(&l->nodes);
    mem_free(l);
}

static uint64_t ask(struct learned *x, const char *module, const char *function, struct turn *t)
{
    struct buf none = {0};
    put_nil(&none);
    uint64_t call = rex_start(x->learning->process, buf_bytes(&x->name), module, function,
                              buf_bytes(&none), ASK_MS, t);
    buf_free(&none);
    return call;
}

static void ask_later(struct learned *x, struct turn *t)
{
    wakeup_set(x->learning->wakeups, &x->again, t->now_ms + x->pause_ms);
    x->pause_ms = x->pause_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : x->pause_ms * 2;
}

/* Later where too many calls are open. */
static void ask_version(struct learned *x, struct turn *t)
{
    x->version_call = ask(x, "pg", "version", t);
    if (x->version_call == 0)
        ask_later(x, t);
}

/* The same. */
static void ask_scope(struct learned *x, struct turn *t)
{
    x->scope_call = ask(x, GROVE_MEMBERSHIP, "scope", t);
    if (x->scope_call == 0)
        ask_later(x, t);
}

static void on_again(struct wakeup *w, struct turn *t)
{
    struct learned *x = CONTAINER_OF(w, struct learned, again);
    if (x->has_version)
        ask_scope(x, t);
    else
        ask_version(x, t);
}

static void learned_all(struct learned *x, struct turn *t)
{
    x->done = true;
    x->learning->listener.learned(x->learning->listener.who, buf_bytes(&x->name), t);
}

static bool has_all(uint64_t flags, uint64_t wanted)
{
    return (flags & wanted) == wanted;
}

void learning_up(struct learning *l, struct bytes node, uint64_t flags, struct turn *t)
{
    struct learned *x = names_add(&l->nodes, node, sizeof(*x));
    x->learning = l;
    x->pause_ms = AGAIN_MIN_MS;
    x->again.ring = on_again;
    x->otp = has_all(flags, DFLAGS_OF_OTP);
    if (has_all(flags, DFLAGS_OF_BEAM))
        ask_version(x, t);
    else
        learned_all(x, t);
}

static void stop_call(struct learning *l, uint64_t call, struct turn *t)
{
    if (call != 0)
        call_stop(l->process, call, t);
}

void learning_down(struct learning *l, struct bytes node, struct turn *t)
{
    struct learned *x = names_find(&l->nodes, node);
    stop_call(l, x->version_call, t);
    stop_call(l, x->scope_call, t);
    wakeup_stop(l->wakeups, &x->again);
    names_remove(&l->nodes, x);
}

static void take_version(struct learned *x, const struct answer *a, struct turn *t)
{
    struct bytes term = {0};
    enum rex_outcome outcome = rex_read(a, &term);
    struct etf_in in = etf_open(term);
    uint64_t version = outcome == REX_VALUE ? etf_uint64(&in) : 0;
    x->pg = outcome == REX_VALUE && in.err == OK && version >= 1;
    x->beam = outcome != REX_GONE;
    x->has_version = true;
    if (x->beam && x->learning->asks_scope)
        ask_scope(x, t);
    else
        learned_all(x, t);
}

static void take_scope(struct learned *x, const struct answer *a, struct turn *t)
{
    struct atom scope;
    struct bytes term = {0};
    enum rex_outcome outcome = rex_read(a, &term);
    struct etf_in in = etf_open(term);
    if (outcome == REX_VALUE)
        etf_atom(&in, &scope);
    if (outcome == REX_VALUE && etf_finish(&in) == OK)
        x->learning->listener.scope(x->learning->listener.who,
                                    (struct bytes){scope.text, scope.len}, t);
    else
        ask_later(x, t);
    if (!x->done)
        learned_all(x, t);
}

static void take_answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    struct learning *l = process_self(p);
    for (size_t i = 0; i < l->nodes.count; i++) {
        struct learned *x = l->nodes.list[i];
        if (x->version_call == call) {
            x->version_call = 0;
            take_version(x, a, t);
            return;
        }
        if (x->scope_call == call) {
            x->scope_call = 0;
            take_scope(x, a, t);
            return;
        }
    }
}

static const struct process_kind kind = {
    .module = "coppice_learning",
    .message = asker_message,
    .answer = take_answer,
    .state = asker_state,
    .free = asker_free,
};

/* A process that has ended took the questions along that it had asked. */
void learning_start(struct learning *l, struct turn *t)
{
    l->process = process_start(l->table, &kind, l, (struct bytes){0});
    must(l->process != NULL);
    for (size_t i = 0; i < l->nodes.count; i++) {
        struct learned *x = l->nodes.list[i];
        if (x->version_call != 0)
            ask_version(x, t);
        else if (x->scope_call != 0)
            ask_scope(x, t);
    }
}

void learning_ended(struct learning *l, const struct process *p, struct turn *t)
{
    if (p == l->process)
        learning_start(l, t);
}

static const struct learned *find(const struct learning *l, struct bytes node)
{
    return names_find(&l->nodes, node);
}

bool learning_next(const struct learning *l, struct bytes *node)
{
    for (size_t i = names_after(&l->nodes, *node); i < l->nodes.count; i++) {
        const struct learned *x = l->nodes.list[i];
        *node = buf_bytes(&x->name);
        if (x->done)
            return true;
    }
    return false;
}

bool learning_is_open(const struct learning *l, struct bytes node)
{
    const struct learned *x = find(l, node);
    return x != NULL && !x->done;
}

bool learning_is_otp(const struct learning *l, struct bytes node)
{
    const struct learned *x = find(l, node);
    return x != NULL && x->otp;
}

bool learning_is_beam(const struct learning *l, struct bytes node)
{
    const struct learned *x = find(l, node);
    return x != NULL && x->beam;
}

unsigned learning_pg_version(const struct learning *l, struct bytes node)
{
    const struct learned *x = find(l, node);
    return x != NULL ? x->pg : 0;
}
