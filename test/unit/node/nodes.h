/* Whole nodes in one program, on a network without latency: what is sent is delivered before the
 * clock advances.  All nodes run on one host, h, with one epmd.
 *
 *     start(0, "a@h", "{follow, true}. {connect, ['b@h']}.");
 *     run_for(5000);
 *     CU_ASSERT(connected(0, 1));
 *     stop_all();
 *
 * A node can act as a BEAM (start_beam) or stop reading (nodes[i].stalled).  With
 * nodes[i].hold_acks it reads, but writes to it count as done only after acknowledge(). */
#ifndef COPPICE_TEST_NODE_NODES_H
#define COPPICE_TEST_NODE_NODES_H

#include <stdio.h>
#include <string.h>

#include "dist/epmd.h"
#include "dist/flags.h"
#include "dist/wire.h"
#include "mem.h"
#include "node/node.h"
#include "otp/gen.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

#define NODES 6

/* A connection; each side numbers its connections itself. */
struct pipe {
    struct side {
        unsigned node;
        uint32_t conn;
    } sides[2];
    size_t unacked[2]; /* bytes sent to each side that its peer takes for unread */
};

/* Values of side.node that are not indices of nodes[]. */
#define EPMD    NODES
#define NO_NODE (NODES + 1)

struct pending_event {
    unsigned node;
    struct event event;
    struct buf bytes;
};

static struct test_node {
    struct config config;
    struct node *node; /* NULL: not running */
    bool registered;
    uint16_t port;
    uint32_t accepted;
    bool stalled, hold_acks;
    const char *known_nodes; /* of a BEAM: what erlang:nodes/1 returns; NULL: never answers */
    struct buf log;
    struct buf replies; /* of ACTION_REPLY: "7: ok {ok,42}\n"; of ACTION_ANSWER with 0 */
    bool ended;         /* by ACTION_EXIT, with this code */
    int code;
    unsigned dials; /* including those to epmd */
    size_t longest_write;
    unsigned looked_up; /* names, by ACTION_RESOLVE */
    unsigned opens;     /* ACTION_OPEN_STORE */
    unsigned appends;   /* ACTION_APPEND; nothing completes what stored replicas ask for */
} nodes[NODES];

static struct {
    uint64_t now_ms;
    uint32_t creation;
    struct pipe pipes[2048];
    size_t pipe_count;
    struct pending_event *queue;
    size_t count, cap;
} net = {.now_ms = 1000};

static inline void queue_event(const struct side *to, struct event e, struct bytes bytes)
{
    if (to->node >= NODES)
        return;
    net.queue = mem_room(net.queue, net.count, &net.cap, sizeof(*net.queue));
    struct pending_event *p = &net.queue[net.count++];
    *p = (struct pending_event){.node = to->node, .event = e};
    p->event.conn = to->conn;
    buf_put(&p->bytes, bytes);
}

static inline struct pipe *pipe_of(unsigned node, uint32_t conn, unsigned *side)
{
    for (size_t i = 0; i < net.pipe_count; i++)
        for (*side = 0; *side < 2; ++*side) {
            const struct side *s = &net.pipes[i].sides[*side];
            if (s->node == node && s->conn == conn)
                return &net.pipes[i];
        }
    return NULL;
}

/* --- epmd --------------------------------------------------------------------- */

static inline unsigned node_named(struct bytes name)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct bytes full = buf_bytes(&nodes[i].config.node);
        if (nodes[i].node != NULL && nodes[i].registered && full.len == name.len + 2 &&
            memcmp(full.at, name.at, name.len) == 0)
            return i;
    }
    return NO_NODE;
}

static inline void epmd_receive(const struct side *from, struct bytes request)
{
    struct wire in = wire_open(request);
    struct buf out = {0};
    wire_u16(&in);
    if (wire_u8(&in) == 120) {
        nodes[from->node].port = wire_u16(&in);
        nodes[from->node].registered = true;
        buf_put(&out, BYTES("\x76\0"));
        buf_put_u32(&out, ++net.creation);
        queue_event(from, (struct event){.kind = EVENT_BYTES}, buf_bytes(&out));
    } else {
        unsigned found = node_named(in.left);
        buf_put_u8(&out, 119);
        buf_put_u8(&out, found == NO_NODE);
        if (found != NO_NODE) {
            buf_put_u16(&out, nodes[found].port);
            buf_put(&out, BYTES("H\0\0\6\0\6"));
            buf_put_u16(&out, (uint16_t)in.left.len);
            buf_put(&out, in.left);
            buf_put_u16(&out, 0);
        }
        queue_event(from, (struct event){.kind = EVENT_BYTES}, buf_bytes(&out));
    }
    buf_free(&out);
}

/* --- actions of the nodes ------------------------------------------------------ */

static inline void dial(unsigned i, const struct action *a)
{
    struct side from = {i, a->conn}, to = {NO_NODE, 0};
    nodes[i].dials++;
    if (a->port == EPMD_PORT)
        to.node = EPMD;
    for (unsigned k = 0; k < NODES; k++)
        if (nodes[k].node != NULL && nodes[k].port == a->port)
            to = (struct side){k, nodes[k].accepted += 2};
    if (to.node == NO_NODE) {
        queue_event(&from, (struct event){.kind = EVENT_CLOSED, .err = ERR_REFUSED}, BYTES(""));
        return;
    }
    must(net.pipe_count < sizeof(net.pipes) / sizeof(net.pipes[0]));
    net.pipes[net.pipe_count++] = (struct pipe){.sides = {from, to}};
    queue_event(&to, (struct event){.kind = EVENT_ACCEPTED}, BYTES(""));
    queue_event(&from, (struct event){.kind = EVENT_OPENED}, BYTES(""));
}

static inline void send_bytes(unsigned i, const struct action *a)
{
    unsigned side;
    struct pipe *p = pipe_of(i, a->conn, &side);
    if (p == NULL)
        return; /* the peer has closed it */
    struct side *from = &p->sides[side], *to = &p->sides[1 - side];
    nodes[i].longest_write =
        a->bytes.len > nodes[i].longest_write ? a->bytes.len : nodes[i].longest_write;
    if (to->node == EPMD)
        epmd_receive(from, buf_bytes(&a->bytes));
    else if (!nodes[to->node].stalled)
        queue_event(to, (struct event){.kind = EVENT_BYTES}, buf_bytes(&a->bytes));
    if (to->node != EPMD && (nodes[to->node].stalled || nodes[to->node].hold_acks)) {
        p->unacked[1 - side] += a->bytes.len;
        return;
    }
    queue_event(from, (struct event){.kind = EVENT_WRITTEN, .written = a->bytes.len}, BYTES(""));
}

static inline void close_pipe(unsigned i, uint32_t conn)
{
    unsigned side;
    struct pipe *p = pipe_of(i, conn, &side);
    if (p == NULL)
        return; /* the dial was refused */
    queue_event(&p->sides[1 - side], (struct event){.kind = EVENT_CLOSED, .err = ERR_CLOSED},
                BYTES(""));
    *p = net.pipes[--net.pipe_count];
}

static inline void replied(unsigned i, const struct action *a)
{
    struct buf term = {0};
    buf_printf(&nodes[i].replies, "%u: %s ", (unsigned)a->call, err_text(a->err));
    if (a->bytes.len > 0 && canon_put(&term, buf_bytes(&a->bytes)) == OK)
        text_print(&nodes[i].replies, buf_bytes(&term));
    buf_printf(&nodes[i].replies, "\n");
    buf_free(&term);
}

static inline void perform(unsigned i, const struct action *a)
{
    if (a->kind == ACTION_DIAL)
        dial(i, a);
    else if (a->kind == ACTION_SEND)
        send_bytes(i, a);
    else if (a->kind == ACTION_CLOSE)
        close_pipe(i, a->conn);
    else if (a->kind == ACTION_RESOLVE)
        nodes[i].looked_up++;
    else if (a->kind == ACTION_OPEN_STORE)
        nodes[i].opens++;
    else if (a->kind == ACTION_APPEND)
        nodes[i].appends++;
    else if (a->kind == ACTION_REPLY || a->kind == ACTION_ANSWER)
        replied(i, a);
    else if (a->kind == ACTION_EXIT) {
        nodes[i].ended = true;
        nodes[i].code = a->code;
    } else if (a->kind == ACTION_LOG && a->level > LOG_DEBUG)
        buf_printf(&nodes[i].log, "%.*s\n", (int)a->bytes.len, (const char *)a->bytes.at);
}

static inline void step(unsigned i, struct event e)
{
    struct outbox out = {0};
    if (nodes[i].node == NULL)
        return;
    e.now_ms = net.now_ms;
    e.wall_ms = UINT64_C(1700000000000) + net.now_ms;
    e.random = net.now_ms * 31 + i;
    node_step(nodes[i].node, &e, &out);
    node_check(nodes[i].node);
    for (size_t k = 0; k < out.count; k++)
        perform(i, &out.list[k]);
    outbox_free(&out);
}

/* Delivers events until none are left. */
static inline void settle(void)
{
    for (size_t i = 0; i < net.count; i++) {
        struct pending_event p = net.queue[i];
        p.event.bytes = buf_bytes(&p.bytes);
        step(p.node, p.event);
        buf_free(&p.bytes);
    }
    net.count = 0;
}

/* --- BEAMs ---------------------------------------------------------------------- */

/* Answers only erlang:nodes(connected); other calls get a badrpc. */
static inline void rex_message(struct process *p, struct bytes message, struct turn *t)
{
    const struct test_node *beam = process_self(p);
    struct gen_message call = gen_read(message);
    struct buf request = {0};
    CU_ASSERT_FATAL(call.kind == GEN_CALL && canon_put(&request, call.request) == OK);
    bool nodes_asked =
        bytes_equal(buf_bytes(&request), term_of("{call, erlang, nodes, [connected], user}"));
    buf_free(&request);
    if (!nodes_asked)
        gen_reply(p, call.from, term_of("{badrpc, none}"), t);
    else if (beam->known_nodes != NULL)
        gen_reply(p, call.from, term_of(beam->known_nodes), t);
}

static inline void rex_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static inline void rex_free(void *self)
{
    (void)self;
}

/* --- steps of the scenarios -------------------------------------------------------- */

/* Advances the clock, from one wakeup to the next. */
static inline void run_for(uint64_t ms)
{
    uint64_t end_ms = net.now_ms + ms;
    for (unsigned wakes = 0;; wakes++) {
        must(wakes < 1000000);
        unsigned first = 0;
        uint64_t due_ms = UINT64_MAX;
        settle();
        for (unsigned i = 0; i < NODES; i++) {
            uint64_t due = nodes[i].node != NULL ? node_due(nodes[i].node) : UINT64_MAX;
            first = due < due_ms ? i : first;
            due_ms = due < due_ms ? due : due_ms;
        }
        if (due_ms > end_ms)
            break;
        net.now_ms = due_ms > net.now_ms ? due_ms : net.now_ms;
        step(first, (struct event){.kind = EVENT_WAKE});
    }
    net.now_ms = end_ms;
}

static inline void configure(unsigned i, const char *name, const char *settings)
{
    struct config_error error;
    config_init(&nodes[i].config);
    buf_put(&nodes[i].config.cookie, BYTES("cookie"));
    buf_put(&nodes[i].config.node, bytes_of(name));
    CU_ASSERT_FATAL(config_read(&nodes[i].config, bytes_of(settings), &error) == OK);
}

static inline void begin(unsigned i, struct node *node)
{
    nodes[i].node = node;
    step(i, (struct event){.kind = EVENT_START, .port = (uint16_t)(20000 + i)});
    settle();
}

static inline void start(unsigned i, const char *name, const char *settings)
{
    configure(i, name, settings);
    begin(i, node_new(&nodes[i].config));
}

/* A node that looks like a BEAM, and answers erlang:nodes(connected) with this term, or not at
 * all (NULL). */
static inline void start_beam(unsigned i, const char *name, const char *settings,
                              const char *known_nodes)
{
    static const struct process_kind kind = {
        .module = "rex", .message = rex_message, .state = rex_state, .free = rex_free};
    configure(i, name, settings);
    begin(i, node_new_bare(&nodes[i].config, DFLAGS_OURS | DFLAGS_OF_BEAM));
    nodes[i].known_nodes = known_nodes;
    struct processes *table = node_processes(nodes[i].node);
    CU_ASSERT_FATAL(process_start(table, &kind, &nodes[i], BYTES("rex")) != NULL);
}

static inline struct pipe *pipe_between(unsigned i, unsigned j, unsigned *side_of_j)
{
    for (size_t k = 0; k < net.pipe_count; k++)
        for (*side_of_j = 0; *side_of_j < 2; ++*side_of_j) {
            const struct side *s = net.pipes[k].sides;
            if (s[*side_of_j].node == j && s[1 - *side_of_j].node == i)
                return &net.pipes[k];
        }
    return NULL;
}

static inline bool connected(unsigned i, unsigned j)
{
    unsigned side;
    return pipe_between(i, j, &side) != NULL;
}

/* Reports to i that j has read count bytes. */
static inline void acknowledge(unsigned j, unsigned i, size_t count)
{
    unsigned side;
    struct pipe *p = pipe_between(i, j, &side);
    CU_ASSERT_FATAL(p != NULL && p->unacked[side] >= count);
    p->unacked[side] -= count;
    queue_event(&p->sides[1 - side], (struct event){.kind = EVENT_WRITTEN, .written = count},
                BYTES(""));
    settle();
}

static inline size_t unacked_by(unsigned j, unsigned i)
{
    unsigned side;
    const struct pipe *p = pipe_between(i, j, &side);
    return p != NULL ? p->unacked[side] : 0;
}

static inline bool logged(unsigned i, const char *text)
{
    buf_put_u8(&nodes[i].log, '\0');
    nodes[i].log.len--;
    return strstr((const char *)nodes[i].log.at, text) != NULL;
}

/* Casts to a replica of node i. */
static inline void cast_to(unsigned i, const char *name, const char *request)
{
    struct turn t = {.now_ms = net.now_ms};
    struct buf message = {0};
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_term(&message, term_of(request));
    process_deliver(process_named(node_processes(nodes[i].node), bytes_of(name)),
                    buf_bytes(&message), &t);
    buf_free(&message);
}

/* Casts to replica r of node i. */
static inline void cast(unsigned i, const char *request)
{
    cast_to(i, "r", request);
}

/* A number in the status of replica r of node i. */
static inline uint64_t status_number(unsigned i, const char *key)
{
    struct buf status = {0};
    uint64_t found = UINT64_MAX;
    replica_status(process_named(node_processes(nodes[i].node), BYTES("r")), &status);
    struct etf_in in = etf_open(buf_bytes(&status));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        bool is_key = etf_accept(&in, key);
        if (!is_key)
            etf_any(&in);
        struct etf_in value = etf_open(etf_any(&in));
        if (is_key)
            found = etf_uint64(&value);
    }
    buf_free(&status);
    return found;
}

/* Kills the node: its connections close, its state is lost. */
static inline void crash(unsigned i)
{
    for (size_t k = net.pipe_count; k-- > 0;)
        for (unsigned side = 0; side < 2; side++)
            if (net.pipes[k].sides[side].node == i) {
                close_pipe(i, net.pipes[k].sides[side].conn);
                break;
            }
    node_free(nodes[i].node);
    config_free(&nodes[i].config);
    buf_free(&nodes[i].log);
    buf_free(&nodes[i].replies);
    nodes[i] = (struct test_node){.accepted = nodes[i].accepted};
    settle();
}

static inline void stop_all(void)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].node != NULL)
            crash(i);
    mem_free(net.queue);
    net.queue = NULL;
    net.cap = 0;
    CU_ASSERT_EQUAL(net.pipe_count, 0);
}
#endif
