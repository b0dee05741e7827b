#include "sys_state.h"

#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "gen.h"
#include "rex.h"
#include "table.h"

#define ASK_MS 2000

/* The first stdlib whose get_state wants {ok, State}. */
#define MAJOR 5
#define MINOR 1

/* Someone who waits for the state of the process with this pid. */
struct waiting {
    uint64_t call;
    struct term pid;
    struct buf from;
};

/* The process that asks on behalf of all: theirs would hear of the answer. */
struct desk {
    struct processes *table;
    struct waiting *list;
    size_t count, cap;
};

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

/* {ok, "5.1.1"}, as application:get_key(stdlib, vsn) returns it. */
static bool wants_bare(const struct answer *a)
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

static void desk_answer(struct process *process, uint64_t call, const struct answer *a,
                        struct turn *t)
{
    struct desk *desk = process_self(process);
    size_t i = 0;
    while (desk->list[i].call != call)
        i++;
    struct waiting w = desk->list[i];
    desk->list[i] = desk->list[--desk->count];
    struct process *p = process_of_pid(desk->table, term_bytes(&w.pid));
    if (p != NULL)
        send_state(p, buf_bytes(&w.from), wants_bare(a), t);
    term_free(&w.pid);
    buf_free(&w.from);
}

static void desk_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        gen_reply_unknown(p, m.from, m.request, t);
}

static void desk_state(const struct process *p, struct buf *out)
{
    const struct desk *desk = process_self(p);
    put_uint(out, desk->count);
}

static void desk_free(void *self)
{
    struct desk *desk = self;
    if (desk->table->desk != NULL && process_self(desk->table->desk) == desk)
        desk->table->desk = NULL;
    for (size_t i = 0; i < desk->count; i++) {
        term_free(&desk->list[i].pid);
        buf_free(&desk->list[i].from);
    }
    mem_free(desk->list);
    mem_free(desk);
}

static const struct process_kind desk_kind = {
    .module = "coppice_sys",
    .message = desk_message,
    .answer = desk_answer,
    .state = desk_state,
    .free = desk_free,
};

/* NULL when there are too many processes. */
static struct process *desk_of(struct processes *table)
{
    if (table->desk != NULL && !process_ended(table->desk))
        return table->desk;
    struct desk *desk = mem_take(sizeof(*desk));
    desk->table = table;
    table->desk = process_start(table, &desk_kind, desk, (struct bytes){0});
    if (table->desk == NULL)
        mem_free(desk);
    return table->desk;
}

static uint64_t ask(struct process *desk, struct bytes from, struct turn *t)
{
    struct buf caller = {0}, args = {0};
    uint64_t call = 0;
    put_list(&args, 2);
    put_atom(&args, "stdlib");
    put_atom(&args, "vsn");
    put_nil(&args);
    if (canon_put(&caller, gen_caller(from)) == OK)
        call = rex_start(desk, node_of(buf_bytes(&caller)), "application", "get_key",
                         buf_bytes(&args), ASK_MS, t);
    buf_free(&caller);
    buf_free(&args);
    return call;
}

void sys_state_answer(struct process *p, struct bytes from, struct turn *t)
{
    struct process *process = desk_of(p->table);
    uint64_t call = process != NULL ? ask(process, from, t) : 0;
    if (call == 0) {
        send_state(p, from, false, t);
        return;
    }
    struct desk *desk = process_self(process);
    desk->list = mem_room(desk->list, desk->count, &desk->cap, sizeof(*desk->list));
    struct waiting *w = &desk->list[desk->count++];
    *w = (struct waiting){.call = call, .pid = term_copy(process_pid(p))};
    buf_put(&w->from, from);
}
