/* The files of one replica: a snapshot in a DETS table, which may also hold other records, and
 * a journal of the changes since.
 *
 *     FILE                     the table: {Group, State}
 *     FILE.GROUP.N.journal     segments of the journal, N counting up
 *     FILE.GROUP.lock          locked by the process that stores the group here
 *     FILE.lock                locked while FILE is being replaced
 *     FILE.GROUP.tmp           the next table, until it is renamed to FILE
 *     FILE.next                the next table, while FILE, which cannot be replaced, is written
 *     FILE.damaged.N           FILE as it was before it was salvaged, written anew or set aside
 *     FILE.GROUP.N.damaged     a segment that could not be read completely
 *
 * If FILE is a symbolic link, its target is the table, and all these files are beside the target.
 * GROUP is the CRC-32 of the canonical group, as 8 hexadecimal digits.  Everything here blocks,
 * and touches files through struct disk only.
 *
 * After a crash at any moment, storage_load() finds everything that was appended, in the table
 * or in a segment: a segment is removed only after a table that includes it has been synced and
 * renamed, and the folder synced.  A FILE that no rename can replace, since it is mounted by
 * itself, is written in place; FILE.next is the table meanwhile (storage_place.h).  Records are
 * states to merge, so one that is in both does no harm.  What storage_load() has found once, it
 * finds again, even if the process that wrote it ended before its sync. */
#ifndef COPPICE_STORE_STORAGE_H
#define COPPICE_STORE_STORAGE_H

#include "../limits.h"
#include "disk.h"
#include "failure.h"
#include "record.h"

struct storage_options {
    struct bytes file;   /* path, without NUL, at most LIMIT_PATH_BYTES */
    struct bytes group;  /* canonical */
    struct bytes owner;  /* the replica's name, for people; may be empty */
    struct bytes module; /* of the struct: "Elixir.Grove.Set.GSet" */
    enum record_form form;
    bool journal; /* if false, storage_append() is not called */
};

struct storage;

/* GROUP of a canonical group, with its NUL. */
#define STORAGE_GROUP_CHARS 9
void storage_group(char text[STORAGE_GROUP_CHARS], struct bytes group);

/* Copies the options; makes no disk call yet. */
struct storage *storage_new(const struct disk *disk, const struct storage_options *options);

/* Releases the lock and closes all files; a segment without records is removed.  NULL is allowed.
 */
void storage_free(struct storage *s);

/* What storage_load() has found. */
struct storage_found {
    struct bytes state; /* from the table, checked, in memory; empty if there is none */
    struct buf memory;
    struct buf records; /* from all segments: concatenated terms, checked */
    uint64_t count;     /* of records */
    struct buf notes;   /* log lines on torn writes, damage and salvage, each with its '\n' */
    bool saved; /* the table has all of it, and there is no segment: nothing is to be saved */
};
void storage_found_free(struct storage_found *found);

/* Locks the group and reads table and journal.  May be called again, and must be after
 * storage_append() has failed: a partly written record is first truncated, so that it is not
 * found; and a table that a crash has left in FILE.next is put in its place.  A file
 * with nothing of a table in it is set aside if the journal has everything (before.h), and
 * refused otherwise.  Changes nothing else.  A table that was not closed, or is damaged, is
 * salvaged.  *found is empty on a failure.
 *
 * On a file system that has become read-only since the first load, what this process has written
 * and synced is found all the same, and nothing else of its own. */
must_use enum err storage_load(struct storage *s, struct storage_found *found,
                               struct storage_failure *failure);

/* Makes sure that the journal can be written: does what storage_load() could not do on a read-only
 * file system, creates a segment with its header and syncs it.
 * Called after storage_load() and before storage_append(), and again if it fails. */
must_use enum err storage_begin(struct storage *s, struct storage_failure *failure);

/* Writes one record (any term) and syncs it: on OK the record is durable.  After a failure the
 * segment is not used again, and storage_load() must be called next. */
must_use enum err storage_append(struct storage *s, struct bytes record,
                                 struct storage_failure *failure);

/* Makes storage_append() start a new segment.  Returns the number of the last complete segment,
 * for storage_save(): all records appended so far are in segments up to that one. */
uint64_t storage_rotate(struct storage *s);

/* What the caller is to log of a save: the text of one line, or nothing. */
struct storage_note {
    char text[LIMIT_PATH_BYTES + 400];
};

/* Replaces the table by one with this state (a term) in the group's record and all other records
 * unchanged, then removes the segments up to that number.  To be called after storage_load(): the
 * state has everything that was in the group's record then, so the old table is not needed.  If
 * part of it, or all, cannot be read any more, it is kept as FILE.damaged.N, and *note says so, as
 * it does of a table that is gone.
 *
 * If the table cannot be saved, those segments are replaced by one with the state, so that they do
 * not pile up however long that lasts, and do without a table that nobody can read.  May run in a
 * forked child while the parent calls storage_append(). */
must_use enum err storage_save(struct storage *s, struct bytes state, uint64_t segment,
                               struct storage_note *note, struct storage_failure *failure);

/* To be called in the parent when a forked child has saved up to that segment. */
void storage_saved(struct storage *s, uint64_t segment);

/* The size of all segments not yet removed, as far as this process knows. */
uint64_t storage_journal_bytes(const struct storage *s);

#endif
