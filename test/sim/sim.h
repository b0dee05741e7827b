/* Whole nodes in one program: a virtual clock, a network that is slow, cut and
 * broken at will, and callers that do as a BEAM's processes do.
 *
 * Nothing here is real but the core: every node is a `struct node` that gets
 * events and gives actions.  All randomness comes from one seed, so the same
 * seed is the same story to the last byte.
 *
 * The clock jumps to whatever is due next.  Of things due at the same time,
 * what happens on the network comes first, in the order in which it was set
 * going; then the nodes that want to be woken, in the order of their numbers;
 * then the callers.
 *
 * Nodes have numbers from 0; n1@h1 is number 0.  Node i has a machine of its own
 * (h1), with an epmd and a disk, and a caller of its own (caller1@c1 on the machine c1) that
 * is no more than a channel: it says what a process of a BEAM would say, and
 * sees what that would see.  One more machine runs single commands.
 *
 * Some of the nodes may be BEAMs that run Grove (grove.c): theirs are the last numbers.
 * All that can happen to a node can happen to them.  Their callers are processes on
 * them, and are answered at once. */
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
    unsigned beams;   /* so many of them, the last ones, are BEAMs */
    const char *crdt; /* the name of a type */
    uint64_t sync_ms, ticktime_ms;
    uint64_t repair_ms; /* anti_entropy_interval; 0: as by default */
    uint64_t latency_min_ms, latency_max_ms;
    bool pieces;  /* streams arrive cut into pieces of random length */
    bool one_way; /* a node is to connect to those before it only, not to all */
    bool follows; /* to the first only, and to whom that knows */
    bool gathers; /* sim_change() never removes anything */
    /* Whatever a node knew before it starts again is known to others, who tell it before
     * it writes.  Where it is not, numbers may be given twice, and what has one be taken
     * for the other. */
    bool remembers;
    /* Nodes whose replica is kept on disk, a bit each; and those of them with durability
     * `interval`.  What they want of the disk takes them so long. */
    unsigned stored, interval;
    uint64_t snapshot_ms, disk_min_ms, disk_max_ms;
    /* A BEAM keeps a delta back until that has a value, as Grove does since 0.2. */
    bool withholds;
    uint64_t rex_ms; /* how long its rex takes to answer; its scope greets at once */
};

/* No node runs yet.  Each is to connect to all others, and has the replica
 * `counter`, whose actor is the atom n1, n2, ... */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *s);

uint64_t sim_now(const struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);

/* --- time ---------------------------------------------------------------- */

void sim_run(struct sim *s, uint64_t ms);
/* Runs until it holds, at most so long; false when it never did. */
bool sim_until(struct sim *s, uint64_t ms, bool (*holds)(struct sim *s));

/* --- faults -------------------------------------------------------------- */

void sim_start(struct sim *s, unsigned node); /* its creation is new, its memory empty */
void sim_start_all(struct sim *s);            /* in the order of their numbers */
/* The process dies, its connections are reset; its disk has what was written. */
void sim_crash(struct sim *s, unsigned node);
/* The machine goes dark: nobody is told, not until it runs again and does not know
 * the connections on which it is spoken to.  Its disk has what was synced. */
void sim_vanish(struct sim *s, unsigned node);
void sim_stop(struct sim *s, unsigned node);      /* in good order */
void sim_epmd_down(struct sim *s, unsigned node); /* the epmd on its machine */
void sim_epmd_up(struct sim *s, unsigned node);
/* Nothing gets from one to the other until it is mended; then what was under way
 * goes on, as TCP does. */
void sim_cut(struct sim *s, unsigned a, unsigned b);
void sim_mend(struct sim *s, unsigned a, unsigned b);
void sim_mute(struct sim *s, unsigned from, unsigned to); /* one way only is cut */
/* Until it is mended, bytes take so long one after the other. */
void sim_clog(struct sim *s, unsigned a, unsigned b, uint64_t byte_ms);
/* Connections between the two are reset; what was under way is lost. */
void sim_break(struct sim *s, unsigned a, unsigned b);
void sim_break_caller(struct sim *s, unsigned node);
void sim_set_clock(struct sim *s, unsigned node, int64_t by_ms); /* the time of day there */
/* The node, which does not run, is to have a new name; actor and disk are the same. */
void sim_rename(struct sim *s, unsigned node);
/* The node ends in good order, and never comes back. */
void sim_leave(struct sim *s, unsigned node);
bool sim_has_left(const struct sim *s, unsigned node);

/* --- faults of a disk ------------------------------------------------------ */

bool sim_is_stored(const struct sim *s, unsigned node);
bool sim_is_durable(const struct sim *s, unsigned node); /* stored, and not by intervals */
/* The n-th call to it from now gives this errno, a negative one; all after it as well, if so. */
void sim_disk_fail(struct sim *s, unsigned node, uint64_t n, int code, bool then_all);
/* In the n-th call the node crashes, or its machine loses its power. */
void sim_disk_cut(struct sim *s, unsigned node, uint64_t n, bool power);
void sim_disk_heal(struct sim *s, unsigned node);
/* The node, which does not run, is to have an empty one.  What it has acknowledged must be
 * known to others. */
void sim_disk_wipe(struct sim *s, unsigned node);
bool sim_disk_has(const struct sim *s, unsigned node, const char *path);
/* Nothing is being written or waits for that; true where there is no disk. */
bool sim_disk_is_idle(const struct sim *s, unsigned node);

struct sim_disks {
    uint64_t calls, failures; /* to all disks; works that failed, or were cut short */
};
struct sim_disks sim_disks(const struct sim *s);

/* --- callers ------------------------------------------------------------- */

/* $gen_call to the node's `counter` by its caller, with a monitor, as
 * gen_server:call/2 does it.  Gives the call's number. */
size_t sim_call(struct sim *s, unsigned node, const char *request);
void sim_cast(struct sim *s, unsigned node, const char *request);
/* The value, which must be what the node has when the answer comes: it must not change
 * meanwhile. */
size_t sim_ask_value(struct sim *s, unsigned node);
/* The state: what it tells, the node must know for ever, if it is durable. */
size_t sim_ask_state(struct sim *s, unsigned node);
/* The same as {mutate, {increment, [By]}}, or decrement for a negative number:
 * what the checks below reckon with. */
size_t sim_add(struct sim *s, unsigned node, int64_t by);
void sim_cast_add(struct sim *s, unsigned node, int64_t by);
/* The same as a batch of two: 1, and the rest. */
size_t sim_add_twice(struct sim *s, unsigned node, uint64_t by);
/* &Mod.increment/1, as a fun that the replica can run itself. */
size_t sim_add_by_export(struct sim *s, unsigned node);
/* A fun that only its caller's node can run: it adds so much. */
size_t sim_add_by_closure(struct sim *s, unsigned node, uint64_t by);

/* What is asked of types that are no counters is about items: elements, keys or values, of
 * which there are less than 64, a bit each in a set of them.  sim_probe() has one for
 * each node that sim_change() never takes. */

/* An operation, or a batch of them, as chance has it; with an answer or without. */
void sim_change(struct sim *s, unsigned node);
/* Adds or removes the item of the node `of`, in a sequence that of the second node only and
 * any of them.  Its call's number; SIZE_MAX where the type cannot do this. */
size_t sim_probe(struct sim *s, unsigned node, unsigned of, bool adds);
/* The items in the value of a node's replica. */
uint64_t sim_items(const struct sim *s, unsigned node);
/* Whether what was added stays until it is removed: in a set, not in a register. */
bool sim_keeps_all(const struct sim *s);
/* The items of probes. */
uint64_t sim_probes(const struct sim *s);

/* What a node has acknowledged, and must therefore be, or never be, in its replica: until
 * somebody asks for the opposite. */
struct sim_promised {
    uint64_t there, gone;
};
/* Where all calls are over and all replicas agree: from now on what is there is promised
 * by every node, and no removal is asked for yet.  Gives what all promise. */
struct sim_promised sim_all_know(struct sim *s);
/* Whether the value of a node's replica is as these promises say. */
bool sim_keeps(const struct sim *s, unsigned node, struct sim_promised promised);

/* A monitor on the node's `counter`; its DOWN is told in the trace. */
void sim_monitor(struct sim *s, unsigned node);

enum sim_outcome {
    SIM_OPEN,
    SIM_REPLIED,
    SIM_DOWN,    /* the callee, or the connection, has gone */
    SIM_TIMEOUT, /* after 5 s, as in gen_server:call/2 */
};
enum sim_outcome sim_outcome(const struct sim *s, size_t call);
bool sim_refused(const struct sim *s, size_t call); /* the reply was {error, _} */

/* A command to the node's `coppice` from a client node of its own. */
void sim_command(struct sim *s, unsigned node, const char *request);

/* --- what is true -------------------------------------------------------- */

bool sim_is_beam(const struct sim *s, unsigned node);
bool sim_runs(const struct sim *s, unsigned node);  /* it has been started, and lives */
bool sim_ready(const struct sim *s, unsigned node); /* it is registered, and says so */
bool sim_all_ready(struct sim *s);
/* Every node that runs has every other that runs in its replica's group, and nobody else; no
 * mutation waits there, and its disk works. */
bool sim_all_met(struct sim *s);
/* Every node that runs is ready, and all their replicas have read their files and hold the
 * same. */
bool sim_agrees(struct sim *s);
/* The value of a node's replica; must be running. */
int64_t sim_value(struct sim *s, unsigned node);
/* What the actor `of` has counted up, as the replica of node `at` knows it. */
uint64_t sim_count(struct sim *s, unsigned at, unsigned of);
/* What was acknowledged of the node's counting up since its last start; since ever, where
 * it is durable. */
uint64_t sim_acknowledged_since(const struct sim *s, unsigned node);
/* In the end: everybody has whatever a durable node has acknowledged, in all its lives. */
void sim_check_kept(struct sim *s);
/* From now on what is asked is not reckoned with, but for that all replicas agree: counts
 * beyond 64 bits, items by any name. */
void sim_reckon_no_more(struct sim *s);
/* Bytes that are under way between two nodes, or held by a cut. */
size_t sim_under_way(const struct sim *s, unsigned a, unsigned b);
/* Monitors and links that others have on the node's replica. */
size_t sim_watchers(struct sim *s, unsigned node);
/* No call is under way. */
bool sim_quiet(const struct sim *s);

/* A hash of all that has happened. */
uint64_t sim_hash(const struct sim *s);
uint64_t sim_steps(const struct sim *s);

/* --- stories ------------------------------------------------------------- */

/* True, and the trace empty again, when it is exactly this text: deeds, what callers
 * hear, and every change of a replica's value, a line each.  Else both are
 * printed. */
bool sim_trace_is(struct sim *s, const char *text, const char *file, int line);
void sim_trace_forget(struct sim *s);
/* From now on what the nodes log is a part of the trace, too. */
void sim_trace_logs(struct sim *s);
/* From now on every line is printed as it comes. */
void sim_trace_aloud(void);
/* Says that a claim of a story is false. */
void sim_claim_failed(struct sim *s, const char *claim, const char *file, int line);

#define SIM_TRACE(s, text)                                                                         \
    do {                                                                                           \
        if (!sim_trace_is(s, text, __FILE__, __LINE__))                                            \
            return;                                                                                \
    } while (0)
#define SIM_CLAIM(s, claim)                                                                        \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            sim_claim_failed(s, #claim, __FILE__, __LINE__);                                       \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define SIM_WITHIN(s, ms, holds) SIM_CLAIM(s, sim_until(s, ms, holds))

bool sim_failed(const struct sim *s);

/* Ends the program: what was violated, the last lines, how to see it again. */
_Noreturn void sim_violated(struct sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is printed when a claim of the core or of the checks fails: how to see it
 * again.  Good as long as the program; the simulation that runs is known by itself. */
void sim_replay_with(const char *command);

#endif
