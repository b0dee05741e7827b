#include <stdio.h>
#include <string.h>

#include "items.h"
#include "mem.h"
#include "otp/process.h"
#include "replica/options.h"
#include "term/text.h"
#include "world.h"

/* A node woken more often in one millisecond is in a busy loop. */
#define WAKES_A_MS    1000
#define EPMD_START_MS 20

/* --- randomness ----------------------------------------------------------- */

/* splitmix64: a counter and a mix, so that every seed is as good as any. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t world_random(struct sim *s)
{
    return mix(s->random += 0x9e3779b97f4a7c15u);
}

/* The random number of a node's next event.  It does not depend on what other nodes do, so a
 * message more or less elsewhere leaves this node's run as it was. */
static uint64_t node_random(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    n->stepped = n->stepped_ms == s->now_ms ? n->stepped + 1 : 0;
    n->stepped_ms = s->now_ms;
    return mix(mix(mix(s->options.seed + 1) ^ node) ^ s->now_ms) + n->stepped;
}

uint64_t world_wall_ms(const struct sim *s, unsigned node)
{
    return s->nodes[node].wall_ms + s->now_ms;
}

uint64_t sim_random(struct sim *s, uint64_t below)
{
    must(below > 0);
    return world_random(s) % below;
}

/* --- setting up ----------------------------------------------------------- */

static void flag(struct config *c, const char *key, const char *value)
{
    struct config_error error;
    enum err e = config_flag(c, key, bytes_of(value), &error);
    must(e == OK);
}

/* To one of the others, by name or by DNS. */
static void connect(const struct sim_options *o, struct config *c, unsigned j)
{
    char text[80];
    if (o->discovers) {
        snprintf(text, sizeof(text), "{dns, \"d%u\", #{name => n%u, interval => %u}}", j + 1, j + 1,
                 LOOK_UP_MS);
    } else {
        int len = snprintf(text, sizeof(text), "n%u@h%u", j + 1, j + 1);
        if (o->without_epmd && j % 2 == 0)
            snprintf(text + len, sizeof(text) - (size_t)len, ":%u", FIXED_PORT);
    }
    flag(c, "connect", text);
}

static void connect_all(const struct sim_options *o, struct config *c, unsigned i, unsigned without)
{
    for (unsigned j = 0; j < o->nodes; j++)
        if (j != i && j != without && (o->follows ? j == 0 : !o->dials_lower || j < i))
            connect(o, c, j);
    if (o->follows)
        flag(c, "follow", "true");
}

/* By its host, since it may be renamed. */
static void configure_readers(struct sim *s, struct config *c, unsigned i)
{
    char text[40];
    snprintf(text, sizeof(text), "*@h%u", s->options.nodes);
    if (s->options.has_reader && !sim_is_reader(s, i))
        flag(c, "read_only", text);
}

static void configure_replica(struct sim *s, struct config *c, unsigned i, uint64_t sync_ms)
{
    const struct sim_options *o = &s->options;
    char text[300], storage[100];
    uint64_t repair_ms = o->repair_ms > 0 ? o->repair_ms : REPAIR_INTERVAL_MS;
    files_put_option(s, i, storage, sizeof(storage));
    snprintf(text, sizeof(text),
             "counter, #{crdt => %s, actor => n%u, sync_interval => %llu, "
             "anti_entropy_interval => %llu%s%s}",
             o->crdt, i + 1, (unsigned long long)sync_ms, (unsigned long long)repair_ms, storage,
             o->pubsub ? ", pubsub => 'Elixir.App.PubSub'" : "");
    flag(c, "replica", text);
}

static void do_without_epmd(struct config *c)
{
    char port[8];
    snprintf(port, sizeof(port), "%u", FIXED_PORT);
    flag(c, "epmd", "false");
    flag(c, "peer_port", port);
}

void world_configure(struct sim *s, unsigned i, const char *name)
{
    struct config *c = &s->nodes[i].config;
    config_free(c);
    world_put_config(s, i, bytes_of(name), i, false, c);
}

void world_put_config(struct sim *s, unsigned i, struct bytes name, unsigned without, bool other,
                      struct config *c)
{
    char text[40];
    config_init(c);
    buf_put(&c->cookie, BYTES(COOKIE));
    snprintf(text, sizeof(text), "%llu", (unsigned long long)(s->options.ticktime_ms / 1000));
    flag(c, "net_ticktime", text);
    buf_put(&c->node, name);
    if (s->options.without_epmd)
        do_without_epmd(c);
    if (i == COMMANDER)
        return;
    connect_all(&s->options, c, i, without);
    configure_readers(s, c, i);
    if (sim_is_beam(s, i)) {
        flag(c, "visible", "true");
        flag(c, "scope", s->options.pubsub ? "[" GROVE_SCOPE ", '" PUBSUB_SCOPE "']" : GROVE_SCOPE);
    } else {
        configure_replica(s, c, i, s->options.sync_ms + other);
    }
}

static void add_node(struct sim *s, unsigned i)
{
    char name[40];
    snprintf(s->machines[i].name, sizeof(s->machines[i].name), "h%u", i + 1);
    snprintf(s->machines[CALLER_OF(i)].name, sizeof(s->machines[i].name), "c%u", i + 1);
    s->machines[i].up = s->machines[CALLER_OF(i)].up = true;
    s->nodes[i].files = files_new((s->options.mounted >> i & 1) != 0);
    caller_start(s, i);
    snprintf(name, sizeof(name), "n%u@h%u", i + 1, i + 1);
    world_configure(s, i, name);
}

struct sim *sim_new(const struct sim_options *options)
{
    must(options->nodes >= 1 && options->nodes <= SIM_NODES_MAX);
    must(options->beams <= options->nodes);
    struct sim *s = mem_take(sizeof(*s));
    s->options = *options;
    s->item_type = items_type(options->crdt);
    must(s->item_type != NULL || strstr(options->crdt, "counter") != NULL);
    s->random = options->seed;
    s->now_ms = 1; /* 0 means "never" in many places of the core */
    s->creation = (uint32_t)sim_random(s, 1u << 31) + 4;
    s->next_port = 20000;
    for (unsigned i = 0; i < options->nodes; i++)
        add_node(s, i);
    snprintf(s->machines[COMMANDER].name, sizeof(s->machines[COMMANDER].name), "k");
    s->machines[COMMANDER].up = true;
    world_configure(s, COMMANDER, "command@k");
    for (unsigned i = 0; i < MACHINES; i++) {
        s->nodes[i].due_ms = UINT64_MAX;
        s->nodes[i].wall_ms = WALL_MS;
    }
    trace_open(s);
    return s;
}

void sim_free(struct sim *s)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        node_free(s->nodes[i].node);
        files_free(s->nodes[i].files);
        config_free(&s->nodes[i].config);
        buf_free(&s->nodes[i].state);
        buf_free(&s->nodes[i].common);
        buf_free(&s->nodes[i].value);
        epmd_end(s, i);
        mem_free(s->epmds[i].clients);
    }
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        caller_free(s, i);
    network_free(s);
    issued_free(s);
    outbox_free(&s->outbox);
    mem_free(s->calls);
    trace_free(s);
    mem_free(s);
}

unsigned world_machine(const struct sim *s, unsigned from, struct bytes name)
{
    if (bytes_equal(name, BYTES("localhost")))
        return from;
    unsigned i = 0;
    while (i < MACHINES && !bytes_equal(name, bytes_of(s->machines[i].name)))
        i++;
    return i;
}

/* --- actions --------------------------------------------------------------- */

/* The node has exited; what it has sent is still delivered. */
static void node_ended(struct sim *s, unsigned i)
{
    network_close_all(s, PARTY_NODE, i);
    files_finish(s, i);
    node_free(s->nodes[i].node);
    s->nodes[i].node = NULL;
    s->nodes[i].due_ms = UINT64_MAX;
    s->nodes[i].ready = false;
    check_restarted(s, i);
}

const char *world_name(const struct sim *s, unsigned i)
{
    static char name[8];
    snprintf(name, sizeof(name), "%s%s", i == COMMANDER ? "" : "n",
             s->machines[i].name + (i != COMMANDER));
    return name;
}

static void ready(struct sim *s, unsigned i, const struct action *a)
{
    s->nodes[i].ready = true;
    trace_printf(s, "%s is ready", world_name(s, i));
    if (a->port != s->nodes[i].port)
        sim_violated(s, "%s is ready on a wrong port", world_name(s, i));
}

static void answered(struct sim *s, unsigned i, const struct action *a)
{
    struct buf text = {0};
    trace_term(&text, buf_bytes(&a->bytes));
    trace_printf(s, "the command %s: %.*s", a->err == OK ? "returns" : "fails", SLICE(text));
    buf_free(&text);
    node_ended(s, i);
}

/* False when the node has ended. */
static bool perform(struct sim *s, unsigned i, const struct action *a)
{
    struct bytes bytes = buf_bytes(&a->bytes);
    struct end end = {.party = PARTY_NODE, .machine = i, .conn = a->conn};
    switch (a->kind) {
    case ACTION_DIAL:
        must(a->conn % 2 == 1);
        network_dial(s, &end, bytes, a->port);
        return true;
    case ACTION_SEND:
        network_send(s, PARTY_NODE, i, a->conn, bytes);
        return true;
    case ACTION_CLOSE:
        network_close(s, PARTY_NODE, i, a->conn);
        return true;
    case ACTION_TRUST: /* everybody is read at once here */
        return true;
    case ACTION_REST:
    case ACTION_READ:
        network_rest(s, i, a->conn, a->kind == ACTION_REST);
        return true;
    case ACTION_RESOLVE:
        dns_resolve(s, i, a->query, bytes);
        return true;
    case ACTION_START_EPMD:
        world_schedule(s, EPMD_START_MS, epmd_start, i);
        return true;
    case ACTION_READY:
        ready(s, i, a);
        return true;
    case ACTION_LOG:
        if (a->level > LOG_DEBUG)
            trace_log(s, "%s: %.*s", world_name(s, i), SLICE(bytes));
        return true;
    case ACTION_ANSWER:
        answered(s, i, a);
        return false;
    case ACTION_OPEN_STORE:
    case ACTION_LOAD:
    case ACTION_BEGIN:
    case ACTION_APPEND:
    case ACTION_SAVE:
    case ACTION_CLOSE_STORE:
        files_perform(s, i, a);
        return true;
    case ACTION_JOINED:
        return true;
    default:
        must(a->kind == ACTION_EXIT);
        trace_printf(s, "%s exits with %d", world_name(s, i), a->code);
        node_ended(s, i);
        return false;
    }
}

/* --- steps ----------------------------------------------------------------- */

void world_step(struct sim *s, unsigned i, struct event *e)
{
    struct sim_node *n = &s->nodes[i];
    must(n->node != NULL && s->outbox.count == 0);
    e->now_ms = s->now_ms;
    e->wall_ms = world_wall_ms(s, i);
    e->random = node_random(s, i);
    s->steps++;
    trace_event(s, i, e);
    node_step(n->node, e, &s->outbox);
    trace_actions(s);
    bool lives = true;
    for (size_t k = 0; k < s->outbox.count; k++) {
        if (!lives && i == COMMANDER)
            break; /* what it would still send does not matter */
        if (!lives)
            sim_violated(s, "%s acts after it has ended", world_name(s, i));
        lives = perform(s, i, &s->outbox.list[k]);
    }
    outbox_clear(&s->outbox);
    if (!lives)
        return;
    grove_start(s, i);
    n->due_ms = node_due(n->node);
    check_node(s, i);
    subscriber_note(s, i);
}

void world_schedule(struct sim *s, uint64_t ms, void (*run)(struct sim *s, unsigned machine),
                    unsigned machine)
{
    queue_put(s, &(struct queued){.due_ms = s->now_ms + ms, .run = run, .machine = machine});
}

/* The node or caller whose wake-up is due first, and when. */
static unsigned first_to_wake(const struct sim *s, uint64_t *due_ms)
{
    unsigned who = 0;
    *due_ms = UINT64_MAX;
    for (unsigned i = 0; i < MACHINES + SIM_NODES_MAX; i++) {
        uint64_t due = i < MACHINES ? s->nodes[i].due_ms : caller_due(s, i - MACHINES);
        if (due < *due_ms) {
            *due_ms = due;
            who = i;
        }
    }
    return who;
}

static void wake(struct sim *s, unsigned who)
{
    if (who >= MACHINES) {
        caller_wake(s, who - MACHINES);
        return;
    }
    struct sim_node *n = &s->nodes[who];
    n->woken = n->woken_ms == s->now_ms ? n->woken + 1 : 1;
    n->woken_ms = s->now_ms;
    if (n->woken > WAKES_A_MS)
        sim_violated(s, "%s is in a busy loop", world_name(s, who));
    world_step(s, who, &(struct event){.kind = EVENT_WAKE});
}

/* Runs the next thing due by until_ms; false when there is none. */
static bool world_next(struct sim *s, uint64_t until_ms)
{
    uint64_t wake_ms;
    unsigned who = first_to_wake(s, &wake_ms);
    wake_ms = wake_ms != UINT64_MAX && wake_ms < s->now_ms ? s->now_ms : wake_ms;
    uint64_t due_ms = s->queue_len > 0 ? s->queue[0].due_ms : UINT64_MAX;
    bool thing = due_ms <= wake_ms;
    due_ms = thing ? due_ms : wake_ms;
    if (due_ms > until_ms)
        return false;
    must(due_ms >= s->now_ms);
    s->now_ms = due_ms;
    if (!thing) {
        wake(s, who);
        return true;
    }
    struct queued t = queue_take(s);
    if (t.pipe != NULL)
        network_arrive(s, &t);
    else
        t.run(s, t.machine);
    return true;
}

void sim_run(struct sim *s, uint64_t ms)
{
    uint64_t until_ms = s->now_ms + ms;
    while (world_next(s, until_ms))
        ;
    s->now_ms = until_ms;
}

bool sim_until(struct sim *s, uint64_t ms, bool (*holds)(struct sim *s))
{
    uint64_t until_ms = s->now_ms + ms;
    while (!holds(s))
        if (!world_next(s, until_ms))
            return false;
    return true;
}

uint64_t sim_now(const struct sim *s)
{
    return s->now_ms;
}

uint64_t sim_steps(const struct sim *s)
{
    return s->steps;
}

/* --- commands -------------------------------------------------------------- */

void sim_command(struct sim *s, unsigned i, const char *request)
{
    struct sim_node *n = &s->nodes[COMMANDER];
    must(n->node == NULL);
    struct buf term = {0};
    struct text_error error;
    must(text_single(bytes_of(request), &term, &error) == OK);
    trace_printf(s, "command to n%u: %s", i + 1, request);
    n->node = node_new_client(&n->config);
    const struct request call = {.kind = REQUEST_CALL,
                                 .node = buf_bytes(&s->nodes[i].config.node),
                                 .name = BYTES("coppice"),
                                 .term = buf_bytes(&term),
                                 .timeout_ms = 5000};
    world_step(s, COMMANDER, &(struct event){.kind = EVENT_START});
    world_step(s, COMMANDER, &(struct event){.kind = EVENT_REQUEST, .request = &call});
    buf_free(&term);
}

/* --- conditions ------------------------------------------------------------- */

bool sim_runs(const struct sim *s, unsigned i)
{
    return s->nodes[i].node != NULL;
}

bool sim_ready(const struct sim *s, unsigned i)
{
    return s->nodes[i].ready;
}

bool sim_all_ready(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (s->nodes[i].node != NULL && !s->nodes[i].ready)
            return false;
    return true;
}
