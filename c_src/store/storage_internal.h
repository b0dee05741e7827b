/* What the files of storage share.  Private to store/. */
#ifndef COPPICE_STORE_STORAGE_INTERNAL_H
#define COPPICE_STORE_STORAGE_INTERNAL_H

#include "../limits.h"
#include "before.h"
#include "storage.h"

/* The largest record that always fits into a segment of LIMIT_SEGMENT_BYTES. */
#define SEGMENT_RECORD_MAX (LIMIT_SEGMENT_BYTES - LIMIT_JOURNAL_BYTES - 64ull * 1024)

/* What a replica has without its table. */
enum covers {
    COVERS_UNKNOWN, /* the journal does not tell, or is damaged */
    COVERS_PART,    /* segments refer to what only the table has */
    COVERS_ALL      /* everything is in the segments */
};

/* A segment that has not been removed. */
struct segment {
    uint64_t number, bytes;
    uint64_t sequence; /* of its last record */
    struct before before;
    bool damaged;       /* not all of it could be read: it is set aside, never removed */
    bool torn;          /* it ends within its header: its creation did not complete */
    enum covers covers; /* it, with those that it refers to */
};

struct storage {
    const struct disk *disk;
    char named[LIMIT_PATH_BYTES + 1]; /* the file as configured */
    char file[LIMIT_PATH_BYTES + 1];  /* the table: what `named` leads to, once locked */
    char crc[STORAGE_GROUP_CHARS];    /* of the group, as in file names */
    struct term group;                /* canonical */
    struct buf owner;
    struct term module;
    enum record_form form;
    enum record_form found_form; /* of the record that was loaded; RECORD_AUTO: there was none */
    bool journal;
    bool loaded; /* the table was read: whoever saves has what was in the group's record */
    bool noted;  /* what is said once about the table was said */
    int lock;    /* on the group; -1 until acquired */
    int segment; /* that storage_append() writes to; -1: one is to be created */
    uint64_t sequence;
    uint64_t last; /* the highest segment number used so far */
    struct segment *segments;
    size_t count, cap;
    struct before first; /* what was stored before a segment that has none before it */
    bool asides;         /* segments were set aside */
    uint64_t created;    /* the last segment created by this process */
    struct buf rewrite;  /* the record that the next segment must start with; empty for none */
    /* A segment whose sync failed after it was read: a later sync may succeed although the data
     * was lost.  0 for none. */
    uint64_t unsynced;
    bool failed; /* an append or a load has failed: a load must be next */
    /* The last load found the file system read-only: what it could not write is left to
     * storage_begin(). */
    bool only_read;
    /* A partly written record to be removed: the segment is to be truncated to `length`, or
     * removed if that is 0.  None if number is 0. */
    struct {
        uint64_t number, length;
    } rollback;
};

/* A path as struct disk takes it. */
struct path {
    char text[LIMIT_PATH_BYTES + 64];
};
/* FILE with a formatted suffix. */
struct path storage_path(const struct storage *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct path segment_path(const struct storage *s, uint64_t number);
struct path group_path(const struct storage *s, const char *suffix); /* FILE.GROUP + suffix */

/* Appends the whole file to out.  0 or a negative errno; -EFBIG beyond limit bytes. */
int storage_read_file(const struct storage *s, const char *path, struct buf *out, size_t limit);

/* Appends a segment's header, {Module, Group, Before}. */
void segment_put_header(const struct storage *s, const struct before *before, struct buf *out);

/* What is stored before the next segment. */
struct before segment_before(const struct storage *s);

/* Creates the next segment, with its header and records of these concatenated terms, and syncs
 * it and its folder.  On a failure it is rolled back. */
must_use enum err segment_create(struct storage *s, struct before before, struct bytes terms,
                                 struct storage_failure *failure);

/* Whether it failed because the file system is read-only. */
bool storage_is_read_only(const struct storage_failure *failure);

/* Carries out the pending rollback, if there is one. */
enum err segment_roll_back(struct storage *s, struct storage_failure *failure);

/* Removes the segments up to that number. */
must_use enum err segments_drop(struct storage *s, uint64_t number,
                                struct storage_failure *failure);

/* The table cannot be saved: replaces the segments up to that number, if there are several, by one
 * with the state, so that they do not pile up; even a single one that refers to the table, if that
 * cannot be read (`unread`).  Loses nothing where that fails, too. */
void segments_merge(struct storage *s, struct bytes state, uint64_t number, bool unread);

/* Lists and reads all segments, and appends their records to *found.  A pending rollback, which a
 * read-only file system puts off, is heeded. */
must_use enum err segments_read(struct storage *s, struct storage_found *found,
                                struct storage_failure *failure);

/* What the segments that were read last have. */
enum covers segments_cover(struct storage *s);

#endif
