#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "ops.h"
#include "otp/process.h"
#include "term/text.h"
#include "world.h"

/* A node that wants to be woken so often without the clock moving never sleeps. */
#define WAKES_A_MS 1000
/* What starting epmd takes. */
#define EPMD_START_MS 20
/* The time of day when a world begins. */
#define WALL_MS UINT64_C(1700000000000)

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

/* What the node finds random now: the same story goes on in the same way where one
 * message more or less is sent elsewhere. */
static uint64_t node_random(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    n->stepped = n->stepped_ms == s->now_ms ? n->stepped + 1 : 0;
    n->stepped_ms = s->now_ms;
    return mix(mix(mix(s->options.seed + 1) ^ node) ^ s->now_ms) + n->stepped;
}

uint64_t sim_random(struct sim *s, uint64_t below)
{
    must(below > 0);
    return world_random(s) % below;
}

/* --- making a world ------------------------------------------------------- */

static void flag(struct config *c, const char *key, const char *value)
{
    struct config_error error;
    enum err e = config_flag(c, key, bytes_of(value), &error);
    must(e == OK);
}

static void configure(struct sim *s, unsigned i)
{
    const struct sim_options *o = &s->options;
    struct config *c = &s->nodes[i].config;
    char text[200];
    config_init(c);
    buf_put(&c->cookie, BYTES(COOKIE));
    snprintf(text, sizeof(text), "%llu", (unsigned long long)(o->ticktime_ms / 1000));
    flag(c, "net_ticktime", text);
    if (i == COMMANDER) {
        flag(c, "node", "command@k");
        return;
    }
    snprintf(text, sizeof(text), "n%u@h%u", i + 1, i + 1);
    flag(c, "node", text);
    for (unsigned j = 0; j < o->nodes; j++) {
        snprintf(text, sizeof(text), "n%u@h%u", j + 1, j + 1);
        if (j < i || (j > i && !o->one_way))
            flag(c, "connect", text);
    }
    char storage[100];
    files_put_option(s, i, storage, sizeof(storage));
    snprintf(text, sizeof(text), "counter, #{crdt => %s, actor => n%u, sync_interval => %llu%s}",
             o->crdt, i + 1, (unsigned long long)o->sync_ms, storage);
    flag(c, "replica", text);
}

static void populate(struct sim *s, unsigned i)
{
    snprintf(s->machines[i].name, sizeof(s->machines[i].name), "h%u", i + 1);
    snprintf(s->machines[CALLER_OF(i)].name, sizeof(s->machines[i].name), "c%u", i + 1);
    s->machines[i].up = s->machines[CALLER_OF(i)].up = true;
    s->nodes[i].files = files_new();
    caller_start(s, i);
    configure(s, i);
}

struct sim *sim_new(const struct sim_options *options)
{
    must(options->nodes >= 1 && options->nodes <= SIM_NODES_MAX);
    struct sim *s = mem_take(sizeof(*s));
    s->options = *options;
    s->habits = ops_habits(options->crdt);
    must(s->habits != NULL || strstr(options->crdt, "counter") != NULL);
    s->random = options->seed;
    s->now_ms = 1; /* 0 stands for "not" in many places of the core */
    s->creation = (uint32_t)sim_random(s, 1u << 31) + 4;
    s->next_port = 20000;
    for (unsigned i = 0; i < options->nodes; i++)
        populate(s, i);
    snprintf(s->machines[COMMANDER].name, sizeof(s->machines[COMMANDER].name), "k");
    s->machines[COMMANDER].up = true;
    configure(s, COMMANDER);
    for (unsigned i = 0; i < MACHINES; i++)
        s->nodes[i].due_ms = UINT64_MAX;
    trace_open(s);
    return s;
}

void sim_free(struct sim *s)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        node_free(s->nodes[i].node);
        files_free(s->nodes[i].files);
        config_free(&s->nodes[i].config);
        buf_free(&s->nodes[i].status);
        buf_free(&s->nodes[i].state);
        buf_free(&s->nodes[i].common);
        buf_free(&s->nodes[i].value);
        epmd_end(s, i);
        mem_free(s->epmds[i].clients);
    }
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        caller_free(s, i);
    network_free(s);
    outbox_free(&s->outbox);
    mem_free(s->calls);
    trace_free(s);
    mem_free(s);
}

unsigned world_machine(const struct sim *s, unsigned from, struct bytes name)
{
    if (bytes_equal(name, BYTES("127.0.0.1")))
        return from;
    unsigned i = 0;
    while (i < MACHINES && !bytes_equal(name, bytes_of(s->machines[i].name)))
        i++;
    return i;
}

/* --- actions --------------------------------------------------------------- */

/* What has ended leaves its connections to be written out. */
static void node_over(struct sim *s, unsigned i)
{
    network_close_all(s, PARTY_NODE, i);
    files_finish(s, i);
    node_free(s->nodes[i].node);
    s->nodes[i].node = NULL;
    s->nodes[i].due_ms = UINT64_MAX;
    s->nodes[i].ready = false;
    check_forget(s, i);
}

static const char *name_of(const struct sim *s, unsigned i)
{
    static char name[8];
    snprintf(name, sizeof(name), "%s%s", i == COMMANDER ? "" : "n",
             s->machines[i].name + (i != COMMANDER));
    return name;
}

static void ready(struct sim *s, unsigned i, const struct action *a)
{
    s->nodes[i].ready = true;
    trace_deed(s, "%s is ready", name_of(s, i));
    if (a->port != s->nodes[i].port)
        sim_violated(s, "%s is ready on another port", name_of(s, i));
}

static void answered(struct sim *s, unsigned i, const struct action *a)
{
    struct buf text = {0};
    trace_term(&text, buf_bytes(&a->bytes));
    trace_deed(s, "the command is answered%s: %.*s", a->err == OK ? "" : " in vain", SLICE(text));
    buf_free(&text);
    node_over(s, i);
}

/* False when the node is over. */
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
    case ACTION_START_EPMD:
        world_later(s, EPMD_START_MS, epmd_start, i);
        return true;
    case ACTION_READY:
        ready(s, i, a);
        return true;
    case ACTION_LOG:
        trace_log(s, "%s: %.*s", name_of(s, i), SLICE(bytes));
        return true;
    case ACTION_ANSWER:
        answered(s, i, a);
        return false;
    case ACTION_STORE:
    case ACTION_LOAD:
    case ACTION_BEGIN:
    case ACTION_APPEND:
    case ACTION_SAVE:
    case ACTION_UNSTORE:
        files_perform(s, i, a);
        return true;
    default:
        must(a->kind == ACTION_EXIT);
        trace_deed(s, "%s ends with %d", name_of(s, i), a->code);
        node_over(s, i);
        return false;
    }
}

/* --- steps ----------------------------------------------------------------- */

void world_step(struct sim *s, unsigned i, struct event *e)
{
    struct sim_node *n = &s->nodes[i];
    must(n->node != NULL && s->outbox.count == 0);
    e->now_ms = s->now_ms;
    e->wall_ms = WALL_MS + s->now_ms;
    e->random = node_random(s, i);
    s->steps++;
    trace_event(s, i, e);
    node_step(n->node, e, &s->outbox);
    trace_actions(s);
    bool lives = true;
    for (size_t k = 0; k < s->outbox.count; k++) {
        if (!lives && i == COMMANDER)
            break; /* its last good-byes are of no use to anybody */
        if (!lives)
            sim_violated(s, "%s acts after its end", name_of(s, i));
        lives = perform(s, i, &s->outbox.list[k]);
    }
    outbox_clear(&s->outbox);
    if (!lives)
        return;
    n->due_ms = node_due(n->node);
    check_node(s, i);
}

void world_later(struct sim *s, uint64_t ms, void (*run)(struct sim *s, unsigned machine),
                 unsigned machine)
{
    queue_put(s, &(struct thing){.due_ms = s->now_ms + ms, .run = run, .machine = machine});
}

/* Who of nodes and callers is to be woken first, and when. */
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
        sim_violated(s, "%s does not sleep", name_of(s, who));
    world_step(s, who, &(struct event){.kind = EVENT_WAKE});
}

/* The next thing that is due until then; false when there is none. */
static bool world_next(struct sim *s, uint64_t until_ms)
{
    uint64_t wake_ms;
    unsigned who = first_to_wake(s, &wake_ms);
    wake_ms = wake_ms != UINT64_MAX && wake_ms < s->now_ms ? s->now_ms : wake_ms;
    uint64_t due_ms = s->things > 0 ? s->queue[0].due_ms : UINT64_MAX;
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
    struct thing t = queue_take(s);
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

/* --- faults ---------------------------------------------------------------- */

void sim_start(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    must(n->node == NULL);
    if (!s->machines[i].up) {
        s->machines[i].up = true;
        network_relight(s, i);
    }
    trace_deed(s, "%s starts", name_of(s, i));
    n->node = node_new(&n->config);
    n->life++;
    n->accepted = 0;
    n->port = s->next_port++;
    world_step(s, i, &(struct event){.kind = EVENT_START, .port = n->port});
}

void sim_start_all(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (s->nodes[i].node == NULL)
            sim_start(s, i);
}

static void memory_lost(struct sim *s, unsigned i)
{
    node_free(s->nodes[i].node);
    s->nodes[i].node = NULL;
    s->nodes[i].due_ms = UINT64_MAX;
    s->nodes[i].ready = false;
    files_forget(s->nodes[i].files);
    check_forget(s, i);
}

void sim_crash(struct sim *s, unsigned i)
{
    trace_deed(s, "%s crashes", name_of(s, i));
    memory_lost(s, i);
    network_reset(s, PARTY_NODE, i);
}

void sim_vanish(struct sim *s, unsigned i)
{
    trace_deed(s, "%s vanishes", name_of(s, i));
    memory_lost(s, i);
    files_lose(s, i);
    network_darken(s, i);
    epmd_end(s, i);
    s->machines[i].up = false;
}

void sim_stop(struct sim *s, unsigned i)
{
    trace_deed(s, "%s is told to stop", name_of(s, i));
    world_step(s, i, &(struct event){.kind = EVENT_STOP});
}

void sim_epmd_down(struct sim *s, unsigned i)
{
    trace_deed(s, "epmd ends on %s", s->machines[i].name);
    epmd_end(s, i);
}

void sim_epmd_up(struct sim *s, unsigned i)
{
    epmd_start(s, i);
}

void sim_cut(struct sim *s, unsigned a, unsigned b)
{
    trace_deed(s, "n%u and n%u are cut", a + 1, b + 1);
    s->cut[a][b] = s->cut[b][a] = true;
}

void sim_mend(struct sim *s, unsigned a, unsigned b)
{
    if (!s->cut[a][b])
        return;
    trace_deed(s, "n%u and n%u are mended", a + 1, b + 1);
    s->cut[a][b] = s->cut[b][a] = false;
    network_mend(s, a, b);
}

void sim_break(struct sim *s, unsigned a, unsigned b)
{
    trace_deed(s, "n%u and n%u are broken", a + 1, b + 1);
    network_break(s, a, b);
}

void sim_break_caller(struct sim *s, unsigned i)
{
    trace_deed(s, "caller%u is broken", i + 1);
    network_break(s, i, CALLER_OF(i));
}

void sim_command(struct sim *s, unsigned i, const char *request)
{
    struct sim_node *n = &s->nodes[COMMANDER];
    must(n->node == NULL);
    struct buf term = {0};
    struct text_error error;
    must(text_single(bytes_of(request), &term, &error) == OK);
    trace_deed(s, "a command to n%u: %s", i + 1, request);
    n->node = node_new_client(&n->config);
    const struct request wish = {.kind = REQUEST_CALL,
                                 .node = buf_bytes(&s->nodes[i].config.node),
                                 .name = BYTES("coppice"),
                                 .term = buf_bytes(&term),
                                 .timeout_ms = 5000};
    world_step(s, COMMANDER, &(struct event){.kind = EVENT_START});
    world_step(s, COMMANDER, &(struct event){.kind = EVENT_REQUEST, .request = &wish});
    buf_free(&term);
}

/* --- what is true ----------------------------------------------------------- */

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
