/* A folder on a disk, and its files, for the suites of disks. */
#ifndef COPPICE_TEST_PLACES_H
#define COPPICE_TEST_PLACES_H

#include <errno.h>

#include "fake/disk.h"
#include "unit/suite.h"

struct place {
    const struct disk *disk;
    struct fake_disk *fake; /* NULL: the real one */
    char folder[64];        /* on that disk */
};

/* A path in the folder; valid for the next 7 calls. */
static inline const char *in(const struct place *p, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", p->folder, name);
    return path;
}

static inline int open_in(const struct place *p, const char *name, enum disk_open how)
{
    return p->disk->open(p->disk->who, in(p, name), how);
}

static inline void write_to(const struct place *p, int handle, const char *text)
{
    CU_ASSERT_EQUAL(p->disk->write(p->disk->who, handle, bytes_of(text)), 0);
}

static inline void put(const struct place *p, const char *name, enum disk_open how,
                       const char *text)
{
    int handle = open_in(p, name, how);
    CU_ASSERT_FATAL(handle >= 0);
    write_to(p, handle, text);
    CU_ASSERT_EQUAL(p->disk->sync(p->disk->who, handle), 0);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
}

static inline void contains(const struct place *p, const char *name, const char *wanted)
{
    struct buf got = {0};
    int handle = open_in(p, name, DISK_READ);
    CU_ASSERT_FATAL(handle >= 0);
    buf_put_u8(&got, '>');
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, strlen(wanted)), 0);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    buf_put_u8(&got, 0);
    CU_ASSERT(*got.at == '>');
    CU_ASSERT_STRING_EQUAL((const char *)got.at + 1, wanted);
    buf_free(&got);
}

static inline bool exists(const struct place *p, const char *name)
{
    int handle = open_in(p, name, DISK_READ);
    if (handle >= 0)
        CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    CU_ASSERT(handle >= 0 || handle == -ENOENT);
    return handle >= 0;
}

#endif
