#include "../err.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"

struct incoming {
    struct processes *table;
    struct bytes node; /* the sender's */
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

/* The process with this pid or registered name; NULL for an alias, since this node creates
 * none. */
static struct process *target(struct processes *table, struct bytes to)
{
    if (kind_of(to) == ETF_ATOM)
        return process_named(table, atom_text(to));
    return is_pid(to) ? process_of_pid(table, to) : NULL;
}

/* Sends a signal to the sender of the incoming one, with an atom as its reason. */
static void send_reply(const struct incoming *in, struct signal *answer, const char *reason)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    answer->node = in->node;
    answer->to = in->signal->from;
    answer->ref = in->signal->ref;
    answer->reason = buf_bytes(&atom);
    in->turn->post->send(in->turn->post, answer);
    buf_free(&atom);
}

/* Answers a monitor with DOWN, a link with EXIT. */
static void refuse(const struct incoming *in, const char *reason)
{
    bool link = in->signal->kind == SIGNAL_LINK;
    struct signal exit = {.kind = link ? SIGNAL_EXIT : SIGNAL_MONITOR_EXIT, .from = in->signal->to};
    send_reply(in, &exit, reason);
}

static void handle_send(const struct incoming *in)
{
    const struct signal *s = in->signal;
    struct process *p = target(in->table, s->to);
    if (p != NULL && s->unfit != OK)
        process_refuse(p, in->node, s->payload, s->unfit, in->turn);
    else if (p != NULL)
        process_deliver(p, s->payload, in->turn);
}

static void handle_monitor_or_link(const struct incoming *in)
{
    const struct signal *s = in->signal;
    struct process *p = target(in->table, s->to);
    struct watcher_id id = {.pid = s->from, .ref = s->ref, .by_name = !is_pid(s->to)};
    if (p == NULL)
        refuse(in, "noproc");
    else if (!watchers_add(p, &id, in->turn))
        refuse(in, "system_limit");
}

static void handle_demonitor(const struct incoming *in)
{
    const struct signal *s = in->signal;
    struct process *p = target(in->table, s->to);
    if (p != NULL)
        watchers_demonitor(p, &(struct watcher_id){.pid = s->from, .ref = s->ref});
}

/* Acknowledged with or without a process or link, as on a BEAM: until then the peer ignores
 * signals of this link from our end (erl_dist_protocol, "Link Protocol"). */
static void handle_unlink(const struct incoming *in)
{
    const struct signal *s = in->signal;
    struct process *p = process_of_pid(in->table, s->to);
    if (p != NULL)
        watchers_unlink(p, s->from);
    if (s->kind == SIGNAL_UNLINK_ID)
        in->turn->post->send(in->turn->post, &(struct signal){.kind = SIGNAL_UNLINK_ID_ACK,
                                                              .node = in->node,
                                                              .from = s->to,
                                                              .to = s->from,
                                                              .id = s->id});
}

static bool is_atom(struct bytes term, const char *name)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, name);
}

/* Delivers {'EXIT', From, Reason}. */
static void deliver_exit(const struct incoming *in, struct process *p)
{
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "EXIT");
    put_term(&message, in->signal->from);
    put_term(&message, in->signal->reason);
    process_deliver(p, buf_bytes(&message), in->turn);
    buf_free(&message);
}

/* The reason in canonical form: it is forwarded and kept.  Made only once somebody is there to
 * receive it, since sorting its maps may take a while.  Freed by the caller. */
static struct buf reason_of(const struct incoming *in)
{
    struct buf reason = {0};
    enum err e = canon_put(&reason, in->signal->reason);
    if (e != OK) {
        buf_clear(&reason);
        put_bad_term(&reason, e);
    }
    return reason;
}

/* What an exit signal does that is not `kill` from exit/2 (erlang:exit/2, process_flag/2). */
static void exit_signal(const struct incoming *in, struct process *p)
{
    if (p->kind->traps_exits) {
        deliver_exit(in, p);
    } else if (!is_atom(in->signal->reason, "normal") && turn_may_change(in->turn)) {
        struct buf reason = reason_of(in);
        process_exit(p, buf_bytes(&reason), in->turn);
        buf_free(&reason);
    }
}

/* An EXIT without a link has crossed an unlink: ignored. */
static void handle_exit(const struct incoming *in)
{
    struct process *p = process_of_pid(in->table, in->signal->to);
    if (p != NULL && watchers_unlink(p, in->signal->from))
        exit_signal(in, p);
}

static void handle_exit2(const struct incoming *in)
{
    struct process *p = target(in->table, in->signal->to);
    if (p == NULL)
        return;
    if (!is_atom(in->signal->reason, "kill")) {
        exit_signal(in, p);
        return;
    }
    if (!turn_may_change(in->turn))
        return;
    struct buf killed = {0};
    put_atom(&killed, "killed");
    process_exit(p, buf_bytes(&killed), in->turn);
    buf_free(&killed);
}

/* Accepted only from the monitored process's node. */
static void handle_monitor_exit(const struct incoming *in)
{
    struct watch *w = watch_find(in->table, reference_number(in->table, in->signal->ref));
    if (w == NULL || w->ended || !bytes_equal(w->node, in->node) ||
        !bytes_equal(process_pid(w->owner), in->signal->to))
        return;
    struct buf reason = reason_of(in);
    watch_end(w, w->call ? ERR_CLOSED : OK, buf_bytes(&reason), in->turn);
    buf_free(&reason);
}

static void handle_spawn_request(const struct incoming *in)
{
    spawn_handle(in->table, in->node, in->signal, in->turn);
}

/* Kinds without a handler are ignored: this node creates no aliases, never links, spawns
 * nothing on other nodes, and has no group leaders. */
static void (*const handlers[SIGNAL_KINDS])(const struct incoming *in) = {
    [SIGNAL_SEND] = handle_send,
    [SIGNAL_REG_SEND] = handle_send,
    [SIGNAL_LINK] = handle_monitor_or_link,
    [SIGNAL_UNLINK] = handle_unlink,
    [SIGNAL_UNLINK_ID] = handle_unlink,
    [SIGNAL_EXIT] = handle_exit,
    [SIGNAL_EXIT2] = handle_exit2,
    [SIGNAL_MONITOR] = handle_monitor_or_link,
    [SIGNAL_DEMONITOR] = handle_demonitor,
    [SIGNAL_MONITOR_EXIT] = handle_monitor_exit,
    [SIGNAL_SPAWN_REQUEST] = handle_spawn_request,
};

/* True for a pid of the node, for a name, and for the absent sender of a plain SEND. */
static bool is_of_node(struct bytes term, struct bytes node)
{
    return term.len == 0 || !is_pid(term) || bytes_equal(node_of(term), node);
}

void processes_signal(struct processes *table, struct bytes node, const struct signal *signal,
                      struct turn *t)
{
    must(signal->kind < SIGNAL_KINDS);
    struct bytes before = t->reader;
    if (before.len == 0 && !turn_may_write(t, node))
        t->reader = node;
    t->node = node;
    if (handlers[signal->kind] != NULL && is_of_node(signal->from, node) &&
        is_of_node(signal->to, table->node))
        handlers[signal->kind](&(struct incoming){table, node, signal, t});
    t->node = (struct bytes){0};
    t->reader = before;
}

void processes_node_down(struct processes *table, struct bytes node, struct turn *t)
{
    for (struct process *p = table->first; p != NULL; p = p->next)
        watchers_drop_node(p, node);
    watches_node_down(table, node, t);
}
