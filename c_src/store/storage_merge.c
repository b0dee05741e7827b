/* Segments that are no longer needed: removed, or replaced by one with the state. */
#include <errno.h>
#include <string.h>

#include "../mem.h"
#include "../term/write.h"
#include "journal.h"
#include "replace.h"
#include "storage_internal.h"

/* --- removing ------------------------------------------------------------------------- */

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

/* All up to that number but `kept`. */
static enum err drop_but(struct storage *s, uint64_t number, uint64_t kept,
                         struct storage_failure *failure)
{
    size_t left = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct segment *segment = &s->segments[i];
        if (segment->number > number || segment->number == kept) {
            s->segments[left++] = *segment;
            continue;
        }
        enum err e = drop_segment(s, segment, failure);
        if (e != OK) {
            memmove(&s->segments[left], segment, (s->count - i) * sizeof(*segment));
            s->count -= i - left;
            return e;
        }
    }
    s->count = left;
    return OK;
}

enum err segments_drop(struct storage *s, uint64_t number, struct storage_failure *failure)
{
    s->first = (struct before){.kind = BEFORE_TABLE};
    return drop_but(s, number, 0, failure);
}

/* --- merging -------------------------------------------------------------------------- */

/* The segment to be replaced by one with the state: the last one up to that number that is not to
 * be set aside.  NULL if there is nothing to gain.  A pending rollback may be about to remove a
 * segment. */
static struct segment *merge_target(const struct storage *s, uint64_t number, bool unread)
{
    struct segment *target = NULL;
    size_t older = 0;
    for (; older < s->count && s->segments[older].number <= number; older++)
        if (!s->segments[older].damaged)
            target = &s->segments[older];
    bool gains =
        older >= 2 || (unread && older == 1 && s->segments[0].before.kind != BEFORE_NOTHING);
    return gains && s->rollback.number == 0 ? target : NULL;
}

static bool next_piece(void *who, struct bytes *piece)
{
    struct bytes *left = who;
    *piece = *left;
    *left = (struct bytes){0};
    return piece->len > 0;
}

static enum err write_merged(const struct storage *s, struct segment *target, struct bytes state,
                             const char *temporary, struct storage_failure *failure)
{
    struct buf bytes = {0}, record = {0};
    put_list(&record, 1);
    put_term(&record, state);
    put_nil(&record);
    target->before = (struct before){.kind = BEFORE_NOTHING};
    segment_put_header(s, &target->before, &bytes);
    /* The next segment refers to the last record of this one. */
    target->sequence += target->sequence == 0;
    journal_put(&bytes, target->sequence, buf_bytes(&record));
    target->bytes = bytes.len;
    struct bytes left = buf_bytes(&bytes);
    struct path path = segment_path(s, target->number);
    enum err e = replace_write(s->disk, temporary, path.text, next_piece, &left, failure);
    buf_free(&record);
    buf_free(&bytes);
    return e;
}

/* Only when the new segment is in its place, and its name synced, the others are removed. */
static enum err merge(struct storage *s, struct segment *target, struct bytes state,
                      uint64_t number, struct storage_failure *failure)
{
    uint64_t kept = target->number;
    struct path temporary = group_path(s, ".tmp"), path = segment_path(s, kept);
    enum err e = write_merged(s, target, state, temporary.text, failure);
    if (e == OK)
        e = replace_commit(s->disk, temporary.text, path.text, failure);
    return e == OK ? drop_but(s, number, kept, failure) : e;
}

void segments_merge(struct storage *s, struct bytes state, uint64_t number, bool unread)
{
    struct storage_failure ignored;
    struct segment *target = merge_target(s, number, unread);
    if (target != NULL && state.len <= SEGMENT_RECORD_MAX)
        (void)merge(s, target, state, number, &ignored);
}
