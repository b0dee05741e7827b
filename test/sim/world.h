/* What the simulator's files share.
 *
 *     world.c     the clock, nodes and their steps
 *     faults.c    what befalls them
 *     network.c   machines, connections, bytes on their way
 *     epmd.c      the epmd of each machine, in its real bytes
 *     files.c     the disk of each machine, and what a node wants of it
 *     caller.c    what callers ask, and what comes of it
 *     caller_peer.c  their end of the distribution protocol
 *     fun.c       funs that run on their caller's node
 *     grove.c     the nodes that are BEAMs, and run Grove
 *     ops.c       what is asked of each type that is no counter
 *     check.c     what must be true after every step, and at the end
 *     numbers.c   numbers that are given once
 *     met.c       who knows whom
 *     trace.c     what has happened, for people and for the hash */
#ifndef COPPICE_SIM_WORLD_H
#define COPPICE_SIM_WORLD_H

#include "dist/channel.h"
#include "node/node.h"
#include "otp/process.h"
#include "sim.h"

/* Machines: those of the nodes, those of their callers, that of commands. */
#define COMMANDER    (2 * SIM_NODES_MAX)
#define MACHINES     (COMMANDER + 1)
#define CALLER_OF(i) ((i) + SIM_NODES_MAX)

#define COOKIE      "simulated"
#define GROVE_SCOPE "grove"
/* The time of day when a world begins. */
#define WALL_MS     UINT64_C(1700000000000)
#define TRACE_LINES 60
#define SIGNS       2 /* of what is counted: up, down */

/* --- the network --------------------------------------------------------- */

/* Whoever has connections on a machine. */
enum party { PARTY_NODE, PARTY_EPMD, PARTY_CALLER };

enum arrival_kind { ARRIVE_DIAL, ARRIVE_OPEN, ARRIVE_BYTES, ARRIVE_END };

struct arrival {
    struct arrival *next;
    enum arrival_kind kind;
    enum err err;
    struct buf bytes;
};

/* One side of a connection.  What is on its way to it stands in the order in
 * which it was sent; each of it has a thing in the queue, or waits for a cut to be mended. */
struct end {
    enum party party;
    unsigned machine;
    uint32_t conn;    /* the party's own number for it */
    bool attached;    /* the party wants to hear of it */
    bool open;        /* it may be written to */
    bool deaf;        /* its machine went dark: nothing is taken any more */
    uint64_t last_ms; /* when the last of what is under way is due */
    struct arrival *first, **tail;
};

struct pipe {
    struct pipe *next;
    uint16_t port;
    size_t things;      /* in the queue that point here */
    struct end ends[2]; /* who dialled, who was dialled */
};

/* Something that is due: the next arrival at one end of a pipe, or a deed. */
struct thing {
    uint64_t due_ms, order;
    struct pipe *pipe;
    unsigned end;
    void (*run)(struct sim *s, unsigned machine); /* where pipe is NULL */
    unsigned machine;
};

/* One way from one machine to another. */
struct link {
    bool cut;
    uint64_t byte_ms; /* how long a byte takes; 0: no time */
};

struct machine {
    char name[8]; /* h1, c1, k */
    bool up;      /* has power */
};

/* --- epmd ---------------------------------------------------------------- */

struct epmd_client {
    uint32_t conn;
    struct buf in;
    bool registered;
    struct buf name;
    uint16_t port;
};

struct epmd {
    bool up;
    uint32_t accepted;
    struct epmd_client *clients;
    size_t count, cap;
};

/* --- nodes --------------------------------------------------------------- */

struct counted {
    uint64_t by[SIGNS][SIM_NODES_MAX]; /* each actor's counts */
};

struct sim_node {
    struct config config;
    struct node *node; /* NULL: does not run */
    bool ready;
    uint64_t due_ms;
    uint64_t woken_ms, stepped_ms; /* last, and how often in this one millisecond */
    unsigned woken, stepped;
    uint32_t accepted;
    uint16_t port;
    unsigned life;       /* counts starts */
    bool left;           /* it never starts again */
    uint64_t wall_ms;    /* the time of day there when the clock was at 0 */
    struct files *files; /* NULL: it has no disk */
    /* Of the replica, when it was last looked at: its changes, and its state, also without
     * what is its own, and its value; and what is in that. */
    uint64_t changes;
    struct buf state, common, value;
    struct counted seen;
    uint64_t items;
    bool loaded; /* it has what was on disk */
    bool wiped;  /* since all knew everything it has lost its disk */
};

/* --- callers ------------------------------------------------------------- */

enum call_kind {
    CALL_OTHER,
    CALL_ADD,
    CALL_CHANGE,
    CALL_VALUE,
    CALL_STATE,
    CALL_MONITOR,
    CALL_CAST
};

/* Its number is an index, and the first word of its reference. */
struct sim_call {
    enum sim_outcome outcome;
    unsigned node;
    enum call_kind kind;
    bool said, refused;
    int64_t by;             /* CALL_ADD */
    uint64_t adds, removes; /* CALL_CHANGE */
    uint64_t until_ms;      /* while it is open: when it times out */
    char label[100];        /* for the trace */
    struct buf request;
};

struct caller {
    struct buf name;
    struct channel_self self;
    struct channel *channel; /* NULL: not connected */
    uint32_t conn;           /* of the channel, or of the one that is being dialled */
    uint32_t last_conn;
    bool dialling, up;
    unsigned life; /* of the node that it is connected to */
    uint64_t dialled_ms, written_ms;
};

/* What a node's callers have asked of its actor, and were told: since the node's last
 * start, but since ever where the node is durable. */
struct ledger {
    uint64_t asked[SIGNS];        /* since ever */
    uint64_t refused[SIGNS];      /* of that, since the last start */
    uint64_t acknowledged[SIGNS]; /* in sum */
    uint64_t told[SIGNS];         /* as the count that it is */
    struct sim_promised promised; /* since the last start, or when it fell back */
    struct sim_promised kept;     /* where it is durable */
};

/* Numbers that actors have given, as hashes, each with that of what has it. */
struct numbers {
    uint64_t (*list)[2]; /* open addressing; {0, 0} is free */
    size_t count, cap;   /* a power of two, or 0 */
};

/* --- the world ----------------------------------------------------------- */

struct sim {
    struct sim_options options;
    uint64_t now_ms, random, order, hash, steps;
    bool failed, unreckoned;

    struct thing *queue; /* a heap */
    size_t things, things_cap;
    struct pipe *pipes;
    struct link links[MACHINES][MACHINES]; /* from, to */
    struct machine machines[MACHINES];
    struct epmd epmds[MACHINES];
    uint32_t creation;
    uint16_t next_port;

    struct sim_node nodes[MACHINES]; /* [COMMANDER]: the client of a command */
    struct outbox outbox;
    struct caller callers[SIM_NODES_MAX];
    struct sim_call *calls;
    size_t call_count, call_cap;
    size_t calls_over; /* all before this one are */
    struct ledger ledgers[SIM_NODES_MAX];
    const struct habits *habits; /* NULL: it counts */
    uint64_t added, removed;     /* whatever anybody asked for */
    struct numbers numbers;

    struct buf story;
    bool tells_logs;
    struct buf lines[TRACE_LINES]; /* the last of all lines, in a ring */
    size_t lines_next;
};

/* --- world.c */

void world_step(struct sim *s, unsigned node, struct event *event);
void world_later(struct sim *s, uint64_t ms, void (*run)(struct sim *s, unsigned machine),
                 unsigned machine);
uint64_t world_random(struct sim *s);
uint64_t world_wall_ms(const struct sim *s, unsigned node); /* the time of day there */
const char *world_name(const struct sim *s, unsigned i);    /* good until the next call */
void world_configure(struct sim *s, unsigned i, const char *name);
/* The machine of that name; MACHINES for none. */
unsigned world_machine(const struct sim *s, unsigned from, struct bytes name);

/* --- network.c */

void queue_put(struct sim *s, const struct thing *t);
struct thing queue_take(struct sim *s); /* what is due first */
void network_arrive(struct sim *s, const struct thing *t);
void network_dial(struct sim *s, const struct end *from, struct bytes host, uint16_t port);
void network_send(struct sim *s, enum party party, unsigned machine, uint32_t conn,
                  struct bytes bytes);
/* Ends our side when all was written. */
void network_close(struct sim *s, enum party party, unsigned machine, uint32_t conn);
void network_close_all(struct sim *s, enum party party, unsigned machine);
/* Its connections end without a word, or with a reset. */
void network_reset(struct sim *s, enum party party, unsigned machine);
void network_darken(struct sim *s, unsigned machine);
void network_relight(struct sim *s, unsigned machine);
void network_break(struct sim *s, unsigned a, unsigned b);
void network_mend(struct sim *s, unsigned a, unsigned b);
void network_free(struct sim *s);

/* --- epmd.c */

bool epmd_listens(const struct sim *s, unsigned machine);
void epmd_start(struct sim *s, unsigned machine);
void epmd_end(struct sim *s, unsigned machine); /* with its connections */
uint32_t epmd_accepted(struct sim *s, unsigned machine);
void epmd_bytes(struct sim *s, unsigned machine, uint32_t conn, struct bytes bytes);
void epmd_closed(struct sim *s, unsigned machine, uint32_t conn);

/* --- files.c */

struct files *files_new(void);
void files_free(struct files *f);
/* Carries out an action about a store. */
void files_perform(struct sim *s, unsigned node, const struct action *a);
/* Does what is left; the node ends in good order. */
void files_finish(struct sim *s, unsigned node);
/* The process is no more: nothing that was asked for is begun. */
void files_forget(struct files *f);
/* The power is gone: so is what was not synced. */
void files_lose(struct sim *s, unsigned node);
/* What a replica's options have about storage, to be put before their end. */
void files_put_option(const struct sim *s, unsigned node, char *out, size_t size);

/* --- caller.c */

void caller_start(struct sim *s, unsigned node);
void caller_free(struct sim *s, unsigned node);
uint64_t caller_due(const struct sim *s, unsigned node);
void caller_wake(struct sim *s, unsigned node);
/* Says what waits for a connection. */
void caller_say(struct sim *s, unsigned node);
/* A call has ended in this way; the reply or reason is a checked term, or empty. */
void caller_heard(struct sim *s, unsigned node, uint64_t number, enum sim_outcome outcome,
                  struct bytes term);
/* The connection is gone, or never came to be. */
void caller_lost(struct sim *s, unsigned node, const char *why);

/* --- caller_peer.c */

void peer_connect(struct sim *s, unsigned node);
/* Gives up dialling. */
void peer_give_up(struct sim *s, unsigned node);
void peer_send(struct sim *s, unsigned node, const struct signal *signal);
void peer_tick(struct sim *s, unsigned node);
void peer_put_pid(const struct sim *s, unsigned node, struct buf *out);
void peer_put_ref(const struct sim *s, unsigned node, size_t call, struct buf *out);
void caller_opened(struct sim *s, unsigned node, uint32_t conn);
void caller_bytes(struct sim *s, unsigned node, uint32_t conn, struct bytes bytes);
void caller_closed(struct sim *s, unsigned node, uint32_t conn);

/* --- fun.c: what a BEAM's rex does for a replica */

/* A closure that adds so much to the counter that it is given. */
void fun_put(struct sim *s, unsigned node, struct buf *out, uint64_t by);
/* Answers {'$gen_call', From, {call, M, F, A, user}}. */
void fun_call(struct sim *s, unsigned node, struct bytes message);
/* Appends what such a fun, which fun_put() made, makes of a counter's state. */
void fun_apply(const struct sim *s, unsigned node, struct bytes fun, struct bytes state,
               struct buf *out);
/* Appends rpc's answer where there is no such function. */
void fun_put_undef(struct buf *out, struct bytes module, struct bytes function);

/* --- grove.c */

/* Starts Grove on a node that is a BEAM, as soon as that can have processes. */
void grove_start(struct sim *s, unsigned node);
/* What a process of the same BEAM asks of the server is answered at once; false where there
 * is none. */
bool grove_call(struct sim *s, unsigned node, struct bytes request, struct buf *reply);
const struct crdt *grove_crdt(const struct process *server);
/* A number that is another, and not 0, as soon as its CRDT may be. */
uint64_t grove_changes(const struct process *server);

/* --- check.c */

void check_node(struct sim *s, unsigned node);
/* The node has lost its memory, and its callers' hopes with it; and its disk. */
void check_forget(struct sim *s, unsigned node);
void check_wiped(struct sim *s, unsigned node);
/* An addition was answered: it was made, or not. */
void check_acknowledged(struct sim *s, unsigned node, int64_t by);
void check_refused(struct sim *s, unsigned node, int64_t by);
/* The answer to `state`. */
void check_state(struct sim *s, unsigned node, struct bytes reply);
/* The answer to `value`, from a node that has not changed since it was asked. */
void check_value(struct sim *s, unsigned node, struct bytes reply);
void check_promised(struct sim *s, unsigned node, uint64_t adds, uint64_t removes);

struct process *check_replica_on(struct sim *s, unsigned node);
/* The value of a struct's field, which it has. */
struct bytes check_field(struct bytes map, const char *name);

/* --- numbers.c */

/* No number in the node's state stands for something else than ever before. */
void numbers_check(struct sim *s, unsigned node);
void numbers_free(struct sim *s);

/* --- trace.c */

/* A line of the story, and of the log; and of the log alone. */
void trace_deed(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_log(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_hash(struct sim *s, struct bytes bytes);
void trace_event(struct sim *s, unsigned node, const struct event *e);
void trace_actions(struct sim *s); /* what the outbox holds */
/* Appends a checked term as text. */
void trace_term(struct buf *out, struct bytes checked);
/* From now on this simulation's trace is what a failure shows. */
void trace_open(struct sim *s);
void trace_free(struct sim *s);
/* The arguments of %.*s for a slice. */
#define SLICE(bytes) (int)(bytes).len, (const char *)(bytes).at

#endif
