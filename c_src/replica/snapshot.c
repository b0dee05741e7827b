#include "../limits.h"
#include "internal.h"

/* Spreads the first snapshots of replicas that are started together. */
void snapshot_start(struct replica *r, struct turn *t)
{
    uint64_t half_ms = r->options.snapshot_ms / 2;
    r->durable.save_at_ms = t->now_ms + half_ms + turn_random(t) % (half_ms + 1);
}

/* No other storage operation is under way, and the state is safe. */
static bool may_save(const struct replica *r)
{
    const struct durable *d = &r->durable;
    return durable_is_safe(r) && !d->saving && !d->appending &&
           (d->stage == DISK_READY || d->stage == DISK_FAILED);
}

void snapshot_if_due(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    if (!may_save(r) || t->now_ms < d->save_at_ms)
        return;
    struct buf none = {0}; /* replica_saved_state() provides it */
    d->save_at_ms = t->now_ms + r->options.snapshot_ms;
    if (!d->unsaved)
        return;
    d->saving = d->disk.save(d->disk.who, r->process, &none);
    d->capturing = d->saving;
    if (d->saving)
        d->unsaved = false;
    else
        d->save_at_ms = t->now_ms + LIMIT_DISK_RETRY_MS;
}

void replica_captured(struct process *p, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.capturing);
    r->durable.capturing = false;
    mutation_resume(r, t);
}

void replica_saved(struct process *p, const struct disk_trouble *trouble, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.saving);
    r->durable.saving = false;
    r->durable.saves += trouble == NULL;
    r->durable.unsaved |= trouble != NULL;
    if (trouble != NULL) {
        struct bytes name = process_name(p);
        turn_log(t, LOG_ERROR, "%.*s: snapshot failed: %.*s; next attempt in %llu ms", TEXT(name),
                 TEXT(trouble->what), (unsigned long long)r->options.snapshot_ms);
    }
    replica_set_wake(r);
}

void replica_saved_state(const struct process *p, struct buf *out)
{
    crdt_state(replica_of(p)->crdt, out);
}

void snapshot_final(struct replica *r)
{
    struct durable *d = &r->durable;
    if (d->stage == DISK_NONE || !d->loaded || !d->unsaved)
        return;
    struct buf state = {0};
    crdt_state(r->crdt, &state);
    d->disk.save(d->disk.who, r->process, &state);
}

uint64_t snapshot_due(const struct replica *r)
{
    return may_save(r) ? r->durable.save_at_ms : UINT64_MAX;
}
