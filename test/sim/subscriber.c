/* What the callers are told of changes.
 *
 * Each message is compared with what the replica had at that version:
 *   1. its value is the value then, and versions only grow;
 *   2. what it tells of a durable node's own counts, that node never falls behind: it was on disk.
 * When nothing changes any more, each subscriber has been told of the last version. */
#include <stdio.h>

#include "mem.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

static uint64_t hash_of(struct bytes term)
{
    struct buf canonical = {0};
    enum err e = canon_put(&canonical, term);
    must(e == OK);
    uint64_t hash = bytes_hash(buf_bytes(&canonical), 0) | 1;
    buf_free(&canonical);
    return hash;
}

/* --- versions ------------------------------------------------------------------ */

void subscriber_note(struct sim *s, unsigned node)
{
    const struct sim_node *n = &s->nodes[node];
    const struct process *p = check_replica_on(s, node);
    if (p == NULL || !replica_is(p) || n->value.len == 0)
        return;
    uint64_t version = replica_changes(p) + 1;
    struct had *had = &s->told[node].had[version % VERSIONS_KEPT];
    if (had->version == version && had->replica == n->replica)
        return;
    *had = (struct had){.replica = n->replica,
                        .version = version,
                        .value = hash_of(buf_bytes(&n->value)),
                        .counts = n->seen};
}

/* NULL if the version was one within a step, or is long ago. */
static const struct had *had_then(const struct sim *s, unsigned node, uint64_t replica,
                                  uint64_t version)
{
    const struct had *had = &s->told[node].had[version % VERSIONS_KEPT];
    return had->version == version && had->replica == replica ? had : NULL;
}

/* --- messages ------------------------------------------------------------------- */

static struct subscription *subscription(struct sim *s, unsigned node, uint64_t ref)
{
    struct told *told = &s->told[node];
    for (size_t i = 0; i < told->count; i++)
        if (told->list[i].ref == ref)
            return &told->list[i];
    told->list = mem_room(told->list, told->count, &told->cap, sizeof(*told->list));
    struct subscription *added = &told->list[told->count++];
    *added = (struct subscription){.ref = ref};
    return added;
}

/* Each with the options of sim_subscribe(): the replica takes no notice of the needless ones. */
static void acknowledge(struct sim *s, unsigned node, struct bytes ref, struct bytes to)
{
    struct buf pid = {0}, message = {0};
    peer_put_pid(s, node, &pid);
    put_tuple(&message, 2);
    put_atom(&message, "coppice_ack");
    put_term(&message, ref);
    peer_send(s, node,
              &(struct signal){.kind = SIGNAL_SEND,
                               .from = buf_bytes(&pid),
                               .to = to,
                               .payload = buf_bytes(&message)});
    buf_free(&pid);
    buf_free(&message);
}

static void check_told(struct sim *s, unsigned node, const struct had *had, struct bytes value)
{
    if (had == NULL)
        return;
    if (value.len > 0 && hash_of(value) != had->value)
        sim_violated(s, "caller%u is told a value that n%u did not have", node + 1, node + 1);
    if (!s->nodes[node].wiped)
        check_reported(s, node, &had->counts);
}

/* The value in #{value => _, version => _}; empty if it has none. */
static struct bytes read_change(struct bytes change, uint64_t *version)
{
    struct etf_in in = etf_open(change);
    struct bytes value = {0};
    uint32_t pairs = etf_map(&in);
    if (pairs == 2) {
        etf_expect(&in, "value");
        value = etf_any(&in);
    }
    etf_expect(&in, "version");
    *version = etf_uint64(&in);
    must(etf_finish(&in) == OK);
    return value;
}

void subscriber_message(struct sim *s, unsigned node, const struct signal *signal)
{
    struct etf_in in = etf_open(signal->payload);
    uint64_t version, replica = hash_of(signal->from);
    etf_tuple_of(&in, 4);
    etf_expect(&in, "coppice_changed");
    etf_expect(&in, "counter");
    struct bytes ref = etf_any(&in), value = read_change(etf_any(&in), &version);
    if (etf_finish(&in) != OK)
        sim_violated(s, "caller%u got a message that tells of no change", node + 1);
    struct subscription *sub = subscription(s, node, hash_of(ref));
    if (version <= sub->version)
        sim_violated(s, "caller%u is told of version %llu after %llu", node + 1,
                     (unsigned long long)version, (unsigned long long)sub->version);
    sub->version = version;
    sub->replica = replica;
    check_told(s, node, had_then(s, node, replica, version), value);
    acknowledge(s, node, ref, signal->from);
}

void subscriber_lost(struct sim *s, unsigned node)
{
    s->told[node].count = 0;
}

void subscriber_free(struct sim *s, unsigned node)
{
    mem_free(s->told[node].list);
}

/* --- for storms ------------------------------------------------------------------- */

size_t sim_subscribe(struct sim *s, unsigned node)
{
    static const char *const options[] = {"#{}", "#{ack => true}", "#{what => version}"};
    char text[200];
    snprintf(text, sizeof(text), "{subscribe, #Pid<'%.*s'.100.0.7>, %s}",
             SLICE(buf_bytes(&s->callers[node].name)), options[sim_random(s, 3)]);
    must(!sim_is_beam(s, node));
    return sim_call(s, node, text);
}

bool sim_is_told(const struct sim *s, unsigned node)
{
    const struct process *p = check_replica_on(s, node);
    const struct told *told = &s->told[node];
    size_t subscriptions = 0;
    for (size_t i = 0; i < told->count; i++) {
        if (told->list[i].replica != s->nodes[node].replica)
            continue;
        if (told->list[i].version != replica_changes(p) + 1)
            return false;
        subscriptions++;
    }
    return subscriptions > 0;
}
