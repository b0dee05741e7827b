/* Sends a node many messages of one kind, in one process and without a network, and checks what it
 * has answered:
 *
 *     budget PATH
 *
 * Paths: the table below.  Everything is the same in each run, and so is the number of
 * instructions, but for what the allocator makes of addresses.  `run` counts those below
 * measured(). */
#include <stdio.h>
#include <string.h>

#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "dist/channel.h"
#include "dist/flags.h"
#include "node/node.h"
#include "replica/replica.h"
#include "term/etf.h"
#include "term/write.h"

#define CALLER          "caller@h"
#define CALLER_CREATION 1
#define CONNECTION      2
#define NOW_MS          1000
/* Messages of one kind, of which some come before the count begins. */
#define MESSAGES 1500
#define WARMED   500
/* Where several share a read. */
#define TOGETHER 50

/* What one message of a path is, and how many come in one read. */
struct path {
    const char *name;
    const char *crdt;
    unsigned together;
    void (*put)(struct buf *out, unsigned i); /* the payload */
    bool monitored;                           /* as by gen:call/4 */
    const char *answer;                       /* NULL: none */
};

static const struct crdt_options remote_options = {.actor = BYTES("w\1b"), .seed = 3};

static struct rig {
    struct config config;
    struct node *node;
    struct channel_self self;
    struct channel *channel; /* of the caller */
    struct buf received;     /* from the node */
    size_t unacknowledged;
    struct buf pid, name;
    struct crdt *remote; /* a replica elsewhere */
    unsigned answers;
} rig;

static void step(struct event event)
{
    struct outbox out = {0};
    event.now_ms = NOW_MS;
    event.wall_ms = UINT64_C(1700000000000);
    event.random = 7;
    event.conn = CONNECTION;
    node_step(rig.node, &event, &out);
    for (size_t i = 0; i < out.count; i++) {
        const struct action *a = &out.list[i];
        if (a->kind != ACTION_SEND)
            continue;
        buf_put(&rig.received, buf_bytes(&a->bytes));
        rig.unacknowledged += a->bytes.len;
    }
    outbox_free(&out);
}

static void written(void)
{
    size_t written = rig.unacknowledged;
    rig.unacknowledged = 0;
    if (written > 0)
        step((struct event){.kind = EVENT_WRITTEN, .written = written});
}

/* As the shell does: what was read, what one step has left of it for others, and that the answers
 * were written. */
static void feed(struct bytes bytes)
{
    step((struct event){.kind = EVENT_BYTES, .bytes = bytes});
    written();
    while (node_due(rig.node) <= NOW_MS) {
        step((struct event){.kind = EVENT_WAKE});
        written();
    }
}

/* By this name `run` knows what it counts. */
void measured(struct bytes bytes);
__attribute__((noinline)) void measured(struct bytes bytes)
{
    feed(bytes);
}

/* --- the caller ------------------------------------------------------------------- */

static void put_reference_of(struct buf *out, unsigned i)
{
    put_reference(out, BYTES(CALLER), CALLER_CREATION, (const uint32_t[]){i, 0, 0}, 3);
}

static void put_call(struct buf *out, unsigned i)
{
    put_tuple(out, 3);
    put_atom(out, "$gen_call");
    put_tuple(out, 2);
    put_term(out, buf_bytes(&rig.pid));
    put_list(out, 1);
    put_atom(out, "alias");
    put_reference_of(out, i);
}

static void put_value(struct buf *out, unsigned i)
{
    put_call(out, i);
    put_atom(out, "value");
}

static void put_mutate(struct buf *out, unsigned i)
{
    put_call(out, i);
    put_tuple(out, 2);
    put_atom(out, "mutate");
    put_tuple(out, 2);
    put_atom(out, "increment");
    put_term(out, BYTES("k\0\1\1")); /* [1], as a BEAM sends it */
}

/* A delta with a new element. */
static void put_delta(struct buf *out, unsigned i)
{
    struct crdt *delta = crdt_make(rig.remote->type, rig.remote->options);
    struct buf element = {0};
    put_uint(&element, i);
    struct op add = {.name = BYTES("add"), .args = {buf_bytes(&element)}, .arity = 1};
    struct mutation_turn turn = {.wall_ms = NOW_MS, .random = i, .delta = delta};
    must(crdt_mutate(rig.remote, &add, 1, &turn) == OK);
    put_tuple(out, 3);
    put_atom(out, "grove_delta");
    crdt_state(delta, out);
    put_term(out, buf_bytes(&rig.pid));
    crdt_free(delta);
    buf_free(&element);
}

static const struct path paths[] = {
    {"value", "gcounter", TOGETHER, put_value, false, NULL},
    {"value_monitored", "gcounter", TOGETHER, put_value, true, NULL},
    {"value_alone", "gcounter", 1, put_value, false, NULL},
    {"mutate", "gcounter", TOGETHER, put_mutate, false, "ok"},
    {"delta", "or_set", TOGETHER, put_delta, false, NULL},
};

static void signal_send(struct signal signal, unsigned i, bool has_ref)
{
    struct buf ref = {0};
    put_reference_of(&ref, i);
    signal.from = buf_bytes(&rig.pid);
    signal.to = buf_bytes(&rig.name);
    if (has_ref)
        signal.ref = buf_bytes(&ref);
    channel_send(rig.channel, &signal);
    buf_free(&ref);
}

static void send_one(const struct path *path, unsigned i)
{
    struct buf payload = {0};
    path->put(&payload, i);
    if (path->monitored)
        signal_send((struct signal){.kind = SIGNAL_MONITOR}, i, true);
    signal_send((struct signal){.kind = SIGNAL_REG_SEND, .payload = buf_bytes(&payload)}, i, false);
    if (path->monitored)
        signal_send((struct signal){.kind = SIGNAL_DEMONITOR}, i, true);
    buf_free(&payload);
}

static void answered(const struct path *path, const struct signal *s)
{
    struct etf_in in = etf_open(s->payload);
    if (s->kind != SIGNAL_ALIAS_SEND)
        return;
    etf_tuple_of(&in, 2);
    etf_any(&in);
    if (path->answer == NULL)
        etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (path->answer == NULL)
        must(etf_uint64(&in) == 0);
    must(etf_finish(&in) == OK);
    rig.answers++;
}

static void take_answers(const struct path *path)
{
    struct signal signal;
    enum channel_event event;
    channel_feed(rig.channel, buf_bytes(&rig.received));
    buf_clear(&rig.received);
    while ((event = channel_next(rig.channel, &signal)) != CHANNEL_QUIET) {
        must(event == CHANNEL_SIGNAL || event == CHANNEL_UP);
        if (event == CHANNEL_SIGNAL)
            answered(path, &signal);
    }
}

/* --- the run ---------------------------------------------------------------------- */

static void start(const char *crdt)
{
    struct buf text = {0};
    struct config_error error;
    buf_printf(&text,
               "{epmd, false}.\n"
               "{replica, r, #{crdt => %s, actor => a, sync_interval => 3600000}}.",
               crdt);
    config_init(&rig.config);
    buf_put(&rig.config.cookie, BYTES("cookie"));
    buf_put(&rig.config.node, BYTES("a@h"));
    must(config_read(&rig.config, buf_bytes(&text), &error) == OK);
    buf_free(&text);
    rig.node = node_new(&rig.config);
    rig.remote = crdt_make(crdt_type_named(bytes_of(crdt)), &remote_options);
    step((struct event){.kind = EVENT_START, .port = 9100});
}

static void connect(void)
{
    rig.self = (struct channel_self){.name = BYTES(CALLER),
                                     .cookie = buf_bytes(&rig.config.cookie),
                                     .flags = DFLAGS_OURS,
                                     .creation = CALLER_CREATION};
    put_pid(&rig.pid, BYTES(CALLER), 1, 0, CALLER_CREATION);
    put_atom(&rig.name, "r");
    rig.channel = channel_dial(&rig.self, buf_bytes(&rig.config.node), 5);
    step((struct event){.kind = EVENT_ACCEPTED});
    while (!channel_is_up(rig.channel)) {
        feed(buf_bytes(channel_out(rig.channel)));
        buf_clear(channel_out(rig.channel));
        take_answers(NULL);
    }
}

static void run(const struct path *path)
{
    for (unsigned i = 0; i < MESSAGES;) {
        void (*take)(struct bytes) = i < WARMED ? feed : measured;
        for (unsigned end = i + path->together; i < end; i++)
            send_one(path, i);
        take(buf_bytes(channel_out(rig.channel)));
        buf_clear(channel_out(rig.channel));
        take_answers(path);
    }
}

/* That nothing was left out. */
static void check(const struct path *path)
{
    struct process *p = process_named(node_processes(rig.node), BYTES("r"));
    struct tag_counts tags = crdt_tags(replica_crdt(p));
    struct buf value = {0};
    crdt_value(replica_crdt(p), &value);
    struct etf_in in = etf_open(buf_bytes(&value));
    if (path->put == put_delta)
        must(tags.all == MESSAGES);
    else
        must(rig.answers == MESSAGES &&
             etf_uint64(&in) == (path->put == put_mutate ? MESSAGES : 0));
    buf_free(&value);
    node_check(rig.node);
}

static void finish(void)
{
    node_free(rig.node);
    config_free(&rig.config);
    channel_free(rig.channel);
    buf_free(&rig.received);
    buf_free(&rig.pid);
    buf_free(&rig.name);
    crdt_free(rig.remote);
}

int main(int argc, char **argv)
{
    size_t i = 0, count = sizeof(paths) / sizeof(paths[0]);
    while (argc == 2 && i < count && strcmp(paths[i].name, argv[1]) != 0)
        i++;
    if (argc != 2 || i == count)
        die("usage: budget PATH");
    start(paths[i].crdt);
    connect();
    run(&paths[i]);
    check(&paths[i]);
    finish();
    printf("%d\n", MESSAGES - WARMED);
    return 0;
}
