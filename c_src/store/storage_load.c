#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../mem.h"
#include "../term/utf8.h"
#include "storage_internal.h"
#include "storage_place.h"

void storage_found_free(struct storage_found *found)
{
    buf_free(&found->memory);
    buf_free(&found->records);
    buf_free(&found->notes);
    *found = (struct storage_found){0};
}

/* --- links ---------------------------------------------------------------------------- */

/* The name of a journal segment, if one was listed. */
struct stray {
    char name[64]; /* the end of it */
};

static void find_segment(void *who, const char *name)
{
    struct stray *stray = who;
    size_t len = strlen(name);
    if (len >= 8 && strcmp(name + len - 8, ".journal") == 0)
        strcpy(stray->name, (const char *)utf8_back(bytes_of(name), sizeof(stray->name) - 1).at);
}

/* Nobody would read a segment beside the link: the table was moved away from it, and linked. */
static enum err check_strays(const struct storage *s, const char *table,
                             struct storage_failure *failure)
{
    struct path path = group_path(s, ".");
    struct stray stray = {""};
    int code = s->disk->list(s->disk->who, path.text, find_segment, &stray);
    if (code != 0)
        return storage_refused(failure, code, "list the segments of", s->named);
    if (stray.name[0] == '\0')
        return OK;
    return storage_wrong(failure, "misplaced", "%s: this journal belongs beside %s: move it there",
                         stray.name, failure_path(table));
}

static enum err take_target(struct storage *s, const struct buf *target,
                            struct storage_failure *failure)
{
    const char *table = (const char *)target->at;
    if (target->len > sizeof(s->file))
        return storage_refused(failure, -ENAMETOOLONG, "follow the link", s->named);
    if (strcmp(table, s->named) == 0)
        return OK;
    enum err e = check_strays(s, table, failure);
    if (e == OK)
        memcpy(s->file, table, target->len);
    return e;
}

/* Sets s->file to what the configured name leads to, as dets does: replacing a link would part
 * the replica from those who read the target, and two links to one table would be two journals. */
static enum err follow_links(struct storage *s, struct storage_failure *failure)
{
    struct buf target = {0};
    strcpy(s->file, s->named);
    int code = s->disk->resolve(s->disk->who, s->named, &target);
    buf_put_u8(&target, 0);
    enum err e = code == 0 ? take_target(s, &target, failure)
                           : storage_refused(failure, code, "follow the link", s->named);
    buf_free(&target);
    return e;
}

/* --- the lock ------------------------------------------------------------------------- */

/* Longer than the first line of any lock file, with a process id, and than what is shown of the
 * second, with the name of its replica. */
#define HOLDER_BYTES 2048
#define OWNER_SHOWN  40

/* The bytes before the next newline, which are taken from *left. */
static struct bytes take_line(struct bytes *left)
{
    const uint8_t *end = left->len > 0 ? memchr(left->at, '\n', left->len) : NULL;
    struct bytes line = {left->at, end != NULL ? (size_t)(end - left->at) : left->len};
    size_t taken = line.len + (end != NULL);
    *left = bytes_after(*left, taken);
    return line;
}

/* Another replica may hold it in this very process, under another path of the same file. */
static enum err locked(const struct storage *s, const char *path, struct storage_failure *failure)
{
    struct buf holder = {0};
    (void)storage_read_file(s, path, &holder, HOLDER_BYTES);
    struct bytes left = buf_bytes(&holder), pid = take_line(&left),
                 owner = utf8_front(take_line(&left), OWNER_SHOWN);
    if (pid.len == 0 || pid.len > 20)
        pid = BYTES("?");
    enum err e = storage_wrong(failure, "locked",
                               "%s is held by %s%.*s%sprocess %.*s, which stores this group there: "
                               "stop it, or wait until its snapshot is written",
                               failure_path(path), owner.len > 0 ? "replica " : "", TEXT(owner),
                               owner.len > 0 ? " of " : "", TEXT(pid));
    buf_free(&holder);
    return e;
}

/* For people, like the process id: the lock holds without it. */
static void sign(const struct storage *s)
{
    struct buf line = {0};
    buf_put(&line, buf_bytes(&s->owner));
    buf_put_u8(&line, '\n');
    if (s->owner.len > 0)
        (void)s->disk->write(s->disk->who, s->lock, buf_bytes(&line));
    buf_free(&line);
}

/* Locks the group, and removes what an interrupted save has left. */
static enum err take_lock(struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = group_path(s, ".lock"), left = group_path(s, ".tmp");
    int code = s->lock = d->lock(d->who, path.text, false);
    if (code == -EAGAIN)
        return locked(s, path.text, failure);
    if (code < 0)
        return storage_refused(failure, code, "lock", path.text);
    sign(s);
    code = d->remove(d->who, left.text);
    if (code == 0 || code == -ENOENT)
        return OK;
    return storage_refused(failure, code, "remove", left.text);
}

/* --- loading -------------------------------------------------------------------------- */

/* A table that was left half written is written again, before anybody opens it.  One that had to
 * be salvaged may be no better than the other: it is left to the next save. */
static void settle(const struct storage *s, const struct storage_table *table, struct buf *notes)
{
    struct storage_failure failure;
    if (!table->is_next || table->salvaged)
        return;
    if (table_settle(s, &failure) == OK)
        buf_printf(notes, "%s: written again from %s, since a crash had interrupted that\n",
                   s->file, failure_path(table->path.text));
    else
        buf_printf(notes, "%s is the table until %s can be written: %s\n",
                   failure_path(table->path.text), failure_path(s->file), failure.what);
}

/* --- doing without the table ---------------------------------------------------------- */

struct sharers {
    const struct storage *s;
    size_t prefix; /* length of what all names start with */
    bool found;    /* one of another group */
};

static void find_sharer(void *who, const char *name)
{
    struct sharers *l = who;
    const char *crc = name + l->prefix;
    bool is_lock = strlen(crc) == 8 + strlen(".lock") && strcmp(crc + 8, ".lock") == 0;
    l->found = l->found || (is_lock && strncmp(crc, l->s->crc, 8) != 0);
}

/* Whether other groups are, or were, stored in the table: without it they would start from
 * nothing. */
static bool is_shared(const struct storage *s)
{
    struct path path = storage_path(s, "%s", ".");
    const char *slash = strrchr(path.text, '/');
    struct sharers sharers = {s, strlen(slash == NULL ? path.text : slash + 1), false};
    int code = s->disk->list(s->disk->who, path.text, find_sharer, &sharers);
    return code != 0 || sharers.found;
}

/* Returns the refusal, unless the file can be set aside: then the table is to be read again. */
static enum err do_without(const struct storage *s, const struct storage_table *table,
                           enum covers covers, struct buf *notes, struct storage_failure *failure)
{
    struct path kept;
    if (!table->nothing || covers != COVERS_ALL || is_shared(s))
        return ERR_STORAGE;
    enum err e = table_set_aside(s, table, &kept, failure);
    if (e == OK)
        buf_printf(notes,
                   "%s has nothing of a table in it, but the journal has everything: going on with "
                   "that; the file is kept as %s\n",
                   failure_path(table->path.text), failure_path(kept.text));
    return e;
}

/* What the journal refers to must have been in the table.  One that is missing was moved away by
 * somebody who wants to go on without it; an empty one is what a power cut may leave. */
static enum err check_missing(const struct storage *s, const struct storage_table *table,
                              enum covers covers, struct buf *notes,
                              struct storage_failure *failure)
{
    if (table->file.len > 0 || covers != COVERS_PART)
        return OK;
    if (table->exists)
        return storage_wrong(failure, "not_dets",
                             "%s is empty, although its journal continues a snapshot: move it away "
                             "to go on with journal and peers, or restore a backup",
                             failure_path(s->file));
    buf_printf(notes,
               "%s is missing, although its journal continues a snapshot: going on without\n",
               s->file);
    return OK;
}

/* --- reading the table ---------------------------------------------------------------- */

/* Until the table can be read, at most FILE.next and FILE are set aside. */
static enum err read_or_set_aside(struct storage *s, struct storage_table *table,
                                  struct storage_found *found, struct storage_failure *failure)
{
    enum covers covers = segments_cover(s);
    enum err e = storage_table_read(table, s, false, &found->notes, failure);
    while (e != OK && do_without(s, table, covers, &found->notes, failure) == OK) {
        storage_table_free(table);
        e = storage_table_read(table, s, false, &found->notes, failure);
    }
    return e == OK ? check_missing(s, table, covers, &found->notes, failure) : e;
}

/* Moves the state, not copied, and as little else of the file as possible. */
static void take_state(struct storage_table *t, struct storage_found *found)
{
    if (!t->found)
        return;
    struct buf *in = t->memory.len > 0 ? &t->memory : &t->file;
    size_t at = (size_t)(t->state.at - in->at);
    in->len = at + t->state.len;
    found->memory = *in;
    *in = (struct buf){0};
    found->memory.at = mem_resize(found->memory.at, found->memory.len);
    found->memory.cap = found->memory.len;
    found->state = (struct bytes){found->memory.at + at, t->state.len};
}

static enum err read_table(struct storage *s, struct storage_found *found,
                           struct storage_failure *failure)
{
    struct storage_table table;
    enum err e = read_or_set_aside(s, &table, found, failure);
    if (e == OK) {
        settle(s, &table, &found->notes);
        s->first.kind = table.file.len > 0 ? BEFORE_TABLE
                        : s->asides        ? BEFORE_UNKNOWN
                                           : BEFORE_NOTHING;
        s->found_form = table.found ? table.form : RECORD_AUTO;
        found->saved = s->count == 0 && table.found && !table.is_next && !table.salvaged &&
                       (s->form == RECORD_AUTO || s->form == table.form);
        take_state(&table, found);
    }
    storage_table_free(&table);
    return e;
}

/* Under FILE.lock: another group's save may be writing the table in place.  Where the file system
 * has become read-only (again), nobody is. */
static enum err load_table(struct storage *s, bool again, struct storage_found *found,
                           struct storage_failure *failure)
{
    int lock = table_lock(s);
    if (lock == -EROFS && again) {
        s->only_read = true;
        return read_table(s, found, failure);
    }
    if (lock < 0)
        return storage_refused(failure, lock, "lock the table", s->file);
    enum err e = read_table(s, found, failure);
    (void)s->disk->close(s->disk->who, lock);
    return e;
}

/* Said once. */
static void note_mount(struct storage *s, struct buf *notes)
{
    if (!s->noted && s->disk->is_mount(s->disk->who, s->file) > 0)
        buf_printf(notes,
                   "%s is mounted as a single file: it is written in place, and its journal is in "
                   "the folder around it, which may vanish with its container: mount the folder\n",
                   s->file);
    s->noted = true;
}

/* Or, on a read-only file system, leaves that to storage_begin(). */
static enum err roll_back(struct storage *s, struct storage_failure *failure)
{
    enum err e = segment_roll_back(s, failure);
    s->only_read = e != OK && storage_is_read_only(failure);
    return s->only_read ? OK : e;
}

enum err storage_load(struct storage *s, struct storage_found *found,
                      struct storage_failure *failure)
{
    *found = (struct storage_found){0};
    s->failed = true;
    s->loaded = false;
    (void)storage_rotate(s);
    bool again = s->lock >= 0;
    enum err e = again ? OK : follow_links(s, failure);
    if (e == OK && !again)
        e = take_lock(s, failure);
    if (e == OK)
        e = roll_back(s, failure);
    /* Segments before the table: a save that completes in between only removes segments that
     * the table, read after it, includes. */
    if (e == OK)
        e = segments_read(s, found, failure);
    if (e == OK)
        e = load_table(s, again, found, failure);
    if (e == OK)
        note_mount(s, &found->notes);
    if (e != OK)
        storage_found_free(found);
    s->loaded = e == OK;
    return e;
}

/* Does what the last load could only read; what it finds was loaded then. */
static enum err finish_load(struct storage *s, struct storage_failure *failure)
{
    struct storage_found known = {0};
    s->only_read = false;
    enum err e = segment_roll_back(s, failure);
    if (e == OK)
        e = segments_read(s, &known, failure);
    if (e == OK && s->only_read)
        e = storage_refused(failure, -EROFS, "sync", s->file);
    s->only_read = e != OK;
    storage_found_free(&known);
    return e;
}

enum err storage_begin(struct storage *s, struct storage_failure *failure)
{
    must(s->journal && s->lock >= 0);
    enum err e = s->only_read ? finish_load(s, failure) : OK;
    /* Loading may have created one. */
    if (e == OK && s->segment < 0)
        e = segment_create(s, segment_before(s), buf_bytes(&s->rewrite), failure);
    if (e == OK)
        buf_clear(&s->rewrite);
    s->failed = e != OK;
    return e;
}
