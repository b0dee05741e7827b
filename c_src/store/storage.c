#include "storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "../mem.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "journal.h"
#include "storage_internal.h"

void storage_group(char text[STORAGE_GROUP_CHARS], struct bytes group)
{
    snprintf(text, STORAGE_GROUP_CHARS, "%08" PRIx32, (uint32_t)crc32_z(0, group.at, group.len));
}

struct storage *storage_new(const struct disk *disk, const struct storage_options *o)
{
    struct storage *s = mem_take(sizeof(*s));
    must(o->file.len > 0 && o->file.len <= LIMIT_PATH_BYTES);
    must(memchr(o->file.at, 0, o->file.len) == NULL);
    memcpy(s->named, o->file.at, o->file.len);
    memcpy(s->file, o->file.at, o->file.len);
    storage_group(s->crc, o->group);
    struct buf module = {0};
    put_atom_bytes(&module, o->module);
    s->disk = disk;
    s->group = term_copy(o->group);
    s->module = term_take(&module);
    buf_put(&s->owner, o->owner);
    s->form = o->form;
    s->journal = o->journal;
    s->lock = s->segment = -1;
    return s;
}

/* One without records, which would be left at each end of a process that has changed nothing.  The
 * table has everything then, unless there are other segments, which refer to each other. */
static void remove_empty(struct storage *s)
{
    if (s->segment < 0 || s->sequence > 0 || s->count > 1)
        return;
    struct path path = segment_path(s, s->segments[0].number);
    (void)s->disk->remove(s->disk->who, path.text);
}

void storage_free(struct storage *s)
{
    if (s == NULL)
        return;
    remove_empty(s);
    if (s->segment >= 0)
        (void)s->disk->close(s->disk->who, s->segment);
    if (s->lock >= 0)
        (void)s->disk->close(s->disk->who, s->lock);
    term_free(&s->group);
    term_free(&s->module);
    buf_free(&s->owner);
    mem_free(s->segments);
    buf_free(&s->rewrite);
    mem_free(s);
}

/* --- files ---------------------------------------------------------------------------- */

struct path storage_path(const struct storage *s, const char *format, ...)
{
    struct path p;
    va_list args;
    size_t len = strlen(s->file);
    memcpy(p.text, s->file, len);
    va_start(args, format);
    int n = vsnprintf(p.text + len, sizeof(p.text) - len, format, args);
    va_end(args);
    must(n >= 0 && (size_t)n < sizeof(p.text) - len);
    return p;
}

struct path segment_path(const struct storage *s, uint64_t number)
{
    return storage_path(s, ".%s.%" PRIu64 ".journal", s->crc, number);
}

struct path group_path(const struct storage *s, const char *suffix)
{
    return storage_path(s, ".%s%s", s->crc, suffix);
}

int storage_read_file(const struct storage *s, const char *path, struct buf *out, size_t limit)
{
    const struct disk *d = s->disk;
    int code, handle = d->open(d->who, path, DISK_READ);
    if (handle < 0)
        return handle;
    code = d->read(d->who, handle, out, limit);
    (void)d->close(d->who, handle);
    return code;
}

/* --- segments ------------------------------------------------------------------------- */

bool storage_is_read_only(const struct storage_failure *failure)
{
    return strcmp(failure->reason, "erofs") == 0;
}

/* Syncs nothing: the load that must follow syncs the last segment, and the folder when it
 * creates a new one. */
enum err segment_roll_back(struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = segment_path(s, s->rollback.number);
    int code;
    if (s->rollback.number == 0)
        return OK;
    if (s->rollback.length == 0) {
        code = d->remove(d->who, path.text);
    } else {
        int handle = d->open(d->who, path.text, DISK_APPEND);
        code = handle < 0 ? handle : d->truncate(d->who, handle, s->rollback.length);
        if (handle >= 0)
            (void)d->close(d->who, handle);
    }
    /* A save may have removed the segment since. */
    if (code != 0 && code != -ENOENT)
        return storage_refused(failure, code, "truncate", path.text);
    s->rollback.number = 0;
    return OK;
}

/* Closes the current segment for good and rolls it back to length: now, or before the next load
 * if that fails too. */
static void segment_abandon(struct storage *s, uint64_t number, uint64_t length)
{
    struct storage_failure ignored;
    (void)s->disk->close(s->disk->who, s->segment);
    s->segment = -1;
    s->rollback.number = number;
    s->rollback.length = length;
    segment_roll_back(s, &ignored);
}

/* Its contents are the table's, and nobody else may read them.  Returns NULL, or the step that
 * failed. */
static const char *segment_open(struct storage *s, const struct path *path, int *code)
{
    *code = s->segment = s->disk->open(s->disk->who, path->text, DISK_CREATE);
    if (*code < 0)
        return "create";
    *code = s->disk->copy_permissions(s->disk->who, s->segment, s->file);
    return *code == 0 ? NULL : "set the permissions of";
}

/* Writes and syncs; returns NULL, or the step that failed. */
static const char *segment_write(struct storage *s, struct bytes bytes, int *code)
{
    *code = s->disk->write(s->disk->who, s->segment, bytes);
    if (*code != 0)
        return "write to";
    *code = s->disk->sync(s->disk->who, s->segment);
    return *code == 0 ? NULL : "sync";
}

void segment_put_header(const struct storage *s, const struct before *before, struct buf *out)
{
    struct buf term = {0};
    put_tuple(&term, 3);
    put_term(&term, term_bytes(&s->module));
    put_term(&term, term_bytes(&s->group));
    before_put(&term, before);
    journal_put_header(out, buf_bytes(&term));
    buf_free(&term);
}

struct before segment_before(const struct storage *s)
{
    for (size_t i = s->count; i-- > 0;)
        if (!s->segments[i].torn)
            return (struct before){BEFORE_SEGMENT, s->segments[i].number, s->segments[i].sequence};
    return s->first;
}

enum err segment_create(struct storage *s, struct before before, struct bytes terms,
                        struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    if (s->last == UINT64_MAX)
        return storage_wrong(failure, "too_large", "%s: no higher segment number is left",
                             failure_path(segment_path(s, s->last).text));
    struct path path = segment_path(s, ++s->last);
    struct buf bytes = {0};
    int code = 0;
    segment_put_header(s, &before, &bytes);
    s->sequence = 0;
    for (struct etf_in in = etf_open(terms); in.at < in.end;)
        journal_put(&bytes, ++s->sequence, etf_any(&in));
    const char *step = segment_open(s, &path, &code);
    if (step == NULL)
        step = segment_write(s, buf_bytes(&bytes), &code);
    if (step == NULL) {
        code = d->sync_folder(d->who, path.text);
        step = code == 0 ? NULL : "sync the folder of";
    }
    if (step != NULL && s->segment >= 0)
        segment_abandon(s, s->last, 0);
    size_t len = bytes.len;
    buf_free(&bytes);
    if (step != NULL)
        return storage_refused(failure, code, step, path.text);
    s->segments = mem_room(s->segments, s->count, &s->cap, sizeof(*s->segments));
    s->segments[s->count++] = (struct segment){
        .number = s->last, .bytes = len, .sequence = s->sequence, .before = before};
    s->created = s->last;
    return OK;
}

static enum err segment_append(struct storage *s, struct bytes record,
                               struct storage_failure *failure)
{
    struct segment *segment = &s->segments[s->count - 1];
    struct buf bytes = {0};
    int code;
    journal_put(&bytes, ++s->sequence, record);
    const char *step = segment_write(s, buf_bytes(&bytes), &code);
    size_t len = bytes.len;
    buf_free(&bytes);
    if (step != NULL) {
        segment_abandon(s, segment->number, segment->bytes);
        return storage_refused(failure, code, step, segment_path(s, segment->number).text);
    }
    segment->bytes += len;
    segment->sequence = s->sequence;
    return OK;
}

/* --- the journal ---------------------------------------------------------------------- */

enum err storage_append(struct storage *s, struct bytes record, struct storage_failure *failure)
{
    must(s->journal && s->lock >= 0 && !s->failed && record.len > 0);
    if (record.len > SEGMENT_RECORD_MAX)
        return storage_wrong(failure, "too_large",
                             "a record of %zu bytes exceeds the limit of %llu", record.len,
                             SEGMENT_RECORD_MAX);
    /* While saves fail the journal grows, but no segment beyond what can be read. */
    if (s->segment >= 0 && s->segments[s->count - 1].bytes >= LIMIT_JOURNAL_BYTES)
        (void)storage_rotate(s);
    enum err e = s->segment < 0 ? segment_create(s, segment_before(s), record, failure)
                                : segment_append(s, record, failure);
    s->failed = e != OK;
    return e;
}

uint64_t storage_rotate(struct storage *s)
{
    /* Everything was synced, so a failing close does not matter. */
    if (s->segment >= 0)
        (void)s->disk->close(s->disk->who, s->segment);
    s->segment = -1;
    return s->last;
}

void storage_saved(struct storage *s, uint64_t segment)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->segments[i].number > segment)
            s->segments[kept++] = s->segments[i];
    s->count = kept;
    s->first = (struct before){.kind = BEFORE_TABLE};
}

uint64_t storage_journal_bytes(const struct storage *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->count; i++)
        bytes += s->segments[i].bytes;
    return bytes;
}
