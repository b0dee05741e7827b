/* The table of a storage, as read: the group's record, and all others unchanged. */
#ifndef COPPICE_STORE_STORAGE_TABLE_H
#define COPPICE_STORE_STORAGE_TABLE_H

#include "../dets/dets_salvage.h"
#include "storage_internal.h"

struct storage_table {
    struct path path; /* of the file that was read ... */
    bool is_next;     /* ... which is FILE.next */
    struct buf file;
    /* The other records.  Objects borrow from file, keys from `keys` or `salvage`. */
    struct dets_record *records;
    size_t count, cap;
    struct buf keys;
    struct dets_salvage salvage;
    /* The group's record, if found.  Its state is a part of file, or the content of memory. */
    struct bytes state;
    struct buf memory, rest;
    uint32_t rest_count;
    enum record_form form;
    bool found;
    bool exists;  /* there is a file, and all of it was read */
    bool nothing; /* nothing of a table is in it: set with not_dets */
    bool salvaged;
    /* Part of the file was unreadable, or the group's record no state although this storage has
     * loaded one: the file must be kept. */
    bool lossy;
};

/* FILE.next, which is the table as long as it exists (storage_place.h). */
struct path table_next(const struct storage *s);

/* Reads the table; a missing or empty FILE is an empty table.  Appends a line to notes for each
 * fault found.  With force_salvage, the file is salvaged even if it seems valid.  *table is to
 * be freed even on a failure: table->exists then says that the disk is not at fault. */
must_use enum err storage_table_read(struct storage_table *table, const struct storage *s,
                                     bool force_salvage, struct buf *notes,
                                     struct storage_failure *failure);
void storage_table_free(struct storage_table *table);

#endif
