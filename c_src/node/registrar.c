#include "registrar.h"

#include "../mem.h"
#include "../otp/list.h"
#include "../otp/rex.h"
#include "../replica/replica.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "asker.h"

/* Milliseconds that whereis_name and register_name may take: the latter waits for a lock on all
 * nodes. */
#define ASK_MS 15000
/* Milliseconds until a name that was taken is asked for again. */
#define AGAIN_MS 5000
/* Bytes of a term in a log line, at most. */
#define QUOTED 100

/* A replica that is to be registered by a BEAM. */
struct task {
    struct list link;
    struct buf node, replica; /* text */
    bool told;                /* it was logged that the name is taken */
};

struct registrar {
    struct processes *table;
    struct wakeups *wakeups;
    const struct learning *learning;
    struct process *process;
    struct list open, later; /* tasks */
    struct task *current;    /* the one that is asked for: in no list */
    bool registers;          /* by register_name, after whereis_name */
    uint64_t call;
    struct wakeup again;
};

/* --- tasks ------------------------------------------------------------------------ */

static void task_free(struct task *x)
{
    buf_free(&x->node);
    buf_free(&x->replica);
    mem_free(x);
}

static bool task_is(const struct task *x, struct bytes node, struct bytes replica)
{
    return bytes_equal(buf_bytes(&x->node), node) && bytes_equal(buf_bytes(&x->replica), replica);
}

static bool is_listed(const struct list *tasks, struct bytes node, struct bytes replica)
{
    for (struct list *l = tasks->next; l != tasks; l = l->next)
        if (task_is(CONTAINER_OF(l, struct task, link), node, replica))
            return true;
    return false;
}

static void add(struct registrar *r, struct bytes node, const struct process *replica)
{
    struct bytes name = process_name(replica);
    if (!learning_is_beam(r->learning, node) || is_listed(&r->open, node, name) ||
        is_listed(&r->later, node, name))
        return;
    struct task *x = mem_take(sizeof(*x));
    buf_put(&x->node, node);
    buf_put(&x->replica, name);
    list_append(&r->open, &x->link);
}

/* The replica of the task, if it runs, has a global name, and its BEAM is connected. */
static const struct process *task_replica(const struct registrar *r, const struct task *x)
{
    const struct process *p = process_named(r->table, buf_bytes(&x->replica));
    if (p == NULL || !replica_is(p) || replica_options(p)->global.len == 0 ||
        !learning_is_beam(r->learning, buf_bytes(&x->node)))
        return NULL;
    return p;
}

/* --- questions ---------------------------------------------------------------------- */

static uint64_t ask(const struct registrar *r, const struct process *replica, struct turn *t)
{
    struct buf arguments = {0};
    put_list(&arguments, r->registers ? 3 : 1);
    put_term(&arguments, term_bytes(&replica_options(replica)->global));
    if (r->registers) {
        put_term(&arguments, process_pid(replica));
        put_export(&arguments, "global", "random_notify_name", 3);
    }
    put_nil(&arguments);
    uint64_t call = rex_start(r->process, buf_bytes(&r->current->node), "global",
                              r->registers ? "register_name" : "whereis_name",
                              buf_bytes(&arguments), ASK_MS, t);
    buf_free(&arguments);
    return call;
}

static void finish(struct registrar *r)
{
    task_free(r->current);
    r->current = NULL;
}

static void postpone(struct registrar *r, struct turn *t)
{
    if (list_empty(&r->later))
        wakeup_set(r->wakeups, &r->again, t->now_ms + AGAIN_MS);
    list_append(&r->later, &r->current->link);
    r->current = NULL;
}

/* Goes on with the current task, or with the next one that still makes sense. */
static void go_on(struct registrar *r, struct turn *t)
{
    while (r->call == 0) {
        if (r->current == NULL && list_empty(&r->open))
            return;
        if (r->current == NULL) {
            r->current = CONTAINER_OF(r->open.next, struct task, link);
            r->registers = false;
            list_remove(&r->current->link);
        }
        const struct process *replica = task_replica(r, r->current);
        r->call = replica == NULL ? 0 : ask(r, replica, t);
        if (replica == NULL)
            finish(r);
        else if (r->call == 0)
            postpone(r, t); /* too many calls are open */
    }
}

static void on_again(struct wakeup *w, struct turn *t)
{
    struct registrar *r = CONTAINER_OF(w, struct registrar, again);
    while (!list_empty(&r->later)) {
        struct list *link = r->later.next;
        list_remove(link);
        list_append(&r->open, link);
    }
    go_on(r, t);
}

/* --- answers -------------------------------------------------------------------------- */

static void taken(struct registrar *r, const struct process *replica, struct bytes by,
                  struct turn *t)
{
    struct buf name = {0}, pid = {0};
    text_print_short(&name, term_bytes(&replica_options(replica)->global), QUOTED);
    text_print_short(&pid, by, QUOTED);
    if (!r->current->told)
        turn_log(t, LOG_WARNING, "%.*s: %.*s has another process as %.*s in global: %.*s",
                 TEXT(process_name(replica)), TEXT(r->current->node), TEXT(name), TEXT(pid));
    r->current->told = true;
    buf_free(&name);
    buf_free(&pid);
    postpone(r, t);
}

static void registered(struct registrar *r, const struct process *replica, struct turn *t)
{
    struct buf name = {0};
    text_print_short(&name, term_bytes(&replica_options(replica)->global), QUOTED);
    turn_log(t, LOG_INFO, "%.*s: registered in global as %.*s by %.*s", TEXT(process_name(replica)),
             TEXT(name), TEXT(r->current->node));
    buf_free(&name);
    finish(r);
}

/* Of whereis_name: undefined or a pid.  An earlier process of this node will soon be gone from
 * there. */
static void take_owner(struct registrar *r, const struct process *replica, struct bytes owner,
                       struct turn *t)
{
    struct etf_in in = etf_open(owner);
    struct term pid = {0};
    if (etf_accept(&in, "undefined")) {
        r->registers = true;
        return;
    }
    if (etf_peek(&in) != ETF_PID || canon_copy(&pid, owner) != OK)
        postpone(r, t);
    else if (bytes_equal(term_bytes(&pid), process_pid(replica)))
        finish(r);
    else if (bytes_equal(node_of(term_bytes(&pid)), processes_node(r->table)))
        postpone(r, t);
    else
        taken(r, replica, term_bytes(&pid), t);
    term_free(&pid);
}

static void take_answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    struct registrar *r = process_self(p);
    struct bytes value;
    must(call == r->call);
    r->call = 0;
    const struct process *replica = task_replica(r, r->current);
    enum rex_outcome outcome = rex_read(a, &value);
    struct etf_in in = etf_open(value);
    if (replica == NULL)
        finish(r);
    else if (outcome != REX_VALUE)
        postpone(r, t);
    else if (!r->registers)
        take_owner(r, replica, value, t);
    else if (etf_accept(&in, "yes"))
        registered(r, replica, t);
    else
        postpone(r, t); /* somebody was faster */
    go_on(r, t);
}

/* --- what the owner tells ----------------------------------------------------------- */

void registrar_add(struct registrar *r, const struct process *replica, struct turn *t)
{
    if (replica_options(replica)->global.len == 0)
        return;
    for (struct bytes node = {0}; learning_next(r->learning, &node);)
        add(r, node, replica);
    go_on(r, t);
}

void registrar_learned(struct registrar *r, struct bytes node, struct turn *t)
{
    for (struct process *p = NULL; (p = replica_next(r->table, p)) != NULL;)
        if (replica_options(p)->global.len > 0)
            add(r, node, p);
    go_on(r, t);
}

static const struct process_kind kind = {
    .module = "coppice_registrar",
    .message = asker_message,
    .answer = take_answer,
    .state = asker_state,
    .free = asker_free,
};

struct registrar *registrar_new(struct processes *table, struct wakeups *wakeups,
                                const struct learning *learning)
{
    struct registrar *r = mem_take(sizeof(*r));
    *r = (struct registrar){.table = table, .wakeups = wakeups, .learning = learning};
    list_init(&r->open);
    list_init(&r->later);
    r->again.ring = on_again;
    return r;
}

static void tasks_free(struct list *tasks)
{
    while (!list_empty(tasks)) {
        struct list *link = tasks->next;
        list_remove(link);
        task_free(CONTAINER_OF(link, struct task, link));
    }
}

void registrar_free(struct registrar *r)
{
    tasks_free(&r->open);
    tasks_free(&r->later);
    if (r->current != NULL)
        task_free(r->current);
    mem_free(r);
}

void registrar_start(struct registrar *r)
{
    r->process = process_start(r->table, &kind, r, (struct bytes){0});
    must(r->process != NULL);
}

/* The process took its call along. */
void registrar_ended(struct registrar *r, const struct process *p, struct turn *t)
{
    if (p != r->process)
        return;
    registrar_start(r);
    r->call = 0;
    go_on(r, t);
}
