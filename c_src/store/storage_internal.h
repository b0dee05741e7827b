/* What the files of storage share. */
#ifndef COPPICE_STORE_STORAGE_INTERNAL_H
#define COPPICE_STORE_STORAGE_INTERNAL_H

#include "../limits.h"
#include "storage.h"

/* A segment that has not been removed. */
struct segment {
    uint64_t number, bytes;
    bool damaged; /* not all of it could be read: it is put aside, never removed */
};

struct storage {
    const struct disk *disk;
    char file[LIMIT_PATH_BYTES + 1];
    char crc[9];       /* of the group, as it stands in names */
    struct term group; /* canonical */
    struct term of;    /* {Module, Group}, canonical: what a segment's header says */
    struct term module;
    enum record_form form;
    bool journal;
    int lock;    /* the group's; -1 before it is held */
    int segment; /* what storage_append() writes to; -1: a new one is to be made */
    uint64_t sequence;
    uint64_t last; /* the highest number that a segment has, or has had */
    struct segment *segments;
    size_t count, cap;
    uint64_t made;    /* the last segment that this process has made */
    struct buf again; /* a record that the next one has to begin with; empty for none */
    /* One of those that could not be synced when it was read: a later sync may say that all is
     * well with what it did not do.  0: none. */
    uint64_t unsure;
    bool failed; /* an append or a load: a load has to come next */
    /* What a failure has left in a segment, to be cut off behind `sound`: 0 removes all of
     * it.  Nothing where the number is 0. */
    struct {
        uint64_t number, sound;
    } spoiled;
};

/* A path as struct disk takes it. */
struct path {
    char text[LIMIT_PATH_BYTES + 64];
};
/* FILE and what follows. */
struct path storage_path(const struct storage *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct path segment_path(const struct storage *s, uint64_t number);
struct path group_path(const struct storage *s, const char *ending); /* FILE.GROUP + ending */

/* Makes the next segment, with its header and records of these terms, one after the other, and
 * brings it and its name to disk.  A failure leaves it spoiled. */
must_use enum err segment_begin(struct storage *s, struct bytes terms,
                                struct storage_failure *failure);

/* Cuts off what a failure has left, if there is anything. */
enum err segment_mend(struct storage *s, struct storage_failure *failure);

/* Reads all segments there are, which become those that the storage knows of, and appends
 * what they hold. */
must_use enum err segments_read(struct storage *s, struct storage_found *found,
                                struct storage_failure *failure);

#endif
