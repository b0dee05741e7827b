/* Replacing a file whole, or not at all: the new one is written beside it and takes its
 * name when it is on disk.  Whoever opens the file sees the old bytes or the new ones, also
 * after a crash. */
#ifndef COPPICE_STORE_REPLACE_H
#define COPPICE_STORE_REPLACE_H

#include "disk.h"
#include "failure.h"

/* Makes the file `beside` hold the pieces that next gives until it gives none, synced, for
 * those to read who may read the file at `path`.  On a failure it is removed. */
must_use enum err replace_write(const struct disk *disk, const char *beside, const char *path,
                                bool (*next)(void *who, struct bytes *piece), void *who,
                                struct storage_failure *failure);

/* Gives it the name of the file that it replaces.  On a failure that file is as it was, and
 * `beside` removed, but where only the folder could not be synced: then either may be
 * found after a power cut. */
must_use enum err replace_name(const struct disk *disk, const char *beside, const char *path,
                               struct storage_failure *failure);

#endif
