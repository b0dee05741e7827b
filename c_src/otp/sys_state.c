#include "sys_state.h"

#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "gen.h"
#include "rex.h"
#include "table.h"

#define ASK_MS 2000

/* The first stdlib version whose get_state expects {ok, State}. */
#define MAJOR 5
#define MINOR 1

/* A caller of get_state on the process with this pid. */
struct pending {
    uint64_t call;    /* that asks for its stdlib's version */
    struct quota *by; /* the node whose signal asks for the state */
    struct term pid;
    struct buf from;
};

/* One process makes the calls for all: kind->answer of the asked process would get the
 * replies otherwise. */
struct sys_helper {
    struct processes *table;
    struct pending *list;
    size_t count, cap;
    struct quotas asked; /* of these */
};

static const struct amount one = {.count = 1};

static bool read_number(struct etf_list *list, uint32_t *number)
{
    struct bytes element;
    bool any = false;
    *number = 0;
    while (etf_next(list, &element)) {
        struct etf_in in = etf_open(element);
        uint32_t character = etf_uint32(&in);
        if (in.err != OK || character < '0' || character > '9')
            break;
        *number = *number * 10 + (character - '0');
        any = true;
    }
    return any;
}

/* The reply is {ok, "5.1.1"}, as application:get_key(stdlib, vsn) returns it. */
static bool expects_bare_state(const struct answer *a)
{
    struct bytes term;
    uint32_t major, minor;
    if (rex_read(a, &term) != REX_VALUE)
        return false;
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    struct etf_list version = etf_list(&in);
    if (!read_number(&version, &major))
        return false;
    if (!read_number(&version, &minor))
        minor = 0;
    return major < MAJOR || (major == MAJOR && minor < MINOR);
}

static void send_state(const struct process *p, struct bytes from, bool bare, struct turn *t)
{
    struct buf state = {0};
    process_kind(p)->state(p, &state);
    if (bare)
        gen_reply(p, from, buf_bytes(&state), t);
    else
        gen_reply_value(p, from, buf_bytes(&state), t);
    buf_free(&state);
}

static void pending_free(struct sys_helper *helper, struct pending *w)
{
    quotas_refund(&helper->asked, w->by, one);
    term_free(&w->pid);
    buf_free(&w->from);
}

static void helper_answer(struct process *process, uint64_t call, const struct answer *a,
                          struct turn *t)
{
    struct sys_helper *helper = process_self(process);
    size_t i = 0;
    while (helper->list[i].call != call)
        i++;
    struct pending w = helper->list[i];
    helper->list[i] = helper->list[--helper->count];
    struct process *p = process_of_pid(helper->table, term_bytes(&w.pid));
    struct bytes before = turn_for(t, buf_bytes(&w.by->node));
    if (p != NULL)
        send_state(p, buf_bytes(&w.from), expects_bare_state(a), t);
    turn_for(t, before);
    pending_free(helper, &w);
}

static void helper_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        gen_reply_unknown(p, m.from, m.request, t);
}

static void helper_state(const struct process *p, struct buf *out)
{
    const struct sys_helper *helper = process_self(p);
    put_uint(out, helper->count);
}

static void helper_free(void *self)
{
    struct sys_helper *helper = self;
    if (helper->table->sys_helper != NULL && process_self(helper->table->sys_helper) == helper)
        helper->table->sys_helper = NULL;
    for (size_t i = 0; i < helper->count; i++)
        pending_free(helper, &helper->list[i]);
    mem_free(helper->list);
    mem_free(helper);
}

static const struct process_kind helper_kind = {
    .module = "coppice_sys",
    .message = helper_message,
    .answer = helper_answer,
    .state = helper_state,
    .free = helper_free,
};

/* Starts the helper if needed; NULL when there are too many processes. */
static struct process *helper_of(struct processes *table)
{
    if (table->sys_helper != NULL && !process_ended(table->sys_helper))
        return table->sys_helper;
    struct sys_helper *helper = mem_take(sizeof(*helper));
    helper->table = table;
    helper->asked.secret = table->seed;
    table->sys_helper = process_start(table, &helper_kind, helper, (struct bytes){0});
    if (table->sys_helper == NULL)
        mem_free(helper);
    return table->sys_helper;
}

/* 0 where it cannot be asked. */
static uint64_t ask_version(struct process *helper, struct bytes from, struct turn *t)
{
    const struct amount most = {.count = LIMIT_STATE_CALLS};
    const struct sys_helper *self = process_self(helper);
    if (!quotas_allow(&self->asked, t->node, one, most))
        return 0;
    struct buf caller = {0}, args = {0};
    uint64_t call = 0;
    put_list(&args, 2);
    put_atom(&args, "stdlib");
    put_atom(&args, "vsn");
    put_nil(&args);
    if (canon_put(&caller, gen_caller(from)) == OK)
        call = rex_start(helper, node_of(buf_bytes(&caller)), "application", "get_key",
                         buf_bytes(&args), ASK_MS, t);
    buf_free(&caller);
    buf_free(&args);
    return call;
}

void sys_state_answer(struct process *p, struct bytes from, struct turn *t)
{
    struct process *process = helper_of(p->table);
    uint64_t call = process != NULL ? ask_version(process, from, t) : 0;
    if (call == 0) {
        send_state(p, from, false, t);
        return;
    }
    struct sys_helper *helper = process_self(process);
    helper->list = mem_room(helper->list, helper->count, &helper->cap, sizeof(*helper->list));
    struct pending *w = &helper->list[helper->count++];
    *w = (struct pending){.call = call,
                          .by = quotas_charge(&helper->asked, t->node, one),
                          .pid = term_copy(process_pid(p))};
    buf_put(&w->from, from);
}
