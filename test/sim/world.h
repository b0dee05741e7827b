/* Private to the simulator.
 *
 *     world.c        the clock, nodes and their steps
 *     faults.c       faults of nodes and links
 *     network.c      machines, connections, bytes in flight
 *     dns.c          look-ups of names
 *     epmd.c         the epmd of each machine, with the real protocol
 *     files.c        the disk of each machine, and the nodes' disk jobs
 *     caller.c       calls and their results
 *     caller_peer.c  the callers' end of the distribution protocol
 *     subscriber.c   what callers are told of changes
 *     fun.c          funs that run on their caller's node
 *     grove.c        nodes that are BEAMs running Grove
 *     pubsub.c       Phoenix.PubSub on these
 *     items.c        operations on types other than counters
 *     check.c        the invariants: after every step, and at the end
 *     issued.c       the invariant that no tag or dot is issued twice
 *     membership.c   who is in the group, as each node sees it
 *     trace.c        what has happened, for readers and for the hash */
#ifndef COPPICE_SIM_WORLD_H
#define COPPICE_SIM_WORLD_H

#include "dist/channel.h"
#include "node/node.h"
#include "otp/process.h"
#include "sim.h"

/* Machines: of the nodes, of their callers, of commands. */
#define COMMANDER    (2 * SIM_NODES_MAX)
#define MACHINES     (COMMANDER + 1)
#define CALLER_OF(i) ((i) + SIM_NODES_MAX)

#define COOKIE       "simulated"
#define GROVE_SCOPE  "grove"
#define PUBSUB_SCOPE "Elixir.Phoenix.PubSub"
/* Of nodes without epmd. */
#define FIXED_PORT 9100
/* Between look-ups of a name. */
#define LOOK_UP_MS 100
/* The time of day at the start. */
#define WALL_MS     UINT64_C(1700000000000)
#define TRACE_LINES 60
#define SIGNS       2 /* of a counter: increments, decrements */

/* --- the network --------------------------------------------------------- */

/* Who owns an end of a connection. */
enum party { PARTY_NODE, PARTY_EPMD, PARTY_CALLER };

enum arrival_kind { ARRIVE_DIAL, ARRIVE_OPEN, ARRIVE_BYTES, ARRIVE_END };

struct arrival {
    struct arrival *next;
    enum arrival_kind kind;
    enum err err;
    struct buf bytes;
};

/* One side of a connection.  Arrivals are listed in the order in which they were sent; each has
 * an entry in the queue, or waits for a cut to be healed. */
struct end {
    enum party party;
    unsigned machine;
    uint32_t conn;    /* the party's own number for it */
    bool attached;    /* the party gets events of it */
    bool open;        /* it may be written to */
    bool rests;       /* its party reads nothing for now ... */
    size_t unread;    /* ... of so many arrivals, or fewer */
    bool stale;       /* its machine has lost power since: the connection is dead */
    uint64_t last_ms; /* when its last arrival is due */
    struct arrival *first, **tail;
};

struct pipe {
    struct pipe *next;
    uint16_t port;
    size_t queued;      /* entries of the queue that point here */
    struct end ends[2]; /* the dialling one, the dialled one */
};

/* An entry of the queue: the next arrival at one end of a pipe, or a callback. */
struct queued {
    uint64_t due_ms, order;
    struct pipe *pipe;
    unsigned end;
    void (*run)(struct sim *s, unsigned machine); /* where pipe is NULL */
    unsigned machine;
};

/* One direction between two machines. */
struct link {
    bool cut;
    uint64_t byte_ms; /* per byte */
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

/* A look-up, by its number, and the node whose name it is. */
struct sim_asked {
    uint32_t query;
    unsigned of;
};

/* More than the nodes' names, since some are no longer of interest when they are answered. */
#define SIM_ASKED_MAX 32

struct sim_node {
    struct config config;
    struct node *node; /* NULL: not running */
    bool ready;
    uint64_t due_ms;
    uint64_t woken_ms, stepped_ms; /* the last time */
    unsigned woken, stepped;       /* how often in that millisecond */
    uint32_t accepted;
    uint16_t port;
    unsigned life;       /* number of starts */
    bool left;           /* never starts again */
    uint64_t wall_ms;    /* its time of day when the clock was at 0 */
    struct files *files; /* NULL: no disk */
    /* Of the replica when it was last checked: its change counter; its state, with and without
     * what is the replica's own; its value; and the counts or items in that. */
    uint64_t changes;
    struct buf state, common, value;
    struct counted seen;
    uint64_t items;
    uint64_t replica;  /* a hash of the replica's pid; 0: there was none yet */
    unsigned replicas; /* how many there were, restarted ones included */
    bool loaded;       /* its files have been read */
    unsigned asks;     /* how many names it is looking up */
    struct sim_asked asked[SIM_ASKED_MAX];
    bool unlisted; /* its address is not in DNS */
    bool wiped;    /* its disk has been replaced since the last checkpoint */
};

/* --- callers ------------------------------------------------------------- */

enum call_kind {
    CALL_OTHER,
    CALL_ADD,
    CALL_CHANGE,
    CALL_VALUE,
    CALL_STATE,
    CALL_MONITOR,
    CALL_CAST,
    CALL_KILL /* not a call: exit(Pid, kill) */
};

/* A call's number is its index, and the first word of its reference. */
struct sim_call {
    enum sim_outcome outcome;
    unsigned node;
    enum call_kind kind;
    unsigned replica; /* sim_node.replicas when it was made */
    bool sent, refused;
    int64_t by;             /* CALL_ADD */
    uint64_t adds, removes; /* CALL_CHANGE */
    uint64_t until_ms;      /* its timeout, while it is open */
    char label[100];        /* for the trace */
    struct buf request;
};

struct caller {
    struct buf name;
    struct channel_self self;
    struct channel *channel; /* NULL: not connected */
    uint32_t conn;           /* of the channel, or being dialled */
    uint32_t last_conn;
    bool dialling, up;
    unsigned life; /* of the node that it is connected to */
    uint64_t dialled_ms, written_ms;
};

/* What a node's callers requested, and what they were answered: since the node's last start, or
 * ever if the node is durable. */
struct ledger {
    uint64_t asked[SIGNS];        /* ever */
    uint64_t refused[SIGNS];      /* of that, since the last start of the replica */
    uint64_t acknowledged[SIGNS]; /* the sum of increments */
    uint64_t reported[SIGNS];     /* the greatest own count in a state answered to a caller */
    struct sim_promised promised; /* since the last start or fallback to disk */
    struct sim_promised durable;  /* ever, if the node is durable */
};

/* Of the last so many versions of a replica. */
#define VERSIONS_KEPT 64

/* What a replica had at the end of a step. */
struct had {
    uint64_t replica, version;
    uint64_t value; /* a hash */
    struct counted counts;
};

struct subscription {
    uint64_t ref, replica; /* hashes */
    uint64_t version;      /* the last one that was told */
    struct crdt *copy;     /* what the deltas make; NULL without, or after one that was too large */
};

/* What a caller is told by its node, on the present connection. */
struct told {
    struct had had[VERSIONS_KEPT];
    struct subscription *list;
    size_t count, cap;
    struct buf actor; /* of the copies: the replica's, which is in structs in a map's value */
    struct crdt_options copies;
};

/* Hashes of tags and dots that actors have issued, each with the hash of what it stands for. */
struct issued {
    uint64_t (*list)[2]; /* open addressing; {0, 0} is free */
    size_t count, cap;   /* a power of two, or 0 */
};

/* --- the world ----------------------------------------------------------- */

struct sim {
    struct sim_options options;
    uint64_t now_ms, random, order, hash, steps;
    bool failed, unaccounted;
    bool dns_fails;

    struct queued *queue; /* a heap */
    size_t queue_len, queue_cap;
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
    size_t calls_over; /* all calls before this one are closed */
    struct ledger ledgers[SIM_NODES_MAX];
    struct told told[SIM_NODES_MAX];
    const struct item_type *item_type; /* NULL: a counter */
    uint64_t added, removed;           /* items requested by anybody */
    struct issued issued;

    struct buf trace;
    bool traces_logs;
    struct buf lines[TRACE_LINES]; /* the last lines, a ring */
    size_t lines_next;
};

/* --- world.c */

void world_step(struct sim *s, unsigned node, struct event *event);
void world_schedule(struct sim *s, uint64_t ms, void (*run)(struct sim *s, unsigned machine),
                    unsigned machine);
uint64_t world_random(struct sim *s);
uint64_t world_wall_ms(const struct sim *s, unsigned node); /* its time of day */
const char *world_name(const struct sim *s, unsigned i);    /* good until the next call */
void world_configure(struct sim *s, unsigned i, const char *name);
/* The same into another configuration, which is empty; the node does not dial the one it is without
 * (itself: it dials as usual).  other: its replica has another sync_interval. */
void world_put_config(struct sim *s, unsigned i, struct bytes name, unsigned without, bool other,
                      struct config *c);
/* The machine of that name; MACHINES for none. */
unsigned world_machine(const struct sim *s, unsigned from, struct bytes name);

/* --- network.c */

void queue_put(struct sim *s, const struct queued *t);
struct queued queue_take(struct sim *s); /* the one due first */
void network_arrive(struct sim *s, const struct queued *t);
void network_dial(struct sim *s, const struct end *from, struct bytes host, uint16_t port);
void network_send(struct sim *s, enum party party, unsigned machine, uint32_t conn,
                  struct bytes bytes);
/* Closes our side after all data has been delivered. */
void network_close(struct sim *s, enum party party, unsigned machine, uint32_t conn);
void network_close_all(struct sim *s, enum party party, unsigned machine);
/* What arrives at that end of a node waits; or no more. */
void network_rest(struct sim *s, unsigned machine, uint32_t conn, bool rests);
/* Resets the connections of that party. */
void network_reset(struct sim *s, enum party party, unsigned machine);
void network_power_off(struct sim *s, unsigned machine);
void network_power_on(struct sim *s, unsigned machine);
void network_reset_link(struct sim *s, unsigned a, unsigned b);
void network_heal(struct sim *s, unsigned a, unsigned b);
void network_free(struct sim *s);

/* --- epmd.c */

bool epmd_listens(const struct sim *s, unsigned machine);
void epmd_start(struct sim *s, unsigned machine);
void epmd_end(struct sim *s, unsigned machine); /* with its connections */
uint32_t epmd_accepted(struct sim *s, unsigned machine);
void epmd_bytes(struct sim *s, unsigned machine, uint32_t conn, struct bytes bytes);
void epmd_closed(struct sim *s, unsigned machine, uint32_t conn);

/* --- dns.c */

/* Looks up the name of a node, d1, d2, ..., for the query with this number. */
void dns_resolve(struct sim *s, unsigned node, uint32_t query, struct bytes host);

/* --- files.c */

struct files *files_new(bool mounted); /* its table is, by itself */
void files_free(struct files *f);
/* Performs an action on a store. */
void files_perform(struct sim *s, unsigned node, const struct action *a);
/* Runs the remaining jobs of a node that has ended in order. */
void files_finish(struct sim *s, unsigned node);
/* The process has died: its jobs are dropped. */
void files_kill(struct files *f);
/* The power has failed: what was not synced may be lost. */
void files_power_off(struct sim *s, unsigned node);
/* The storage part of a replica's options, to be put before the closing brace. */
void files_put_option(const struct sim *s, unsigned node, char *out, size_t size);

/* --- caller.c */

void caller_start(struct sim *s, unsigned node);
void caller_free(struct sim *s, unsigned node);
uint64_t caller_due(const struct sim *s, unsigned node);
void caller_wake(struct sim *s, unsigned node);
/* Sends the calls that have been waiting for a connection. */
void caller_send_pending(struct sim *s, unsigned node);
/* A reply or a DOWN for this call; the reply or reason is a checked term. */
void caller_result(struct sim *s, unsigned node, uint64_t number, enum sim_outcome outcome,
                   struct bytes term);
/* The connection is lost, or could not be made. */
void caller_lost(struct sim *s, unsigned node, const char *why);

/* --- caller_peer.c */

void peer_connect(struct sim *s, unsigned node);
/* Abandons the dial. */
void peer_give_up(struct sim *s, unsigned node);
void peer_send(struct sim *s, unsigned node, const struct signal *signal);
void peer_tick(struct sim *s, unsigned node);
void peer_put_pid(const struct sim *s, unsigned node, struct buf *out);
void peer_put_ref(const struct sim *s, unsigned node, size_t call, struct buf *out);
void caller_opened(struct sim *s, unsigned node, uint32_t conn);
void caller_bytes(struct sim *s, unsigned node, uint32_t conn, struct bytes bytes);
void caller_closed(struct sim *s, unsigned node, uint32_t conn);

/* --- subscriber.c */

/* The node's replica may have changed. */
void subscriber_note(struct sim *s, unsigned node);
/* A message to the caller's pid. */
void subscriber_message(struct sim *s, unsigned node, const struct signal *signal);
void subscriber_lost(struct sim *s, unsigned node); /* with the connection */
void subscriber_free(struct sim *s, unsigned node);

/* --- fun.c: funs, and the callers' rex */

/* Appends a closure that adds `by` to its counter argument. */
void fun_put(struct sim *s, unsigned node, struct buf *out, uint64_t by);
/* Answers {'$gen_call', From, {call, M, F, A, user}}. */
void fun_call(struct sim *s, unsigned node, struct bytes message);
/* Appends the result of applying a fun of fun_put() to a counter's state. */
void fun_apply(const struct sim *s, unsigned node, struct bytes fun, struct bytes state,
               struct buf *out);
/* Appends rpc's reply for an undefined function. */
void fun_put_undef(struct buf *out, struct bytes module, struct bytes function);

/* --- pubsub.c */

/* A function that somebody runs through rex: terms. */
struct sim_function {
    struct bytes module, function, args;
};

/* The processes of a BEAM. */
void pubsub_start(struct sim *s, struct processes *table);
/* The adapter joins its group, unless it has. */
void pubsub_join(struct process *server, struct turn *t);
/* Sends a message of the server to whoever is subscribed but itself. */
void pubsub_broadcast(struct process *server, struct bytes message, struct turn *t);
/* Answers a function of Phoenix.PubSub's or OTP's, run on p's node; false for any other. */
bool pubsub_rex(const struct process *p, const struct sim_function *f, struct buf *reply);

/* --- grove.c */

/* Starts Grove on a node that is a BEAM, as soon as it can have processes. */
void grove_start(struct sim *s, unsigned node);
/* Answers a local call to the server at once; false if there is no server. */
bool grove_call(struct sim *s, unsigned node, struct bytes request, struct buf *reply);
const struct crdt *grove_crdt(const struct process *server);
/* A number, never 0, that changes whenever its CRDT may have changed. */
uint64_t grove_changes(const struct process *server);

/* --- check.c */

void check_node(struct sim *s, unsigned node);
/* The node has lost its memory. */
void check_restarted(struct sim *s, unsigned node);
/* The node has lost its disk. */
void check_wiped(struct sim *s, unsigned node);
/* An increment was acknowledged, or refused. */
void check_acknowledged(struct sim *s, unsigned node, int64_t by);
void check_refused(struct sim *s, unsigned node, int64_t by);
/* The reply to `state`. */
void check_state(struct sim *s, unsigned node, struct bytes reply);
/* Others have been told of its own counts among these. */
void check_reported(struct sim *s, unsigned node, const struct counted *counts);
/* The reply to `value`, from a node that has not changed since the request. */
void check_value(struct sim *s, unsigned node, struct bytes reply);
void check_items_acknowledged(struct sim *s, unsigned node, uint64_t adds, uint64_t removes);

struct process *check_replica_on(const struct sim *s, unsigned node);
/* The value of a field that the struct must have. */
struct bytes check_field(struct bytes map, const char *name);

/* --- issued.c */

/* No tag or dot in the node's state stands for anything else than it ever did. */
void issued_check(struct sim *s, unsigned node);
void issued_free(struct sim *s);

/* --- trace.c */

/* Adds a line to the trace and the log; to the log alone. */
void trace_printf(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_log(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_hash(struct sim *s, struct bytes bytes);
void trace_event(struct sim *s, unsigned node, const struct event *e);
void trace_actions(struct sim *s); /* of the outbox */
/* Appends a checked term as text. */
void trace_term(struct buf *out, struct bytes checked);
/* Makes this the simulation whose trace a failure prints. */
void trace_open(struct sim *s);
void trace_free(struct sim *s);
/* The arguments of %.*s for a slice. */
#define SLICE(bytes) (int)(bytes).len, (const char *)(bytes).at

#endif
