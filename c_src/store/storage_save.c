#include <stdio.h>

#include "../dets/dets_write.h"
#include "../mem.h"
#include "replace.h"
#include "storage_internal.h"
#include "storage_place.h"

/* --- the new table -------------------------------------------------------------------- */

/* The image borrows from the table and the record. */
struct saving {
    struct storage_table table;
    struct buf record;
    struct dets_image *image;
    bool unread;  /* the old table, as a whole: */
    char why[24]; /* the reason */
};

static void saving_close(struct saving *w)
{
    dets_image_free(w->image);
    storage_table_free(&w->table);
    buf_free(&w->record);
}

static enum record_form form_of(const struct saving *w, const struct storage *s)
{
    if (s->form != RECORD_AUTO)
        return s->form;
    enum record_form form = w->table.found ? w->table.form : s->found_form;
    return form != RECORD_AUTO ? form : RECORD_RAW;
}

static void put_record(struct saving *w, const struct storage *s, struct bytes state)
{
    struct storage_table *t = &w->table;
    record_put(&w->record, term_bytes(&s->group), state, buf_bytes(&t->rest), t->rest_count,
               form_of(w, s));
    t->records = mem_room(t->records, t->count, &t->cap, sizeof(*t->records));
    t->records[t->count++] =
        (struct dets_record){.key = term_bytes(&s->group), .object = buf_bytes(&w->record)};
}

/* Whatever it is: the state has all that this storage has found there. */
static bool do_without(struct saving *w, const struct storage *s,
                       const struct storage_failure *failure)
{
    struct storage_table *t = &w->table;
    if (!s->loaded || !t->exists)
        return false;
    snprintf(w->why, sizeof(w->why), "%s", failure->reason);
    must(t->count == 0 && !t->found);
    t->lossy = true;
    return true;
}

/* ERR_DUPLICATE if the old table has a key twice.  *w is to be closed even on a failure. */
static enum err saving_open(struct saving *w, const struct storage *s, struct bytes state,
                            bool force_salvage, struct storage_failure *failure)
{
    static const struct dets_shape shape = {DETS_SET, 1};
    struct buf notes = {0};
    struct dets_fault fault;
    *w = (struct saving){0};
    enum err e = storage_table_read(&w->table, s, force_salvage, &notes, failure);
    buf_free(&notes);
    w->unread = e == ERR_STORAGE;
    if (w->unread && do_without(w, s, failure))
        e = OK;
    if (e == OK) {
        put_record(w, s, state);
        e = dets_image_new(&w->image, &shape, w->table.records, w->table.count, &fault);
    }
    if (e == ERR_LIMIT)
        e = storage_wrong(failure, "too_large", "%s would exceed 2 GB: %s", failure_path(s->file),
                          fault.what);
    return e;
}

/* --- putting it in place -------------------------------------------------------------- */

static bool next_piece(void *image, struct bytes *piece)
{
    return dets_image_next(image, piece);
}

static void note_kept(const struct saving *w, const char *kept, struct storage_note *note)
{
    const struct storage_table *t = &w->table;
    const char *path = t->path.text;
    if (w->unread)
        snprintf(note->text, sizeof(note->text),
                 "%s could no longer be read (%s): written anew from memory; what is left of it, "
                 "and of any other records in it, is kept as %s",
                 path, w->why, failure_path(kept));
    else
        snprintf(note->text, sizeof(note->text),
                 "%s was damaged: written anew from memory, with the other %zu records that could "
                 "be read; the damaged file is kept as %s",
                 path, t->count - 1, failure_path(kept));
}

/* The first snapshot has no table to replace. */
static void note_missing(const struct storage *s, const struct storage_table *t,
                         struct storage_note *note)
{
    if (s->loaded && s->first.kind == BEFORE_TABLE && t->file.len == 0)
        snprintf(note->text, sizeof(note->text),
                 "%s %s: written anew from memory; any other records in it are lost", s->file,
                 t->exists ? "was emptied" : "is gone");
}

static enum err replace(const struct storage *s, struct saving *w, struct storage_note *note,
                        struct storage_failure *failure)
{
    struct path kept, temporary = group_path(s, ".tmp");
    enum err e = replace_write(s->disk, temporary.text, s->file, next_piece, w->image, failure);
    if (e != OK)
        return e;
    if (w->table.lossy)
        e = table_keep(s, &w->table, &kept, failure);
    if (e != OK) {
        (void)s->disk->remove(s->disk->who, temporary.text);
        return e;
    }
    if (w->table.lossy)
        note_kept(w, kept.text, note);
    else
        note_missing(s, &w->table, note);
    return table_put(s, &w->table, temporary.text, failure);
}

/* -------------------------------------------------------------------------------------- */

/* Under FILE.lock.  *unread: nobody can tell what is in the table. */
static enum err save_table(struct storage *s, struct bytes state, bool *unread,
                           struct storage_note *note, struct storage_failure *failure)
{
    struct saving w;
    enum err e = saving_open(&w, s, state, false, failure);
    if (e == ERR_DUPLICATE) {
        saving_close(&w);
        e = saving_open(&w, s, state, true, failure);
    }
    *unread = w.unread;
    if (e == OK)
        e = replace(s, &w, note, failure);
    saving_close(&w);
    return e;
}

enum err storage_save(struct storage *s, struct bytes state, uint64_t segment,
                      struct storage_note *note, struct storage_failure *failure)
{
    must(s->lock >= 0);
    bool unread = false;
    int lock = table_lock(s);
    note->text[0] = '\0';
    enum err e = lock >= 0 ? save_table(s, state, &unread, note, failure)
                           : storage_refused(failure, lock, "lock the table", s->file);
    if (e == OK)
        e = segments_drop(s, segment, failure);
    else
        segments_merge(s, state, segment, unread);
    if (e != OK)
        note->text[0] = '\0';
    if (lock >= 0)
        (void)s->disk->close(s->disk->who, lock);
    return e;
}
