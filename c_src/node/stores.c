#include <string.h>

#include "../mem.h"
#include "inside.h"

/* The files of one replica, under the number that the shell knows them by. */
struct store {
    uint32_t id;
    struct process *process;
    bool saving;
    bool capturing; /* the shell takes the state right after the current step */
};

static struct store *store_find(const struct node *n, uint32_t id)
{
    size_t low = 0, high = n->store_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (n->stores[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n->store_count && n->stores[low].id == id ? &n->stores[low] : NULL;
}

static struct store *store_of(const struct node *n, const struct process *p)
{
    for (size_t i = 0; i < n->store_count; i++)
        if (n->stores[i].process == p)
            return &n->stores[i];
    return NULL;
}

static struct action *ask(struct node *n, enum action_kind kind, const struct store *s)
{
    struct action *a = outbox_add(n->out, kind);
    a->store = s->id;
    return a;
}

/* --- what replicas wish ------------------------------------------------------ */

static void tell_files(struct node *n, const struct store *s)
{
    const struct replica_options *o = replica_options(s->process);
    struct action *a = ask(n, ACTION_STORE, s);
    size_t file_len = o->storage.file.len;
    buf_put(&a->bytes, buf_bytes(&o->storage.file));
    buf_put(&a->bytes, term_bytes(&o->group));
    a->storage = (struct storage_options){
        .file = {a->bytes.at, file_len},
        .group = {a->bytes.at + file_len, a->bytes.len - file_len},
        .module = bytes_of(o->type->module),
        .form = o->storage.record,
        .journal = o->storage.durability == DURABILITY_SYNC,
    };
}

static struct store *store_add(struct node *n, struct process *p)
{
    n->stores = mem_room(n->stores, n->store_count, &n->store_cap, sizeof(*n->stores));
    struct store *s = &n->stores[n->store_count++];
    *s = (struct store){.id = ++n->next_store, .process = p};
    tell_files(n, s);
    return s;
}

static void wish_load(void *who, struct process *p)
{
    struct store *s = store_of(who, p);
    ask(who, ACTION_LOAD, s != NULL ? s : store_add(who, p));
}

static void wish_begin(void *who, struct process *p)
{
    ask(who, ACTION_BEGIN, store_of(who, p));
}

static void wish_append(void *who, struct process *p, struct buf *record)
{
    ask(who, ACTION_APPEND, store_of(who, p))->bytes = *record;
    *record = (struct buf){0};
}

/* One that brings its state along is the last: it cannot wait. */
static bool wish_save(void *who, struct process *p, struct buf *state)
{
    struct node *n = who;
    struct store *s = store_of(n, p);
    if (n->saves >= LIMIT_SAVES && state->len == 0)
        return false;
    n->saves += !s->saving;
    s->saving = true;
    s->capturing = state->len == 0;
    n->capturing |= s->capturing;
    ask(n, ACTION_SAVE, s)->bytes = *state;
    *state = (struct buf){0};
    return true;
}

struct replica_disk stores_disk(struct node *n)
{
    return (struct replica_disk){wish_load, wish_begin, wish_append, wish_save, n};
}

void stores_ended(struct node *n, const struct process *p)
{
    struct store *s = store_of(n, p);
    if (s == NULL)
        return;
    ask(n, ACTION_UNSTORE, s);
    n->saves -= s->saving;
    size_t behind = n->store_count-- - (size_t)(s - n->stores) - 1;
    memmove(s, s + 1, behind * sizeof(*s));
}

void node_saved_state(const struct node *n, uint32_t store, struct buf *out)
{
    const struct store *s = store_find(n, store);
    must(s != NULL);
    replica_saved_state(s->process, out);
}

void stores_captured(struct node *n)
{
    n->capturing = false;
    /* Going on may end no process, but may have one save again. */
    for (size_t i = 0; i < n->store_count; i++)
        if (n->stores[i].capturing) {
            n->stores[i].capturing = false;
            replica_captured(n->stores[i].process, &n->turn);
        }
}

/* --- what came of it --------------------------------------------------------- */

static void note_lines(struct node *n, struct process *p, struct bytes lines)
{
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.at, '\n', lines.len);
        struct bytes line = {lines.at, end != NULL ? (size_t)(end - lines.at) : lines.len};
        node_log(n, LOG_WARNING, "%.*s: %.*s", TEXT(process_name(p)), TEXT(line));
        size_t used = line.len + (end != NULL);
        lines = (struct bytes){lines.at + used, lines.len - used};
    }
}

static void loaded(struct node *n, struct process *p, const struct event *e,
                   const struct disk_trouble *trouble)
{
    struct disk_content content = {0};
    if (trouble == NULL) {
        note_lines(n, p, buf_bytes(&e->found->notes));
        content = (struct disk_content){buf_bytes(&e->found->state), buf_bytes(&e->found->records)};
    }
    replica_loaded(p, trouble == NULL ? &content : NULL, trouble, &n->turn);
}

/* Whoever asked may have ended meanwhile. */
void stores_event(struct node *n, const struct event *e)
{
    struct store *s = store_find(n, e->store);
    if (s == NULL)
        return;
    struct disk_trouble trouble = {0};
    const struct disk_trouble *or_null = NULL;
    if (e->failure != NULL) {
        trouble = (struct disk_trouble){bytes_of(e->failure->reason), bytes_of(e->failure->what)};
        or_null = &trouble;
    }
    switch (e->kind) {
    case EVENT_LOADED:
        loaded(n, s->process, e, or_null);
        break;
    case EVENT_BEGUN:
        replica_begun(s->process, or_null, &n->turn);
        break;
    case EVENT_APPENDED:
        replica_appended(s->process, e->journal_bytes, or_null, &n->turn);
        break;
    default:
        must(e->kind == EVENT_SAVED);
        s->saving = false;
        n->saves--;
        replica_saved(s->process, or_null, &n->turn);
        break;
    }
}
