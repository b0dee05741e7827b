#include "encoding.h"

#include "../crdt/encoding.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/callers.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

struct encoding_work {
    struct crdt_encoding *slices; /* NULL: all is encoded */
    struct buf out;
    struct callers callers;
};

/* --- what is encoded ---------------------------------------------------------- */

/* What is in front of the state in {grove_delta, State, Self}. */
static size_t front_bytes(struct bytes message)
{
    struct etf_in in = etf_open(message);
    etf_tuple_of(&in, 3);
    etf_any(&in);
    return (size_t)(in.at - message.at);
}

static struct share share_of(const struct replica *r, enum encoded what, struct shared *s)
{
    struct bytes all = shared_bytes(s);
    if (what == ENCODED_VALUE)
        return (struct share){s, all};
    size_t front = front_bytes(all), back = process_pid(r->process).len;
    return (struct share){s, {all.at + front, all.len - front - back}};
}

/* --- slices ------------------------------------------------------------------- */

static struct encoding_work *work_of(struct replica *r, struct encoding *e)
{
    if (e->work == NULL) {
        e->work = mem_take(sizeof(*e->work));
        callers_open(&e->work->callers, processes_seed(process_table(r->process)));
    }
    return e->work;
}

static void begin(struct replica *r, enum encoded what)
{
    struct encoding_work *w = work_of(r, &r->encodings[what]);
    must(w->slices == NULL && r->encodings[what].bytes == NULL);
    if (what == ENCODED_STATE) {
        put_tuple(&w->out, 3);
        put_atom(&w->out, "grove_delta");
    }
    w->slices = crdt_encoding_open(r->crdt, what == ENCODED_VALUE);
}

/* Every caller that waits gets these bytes, even if the state changes first. */
static void give(struct replica *r, enum encoded what)
{
    struct encoding *e = &r->encodings[what];
    callers_give(&e->work->callers, share_of(r, what, e->bytes));
}

/* All is encoded. */
static void complete(struct replica *r, enum encoded what)
{
    struct encoding *e = &r->encodings[what];
    struct encoding_work *w = e->work;
    if (what == ENCODED_STATE)
        put_term(&w->out, process_pid(r->process));
    crdt_encoding_free(w->slices);
    w->slices = NULL;
    e->bytes = shared_new(&w->out);
    give(r, what);
}

static void step(struct replica *r, enum encoded what, size_t bytes)
{
    struct encoding_work *w = r->encodings[what].work;
    if (crdt_encoding_step(w->slices, bytes, &w->out))
        complete(r, what);
}

static void work_end(struct encoding *e)
{
    struct encoding_work *w = e->work;
    if (w == NULL || w->slices != NULL || callers_any(&w->callers))
        return;
    buf_free(&w->out);
    mem_free(w);
    e->work = NULL;
}

static struct shared *encode_now(struct replica *r, enum encoded what)
{
    struct encoding *e = &r->encodings[what];
    if (e->bytes == NULL && (e->work == NULL || e->work->slices == NULL))
        begin(r, what);
    if (e->bytes == NULL)
        step(r, what, SIZE_MAX);
    work_end(e);
    return e->bytes;
}

struct share encoding_state(struct replica *r)
{
    return share_of(r, ENCODED_STATE, encode_now(r, ENCODED_STATE));
}

struct share encoding_value(struct replica *r)
{
    return share_of(r, ENCODED_VALUE, encode_now(r, ENCODED_VALUE));
}

struct message_parts encoding_message(struct replica *r)
{
    struct shared *s = encode_now(r, ENCODED_STATE);
    struct bytes all = shared_bytes(s);
    size_t front = front_bytes(all);
    return (struct message_parts){{all.at, front}, {s, bytes_after(all, front)}};
}

size_t encoding_bytes(const struct replica *r)
{
    const struct shared *s = r->encodings[ENCODED_STATE].bytes;
    return s != NULL ? shared_bytes(s).len : 0;
}

/* --- callers ------------------------------------------------------------------ */

/* Who asks after what was postponed gets a state that has it. */
static void add_caller(struct replica *r, enum encoded what, struct bytes from, struct turn *t)
{
    struct encoding_work *w = work_of(r, &r->encodings[what]);
    callers_add(&w->callers, r->process, from, LIMIT_ENCODE_CALLS, postponed_any(r), t);
    replica_set_wake(r);
}

/* What was postponed is joined now. */
static void serve_late(struct replica *r, enum encoded what)
{
    struct encoding *e = &r->encodings[what];
    bool any = e->work != NULL && callers_are_late(&e->work->callers);
    if (any && e->bytes != NULL) {
        give(r, what);
    } else if (any) {
        begin(r, what);
        step(r, what, LIMIT_ENCODE_BYTES);
    }
}

void encoding_reply(struct replica *r, enum encoded what, struct bytes from, struct turn *t)
{
    struct encoding *e = &r->encodings[what];
    if (postponed_any(r)) {
        add_caller(r, what, from, t);
        return;
    }
    if (e->bytes == NULL && (e->work == NULL || e->work->slices == NULL)) {
        begin(r, what);
        step(r, what, LIMIT_ENCODE_BYTES);
    }
    if (e->bytes != NULL) {
        work_end(e);
        gen_reply_shared(r->process, from, share_of(r, what, e->bytes), t);
        return;
    }
    add_caller(r, what, from, t);
}

/* --- changes and time ----------------------------------------------------------- */

static bool is_open(const struct encoding *e)
{
    return e->work != NULL && (e->work->slices != NULL || e->work->callers.answers);
}

bool encoding_is_open(const struct replica *r)
{
    return is_open(&r->encodings[ENCODED_STATE]) || is_open(&r->encodings[ENCODED_VALUE]);
}

void encoding_finish(struct replica *r)
{
    for (unsigned i = 0; i < ENCODED_KINDS; i++)
        if (r->encodings[i].work != NULL && r->encodings[i].work->slices != NULL)
            step(r, (enum encoded)i, SIZE_MAX);
}

void encoding_forget(struct replica *r)
{
    for (unsigned i = 0; i < ENCODED_KINDS; i++) {
        must(r->encodings[i].work == NULL || r->encodings[i].work->slices == NULL);
        shared_release(r->encodings[i].bytes);
        r->encodings[i].bytes = NULL;
    }
}

bool encoding_waits(const struct replica *r)
{
    for (unsigned i = 0; i < ENCODED_KINDS; i++)
        if (r->encodings[i].work != NULL)
            return true;
    return false;
}

uint64_t encoding_due(const struct replica *r)
{
    must(encoding_is_open(r) || !postponed_any(r));
    return encoding_is_open(r) ? 1 : UINT64_MAX;
}

void encoding_wake(struct replica *r, struct turn *t)
{
    bool was_open = encoding_is_open(r);
    for (unsigned i = 0; i < ENCODED_KINDS; i++) {
        struct encoding *e = &r->encodings[i];
        if (e->work != NULL && e->work->slices != NULL)
            step(r, (enum encoded)i, LIMIT_ENCODE_BYTES);
        if (e->work == NULL || e->work->slices != NULL)
            continue;
        callers_answer(&e->work->callers, r->process, t);
        work_end(e);
    }
    if (!was_open || encoding_is_open(r))
        return;
    postponed_join(r, t);
    mutation_resume(r, t);
    for (unsigned i = 0; i < ENCODED_KINDS; i++)
        serve_late(r, (enum encoded)i);
}

void encoding_drained(struct replica *r)
{
    for (unsigned i = 0; i < ENCODED_KINDS; i++) {
        struct encoding_work *w = r->encodings[i].work;
        if (w == NULL || w->slices != NULL)
            continue;
        w->callers.answers = true;
        replica_set_wake(r);
    }
}

void encoding_free(struct replica *r)
{
    for (unsigned i = 0; i < ENCODED_KINDS; i++) {
        struct encoding *e = &r->encodings[i];
        shared_release(e->bytes);
        if (e->work == NULL)
            continue;
        crdt_encoding_free(e->work->slices);
        e->work->slices = NULL;
        callers_close(&e->work->callers);
        work_end(e);
    }
}
