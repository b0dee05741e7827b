/* Putting a new table in the place of the old one.
 *
 * Usually that is a rename.  Where FILE cannot be replaced, since it is mounted by itself (EBUSY)
 * or in a folder where only its owner may (EPERM), it is written in place:
 *
 *     1. FILE.GROUP.tmp, complete and synced, is renamed to FILE.next; the folder is synced
 *     2. FILE is truncated, written, synced, and compared with what should be there
 *     3. FILE.next is removed; the folder is synced
 *
 * As long as FILE.next is there, it is the table, whatever FILE contains: so a crash in step 2
 * loses nothing.  All of this happens under FILE.lock.  Private to store/. */
#ifndef COPPICE_STORE_STORAGE_PLACE_H
#define COPPICE_STORE_STORAGE_PLACE_H

#include "storage_table.h"

/* Acquires FILE.lock, for which it waits: a handle to be closed, or a negative errno. */
int table_lock(const struct storage *s);

/* Makes the file `temporary`, complete and synced, the table in place of `old`.  On a failure the
 * table may be the old or the new one, but is complete, and `temporary` is gone. */
must_use enum err table_put(const struct storage *s, const struct storage_table *old,
                            const char *temporary, struct storage_failure *failure);

/* Puts FILE.next in its place, from which `table` was read.  After a failure FILE.next is the table
 * as before. */
must_use enum err table_settle(const struct storage *s, struct storage_failure *failure);

/* Copies the file that was read to FILE.damaged.N, a new name, and syncs that and its folder. */
must_use enum err table_keep(const struct storage *s, const struct storage_table *table,
                             struct path *kept, struct storage_failure *failure);

/* Keeps a copy of the file that was read, as table_keep() does, and empties FILE, which keeps its
 * permissions so, or removes FILE.next. */
must_use enum err table_set_aside(const struct storage *s, const struct storage_table *table,
                                  struct path *kept, struct storage_failure *failure);

#endif
