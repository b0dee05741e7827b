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

/* Longer than any process id in a lock file. */
#define HOLDER_BYTES 16

static enum err locked(const struct storage *s, const char *path, struct storage_failure *failure)
{
    struct buf holder = {0};
    (void)storage_read_file(s, path, &holder, HOLDER_BYTES);
    size_t digits = 0;
    while (digits < holder.len && holder.at[digits] >= '0' && holder.at[digits] <= '9')
        digits++;
    enum err e = storage_wrong(failure, "locked",
                               "%s is held by process %.*s, which stores this group there: "
                               "stop it, or wait until its snapshot is written",
                               failure_path(path), digits > 0 ? (int)digits : 1,
                               digits > 0 ? (const char *)holder.at : "?");
    buf_free(&holder);
    return e;
}

/* Locks the group, and removes what an interrupted save has left. */
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
    struct storage_table table;
    enum err e = storage_table_read(&table, s, false, &found->notes, failure);
    if (e == OK) {
        found->state = table.state;
        table.state = (struct buf){0};
    }
    storage_table_free(&table);
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
        e = segment_roll_back(s, failure);
    /* Segments before the table: a save that completes in between only removes segments that
     * the table, read after it, includes. */
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
    /* Loading may have created one. */
    enum err e = s->segment >= 0 ? OK : segment_create(s, buf_bytes(&s->rewrite), failure);
    if (e == OK)
        buf_clear(&s->rewrite);
    s->failed = e != OK;
    return e;
}
