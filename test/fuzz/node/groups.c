/* What scopes of pg say to each other, in both versions of the protocol (pg/pg_wire.h). */
#include "replica/replica.h"
#include "sayings.h"
#include "term/write.h"

/* The group of a replica, mostly. */
static void put_group(struct world *w, struct buf *out)
{
    const struct process *p = world_process(w);
    if (p != NULL && replica_is(p))
        put_term(out, replica_group(p));
    else
        put_word(&w->terms, out);
}

static void put_pids(struct world *w, struct buf *out, const struct peer *p)
{
    unsigned count = draw(&w->in, 4);
    if (count == 3) {
        arg_pid(w, out, p);
        return;
    }
    if (count > 0)
        put_list(out, count);
    for (; count > 0; count--)
        arg_pid(w, out, p);
    put_nil(out);
}

static void put_groups(struct world *w, struct buf *out, const struct peer *p, bool pairs)
{
    unsigned count = draw(&w->in, 4);
    if (count > 0)
        put_list(out, count);
    for (; count > 0; count--) {
        if (pairs)
            put_tuple(out, 2);
        put_group(w, out);
        if (pairs)
            put_pids(w, out, p);
    }
    put_nil(out);
}

void say_all_groups(struct world *w, struct buf *out, const struct peer *p,
                    const struct process *to)
{
    struct processes *all = node_processes(w->node);
    uint32_t count = 0;
    (void)to;
    for (struct process *r = NULL; (r = replica_next(all, r)) != NULL;)
        count++;
    arg_head(out, "$gen_cast", 1);
    arg_head(out, "sync", 2);
    put_term(out, buf_bytes(&p->pid));
    if (count > 0)
        put_list(out, count);
    for (struct process *r = NULL; (r = replica_next(all, r)) != NULL;) {
        put_tuple(out, 2);
        put_term(out, replica_group(r));
        put_list(out, 1);
        put_term(out, buf_bytes(&p->pid));
        put_nil(out);
    }
    put_nil(out);
}

static const struct {
    const char *name;
    uint32_t args;
} verbs[] = {{"discover", 1}, {"discover", 2}, {"join", 3},       {"join", 3},
             {"leave", 3},    {"update", 2},   {"local_data", 3}, {"sync", 2}};

void say_pg(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    unsigned verb = draw(&w->in, 8);
    (void)to;
    if (verb >= 6)
        arg_head(out, "$gen_cast", 1);
    arg_head(out, verbs[verb].name, verbs[verb].args);
    put_term(out, buf_bytes(&p->pid));
    switch (verb) {
    case 0:
        break;
    case 1:
        put_uint(out, 1);
        break;
    case 2:
    case 3:
        put_group(w, out);
        put_pids(w, out, p);
        break;
    case 4:
        put_pids(w, out, p);
        put_groups(w, out, p, false);
        break;
    case 5:
        put_list(out, 1);
        put_tuple(out, 3);
        put_group(w, out);
        put_pids(w, out, p);
        put_pids(w, out, p);
        put_nil(out);
        break;
    case 6:
        put_uint(out, 1);
        put_map(out, 1);
        put_group(w, out);
        put_pids(w, out, p);
        break;
    default:
        put_groups(w, out, p, true);
        break;
    }
}
