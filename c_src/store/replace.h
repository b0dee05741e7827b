/* Replacing a file atomically: the new contents are written to a temporary file, synced, and
 * renamed.  A reader sees the old bytes or the new ones, even after a crash. */
#ifndef COPPICE_STORE_REPLACE_H
#define COPPICE_STORE_REPLACE_H

#include "disk.h"
#include "failure.h"

/* Writes the pieces that next returns, until it returns false, to the file `temporary`, with the
 * permissions of the file at path, and syncs it.  On a failure `temporary` is removed. */
must_use enum err replace_write(const struct disk *disk, const char *temporary, const char *path,
                                bool (*next)(void *who, struct bytes *piece), void *who,
                                struct storage_failure *failure);

/* Renames `temporary` to path and syncs the folder.  If the rename fails, path is unchanged and
 * `temporary` is removed; if only the sync fails, a power cut may leave either file at path. */
must_use enum err replace_commit(const struct disk *disk, const char *temporary, const char *path,
                                 struct storage_failure *failure);

#endif
