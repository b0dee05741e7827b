#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage_internal.h"
#include "storage_table.h"

void storage_found_free(struct storage_found *found)
{
    buf_free(&found->state);
    buf_free(&found->records);
    buf_free(&found->notes);
    *found = (struct storage_found){0};
}

/* --- the lock ------------------------------------------------------------------------- */

/* Bytes of the number that the holder of a lock has left in it. */
#define HOLDER_BYTES 16

static enum err locked(const struct storage *s, const char *path, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct buf holder = {0};
    int handle = d->open(d->who, path, DISK_READ);
    if (handle >= 0) {
        (void)d->read(d->who, handle, &holder, HOLDER_BYTES);
        (void)d->close(d->who, handle);
    }
    size_t digits = 0;
    while (digits < holder.len && holder.at[digits] >= '0' && holder.at[digits] <= '9')
        digits++;
    enum err e = storage_wrong(failure, "locked",
                               "%s is held by process %.*s, which keeps this group there: "
                               "stop that, or wait until its snapshot is written",
                               failure_path(path), digits > 0 ? (int)digits : 1,
                               digits > 0 ? (const char *)holder.at : "?");
    buf_free(&holder);
    return e;
}

/* Whoever has the lock is alone with what a save that was interrupted has left. */
static enum err take_lock(struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = group_path(s, ".lock"), left = group_path(s, ".tmp");
    if (s->lock >= 0)
        return OK;
    int code = s->lock = d->lock(d->who, path.text, false);
    if (code == -EAGAIN)
        return locked(s, path.text, failure);
    if (code < 0)
        return storage_refused(failure, code, "lock", path.text);
    code = d->remove(d->who, left.text);
    if (code == 0 || code == -ENOENT)
        return OK;
    return storage_refused(failure, code, "remove", left.text);
}

/* --- loading -------------------------------------------------------------------------- */

static enum err load_table(const struct storage *s, struct storage_found *found,
                           struct storage_failure *failure)
{
    struct stored table;
    enum err e = stored_read(&table, s, false, &found->notes, failure);
    if (e == OK) {
        found->state = table.state;
        table.state = (struct buf){0};
    }
    stored_free(&table);
    return e;
}

enum err storage_load(struct storage *s, struct storage_found *found,
                      struct storage_failure *failure)
{
    *found = (struct storage_found){0};
    s->failed = true;
    (void)storage_rotate(s);
    enum err e = take_lock(s, failure);
    if (e == OK)
        e = segment_mend(s, failure);
    /* Segments before the table: a save that ends in between removes only what the
     * table has that is read then. */
    if (e == OK)
        e = segments_read(s, found, failure);
    if (e == OK)
        e = load_table(s, found, failure);
    if (e != OK)
        storage_found_free(found);
    return e;
}

enum err storage_begin(struct storage *s, struct storage_failure *failure)
{
    must(s->journal && s->lock >= 0);
    /* Loading may have made one. */
    enum err e = s->segment >= 0 ? OK : segment_begin(s, buf_bytes(&s->again), failure);
    if (e == OK)
        buf_clear(&s->again);
    s->failed = e != OK;
    return e;
}
