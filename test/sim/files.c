#include <stdio.h>
#include <string.h>

#include "fake/disk.h"
#include "mem.h"
#include "world.h"

/* Disk jobs, run as net/workers.c does: one at a time, in the order of the requests, except that
 * a save whose state has been captured runs beside the others.
 *
 * A job takes time, and makes all its disk calls when that is over.  A fault in one of the calls
 * then is a fault in the middle of the job.
 *
 * A node has one replica, and so one store at a time.  A replica that is restarted opens the next
 * one, which waits in the queue until the jobs of the last are done. */

/* A save writes everything, and takes this many times as long as other jobs. */
#define SAVE_TIMES 4
/* The only file of a node. */
#define TABLE "counter.dets"

struct job {
    struct job *next;
    enum action_kind kind;
    uint32_t store;
    struct buf bytes;
    struct storage_options storage; /* of ACTION_OPEN_STORE; borrows from bytes */
    bool beside;                    /* a save of the state captured in bytes */
    uint64_t segment; /* with beside: the journal before this segment is in that state */
    uint64_t due_ms;
};

struct files {
    struct fake_disk *disk;
    uint32_t id;
    struct storage *storage; /* NULL: the node has not requested any */
    struct job *first, **end;
    struct job *now, *beside; /* running */
    bool cut, power;          /* a coming call ends the process; the power fails with it */
    bool loaded;              /* the last load succeeded: the replica has what is in its table */
    uint64_t failures, ruins;
};

/* Where the table is mounted by itself, it cannot be replaced. */
static struct fake_disk *disk_new(bool mounted)
{
    struct fake_disk *d = fake_disk_new();
    if (mounted)
        fake_disk_mount(d, TABLE);
    return d;
}

struct files *files_new(bool mounted)
{
    struct files *f = mem_take(sizeof(*f));
    f->disk = disk_new(mounted);
    f->end = &f->first;
    return f;
}

static void job_free(struct job *w)
{
    if (w != NULL)
        buf_free(&w->bytes);
    mem_free(w);
}

static struct job *take_first(struct files *f)
{
    struct job *w = f->first;
    f->first = w->next;
    if (f->first == NULL)
        f->end = &f->first;
    return w;
}

void files_kill(struct files *f)
{
    while (f->first != NULL)
        job_free(take_first(f));
    job_free(f->now);
    job_free(f->beside);
    f->now = f->beside = NULL;
    f->cut = false;
    fake_disk_kill(f->disk);
    storage_free(f->storage);
    f->storage = NULL;
}

void files_free(struct files *f)
{
    if (f == NULL)
        return;
    files_kill(f);
    fake_disk_free(f->disk);
    mem_free(f);
}

/* --- jobs -------------------------------------------------------------------------- */

static enum event_kind event_of(enum action_kind kind)
{
    switch (kind) {
    case ACTION_LOAD:
        return EVENT_LOADED;
    case ACTION_BEGIN:
        return EVENT_BEGUN;
    case ACTION_APPEND:
        return EVENT_APPENDED;
    default:
        must(kind == ACTION_SAVE);
        return EVENT_SAVED;
    }
}

/* --- ruins ------------------------------------------------------------------------- */

/* Text, zeros, or what is left of it when it was truncated, or a part of it overwritten. */
static void ruin_bytes(struct sim *s, struct buf *b)
{
    size_t at = (size_t)sim_random(s, b->len + 1);
    switch (sim_random(s, 4)) {
    case 0:
        buf_clear(b);
        buf_put(b, bytes_of("[{page_views, 17}].\n"));
        break;
    case 1:
        memset(b->at, 0, b->len);
        break;
    case 2:
        b->len = at;
        break;
    default:
        for (size_t end = at + sim_random(s, 512); at < end && at < b->len; at++)
            b->at[at] = (uint8_t)sim_random(s, 256);
        break;
    }
}

/* Ruins or removes the table right before a save.  Not if that may fail: what is in memory and
 * nowhere else would not survive a crash. */
static void ruin(struct sim *s, unsigned i, const struct job *w)
{
    struct files *f = s->nodes[i].files;
    const char *path = fake_disk_has(f->disk, TABLE ".next") ? TABLE ".next" : TABLE;
    if (!s->options.ruins || w->kind != ACTION_SAVE || !f->loaded || !fake_disk_is_sound(f->disk) ||
        !fake_disk_has(f->disk, path) || sim_random(s, 4) > 0)
        return;
    struct buf bytes = {0};
    buf_put(&bytes, fake_disk_bytes(f->disk, path));
    trace_printf(s, "n%u's %s is ruined", i + 1, path);
    f->ruins++;
    if (bytes.len == 0 || sim_random(s, 8) == 0) {
        (void)fake_disk(f->disk)->remove(f->disk, path);
    } else {
        ruin_bytes(s, &bytes);
        fake_disk_overwrite(f->disk, path, buf_bytes(&bytes));
    }
    buf_free(&bytes);
}

/* --- running jobs ------------------------------------------------------------------ */

/* What a job results in, besides its error. */
struct result {
    struct storage_found found;
    struct storage_note note;
    struct storage_failure failure;
};

static enum err run(struct sim *s, unsigned i, const struct job *w, struct result *r)
{
    struct files *f = s->nodes[i].files;
    enum err e;
    ruin(s, i, w);
    switch (w->kind) {
    case ACTION_LOAD:
        e = storage_load(f->storage, &r->found, &r->failure);
        f->loaded = e == OK;
        return e;
    case ACTION_BEGIN:
        return storage_begin(f->storage, &r->failure);
    case ACTION_APPEND:
        return storage_append(f->storage, buf_bytes(&w->bytes), &r->failure);
    default:
        return storage_save(f->storage, buf_bytes(&w->bytes),
                            w->beside ? w->segment : storage_rotate(f->storage), &r->note,
                            &r->failure);
    }
}

static void done(struct sim *s, unsigned i);

static void start(struct sim *s, unsigned i, struct job *w)
{
    struct files *f = s->nodes[i].files;
    const struct sim_options *o = &s->options;
    uint64_t ms = o->disk_min_ms + sim_random(s, o->disk_max_ms - o->disk_min_ms + 1);
    ms *= w->kind == ACTION_SAVE ? SAVE_TIMES : 1;
    w->due_ms = s->now_ms + ms;
    *(w->beside ? &f->beside : &f->now) = w;
    world_schedule(s, ms, done, i);
}

static bool is_idle(const struct files *f)
{
    return f->now == NULL && f->beside == NULL;
}

static void open_next(struct files *f)
{
    struct job *w = take_first(f);
    storage_free(f->storage);
    f->loaded = false;
    f->id = w->store;
    f->storage = storage_new(fake_disk(f->disk), &w->storage);
    job_free(w);
}

/* Starts the next job if it may run now. */
static void start_next(struct sim *s, unsigned i)
{
    struct files *f = s->nodes[i].files;
    while (f->first != NULL && f->first->kind == ACTION_OPEN_STORE && is_idle(f))
        open_next(f);
    if (f->first != NULL && f->first->kind == ACTION_OPEN_STORE)
        return;
    if (f->first != NULL && f->now == NULL && !(f->first->kind == ACTION_SAVE && f->beside != NULL))
        start(s, i, take_first(f));
}

/* Takes the running job if it is due; it may have been dropped with its process. */
static struct job *take_due(struct sim *s, struct job **running)
{
    struct job *w = *running;
    if (w == NULL || w->due_ms > s->now_ms)
        return NULL;
    *running = NULL;
    return w;
}

static void tell(struct sim *s, unsigned i, const struct job *w, enum err err, struct result *r)
{
    struct files *f = s->nodes[i].files;
    struct event e = {
        .kind = event_of(w->kind),
        .store = w->store,
        .failure = err != OK ? &r->failure : NULL,
        .found = w->kind == ACTION_LOAD && err == OK ? &r->found : NULL,
        .note = r->note.text,
        .journal_bytes = w->kind == ACTION_APPEND ? storage_journal_bytes(f->storage) : 0,
    };
    start_next(s, i);
    world_step(s, i, &e);
}

static void done(struct sim *s, unsigned i)
{
    struct files *f = s->nodes[i].files;
    struct result r = {0};
    struct job *w = take_due(s, &f->now);
    if (w == NULL)
        w = take_due(s, &f->beside);
    if (w == NULL)
        return;
    enum err e = run(s, i, w, &r);
    f->failures += e != OK;
    if (f->cut && fake_disk_failed(f->disk))
        (f->power ? sim_power_off : sim_crash)(s, i);
    else
        tell(s, i, w, e, &r);
    storage_found_free(&r.found);
    job_free(w);
}

/* --- actions ----------------------------------------------------------------------- */

static void save_beside(struct sim *s, unsigned i, struct job *w)
{
    struct files *f = s->nodes[i].files;
    must(f->now == NULL && f->beside == NULL && f->first == NULL);
    node_saved_state(s->nodes[i].node, f->id, &w->bytes);
    w->segment = storage_rotate(f->storage);
    w->beside = true;
    start(s, i, w);
}

static struct job *job_new(const struct action *a)
{
    struct job *w = mem_take(sizeof(*w));
    w->kind = a->kind;
    w->store = a->store;
    buf_put(&w->bytes, buf_bytes(&a->bytes));
    if (a->kind == ACTION_OPEN_STORE) {
        size_t file_len = a->storage.file.len;
        w->storage = a->storage;
        w->storage.file.at = w->bytes.at;
        w->storage.group.at = w->bytes.at + file_len;
        w->storage.owner.at = w->storage.group.at + w->storage.group.len;
    }
    return w;
}

void files_perform(struct sim *s, unsigned i, const struct action *a)
{
    struct files *f = s->nodes[i].files;
    if (a->kind == ACTION_CLOSE_STORE)
        return;
    struct job *w = job_new(a);
    if (w->kind == ACTION_SAVE && w->bytes.len == 0) {
        must(f->id == w->store);
        save_beside(s, i, w);
        return;
    }
    *f->end = w;
    f->end = &w->next;
    start_next(s, i);
}

/* At once, and the results go nowhere. */
void files_finish(struct sim *s, unsigned i)
{
    struct files *f = s->nodes[i].files;
    while (f != NULL) {
        struct result r = {0};
        struct job *w = f->beside != NULL ? f->beside : f->now;
        if (w == NULL && f->first == NULL)
            break;
        if (w == NULL && f->first->kind == ACTION_OPEN_STORE) {
            open_next(f);
            continue;
        }
        if (w == NULL)
            w = take_first(f);
        f->now = w == f->now ? NULL : f->now;
        f->beside = w == f->beside ? NULL : f->beside;
        f->failures += run(s, i, w, &r) != OK;
        storage_found_free(&r.found);
        job_free(w);
    }
    if (f == NULL)
        return;
    bool power = f->cut && f->power && fake_disk_failed(f->disk);
    files_kill(f);
    if (power)
        files_power_off(s, i);
}

/* --- the machine ------------------------------------------------------------------- */

void files_put_option(const struct sim *s, unsigned i, char *out, size_t size)
{
    const struct sim_options *o = &s->options;
    bool interval = (o->interval >> i & 1) != 0;
    out[0] = '\0';
    if (sim_is_stored(s, i))
        snprintf(out, size, ", snapshot_interval => %llu, storage => #{file => \"%s\"%s}",
                 (unsigned long long)o->snapshot_ms, TABLE,
                 interval ? ", durability => interval" : "");
}

void files_power_off(struct sim *s, unsigned i)
{
    fake_disk_crash(s->nodes[i].files->disk, world_random(s));
}

bool sim_is_stored(const struct sim *s, unsigned i)
{
    return i < s->options.nodes && (s->options.stored >> i & 1) != 0;
}

bool sim_is_durable(const struct sim *s, unsigned i)
{
    return sim_is_stored(s, i) && (s->options.interval >> i & 1) == 0;
}

void sim_disk_fail(struct sim *s, unsigned i, uint64_t n, int code, bool then_all)
{
    struct files *f = s->nodes[i].files;
    trace_printf(s, "n%u's disk will fail %s call %llu: %s", i + 1, then_all ? "from" : "in",
                 (unsigned long long)n, strerror(-code));
    f->cut = false;
    fake_disk_fail(f->disk, n, code, then_all);
}

void sim_disk_cut(struct sim *s, unsigned i, uint64_t n, bool power)
{
    struct files *f = s->nodes[i].files;
    must(s->nodes[i].node != NULL);
    trace_printf(s, "n%u will %s in disk call %llu", i + 1, power ? "lose power" : "crash",
                 (unsigned long long)n);
    f->cut = true;
    f->power = power;
    fake_disk_kill_at(f->disk, n);
}

void sim_disk_heal(struct sim *s, unsigned i)
{
    struct files *f = s->nodes[i].files;
    trace_printf(s, "n%u's disk is healed", i + 1);
    f->cut = false;
    fake_disk_heal(f->disk);
}

void sim_disk_wipe(struct sim *s, unsigned i)
{
    struct files *f = s->nodes[i].files;
    must(s->nodes[i].node == NULL);
    trace_printf(s, "n%u's disk is replaced", i + 1);
    fake_disk_free(f->disk);
    f->disk = disk_new((s->options.mounted >> i & 1) != 0);
    check_wiped(s, i);
}

bool sim_disk_has(const struct sim *s, unsigned i, const char *path)
{
    return fake_disk_has(s->nodes[i].files->disk, path);
}

bool sim_disk_is_idle(const struct sim *s, unsigned i)
{
    const struct files *f = s->nodes[i].files;
    return f == NULL || (f->first == NULL && f->now == NULL && f->beside == NULL);
}

struct sim_disks sim_disks(const struct sim *s)
{
    struct sim_disks sum = {0};
    for (unsigned i = 0; i < s->options.nodes; i++) {
        sum.calls += fake_disk_calls(s->nodes[i].files->disk);
        sum.failures += s->nodes[i].files->failures;
        sum.ruins += s->nodes[i].files->ruins;
    }
    return sum;
}
