#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "dist/epmd.h"
#include "dist/flags.h"
#include "limits.h"
#include "mem.h"
#include "replica/replica.h"
#include "term/etf.h"
#include "term/write.h"

#define NODE         "a@h"
#define NODE_PORT    9100
#define DIALLED_PORT 9200
#define NOW_MS       1000000
#define WALL_MS      UINT64_C(1700000000000)
/* Wake-ups within one millisecond, above which it is a busy loop: structs of some kilobytes are
 * joined in slices of 100 bytes, and of what three peers have sent a step handles two messages. */
#define WAKES_A_MS 20000
/* Memory of all, above which something grows without a bound. */
#define MEMORY_MAX (64u * 1024 * 1024)
/* A peer sends a tick at least as often. */
#define TICK_MS 10000

static const char *const names[PEERS] = {"honest@h", "beam@h", "old@h", "dialled@h"};
static const uint64_t flags[PEERS] = {DFLAGS_OURS, DFLAGS_OURS | DFLAG_DIST_HDR_ATOM_CACHE,
                                      DFLAGS_MANDATORY_25 | DFLAG_MANDATORY_25_DIGEST, DFLAGS_OURS};

/* --- what is to come ---------------------------------------------------------------------- */

void world_comes(struct world *w, struct event event, struct bytes bytes)
{
    w->coming = mem_room(w->coming, w->coming_len, &w->coming_cap, sizeof(*w->coming));
    struct coming *c = &w->coming[w->coming_len++];
    *c = (struct coming){.event = event};
    buf_put(&c->bytes, bytes);
}

/* --- the other ends of connections --------------------------------------------------------- */

bool world_is_up(const struct peer *p)
{
    return p->channel != NULL && channel_is_up(p->channel);
}

static struct peer *peer_on(struct world *w, uint32_t connection)
{
    for (unsigned i = 0; i < PEERS; i++)
        if (w->peers[i].channel != NULL && w->peers[i].connection == connection)
            return &w->peers[i];
    return NULL;
}

static void peer_gone(struct peer *p)
{
    channel_free(p->channel);
    p->channel = NULL;
    p->unwritten = 0;
    p->may_break = p->stalled = false;
}

static void heard(struct world *w, struct peer *p, const struct signal *signal)
{
    if (p == &w->peers[HONEST])
        honest_heard(w, signal);
    else
        talk_heard(w, p, signal);
}

/* What the peer's channel has to say itself goes to the node next. */
static void peer_reads(struct world *w, struct peer *p, struct bytes bytes)
{
    struct signal signal;
    enum channel_event e;
    channel_feed(p->channel, bytes);
    while ((e = channel_next(p->channel, &signal)) != CHANNEL_QUIET) {
        must(e != CHANNEL_BAD);
        if (e == CHANNEL_NAMED)
            channel_answer(p->channel, STATUS_OK);
        else if (e == CHANNEL_ALIVE)
            channel_replace(p->channel, true);
        else if (e == CHANNEL_SIGNAL)
            heard(w, p, &signal);
    }
    struct buf *out = channel_out(p->channel);
    if (out->len > 0)
        world_comes(w, (struct event){.kind = EVENT_BYTES, .conn = p->connection}, buf_bytes(out));
    buf_clear(out);
}

static void epmd_reads(struct world *w, uint32_t connection, struct bytes bytes)
{
    struct buf out = {0};
    const struct event bytes_come = {.kind = EVENT_BYTES, .conn = connection};
    if (connection == w->epmd) {
        buf_put(&out, BYTES("v\0\0\0\0\7"));
        world_comes(w, bytes_come, buf_bytes(&out));
    } else {
        bool found = bytes.len > 3 &&
                     bytes_equal((struct bytes){bytes.at + 3, bytes.len - 3}, BYTES("dialled"));
        buf_put(&out, found ? BYTES("w\0") : BYTES("w\1"));
        if (found) {
            buf_put_u16(&out, DIALLED_PORT);
            buf_put(&out, BYTES("H\0\0\6\0\6\0\7dialled\0\0"));
        }
        world_comes(w, bytes_come, buf_bytes(&out));
        world_comes(w, (struct event){.kind = EVENT_CLOSED, .conn = connection, .err = ERR_CLOSED},
                    (struct bytes){0});
        w->lookup = 0;
    }
    buf_free(&out);
}

static void dialled(struct world *w, const struct action *a)
{
    struct peer *p = &w->peers[DIALLED];
    struct event event = {.kind = EVENT_OPENED, .conn = a->conn};
    if (a->port == EPMD_PORT && w->epmd == 0) {
        w->epmd = a->conn;
    } else if (a->port == EPMD_PORT) {
        w->lookup = a->conn;
    } else if (a->port == DIALLED_PORT && p->channel == NULL) {
        p->channel = channel_accept(&p->self, 17);
        p->connection = a->conn;
    } else {
        event.kind = EVENT_CLOSED;
        event.err = ERR_REFUSED;
    }
    world_comes(w, event, (struct bytes){0});
}

static void sent(struct world *w, const struct action *a)
{
    struct peer *p = peer_on(w, a->conn);
    struct bytes bytes = buf_bytes(&a->bytes);
    bool stays = p != NULL && p->stalled;
    if (stays)
        p->unwritten += bytes.len;
    else
        world_comes(w, (struct event){.kind = EVENT_WRITTEN, .conn = a->conn, .written = bytes.len},
                    (struct bytes){0});
    if (p != NULL)
        peer_reads(w, p, bytes);
    else if (a->conn % 2 == 1)
        epmd_reads(w, a->conn, bytes);
}

/* Of the node: only a peer that was at fault, or that is in the handshake, may be closed. */
static void closed(struct world *w, const struct action *a)
{
    struct peer *p = peer_on(w, a->conn);
    if (a->conn == w->epmd)
        w->epmd = 0;
    if (a->conn == w->stranger)
        w->stranger = 0;
    if (p == NULL)
        return;
    must(p->may_break || w->stopping || !channel_is_up(p->channel));
    peer_gone(p);
}

static void perform(struct world *w, const struct action *a)
{
    switch (a->kind) {
    case ACTION_DIAL:
        dialled(w, a);
        break;
    case ACTION_SEND:
        sent(w, a);
        break;
    case ACTION_CLOSE:
        closed(w, a);
        break;
    case ACTION_RESOLVE:
        world_comes(w, (struct event){.kind = EVENT_RESOLVED, .query = a->query}, BYTES("h i"));
        break;
    case ACTION_START_EPMD:
        world_comes(w, (struct event){.kind = EVENT_EPMD}, (struct bytes){0});
        break;
    case ACTION_LOG:
        if (getenv("FUZZ_LOG") != NULL)
            fprintf(stderr, "%llu %.*s\n", (unsigned long long)w->now_ms, TEXT(a->bytes));
        break;
    case ACTION_EXIT:
        w->ended = true;
        break;
    case ACTION_TRUST:
    case ACTION_REST: /* bytes may come all the same, as they do with TLS */
    case ACTION_READ:
    case ACTION_READY:
    case ACTION_ANSWER:
    case ACTION_REPLY:
    case ACTION_JOINED:
        break;
    default:
        disk_perform(w, a);
        break;
    }
}

/* --- the invariants ------------------------------------------------------------------------ */

const struct crdt_type *world_type(const struct process *p)
{
    return replica_is(p) ? replica_crdt(p)->type : NULL;
}

/* That a replica elsewhere can take its state. */
static void check_replica(const struct process *p)
{
    static const struct crdt_options elsewhere = {.actor = BYTES("w\3eye"), .seed = 5};
    const struct crdt *c = replica_crdt(p);
    struct crdt *copy = crdt_make(c->type, &elsewhere);
    struct buf state = {0};
    bool changed;
    size_t len;
    crdt_check(c);
    crdt_state(c, &state);
    must(etf_check(buf_bytes(&state), &len) == OK && len == state.len);
    enum err e = crdt_merge(copy, buf_bytes(&state), NULL, &changed);
    must(e == OK);
    crdt_free(copy);
    buf_free(&state);
}

static void check(struct world *w)
{
    unsigned i = 0;
    node_check(w->node);
    must(mem_used() < MEMORY_MAX);
    struct processes *all = node_processes(w->node);
    if (all == NULL)
        return;
    processes_check(all);
    for (struct process *p = NULL; (p = replica_next(all, p)) != NULL && i < 16; i++) {
        uint64_t changes = bytes_hash(process_pid(p), replica_changes(p));
        if (changes != w->changes[i])
            check_replica(p);
        w->changes[i] = changes;
    }
}

/* --- steps ----------------------------------------------------------------------------------- */

static void step(struct world *w, struct event *event)
{
    struct outbox out = {0};
    event->now_ms = w->now_ms;
    event->wall_ms = WALL_MS + w->now_ms;
    event->random = w->random += UINT64_C(0x9e3779b97f4a7c15);
    node_step(w->node, event, &out);
    for (size_t i = 0; i < out.count; i++)
        perform(w, &out.list[i]);
    outbox_free(&out);
    if (!w->ended)
        check(w);
}

void world_step(struct world *w, struct event event)
{
    world_comes(w, event, event.bytes);
    for (size_t i = 0; i < w->coming_len; i++) {
        struct coming c = w->coming[i];
        c.event.bytes = buf_bytes(&c.bytes);
        if (!w->ended)
            step(w, &c.event);
        buf_free(&c.bytes);
    }
    w->coming_len = 0;
}

void world_feed(struct world *w, struct peer *p, struct bytes bytes, size_t piece)
{
    uint32_t connection = p->connection;
    while (bytes.len > 0 && peer_on(w, connection) == p && !w->ended) {
        size_t len = piece > 0 && piece < bytes.len ? piece : bytes.len;
        world_step(w, (struct event){
                          .kind = EVENT_BYTES, .conn = p->connection, .bytes = {bytes.at, len}});
        bytes.at += len;
        bytes.len -= len;
    }
}

void world_drain(struct world *w, struct peer *p)
{
    size_t written = p->unwritten;
    p->stalled = false;
    p->unwritten = 0;
    if (p->channel != NULL && written > 0)
        world_step(
            w, (struct event){.kind = EVENT_WRITTEN, .conn = p->connection, .written = written});
}

static void ticks(struct world *w)
{
    for (unsigned i = 0; i < PEERS; i++)
        if (world_is_up(&w->peers[i]))
            world_feed(w, &w->peers[i], BYTES("\0\0\0\0"), 0);
}

/* The next time at which something is due, or that one. */
static uint64_t next_due(const struct world *w, uint64_t until_ms)
{
    uint64_t due = node_due(w->node), tick = w->now_ms - w->now_ms % TICK_MS + TICK_MS;
    due = due < w->now_ms ? w->now_ms : due;
    due = due < tick ? due : tick;
    return due < until_ms ? due : until_ms;
}

void world_run(struct world *w, uint64_t ms)
{
    uint64_t until_ms = w->now_ms + ms;
    while (!w->ended) {
        uint64_t due = next_due(w, until_ms);
        bool tick = due / TICK_MS > w->now_ms / TICK_MS;
        w->wakes = due > w->now_ms ? 0 : w->wakes + 1;
        must(w->wakes < WAKES_A_MS);
        w->now_ms = due;
        if (tick)
            ticks(w);
        if (!w->ended && node_due(w->node) <= due)
            world_step(w, (struct event){.kind = EVENT_WAKE});
        else if (due == until_ms)
            break;
    }
}

/* --- peers ------------------------------------------------------------------------------------ */

void world_connect(struct world *w, enum peer_name who)
{
    struct peer *p = &w->peers[who];
    if (p->channel != NULL)
        return;
    p->channel = channel_dial(&p->self, BYTES(NODE), 5);
    p->connection = w->accepted += 2;
    world_step(w, (struct event){.kind = EVENT_ACCEPTED, .conn = p->connection});
    struct buf first = {0};
    buf_put(&first, buf_bytes(channel_out(p->channel)));
    buf_clear(channel_out(p->channel));
    world_feed(w, p, buf_bytes(&first), 0);
    buf_free(&first);
    must(w->ended || world_is_up(p));
}

void world_reset(struct world *w, enum peer_name who)
{
    struct peer *p = &w->peers[who];
    uint32_t connection = p->connection;
    if (p->channel == NULL)
        return;
    peer_gone(p);
    world_step(w, (struct event){.kind = EVENT_CLOSED, .conn = connection, .err = ERR_CLOSED});
}

struct process *world_process(struct world *w)
{
    struct processes *all = node_processes(w->node);
    unsigned skip = draw(&w->in, 32);
    struct process *found = NULL, *p = NULL;
    while (all != NULL && (p = processes_next(all, p)) != NULL) {
        found = p;
        if (skip-- == 0)
            break;
    }
    return found;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* A replica of each type, under the type's name: the first four are stored, two of them in one
 * file.  The bits of `form` choose what may also be so. */
static void put_config(struct buf *text, unsigned form)
{
    buf_printf(text,
               "{connect, ['dialled@h'%s]}. {scope, grove}. {visible, %s}. {follow, %s}.\n"
               "{read_only, [%s]}.\n",
               form & 32 ? ", {dns, \"app\", #{interval => 1000}}" : "",
               form & 1 ? "true" : "false", form & 2 ? "true" : "false",
               form & 64 ? "'old@h'" : "");
    for (unsigned i = 0; crdt_type_at(i) != NULL; i++) {
        const char *name = crdt_type_at(i)->name;
        buf_printf(text,
                   "{replica, %s, #{crdt => %s, actor => <<\"a\">>, sync_interval => 500, "
                   "anti_entropy_interval => 2000, snapshot_interval => 3000%s",
                   name, name, i == 3 && form & 4 ? ", pubsub => 'Elixir.P'" : "");
        if (i < 4)
            buf_printf(text, ", storage => #{file => \"%s\"%s}", i < 2 ? "both" : name,
                       i == 2 && form & 8 ? ", durability => interval" : "");
        buf_printf(text, "%s}}.\n", i == 5 && form & 16 ? ", global => true" : "");
    }
}

static void configure(struct config *config, unsigned form)
{
    struct buf text = {0};
    struct config_error error;
    config_init(config);
    buf_put(&config->cookie, BYTES("cookie"));
    buf_put(&config->node, BYTES(NODE));
    put_config(&text, form);
    if (config_read(config, buf_bytes(&text), &error) != OK)
        die("%s", error.what);
    buf_free(&text);
}

void world_reload(struct world *w)
{
    configure(&w->fresh, draw_byte(&w->in));
    world_step(w, (struct event){.kind = EVENT_CONFIG, .config = &w->fresh});
    config_free(&w->fresh);
}

void world_start(struct world *w, const uint8_t *data, size_t size)
{
    *w = (struct world){.in = {data, data + size}, .now_ms = NOW_MS, .random = size};
    w->terms = (struct terms){.in = &w->in, .node = bytes_of(names[BEAM])};
    configure(&w->config, draw_byte(&w->in));
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *p = &w->peers[i];
        p->self = (struct channel_self){.name = bytes_of(names[i]),
                                        .cookie = BYTES("cookie"),
                                        .flags = flags[i],
                                        .creation = 1};
        put_pid(&p->pid, p->self.name, i, 0, 1);
    }
    w->disk = fake_disk_new();
    w->node = node_new(&w->config);
    world_step(w, (struct event){.kind = EVENT_START, .port = NODE_PORT});
    must(node_is_ready(w->node));
    for (unsigned i = HONEST; i < DIALLED; i++)
        world_connect(w, i);
}

static void questions_free(struct peer *p)
{
    for (unsigned i = 0; i < QUESTIONS; i++) {
        term_free(&p->questions[i].pid);
        term_free(&p->questions[i].tag);
        term_free(&p->questions[i].request);
    }
}

void world_free(struct world *w)
{
    disk_close(w);
    fake_disk_free(w->disk);
    node_free(w->node);
    config_free(&w->config);
    for (unsigned i = 0; i < PEERS; i++) {
        channel_free(w->peers[i].channel);
        buf_free(&w->peers[i].pid);
        questions_free(&w->peers[i]);
    }
    mem_free(w->coming);
    terms_free(&w->terms);
}
