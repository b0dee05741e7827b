/* What storage asks of a disk: a row of functions, so that a test can refuse each,
 * tear a write, or forget what was not synced.
 *
 * net/disk.h has the real one; test/fake/disk.h one in memory.  All of them block. */
#ifndef COPPICE_STORE_DISK_H
#define COPPICE_STORE_DISK_H

#include "../term/bytes.h"

/* How a file is opened. */
enum disk_open {
    DISK_READ,    /* it must be there */
    DISK_REPLACE, /* for writing, emptied, made where it is missing */
    DISK_CREATE,  /* for writing at its end; it must not be there */
    DISK_APPEND   /* for writing at its end; it must be there */
};

/* Each gives 0 (or what is said) on success, else a negative errno. */
struct disk {
    void *who;
    int (*open)(void *who, const char *path, enum disk_open how); /* a handle, from 0 on */
    int (*close)(void *who, int handle);
    /* Appends all that the file holds, at most limit bytes (-EFBIG beyond). */
    int (*read)(void *who, int handle, struct buf *out, size_t limit);
    /* Writes all of it behind what was written, or fails with any part written. */
    int (*write)(void *who, int handle, struct bytes bytes);
    /* Brings what was written, and the size, to where a power cut leaves it. */
    int (*sync)(void *who, int handle);
    /* Gives the open file the owner and the permissions of the file at the path, as far as
     * that is allowed; 0 as well where there is none. */
    int (*resemble)(void *who, int handle, const char *path);
    /* Cuts the file to that many bytes. */
    int (*truncate)(void *who, int handle, uint64_t bytes);
    int (*rename)(void *who, const char *from, const char *to);
    int (*link)(void *who, const char *from, const char *to); /* a second name; it must be new */
    int (*remove)(void *who, const char *path);
    /* Syncs the folder that holds the path: its names, not its files. */
    int (*sync_folder)(void *who, const char *path);
    /* Opens (made where it is missing) and locks a file until the handle is closed or the
     * process ends, and its copies with it; -EAGAIN when another has it, unless `waits`
     * says to wait for it.  The file then has the holder's process id, in digits. */
    int (*lock)(void *who, const char *path, bool waits);
    /* Shows the names (without the folder) of all files that stand in the path's folder and
     * begin with the path's last part. */
    int (*list)(void *who, const char *path, void (*visit)(void *what, const char *name),
                void *what);
};

#endif
