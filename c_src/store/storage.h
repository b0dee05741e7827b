/* The files of one replica: a snapshot in a DETS table, which may hold other records
 * beside, and a journal of what has changed since.
 *
 *     FILE                     the table: {Group, State}
 *     FILE.GROUP.N.journal     segments of the journal, N counting up
 *     FILE.GROUP.lock          held by whoever keeps that group there
 *     FILE.lock                held while FILE is being replaced
 *     FILE.GROUP.tmp           the table that is to become FILE
 *     FILE.damaged.N           what FILE was before it was mended
 *     FILE.GROUP.N.damaged     a segment of which not all could be read
 *
 * GROUP is the CRC-32 of the canonical group, in 8 hexadecimal digits.  Everything here
 * blocks and does nothing but through struct disk.
 *
 * Whatever was appended is found by storage_load(), in the table or in a segment, after
 * a crash at any moment: a segment is removed only when a table that has all of it
 * has been synced, renamed and its folder synced.  Since records are states to be
 * joined, one that is in both does no harm.  What storage_load() has found stays found
 * as well, though whoever wrote it may have ended before it was synced. */
#ifndef COPPICE_STORE_STORAGE_H
#define COPPICE_STORE_STORAGE_H

#include "disk.h"
#include "failure.h"
#include "record.h"

struct storage_options {
    struct bytes file;   /* its path, text without NUL of at most LIMIT_PATH_BYTES */
    struct bytes group;  /* canonical */
    struct bytes module; /* of the struct: "Elixir.Grove.Set.GSet" */
    enum record_form form;
    bool journal; /* without it, storage_append() is not called */
};

struct storage;

/* Copies the options; does nothing yet. */
struct storage *storage_new(const struct disk *disk, const struct storage_options *options);

/* Lets go of the lock and closes what is open.  NULL is allowed. */
void storage_free(struct storage *s);

/* What storage_load() has found. */
struct storage_found {
    struct buf state;   /* the table's, checked; empty: there is none */
    struct buf records; /* of all segments, checked terms one after the other */
    uint64_t count;     /* how many those are */
    struct buf notes;   /* what was torn, damaged or mended: lines, each with its '\n' */
};
void storage_found_free(struct storage_found *found);

/* Locks the group and reads all.  May be called again, and must be after a failure of
 * storage_append(): what that had begun to write is cut off first, so that it
 * is not found.  Changes nothing else.  A table that was not closed or is damaged is salvaged.
 * *found is empty on a failure. */
must_use enum err storage_load(struct storage *s, struct storage_found *found,
                               struct storage_failure *failure);

/* Makes sure that a journal can be written: makes a new segment with its header, and syncs
 * it.  After storage_load(), before storage_append(); again after a failure of its own. */
must_use enum err storage_begin(struct storage *s, struct storage_failure *failure);

/* Writes one record (any term) and syncs it: when this gives OK the record is safe.  On a
 * failure the segment is not used again, and storage_load() has to come next. */
must_use enum err storage_append(struct storage *s, struct bytes record,
                                 struct storage_failure *failure);

/* From now on storage_append() writes to a new segment.  Gives the number of the last
 * that is complete, for storage_save(): whatever was appended before is in it or in one
 * before it. */
uint64_t storage_rotate(struct storage *s);

/* Replaces the table by one in which the group's record has this state (a term), and
 * all other records are as they were; then removes segments up to that number.  A table
 * of which something could not be read is kept as FILE.damaged.N.  May run in a copy of the
 * process, beside storage_append() in the original. */
must_use enum err storage_save(struct storage *s, struct bytes state, uint64_t segment,
                               struct storage_failure *failure);

/* A copy of the process has saved up to that segment. */
void storage_saved(struct storage *s, uint64_t segment);

/* Bytes in the segments that storage_save() has not removed, as far as this copy of the
 * process knows. */
uint64_t storage_journal_bytes(const struct storage *s);

#endif
