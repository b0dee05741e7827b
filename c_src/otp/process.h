/* Processes, as a BEAM sees them.
 *
 * A process has a pid and optionally a registered name.  It can be monitored, linked,
 * suspended and stopped.  Its behaviour is a table of callbacks, struct process_kind.  The
 * process table routes signals from peers, and itself answers what a BEAM's runtime and
 * OTP's behaviours answer for every process: monitors of missing processes (noproc, at
 * once), links, unlinks, exits, system messages. */
#ifndef COPPICE_OTP_PROCESS_H
#define COPPICE_OTP_PROCESS_H

#include "../err.h"
#include "turn.h"

struct process;
struct processes;
struct wakeups; /* wakeup.h */

/* The outcome of a call (watch.h). */
struct answer {
    /* OK; ERR_TIMEOUT; ERR_CLOSED: no callee, or it has ended; anything else: why this node does
     * not accept the reply (signal.h, unfit) */
    enum err err;
    struct bytes reply; /* OK: the reply, a checked term; ERR_CLOSED: the reason of its DOWN */
};

/* True if this node does not accept the reply. */
bool answer_is_unfit(const struct answer *a);

/* The callbacks of a kind of process.  Those marked (or NULL) are optional. */
struct process_kind {
    const char *module; /* its module for sys:get_status: "coppice_replica" */
    /* Any message but system messages and replies to calls.  {Ref, _} with a reference of
     * this node is dropped as a late reply.  A checked term, not canonical, valid during the
     * call. */
    void (*message)(struct process *p, struct bytes message, struct turn *t);
    /* A message from that node, but no call, was dropped because this node does not accept a
     * term in it; it has been counted and logged. (or NULL) */
    void (*dropped)(struct process *p, struct bytes node, struct turn *t);
    /* A call that it made has finished. (or NULL) */
    void (*answer)(struct process *p, uint64_t call, const struct answer *a, struct turn *t);
    /* A process that it monitors (watch.h) is down. (or NULL) */
    void (*down)(struct process *p, uint64_t watch, struct bytes reason, struct turn *t);
    /* The time set by process_wake_at() has come. (or NULL) */
    void (*wake)(struct process *p, struct turn *t);
    /* Finishes now what it has put off to wake-ups: it is about to be suspended. (or NULL) */
    void (*finish)(struct process *p, struct turn *t);
    /* Its state as a term, for sys:get_state. */
    void (*state)(const struct process *p, struct buf *out);
    /* It is about to end: the place to leave groups.  OTP's terminate. (or NULL) */
    void (*leave)(struct process *p, struct bytes reason, struct turn *t);
    void (*free)(void *self);
    /* Whether it traps exits, as a server under a supervisor does: an exit signal becomes the
     * message {'EXIT', From, Reason}, and only `kill` sent by exit/2 ends it. */
    bool traps_exits;
};

/* Borrows node and wakeups for the life of the table.  Pids get this creation.  The seed, a random
 * number, keeps peers from choosing names and references with colliding hashes: nothing that a
 * peer is sent may tell of it. */
struct processes *processes_new(struct bytes node, uint32_t creation, uint64_t seed,
                                struct wakeups *wakeups);
/* Frees every process without calling kind->leave; NULL is allowed. */
void processes_free(struct processes *table);

/* Sets a callback for each process that ends, called after kind->leave and before the
 * process is freed. */
void processes_on_end(struct processes *table,
                      void (*ended)(void *who, struct process *p, struct bytes reason,
                                    struct turn *t),
                      void *who);

/* A SPAWN_REQUEST: Module:Function(Args...). */
struct spawn {
    struct bytes module, function; /* atoms' texts */
    struct bytes args;             /* a list of them, a checked term */
};

/* Lets other nodes spawn processes: run appends the reason for which the process ends, and it ends
 * at once.  Without it, each request is refused with notsup. */
void processes_on_spawn(struct processes *table,
                        void (*run)(void *who, const struct spawn *spawn, struct buf *reason,
                                    struct turn *t),
                        void *who);

/* False when LIMIT_PROCESSES are running. */
bool processes_have_room(const struct processes *table);

/* Starts a process that owns self.  name is text, empty for none.  NULL, with self still the
 * caller's, when the name is registered already or LIMIT_PROCESSES are running. */
struct process *process_start(struct processes *table, const struct process_kind *kind, void *self,
                              struct bytes name);

/* Ends it: calls kind->leave, frees name and pid, sends EXIT to links and DOWN to monitors
 * with this reason (a term).  Safe inside its own callbacks: the memory is freed later, by
 * processes_tidy(). */
void process_exit(struct process *p, struct bytes reason, struct turn *t);
bool process_ended(const struct process *p);

/* Frees the processes that have ended.  The node calls it after each event. */
void processes_tidy(struct processes *table);

struct process *process_named(struct processes *table, struct bytes name);
/* By canonical pid; NULL for a pid of another node, of an old creation or of an ended process. */
struct process *process_of_pid(struct processes *table, struct bytes pid);

void *process_self(const struct process *p);
const struct process_kind *process_kind(const struct process *p);
struct bytes process_pid(const struct process *p);  /* canonical */
struct bytes process_name(const struct process *p); /* text; empty when not registered */
struct processes *process_table(const struct process *p);
struct bytes processes_node(const struct processes *table);
uint32_t processes_creation(const struct processes *table);
/* That of processes_new(), for other hashes of what peers choose. */
uint64_t processes_seed(const struct processes *table);

/* Appends a new unique reference of this node. */
void processes_reference(struct processes *table, struct buf *out);

/* Iterates over the running processes in order of start: begin with NULL, ends with NULL. */
struct process *processes_next(struct processes *table, const struct process *after);

/* A suspended process (sys:suspend) is not woken; its messages and the outcomes of its calls
 * and watches are held until it is resumed.  Messages beyond LIMIT_BACKLOG or
 * LIMIT_BACKLOG_BYTES, or a node's part of these, are dropped, outcomes never. */
bool process_suspended(const struct process *p);
void process_suspend(struct process *p, struct turn *t);
void process_resume(struct process *p, struct turn *t);

/* Schedules kind->wake for this time, in place of an earlier one; 0 cancels it. */
void process_wake_at(struct process *p, uint64_t at_ms);

/* Calls kind->finish of every process. */
void processes_finish(struct processes *table, struct turn *t);

/* Delivers a message from inside the node at once. */
void process_deliver(struct process *p, struct bytes message, struct turn *t);

/* The messages to p that were dropped because this node did not accept a term in them. */
uint64_t process_dropped(const struct process *p);

/* Handles a signal from that node, a peer or our own.  Drops it when its `from` is a pid of
 * a third node. */
void processes_signal(struct processes *table, struct bytes node, const struct signal *signal,
                      struct turn *t);

/* The connection to that node is down: its monitors of and links to our processes are
 * removed, our monitors of and calls to its processes end with the reason noconnection. */
void processes_node_down(struct processes *table, struct bytes node, struct turn *t);

/* The number of monitors and links that others hold on p, for status and tests. */
size_t process_watchers(const struct process *p);

/* Aborts when an invariant of the table is broken: for tests and the simulator, after each
 * event. */
void processes_check(const struct processes *table);

#endif
