#include <string.h>

#include "mem.h"
#include "replica/replica.h"
#include "term/etf.h"
#include "world.h"

/* What must be true of the replicas.
 *
 * After every step, for each node whose replica has changed:
 *   1. no replica knows a count of an actor that is greater than what the callers
 *      of that actor's node ever asked for, acknowledged or not;
 *   2. no count becomes less while the node lives;
 *   3. a node's own counts are at least what it has acknowledged since it was
 *      started.
 * In words: nothing is counted twice, nothing that was said to be counted is
 * missing from where it was said. */

static struct process *replica_on(struct sim *s, unsigned node)
{
    const struct node *n = s->nodes[node].node;
    struct processes *all = n != NULL ? node_processes(n) : NULL;
    struct process *p = all != NULL ? process_named(all, BYTES("counter")) : NULL;
    return p;
}

/* --- reading a state --------------------------------------------------------- */

/* The value of a struct's field. */
static struct bytes field(struct bytes map, const char *name)
{
    struct etf_in in = etf_open(map);
    struct bytes found = {0};
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        struct etf_in at = etf_open(key);
        if (etf_accept(&at, name))
            found = value;
    }
    must(found.len > 0);
    return found;
}

/* #{n1 => 5, ...}; what is there in any other form is nobody's deed. */
static bool read_counts(struct bytes map, uint64_t counts[SIM_NODES_MAX])
{
    struct etf_in in = etf_open(map);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct atom actor = {0};
        etf_atom(&in, &actor);
        uint64_t count = etf_uint64(&in);
        unsigned i = actor.len == 2 && actor.text[0] == 'n' ? actor.text[1] - '1' : MACHINES;
        if (in.err != OK || i >= SIM_NODES_MAX)
            return false;
        counts[i] = count;
    }
    return etf_finish(&in) == OK;
}

static bool read_state(const struct sim *s, struct bytes state, struct counted *c)
{
    *c = (struct counted){0};
    if (strcmp(s->options.crdt, "gcounter") == 0)
        return read_counts(field(state, "counts"), c->by[0]);
    return read_counts(field(field(state, "positive"), "counts"), c->by[0]) &&
           read_counts(field(field(state, "negative"), "counts"), c->by[1]);
}

static int64_t value_of(const struct counted *c)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        sum += (int64_t)c->by[0][i] - (int64_t)c->by[1][i];
    return sum;
}

/* --- after every step -------------------------------------------------------- */

static const char *sign_text(unsigned sign)
{
    return sign == 0 ? "up" : "down";
}

static void check_count(struct sim *s, unsigned node, unsigned actor, unsigned sign,
                        const struct counted *now)
{
    const struct ledger *l = &s->ledgers[actor];
    unsigned long long count = now->by[sign][actor];
    unsigned long long before = s->nodes[node].seen.by[sign][actor];
    if (count > l->asked[sign])
        sim_violated(s, "n%u has n%u count %s to %llu; only %llu was ever asked for", node + 1,
                     actor + 1, sign_text(sign), count, (unsigned long long)l->asked[sign]);
    if (count < before)
        sim_violated(s, "n%u has n%u count %s to %llu; it had %llu before", node + 1, actor + 1,
                     sign_text(sign), count, before);
    if (actor == node && count < l->acknowledged[sign])
        sim_violated(s, "n%u counts %s to %llu, but has acknowledged %llu", node + 1,
                     sign_text(sign), count, (unsigned long long)l->acknowledged[sign]);
}

static void check_changed(struct sim *s, unsigned node, struct bytes state)
{
    struct sim_node *n = &s->nodes[node];
    struct counted now;
    if (s->huge)
        return;
    if (!read_state(s, state, &now))
        sim_violated(s, "n%u has a state with strange counts", node + 1);
    for (unsigned sign = 0; sign < SIGNS; sign++)
        for (unsigned actor = 0; actor < SIM_NODES_MAX; actor++)
            check_count(s, node, actor, sign, &now);
    if (memcmp(&n->seen, &now, sizeof(now)) != 0)
        trace_deed(s, "n%u has %lld", node + 1, (long long)value_of(&now));
    n->seen = now;
}

void check_node(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    node_check(n->node);
    if (node_processes(n->node) != NULL)
        processes_check(node_processes(n->node));
    struct process *p = replica_on(s, node);
    if (p == NULL)
        return;
    struct buf state = {0};
    crdt_check(replica_crdt(p));
    crdt_state(replica_crdt(p), &state);
    if (bytes_equal(buf_bytes(&state), buf_bytes(&n->state))) {
        buf_free(&state);
        return;
    }
    check_changed(s, node, buf_bytes(&state));
    buf_free(&n->state);
    n->state = state;
}

void check_forget(struct sim *s, unsigned node)
{
    buf_clear(&s->nodes[node].state);
    s->nodes[node].seen = (struct counted){0};
    if (node < SIM_NODES_MAX)
        memset(s->ledgers[node].acknowledged, 0, sizeof(s->ledgers[node].acknowledged));
}

void check_acknowledged(struct sim *s, unsigned node, int64_t by)
{
    unsigned sign = by < 0;
    s->ledgers[node].acknowledged[sign] += (uint64_t)(by < 0 ? -by : by);
    for (unsigned i = 0; i < SIGNS; i++)
        check_count(s, node, node, i, &s->nodes[node].seen);
}

/* --- at the end -------------------------------------------------------------- */

/* The part of a state that all replicas must have in common. */
static void common(const struct sim *s, unsigned node, struct bytes parts[SIGNS])
{
    struct bytes state = buf_bytes(&s->nodes[node].state);
    if (strcmp(s->options.crdt, "gcounter") == 0) {
        parts[0] = parts[1] = field(state, "counts");
        return;
    }
    parts[0] = field(field(state, "positive"), "counts");
    parts[1] = field(field(state, "negative"), "counts");
}

bool sim_agrees(struct sim *s)
{
    struct bytes first[SIGNS] = {{0}}, other[SIGNS];
    if (!sim_all_ready(s))
        return false;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        if (s->nodes[i].node == NULL)
            continue;
        if (s->nodes[i].state.len == 0)
            return false;
        common(s, i, other);
        if (first[0].at == NULL)
            memcpy(first, other, sizeof(first));
        if (!bytes_equal(first[0], other[0]) || !bytes_equal(first[1], other[1]))
            return false;
    }
    return true;
}

int64_t sim_value(struct sim *s, unsigned node)
{
    must(s->nodes[node].node != NULL);
    return value_of(&s->nodes[node].seen);
}

uint64_t sim_count(struct sim *s, unsigned at, unsigned of)
{
    return s->nodes[at].seen.by[0][of];
}

void sim_huge(struct sim *s)
{
    s->huge = true;
}

size_t sim_watchers(struct sim *s, unsigned node)
{
    return process_watchers(replica_on(s, node));
}

uint64_t sim_acknowledged_since(const struct sim *s, unsigned node)
{
    return s->ledgers[node].acknowledged[0];
}
