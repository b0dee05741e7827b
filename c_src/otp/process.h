/* Processes: what a BEAM sees at our end of a signal.
 *
 * Each has a pid and perhaps a registered name, can be monitored, linked,
 * suspended and stopped, and is one row of functions.  The table routes
 * signals from peers to them and answers by itself what every BEAM process
 * answers without its code's help: monitors on what is not there (noproc, at
 * once), links, unlinks, exits, system messages. */
#ifndef COPPICE_OTP_PROCESS_H
#define COPPICE_OTP_PROCESS_H

#include "../err.h"
#include "turn.h"

struct process;
struct processes;
struct wakeups; /* wakeup.h */

/* What came of a call (call.h). */
struct answer {
    enum err err;       /* OK, ERR_TIMEOUT, or ERR_CLOSED: the callee is not there (any more) */
    struct bytes reply; /* OK: the reply, a checked term; ERR_CLOSED: the reason of its DOWN */
};

/* A kind of process.  Functions marked (or NULL) may be missing. */
struct process_kind {
    const char *module; /* its module for sys:get_status: "coppice_replica" */
    /* A message that is neither a system message nor the answer to a call;
     * {Ref, _} under a reference of this node counts as the answer to one that
     * is over.  Checked, not canonical; good during the call. */
    void (*message)(struct process *p, struct bytes message, struct turn *t);
    /* A call that it made has ended. (or NULL) */
    void (*answer)(struct process *p, uint64_t call, const struct answer *a, struct turn *t);
    /* What it watched (watch.h) is gone. (or NULL) */
    void (*down)(struct process *p, uint64_t watch, struct bytes reason, struct turn *t);
    /* The time set by process_wake_at() has come. (or NULL) */
    void (*wake)(struct process *p, struct turn *t);
    /* Its state as a term, for sys:get_state. */
    void (*state)(const struct process *p, struct buf *out);
    /* Its last words before it ends, e.g. leaving its groups. (or NULL) */
    void (*leave)(struct process *p, struct bytes reason, struct turn *t);
    void (*free)(void *self);
};

/* node and wakeups are borrowed for the life of the table.  Pids get this creation. */
struct processes *processes_new(struct bytes node, uint32_t creation, struct wakeups *wakeups);
/* Frees every process without last words; NULL is allowed. */
void processes_free(struct processes *table);

/* Told, if set, of each process that ends, after its last words and before
 * it is freed. */
void processes_on_end(struct processes *table,
                      void (*ended)(void *who, struct process *p, struct bytes reason,
                                    struct turn *t),
                      void *who);

/* Starts a process that owns self.  name is text, empty for none.  NULL, and
 * self not consumed, when the name is taken or there are LIMIT_PROCESSES. */
struct process *process_start(struct processes *table, const struct process_kind *kind, void *self,
                              struct bytes name);

/* Ends it: last words, EXIT to links, DOWN to monitors with this reason (a
 * term), name and pid free.  Safe inside its own functions: the memory
 * goes when the table is next idle (processes_tidy). */
void process_exit(struct process *p, struct bytes reason, struct turn *t);
bool process_ended(const struct process *p);

/* Frees what has ended.  Called by the node after each event. */
void processes_tidy(struct processes *table);

struct process *process_named(struct processes *table, struct bytes name);
/* By canonical pid; NULL for another node's, an old creation's or an ended one. */
struct process *process_of_pid(struct processes *table, struct bytes pid);

void *process_self(const struct process *p);
const struct process_kind *process_kind(const struct process *p);
struct bytes process_pid(const struct process *p);  /* canonical */
struct bytes process_name(const struct process *p); /* text, perhaps empty */
struct processes *process_table(const struct process *p);
struct bytes processes_node(const struct processes *table);
uint32_t processes_creation(const struct processes *table);

/* A reference of this node that was not used before. */
void processes_reference(struct processes *table, struct buf *out);

/* Walks the processes that have not ended, in order of starting: start with
 * NULL, ends with NULL. */
struct process *processes_next(struct processes *table, const struct process *after);

/* A suspended process (sys:suspend) keeps its messages, up to LIMIT_BACKLOG and
 * LIMIT_BACKLOG_BYTES, until it is resumed; so it does with the ends of its
 * calls and watches, which are never dropped, and it is not woken. */
bool process_suspended(const struct process *p);
void process_suspend(struct process *p);
void process_resume(struct process *p, struct turn *t);

/* Asks for kind->wake at this time; replaces an earlier wish; 0 takes it back. */
void process_wake_at(struct process *p, uint64_t at_ms);

/* A message to a process from inside the node, delivered at once. */
void process_deliver(struct process *p, struct bytes message, struct turn *t);

/* A signal from the peer at node (or from a process of our own).  Signals whose
 * `from` is a pid of another node than that are dropped. */
void processes_signal(struct processes *table, struct bytes node, const struct signal *signal,
                      struct turn *t);

/* The connection to that node is gone: its monitors and links on ours end,
 * ours on its processes come back with the reason noconnection. */
void processes_node_down(struct processes *table, struct bytes node, struct turn *t);

/* For status and tests: monitors and links that others hold on p. */
size_t process_watchers(const struct process *p);

/* Ends the program when the table contradicts itself: for tests and the
 * simulator, after each event. */
void processes_check(const struct processes *table);

#endif
