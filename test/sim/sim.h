/* Whole nodes in one program, with a virtual clock, a faulty network, and callers that behave
 * as processes of a BEAM do.
 *
 * Only the core is real: every node is a `struct node` that takes events and gives actions.
 * All randomness comes from one seed, so the same seed gives the same run, byte for byte.
 *
 * The clock jumps to whatever is due next.  Of things due at the same time, network arrivals
 * come first, in the order in which they were sent; then the nodes' wake-ups, in the order of
 * their numbers; then the callers.
 *
 * Nodes have numbers from 0; n1@h1 is number 0.  Node i has a machine of its own (h1), with an
 * epmd and a disk, and a caller of its own (caller1@c1 on machine c1).  A caller is only a
 * channel: it sends and receives what a process of a BEAM would.  One more machine runs single
 * commands.
 *
 * Some of the nodes, the last ones, may be BEAMs that run Grove (grove.c).  Whatever can happen
 * to a node can happen to them.  Their callers are processes on them, and get their answers at
 * once. */
#ifndef COPPICE_SIM_H
#define COPPICE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NODES_MAX 9

struct sim;

struct sim_options {
    uint64_t seed;
    unsigned nodes;   /* 1 to SIM_NODES_MAX */
    unsigned beams;   /* how many of them, the last ones, are BEAMs */
    const char *crdt; /* the name of a type */
    uint64_t sync_ms, ticktime_ms;
    uint64_t repair_ms; /* anti_entropy_interval; 0: the default */
    uint64_t latency_min_ms, latency_max_ms;
    bool pieces;       /* streams arrive cut into pieces of random length */
    bool dials_lower;  /* a node connects to those before it only, not to all */
    bool without_epmd; /* all listen on the same port, each on its machine */
    /* They find each other by DNS, with a name for each: d1 has the address of the first one's
     * machine, h1. */
    bool discovers;
    bool follows;    /* each connects to the first only, and follows (`follow`) */
    bool has_reader; /* the last node may only read on the others; for counters */
    bool grow_only;  /* sim_change() never removes anything */
    /* Whatever a node knew before a restart is known to others, who tell it before it writes.
     * Without this, a restarted actor may issue a tag or dot twice. */
    bool peers_remember;
    /* Bit masks of nodes: those that store their replica on disk, and those of them with
     * durability `interval`.  Each disk job takes disk_min_ms to disk_max_ms. */
    unsigned stored, interval;
    unsigned mounted; /* nodes whose table is mounted as a single file: no rename can replace it */
    /* Something else ruins their tables while they run, time and again. */
    bool ruins;
    uint64_t snapshot_ms, disk_min_ms, disk_max_ms;
    /* A BEAM withholds a delta until it has a value, as Grove does since 0.2. */
    bool withholds;
    bool funs_hang; /* some funs never return on their callers' nodes */
    bool funs_fail; /* some raise there, and some are slow */
    /* Its Grove, and the coppices, use a topic of Phoenix.PubSub in place of the group. */
    bool pubsub;
    uint64_t rex_ms; /* how long its rex takes to answer; its scope greets at once */
};

/* No node runs yet.  Each is configured to connect to all others, and has the replica
 * `counter`, whose actor is the atom n1, n2, ... */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *s);

uint64_t sim_now(const struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);

/* --- time ---------------------------------------------------------------- */

void sim_run(struct sim *s, uint64_t ms);
/* Runs until the condition holds, for at most ms; false when it never did. */
bool sim_until(struct sim *s, uint64_t ms, bool (*holds)(struct sim *s));

/* --- faults -------------------------------------------------------------- */

void sim_start(struct sim *s, unsigned node); /* with a new creation and empty memory */
void sim_start_all(struct sim *s);            /* in the order of their numbers */
/* The process dies and its connections are reset; its disk keeps what was written. */
void sim_crash(struct sim *s, unsigned node);
/* The machine loses power.  Peers see only silence until it runs again and resets the old
 * connections.  Its disk keeps what was synced. */
void sim_power_off(struct sim *s, unsigned node);
void sim_stop(struct sim *s, unsigned node);      /* an orderly stop */
void sim_epmd_down(struct sim *s, unsigned node); /* the epmd on its machine */
void sim_epmd_up(struct sim *s, unsigned node);
/* Takes the node's address out of DNS, or puts it back. */
void sim_list(struct sim *s, unsigned node, bool listed);
/* From now on look-ups fail, or do not. */
void sim_dns_fails(struct sim *s, bool fails);
/* Nothing passes between the two until sim_heal(); then what was in flight arrives, as with
 * TCP. */
void sim_cut(struct sim *s, unsigned a, unsigned b);
void sim_heal(struct sim *s, unsigned a, unsigned b);
void sim_cut_one_way(struct sim *s, unsigned from, unsigned to);
/* Until sim_heal(), each byte takes this long. */
void sim_throttle(struct sim *s, unsigned a, unsigned b, uint64_t byte_ms);
/* Connections between the two are reset; what was in flight is lost. */
void sim_reset(struct sim *s, unsigned a, unsigned b);
void sim_reset_caller(struct sim *s, unsigned node);
/* Until sim_reset_caller(), each byte to and from it takes this long. */
void sim_throttle_caller(struct sim *s, unsigned node, uint64_t byte_ms);
/* A coppice that runs has its configuration read again: with one more replica, `extra`, or without;
 * with another sync_interval then, for which a durable replica is restarted; and it dials all peers
 * but one; all, if that is the node itself. */
void sim_reload(struct sim *s, unsigned node, bool extra, unsigned without);
void sim_shift_clock(struct sim *s, unsigned node, int64_t by_ms); /* its time of day */
/* Gives the node, which must not be running, a new name; actor and disk stay the same. */
void sim_rename(struct sim *s, unsigned node);
/* The node stops in order, and never comes back. */
void sim_leave(struct sim *s, unsigned node);
bool sim_has_left(const struct sim *s, unsigned node);

/* --- disk faults ---------------------------------------------------------- */

bool sim_is_stored(const struct sim *s, unsigned node);
bool sim_is_durable(const struct sim *s, unsigned node); /* stored, with durability sync */
/* The n-th disk call from now fails with this negative errno; with then_all, so does every
 * later one. */
void sim_disk_fail(struct sim *s, unsigned node, uint64_t n, int code, bool then_all);
/* In the n-th call the node crashes, or its machine loses power. */
void sim_disk_cut(struct sim *s, unsigned node, uint64_t n, bool power);
void sim_disk_heal(struct sim *s, unsigned node);
/* Gives the node, which must not be running, an empty disk.  What it has acknowledged must be
 * known to others. */
void sim_disk_wipe(struct sim *s, unsigned node);
bool sim_disk_has(const struct sim *s, unsigned node, const char *path);
/* No disk job is running or queued; true for a node without a disk. */
bool sim_disk_is_idle(const struct sim *s, unsigned node);

struct sim_disks {
    uint64_t calls, failures; /* disk calls; jobs that failed or were cut short */
    uint64_t ruins;           /* tables that were ruined while a replica ran */
};
struct sim_disks sim_disks(const struct sim *s);

/* --- callers ------------------------------------------------------------- */

/* $gen_call to the node's `counter` by its caller, with a monitor, as gen_server:call/2 does
 * it.  Returns the call's number. */
size_t sim_call(struct sim *s, unsigned node, const char *request);
void sim_cast(struct sim *s, unsigned node, const char *request);
/* Asks for the value, and checks that the answer is the node's value at that moment: it must
 * not change meanwhile. */
size_t sim_call_value(struct sim *s, unsigned node);
/* Asks for the state; a durable node must never fall behind the state it answers. */
size_t sim_call_state(struct sim *s, unsigned node);
/* {mutate, {increment, [By]}}, or decrement for a negative number, entered in the ledger that
 * the checks use.  So are the next four. */
size_t sim_add(struct sim *s, unsigned node, int64_t by);
void sim_cast_add(struct sim *s, unsigned node, int64_t by);
/* As a batch of two: 1, and the rest. */
size_t sim_add_batch(struct sim *s, unsigned node, uint64_t by);
/* &Mod.increment/1, a fun that the replica can run itself. */
size_t sim_add_by_export(struct sim *s, unsigned node);
/* A closure, which only its caller's node can run. */
size_t sim_add_by_closure(struct sim *s, unsigned node, uint64_t by);

/* Types other than counters are asked about items: elements, keys or values.  There are fewer
 * than 64, so a bit mask is a set of them.  Each node has one item for sim_probe(), which
 * sim_change() never uses. */

/* A random operation or batch, as a call or a cast. */
void sim_change(struct sim *s, unsigned node);
/* Adds or removes the item of node `of`; a sequence supports removal only of the second node's,
 * by index, and may remove any.  Returns the call's number; SIZE_MAX where the type cannot do
 * this. */
size_t sim_probe(struct sim *s, unsigned node, unsigned of, bool adds);
/* The items in the value of a node's replica. */
uint64_t sim_items(const struct sim *s, unsigned node);
/* Whether an item stays until it is removed: so in a set, not in a register. */
bool sim_retains_items(const struct sim *s);
/* The items of probes. */
uint64_t sim_probes(const struct sim *s);

/* Items that a node has acknowledged as added or removed, until somebody asks for the
 * opposite. */
struct sim_promised {
    uint64_t present, absent;
};
/* To be called when no call is open and all replicas agree.  From now on every node promises
 * what is there, and earlier removals no longer excuse its absence.  Returns that promise. */
struct sim_promised sim_checkpoint(struct sim *s);
/* Whether the value of a node's replica is as promised. */
bool sim_honours(const struct sim *s, unsigned node, struct sim_promised promised);

/* Subscribes the node's caller to changes; what it is told is checked. */
size_t sim_subscribe(struct sim *s, unsigned node);

/* Kills the node's `counter`, as exit(Pid, kill) does.  The node must be durable: what others lose
 * is not accounted for. */
void sim_kill_replica(struct sim *s, unsigned node);
/* Monitors the node's `counter`; its DOWN goes to the trace. */
void sim_monitor(struct sim *s, unsigned node);

enum sim_outcome {
    SIM_OPEN,
    SIM_REPLIED,
    SIM_DOWN,    /* the callee or the connection is gone */
    SIM_TIMEOUT, /* after 5 s, as in gen_server:call/2 */
};
enum sim_outcome sim_outcome(const struct sim *s, size_t call);
bool sim_refused(const struct sim *s, size_t call); /* the reply was {error, _} */

/* A command to the node's `coppice` from a client node of its own. */
void sim_command(struct sim *s, unsigned node, const char *request);

/* --- conditions ----------------------------------------------------------- */

bool sim_is_beam(const struct sim *s, unsigned node);
bool sim_is_reader(const struct sim *s, unsigned node);
bool sim_runs(const struct sim *s, unsigned node);  /* started, and not ended since */
bool sim_ready(const struct sim *s, unsigned node); /* has reported that it is ready */
bool sim_all_ready(struct sim *s);
/* On every running node, the replica's group consists of the replicas of all running nodes; no
 * mutation is queued, and storage works. */
bool sim_all_settled(struct sim *s);
/* The caller of the node, a running coppice, is subscribed, and was told of the last change. */
bool sim_is_told(const struct sim *s, unsigned node);
/* Every running node is ready, and all replicas have loaded their files and hold the same; a reader
 * also its own changes. */
bool sim_converged(struct sim *s);
/* The value of the replica of a node, which must be running. */
int64_t sim_value(struct sim *s, unsigned node);
/* The count of actor `of` in the replica of node `at`. */
uint64_t sim_count(struct sim *s, unsigned at, unsigned of);
/* The sum of the node's acknowledged increments since its last start; of all, if it is
 * durable. */
uint64_t sim_acknowledged(const struct sim *s, unsigned node);
/* At the end of a run: everybody has whatever a durable node ever acknowledged. */
void sim_check_durable(struct sim *s);
/* From now on requests are not accounted for, and only convergence is checked: for counts
 * beyond 64 bits and items of other names. */
void sim_stop_accounting(struct sim *s);
/* Bytes in flight between two nodes, or held by a cut. */
size_t sim_in_flight(const struct sim *s, unsigned a, unsigned b);
/* Monitors and links of others on the node's replica. */
size_t sim_watchers(struct sim *s, unsigned node);
/* No call is open. */
bool sim_idle(const struct sim *s);

/* A hash of everything that has happened. */
uint64_t sim_hash(const struct sim *s);
uint64_t sim_steps(const struct sim *s);

/* --- the trace ------------------------------------------------------------ */

/* Returns true, and clears the trace, if it is exactly this text: one line for each fault,
 * request, reply, and change of a replica's value.  Otherwise prints both. */
bool sim_trace_is(struct sim *s, const char *text, const char *file, int line);
void sim_trace_clear(struct sim *s);
/* From now on the nodes' log lines are part of the trace. */
void sim_trace_logs(struct sim *s);
/* From now on every line is printed as it is added. */
void sim_trace_verbose(void);
/* Reports a failed assertion of a scenario. */
void sim_assert_failed(struct sim *s, const char *claim, const char *file, int line);

#define SIM_TRACE(s, text)                                                                         \
    do {                                                                                           \
        if (!sim_trace_is(s, text, __FILE__, __LINE__))                                            \
            return;                                                                                \
    } while (0)
#define SIM_ASSERT(s, claim)                                                                       \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            sim_assert_failed(s, #claim, __FILE__, __LINE__);                                      \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define SIM_WITHIN(s, ms, holds) SIM_ASSERT(s, sim_until(s, ms, holds))

bool sim_failed(const struct sim *s);

/* Ends the program; prints what was violated, the last lines, and how to replay the run. */
_Noreturn void sim_violated(struct sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the command that a failure prints for replaying the current run. */
void sim_replay_with(const char *command);

#endif
