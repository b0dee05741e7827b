/* What messages are made of: mostly of the right kind and mostly live (pids, references and terms
 * that the node has sent), and now and then anything else. */
#include "otp/process.h"
#include "sayings.h"
#include "term/etf.h"
#include "term/write.h"

#define LEVELS      3
#define KNOWN_TRIES 8

void arg_any(struct world *w, struct buf *out)
{
    put_drawn(&w->terms, out, LEVELS);
}

/* One of the latest terms of that kind; empty if there is none. */
struct bytes arg_known(struct world *w, enum etf_kind kind)
{
    unsigned first = draw_byte(&w->in);
    for (unsigned i = 0; i < KNOWN_TRIES; i++) {
        struct bytes term = terms_known(&w->terms, first + i);
        struct etf_in in = etf_open(term);
        if (etf_peek(&in) == kind)
            return term;
    }
    return (struct bytes){0};
}

void arg_pid(struct world *w, struct buf *out, const struct peer *p)
{
    unsigned which = draw(&w->in, 8);
    struct bytes seen = which == 7 ? arg_known(w, ETF_PID) : (struct bytes){0};
    if (seen.len > 0)
        put_term(out, seen);
    else if (which == 6)
        put_pid(out, w->peers[draw(&w->in, PEERS)].self.name, which, 0, 1);
    else
        put_pid(out, p->self.name, which / 2, 0, 1);
}

void arg_ref(struct world *w, struct buf *out, const struct peer *p)
{
    struct bytes seen = draw(&w->in, 4) == 3 ? arg_known(w, ETF_REFERENCE) : (struct bytes){0};
    if (seen.len > 0)
        put_term(out, seen);
    else
        put_reference(out, p->self.name, 1, (const uint32_t[]){draw(&w->in, 8), 1, 1}, 3);
}

/* A process of the node: its pid, its name, or something else of that kind. */
const struct process *arg_target(struct world *w, struct buf *out, bool by_name)
{
    const struct process *to = world_process(w);
    bool named = to != NULL && process_name(to).len > 0;
    if (to == NULL || draw(&w->in, 32) == 31)
        put_word(&w->terms, out);
    else if (named && (by_name || draw(&w->in, 2) == 0))
        put_atom_bytes(out, process_name(to));
    else if (by_name)
        put_atom(out, "grove");
    else
        put_term(out, process_pid(to));
    return to;
}

const struct crdt_type *arg_type(struct world *w, const struct process *p)
{
    const struct crdt_type *type = p != NULL ? world_type(p) : NULL;
    return type != NULL ? type : crdt_type_at(draw(&w->in, 10));
}

void arg_state(struct world *w, struct buf *out, const struct crdt_type *type)
{
    put_struct(&w->terms, out, type, draw(&w->in, 2) == 0);
}

/* So many bytes from few. */
void arg_filler(struct world *w, struct buf *out, size_t len)
{
    struct bytes some = draw_bytes(&w->in, 16);
    len += draw(&w->in, 16) == 15;
    buf_put_u8(out, 109);
    buf_put_u32(out, (uint32_t)len);
    for (size_t i = 0; i < len; i++)
        buf_put_u8(out, some.len > 0 ? some.at[i % some.len] : 0);
}

void arg_head(struct buf *out, const char *name, uint32_t args)
{
    put_tuple(out, args + 1);
    put_atom(out, name);
}
