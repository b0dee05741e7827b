#include "pg/pg.h"
#include "replica/replica.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* The members of the group as one node sees them. */
struct view {
    struct sim *sim;
    unsigned seen; /* a bit for each node */
    bool stale;    /* there is a member that no longer exists */
};

static void check_member(void *who, struct bytes pid)
{
    struct view *view = who;
    struct sim *s = view->sim;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        const struct process *p = check_replica_on(s, i);
        if (p != NULL && bytes_equal(process_pid(p), pid)) {
            view->seen |= 1u << i;
            return;
        }
    }
    view->stale = true;
}

/* Whether a replica knows this many others, has no queued mutations, and its storage works. */
static bool is_settled(const struct process *replica, unsigned others)
{
    struct buf status = {0};
    replica_status(replica, &status);
    struct bytes map = buf_bytes(&status);
    struct etf_in peers = etf_open(check_field(map, "peers"));
    struct etf_in waiting = etf_open(check_field(map, "waiting"));
    struct etf_in storage = etf_open(check_field(map, "storage"));
    bool settled = etf_uint32(&peers) == others && etf_uint32(&waiting) == 0 &&
                   (etf_accept(&storage, "none") || etf_accept(&storage, "ready"));
    buf_free(&status);
    return settled;
}

/* On a topic, Grove's servers are in no group; that a replica knows them is in its status. */
static bool sees_all(struct sim *s, unsigned node, unsigned all)
{
    struct view view = {.sim = s};
    struct buf group = {0};
    struct processes *table = node_processes(s->nodes[node].node);
    put_atom(&group, "counter");
    for (struct process *p = NULL; (p = processes_next(table, p)) != NULL;)
        if (pg_is_scope(p))
            pg_members(p, buf_bytes(&group), check_member, &view);
    buf_free(&group);
    bool settled =
        sim_is_beam(s, node) ||
        is_settled(check_replica_on(s, node), (unsigned)__builtin_popcount(all & ~(1u << node)));
    for (unsigned i = 0; s->options.pubsub && i < s->options.nodes; i++)
        if (sim_is_beam(s, i))
            view.seen |= all & 1u << i;
    return settled && !view.stale && view.seen == all;
}

bool sim_all_settled(struct sim *s)
{
    unsigned all = 0;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        if (sim_runs(s, i) && check_replica_on(s, i) == NULL)
            return false;
        all |= sim_runs(s, i) ? 1u << i : 0;
    }
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (sim_runs(s, i) && !sees_all(s, i, all))
            return false;
    return true;
}
