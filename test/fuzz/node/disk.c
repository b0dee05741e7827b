/* The files of a node, as net/workers.c does it: the jobs of a store one after the other, beside
 * them a snapshot whose state was captured. */
#include "mem.h"
#include "world.h"

struct disk_job {
    struct disk_job *next;
    enum action_kind kind;
    struct buf bytes;
    struct storage_options storage; /* of ACTION_OPEN_STORE; borrows from bytes */
    uint64_t segment;               /* of a captured snapshot: the journal that is in it */
};

static struct store *store_of(struct world *w, uint32_t number)
{
    for (unsigned i = 0; i < STORES; i++)
        if (w->stores[i].number == number)
            return &w->stores[i];
    return NULL;
}

static struct disk_job *job_new(const struct action *a)
{
    struct disk_job *j = mem_take(sizeof(*j));
    j->kind = a->kind;
    buf_put(&j->bytes, buf_bytes(&a->bytes));
    if (a->kind == ACTION_OPEN_STORE) {
        j->storage = a->storage;
        j->storage.file.at = j->bytes.at;
        j->storage.group.at = j->bytes.at + a->storage.file.len;
        j->storage.owner.at = j->storage.group.at + a->storage.group.len;
    }
    return j;
}

static void job_free(struct disk_job *j)
{
    if (j != NULL)
        buf_free(&j->bytes);
    mem_free(j);
}

static void store_close(struct store *s)
{
    storage_free(s->storage);
    job_free(s->beside);
    *s = (struct store){.first = s->first};
}

/* A number of its own until ACTION_CLOSE_STORE; the first job is to open it. */
static void open_store(struct world *w, const struct action *a)
{
    struct store *s = store_of(w, 0);
    must(s != NULL);
    s->number = a->store;
    struct disk_job *j = job_new(a);
    s->storage = storage_new(fake_disk(w->disk), &j->storage);
    job_free(j);
}

static void capture(struct world *w, struct store *s, struct disk_job *j)
{
    must(s->first == NULL && s->beside == NULL);
    node_saved_state(w->node, s->number, &j->bytes);
    j->segment = storage_rotate(s->storage);
    s->beside = j;
}

void disk_perform(struct world *w, const struct action *a)
{
    if (a->kind == ACTION_OPEN_STORE) {
        open_store(w, a);
        return;
    }
    struct store *s = store_of(w, a->store);
    struct disk_job *j = job_new(a), **at = &s->first;
    if (a->kind == ACTION_SAVE && a->bytes.len == 0) {
        capture(w, s, j);
        return;
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = j;
}

struct outcome {
    struct storage_found found;
    struct storage_note note;
    struct storage_failure failure;
};

static enum err run(struct store *s, const struct disk_job *j, bool beside, struct outcome *o)
{
    switch (j->kind) {
    case ACTION_LOAD:
        return storage_load(s->storage, &o->found, &o->failure);
    case ACTION_BEGIN:
        return storage_begin(s->storage, &o->failure);
    case ACTION_APPEND:
        return storage_append(s->storage, buf_bytes(&j->bytes), &o->failure);
    default:
        must(j->kind == ACTION_SAVE);
        return storage_save(s->storage, buf_bytes(&j->bytes),
                            beside ? j->segment : storage_rotate(s->storage), &o->note,
                            &o->failure);
    }
}

static void tell(struct world *w, const struct store *s, enum action_kind kind, enum err e,
                 struct outcome *o)
{
    static const enum event_kind events[] = {[ACTION_LOAD] = EVENT_LOADED,
                                             [ACTION_BEGIN] = EVENT_BEGUN,
                                             [ACTION_APPEND] = EVENT_APPENDED,
                                             [ACTION_SAVE] = EVENT_SAVED};
    world_step(w,
               (struct event){.kind = events[kind],
                              .store = s->number,
                              .failure = e != OK ? &o->failure : NULL,
                              .found = kind == ACTION_LOAD && e == OK ? &o->found : NULL,
                              .note = o->note.text,
                              .journal_bytes =
                                  kind == ACTION_APPEND ? storage_journal_bytes(s->storage) : 0});
}

static struct disk_job *take(struct store *s, bool beside)
{
    struct disk_job *j = beside ? s->beside : s->first;
    if (beside)
        s->beside = NULL;
    else
        s->first = j->next;
    return j;
}

static void run_one(struct world *w, struct store *s, bool told)
{
    static struct outcome o;
    bool beside = s->first == NULL || (s->first->kind == ACTION_SAVE && s->beside != NULL) ||
                  s->first->kind == ACTION_CLOSE_STORE;
    beside &= s->beside != NULL;
    struct disk_job *j = take(s, beside);
    o = (struct outcome){0};
    if (j->kind == ACTION_CLOSE_STORE) {
        store_close(s);
    } else {
        enum err e = run(s, j, beside, &o);
        if (told)
            tell(w, s, j->kind, e, &o);
        storage_found_free(&o.found);
    }
    job_free(j);
}

bool disk_run(struct world *w, unsigned first)
{
    for (unsigned i = 0; i < STORES; i++) {
        struct store *s = &w->stores[(first + i) % STORES];
        if (s->first == NULL && s->beside == NULL)
            continue;
        run_one(w, s, !w->ended);
        return true;
    }
    return false;
}

void disk_close(struct world *w)
{
    for (unsigned i = 0; i < STORES; i++) {
        while (w->stores[i].first != NULL)
            job_free(take(&w->stores[i], false));
        store_close(&w->stores[i]);
    }
}
