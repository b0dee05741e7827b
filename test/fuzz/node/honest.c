/* The peer that makes no mistake: its calls are answered, once, whatever the others do. */
#include "dist/flags.h"
#include "otp/process.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* Calls that the others may delay: by funs that do not return, a disk that failed, comparisons. */
#define ROUNDS   240
#define ROUND_MS 250

static void say(struct world *w, struct signal signal)
{
    struct peer *p = &w->peers[HONEST];
    struct buf out = {0};
    signal.from = buf_bytes(&p->pid);
    channel_send(p->channel, &signal);
    channel_fill(p->channel, SIZE_MAX);
    buf_put(&out, buf_bytes(channel_out(p->channel)));
    buf_clear(channel_out(p->channel));
    world_feed(w, p, buf_bytes(&out), 0);
    buf_free(&out);
}

static void put_ref(const struct world *w, struct buf *out, unsigned call)
{
    put_reference(out, w->peers[HONEST].self.name, 1, (const uint32_t[]){call, 0, 0}, 3);
}

static void put_request(struct world *w, struct buf *out, const struct crdt_type *type)
{
    unsigned which = draw(&w->in, 4);
    if (type == NULL) {
        put_atom(out, "replicas");
    } else if (which >= 2) {
        put_tuple(out, 2);
        put_atom(out, "mutate");
        put_operation(&w->terms, out, type, 1);
    } else {
        put_atom(out, which == 0 ? "value" : "state");
    }
}

static void put_call(struct world *w, struct buf *out, unsigned call, const struct crdt_type *type)
{
    put_tuple(out, 3);
    put_atom(out, "$gen_call");
    put_tuple(out, 2);
    put_term(out, buf_bytes(&w->peers[HONEST].pid));
    put_list(out, 1);
    put_atom(out, "alias");
    put_ref(w, out, call);
    put_request(w, out, type);
}

void honest_call(struct world *w)
{
    if (w->calls_made == CALLS)
        return;
    unsigned call = w->calls_made++;
    const struct crdt_type *type = crdt_type_at(draw(&w->in, 11));
    struct buf name = {0}, ref = {0}, message = {0};
    size_t len;
    put_atom(&name, type != NULL ? type->name : "coppice");
    put_ref(w, &ref, call);
    put_call(w, &message, call, type);
    if (etf_check(buf_bytes(&message), &len) != OK) {
        buf_clear(&message);
        put_call(w, &message, call, NULL);
    }
    say(w, (struct signal){.kind = SIGNAL_MONITOR, .to = buf_bytes(&name), .ref = buf_bytes(&ref)});
    if (!w->ended)
        say(w, (struct signal){.kind = SIGNAL_REG_SEND,
                               .to = buf_bytes(&name),
                               .payload = buf_bytes(&message)});
    buf_free(&name);
    buf_free(&ref);
    buf_free(&message);
}

static struct honest_call *call_of(struct world *w, struct bytes reference)
{
    struct etf_in in = etf_open(reference);
    uint32_t call = etf_reference(&in).words[0];
    must(in.err == OK && call < w->calls_made);
    return &w->calls[call];
}

void honest_heard(struct world *w, const struct signal *signal)
{
    if (signal->kind == SIGNAL_ALIAS_SEND) {
        struct honest_call *c = call_of(w, signal->to);
        must(!c->replied);
        c->replied = true;
    }
    if (signal->kind == SIGNAL_MONITOR_EXIT)
        call_of(w, signal->ref)->down = true;
}

/* A process that somebody has suspended answers nothing, as on a BEAM. */
static void resume_all(struct world *w)
{
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "system");
    put_tuple(&message, 2);
    put_term(&message, buf_bytes(&w->peers[HONEST].pid));
    put_ref(w, &message, 0);
    put_atom(&message, "resume");
    for (unsigned i = 0; crdt_type_at(i) != NULL && !w->ended; i++) {
        struct buf name = {0};
        put_atom(&name, crdt_type_at(i)->name);
        say(w, (struct signal){.kind = SIGNAL_REG_SEND,
                               .to = buf_bytes(&name),
                               .payload = buf_bytes(&message)});
        buf_free(&name);
    }
    buf_free(&message);
}

static bool all_answered(const struct world *w)
{
    for (unsigned i = 0; i < w->calls_made; i++)
        if (!w->calls[i].replied && !w->calls[i].down)
            return false;
    return true;
}

void honest_wait(struct world *w)
{
    unsigned left = ROUNDS;
    for (resume_all(w); !w->ended && !all_answered(w); left--) {
        must(left > 0);
        while (disk_run(w, 0))
            ;
        world_run(w, ROUND_MS);
    }
}
