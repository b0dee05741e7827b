#include "stores.h"

#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../sorted.h"

/* The files of one replica. */
struct store {
    struct stores *stores;
    uint32_t id;
    struct process *process; /* NULL until it first asks for something */
    bool saving;
    bool capturing; /* its state is taken right after the current step */
};

struct stores {
    struct outbox *out;
    struct store **list; /* sorted by id */
    size_t count, cap;
    uint32_t last_id;
    size_t saves;   /* snapshots that are being written */
    bool capturing; /* one of list is */
};

struct stores *stores_new(struct outbox *out)
{
    struct stores *s = mem_take(sizeof(*s));
    s->out = out;
    return s;
}

void stores_free(struct stores *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->list[i]);
    mem_free(s->list);
    mem_free(s);
}

static int compare_id(const void *element, const void *key)
{
    uint32_t id = (*(struct store *const *)element)->id, wanted = *(const uint32_t *)key;
    return (id > wanted) - (id < wanted);
}

static struct store *find(const struct stores *s, uint32_t id)
{
    struct store **found = sorted_find(s->list, s->count, sizeof(*s->list), &id, compare_id);
    return found != NULL ? *found : NULL;
}

static void store_remove(struct store *x)
{
    struct stores *s = x->stores;
    size_t place = sorted_place(s->list, s->count, sizeof(*s->list), &x->id, compare_id);
    sorted_remove(s->list, &s->count, sizeof(*s->list), place);
    mem_free(x);
}

static struct action *act(const struct store *x, enum action_kind kind)
{
    struct action *a = outbox_add(x->stores->out, kind);
    a->store = x->id;
    return a;
}

/* --- operations ----------------------------------------------------------------- */

static void open_files(const struct store *x)
{
    const struct replica_options *o = replica_options(x->process);
    struct action *a = act(x, ACTION_OPEN_STORE);
    size_t file_len = o->storage.file.len;
    buf_put(&a->bytes, buf_bytes(&o->storage.file));
    buf_put(&a->bytes, term_bytes(&o->group));
    size_t group_end = a->bytes.len;
    buf_put(&a->bytes, process_name(x->process));
    a->storage = (struct storage_options){
        .file = {a->bytes.at, file_len},
        .group = {a->bytes.at + file_len, group_end - file_len},
        .owner = bytes_after(buf_bytes(&a->bytes), group_end),
        .module = bytes_of(o->type->module),
        .form = o->storage.record,
        .journal = o->storage.durability == DURABILITY_SYNC,
    };
}

static void load(void *who, struct process *p)
{
    struct store *x = who;
    if (x->process == NULL) {
        x->process = p;
        open_files(x);
    }
    act(x, ACTION_LOAD);
}

static void begin(void *who, struct process *p)
{
    (void)p;
    act(who, ACTION_BEGIN);
}

static void append(void *who, struct process *p, struct buf *record)
{
    (void)p;
    act(who, ACTION_APPEND)->bytes = *record;
    *record = (struct buf){0};
}

/* A replica that brings its state is ending: it cannot wait for its turn. */
static bool save(void *who, struct process *p, struct buf *state)
{
    (void)p;
    struct store *x = who;
    struct stores *s = x->stores;
    if (s->saves >= LIMIT_SAVES && state->len == 0)
        return false;
    s->saves += !x->saving;
    x->saving = true;
    x->capturing = state->len == 0;
    s->capturing |= x->capturing;
    act(x, ACTION_SAVE)->bytes = *state;
    *state = (struct buf){0};
    return true;
}

static void joined(void *who, struct process *p, unsigned percent)
{
    (void)p;
    act(who, ACTION_JOINED)->percent = percent;
}

struct replica_disk stores_open(struct stores *s)
{
    struct store *x = mem_take(sizeof(*x));
    *x = (struct store){.stores = s, .id = ++s->last_id};
    s->list = sorted_insert(s->list, &s->count, &s->cap, sizeof(*s->list), s->count);
    s->list[s->count - 1] = x;
    return (struct replica_disk){load, begin, append, save, joined, x};
}

void stores_discard(struct stores *s, const struct replica_disk *disk)
{
    struct store *x = disk->who;
    must(find(s, x->id) == x && x->process == NULL);
    store_remove(x);
}

void stores_ended(struct stores *s, const struct process *p)
{
    for (size_t i = 0; i < s->count; i++) {
        struct store *x = s->list[i];
        if (x->process != p)
            continue;
        act(x, ACTION_CLOSE_STORE);
        s->saves -= x->saving;
        store_remove(x);
        return;
    }
}

/* --- snapshots of states as they are ----------------------------------------------- */

bool stores_are_capturing(const struct stores *s)
{
    return s->capturing;
}

void stores_saved_state(const struct stores *s, uint32_t store, struct buf *out)
{
    const struct store *x = find(s, store);
    must(x != NULL);
    replica_saved_state(x->process, out);
}

void stores_captured(struct stores *s, struct turn *t)
{
    s->capturing = false;
    /* Going on may have a replica save again, but ends none. */
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i]->capturing) {
            s->list[i]->capturing = false;
            replica_captured(s->list[i]->process, t);
        }
}

/* --- completions ------------------------------------------------------------------- */

static void log_notes(const struct process *p, struct bytes lines, struct turn *t)
{
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.at, '\n', lines.len);
        struct bytes line = {lines.at, end != NULL ? (size_t)(end - lines.at) : lines.len};
        turn_log(t, LOG_WARNING, "%.*s: %.*s", TEXT(process_name(p)), TEXT(line));
        size_t used = line.len + (end != NULL);
        lines = bytes_after(lines, used);
    }
}

static void loaded(struct process *p, const struct event *e, const struct disk_trouble *trouble,
                   struct turn *t)
{
    struct disk_content content = {0};
    if (trouble == NULL) {
        log_notes(p, buf_bytes(&e->found->notes), t);
        content = (struct disk_content){e->found->state, buf_bytes(&e->found->records),
                                        e->found->saved, &e->found->memory, &e->found->records};
    }
    replica_loaded(p, trouble == NULL ? &content : NULL, trouble, t);
}

void stores_event(struct stores *s, const struct event *e, struct turn *t)
{
    struct store *x = find(s, e->store);
    if (x == NULL)
        return;
    struct disk_trouble trouble = {0};
    const struct disk_trouble *or_null = NULL;
    if (e->failure != NULL) {
        trouble = (struct disk_trouble){bytes_of(e->failure->reason), bytes_of(e->failure->what)};
        or_null = &trouble;
    }
    switch (e->kind) {
    case EVENT_LOADED:
        loaded(x->process, e, or_null, t);
        break;
    case EVENT_BEGUN:
        replica_begun(x->process, or_null, t);
        break;
    case EVENT_APPENDED:
        replica_appended(x->process, e->journal_bytes, or_null, t);
        break;
    default:
        must(e->kind == EVENT_SAVED);
        x->saving = false;
        s->saves--;
        if (e->note != NULL)
            log_notes(x->process, bytes_of(e->note), t);
        replica_saved(x->process, or_null, t);
        break;
    }
}
