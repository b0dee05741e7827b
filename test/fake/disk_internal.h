/* The files of the fake disk and their names, as seen by readers and as left by a power cut.
 * Private to the fake disk. */
#ifndef COPPICE_TEST_FAKE_DISK_INTERNAL_H
#define COPPICE_TEST_FAKE_DISK_INTERNAL_H

#include "term/bytes.h"

/* An inode. */
struct file {
    struct file *next;
    struct buf bytes;      /* as seen by readers */
    struct buf synced;     /* as of the last sync */
    size_t low;            /* the lowest length since: bytes before it are synced */
    size_t lost, lost_end; /* the range lost in a failed sync; none if equal */
    int locked;            /* by this handle; 0: unlocked */
    bool mounted;          /* cannot be renamed, replaced or removed */
    bool link;             /* a symbolic link; the bytes are its target */
};

struct name {
    char *path;
    struct file *file;
};

struct names {
    struct name *at;
    size_t count, cap;
};

/* A change of names in a folder that has not been synced since. */
struct change {
    char *removed, *made; /* NULL: none */
    struct file *file;    /* that `made` names */
};

/* The next pseudo-random number (splitmix64). */
uint64_t fake_mix(uint64_t *seed);

/* NULL if there is none. */
struct name *name_find(const struct names *names, const char *path);
void name_remove(struct names *names, const char *path);
/* Replaces an existing name. */
void name_make(struct names *names, const char *path, struct file *file);
void names_clear(struct names *names);
bool names_have(const struct names *names, const struct file *file);

/* Appends the path that this one leads to, all symbolic links followed; -ELOOP. */
int names_resolve(const struct names *names, const char *path, struct buf *out);

/* The paths may be NULL. */
struct change change_new(const char *removed, const char *made, struct file *file);
void change_apply(const struct change *c, struct names *names);
void change_free(struct change *c);

/* The length of a path without its last component; whether two paths share a folder. */
size_t folder_len(const char *path);
bool same_folder(const char *a, const char *b);

void file_free(struct file *f);
void file_truncate(struct file *f, size_t len);
void file_sync(struct file *f);
/* Loses what the sync should have written. */
void file_sync_failed(struct file *f);
void file_crash(struct file *f, uint64_t *seed);

#endif
