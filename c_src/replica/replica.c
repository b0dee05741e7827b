#include "replica.h"

#include "../crdt/figures.h"
#include "../mem.h"
#include "../term/keyed_hash.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of a reason in a log line, at most. */
#define QUOTED 200

static const struct process_kind replica_kind;

bool replica_is(const struct process *p)
{
    return process_kind(p) == &replica_kind;
}

struct process *replica_next(struct processes *table, const struct process *after)
{
    struct process *p = processes_next(table, after);
    while (p != NULL && !replica_is(p))
        p = processes_next(table, p);
    return p;
}

struct replica *replica_of(const struct process *p)
{
    must(replica_is(p));
    return process_self(p);
}

struct bytes replica_group(const struct process *p)
{
    return term_bytes(&replica_of(p)->options.group);
}

const struct replica_options *replica_options(const struct process *p)
{
    return &replica_of(p)->options;
}

const struct crdt *replica_crdt(const struct process *p)
{
    return replica_of(p)->crdt;
}

bool replica_is_loaded(const struct process *p)
{
    return replica_of(p)->durable.loaded;
}

uint64_t replica_changes(const struct process *p)
{
    return replica_of(p)->changes;
}

/* --- changes ---------------------------------------------------------------- */

void replica_changed(struct replica *r)
{
    encoding_forget(r);
    compare_forget_digests(r);
    r->durable.unsaved = true;
    r->changes++;
    subscribers_changed(r);
}

/* --- life cycle ------------------------------------------------------------ */

static void free_self(void *self)
{
    struct replica *r = self;
    subscribers_free(r);
    mutation_free(r);
    fun_free(r);
    durable_free(r);
    intake_free(r);
    member_free_all(r);
    encoding_free(r);
    buf_free(&r->postponed);
    compare_forget_digests(r);
    mem_free(r->refused_for);
    crdt_free(r->crdt);
    crdt_free(r->delta);
    replica_options_free(&r->options);
    mem_free(r);
}

struct process *replica_start(struct processes *table, struct replica_options *options,
                              const struct replica_disk *disk, struct turn *t)
{
    struct replica *r = mem_take(sizeof(*r));
    struct process *p =
        process_start(table, &replica_kind, r, atom_text(term_bytes(&options->name)));
    if (p == NULL) {
        mem_free(r);
        return NULL;
    }
    r->process = p;
    r->options = *options;
    *options = (struct replica_options){0};
    /* Not from the turn: salts that are drawn in it are sent to peers. */
    r->crdt_options =
        (struct crdt_options){.actor = term_bytes(&r->options.actor),
                              .seed = keyed_hash(process_pid(p), processes_seed(table)),
                              .form = r->options.mapset};
    r->crdt = crdt_make(r->options.type, &r->crdt_options);
    r->delta = crdt_make(r->options.type, &r->crdt_options);
    r->unresponsive.secret = processes_seed(table);
    r->queue_end = &r->queue;
    r->queued.secret = processes_seed(table);
    r->intakes_end = &r->intakes;
    r->sync_at_ms = t->now_ms + r->options.sync_ms;
    repair_start(r, t);
    durable_start(r, disk, t);
    replica_set_wake(r);
    return p;
}

/* A node may have a hundred thousand replicas.  So one without members, whose last delta is gone
 * and whose callers are answered, does not tick; its next tick is overdue when a member comes. */
static uint64_t tick_due(struct replica *r)
{
    r->resting = r->member_count == 0 && crdt_empty(r->delta) && !encoding_waits(r);
    if (r->resting)
        return UINT64_MAX;
    return r->sync_at_ms < r->repair_at_ms ? r->sync_at_ms : r->repair_at_ms;
}

void replica_set_wake(struct replica *r)
{
    uint64_t at_ms = tick_due(r);
    if (r->catch_up_by_ms != 0 && !intake_is_open(r) && r->catch_up_by_ms < at_ms)
        at_ms = r->catch_up_by_ms;
    const uint64_t others[] = {durable_due(r), push_due(r),     mutation_due(r),
                               intake_due(r),  encoding_due(r), subscribers_due(r)};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        at_ms = others[i] < at_ms ? others[i] : at_ms;
    process_wake_at(r->process, at_ms != UINT64_MAX ? at_ms : 0);
}

static void wake(struct process *p, struct turn *t)
{
    struct replica *r = replica_of(p);
    if (t->now_ms >= r->sync_at_ms) {
        r->sync_at_ms = t->now_ms + r->options.sync_ms;
        exchange_sync(r, false, t);
        pull_tick(r, t);
    }
    catch_up_check(r, t);
    mutation_wake(r, t);
    durable_wake(r, t);
    push_wake(r, t);
    repair_wake(r, t);
    intake_wake(r, t);
    encoding_wake(r, t);
    subscribers_wake(r, t);
    replica_set_wake(r);
}

/* Joins what has come and is not joined yet. */
static void finish(struct process *p, struct turn *t)
{
    postponed_join(replica_of(p), t);
    intake_finish(replica_of(p), t);
}

static void answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    struct replica *r = replica_of(p);
    struct member *m = call == r->fun_call ? NULL : member_of_call(r, call);
    if (call == r->fun_call)
        fun_answer(r, a, t);
    else if (m != NULL)
        pull_answer(r, m, a, t);
}

static void down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    (void)reason;
    if (!subscribers_down(replica_of(p), watch))
        topic_server_down(replica_of(p), watch, t);
}

static void leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)reason;
    finish(p, t);
    exchange_sync(replica_of(p), true, t);
    subscribers_finish(replica_of(p), t);
    snapshot_final(replica_of(p));
}

/* --- the group ------------------------------------------------------------- */

void replica_joined(struct process *p, struct bytes pid, bool beam, struct turn *t)
{
    struct replica *r = replica_of(p);
    if (bytes_equal(pid, process_pid(p)))
        return;
    struct member *m = member_of_pid(r, pid);
    if (m == NULL) {
        m = member_add(r, pid);
        m->beam = beam;
        push_to(r, m, t);
        pull_from(r, m, t);
    }
    m->joins++;
}

void replica_left(struct process *p, struct bytes pid, struct turn *t)
{
    struct replica *r = replica_of(p);
    struct member *m = member_of_pid(r, pid);
    if (m != NULL)
        member_leave(r, m, t);
}

void replica_adapter_joined(struct process *p, struct bytes pid, struct turn *t)
{
    struct replica *r = replica_of(p);
    struct member *m = member_of_pid(r, pid);
    must(r->options.pubsub.len > 0);
    if (m == NULL) {
        m = member_add(r, pid);
        m->beam = m->adapter = true;
        pull_from(r, m, t);
    }
    m->joins++;
}

void replica_drained(struct process *p, struct bytes node, struct turn *t)
{
    push_to_behind(replica_of(p), node, t);
    encoding_drained(replica_of(p));
}

void replica_idle(struct process *p)
{
    subscribers_idle(replica_of(p));
}

void replica_settled(struct process *p, bool settled, struct turn *t)
{
    struct replica *r = replica_of(p);
    r->settled = settled;
    catch_up_check(r, t);
}

/* --- status ----------------------------------------------------------------- */

static void put_field(struct buf *out, const char *name, struct bytes value)
{
    put_atom(out, name);
    put_term(out, value);
}

static void put_count(struct buf *out, const char *name, uint64_t count)
{
    put_atom(out, name);
    put_uint(out, count);
}

static void put_nil_field(struct buf *out, const char *name)
{
    put_atom(out, name);
    put_atom(out, "nil");
}

static void put_pubsub(const struct replica *r, struct buf *out)
{
    if (r->options.pubsub.len == 0) {
        put_nil_field(out, "pubsub");
        put_nil_field(out, "pubsub_topic");
        return;
    }
    put_field(out, "pubsub", term_bytes(&r->options.pubsub));
    put_atom(out, "pubsub_topic");
    put_binary(out, buf_bytes(&r->options.topic));
}

/* The struct that sys:get_state returns for a Grove.Replication.Server; nil for fields that
 * do not apply. */
static void state(const struct process *p, struct buf *out)
{
    struct replica *r = replica_of(p);
    put_map(out, 13);
    put_atom(out, "__struct__");
    put_atom(out, "Elixir.Grove.Replication.Server");
    put_field(out, "actor", term_bytes(&r->options.actor));
    put_atom(out, "crdt_module");
    put_atom(out, r->options.type->module);
    put_field(out, "crdt_state", encoding_state(r).part);
    put_field(out, "group", term_bytes(&r->options.group));
    put_pubsub(r, out);
    put_nil_field(out, "snapshot_interval");
    put_nil_field(out, "snapshot_timer_ref");
    put_nil_field(out, "storage");
    put_nil_field(out, "storage_ref");
    put_count(out, "sync_interval", r->options.sync_ms);
    put_nil_field(out, "sync_timer_ref");
}

static size_t count_behind(const struct replica *r)
{
    size_t behind = 0;
    for (size_t i = 0; i < r->member_count; i++)
        behind += r->members[i]->behind;
    return behind;
}

static size_t count_peers(const struct replica *r)
{
    size_t adapters = 0;
    for (size_t i = 0; i < r->member_count; i++)
        adapters += r->members[i]->adapter;
    return r->member_count - adapters;
}

/* The nodes of the members with our actor. */
static void put_same_actor(const struct replica *r, struct buf *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < r->member_count; i++)
        count += r->members[i]->same_actor;
    if (count > 0)
        put_list(out, count);
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->same_actor)
            put_atom_bytes(out, member_node(r->members[i]));
    put_nil(out);
}

void replica_status(const struct process *p, struct buf *out)
{
    const struct replica *r = replica_of(p);
    struct tag_counts tags = crdt_tags(r->crdt);
    put_map(out, 22);
    put_field(out, "actor", term_bytes(&r->options.actor));
    put_count(out, "actors", crdt_actors(r->crdt));
    put_count(out, "behind", count_behind(r));
    put_atom(out, "crdt");
    put_atom(out, r->options.type->name);
    put_atom(out, "files");
    durable_put_files(r, out);
    put_field(out, "group", term_bytes(&r->options.group));
    put_count(out, "ignored", r->ignored);
    put_count(out, "merges", r->merges);
    put_count(out, "most_tags", tags.most);
    put_count(out, "mutations", r->mutations);
    put_count(out, "peers", count_peers(r));
    put_atom(out, "pubsub");
    topic_put_status(r, out);
    put_count(out, "refused", r->refused + process_dropped(r->process));
    put_count(out, "repairs", r->repairs);
    put_atom(out, "same_actor");
    put_same_actor(r, out);
    put_atom(out, "snapshot_failure");
    snapshot_put_failure(r, out);
    put_count(out, "snapshots", r->durable.saves);
    put_atom(out, "storage");
    durable_put_status(r, out);
    put_count(out, "subscribers", r->subscribers.count);
    put_count(out, "tags", tags.all);
    put_count(out, "tombstones", crdt_tombstones(r->crdt));
    put_count(out, "waiting", r->queued.all.count);
}

void replica_refused(struct replica *r, const char *what, struct bytes why, struct turn *t)
{
    if (!log_is_due(&r->refused))
        return;
    struct bytes name = process_name(r->process);
    int shown = why.len < QUOTED ? (int)why.len : QUOTED;
    turn_log(t, LOG_WARNING, "%.*s: refused %s: %.*s (%llu refused so far)", TEXT(name), what,
             shown, (const char *)why.at, (unsigned long long)r->refused);
}

static const struct process_kind replica_kind = {
    .module = "coppice_replica",
    .message = request_handle,
    .answer = answer,
    .down = down,
    .wake = wake,
    .finish = finish,
    .state = state,
    .leave = leave,
    .free = free_self,
    .traps_exits = true,
};
