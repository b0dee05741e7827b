#include "../limits.h"
#include "../mem.h"
#include "../store/storage.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

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

/* Returns how many of its structs are refused: of another type, or not written by us. */
static size_t merge_record(struct replica *r, struct bytes record)
{
    struct etf_in in = etf_open(record);
    struct bytes state;
    size_t refused = 0;
    bool changed;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &state);)
        refused += crdt_merge(r->crdt, state, NULL, &changed) != OK;
    return refused + (etf_finish(&in) != OK);
}

static size_t merge_records(struct replica *r, struct bytes records, size_t *count)
{
    struct etf_in in = etf_open(records);
    size_t refused = 0;
    for (*count = 0; in.at < in.end; ++*count)
        refused += merge_record(r, etf_any(&in)) > 0;
    return refused;
}

/* False if the snapshot cannot be a state of this replica. */
static bool merge_content(struct replica *r, const struct disk_content *content, struct turn *t)
{
    size_t count;
    bool changed;
    struct bytes name = process_name(r->process), file = buf_bytes(&r->options.storage.file);
    if (content->state.len > 0) {
        enum err e = crdt_merge(r->crdt, content->state, NULL, &changed);
        if (e != OK) {
            struct buf what = {0};
            buf_printf(&what, "the state of this group in %.*s is %s: choose another file or group",
                       TEXT(file), err_text(e));
            failed(r, &(struct disk_trouble){BYTES("bad_state"), buf_bytes(&what)}, t);
            buf_free(&what);
            return false;
        }
    }
    size_t refused = merge_records(r, content->records, &count);
    turn_log(t, refused > 0 ? LOG_ERROR : LOG_INFO, "%.*s: loaded %.*s: %s, %zu journal records%s",
             TEXT(name), TEXT(file), content->state.len > 0 ? "a snapshot" : "no snapshot", count,
             refused > 0 ? "; some do not fit this type and were skipped" : "");
    return true;
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

void replica_loaded(struct process *p, const struct disk_content *content,
                    const struct disk_trouble *trouble, struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.stage == DISK_LOADING && !r->durable.loaded);
    if (trouble != NULL) {
        failed(r, trouble, t);
        return;
    }
    if (!merge_content(r, content, t))
        return;
    bool unsaved = r->durable.unsaved || !content->saved;
    replica_changed(r);
    r->durable.unsaved = unsaved;
    r->estimated_bytes += content->state.len + content->records.len;
    r->durable.loaded = true;
    if (r->durable.journals)
        begin(r);
    else
        ready(r, t);
    resume(r, t);
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
    return due_ms;
}

void durable_wake(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
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
