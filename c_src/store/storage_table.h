/* The table of a storage, taken apart: the group's record, and the others as they stand. */
#ifndef COPPICE_STORE_STORAGE_TABLE_H
#define COPPICE_STORE_STORAGE_TABLE_H

#include "../dets/dets_salvage.h"
#include "storage_internal.h"

struct stored {
    struct buf file;
    /* The others; they borrow from the file, and their keys from one of these two. */
    struct dets_record *records;
    size_t count, cap;
    struct buf keys;
    struct dets_salvage salvage;
    /* The group's record, when it has one. */
    struct buf state, rest;
    uint32_t rest_count;
    enum record_form form;
    bool found;
    bool lossy; /* something in the file could not be read: it must be kept */
};

/* Reads the file; a missing or empty one is a table without records.  Damage, and that a
 * file was not closed, is noted in lines.  `distrust` has the file searched as a damaged one
 * though it seems sound.  *table is to be freed in any case. */
must_use enum err stored_read(struct stored *table, const struct storage *s, bool distrust,
                              struct buf *notes, struct storage_failure *failure);
void stored_free(struct stored *table);

#endif
