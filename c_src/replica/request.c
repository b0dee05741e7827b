#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* How a request may be sent. */
enum { CALL = 1, CAST = 2, INFO = 4 };

struct row {
    struct bytes name;
    uint32_t args; /* after the name; without any, the atom alone or {Name} */
    unsigned as;   /* CALL | CAST | INFO */
    bool reads;    /* discloses the state: waits until it is safe */
    bool changes;  /* the state: not for a node that may only read */
    request_handler *handle;
};

static void value(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    (void)args;
    encoding_reply(r, ENCODED_VALUE, from, t);
}

static void state(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    (void)args;
    encoding_reply(r, ENCODED_STATE, from, t);
}

static void sync_now(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    (void)args;
    exchange_sync(r, false, t);
    if (from.len > 0)
        gen_reply_ok(r->process, from, t);
}

static void mutate(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    mutation_submit(r, &(struct mutation){.from = from, .body = args[0]}, t);
}

static void mutate_reply(struct replica *r, struct bytes from, const struct bytes *args,
                         struct turn *t)
{
    mutation_submit(r, &(struct mutation){.from = from, .body = args[0], .wants_results = true}, t);
}

static void delta(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    (void)from;
    if (!postponed_keep(r, args[0], args[1]))
        exchange_receive(r, args[0], args[1], t);
}

/* Grove documents functions, not the messages that they send, so each request is accepted
 * under every plausible name. */
static const struct row rows[] = {
    {BYTES("value"), 0, CALL, true, false, value},
    {BYTES("get_value"), 0, CALL, true, false, value},
    {BYTES("state"), 0, CALL, true, false, state},
    {BYTES("get_state"), 0, CALL, true, false, state},
    {BYTES("get"), 0, CALL, true, false, state},
    {BYTES("sync_now"), 0, CALL | CAST | INFO, true, false, sync_now},
    {BYTES("sync"), 0, CALL | CAST | INFO, true, false, sync_now},
    {BYTES("subscribe"), 1, CALL, true, false, subscribers_subscribe},
    {BYTES("subscribe"), 2, CALL, true, false, subscribers_subscribe},
    {BYTES("unsubscribe"), 1, CALL | CAST, false, false, subscribers_unsubscribe},
    {BYTES("coppice_ack"), 1, CAST | INFO, false, false, subscribers_ack},
    {BYTES("digest"), 1, CALL, true, false, compare_digest},
    {BYTES("digest"), 3, CALL, true, false, verify_digest},
    {BYTES("part"), 2, CALL, true, false, compare_part},
    {BYTES("narrow"), 3, CALL, true, false, narrow_digests},
    {BYTES("entries"), 3, CALL, true, false, narrow_entries},
    {BYTES("mutate"), 1, CALL | CAST, false, true, mutate},
    {BYTES("batch"), 1, CALL | CAST, false, true, mutate},
    {BYTES("mutate_reply"), 1, CALL, false, true, mutate_reply},
    {BYTES("grove_delta"), 1, CAST | INFO, false, true, delta},
    {BYTES("grove_delta"), 2, CAST | INFO, false, true, delta},
    {BYTES("delta"), 1, CAST | INFO, false, true, delta},
    {BYTES("delta"), 2, CAST | INFO, false, true, delta},
};

/* The row for Name, {Name}, {Name, Arg} and so on, or NULL; sets args. */
static const struct row *row_of(struct bytes request, unsigned as, struct bytes *args)
{
    struct etf_in in = etf_open(request);
    uint32_t arity = etf_peek(&in) == ETF_TUPLE ? etf_tuple(&in) : 1;
    struct bytes name = etf_name(&in);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((rows[i].as & as) == 0 || rows[i].args + 1 != arity || !bytes_equal(name, rows[i].name))
            continue;
        etf_any(&in);
        for (uint32_t n = 0; n < rows[i].args; n++)
            args[n] = etf_any(&in);
        return &rows[i];
    }
    return NULL;
}

static void unknown(struct replica *r, const struct gen_message *m, struct turn *t)
{
    if (m->kind != GEN_CALL) {
        r->ignored++;
        return;
    }
    gen_reply_unknown(r->process, m->from, m->request, t);
}

static void read_only(struct replica *r, struct bytes from, struct turn *t)
{
    if (from.len > 0)
        mutation_refuse(r, from, "read_only", t);
}

void request_handle(struct process *p, struct bytes message, struct turn *t)
{
    struct replica *r = replica_of(p);
    /* Of those who may only read, no delta is taken: it is refused below. */
    if (t->reader.len == 0 && intake_delta(r, message, t))
        return;
    struct gen_message m = gen_read(message);
    unsigned as = m.kind == GEN_CALL ? CALL : m.kind == GEN_CAST ? CAST : INFO;
    struct bytes args[REQUEST_ARGS_MAX] = {0};
    const struct row *row = row_of(m.request, as, args);
    if (row == NULL)
        unknown(r, &m, t);
    else if (row->changes && !turn_may_change(t))
        read_only(r, m.from, t);
    else if (row->reads)
        waiting_read(r, &(struct read_request){m.from, {args[0], args[1], args[2]}, row->handle},
                     t);
    else
        row->handle(r, m.from, args, t);
}
