#include <string.h>

#include "items.h"
#include "mem.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "world.h"

/* The invariants of the replicas.
 *
 * Checked after every step, for each node whose replica has changed.  Of counters:
 *   1. no replica has a greater count for an actor than the callers of that actor's node ever
 *      asked for, acknowledged or not; a node's own count includes nothing that it has refused
 *      since its start;
 *   2. no count decreases while the node lives;
 *   3. a node's own counts are at least what it has acknowledged since its start, or has
 *      reported in a state.
 * In short: nothing is counted twice, and nothing acknowledged is missing where it was
 * acknowledged.  Of other types:
 *   4. a value contains only items that somebody asked for;
 *   5. an addition that a node has acknowledged since its start is there, as long as nobody asks
 *      for its removal; in a register, whose values replace each other, some value is;
 *   6. what was removed never comes back, in types that promise this.
 * Of all types: another replica can merge the state.
 *
 * A durable node counts as never restarted in 3, 5 and 6: whatever it ever acknowledged is there
 * as soon as it has read its files, whatever happened to its process, machine or disk.  And
 *   7. nobody has a greater count for it than itself: nothing is sent before it is durable, so
 *      no dot is issued twice.
 * A replica that has not read its files yet, or falls back to them after a disk failure, has
 * less than before, and only 1 and 4 apply.
 *
 * Of a reader, a node that may change nothing on the others, none of these has any count.
 *
 * The same is checked of a BEAM's replica: while it lives, Grove keeps what it acknowledged. */

struct process *check_replica_on(const struct sim *s, unsigned node)
{
    const struct node *n = s->nodes[node].node;
    struct processes *all = n != NULL ? node_processes(n) : NULL;
    return all != NULL ? process_named(all, BYTES("counter")) : NULL;
}

/* --- reading a state --------------------------------------------------------- */

struct bytes check_field(struct bytes map, const char *name)
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

/* #{n1 => 5, ...}; false for anything else. */
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
        return read_counts(check_field(state, "counts"), c->by[0]);
    return read_counts(check_field(check_field(state, "positive"), "counts"), c->by[0]) &&
           read_counts(check_field(check_field(state, "negative"), "counts"), c->by[1]);
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
    return sign == 0 ? "increments" : "decrements";
}

bool sim_is_reader(const struct sim *s, unsigned node)
{
    return s->options.has_reader && node + 1 == s->options.nodes;
}

static void check_count(struct sim *s, unsigned node, unsigned actor, unsigned sign,
                        const struct counted *now)
{
    const struct ledger *l = &s->ledgers[actor];
    bool own = actor == node, loaded = s->nodes[node].loaded;
    unsigned long long count = now->by[sign][actor];
    unsigned long long before = s->nodes[node].seen.by[sign][actor];
    unsigned long long most = l->asked[sign] - (own ? l->refused[sign] : 0);
    if (count > 0 && !own && sim_is_reader(s, actor))
        sim_violated(s, "n%u has %s of n%u %llu, which may only read", node + 1, sign_text(sign),
                     actor + 1, count);
    if (count > most)
        sim_violated(s, "n%u has %s of n%u %llu; only %llu were ever requested%s", node + 1,
                     sign_text(sign), actor + 1, count, most, own ? " and not refused" : "");
    if (loaded && count < before)
        sim_violated(s, "n%u has %s of n%u %llu; it had %llu before", node + 1, sign_text(sign),
                     actor + 1, count, before);
    if (loaded && own && count < l->acknowledged[sign])
        sim_violated(s, "n%u has its own %s %llu, but has acknowledged %llu", node + 1,
                     sign_text(sign), count, (unsigned long long)l->acknowledged[sign]);
    if (loaded && own && count < l->reported[sign])
        sim_violated(s, "n%u has its own %s %llu, but has reported %llu", node + 1, sign_text(sign),
                     count, (unsigned long long)l->reported[sign]);
}

static void check_ahead(struct sim *s, unsigned node, unsigned owner)
{
    const struct sim_node *n = &s->nodes[node], *o = &s->nodes[owner];
    if (!sim_is_durable(s, owner) || !o->loaded || o->wiped)
        return;
    for (unsigned sign = 0; sign < SIGNS; sign++)
        if (n->seen.by[sign][owner] > o->seen.by[sign][owner])
            sim_violated(s, "n%u has %s of n%u %llu, but that has %llu itself", node + 1,
                         sign_text(sign), owner + 1, (unsigned long long)n->seen.by[sign][owner],
                         (unsigned long long)o->seen.by[sign][owner]);
}

static void check_counts(struct sim *s, unsigned node, struct bytes state)
{
    struct sim_node *n = &s->nodes[node];
    struct counted now;
    if (s->unaccounted)
        return;
    if (!read_state(s, state, &now))
        sim_violated(s, "n%u has a state with invalid counts", node + 1);
    for (unsigned sign = 0; sign < SIGNS; sign++)
        for (unsigned actor = 0; actor < SIM_NODES_MAX; actor++)
            check_count(s, node, actor, sign, &now);
    if (memcmp(&n->seen, &now, sizeof(now)) != 0)
        trace_printf(s, "n%u has %lld", node + 1, (long long)value_of(&now));
    n->seen = now;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        check_ahead(s, node, i);
        check_ahead(s, i, node);
    }
}

/* --- items ------------------------------------------------------------------- */

/* Adds a value's elements or keys to the trace. */
static void trace_items(struct sim *s, unsigned node)
{
    struct buf text = {0};
    items_show(s, buf_bytes(&s->nodes[node].value), &text);
    trace_printf(s, "n%u has %.*s", node + 1, SLICE(text));
    buf_free(&text);
}

static void check_items(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    struct ledger *l = &s->ledgers[node];
    if (s->unaccounted)
        return;
    if (!items_read(s, buf_bytes(&n->value), &n->items) || (n->items & ~s->added) != 0)
        sim_violated(s, "n%u has an item that nobody added", node + 1);
    if (!n->loaded)
        l->promised = (struct sim_promised){0};
    else if (!sim_honours(s, node, l->promised) || !sim_honours(s, node, l->durable))
        sim_violated(s, "n%u lacks an item it acknowledged, or has one it removed", node + 1);
}

uint64_t sim_items(const struct sim *s, unsigned node)
{
    return s->nodes[node].items;
}

struct sim_promised sim_checkpoint(struct sim *s)
{
    struct sim_promised all = {0};
    /* A removed item may be there only because another node added it, and not be on this disk. */
    for (unsigned i = 0; i < s->options.nodes; i++)
        s->ledgers[i].durable.present &= ~s->removed;
    if (s->item_type != NULL && !s->item_type->final)
        s->removed = 0;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        all.present |= s->nodes[i].items;
        all.absent |= s->ledgers[i].promised.absent;
    }
    for (unsigned i = 0; i < s->options.nodes; i++) {
        s->ledgers[i].promised = all;
        s->nodes[i].wiped = false;
    }
    return all;
}

bool sim_honours(const struct sim *s, unsigned node, struct sim_promised promised)
{
    uint64_t items = s->nodes[node].items;
    if (s->item_type == NULL)
        return true;
    if (s->item_type->final && (items & promised.absent) != 0)
        return false;
    if (s->item_type->retains)
        return (promised.present & ~s->removed & ~items) == 0;
    return promised.present == 0 || items != 0;
}

void check_items_acknowledged(struct sim *s, unsigned node, uint64_t adds, uint64_t removes)
{
    struct ledger *l = &s->ledgers[node];
    bool durable = sim_is_durable(s, node);
    bool sure =
        !s->item_type->dots || s->options.peers_remember || s->nodes[node].life == 1 || durable;
    l->promised.present |= sure ? adds : 0;
    l->promised.absent |= removes;
    l->durable.present |= durable ? adds : 0;
    l->durable.absent |= durable ? removes : 0;
    if (s->nodes[node].loaded)
        check_items(s, node);
}

/* --- a replica ----------------------------------------------------------------- */

static void canonical(struct buf *out, const struct buf *term)
{
    buf_clear(out);
    enum err e = canon_put(out, buf_bytes(term));
    must(e == OK);
}

/* A state names its replica, and its maps are in insertion order.  To make states comparable,
 * merges this one into an empty replica of another actor. */
static void normalize(struct sim *s, unsigned node, const struct crdt *c)
{
    static const struct crdt_options eye = {.actor = {(const uint8_t *)"\x77\x03"
                                                                       "eye",
                                                      5}};
    struct sim_node *n = &s->nodes[node];
    struct crdt *seen = crdt_make(c->type, &eye);
    struct buf out = {0};
    bool changed;
    if (crdt_merge(seen, buf_bytes(&n->state), NULL, &changed) != OK)
        sim_violated(s, "n%u has a state that cannot be merged", node + 1);
    crdt_check(seen);
    crdt_state(seen, &out);
    canonical(&n->common, &out);
    crdt_free(seen);
    buf_clear(&out);
    crdt_value(c, &out);
    struct buf before = n->value;
    n->value = (struct buf){0};
    canonical(&n->value, &out);
    if (s->item_type != NULL && before.len > 0 &&
        !bytes_equal(buf_bytes(&before), buf_bytes(&n->value)))
        trace_items(s, node);
    buf_free(&before);
    buf_free(&out);
}

/* Whether the replica may have changed since the last call. */
static bool touched(struct sim_node *n, const struct process *p)
{
    bool ours = replica_is(p);
    uint64_t changes = ours ? replica_changes(p) + 1 : grove_changes(p);
    bool loaded = !ours || replica_is_loaded(p);
    bool same = changes == n->changes && loaded == n->loaded;
    n->changes = changes;
    n->loaded = loaded;
    return !same;
}

/* What a replica has refused, because the disk failed, may be on disk after all if it is killed
 * before the disk works again: what was written could not be removed. */
static void note_replica(struct sim *s, unsigned node, const struct process *p)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t replica = bytes_hash(process_pid(p), 0) | 1;
    if (n->replica == replica)
        return;
    n->replica = replica;
    n->replicas++;
    memset(s->ledgers[node].refused, 0, sizeof(s->ledgers[node].refused));
}

void check_node(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    node_check(n->node);
    if (node_processes(n->node) != NULL)
        processes_check(node_processes(n->node));
    struct process *p = check_replica_on(s, node);
    bool loaded = n->loaded;
    if (p == NULL)
        return;
    note_replica(s, node, p);
    if (!touched(n, p))
        return;
    struct buf state = {0};
    const struct crdt *c = replica_is(p) ? replica_crdt(p) : grove_crdt(p);
    crdt_check(c);
    crdt_state(c, &state);
    if (loaded == n->loaded && bytes_equal(buf_bytes(&state), buf_bytes(&n->state))) {
        buf_free(&state);
        return;
    }
    buf_free(&n->state);
    n->state = state;
    normalize(s, node, c);
    issued_check(s, node);
    if (s->item_type == NULL)
        check_counts(s, node, buf_bytes(&state));
    else
        check_items(s, node);
}

static void forget_durable(struct ledger *l)
{
    memset(l->acknowledged, 0, sizeof(l->acknowledged));
    memset(l->reported, 0, sizeof(l->reported));
    l->durable = (struct sim_promised){0};
}

void check_restarted(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    n->changes = 0;
    buf_clear(&n->state);
    buf_clear(&n->common);
    buf_clear(&n->value);
    n->seen = (struct counted){0};
    n->items = 0;
    n->loaded = false;
    if (node >= SIM_NODES_MAX)
        return;
    struct ledger *l = &s->ledgers[node];
    memset(l->refused, 0, sizeof(l->refused));
    l->promised = (struct sim_promised){0};
    if (!sim_is_durable(s, node))
        forget_durable(l);
}

void check_wiped(struct sim *s, unsigned node)
{
    forget_durable(&s->ledgers[node]);
    s->nodes[node].wiped = true;
}

void check_acknowledged(struct sim *s, unsigned node, int64_t by)
{
    unsigned sign = by < 0;
    s->ledgers[node].acknowledged[sign] += (uint64_t)(by < 0 ? -by : by);
    check_count(s, node, node, sign, &s->nodes[node].seen);
}

void check_refused(struct sim *s, unsigned node, int64_t by)
{
    unsigned sign = by < 0;
    s->ledgers[node].refused[sign] += (uint64_t)(by < 0 ? -by : by);
    check_count(s, node, node, sign, &s->nodes[node].seen);
}

void check_reported(struct sim *s, unsigned node, const struct counted *counts)
{
    struct ledger *l = &s->ledgers[node];
    if (s->unaccounted || !sim_is_durable(s, node))
        return;
    for (unsigned sign = 0; sign < SIGNS; sign++) {
        uint64_t own = counts->by[sign][node], before = l->reported[sign];
        l->reported[sign] = own > before ? own : before;
        check_count(s, node, node, sign, &s->nodes[node].seen);
    }
}

void check_state(struct sim *s, unsigned node, struct bytes reply)
{
    struct counted reported;
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (in.err != OK || s->item_type != NULL || s->unaccounted)
        return;
    if (!read_state(s, etf_any(&in), &reported))
        sim_violated(s, "n%u replied with a state with invalid counts", node + 1);
    check_reported(s, node, &reported);
}

/* --- at the end -------------------------------------------------------------- */

/* Whether the reader knows what the others know.  Its own counts are nowhere else; nor is what an
 * actor has lost in a crash and had told to the reader alone, from which it does not take it. */
static bool knows_all(const struct counted *reader, const struct counted *others)
{
    for (unsigned sign = 0; sign < SIGNS; sign++)
        for (unsigned actor = 0; actor < SIM_NODES_MAX; actor++)
            if (reader->by[sign][actor] < others->by[sign][actor])
                return false;
    return true;
}

static bool same_state(const struct sim *s, const struct sim_node *first, unsigned node)
{
    const struct sim_node *n = &s->nodes[node];
    return sim_is_reader(s, node) ? knows_all(&n->seen, &first->seen)
                                  : bytes_equal(buf_bytes(&first->common), buf_bytes(&n->common));
}

bool sim_converged(struct sim *s)
{
    const struct sim_node *first = NULL;
    if (!sim_all_ready(s))
        return false;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (n->node == NULL)
            continue;
        first = first != NULL ? first : n;
        if (!n->loaded || n->state.len == 0 || !same_state(s, first, i))
            return false;
        if (n->items != first->items)
            sim_violated(s, "n%u has the same state as another node, but another value", i + 1);
    }
    return true;
}

void check_value(struct sim *s, unsigned node, struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    struct buf replied = {0};
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (in.err != OK || canon_put(&replied, etf_any(&in)) != OK ||
        !bytes_equal(buf_bytes(&replied), buf_bytes(&s->nodes[node].value)))
        sim_violated(s, "n%u replied with a value that it does not have", node + 1);
    buf_free(&replied);
}

static void check_durable_on(struct sim *s, unsigned owner, unsigned node)
{
    const struct ledger *l = &s->ledgers[owner];
    const struct sim_node *n = &s->nodes[node];
    for (unsigned sign = 0; s->item_type == NULL && sign < SIGNS; sign++)
        if (n->seen.by[sign][owner] < l->acknowledged[sign])
            sim_violated(s, "in the end n%u has %s of n%u %llu; that has acknowledged %llu",
                         node + 1, sign_text(sign), owner + 1,
                         (unsigned long long)n->seen.by[sign][owner],
                         (unsigned long long)l->acknowledged[sign]);
    if (!sim_honours(s, node, l->durable))
        sim_violated(s, "in the end n%u lacks an item n%u acknowledged, or has one it removed",
                     node + 1, owner + 1);
}

void sim_check_durable(struct sim *s)
{
    for (unsigned owner = 0; owner < s->options.nodes; owner++)
        for (unsigned node = 0; node < s->options.nodes && sim_is_durable(s, owner); node++)
            if (!s->nodes[owner].left && !s->nodes[node].left && !sim_is_reader(s, owner))
                check_durable_on(s, owner, node);
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

void sim_stop_accounting(struct sim *s)
{
    s->unaccounted = true;
}

size_t sim_watchers(struct sim *s, unsigned node)
{
    return process_watchers(check_replica_on(s, node));
}

uint64_t sim_acknowledged(const struct sim *s, unsigned node)
{
    return s->ledgers[node].acknowledged[0];
}
