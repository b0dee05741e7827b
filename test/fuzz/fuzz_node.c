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

/* Three of the four may make mistakes. */
static enum peer_name draw_talker(struct world *w)
{
    static const enum peer_name talkers[] = {BEAM, BEAM, OLD, DIALLED};
    return talkers[draw(&w->in, 4)];
}

static void fail_disk(struct world *w)
{
    static const int codes[] = {-EIO, -ENOSPC, -EROFS, -EACCES};
    uint64_t n = 1 + draw(&w->in, 16);
    fake_disk_fail(w->disk, n, codes[draw(&w->in, 4)], draw(&w->in, 2) == 0);
}

/* Somebody who connects, and never finishes the handshake. */
static void stranger(struct world *w)
{
    if (w->stranger == 0) {
        w->stranger = w->accepted += 2;
        world_step(w, (struct event){.kind = EVENT_ACCEPTED, .conn = w->stranger});
    }
    if (w->stranger == 0 || w->ended)
        return;
    world_step(w, (struct event){
                      .kind = EVENT_BYTES, .conn = w->stranger, .bytes = draw_bytes(&w->in, 64)});
}

static void run_disk(struct world *w)
{
    for (unsigned jobs = 1 + draw(&w->in, 8); jobs > 0 && !w->ended; jobs--)
        disk_run(w, draw(&w->in, 8));
}

static void look(struct world *w)
{
    struct buf out = {0};
    if (!node_is_ready(w->node))
        return;
    node_put_metrics(w->node, w->now_ms, &out);
    node_put_page(w->node, w->now_ms, &out);
    buf_free(&out);
}

/* A call of the program that the node is in. */
static void call(struct world *w)
{
    const struct crdt_type *type = crdt_type_at(draw(&w->in, 10));
    struct buf term = {0};
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

static void event(struct world *w)
{
    static const uint16_t pauses[] = {0, 1, 20, 600, 3000, 11000};
    enum peer_name who = draw_talker(w);
    unsigned which = draw(&w->in, 40);
    switch (which) {
    case 0:
    case 1:
    case 2:
    case 3:
        world_run(w, pauses[draw(&w->in, 6)]);
        break;
    case 4:
    case 5:
    case 6:
        run_disk(w);
        break;
    case 7:
        fail_disk(w);
        break;
    case 8:
        fake_disk_heal(w->disk);
        break;
    case 9:
        world_reset(w, who);
        break;
    case 10:
        if (who != DIALLED)
            world_connect(w, who);
        break;
    case 11:
        w->peers[who].stalled = w->peers[who].may_break = true;
        break;
    case 12:
        world_drain(w, &w->peers[who]);
        break;
    case 13:
        stranger(w);
        break;
    case 14:
    case 19:
    case 20:
        honest_call(w);
        break;
    case 15:
        look(w);
        break;
    case 16:
        talk_join(w, &w->peers[who]);
        break;
    case 17:
        call(w);
        break;
    case 18:
        if (node_is_ready(w->node))
            world_reload(w);
        break;
    default:
        talk(w, &w->peers[who]);
        break;
    }
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
