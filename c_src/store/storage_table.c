#include "storage_table.h"

#include <errno.h>
#include <string.h>

#include "../dets/dets_collection.h"
#include "../dets/dets_read.h"
#include "../mem.h"

/* Faults logged one by one; `coppice dets check` shows all of them. */
#define FAULTS_LOGGED 16

void storage_table_free(struct storage_table *t)
{
    buf_free(&t->file);
    mem_free(t->records);
    buf_free(&t->keys);
    dets_salvage_free(&t->salvage);
    buf_free(&t->memory);
    buf_free(&t->rest);
    *t = (struct storage_table){0};
}

static enum err check_shape(const struct storage_table *t, uint32_t type, uint32_t keypos,
                            struct storage_failure *failure)
{
    if (type == DETS_SET && keypos == 1)
        return OK;
    return storage_wrong(failure, "not_a_set",
                         "%s is a %s with keypos %u; a replica needs a set with keypos 1",
                         failure_path(t->path.text), dets_type_name(type), keypos);
}

static void note(const struct storage_table *t, const struct dets_fault *fault, struct buf *notes)
{
    buf_printf(notes, "%s: byte %llu: %s (%s)\n", t->path.text, (unsigned long long)fault->at,
               fault->what, err_text(fault->err));
}

/* --- the group's record --------------------------------------------------------------- */

/* ERR_STORAGE for a record that is intact but not a state: refused, so that data of another
 * program is not overwritten.  Any other error means that the record is damaged.  Once the storage
 * is loaded, the record is about to be replaced: then it is no reason not to read the others. */
static enum err take_own(struct storage_table *t, const struct storage *s, struct bytes object,
                         struct storage_failure *failure)
{
    buf_free(&t->memory);
    enum err e = record_read(object, &t->memory, &t->state, &t->rest, &t->rest_count, &t->form);
    if (s->loaded && (e == ERR_SHAPE || e == ERR_LIMIT)) {
        t->lossy = true;
        return OK;
    }
    if (e == ERR_SHAPE)
        return storage_wrong(failure, "other_type",
                             "%s: the record of this group is not a CRDT state",
                             failure_path(t->path.text));
    if (e == ERR_LIMIT)
        return storage_wrong(failure, "too_large", "%s: the group's state: %s",
                             failure_path(t->path.text), err_text(e));
    t->found = e == OK;
    return e;
}

static void take_other(struct storage_table *t, struct bytes key, struct bytes object)
{
    t->records = mem_room(t->records, t->count, &t->cap, sizeof(*t->records));
    t->records[t->count++] = (struct dets_record){.key = key, .object = object};
}

/* --- an intact table ------------------------------------------------------------------ */

struct walk {
    struct storage_table *table;
    const struct storage *s;
    struct storage_failure *failure;
};

static enum err visit(void *who, const struct dets_object *o)
{
    struct walk *w = who;
    struct storage_table *t = w->table;
    if (bytes_equal(o->key, term_bytes(&w->s->group)))
        return t->found ? ERR_DUPLICATE : take_own(t, w->s, o->object, w->failure);
    /* A damaged object would be copied into every snapshot, and crash its readers. */
    if (dets_object_check(o->object, NULL) != OK)
        return ERR_DAMAGED;
    /* place_keys() sets the pointer once `keys` no longer moves. */
    take_other(t, (struct bytes){NULL, o->key.len}, o->object);
    buf_put(&t->keys, o->key);
    return OK;
}

static void place_keys(struct storage_table *t)
{
    const uint8_t *at = t->keys.at;
    for (size_t i = 0; i < t->count; i++) {
        t->records[i].key.at = at;
        at += t->records[i].key.len;
    }
}

/* Any error but ERR_STORAGE means damage, and is noted. */
static enum err read_intact(struct storage_table *t, const struct storage *s, struct buf *notes,
                            struct storage_failure *failure)
{
    struct walk w = {t, s, failure};
    struct dets_table table;
    struct dets_fault fault = {.err = OK};
    enum err e = dets_open(&table, buf_bytes(&t->file), &fault);
    if (e == OK)
        e = check_shape(t, table.header.type, table.header.keypos, failure);
    if (e == OK)
        e = dets_walk(&table, visit, &w, &fault);
    if (e == OK)
        place_keys(t);
    else if (e != ERR_STORAGE && e != ERR_NOT_DETS && fault.err != OK)
        note(t, &fault, notes);
    return e;
}

/* --- a damaged table ------------------------------------------------------------------ */

static void note_salvage(const struct storage_table *t, struct buf *notes)
{
    const struct dets_salvage *salvage = &t->salvage;
    const struct dets_faults *faults = &salvage->faults;
    size_t shown = faults->listed < FAULTS_LOGGED ? faults->listed : FAULTS_LOGGED;
    for (size_t i = 0; i < shown; i++)
        note(t, &faults->list[i], notes);
    if (faults->count > shown)
        buf_printf(notes, "%s: %llu more faults\n", t->path.text,
                   (unsigned long long)(faults->count - shown));
    if (salvage->given_up)
        buf_printf(notes, "%s: salvage stopped early: too much of it looks like objects\n",
                   t->path.text);
    buf_printf(notes, "%s: salvaged %zu objects\n", t->path.text, salvage->count);
}

static enum err take_salvaged(struct storage_table *t, const struct storage *s, struct buf *notes,
                              struct storage_failure *failure)
{
    enum err e = OK;
    for (size_t i = 0; i < t->salvage.count && e != ERR_STORAGE; i++) {
        const struct dets_record *r = &t->salvage.records[i];
        if (!bytes_equal(r->key, term_bytes(&s->group))) {
            take_other(t, r->key, r->object);
            continue;
        }
        e = take_own(t, s, r->object, failure);
        if (e != OK && e != ERR_STORAGE) {
            t->lossy = true;
            buf_printf(notes, "%s: the group's state cannot be read: %s\n", t->path.text,
                       err_text(e));
        }
    }
    return e == ERR_STORAGE ? e : OK;
}

static bool only_zeros(struct bytes b)
{
    return b.len > 0 && b.at[0] == 0 && memcmp(b.at, b.at + 1, b.len - 1) == 0;
}

/* Whether the journal has what was in the file, the loader knows. */
static enum err nothing_to_salvage(struct storage_table *t, struct storage_failure *failure)
{
    const char *path = failure_path(t->path.text);
    t->nothing = true;
    if (t->file.len == 0 || only_zeros(buf_bytes(&t->file)))
        return storage_wrong(failure, "not_dets",
                             "%s %s: move it away to go on with journal and peers, or restore a "
                             "backup",
                             path, t->file.len == 0 ? "is empty" : "contains only zeros");
    return storage_wrong(failure, "not_dets",
                         "%s is not a DETS file, nor what is left of one: choose another file, or "
                         "move it away to go on with journal and peers",
                         path);
}

static enum err read_salvaged(struct storage_table *t, const struct storage *s, struct buf *notes,
                              struct storage_failure *failure)
{
    enum err e = dets_salvage(&t->salvage, buf_bytes(&t->file), NULL);
    if (e == ERR_NOT_DETS)
        return nothing_to_salvage(t, failure);
    if (e != OK)
        return storage_wrong(failure, "too_large", "%s: %s", failure_path(t->path.text),
                             err_text(e));
    e = check_shape(t, t->salvage.shape.type, t->salvage.shape.keypos, failure);
    if (e != OK)
        return e;
    t->lossy = t->lossy || t->salvage.faults.count > 0 || t->salvage.given_up;
    e = take_salvaged(t, s, notes, failure);
    if (e == OK)
        note_salvage(t, notes);
    return e;
}

/* --- either --------------------------------------------------------------------------- */

struct path table_next(const struct storage *s)
{
    return storage_path(s, "%s", ".next");
}

static enum err read_file(struct storage_table *t, const struct storage *s,
                          struct storage_failure *failure)
{
    t->path = table_next(s);
    int code = storage_read_file(s, t->path.text, &t->file, LIMIT_DETS_BYTES);
    t->is_next = code != -ENOENT;
    if (code == -ENOENT) {
        t->path = storage_path(s, "%s", "");
        code = storage_read_file(s, t->path.text, &t->file, LIMIT_DETS_BYTES);
    }
    t->exists = code == 0;
    if (code != 0 && code != -ENOENT)
        return storage_refused(failure, code, "read", t->path.text);
    return OK;
}

enum err storage_table_read(struct storage_table *t, const struct storage *s, bool force_salvage,
                            struct buf *notes, struct storage_failure *failure)
{
    *t = (struct storage_table){0};
    enum err e = read_file(t, s, failure);
    if (e != OK || (t->file.len == 0 && !t->is_next))
        return e;
    e = force_salvage ? ERR_DAMAGED : read_intact(t, s, notes, failure);
    if (e == OK || e == ERR_STORAGE)
        return e;
    t->count = 0;
    t->found = false;
    t->state = (struct bytes){0};
    buf_free(&t->memory);
    buf_clear(&t->rest);
    t->salvaged = true;
    return read_salvaged(t, s, notes, failure);
}
