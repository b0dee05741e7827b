#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* --- what is known ----------------------------------------------------------- */

struct crdt *durable_grown(struct replica *r, bool own)
{
    struct durable *d = &r->durable;
    if (d->journals)
        return own ? d->own : d->heard;
    return own ? r->delta : NULL;
}

bool durable_is_ready(const struct replica *r)
{
    return r->durable.stage == DISK_NONE || r->durable.stage == DISK_READY;
}

bool durable_takes(const struct replica *r)
{
    return durable_is_ready(r) && !r->durable.writing && !r->durable.capturing;
}

struct bytes durable_trouble(const struct replica *r)
{
    return r->durable.stage == DISK_FAILED ? buf_bytes(&r->durable.reason) : (struct bytes){0};
}

bool durable_is_safe(const struct replica *r)
{
    const struct durable *d = &r->durable;
    return d->loaded && d->made.first == NULL && d->sent.first == NULL;
}

/* --- asking ------------------------------------------------------------------ */

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
    if (d->journals) {
        d->own = crdt_make(r->options.type, &r->crdt_options);
        d->heard = crdt_make(r->options.type, &r->crdt_options);
    }
    snapshot_start(r, t);
    load(r);
}

void durable_free(struct replica *r)
{
    struct durable *d = &r->durable;
    crdt_free(d->own);
    crdt_free(d->heard);
    buf_free(&d->reason);
    buf_free(&d->flying);
    waiting_free(r);
}

/* --- trouble ------------------------------------------------------------------ */

/* Logged when it is not what it was before: a full disk is tried every second. */
static void note_trouble(struct replica *r, const struct disk_trouble *trouble, struct turn *t)
{
    struct buf reason = {0};
    put_tuple(&reason, 2);
    put_atom(&reason, "storage");
    put_atom_bytes(&reason, trouble->reason);
    if (!bytes_equal(buf_bytes(&reason), buf_bytes(&r->durable.reason))) {
        struct bytes name = process_name(r->process);
        turn_log(t, LOG_ERROR, "%.*s: %.*s; mutations are refused until it can", (int)name.len,
                 (const char *)name.at, (int)trouble->what.len, (const char *)trouble->what.at);
    }
    buf_free(&r->durable.reason);
    r->durable.reason = reason;
}

static void failed(struct replica *r, const struct disk_trouble *trouble, struct turn *t)
{
    struct durable *d = &r->durable;
    note_trouble(r, trouble, t);
    d->stage = DISK_FAILED;
    d->retry_ms = t->now_ms + LIMIT_DISK_RETRY_MS;
    mutation_refuse_all(r, buf_bytes(&d->reason), t);
    if (!d->loaded)
        waiting_refuse_readers(r, t);
    replica_alarm(r);
}

static void renew(struct replica *r, struct crdt **c)
{
    crdt_free(*c);
    *c = crdt_make(r->options.type, &r->crdt_options);
}

/* What has not got to the disk has not happened: the replica becomes what it was when it was
 * last safe.  What it had heard since, the members tell again. */
static void fall_back(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    waiting_refuse_changes(r, t);
    mutation_refuse_all(r, buf_bytes(&d->reason), t);
    buf_clear(&d->flying);
    renew(r, &r->crdt);
    renew(r, &d->own);
    renew(r, &d->heard);
    replica_changed(r);
    d->loaded = false;
    load(r);
    /* Who asks us meanwhile is refused, and is told when it is known again; and what we have
     * asked may be answered to what we were before. */
    for (size_t i = 0; i < r->member_count; i++) {
        r->members[i]->behind = true;
        pull_stop(r, r->members[i], t);
        pull_from(r, r->members[i], t);
    }
}

/* --- writing ------------------------------------------------------------------ */

static void put_grown(struct replica *r, struct crdt **grown, struct buf *out)
{
    crdt_share_extras(*grown, r->crdt);
    crdt_state(*grown, out);
    renew(r, grown);
}

/* [Own, Heard], or one of them alone. */
static void write_record(struct replica *r, bool own, bool heard)
{
    struct durable *d = &r->durable;
    struct buf record = {0};
    put_list(&record, (uint32_t)own + heard);
    if (own) {
        put_grown(r, &d->own, &d->flying);
        put_term(&record, buf_bytes(&d->flying));
    }
    if (heard)
        put_grown(r, &d->heard, &record);
    put_nil(&record);
    d->writing = true;
    d->disk.append(d->disk.who, r->process, &record);
}

/* Whoever waited for what is now safe, and then the next mutations. */
static void go_on(struct replica *r, struct turn *t)
{
    durable_flush(r, t);
    if (durable_is_safe(r)) {
        waiting_answer_readers(r, t);
        push_to_behind(r, (struct bytes){0}, t);
    }
    mutation_go_on(r, t);
    replica_alarm(r);
}

/* What is safe is told with the next delta.  It is made of what peers told as well: if that
 * was so near a limit that it is beyond it now, they get the state. */
static void tell_flying(struct replica *r)
{
    bool changed;
    struct buf *flying = &r->durable.flying;
    if (flying->len == 0)
        return;
    bool joined = crdt_merge(r->delta, buf_bytes(flying), NULL, &changed) == OK;
    for (size_t i = 0; i < r->member_count && !joined; i++)
        r->members[i]->behind = true;
    buf_clear(flying);
}

/* All that was being written is on disk, or there was nothing to write. */
static void written(struct replica *r, struct turn *t)
{
    tell_flying(r);
    waiting_answer_sent(r, t);
}

/* A change that changed nothing waits as well: for what it found there already. */
void durable_flush(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    if (!d->journals || d->stage != DISK_READY || d->writing)
        return;
    bool own = !crdt_empty(d->own), heard = !crdt_empty(d->heard);
    if (!own && !heard && d->made.first == NULL)
        return;
    must(d->sent.first == NULL);
    d->sent = d->made;
    d->made = (struct waiters){0};
    if (own || heard)
        write_record(r, own, heard);
    else
        written(r, t);
}

/* --- what came of it ----------------------------------------------------------- */

/* Structs that do not fit are of another type, or were never written by us. */
static size_t join_record(struct replica *r, struct bytes record)
{
    struct etf_in in = etf_open(record);
    struct bytes state;
    size_t refused = 0;
    bool changed;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &state);)
        refused += crdt_merge(r->crdt, state, NULL, &changed) != OK;
    return refused + (etf_finish(&in) != OK);
}

static size_t join_records(struct replica *r, struct bytes records, size_t *count)
{
    struct etf_in in = etf_open(records);
    size_t refused = 0;
    for (*count = 0; in.at < in.end; ++*count)
        refused += join_record(r, etf_any(&in)) > 0;
    return refused;
}

/* False when what is there cannot be the state of this replica. */
static bool join_content(struct replica *r, const struct disk_content *content, struct turn *t)
{
    size_t count;
    bool changed;
    struct bytes name = process_name(r->process), file = buf_bytes(&r->options.storage.file);
    if (content->state.len > 0) {
        enum err e = crdt_merge(r->crdt, content->state, NULL, &changed);
        if (e != OK) {
            struct buf what = {0};
            buf_printf(&what, "the state of this group in %.*s is %s: choose another file or group",
                       (int)file.len, (const char *)file.at, err_text(e));
            failed(r, &(struct disk_trouble){BYTES("bad_state"), buf_bytes(&what)}, t);
            buf_free(&what);
            return false;
        }
    }
    size_t refused = join_records(r, content->records, &count);
    turn_log(t, refused > 0 ? LOG_ERROR : LOG_INFO,
             "%.*s: read %s and %zu records of the journal from %.*s%s", (int)name.len,
             (const char *)name.at, content->state.len > 0 ? "a state" : "no state", count,
             (int)file.len, (const char *)file.at,
             refused > 0 ? "; some do not fit this type and were left out" : "");
    r->durable.unsaved |= count > 0;
    return true;
}

static void ready(struct replica *r, struct turn *t)
{
    struct durable *d = &r->durable;
    d->stage = DISK_READY;
    if (d->reason.len > 0) {
        struct bytes name = process_name(r->process);
        turn_log(t, LOG_INFO, "%.*s: the disk works again; mutations go on", (int)name.len,
                 (const char *)name.at);
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
    if (!join_content(r, content, t))
        return;
    replica_changed(r);
    r->durable.loaded = true;
    if (r->durable.journals)
        begin(r);
    else
        ready(r, t);
    go_on(r, t);
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
    go_on(r, t);
}

void replica_appended(struct process *p, uint64_t journal_bytes, const struct disk_trouble *trouble,
                      struct turn *t)
{
    struct replica *r = replica_of(p);
    must(r->durable.writing);
    r->durable.writing = false;
    if (trouble != NULL) {
        note_trouble(r, trouble, t);
        fall_back(r, t);
        return;
    }
    if (journal_bytes > LIMIT_JOURNAL_BYTES && !r->durable.saving)
        r->durable.save_at_ms = t->now_ms;
    written(r, t);
    snapshot_if_due(r, t); /* before the next mutations: there may be no end of them */
    go_on(r, t);
}

/* --- time ---------------------------------------------------------------------- */

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
