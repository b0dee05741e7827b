#include "intake.h"

#include "../crdt/slices.h"
#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "internal.h"

struct intake {
    struct intake *next;
    struct buf bytes; /* the struct, and what follows it in a delta's message */
    struct crdt_slices *slices;
    uint64_t hold;
    uint64_t call; /* whose answer it is; 0: a delta */
    bool joining;  /* it is valid */
    bool relay;
    struct buf sender; /* a term; may be empty */
};

/* --- beginning -------------------------------------------------------------- */

static void remove_first(struct replica *r)
{
    struct intake *i = r->intakes;
    r->intakes = i->next;
    if (r->intakes == NULL)
        r->intakes_end = &r->intakes;
    crdt_slices_free(i->slices);
    buf_free(&i->bytes);
    buf_free(&i->sender);
    mem_free(i);
}

static void append(struct replica *r, struct intake *i)
{
    i->next = NULL;
    *r->intakes_end = i;
    r->intakes_end = &i->next;
}

/* Moves the first to the end. */
static void rotate(struct replica *r)
{
    struct intake *i = r->intakes;
    if (i->next == NULL)
        return;
    r->intakes = i->next;
    append(r, i);
}

static void end(struct replica *r, bool merged, struct turn *t)
{
    uint64_t hold = r->intakes->hold, call = r->intakes->call;
    remove_first(r);
    t->post->release(t->post, hold);
    struct member *m = call != 0 ? member_of_call(r, call) : NULL;
    if (m != NULL)
        pull_taken(r, m, merged, t);
}

/* Drops the oldest of those whose connections were lost, as long as they have too many bytes. */
static void drop_orphans(struct replica *r, struct turn *t)
{
    size_t bytes = 0, count = 0;
    for (const struct intake *i = r->intakes; i != NULL; i = i->next, count++)
        bytes += t->post->is_held(t->post, i->hold) ? 0 : i->bytes.len;
    for (; count > 0; count--) {
        size_t len = r->intakes->bytes.len;
        if (bytes <= LIMIT_FRAME_BYTES || t->post->is_held(t->post, r->intakes->hold)) {
            rotate(r);
            continue;
        }
        bytes -= len;
        end(r, false, t);
    }
}

/* from: the struct and what follows it. */
static bool begin(struct replica *r, struct bytes from, uint64_t call, struct turn *t)
{
    bool remote = t->node.len > 0 && t->post->hold != NULL;
    uint64_t hold = remote ? t->post->hold(t->post, t->node) : 0;
    if (hold == 0)
        return false;
    drop_orphans(r, t);
    struct intake *i = mem_take(sizeof(*i));
    *i = (struct intake){.hold = hold, .call = call};
    buf_put(&i->bytes, from);
    i->slices = crdt_slices_open(r->options.type, &r->crdt_options, buf_bytes(&i->bytes),
                                 LIMIT_SLICE_BYTES, false);
    append(r, i);
    replica_set_wake(r);
    return true;
}

static bool is_struct(const struct etf_in *in)
{
    return etf_peek(in) == ETF_MAP;
}

/* {grove_delta, Struct, Sender} and its other forms, read without a walk over the struct. */
bool intake_delta(struct replica *r, struct bytes message, struct turn *t)
{
    struct etf_in in = etf_open(message);
    if (message.len <= LIMIT_SLICE_BYTES || etf_peek(&in) != ETF_TUPLE)
        return false;
    uint32_t arity = etf_tuple(&in);
    if (arity == 2 && etf_accept(&in, "$gen_cast"))
        arity = etf_peek(&in) == ETF_TUPLE ? etf_tuple(&in) : 0;
    if ((arity != 2 && arity != 3) ||
        !(etf_accept(&in, "grove_delta") || etf_accept(&in, "delta")) || !is_struct(&in))
        return false;
    bool begun = begin(r, etf_last(&in), 0, t);
    r->deltas_received += begun;
    return begun;
}

bool intake_pulled(struct replica *r, const struct member *m, struct bytes state, struct turn *t)
{
    struct etf_in in = etf_open(state);
    return state.len > LIMIT_SLICE_BYTES && is_struct(&in) && begin(r, state, m->call, t);
}

/* --- slices ------------------------------------------------------------------ */

/* What follows the struct in its message, or the member that has answered. */
static void find_sender(struct replica *r, struct intake *i)
{
    const struct member *m = i->call != 0 ? member_of_call(r, i->call) : NULL;
    struct bytes rest = crdt_slices_rest(i->slices);
    if (m != NULL)
        rest = term_bytes(&m->pid);
    if (rest.len <= LIMIT_SLICE_BYTES)
        buf_put(&i->sender, rest);
}

/* The struct is valid: is it to be joined? */
static void validated(struct replica *r, struct intake *i, struct turn *t)
{
    find_sender(r, i);
    i->joining = true;
    bool wanted = exchange_accepts(r, buf_bytes(&i->sender), crdt_slices_sender(i->slices),
                                   i->call == 0, &i->relay, t);
    if (!wanted)
        end(r, false, t);
}

static void join_slice(struct replica *r, struct intake *i, struct turn *t)
{
    bool changed;
    encoding_finish(r);
    bool all = crdt_slices_join(i->slices, r->crdt, durable_delta(r, i->relay), &changed);
    if (changed) {
        replica_changed(r);
        r->estimated_bytes += LIMIT_SLICE_BYTES;
        r->delta_bytes += i->relay ? LIMIT_SLICE_BYTES : 0;
        r->unwritten_bytes += LIMIT_SLICE_BYTES;
    }
    if (all) {
        r->merges++;
        end(r, true, t);
    }
    durable_flush(r, t);
}

static void refuse(struct replica *r, const struct intake *i, enum err why, struct turn *t)
{
    const struct member *m = i->call != 0 ? member_of_call(r, i->call) : NULL;
    exchange_refuse(r, m != NULL ? term_bytes(&m->pid) : (struct bytes){0}, why, t);
    end(r, false, t);
}

static void step(struct replica *r, struct turn *t)
{
    struct intake *i = r->intakes;
    enum err e = OK;
    if (i->joining) {
        join_slice(r, i, t);
    } else if (crdt_slices_validate(i->slices, &e)) {
        if (e == OK) {
            validated(r, i, t);
            return;
        }
        refuse(r, i, e, t);
    }
}

bool intake_is_open(const struct replica *r)
{
    return r->intakes != NULL;
}

/* A journal record of the slices since the last one should not become large, either. */
static bool waits_for_disk(const struct replica *r)
{
    return r->durable.appending && r->unwritten_bytes > LIMIT_PIECE_BYTES;
}

uint64_t intake_due(const struct replica *r)
{
    return r->intakes != NULL && !waits_for_disk(r) && !encoding_is_open(r) ? 1 : UINT64_MAX;
}

void intake_wake(struct replica *r, struct turn *t)
{
    if (t->now_ms < intake_due(r))
        return;
    step(r, t);
    if (r->intakes != NULL)
        rotate(r);
}

void intake_finish(struct replica *r, struct turn *t)
{
    while (r->intakes != NULL)
        step(r, t);
}

void intake_rewind(struct replica *r)
{
    for (struct intake *i = r->intakes; i != NULL; i = i->next)
        if (i->joining)
            crdt_slices_rewind(i->slices);
}

void intake_free(struct replica *r)
{
    while (r->intakes != NULL)
        remove_first(r);
}
