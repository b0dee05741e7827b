#include "pg/pg.h"
#include "replica/replica.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* Whom one node has in the group. */
struct look {
    struct sim *sim;
    unsigned seen; /* a bit each */
    bool ghosts;   /* whoever is not there any more */
};

static void look_at(void *who, struct bytes pid)
{
    struct look *look = who;
    struct sim *s = look->sim;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        const struct process *p = check_replica_on(s, i);
        if (p != NULL && bytes_equal(process_pid(p), pid)) {
            look->seen |= 1u << i;
            return;
        }
    }
    look->ghosts = true;
}

/* Whether a replica knows so many others, makes every mutation at once, and its disk works. */
static bool is_well(const struct process *replica, unsigned others)
{
    struct buf status = {0};
    replica_status(replica, &status);
    struct bytes map = buf_bytes(&status);
    struct etf_in peers = etf_open(check_field(map, "peers"));
    struct etf_in waiting = etf_open(check_field(map, "waiting"));
    struct etf_in storage = etf_open(check_field(map, "storage"));
    bool well = etf_uint32(&peers) == others && etf_uint32(&waiting) == 0 &&
                (etf_accept(&storage, "none") || etf_accept(&storage, "ready"));
    buf_free(&status);
    return well;
}

static bool has_met(struct sim *s, unsigned node, unsigned all)
{
    struct look look = {.sim = s};
    struct buf group = {0};
    struct processes *table = node_processes(s->nodes[node].node);
    put_atom(&group, "counter");
    for (struct process *p = NULL; (p = processes_next(table, p)) != NULL;)
        if (pg_is_scope(p))
            pg_members(p, buf_bytes(&group), look_at, &look);
    buf_free(&group);
    bool well = sim_is_beam(s, node) || is_well(check_replica_on(s, node),
                                                (unsigned)__builtin_popcount(all & ~(1u << node)));
    return well && !look.ghosts && look.seen == all;
}

bool sim_all_met(struct sim *s)
{
    unsigned all = 0;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        if (sim_runs(s, i) && check_replica_on(s, i) == NULL)
            return false;
        all |= sim_runs(s, i) ? 1u << i : 0;
    }
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (sim_runs(s, i) && !has_met(s, i, all))
            return false;
    return true;
}
