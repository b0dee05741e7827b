/* The file system calls that storage makes: a table of functions, so that a test can fail any of
 * them, tear a write, or drop what was not synced.  net/disk.h is the real one, test/fake/disk.h
 * one in memory.  All of them block. */
#ifndef COPPICE_STORE_DISK_H
#define COPPICE_STORE_DISK_H

#include "../term/bytes.h"

/* How a file is opened. */
enum disk_open {
    DISK_READ,     /* must exist */
    DISK_TRUNCATE, /* for writing; truncated, or created if missing */
    DISK_CREATE,   /* for appending; must not exist */
    DISK_APPEND    /* for appending; must exist */
};

/* Each returns 0 (or as stated) on success, else a negative errno. */
struct disk {
    void *who;
    int (*open)(void *who, const char *path, enum disk_open how); /* a handle, from 0 on */
    int (*close)(void *who, int handle);
    /* Appends the whole file to out; -EFBIG if it is longer than limit bytes. */
    int (*read)(void *who, int handle, struct buf *out, size_t limit);
    /* Writes all bytes at the end of what was written; a failure may leave a part of them. */
    int (*write)(void *who, int handle, struct bytes bytes);
    /* Makes the data and the size survive a power cut. */
    int (*sync)(void *who, int handle);
    /* Gives the open file the owner and the permissions of the file at path, as far as that is
     * allowed, and its owner the right to read and write it; 0 as well if there is no such file. */
    int (*copy_permissions)(void *who, int handle, const char *path);
    int (*truncate)(void *who, int handle, uint64_t bytes);
    /* Appends the path, without NUL, of the file that opening path opens or creates: path with all
     * symbolic links at its end followed.  -ELOOP if they never end. */
    int (*resolve)(void *who, const char *path, struct buf *out);
    /* 1 if a file is mounted at path by itself, so that the folder around it may be another one
     * than where the file is kept; else 0.  Never fails: 0 as well if that cannot be told. */
    int (*is_mount)(void *who, const char *path);
    int (*rename)(void *who, const char *from, const char *to);
    int (*remove)(void *who, const char *path);
    /* Syncs the folder that holds path: its names, not its files.  0 as well if its file system
     * cannot sync folders. */
    int (*sync_folder)(void *who, const char *path);
    /* Opens a file, created if missing, and locks it until the handle is closed, or the process
     * and the children that it has forked since end.  -EAGAIN if another process has the lock,
     * unless `waits` says to wait for it.  The file then contains the holder's process id in
     * decimal and a newline; more can be written to the handle. */
    int (*lock)(void *who, const char *path, bool waits);
    /* Calls visit with the name (without the folder) of each file in path's folder that starts
     * with the last component of path. */
    int (*list)(void *who, const char *path, void (*visit)(void *what, const char *name),
                void *what);
};

#endif
