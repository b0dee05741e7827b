#include "storage_place.h"

#include <errno.h>

/* What a failed operation was, for storage_refused(). */
struct step {
    int code; /* 0 as long as all is well */
    const char *what;
};

/* Whether the table can be written, but not replaced. */
static bool is_fixed(int code)
{
    return code == -EBUSY || code == -EXDEV || code == -EPERM || code == -EACCES;
}

int table_lock(const struct storage *s)
{
    struct path path = storage_path(s, "%s", ".lock");
    return s->disk->lock(s->disk->who, path.text, true);
}

/* --- writing whole files -------------------------------------------------------------- */

static struct step write_file(const struct storage *s, const char *path, enum disk_open how,
                              const char *like, struct bytes bytes)
{
    const struct disk *d = s->disk;
    int handle = d->open(d->who, path, how);
    if (handle < 0)
        return (struct step){handle, "open"};
    struct step step = {d->copy_permissions(d->who, handle, like), "set the permissions of"};
    if (step.code == 0)
        step = (struct step){d->write(d->who, handle, bytes), "write"};
    if (step.code == 0)
        step = (struct step){d->sync(d->who, handle), "sync"};
    int closed = d->close(d->who, handle);
    return step.code == 0 ? (struct step){closed, "close"} : step;
}

/* Whether the file has these contents and no others. */
static struct step compare(const struct storage *s, const char *path, struct bytes bytes)
{
    struct buf found = {0};
    struct step step = {storage_read_file(s, path, &found, bytes.len), "read back"};
    if (step.code == 0 && !bytes_equal(buf_bytes(&found), bytes))
        step.code = -EIO;
    buf_free(&found);
    return step;
}

enum err table_keep(const struct storage *s, const struct storage_table *t, struct path *kept,
                    struct storage_failure *failure)
{
    struct step step = {-EEXIST, "create"};
    for (int n = 1; step.code == -EEXIST && n <= LIMIT_DAMAGED; n++) {
        *kept = storage_path(s, ".damaged.%d", n);
        step = write_file(s, kept->text, DISK_CREATE, t->path.text, buf_bytes(&t->file));
    }
    if (step.code == 0)
        step = (struct step){s->disk->sync_folder(s->disk->who, s->file), "sync the folder of"};
    else if (step.code != -EEXIST)
        (void)s->disk->remove(s->disk->who, kept->text);
    return step.code == 0 ? OK : storage_refused(failure, step.code, step.what, kept->text);
}

/* --- in place ------------------------------------------------------------------------- */

static enum err remove_next(const struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path next = table_next(s);
    int code = d->remove(d->who, next.text);
    if (code == 0)
        code = d->sync_folder(d->who, next.text);
    return code == 0 ? OK : storage_refused(failure, code, "remove", next.text);
}

enum err table_set_aside(const struct storage *s, const struct storage_table *t, struct path *kept,
                         struct storage_failure *failure)
{
    const char *path = t->path.text;
    enum err e = table_keep(s, t, kept, failure);
    if (e != OK)
        return e;
    if (t->is_next)
        return remove_next(s, failure);
    struct step step = write_file(s, path, DISK_TRUNCATE, path, (struct bytes){NULL, 0});
    return step.code == 0 ? OK : storage_refused(failure, step.code, step.what, path);
}

/* FILE.next is there, and its name is synced. */
static enum err write_in_place(const struct storage *s, struct storage_failure *failure)
{
    struct path next = table_next(s);
    struct buf bytes = {0};
    int code = storage_read_file(s, next.text, &bytes, LIMIT_DETS_BYTES);
    if (code != 0) {
        buf_free(&bytes);
        return storage_refused(failure, code, "read", next.text);
    }
    struct step step = write_file(s, s->file, DISK_TRUNCATE, s->file, buf_bytes(&bytes));
    if (step.code == 0)
        step = compare(s, s->file, buf_bytes(&bytes));
    buf_free(&bytes);
    if (step.code != 0)
        return storage_refused(failure, step.code, step.what, s->file);
    return remove_next(s, failure);
}

static enum err put_in_place(const struct storage *s, const char *temporary,
                             struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path next = table_next(s);
    int code = d->rename(d->who, temporary, next.text);
    if (code != 0) {
        (void)d->remove(d->who, temporary);
        return storage_refused(failure, code, "rename", temporary);
    }
    code = d->sync_folder(d->who, next.text);
    if (code != 0)
        return storage_refused(failure, code, "sync the folder of", next.text);
    return write_in_place(s, failure);
}

/* --- either --------------------------------------------------------------------------- */

enum err table_put(const struct storage *s, const struct storage_table *old, const char *temporary,
                   struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    int code = d->rename(d->who, temporary, s->file);
    if (is_fixed(code))
        return put_in_place(s, temporary, failure);
    if (code != 0) {
        (void)d->remove(d->who, temporary);
        return storage_refused(failure, code, "rename", temporary);
    }
    code = d->sync_folder(d->who, s->file);
    if (code != 0)
        return storage_refused(failure, code, "sync the folder of", s->file);
    /* Only now: until the new name is on disk, the table may still be this one. */
    return old->is_next ? remove_next(s, failure) : OK;
}

enum err table_settle(const struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path next = table_next(s);
    /* Its name may not have been synced yet. */
    int code = d->sync_folder(d->who, next.text);
    if (code != 0)
        return storage_refused(failure, code, "sync the folder of", next.text);
    code = d->rename(d->who, next.text, s->file);
    if (is_fixed(code))
        return write_in_place(s, failure);
    if (code != 0)
        return storage_refused(failure, code, "rename", next.text);
    code = d->sync_folder(d->who, s->file);
    return code == 0 ? OK : storage_refused(failure, code, "sync the folder of", s->file);
}
