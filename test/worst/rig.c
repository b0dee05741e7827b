#include "rig.h"

#include <stdio.h>
#include <time.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "mem.h"
#include "store/storage.h"

#define CREATION   1
#define WALL_MS    UINT64_C(1700000000000)
#define READ_BYTES (256u * 1024) /* of a socket, at most (net/sockets.c) */

struct rig rig;

/* --- steps -------------------------------------------------------------------------- */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void step(struct event event, struct outbox *out)
{
    static uint64_t steps;
    event.now_ms = rig.now_ms;
    event.wall_ms = WALL_MS + rig.now_ms;
    event.random = ++steps;
    uint64_t begin = cpu_ns();
    node_step(rig.node, &event, out);
    uint64_t spent = cpu_ns() - begin;
    rig.total_ns += spent;
    rig.worst_ns = spent > rig.worst_ns ? spent : rig.worst_ns;
}

/* A step, and those that tell that what was sent is written. */
static void run(struct event event)
{
    struct outbox out = {0};
    step(event, &out);
    for (size_t i = 0; i < out.count; i++) {
        const struct action *a = &out.list[i];
        rig.closed += a->kind == ACTION_CLOSE;
        rig.lines += a->kind == ACTION_LOG;
        if (a->kind == ACTION_LOAD)
            rig.store = a->store;
        if (a->kind == ACTION_BEGIN)
            run((struct event){.kind = EVENT_BEGUN, .store = a->store});
        if (a->kind != ACTION_SEND)
            continue;
        rig.answered += a->bytes.len;
        if (rig.keeps)
            buf_put(&rig.read, buf_bytes(&a->bytes));
        run((struct event){.kind = EVENT_WRITTEN, .conn = a->conn, .written = a->bytes.len});
    }
    outbox_free(&out);
}

static void settle(uint64_t until_ms)
{
    for (uint64_t due; (due = node_due(rig.node)) <= until_ms;) {
        rig.now_ms = due > rig.now_ms ? due : rig.now_ms;
        rig.wakes++;
        run((struct event){.kind = EVENT_WAKE});
    }
}

void rig_feed(uint64_t ms)
{
    for (size_t at = 0, n; at < rig.out.len; at += n) {
        n = rig.out.len - at < READ_BYTES ? rig.out.len - at : READ_BYTES;
        run((struct event){
            .kind = EVENT_BYTES, .conn = 2 * rig.peer, .bytes = {rig.out.at + at, n}});
        settle(rig.now_ms);
    }
    rig.fed += rig.out.len;
    buf_clear(&rig.out);
    settle(rig.now_ms + ms);
}

void rig_load(struct bytes state)
{
    struct storage_found found = {0};
    buf_put(&found.memory, state);
    found.state = buf_bytes(&found.memory);
    run((struct event){.kind = EVENT_LOADED, .store = rig.store, .found = &found});
    settle(rig.now_ms);
    storage_found_free(&found);
}

void rig_reset(void)
{
    rig.fed = rig.answered = rig.closed = rig.lines = rig.wakes = 0;
    rig.worst_ns = rig.total_ns = 0;
}

/* --- the node and its peers ------------------------------------------------------------ */

void rig_start(const char *text)
{
    struct config_error error;
    config_init(&rig.config);
    buf_put(&rig.config.cookie, BYTES("cookie"));
    buf_put(&rig.config.node, BYTES("a@h"));
    if (config_read(&rig.config, bytes_of(text), &error) != OK)
        die("%s", error.what);
    rig.node = node_new(&rig.config);
    rig.now_ms = 1000;
    run((struct event){.kind = EVENT_START, .port = 9100, .connections = 2048});
}

void rig_finish(void)
{
    node_free(rig.node);
    config_free(&rig.config);
    buf_free(&rig.out);
    buf_free(&rig.read);
    rig = (struct rig){.node = NULL};
}

struct bytes rig_peer_name(void)
{
    static char name[32];
    return (struct bytes){(const uint8_t *)name,
                          (size_t)snprintf(name, sizeof(name), "p%u@h", rig.peer)};
}

static void converse(struct channel *c)
{
    struct signal signal;
    rig.keeps = true;
    while (!channel_is_up(c)) {
        buf_put(&rig.out, buf_bytes(channel_out(c)));
        buf_clear(channel_out(c));
        rig_feed(0);
        channel_feed(c, buf_bytes(&rig.read));
        buf_clear(&rig.read);
        enum channel_event event = channel_next(c, &signal);
        must(event == CHANNEL_QUIET || event == CHANNEL_UP);
    }
    rig.keeps = false;
}

void rig_connect(uint32_t peer)
{
    rig.peer = peer;
    struct buf name = {0};
    buf_put(&name, rig_peer_name());
    const struct channel_self self = {.name = buf_bytes(&name),
                                      .cookie = buf_bytes(&rig.config.cookie),
                                      .flags = DFLAGS_OURS,
                                      .creation = CREATION};
    run((struct event){.kind = EVENT_ACCEPTED, .conn = 2 * peer});
    struct channel *c = channel_dial(&self, buf_bytes(&rig.config.node), 5);
    converse(c);
    channel_free(c);
    buf_free(&name);
}

void rig_disconnect(uint32_t peer)
{
    run((struct event){.kind = EVENT_CLOSED, .conn = 2 * peer, .bytes = BYTES("")});
    settle(rig.now_ms);
}

/* --- frames ------------------------------------------------------------------------------ */

void put_own_pid(struct buf *out, uint32_t id)
{
    put_pid(out, rig_peer_name(), id & 0x7fff, id >> 15, CREATION);
}

void put_own_reference(struct buf *out, uint32_t id)
{
    put_reference(out, rig_peer_name(), CREATION, (const uint32_t[]){id, 0, 0}, 3);
}

void put_call(struct buf *out, uint32_t id)
{
    put_tuple(out, 3);
    put_atom(out, "$gen_call");
    put_tuple(out, 2);
    put_own_pid(out, 1);
    put_own_reference(out, id);
}

/* The length is written by rig_end(). */
size_t rig_begin_control(void)
{
    size_t at = rig.out.len;
    buf_put(&rig.out, BYTES("\0\0\0\0\203\104\0"));
    return at;
}

size_t rig_begin(const char *name)
{
    size_t at = rig_begin_control();
    put_tuple(&rig.out, 4);
    put_uint(&rig.out, 6); /* REG_SEND */
    put_own_pid(&rig.out, 1);
    put_atom(&rig.out, "");
    put_atom(&rig.out, name);
    return at;
}

void rig_end(size_t at)
{
    size_t len = rig.out.len - at - 4;
    for (unsigned i = 0; i < 4; i++)
        rig.out.at[at + i] = (uint8_t)(len >> (24 - 8 * i));
}
