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

/* Bytes of a term shown in a log line. */
#define TERM_SHOWN 40

/* --- listing -------------------------------------------------------------------------- */

struct listing {
    struct storage *s;
    size_t prefix; /* length of what all names start with */
    bool overflow; /* a number exceeds 64 bits */
};

static void list_one(void *who, const char *name)
{
    struct listing *l = who;
    struct storage *s = l->s;
    const char *digits = name + l->prefix;
    size_t len = strspn(digits, "0123456789");
    bool damaged = strcmp(digits + len, ".damaged") == 0;
    if (len == 0 || *digits == '0' || (!damaged && strcmp(digits + len, ".journal") != 0))
        return;
    errno = 0;
    uint64_t number = strtoull(digits, NULL, 10);
    l->overflow = l->overflow || errno == ERANGE;
    /* The number of a segment that was set aside is not reused. */
    s->last = number > s->last ? number : s->last;
    s->asides = s->asides || damaged;
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
    s->asides = false;
    int code = s->disk->list(s->disk->who, path.text, list_one, &l);
    if (code != 0)
        return storage_refused(failure, code, "list the segments of", s->file);
    if (l.overflow)
        return storage_wrong(failure, "too_large", "%s has a segment with too large a number",
                             failure_path(s->file));
    if (s->count > LIMIT_SEGMENTS)
        return storage_wrong(failure, "too_large", "%s has %zu segments, at most %d",
                             failure_path(s->file), s->count, LIMIT_SEGMENTS);
    if (s->count > 0)
        qsort(s->segments, s->count, sizeof(*s->segments), by_number);
    /* One that was not created, and cannot be removed yet. */
    if (s->count > 0 && s->rollback.length == 0 &&
        s->segments[s->count - 1].number == s->rollback.number)
        s->count--;
    return OK;
}

/* --- reading -------------------------------------------------------------------------- */

/* module: of the two, it is the type that differs. */
static enum err wrong_owner(const struct storage *s, struct bytes theirs, bool module,
                            const char *path, struct storage_failure *failure)
{
    struct buf shown = {0}, ours = {0};
    text_print_short(&shown, theirs, TERM_SHOWN);
    text_print_short(&ours, term_bytes(module ? &s->module : &s->group), TERM_SHOWN);
    enum err e = storage_wrong(failure, module ? "other_type" : "other_group",
                               "%s is a journal of %.*s, not of %.*s", failure_path(path),
                               TEXT(shown), TEXT(ours));
    buf_free(&shown);
    buf_free(&ours);
    return e;
}

/* owner: {Module, Group, Before}, canonical; older versions wrote {Module, Group}. */
static enum err read_owner(const struct storage *s, struct segment *segment, struct bytes owner,
                           const char *path, struct storage_failure *failure)
{
    struct etf_in in = etf_open(owner);
    bool has_before = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 3;
    if (!has_before) {
        in = etf_open(owner);
        etf_tuple_of(&in, 2);
    }
    struct bytes module = etf_any(&in), group = etf_any(&in);
    if (has_before)
        segment->before = before_read(etf_any(&in));
    if (etf_finish(&in) != OK)
        return wrong_owner(s, owner, true, path, failure);
    if (!bytes_equal(module, term_bytes(&s->module)))
        return wrong_owner(s, module, true, path, failure);
    if (!bytes_equal(group, term_bytes(&s->group)))
        return wrong_owner(s, group, false, path, failure);
    return OK;
}

/* The owner in the header must be this storage's; a damaged header is not checked. */
static enum err read_header(const struct storage *s, struct segment *segment,
                            const struct journal *j, const char *path,
                            struct storage_failure *failure)
{
    struct buf owner = {0};
    if (j->owner.len == 0)
        return OK;
    enum err e = canon_put(&owner, j->owner);
    if (e != OK)
        e = storage_wrong(failure, "other_type", "%s: invalid header: %s", failure_path(path),
                          err_text(e));
    else
        e = read_owner(s, segment, buf_bytes(&owner), path, failure);
    buf_free(&owner);
    return e;
}

/* Adds log lines on unreadable bytes; true if there are more than those of a torn write. */
static bool note(const struct journal *j, bool has_magic, const char *path, struct buf *notes)
{
    size_t torn = j->segment.len - j->valid_end;
    if (!has_magic)
        buf_printf(notes, "%s: does not start as a journal segment does\n", path);
    if (j->damaged > 0)
        buf_printf(notes,
                   "%s: byte %zu: damaged: %zu bytes could not be read, records lost: %llu\n", path,
                   j->damaged_at, j->damaged, (unsigned long long)(j->sequence - j->records));
    if (torn > 0)
        buf_printf(notes, "%s: byte %zu: torn write: the last %zu bytes are ignored\n", path,
                   j->valid_end, torn);
    return !has_magic || j->damaged > 0;
}

static enum err read_segment(const struct storage *s, struct segment *segment, struct bytes bytes,
                             struct storage_found *found, struct storage_failure *failure)
{
    struct path path = segment_path(s, segment->number);
    struct journal j;
    struct bytes term;
    bool has_magic = journal_open(&j, bytes) == OK;
    enum err e = read_header(s, segment, &j, path.text, failure);
    if (e != OK)
        return e;
    while (journal_next(&j, &term)) {
        buf_put(&found->records, term);
        found->count++;
    }
    segment->bytes = bytes.len;
    segment->sequence = j.sequence;
    segment->torn = has_magic && j.owner.len == 0 && j.records == 0;
    segment->damaged = note(&j, has_magic, path.text, &found->notes);
    return OK;
}

/* If a save has just removed the segment, it is included in the table, which is read later. */
static enum err read_one(const struct storage *s, struct segment *segment,
                         struct storage_found *found, struct storage_failure *failure)
{
    struct path path = segment_path(s, segment->number);
    struct buf bytes = {0};
    int code = storage_read_file(s, path.text, &bytes, LIMIT_SEGMENT_BYTES);
    if (code == -ENOENT)
        return OK;
    if (segment->number == s->rollback.number && bytes.len > s->rollback.length)
        bytes.len = s->rollback.length;
    enum err e = code == 0 ? read_segment(s, segment, buf_bytes(&bytes), found, failure)
                           : storage_refused(failure, code, "read", path.text);
    buf_free(&bytes);
    return e;
}

/* --- durability of what was read -------------------------------------------------------- */

/* Makes a rollback, and the records read, survive a crash. */
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
    s->unsynced = number;
    return storage_refused(failure, code, "sync", path.text);
}

/* Writes the records to a new segment, then removes the old one. */
static enum err replace_unsynced(struct storage *s, struct bytes terms,
                                 struct storage_failure *failure)
{
    const struct disk *d = s->disk;
    struct path path = segment_path(s, s->unsynced);
    struct before before = s->segments[s->count - 1].before;
    enum err e = segment_create(s, before, terms, failure);
    if (e != OK)
        return e;
    int code = d->remove(d->who, path.text);
    if (code == 0)
        code = d->sync_folder(d->who, path.text);
    if (code != 0 && code != -ENOENT)
        return storage_refused(failure, code, "remove", path.text);
    s->unsynced = 0;
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

/* Rewrites the last record of a segment written by another process.  That process may have ended
 * before its last sync, or because that sync failed; syncing again would then succeed without
 * writing anything.  The record is about to be sent to peers, and later ones build on it, so it
 * must be durable.  It is written to a segment of our own: now, or, if the disk is full, as soon
 * as there is space. */
static enum err rewrite_last(struct storage *s, struct bytes terms, struct storage_failure *failure)
{
    struct bytes last = last_of(terms);
    buf_clear(&s->rewrite);
    if (!s->journal || last.len == 0)
        return OK;
    if (segment_create(s, segment_before(s), last, failure) == OK)
        return OK;
    buf_put(&s->rewrite, last);
    return sync_last(s, failure);
}

/* Each of its records was synced before it was acknowledged: what is left is a rollback, for which
 * a read-only file system has to become writable. */
static enum err sync_own(struct storage *s, struct storage_failure *failure)
{
    uint64_t unsynced = s->unsynced;
    enum err e = s->only_read ? OK : sync_last(s, failure);
    if (e == OK || !storage_is_read_only(failure))
        return e;
    s->unsynced = unsynced;
    s->only_read = true;
    return OK;
}

/* terms: the records of the last segment. */
static enum err make_durable(struct storage *s, struct bytes terms, struct storage_failure *failure)
{
    uint64_t number = s->segments[s->count - 1].number;
    if (number == s->unsynced)
        return replace_unsynced(s, terms, failure);
    return number == s->created ? sync_own(s, failure) : rewrite_last(s, terms, failure);
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
        terms = bytes_after(buf_bytes(&found->records), last);
    return make_durable(s, terms, failure);
}

/* --- what they have ----------------------------------------------------------------------- */

/* Of a segment and all that it refers to; those before it are known already. */
static enum covers cover(const struct storage *s, size_t place)
{
    const struct segment *segment = &s->segments[place];
    const struct before *before = &segment->before;
    if (segment->damaged || before->kind == BEFORE_UNKNOWN)
        return COVERS_UNKNOWN;
    if (before->kind != BEFORE_SEGMENT)
        return before->kind == BEFORE_NOTHING ? COVERS_ALL : COVERS_PART;
    while (place > 0 && s->segments[place - 1].number > before->number)
        place--;
    if (place == 0 || s->segments[place - 1].number != before->number)
        return COVERS_PART;
    const struct segment *other = &s->segments[place - 1];
    return other->sequence < before->sequence ? COVERS_UNKNOWN : other->covers;
}

enum covers segments_cover(struct storage *s)
{
    enum covers all = COVERS_UNKNOWN;
    bool unknown = false, part = false;
    for (size_t i = 0; i < s->count; i++) {
        struct segment *segment = &s->segments[i];
        if (segment->torn)
            continue;
        all = segment->covers = cover(s, i);
        /* A merged one has what is in those before it.  They were removed, but a power cut may
         * bring back some of them without others that they refer to. */
        bool has_all = all == COVERS_ALL && segment->before.kind == BEFORE_NOTHING;
        unknown = !has_all && (unknown || all == COVERS_UNKNOWN);
        part = !has_all && (part || all == COVERS_PART);
    }
    return part ? COVERS_PART : unknown ? COVERS_UNKNOWN : all;
}
