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
};

static void saving_close(struct saving *w)
{
    dets_image_free(w->image);
    storage_table_free(&w->table);
    buf_free(&w->record);
}

static void put_record(struct saving *w, const struct storage *s, struct bytes state)
{
    struct storage_table *t = &w->table;
    enum record_form form = s->form;
    if (form == RECORD_AUTO)
        form = t->found ? t->form : RECORD_RAW;
    record_put(&w->record, term_bytes(&s->group), state, buf_bytes(&t->rest), t->rest_count, form);
    t->records = mem_room(t->records, t->count, &t->cap, sizeof(*t->records));
    t->records[t->count++] =
        (struct dets_record){.key = term_bytes(&s->group), .object = buf_bytes(&w->record)};
}

/* ERR_DUPLICATE if the old table has a key twice. */
static enum err saving_open(struct saving *w, const struct storage *s, struct bytes state,
                            bool force_salvage, struct storage_failure *failure)
{
    static const struct dets_shape shape = {DETS_SET, 1};
    struct buf notes = {0};
    struct dets_fault fault;
    *w = (struct saving){0};
    enum err e = storage_table_read(&w->table, s, force_salvage, &notes, failure);
    buf_free(&notes);
    if (e == OK) {
        put_record(w, s, state);
        e = dets_image_new(&w->image, &shape, w->table.records, w->table.count, &fault);
    }
    if (e == ERR_LIMIT)
        e = storage_wrong(failure, "too_large", "%s would exceed 2 GB: %s", failure_path(s->file),
                          fault.what);
    if (e != OK)
        saving_close(w);
    return e;
}

/* --- putting it in place -------------------------------------------------------------- */

static bool next_piece(void *image, struct bytes *piece)
{
    return dets_image_next(image, piece);
}

static enum err replace(const struct storage *s, struct saving *w, struct storage_failure *failure)
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
    return table_put(s, &w->table, temporary.text, failure);
}

/* -------------------------------------------------------------------------------------- */

/* Under FILE.lock. */
static enum err save_table(struct storage *s, struct bytes state, struct storage_failure *failure)
{
    struct saving w;
    enum err e = saving_open(&w, s, state, false, failure);
    if (e == ERR_DUPLICATE)
        e = saving_open(&w, s, state, true, failure);
    if (e != OK)
        return e;
    e = replace(s, &w, failure);
    saving_close(&w);
    return e;
}

enum err storage_save(struct storage *s, struct bytes state, uint64_t segment,
                      struct storage_failure *failure)
{
    must(s->lock >= 0);
    int lock = table_lock(s);
    enum err e = lock >= 0 ? save_table(s, state, failure)
                           : storage_refused(failure, lock, "lock the table", s->file);
    if (e == OK)
        e = segments_drop(s, segment, failure);
    else
        segments_merge(s, state, segment);
    if (lock >= 0)
        (void)s->disk->close(s->disk->who, lock);
    return e;
}
