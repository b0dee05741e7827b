#include "../limits.h"
#include "../term/write.h"
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
    d->figures.save_began_ms = t->now_ms;
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

/* --- failures ----------------------------------------------------------------- */

bool snapshot_fails(const struct replica *r)
{
    return r->durable.unsaved_why.len > 0;
}

/* Each attempt fails for the same reason until somebody mends it: one line, not one a minute. */
static void note_failure(struct replica *r, const struct disk_trouble *trouble, struct turn *t)
{
    struct durable *d = &r->durable;
    struct bytes name = process_name(r->process);
    d->figures.failed_saves++;
    if (!snapshot_fails(r))
        d->unsaved_since_ms = t->wall_ms;
    if (!bytes_equal(buf_bytes(&d->unsaved_what), trouble->what))
        turn_log(t, LOG_ERROR, "%.*s: snapshot failed: %.*s; %s; trying again every %llu ms",
                 TEXT(name), TEXT(trouble->what),
                 d->journals ? "changes stay in the journal"
                             : "changes since the last one would be lost in a crash",
                 (unsigned long long)r->options.snapshot_ms);
    buf_clear(&d->unsaved_why);
    buf_clear(&d->unsaved_what);
    buf_put(&d->unsaved_why, trouble->reason);
    buf_put(&d->unsaved_what, trouble->what);
}

static void note_success(struct replica *r, struct turn *t)
{
    struct disk_figures *f = &r->durable.figures;
    r->durable.saves++;
    f->save_ms += t->now_ms - f->save_began_ms;
    f->saved_wall_ms = t->wall_ms;
    struct bytes name = process_name(r->process);
    if (snapshot_fails(r))
        turn_log(t, LOG_INFO, "%.*s: snapshots work again", TEXT(name));
    buf_clear(&r->durable.unsaved_why);
    buf_clear(&r->durable.unsaved_what);
}

void snapshot_put_failure(const struct replica *r, struct buf *out)
{
    const struct durable *d = &r->durable;
    if (!snapshot_fails(r)) {
        put_atom(out, "nil");
        return;
    }
    put_map(out, 3);
    put_atom(out, "reason");
    put_atom_bytes(out, buf_bytes(&d->unsaved_why));
    put_atom(out, "since");
    put_uint(out, d->unsaved_since_ms);
    put_atom(out, "what");
    put_binary(out, buf_bytes(&d->unsaved_what));
}

void replica_saved(struct process *p, const struct disk_trouble *trouble, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.saving);
    r->durable.saving = false;
    r->durable.unsaved |= trouble != NULL;
    if (trouble != NULL)
        note_failure(r, trouble, t);
    else
        note_success(r, t);
    replica_set_wake(r);
}

/* ------------------------------------------------------------------------------ */

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
