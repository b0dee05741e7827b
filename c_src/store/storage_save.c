#include <errno.h>

#include "../dets/dets_write.h"
#include "../mem.h"
#include "replace.h"
#include "storage_internal.h"
#include "storage_table.h"

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

/* Keeps the old table under a second name, which is synced before the table is replaced, so that
 * a crash cannot lose both. */
static enum err keep_damaged(const struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path kept;
    int code = -EEXIST;
    for (int n = 1; code == -EEXIST && n <= LIMIT_DAMAGED; n++) {
        kept = storage_path(s, ".damaged.%d", n);
        code = d->link(d->who, s->file, kept.text);
    }
    if (code != 0)
        return storage_refused(failure, code, "keep the damaged table as", kept.text);
    code = d->sync_folder(d->who, s->file);
    return code == 0 ? OK : storage_refused(failure, code, "sync the folder of", kept.text);
}

static enum err replace(const struct storage *s, struct saving *w, struct storage_failure *failure)
{
    struct path temporary = group_path(s, ".tmp");
    enum err e = replace_write(s->disk, temporary.text, s->file, next_piece, w->image, failure);
    if (e != OK)
        return e;
    if (w->table.lossy)
        e = keep_damaged(s, failure);
    if (e != OK) {
        (void)s->disk->remove(s->disk->who, temporary.text);
        return e;
    }
    return replace_commit(s->disk, temporary.text, s->file, failure);
}

/* --- obsolete segments ---------------------------------------------------------------- */

static enum err drop_segment(const struct storage *s, const struct segment *segment,
                             struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = segment_path(s, segment->number);
    struct path aside =
        storage_path(s, ".%s.%llu.damaged", s->crc, (unsigned long long)segment->number);
    int code =
        segment->damaged ? d->rename(d->who, path.text, aside.text) : d->remove(d->who, path.text);
    if (code == 0 || code == -ENOENT)
        return OK;
    return storage_refused(failure, code, segment->damaged ? "set aside" : "remove", path.text);
}

static enum err drop_segments(struct storage *s, uint64_t segment, struct storage_failure *failure)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < s->count; i++)
        if (s->segments[i].number <= segment)
            e = drop_segment(s, &s->segments[i], failure);
    if (e == OK)
        storage_saved(s, segment);
    return e;
}

/* -------------------------------------------------------------------------------------- */

enum err storage_save(struct storage *s, struct bytes state, uint64_t segment,
                      struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = storage_path(s, ".lock");
    struct saving w;
    must(s->lock >= 0);
    int lock = d->lock(d->who, path.text, true);
    if (lock < 0)
        return storage_refused(failure, lock, "lock", path.text);
    enum err e = saving_open(&w, s, state, false, failure);
    if (e == ERR_DUPLICATE)
        e = saving_open(&w, s, state, true, failure);
    if (e == OK) {
        e = replace(s, &w, failure);
        saving_close(&w);
    }
    if (e == OK)
        e = drop_segments(s, segment, failure);
    (void)d->close(d->who, lock);
    return e;
}
