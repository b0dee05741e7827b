#include <string.h>

#include "mem.h"
#include "ops.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "world.h"

/* What must be true of the replicas.
 *
 * After every step, for each node whose replica has changed, of counters:
 *   1. no replica knows a count of an actor that is greater than what the callers
 *      of that actor's node ever asked for, acknowledged or not;
 *      A node itself has nothing of what it has refused since it was started;
 *   2. no count becomes less while the node lives;
 *   3. a node's own counts are at least what it has acknowledged since it was
 *      started, or has told.
 * In words: nothing is counted twice, nothing that was said to be counted is
 * missing from where it was said.  And of other types:
 *   4. nothing is in a value that nobody ever asked to be there;
 *   5. what a node has acknowledged since it was started is there, as long as nobody
 *      asks for its removal; some value is, where a new one takes the place of others;
 *   6. what was removed stays away, where the type says so.
 * Of all of them: the state is one that another replica joins.
 *
 * A durable node has not been started anew, as far as 3, 5 and 6 go: what it has ever
 * acknowledged is there as soon as it has read its files, whatever has happened to its
 * process, its machine or its disk.  And
 *   7. nobody has a count of it that is greater than its own: nothing is told before it
 *      is safe, and so no number is given twice.
 * A replica that has not read its files yet, or goes back to them because the disk has failed,
 * has less than it had, and is held to 1 and 4 alone.
 *
 * A BEAM's replica is looked at as ours are: Grove, too, keeps what it has acknowledged as long
 * as it lives. */

struct process *check_replica_on(struct sim *s, unsigned node)
{
    const struct node *n = s->nodes[node].node;
    struct processes *all = n != NULL ? node_processes(n) : NULL;
    struct process *p = all != NULL ? process_named(all, BYTES("counter")) : NULL;
    return p;
}

/* --- reading a state --------------------------------------------------------- */

/* The value of a struct's field. */
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
    return sign == 0 ? "up" : "down";
}

static void check_count(struct sim *s, unsigned node, unsigned actor, unsigned sign,
                        const struct counted *now)
{
    const struct ledger *l = &s->ledgers[actor];
    bool own = actor == node, loaded = s->nodes[node].loaded;
    unsigned long long count = now->by[sign][actor];
    unsigned long long before = s->nodes[node].seen.by[sign][actor];
    unsigned long long most = l->asked[sign] - (own ? l->refused[sign] : 0);
    if (count > most)
        sim_violated(s, "n%u has n%u count %s to %llu; only %llu was ever asked for%s", node + 1,
                     actor + 1, sign_text(sign), count, most, own ? " and not refused" : "");
    if (loaded && count < before)
        sim_violated(s, "n%u has n%u count %s to %llu; it had %llu before", node + 1, actor + 1,
                     sign_text(sign), count, before);
    if (loaded && own && count < l->acknowledged[sign])
        sim_violated(s, "n%u counts %s to %llu, but has acknowledged %llu", node + 1,
                     sign_text(sign), count, (unsigned long long)l->acknowledged[sign]);
    if (loaded && own && count < l->told[sign])
        sim_violated(s, "n%u counts %s to %llu, but has told of %llu", node + 1, sign_text(sign),
                     count, (unsigned long long)l->told[sign]);
}

static void check_ahead(struct sim *s, unsigned node, unsigned owner)
{
    const struct sim_node *n = &s->nodes[node], *o = &s->nodes[owner];
    if (!sim_is_durable(s, owner) || !o->loaded || o->wiped)
        return;
    for (unsigned sign = 0; sign < SIGNS; sign++)
        if (n->seen.by[sign][owner] > o->seen.by[sign][owner])
            sim_violated(s, "n%u has n%u count %s to %llu, but itself it counts to %llu", node + 1,
                         owner + 1, sign_text(sign), (unsigned long long)n->seen.by[sign][owner],
                         (unsigned long long)o->seen.by[sign][owner]);
}

static void check_counts(struct sim *s, unsigned node, struct bytes state)
{
    struct sim_node *n = &s->nodes[node];
    struct counted now;
    if (s->unreckoned)
        return;
    if (!read_state(s, state, &now))
        sim_violated(s, "n%u has a state with strange counts", node + 1);
    for (unsigned sign = 0; sign < SIGNS; sign++)
        for (unsigned actor = 0; actor < SIM_NODES_MAX; actor++)
            check_count(s, node, actor, sign, &now);
    if (memcmp(&n->seen, &now, sizeof(now)) != 0)
        trace_deed(s, "n%u has %lld", node + 1, (long long)value_of(&now));
    n->seen = now;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        check_ahead(s, node, i);
        check_ahead(s, i, node);
    }
}

/* --- items ------------------------------------------------------------------- */

/* What is there of a value, for people: its elements or keys. */
static void show_items(struct sim *s, unsigned node)
{
    struct buf text = {0};
    ops_show(s, buf_bytes(&s->nodes[node].value), &text);
    trace_deed(s, "n%u has %.*s", node + 1, SLICE(text));
    buf_free(&text);
}

static void check_items(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    struct ledger *l = &s->ledgers[node];
    if (s->unreckoned)
        return;
    if (!ops_items(s, buf_bytes(&n->value), &n->items) || (n->items & ~s->added) != 0)
        sim_violated(s, "n%u has what nobody asked for", node + 1);
    if (!n->loaded)
        l->promised = (struct sim_promised){0};
    else if (!sim_keeps(s, node, l->promised) || !sim_keeps(s, node, l->kept))
        sim_violated(s, "n%u has not what it has acknowledged, or what it has said is gone",
                     node + 1);
}

uint64_t sim_items(const struct sim *s, unsigned node)
{
    return s->nodes[node].items;
}

struct sim_promised sim_all_know(struct sim *s)
{
    struct sim_promised all = {0};
    /* Its own addition may be gone from its disk, and be there because of another's. */
    for (unsigned i = 0; i < s->options.nodes; i++)
        s->ledgers[i].kept.there &= ~s->removed;
    if (s->habits != NULL && !s->habits->final)
        s->removed = 0;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        all.there |= s->nodes[i].items;
        all.gone |= s->ledgers[i].promised.gone;
    }
    for (unsigned i = 0; i < s->options.nodes; i++) {
        s->ledgers[i].promised = all;
        s->nodes[i].wiped = false;
    }
    return all;
}

bool sim_keeps(const struct sim *s, unsigned node, struct sim_promised promised)
{
    uint64_t items = s->nodes[node].items;
    if (s->habits == NULL)
        return true;
    if (s->habits->final && (items & promised.gone) != 0)
        return false;
    if (s->habits->keeps)
        return (promised.there & ~s->removed & ~items) == 0;
    return promised.there == 0 || items != 0;
}

void check_promised(struct sim *s, unsigned node, uint64_t adds, uint64_t removes)
{
    struct ledger *l = &s->ledgers[node];
    bool durable = sim_is_durable(s, node);
    bool sure = !s->habits->numbers || s->options.remembers || s->nodes[node].life == 1 || durable;
    l->promised.there |= sure ? adds : 0;
    l->promised.gone |= removes;
    l->kept.there |= durable ? adds : 0;
    l->kept.gone |= durable ? removes : 0;
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

/* A state names its replica, and its maps have the order in which things came.  So it is
 * looked at as one sees it who has nothing of his own. */
static void look(struct sim *s, unsigned node, const struct crdt *c)
{
    static const struct crdt_options eye = {.actor = {(const uint8_t *)"\x77\x03"
                                                                       "eye",
                                                      5}};
    struct sim_node *n = &s->nodes[node];
    struct crdt *seen = crdt_make(c->type, &eye);
    struct buf out = {0};
    bool changed;
    if (crdt_merge(seen, buf_bytes(&n->state), NULL, &changed) != OK)
        sim_violated(s, "n%u has a state that nobody can join", node + 1);
    crdt_check(seen);
    crdt_state(seen, &out);
    canonical(&n->common, &out);
    crdt_free(seen);
    buf_clear(&out);
    crdt_value(c, &out);
    struct buf before = n->value;
    n->value = (struct buf){0};
    canonical(&n->value, &out);
    if (s->habits != NULL && before.len > 0 &&
        !bytes_equal(buf_bytes(&before), buf_bytes(&n->value)))
        show_items(s, node);
    buf_free(&before);
    buf_free(&out);
}

/* Whether anything has happened to a replica since this was last asked. */
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

void check_node(struct sim *s, unsigned node)
{
    struct sim_node *n = &s->nodes[node];
    node_check(n->node);
    if (node_processes(n->node) != NULL)
        processes_check(node_processes(n->node));
    struct process *p = check_replica_on(s, node);
    bool loaded = n->loaded;
    if (p == NULL || !touched(n, p))
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
    look(s, node, c);
    numbers_check(s, node);
    if (s->habits == NULL)
        check_counts(s, node, buf_bytes(&state));
    else
        check_items(s, node);
}

static void forget_for_ever(struct ledger *l)
{
    memset(l->acknowledged, 0, sizeof(l->acknowledged));
    memset(l->told, 0, sizeof(l->told));
    l->kept = (struct sim_promised){0};
}

void check_forget(struct sim *s, unsigned node)
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
        forget_for_ever(l);
}

void check_wiped(struct sim *s, unsigned node)
{
    forget_for_ever(&s->ledgers[node]);
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

void check_state(struct sim *s, unsigned node, struct bytes reply)
{
    struct ledger *l = &s->ledgers[node];
    struct counted told;
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (in.err != OK || s->habits != NULL || s->unreckoned || !sim_is_durable(s, node))
        return;
    if (!read_state(s, etf_any(&in), &told))
        sim_violated(s, "n%u tells a state with strange counts", node + 1);
    for (unsigned sign = 0; sign < SIGNS; sign++) {
        uint64_t count = told.by[sign][node];
        l->told[sign] = count > l->told[sign] ? count : l->told[sign];
        check_count(s, node, node, sign, &s->nodes[node].seen);
    }
}

/* --- at the end -------------------------------------------------------------- */

bool sim_agrees(struct sim *s)
{
    const struct sim_node *first = NULL;
    if (!sim_all_ready(s))
        return false;
    for (unsigned i = 0; i < s->options.nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (n->node == NULL)
            continue;
        if (first == NULL)
            first = n;
        if (!n->loaded || n->state.len == 0 ||
            !bytes_equal(buf_bytes(&first->common), buf_bytes(&n->common)))
            return false;
        if (n->items != first->items)
            sim_violated(s, "n%u has the same state as another, but not its value", i + 1);
    }
    return true;
}

void check_value(struct sim *s, unsigned node, struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    struct buf told = {0};
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (in.err != OK || canon_put(&told, etf_any(&in)) != OK ||
        !bytes_equal(buf_bytes(&told), buf_bytes(&s->nodes[node].value)))
        sim_violated(s, "n%u tells another value than it has", node + 1);
    buf_free(&told);
}

static void check_kept_by(struct sim *s, unsigned owner, unsigned node)
{
    const struct ledger *l = &s->ledgers[owner];
    const struct sim_node *n = &s->nodes[node];
    for (unsigned sign = 0; s->habits == NULL && sign < SIGNS; sign++)
        if (n->seen.by[sign][owner] < l->acknowledged[sign])
            sim_violated(s, "in the end n%u has n%u count %s to %llu; it has acknowledged %llu",
                         node + 1, owner + 1, sign_text(sign),
                         (unsigned long long)n->seen.by[sign][owner],
                         (unsigned long long)l->acknowledged[sign]);
    if (!sim_keeps(s, node, l->kept))
        sim_violated(s,
                     "in the end n%u has not what n%u has acknowledged, or what that has said is "
                     "gone",
                     node + 1, owner + 1);
}

void sim_check_kept(struct sim *s)
{
    for (unsigned owner = 0; owner < s->options.nodes; owner++)
        for (unsigned node = 0; node < s->options.nodes && sim_is_durable(s, owner); node++)
            if (!s->nodes[owner].left && !s->nodes[node].left)
                check_kept_by(s, owner, node);
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

void sim_reckon_no_more(struct sim *s)
{
    s->unreckoned = true;
}

size_t sim_watchers(struct sim *s, unsigned node)
{
    return process_watchers(check_replica_on(s, node));
}

uint64_t sim_acknowledged_since(const struct sim *s, unsigned node)
{
    return s->ledgers[node].acknowledged[0];
}
