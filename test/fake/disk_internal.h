/* What the files of the fake disk share: its files and their names, as every reader sees them
 * and as a power cut leaves them. */
#ifndef COPPICE_TEST_FAKE_DISK_INTERNAL_H
#define COPPICE_TEST_FAKE_DISK_INTERNAL_H

#include "term/bytes.h"

/* What names are for. */
struct file {
    struct file *next;
    struct buf bytes;      /* as every reader sees it */
    struct buf synced;     /* as it was when it was last synced */
    size_t low;            /* the fewest bytes it has had since: those before are synced */
    size_t lost, lost_end; /* what a sync that failed has not written; none where equal */
    int locked;            /* by this handle; 0 by none */
};

struct name {
    char *path;
    struct file *file;
};

struct names {
    struct name *at;
    size_t count, cap;
};

/* What was done to the names of a folder that has not been synced since. */
struct change {
    char *removed, *made; /* NULL: none */
    struct file *file;    /* what was made is a name for */
};

/* The next number that a seed gives. */
uint64_t fake_mix(uint64_t *seed);

/* NULL when there is none. */
struct name *name_find(const struct names *names, const char *path);
void name_remove(struct names *names, const char *path);
/* In place of the one that is there. */
void name_make(struct names *names, const char *path, struct file *file);
void names_clear(struct names *names);
bool names_have(const struct names *names, const struct file *file);

/* The paths may be NULL. */
struct change change_new(const char *removed, const char *made, struct file *file);
void change_apply(const struct change *c, struct names *names);
void change_free(struct change *c);

/* Bytes of a path in front of its last part, and whether two have the same there. */
size_t folder_len(const char *path);
bool same_folder(const char *a, const char *b);

void file_free(struct file *f);
void file_cut(struct file *f, size_t len);
void file_sync(struct file *f);
/* A sync has failed: what it was for is lost. */
void file_lose(struct file *f);
void file_crash(struct file *f, uint64_t *seed);

#endif
