#include "../limits.h"
#include "../mem.h"
#include "../store/storage.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"
#include "loading.h"

/* --- queries ----------------------------------------------------------------- */

struct crdt *durable_delta(struct replica *r, bool own)
{
    struct durable *d = &r->durable;
    if (d->journals)
        return own ? d->own : d->remote;
    struct crdt *growth = growth_delta(r, own);
    return own && growth == NULL && r->member_count > 0 ? r->delta : growth;
}

bool durable_is_ready(const struct replica *r)
{
    return r->durable.stage == DISK_NONE || r->durable.stage == DISK_READY;
}

bool durable_may_mutate(const struct replica *r)
{
    return durable_is_ready(r) && !r->durable.appending && !r->durable.capturing &&
           !encoding_is_open(r);
}

struct bytes durable_failure(const struct replica *r)
{
    return r->durable.stage == DISK_FAILED ? buf_bytes(&r->durable.reason) : (struct bytes){0};
}

bool durable_is_safe(const struct replica *r)
{
    const struct durable *d = &r->durable;
    return d->loaded && d->uncommitted.first == NULL && d->committing.first == NULL;
}

/* --- loading and opening ----------------------------------------------------- */

static void load(struct replica *r)
{
    r->durable.stage = DISK_LOADING;
    r->durable.disk.load(r->durable.disk.who, r->process);
}

static void begin(struct replica *r)
{
    r->durable.stage = DISK_OPENING;
    r->durable.disk.begin(r->durable.disk.who, r->process);
}

void durable_start(struct replica *r, const struct replica_disk *disk, struct turn *t)
{
    struct durable *d = &r->durable;
    d->loaded = r->options.storage.file.len == 0;
    if (d->loaded)
        return;
    must(disk != NULL);
    d->disk = *disk;
    d->journals = r->options.storage.durability == DURABILITY_SYNC;
    d->waiting.secret = processes_seed(process_table(r->process));
    if (d->journals) {
        d->own = crdt_make(r->options.type, &r->crdt_options);
        d->remote = crdt_make(r->options.type, &r->crdt_options);
    }
    snapshot_start(r, t);
    load(r);
}

void durable_free(struct replica *r)
{
    struct durable *d = &r->durable;
    loading_free(d->loading);
    crdt_free(d->own);
    crdt_free(d->remote);
    buf_free(&d->reason);
    buf_free(&d->unsaved_why);
    buf_free(&d->unsaved_what);
    buf_free(&d->in_flight);
    waiting_free(r);
}

/* --- failures ----------------------------------------------------------------- */

/* Logged only if it differs from the last failure: a full disk is retried every second. */
static void note_failure(struct replica *r, const struct disk_trouble *trouble, struct turn *t)
{
    struct buf reason = {0};
    put_tuple(&reason, 2);
    put_atom(&reason, "storage");
    put_atom_bytes(&reason, trouble->reason);
    if (!bytes_equal(buf_bytes(&reason), buf_bytes(&r->durable.reason))) {
        struct bytes name = process_name(r->process);
        turn_log(t, LOG_ERROR, "%.*s: %.*s; refusing mutations until storage works", TEXT(name),
                 TEXT(trouble->what));
    }
    buf_free(&r->durable.reason);
    r->durable.reason = reason;
}

static void failed(struct replica *r, const struct disk_trouble *trouble, struct turn *t)
{
    struct durable *d = &r->durable;
    note_failure(r, trouble, t);
    d->stage = DISK_FAILED;
    d->retry_ms = t->now_ms + LIMIT_DISK_RETRY_MS;
    mutation_refuse_all(r, buf_bytes(&d->reason), t);
    if (!d->loaded)
        waiting_refuse_readers(r, t);
    replica_set_wake(r);
}

static void reset(struct replica *r, struct crdt **c)
{
    crdt_free(*c);
    *c = crdt_make(r->options.type, &r->crdt_options);
}

/* What is not on disk has not happened: returns to the state that is on disk.  Deltas that
 * peers have sent since are pulled again. */
static void roll_back(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    waiting_refuse_mutations(r, t);
    mutation_refuse_all(r, buf_bytes(&d->reason), t);
    buf_clear(&d->in_flight);
    encoding_finish(r);
    reset(r, &r->crdt);
    reset(r, &d->own);
    reset(r, &d->remote);
    growth_lose(r);
    replica_changed(r);
    intake_rewind(r);
    d->loaded = false;
    load(r);
    /* Members whose pulls are refused meanwhile need the state when it is loaded; answers to
     * our own pulls may have been computed for the state that is gone. */
    for (size_t i = 0; i < r->member_count; i++) {
        r->members[i]->behind = true;
        pull_stop(r, r->members[i], t);
        pull_from(r, r->members[i], t);
    }
}

/* --- writing ------------------------------------------------------------------ */

static void put_delta(struct replica *r, struct crdt **delta, struct buf *out)
{
    growth_add(r, *delta);
    crdt_state(*delta, out);
    reset(r, delta);
}

/* The record is [Own, Remote], or a list of one of them. */
static void append_record(struct replica *r, bool own, bool remote, struct turn *t)
{
    struct durable *d = &r->durable;
    struct buf record = {0};
    put_list(&record, (uint32_t)own + remote);
    if (own) {
        put_delta(r, &d->own, &d->in_flight);
        put_term(&record, buf_bytes(&d->in_flight));
    }
    if (remote)
        put_delta(r, &d->remote, &record);
    put_nil(&record);
    d->appending = true;
    d->figures.append_began_ms = t->now_ms;
    r->unwritten_bytes = 0;
    d->disk.append(d->disk.who, r->process, &record);
}

/* Answers what has waited for this, then runs the next mutations. */
static void resume(struct replica *r, struct turn *t)
{
    durable_flush(r, t);
    if (durable_is_safe(r)) {
        waiting_answer_readers(r, t);
        push_to_behind(r, (struct bytes){0}, t);
    }
    mutation_resume(r, t);
    replica_set_wake(r);
}

static void publish_in_flight(struct replica *r)
{
    struct buf *in_flight = &r->durable.in_flight;
    if (in_flight->len > 0)
        exchange_publish(r, buf_bytes(in_flight));
    buf_clear(in_flight);
}

/* The record is on disk, or there was nothing to write. */
static void committed(struct replica *r, struct turn *t)
{
    publish_in_flight(r);
    waiting_answer_committed(r, t);
}

/* Mutations that changed nothing are committed, too: they depend on the state they found. */
void durable_flush(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    if (!d->journals || d->stage != DISK_READY || d->appending)
        return;
    bool own = !crdt_empty(d->own), remote = !crdt_empty(d->remote);
    if (!own && !remote && d->uncommitted.first == NULL)
        return;
    must(d->committing.first == NULL);
    d->committing = d->uncommitted;
    d->uncommitted = (struct waiters){0};
    if (own || remote)
        append_record(r, own, remote, t);
    else
        committed(r, t);
}

/* --- completions --------------------------------------------------------------- */

/* The snapshot cannot be a state of this replica. */
static void refuse_content(struct replica *r, enum err e, struct turn *t)
{
    struct buf what = {0};
    buf_printf(&what, "the state of this group in %.*s is %s: choose another file or group",
               TEXT(buf_bytes(&r->options.storage.file)), err_text(e));
    failed(r, &(struct disk_trouble){BYTES("bad_state"), buf_bytes(&what)}, t);
    buf_free(&what);
}

static void log_content(const struct replica *r, const struct loading_figures *f, struct turn *t)
{
    turn_log(t, f->refused > 0 ? LOG_ERROR : LOG_INFO,
             "%.*s: loaded %.*s: %s, %zu journal records%s", TEXT(process_name(r->process)),
             TEXT(buf_bytes(&r->options.storage.file)), f->snapshot ? "a snapshot" : "no snapshot",
             f->records, f->refused > 0 ? "; some do not fit this type and were skipped" : "");
}

static void ready(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    d->stage = DISK_READY;
    if (d->reason.len > 0) {
        struct bytes name = process_name(r->process);
        turn_log(t, LOG_INFO, "%.*s: storage works again; accepting mutations", TEXT(name));
    }
    buf_free(&d->reason);
}

static void tell_joined(struct replica *r, unsigned percent)
{
    struct durable *d = &r->durable;
    if (percent != d->joined_percent)
        d->disk.joined(d->disk.who, r->process, percent);
    d->joined_percent = percent < 100 ? percent : 0;
}

static void loaded(struct replica *r, const struct loading_figures *f, struct turn *t)
{
    bool unsaved = r->durable.unsaved || !f->saved;
    log_content(r, f, t);
    replica_changed(r);
    r->durable.unsaved = unsaved;
    r->estimated_bytes += f->bytes;
    r->durable.loaded = true;
    if (r->durable.journals)
        begin(r);
    else
        ready(r, t);
    resume(r, t);
}

/* Joins some of what was found. */
static void load_step(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    enum err e;
    if (!loading_step(d->loading, r, &e)) {
        tell_joined(r, loading_percent(d->loading));
        replica_set_wake(r);
        return;
    }
    struct loading_figures figures = loading_figures(d->loading);
    loading_free(d->loading);
    d->loading = NULL;
    if (d->joined_percent > 0)
        tell_joined(r, 100);
    if (e == OK)
        loaded(r, &figures, t);
    else
        refuse_content(r, e, t);
}

void replica_loaded(struct process *p, const struct disk_content *content,
                    const struct disk_trouble *trouble, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.stage == DISK_LOADING && !r->durable.loaded);
    if (trouble != NULL) {
        failed(r, trouble, t);
        return;
    }
    r->durable.loading = loading_open(content);
    load_step(r, t);
}

void replica_begun(struct process *p, const struct disk_trouble *trouble, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.stage == DISK_OPENING);
    if (trouble != NULL) {
        failed(r, trouble, t);
        return;
    }
    ready(r, t);
    resume(r, t);
}

static void note_appended(struct disk_figures *f, uint64_t journal_bytes, const struct turn *t)
{
    f->journal_bytes = journal_bytes;
    f->appends++;
    f->append_ms += t->now_ms - f->append_began_ms;
    f->appended_wall_ms = t->wall_ms;
}

void replica_appended(struct process *p, uint64_t journal_bytes, const struct disk_trouble *trouble,
                      struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.appending);
    r->durable.appending = false;
    if (trouble != NULL) {
        note_failure(r, trouble, t);
        roll_back(r, t);
        return;
    }
    note_appended(&r->durable.figures, journal_bytes, t);
    /* A snapshot that fails is not tried again with each change. */
    if (journal_bytes > LIMIT_JOURNAL_BYTES && !r->durable.saving && !snapshot_fails(r))
        r->durable.save_at_ms = t->now_ms;
    committed(r, t);
    snapshot_if_due(r, t); /* before the next mutations: they might never pause */
    resume(r, t);
}

/* --- wake-ups ------------------------------------------------------------------ */

uint64_t durable_due(const struct replica *r)
{
    const struct durable *d = &r->durable;
    uint64_t due_ms = snapshot_due(r);
    if (d->stage == DISK_FAILED && d->retry_ms < due_ms)
        due_ms = d->retry_ms;
    return d->loading != NULL ? 1 : due_ms;
}

void durable_wake(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    if (d->loading != NULL) {
        load_step(r, t);
        return;
    }
    snapshot_if_due(r, t);
    if (d->stage != DISK_FAILED || t->now_ms < d->retry_ms)
        return;
    if (d->loaded)
        begin(r);
    else
        load(r);
}

void durable_put_files(const struct replica *r, struct buf *out)
{
    struct bytes file = buf_bytes(&r->options.storage.file);
    struct buf others = {0};
    char group[STORAGE_GROUP_CHARS];
    if (file.len > 0) {
        storage_group(group, term_bytes(&r->options.group));
        buf_printf(&others, "%.*s.%s.*", (int)file.len, (const char *)file.at, group);
        put_list(out, 2);
        put_binary(out, file);
        put_binary(out, buf_bytes(&others));
    }
    put_nil(out);
    buf_free(&others);
}

void durable_put_status(const struct replica *r, struct buf *out)
{
    static const char *const names[] = {[DISK_NONE] = "none",
                                        [DISK_LOADING] = "loading",
                                        [DISK_OPENING] = "opening",
                                        [DISK_READY] = "ready"};
    if (r->durable.stage != DISK_FAILED) {
        put_atom(out, names[r->durable.stage]);
        return;
    }
    put_tuple(out, 2);
    put_atom(out, "error");
    put_term(out, buf_bytes(&r->durable.reason));
}
