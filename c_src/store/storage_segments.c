#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "journal.h"
#include "storage_internal.h"

/* Bytes of a term in a sentence. */
#define TERM_SHOWN 40

/* --- which there are ------------------------------------------------------------------ */

struct listing {
    struct storage *s;
    size_t prefix; /* what all names begin with */
    bool beyond;   /* one has a number of more than 64 bits */
};

static void list_one(void *who, const char *name)
{
    struct listing *l = who;
    struct storage *s = l->s;
    const char *digits = name + l->prefix;
    size_t len = strspn(digits, "0123456789");
    bool damaged = strcmp(digits + len, ".damaged") == 0;
    if (len == 0 || (len > 1 && *digits == '0') ||
        (!damaged && strcmp(digits + len, ".journal") != 0))
        return;
    errno = 0;
    uint64_t number = strtoull(digits, NULL, 10);
    l->beyond = l->beyond || errno == ERANGE;
    /* What was put aside keeps its number to itself. */
    s->last = number > s->last ? number : s->last;
    if (damaged)
        return;
    s->segments = mem_room(s->segments, s->count, &s->cap, sizeof(*s->segments));
    s->segments[s->count++] = (struct segment){.number = number};
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = ((const struct segment *)left)->number;
    uint64_t b = ((const struct segment *)right)->number;
    return (a > b) - (a < b);
}

static enum err list(struct storage *s, struct storage_failure *failure)
{
    struct path path = group_path(s, ".");
    const char *slash = strrchr(path.text, '/');
    struct listing l = {s, strlen(slash == NULL ? path.text : slash + 1), false};
    s->count = 0;
    int code = s->disk->list(s->disk->who, path.text, list_one, &l);
    if (code != 0)
        return storage_refused(failure, code, "list the segments of", s->file);
    if (l.beyond)
        return storage_wrong(failure, "too_large", "%s has a segment whose number is too large",
                             failure_path(s->file));
    if (s->count > LIMIT_SEGMENTS)
        return storage_wrong(failure, "too_large", "%s has %zu segments, at most %d",
                             failure_path(s->file), s->count, LIMIT_SEGMENTS);
    if (s->count > 0)
        qsort(s->segments, s->count, sizeof(*s->segments), by_number);
    return OK;
}

/* --- what they hold ------------------------------------------------------------------- */

static enum err other(const struct storage *s, struct bytes of, const char *path,
                      struct storage_failure *failure)
{
    struct etf_in in = etf_open(of);
    etf_tuple_of(&in, 2);
    struct bytes module = etf_any(&in), group = etf_any(&in);
    bool type = etf_finish(&in) != OK || !bytes_equal(module, term_bytes(&s->module));
    struct bytes own = term_bytes(type ? &s->module : &s->group);
    struct buf theirs = {0}, ours = {0};
    text_print_short(&theirs, in.err != OK ? of : type ? module : group, TERM_SHOWN);
    text_print_short(&ours, own, TERM_SHOWN);
    enum err e = storage_wrong(failure, type ? "other_type" : "other_group",
                               "%s is a journal of %.*s, not of %.*s", failure_path(path),
                               TEXT(theirs), TEXT(ours));
    buf_free(&theirs);
    buf_free(&ours);
    return e;
}

/* What the header says must be what this storage is for; a damaged one says nothing. */
static enum err check_header(const struct storage *s, const struct journal *j, const char *path,
                             struct storage_failure *failure)
{
    struct buf of = {0};
    if (j->of.len == 0)
        return OK;
    enum err e = canon_put(&of, j->of);
    if (e != OK)
        e = storage_wrong(failure, "other_type", "%s: its header: %s", failure_path(path),
                          err_text(e));
    else if (!bytes_equal(buf_bytes(&of), term_bytes(&s->of)))
        e = other(s, buf_bytes(&of), path, failure);
    buf_free(&of);
    return e;
}

/* Lines on what could not be read; true where that is more than a write that was torn. */
static bool note(const struct journal *j, bool ours, const char *path, struct buf *notes)
{
    size_t torn = j->segment.len - j->sound;
    if (!ours)
        buf_printf(notes, "%s: it does not begin as a segment of a journal does\n", path);
    if (j->damaged > 0)
        buf_printf(notes,
                   "%s: byte %zu: damaged: %zu bytes could not be read, records lost: %llu\n", path,
                   j->damaged_at, j->damaged, (unsigned long long)(j->sequence - j->records));
    if (torn > 0)
        buf_printf(notes,
                   "%s: byte %zu: torn: %zu bytes at its end are of a write that was not "
                   "finished\n",
                   path, j->sound, torn);
    return !ours || j->damaged > 0;
}

static enum err read_segment(const struct storage *s, struct segment *segment, struct bytes bytes,
                             struct storage_found *found, struct storage_failure *failure)
{
    struct path path = segment_path(s, segment->number);
    struct journal j;
    struct bytes term;
    bool ours = journal_open(&j, bytes) == OK;
    enum err e = check_header(s, &j, path.text, failure);
    if (e != OK)
        return e;
    while (journal_next(&j, &term)) {
        buf_put(&found->records, term);
        found->count++;
    }
    segment->bytes = bytes.len;
    segment->damaged = note(&j, ours, path.text, &found->notes);
    return OK;
}

/* One that a save has removed meanwhile is in the table, which is read later. */
static enum err read_one(const struct storage *s, struct segment *segment,
                         struct storage_found *found, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = segment_path(s, segment->number);
    struct buf bytes = {0};
    int code, handle = d->open(d->who, path.text, DISK_READ);
    if (handle == -ENOENT)
        return OK;
    code = handle < 0 ? handle : d->read(d->who, handle, &bytes, LIMIT_SEGMENT_BYTES);
    if (handle >= 0)
        (void)d->close(d->who, handle);
    enum err e = code == 0 ? read_segment(s, segment, buf_bytes(&bytes), found, failure)
                           : storage_refused(failure, code, "read", path.text);
    buf_free(&bytes);
    return e;
}

/* --- what is told must be there --------------------------------------------------------- */

/* What was cut off must not come back; what was read must not go. */
static enum err sync_last(struct storage *s, struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    uint64_t number = s->segments[s->count - 1].number;
    struct path path = segment_path(s, number);
    int handle = d->open(d->who, path.text, DISK_APPEND);
    if (handle == -ENOENT)
        return OK;
    int code = handle < 0 ? handle : d->sync(d->who, handle);
    if (handle >= 0)
        (void)d->close(d->who, handle);
    if (code == 0)
        code = d->sync_folder(d->who, path.text);
    if (code == 0)
        return OK;
    s->unsure = number;
    return storage_refused(failure, code, "sync", path.text);
}

/* A new segment in its place. */
static enum err replace_unsure(struct storage *s, struct bytes terms,
                               struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = segment_path(s, s->unsure);
    enum err e = segment_begin(s, terms, failure);
    if (e != OK)
        return e;
    int code = d->remove(d->who, path.text);
    if (code == 0)
        code = d->sync_folder(d->who, path.text);
    if (code != 0 && code != -ENOENT)
        return storage_refused(failure, code, "remove", path.text);
    s->unsure = 0;
    return OK;
}

static struct bytes last_of(struct bytes terms)
{
    struct etf_in in = etf_open(terms);
    struct bytes last = {0};
    while (in.at < in.end)
        last = etf_any(&in);
    return last;
}

/* Another process wrote the last segment.  It may have ended before its last record was
 * synced, or the segment's name, or been told that it was not and ended then: a later sync, which
 * finds nothing to do, says that all is well.  Peers are told what was read, and what comes next
 * builds on it; it must not be lost alone.  So it is written once more, to a segment of our own:
 * now, or, where the disk is full, as soon as it is not. */
static enum err write_again(struct storage *s, struct bytes terms, struct storage_failure *failure)
{
    struct bytes last = last_of(terms);
    buf_clear(&s->again);
    if (!s->journal || last.len == 0)
        return OK;
    if (segment_begin(s, last, failure) == OK)
        return OK;
    buf_put(&s->again, last);
    return sync_last(s, failure);
}

/* The terms are those of the last segment. */
static enum err make_sure(struct storage *s, struct bytes terms, struct storage_failure *failure)
{
    uint64_t number = s->segments[s->count - 1].number;
    if (number == s->unsure)
        return replace_unsure(s, terms, failure);
    return number == s->made ? sync_last(s, failure) : write_again(s, terms, failure);
}

enum err segments_read(struct storage *s, struct storage_found *found,
                       struct storage_failure *failure)
{
    size_t last = 0;
    enum err e = list(s, failure);
    for (size_t i = 0; e == OK && i < s->count; i++) {
        last = found->records.len;
        e = read_one(s, &s->segments[i], found, failure);
    }
    if (e != OK || s->count == 0)
        return e;
    struct bytes terms = {0};
    if (found->records.len > last)
        terms = (struct bytes){found->records.at + last, found->records.len - last};
    return make_sure(s, terms, failure);
}
