/* A whole node behind finished handshakes: what the input says its peers say, what its disk does,
 * and when.  Whatever that is, it costs nobody but who said it: node/world.h says what is checked.
 * In the end a peer that made no mistake is answered, and the node stops in good order. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "node/world.h"
#include "term/etf.h"
#include "term/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS_MAX 200
#define HAPPENINGS 40

/* Three of the four may make mistakes. */
static enum peer_name draw_talker(struct world *w)
{
    static const enum peer_name talkers[] = {BEAM, BEAM, OLD, DIALLED};
    return talkers[draw(&w->in, 4)];
}

static void fail_disk(struct world *w, enum peer_name who)
{
    static const int codes[] = {-EIO, -ENOSPC, -EROFS, -EACCES};
    uint64_t n = 1 + draw(&w->in, 16);
    (void)who;
    fake_disk_fail(w->disk, n, codes[draw(&w->in, 4)], draw(&w->in, 2) == 0);
}

/* Somebody who connects, and never finishes the handshake. */
static void stranger(struct world *w, enum peer_name who)
{
    (void)who;
    if (w->stranger == 0) {
        w->stranger = w->accepted += 2;
        world_step(w, (struct event){.kind = EVENT_ACCEPTED, .conn = w->stranger});
    }
    if (w->stranger == 0 || w->ended)
        return;
    world_step(w, (struct event){
                      .kind = EVENT_BYTES, .conn = w->stranger, .bytes = draw_bytes(&w->in, 64)});
}

static void run_disk(struct world *w, enum peer_name who)
{
    (void)who;
    for (unsigned jobs = 1 + draw(&w->in, 8); jobs > 0 && !w->ended; jobs--)
        disk_run(w, draw(&w->in, 8));
}

/* At the metrics or at the page, by turns: each costs as much as many events. */
static void look(struct world *w, enum peer_name who)
{
    struct buf out = {0};
    (void)who;
    if (!node_is_ready(w->node))
        return;
    (w->looks++ % 2 == 0 ? node_put_page : node_put_metrics)(w->node, w->now_ms, &out);
    buf_free(&out);
}

/* A call of the program that the node is in. */
static void call(struct world *w, enum peer_name who)
{
    const struct crdt_type *type = crdt_type_at(draw(&w->in, 10));
    struct buf term = {0};
    (void)who;
    put_tuple(&term, 2);
    put_atom(&term, "mutate");
    put_operation(&w->terms, &term, type, 2);
    size_t len;
    if (etf_check(buf_bytes(&term), &len) == OK && node_is_ready(w->node)) {
        const struct request request = {
            .name = bytes_of(type->name), .term = buf_bytes(&term), .timeout_ms = 5000};
        world_step(w, (struct event){.kind = EVENT_CALL, .call = 1, .request = &request});
    }
    buf_free(&term);
}

typedef void happening(struct world *w, enum peer_name who);

static void time_passes(struct world *w, enum peer_name who)
{
    static const uint16_t pauses[] = {0, 1, 20, 600, 3000, 11000};
    (void)who;
    world_run(w, pauses[draw(&w->in, 6)]);
}

static void heal_disk(struct world *w, enum peer_name who)
{
    (void)who;
    fake_disk_heal(w->disk);
}

/* The node dials the one that is called so itself. */
static void connect_peer(struct world *w, enum peer_name who)
{
    if (who != DIALLED)
        world_connect(w, who);
}

static void stall(struct world *w, enum peer_name who)
{
    w->peers[who].stalled = w->peers[who].may_break = true;
}

static void drain(struct world *w, enum peer_name who)
{
    world_drain(w, &w->peers[who]);
}

static void good_call(struct world *w, enum peer_name who)
{
    (void)who;
    honest_call(w);
}

static void join_groups(struct world *w, enum peer_name who)
{
    talk_join(w, &w->peers[who]);
}

static void reload(struct world *w, enum peer_name who)
{
    (void)who;
    if (node_is_ready(w->node))
        world_reload(w);
}

static void say_something(struct world *w, enum peer_name who)
{
    talk(w, &w->peers[who]);
}

/* How likely each is; what is not listed is somebody who says something. */
static happening *const happenings[HAPPENINGS] = {
    time_passes, time_passes, time_passes, time_passes,  run_disk, run_disk,  run_disk,
    fail_disk,   heal_disk,   world_reset, connect_peer, stall,    drain,     stranger,
    good_call,   look,        join_groups, call,         reload,   good_call, good_call,
};

static void event(struct world *w)
{
    enum peer_name who = draw_talker(w);
    happening *what = happenings[draw(&w->in, HAPPENINGS)];
    (what != NULL ? what : say_something)(w, who);
}

/* Everybody is well again, and the honest peer has its answers. */
static void end(struct world *w)
{
    fake_disk_heal(w->disk);
    for (unsigned i = 0; i < PEERS && !w->ended; i++)
        world_drain(w, &w->peers[i]);
    if (!w->ended)
        honest_call(w);
    if (!w->ended)
        honest_wait(w);
    w->stopping = true;
    if (!w->ended)
        world_step(w, (struct event){.kind = EVENT_STOP});
    must(w->ended);
    while (disk_run(w, 0))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    world_start(&w, data, size);
    unsigned members = draw_byte(&w.in);
    for (unsigned i = BEAM; i < PEERS && !w.ended; i++)
        if (members & 1u << i)
            talk_join(&w, &w.peers[i]);
    for (unsigned left = EVENTS_MAX; left > 0 && !input_is_over(&w.in) && !w.ended; left--)
        event(&w);
    end(&w);
    world_free(&w);
    return 0;
}
