#include "report.h"

#include "../crdt/figures.h"
#include "internal.h"

static void report_disk(const struct replica *r, struct replica_report *report)
{
    const struct durable *d = &r->durable;
    const struct disk_figures *f = &d->figures;
    report->stored = d->stage != DISK_NONE;
    report->fails = d->stage == DISK_FAILED || snapshot_fails(r);
    report->journal_bytes = f->journal_bytes;
    report->appends = f->appends;
    report->append_ms = f->append_ms;
    report->appended_ms = f->appended_wall_ms;
    report->snapshots = d->saves;
    report->snapshot_failures = f->failed_saves;
    report->snapshot_ms = f->save_ms;
    report->saved_ms = f->saved_wall_ms;
}

void replica_report(const struct process *p, struct replica_report *report)
{
    const struct replica *r = replica_of(p);
    struct member_report ignored;
    *report = (struct replica_report){
        .name = process_name(p),
        .group = term_bytes(&r->options.group),
        .type = r->options.type->name,
        .elements = crdt_elements(r->crdt),
        .tombstones = crdt_tombstones(r->crdt),
        .actors = crdt_actors(r->crdt),
        .waiting = r->queued.all.count,
        .mutations = r->mutations,
        .merges = r->merges,
        .syncs = r->repairs,
        .deltas_sent = r->deltas_sent,
        .deltas_received = r->deltas_received,
        .refused = r->refused,
        .refused_for = r->refused_for,
        .unfit = process_dropped(p),
    };
    for (size_t i = 0; replica_report_member(p, &i, &ignored);)
        report->members++;
    report_disk(r, report);
}

bool replica_report_member(const struct process *p, size_t *i, struct member_report *report)
{
    const struct replica *r = replica_of(p);
    while (*i < r->member_count && r->members[*i]->adapter)
        ++*i;
    if (*i >= r->member_count)
        return false;
    const struct member *m = r->members[(*i)++];
    *report = (struct member_report){
        .node = member_node(m),
        .beam = m->beam,
        .behind = m->behind || m->unsent != NULL,
        .agreement = m->agreement,
        .agreed_ms = m->agreed_wall_ms,
        .synced_ms = m->synced_wall_ms,
    };
    return true;
}

enum value_shown replica_report_value(const struct process *p, size_t elements, size_t bytes,
                                      struct buf *out)
{
    const struct replica *r = replica_of(p);
    if (!durable_is_safe(r) || encoding_is_open(r))
        return VALUE_LATER;
    if (crdt_elements(r->crdt) > elements || r->estimated_bytes > bytes)
        return VALUE_LARGE;
    crdt_value(r->crdt, out);
    return VALUE_SHOWN;
}
