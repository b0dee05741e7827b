#include "../err.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"

struct arrival {
    struct processes *table;
    struct bytes node; /* that it came from */
    const struct signal *signal;
    struct turn *turn;
};

static enum etf_kind kind_of(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in);
}

static bool is_pid(struct bytes term)
{
    return kind_of(term) == ETF_PID;
}

/* The process that a pid or a registered name stands for; nobody for an alias,
 * since none are given out. */
static struct process *target(struct processes *table, struct bytes to)
{
    if (kind_of(to) == ETF_ATOM)
        return process_named(table, atom_text(to));
    return is_pid(to) ? process_of_pid(table, to) : NULL;
}

/* Sends a signal back to where one came from, with an atom in it. */
static void send_back(const struct arrival *a, struct signal *answer, const char *reason)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    answer->node = a->node;
    answer->to = a->signal->from;
    answer->ref = a->signal->ref;
    if (answer->kind == SIGNAL_SPAWN_REPLY)
        answer->from = buf_bytes(&atom);
    else
        answer->reason = buf_bytes(&atom);
    a->turn->post->send(a->turn->post, answer);
    buf_free(&atom);
}

/* Says that what was to be watched, or linked to, has ended. */
static void refuse(const struct arrival *a, const char *reason)
{
    bool link = a->signal->kind == SIGNAL_LINK;
    struct signal exit = {.kind = link ? SIGNAL_EXIT : SIGNAL_MONITOR_EXIT, .from = a->signal->to};
    send_back(a, &exit, reason);
}

static void take_message(const struct arrival *a)
{
    struct process *p = target(a->table, a->signal->to);
    if (p != NULL)
        process_deliver(p, a->signal->payload, a->turn);
}

static void take_watcher(const struct arrival *a)
{
    const struct signal *s = a->signal;
    struct process *p = target(a->table, s->to);
    struct watch_by by = {.pid = s->from, .ref = s->ref, .by_name = !is_pid(s->to)};
    if (p == NULL)
        refuse(a, "noproc");
    else if (!watchers_add(p, &by, a->turn))
        refuse(a, "system_limit");
}

static void take_demonitor(const struct arrival *a)
{
    watchers_demonitor(a->table, &(struct watch_by){.pid = a->signal->from, .ref = a->signal->ref});
}

/* Acknowledged whether or not there is a process or a link, as a BEAM does:
 * until then the peer ignores what this end says of the link (erl_dist_protocol,
 * "Link Protocol"). */
static void take_unlink(const struct arrival *a)
{
    const struct signal *s = a->signal;
    struct process *p = process_of_pid(a->table, s->to);
    if (p != NULL)
        watchers_unlink(p, s->from);
    if (s->kind == SIGNAL_UNLINK_ID)
        a->turn->post->send(a->turn->post, &(struct signal){.kind = SIGNAL_UNLINK_ID_ACK,
                                                            .node = a->node,
                                                            .from = s->to,
                                                            .to = s->from,
                                                            .id = s->id});
}

static bool is_atom(struct bytes term, const char *name)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, name);
}

/* Nothing here traps exits.  An EXIT without a link crossed with an unlink. */
static void take_exit(const struct arrival *a)
{
    const struct signal *s = a->signal;
    struct process *p = process_of_pid(a->table, s->to);
    bool linked = p != NULL && watchers_unlink(p, s->from);
    if (linked && !is_atom(s->reason, "normal"))
        process_exit(p, s->reason, a->turn);
}

static void take_exit2(const struct arrival *a)
{
    struct bytes reason = a->signal->reason;
    struct process *p = target(a->table, a->signal->to);
    if (p == NULL || is_atom(reason, "normal"))
        return;
    struct buf killed = {0};
    put_atom(&killed, "killed");
    process_exit(p, is_atom(reason, "kill") ? buf_bytes(&killed) : reason, a->turn);
    buf_free(&killed);
}

/* Only the node that is watched can say that the watched is gone. */
static void take_down(const struct arrival *a)
{
    struct watch *w = watch_find(a->table, reference_number(a->table, a->signal->ref));
    if (w != NULL && !w->over && bytes_equal(w->node, a->node) &&
        bytes_equal(process_pid(w->owner), a->signal->to))
        watch_end(w, w->call ? ERR_CLOSED : OK, a->signal->reason, a->turn);
}

/* As a BEAM answers that cannot: whoever asks without being invited to still
 * waits for it. */
static void take_spawn(const struct arrival *a)
{
    struct signal reply = {.kind = SIGNAL_SPAWN_REPLY};
    send_back(a, &reply, "notsup");
}

/* The kinds without a row mean nothing here: aliases are not given out, our
 * side never links or spawns, group leaders belong to BEAMs. */
static void (*const takers[SIGNAL_KINDS])(const struct arrival *a) = {
    [SIGNAL_SEND] = take_message,        [SIGNAL_REG_SEND] = take_message,
    [SIGNAL_LINK] = take_watcher,        [SIGNAL_UNLINK] = take_unlink,
    [SIGNAL_UNLINK_ID] = take_unlink,    [SIGNAL_EXIT] = take_exit,
    [SIGNAL_EXIT2] = take_exit2,         [SIGNAL_MONITOR] = take_watcher,
    [SIGNAL_DEMONITOR] = take_demonitor, [SIGNAL_MONITOR_EXIT] = take_down,
    [SIGNAL_SPAWN_REQUEST] = take_spawn,
};

/* A pid must be of this node; a name is; a plain SEND does not say who sends. */
static bool is_of(struct bytes term, struct bytes node)
{
    return term.len == 0 || !is_pid(term) || bytes_equal(node_of(term), node);
}

void processes_signal(struct processes *table, struct bytes node, const struct signal *signal,
                      struct turn *t)
{
    must(signal->kind < SIGNAL_KINDS);
    if (takers[signal->kind] != NULL && is_of(signal->from, node) && is_of(signal->to, table->node))
        takers[signal->kind](&(struct arrival){table, node, signal, t});
}

void processes_node_down(struct processes *table, struct bytes node, struct turn *t)
{
    for (struct process *p = table->first; p != NULL; p = p->next)
        watchers_forget(p, node);
    watches_node_down(table, node, t);
}
