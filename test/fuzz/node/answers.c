/* What the node's own calls are answered: by members of a group, and by rex. */
#include "otp/process.h"
#include "sayings.h"
#include "term/etf.h"
#include "term/write.h"

#define RANGES_BYTES (1024 * 8)

/* A call of the node's: {Name, Arg, ...}, or of rex {call, Module, Name, Args, _}; from is a
 * replica of that type, or else any. */
struct asked {
    struct bytes name;
    struct etf_in args;
    const struct crdt_type *type;
};

static struct asked read_request(struct world *w, const struct question *q)
{
    const struct process *from = process_of_pid(node_processes(w->node), term_bytes(&q->pid));
    struct asked asked = {.type = arg_type(w, from)};
    struct etf_in in = etf_open(term_bytes(&q->request));
    if (etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 5 && etf_accept(&in, "call"))
        etf_any(&in);
    asked.name = etf_name(&in);
    etf_any(&in);
    asked.args = in;
    return asked;
}

static void put_ok(struct buf *out)
{
    put_tuple(out, 2);
    put_atom(out, "ok");
}

/* --- comparisons, as docs/wire.md describes them ------------------------------------------- */

static void put_digested(struct world *w, struct buf *out, struct asked *asked)
{
    unsigned which = draw(&w->in, 3);
    put_ok(out);
    if (which == 0) {
        put_atom(out, "equal");
    } else if (which == 1) {
        arg_head(out, "state", 1);
        arg_state(w, out, asked->type);
    } else {
        arg_head(out, "ranges", 1);
        arg_filler(w, out, RANGES_BYTES);
    }
}

/* Eight digests for each range that is asked for. */
static void put_narrowed(struct world *w, struct buf *out, struct asked *asked)
{
    size_t ranges = 0;
    etf_any(&asked->args);
    etf_any(&asked->args);
    struct bytes bits = etf_binary(&asked->args);
    for (size_t i = 0; i < 8 * bits.len; i++)
        ranges += bits.at[i / 8] >> i % 8 & 1;
    put_ok(out);
    arg_head(out, "narrow", 1);
    arg_filler(w, out, 8 * sizeof(uint32_t) * ranges);
}

/* Some of the buckets are covered, some of the fingerprints are wanted. */
static void put_entries(struct world *w, struct buf *out, struct asked *asked)
{
    etf_any(&asked->args);
    struct bytes buckets = etf_binary(&asked->args), prints = etf_binary(&asked->args);
    size_t wanted = prints.len / 8 * draw(&w->in, 3) / 2 * 8;
    put_ok(out);
    put_tuple(out, 3);
    put_uint(out, buckets.len / 2 > 0 ? 1 + draw_byte(&w->in) % (buckets.len / 2) : 0);
    put_binary(out, (struct bytes){prints.at, wanted});
    arg_state(w, out, asked->type);
}

static void put_part(struct world *w, struct buf *out, struct asked *asked)
{
    put_ok(out);
    put_tuple(out, 2);
    put_uint(out, 64u * draw_byte(&w->in));
    arg_state(w, out, asked->type);
}

/* --- rex ------------------------------------------------------------------------------------- */

static void put_pg_version(struct world *w, struct buf *out, struct asked *asked)
{
    (void)asked;
    put_uint(out, draw(&w->in, 3));
}

static void put_scope(struct world *w, struct buf *out, struct asked *asked)
{
    (void)w;
    (void)asked;
    put_atom(out, "grove");
}

static void put_state(struct world *w, struct buf *out, struct asked *asked)
{
    put_ok(out);
    arg_state(w, out, asked->type);
}

/* What several funs have returned (docs/requests.md), one after the other. */
static void put_evaluated(struct world *w, struct buf *out, struct asked *asked)
{
    unsigned count = draw(&w->in, 4);
    if (count > 0)
        put_list(out, count);
    for (; count > 0; count--) {
        if (draw(&w->in, 4) < 3) {
            arg_state(w, out, asked->type);
        } else {
            put_tuple(out, 2);
            put_word(&w->terms, out);
            arg_any(w, out);
        }
    }
    put_nil(out);
}

static void put_applied(struct world *w, struct buf *out, struct asked *asked)
{
    arg_state(w, out, asked->type);
}

static void put_names(struct world *w, struct buf *out, struct asked *asked)
{
    static const char *const nodes[] = {"new@h", "old@h", "beam@h", "a@h", "dialled@h"};
    (void)asked;
    put_list(out, 2);
    put_atom(out, nodes[draw(&w->in, 5)]);
    put_atom(out, nodes[draw(&w->in, 5)]);
    put_nil(out);
}

static void put_peers(struct world *w, struct buf *out, struct asked *asked)
{
    put_ok(out);
    put_names(w, out, asked);
}

static const struct {
    struct bytes asked;
    void (*put)(struct world *w, struct buf *out, struct asked *asked);
} answers[] = {
    {BYTES("digest"), put_digested},    {BYTES("narrow"), put_narrowed},
    {BYTES("entries"), put_entries},    {BYTES("part"), put_part},
    {BYTES("version"), put_pg_version}, {BYTES("scope"), put_scope},
    {BYTES("state"), put_state},        {BYTES("expr"), put_evaluated},
    {BYTES("apply"), put_applied},      {BYTES("nodes"), put_names},
    {BYTES("peers"), put_peers},
};

void say_answer(struct world *w, struct buf *out, const struct question *q)
{
    struct asked asked = read_request(w, q);
    unsigned how = draw(&w->in, 16);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]) && how < 12; i++)
        if (bytes_equal(asked.name, answers[i].asked)) {
            answers[i].put(w, out, &asked);
            return;
        }
    if (how == 12) {
        put_ok(out);
        arg_any(w, out);
    } else if (how == 13 || how == 14) {
        arg_head(out, how == 13 ? "error" : "badrpc", 1);
        arg_any(w, out);
    } else {
        arg_any(w, out);
    }
}
