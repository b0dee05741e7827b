#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../limits.h"

/* Of a file, as much is read at once as was read before, within these: a small file takes little
 * memory. */
#define READ_LEAST_BYTES 4096u
#define READ_MOST_BYTES  (1024u * 1024)

/* The result of a system call, or -errno. */
static int code(int result)
{
    return result >= 0 ? result : -errno;
}

/* --- files ---------------------------------------------------------------------------- */

static int disk_open(void *who, const char *path, enum disk_open how)
{
    static const int flags[] = {
        [DISK_READ] = O_RDONLY,
        [DISK_TRUNCATE] = O_WRONLY | O_CREAT | O_TRUNC,
        [DISK_CREATE] = O_WRONLY | O_CREAT | O_EXCL | O_APPEND,
        [DISK_APPEND] = O_WRONLY | O_APPEND,
    };
    int handle;
    (void)who;
    do
        handle = open(path, flags[how] | O_CLOEXEC, 0666);
    while (handle < 0 && errno == EINTR);
    return code(handle);
}

/* Linux closes the descriptor even when close() is interrupted.  A child that was forked meanwhile
 * has a copy of the descriptor, with which a lock would outlive it; unlocking it ends that. */
static int disk_close(void *who, int handle)
{
    (void)who;
    (void)flock(handle, LOCK_UN);
    int result = close(handle);
    return result < 0 && errno == EINTR ? 0 : code(result);
}

static size_t next_piece(size_t read_before)
{
    if (read_before < READ_LEAST_BYTES)
        return READ_LEAST_BYTES;
    return read_before < READ_MOST_BYTES ? read_before : READ_MOST_BYTES;
}

static int disk_read(void *who, int handle, struct buf *out, size_t limit)
{
    size_t before = out->len;
    (void)who;
    for (;;) {
        size_t done = out->len - before, piece = next_piece(done);
        ssize_t n = pread(handle, buf_room(out, piece), piece, (off_t)done);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len - before > limit)
            return -EFBIG;
    }
}

static int disk_write(void *who, int handle, struct bytes b)
{
    (void)who;
    while (b.len > 0) {
        ssize_t n = write(handle, b.at, b.len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            b = bytes_after(b, (size_t)n);
    }
    return 0;
}

/* Never retried: a second fsync may succeed although the first one lost data. */
static int disk_sync(void *who, int handle)
{
    (void)who;
    return code(fdatasync(handle));
}

/* Only root may change the owner.  Where the group cannot be kept, its permissions are dropped:
 * they were not meant for another group.  We must be able to open the file again. */
static int disk_copy_permissions(void *who, int handle, const char *path)
{
    struct stat old, now;
    mode_t kept = 0777;
    (void)who;
    if (stat(path, &old) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (fchown(handle, old.st_uid, old.st_gid) != 0 && fchown(handle, (uid_t)-1, old.st_gid) != 0)
        kept = 0707;
    mode_t mode = (old.st_mode & kept) | S_IRUSR | S_IWUSR;
    if (fstat(handle, &now) == 0 && (now.st_mode & 07777) == mode)
        return 0; /* file systems without permissions refuse to set any */
    return code(fchmod(handle, mode));
}

static int disk_truncate(void *who, int handle, uint64_t bytes)
{
    int result;
    (void)who;
    do
        result = ftruncate(handle, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return code(result);
}

/* --- names ---------------------------------------------------------------------------- */

static int disk_rename(void *who, const char *from, const char *to)
{
    (void)who;
    return code(rename(from, to));
}

static int disk_remove(void *who, const char *path)
{
    (void)who;
    return code(unlink(path));
}

/* The path's directory, with its slash; freed by the caller. */
static struct buf folder_of(const char *path)
{
    struct buf folder = {0};
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        buf_printf(&folder, ".");
    else
        buf_put(&folder, (struct bytes){(const uint8_t *)path, (size_t)(slash - path) + 1});
    buf_put_u8(&folder, 0);
    return folder;
}

/* Replaces the path, which ends with a NUL, by the target of the link that it names.  1, or 0 if it
 * names none. */
static int follow(struct buf *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink((const char *)path->at, target, sizeof(target));
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -errno;
    if (n == sizeof(target))
        return -ENAMETOOLONG;
    const char *slash = strrchr((const char *)path->at, '/');
    bool relative = target[0] != '/' && slash != NULL;
    path->len = relative ? (size_t)(slash - (const char *)path->at) + 1 : 0;
    buf_put(path, (struct bytes){(const uint8_t *)target, (size_t)n});
    buf_put_u8(path, 0);
    return 1;
}

static int disk_resolve(void *who, const char *path, struct buf *out)
{
    struct buf at = {0};
    int code = 1;
    (void)who;
    buf_put(&at, (struct bytes){(const uint8_t *)path, strlen(path) + 1});
    for (int links = 0; code > 0 && links <= LIMIT_LINKS; links++)
        code = follow(&at);
    if (code == 0)
        buf_put(out, (struct bytes){at.at, at.len - 1});
    buf_free(&at);
    return code > 0 ? -ELOOP : code;
}

static int disk_is_mount(void *who, const char *path)
{
    struct statx status;
    (void)who;
    return statx(AT_FDCWD, path, 0, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* A file system that does not sync folders says so with one of these; there is nothing that could
 * be done instead. */
static bool syncs_no_folders(int result)
{
    return result == -EINVAL || result == -ENOTSUP;
}

static int disk_sync_folder(void *who, const char *path)
{
    struct buf folder = folder_of(path);
    (void)who;
    int handle = code(open((const char *)folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    buf_free(&folder);
    if (handle < 0)
        return handle;
    int result = code(fsync(handle));
    close(handle);
    return syncs_no_folders(result) ? 0 : result;
}

static int disk_list(void *who, const char *path, void (*visit)(void *what, const char *name),
                     void *what)
{
    struct buf folder = folder_of(path);
    const char *slash = strrchr(path, '/');
    const char *prefix = slash == NULL ? path : slash + 1;
    (void)who;
    DIR *d = opendir((const char *)folder.at);
    buf_free(&folder);
    if (d == NULL)
        return -errno;
    errno = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL; errno = 0)
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
            visit(what, e->d_name);
    int failed = -errno;
    closedir(d);
    return failed;
}

/* --- locks ---------------------------------------------------------------------------- */

/* The pid is for people; the lock holds even if a full disk refuses it. */
static void sign(int handle)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(handle, 0) == 0 && write(handle, text, (size_t)len) < 0)
        return;
}

static int disk_lock(void *who, const char *path, bool waits)
{
    int handle, result;
    (void)who;
    do
        handle = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (handle < 0 && errno == EINTR);
    if (handle < 0)
        return -errno;
    do
        result = flock(handle, LOCK_EX | (waits ? 0 : LOCK_NB));
    while (result < 0 && errno == EINTR);
    if (result == 0) {
        sign(handle);
        return handle;
    }
    result = -errno;
    close(handle);
    return result;
}

const struct disk *net_disk(void)
{
    static const struct disk disk = {
        .open = disk_open,
        .close = disk_close,
        .read = disk_read,
        .write = disk_write,
        .sync = disk_sync,
        .copy_permissions = disk_copy_permissions,
        .truncate = disk_truncate,
        .resolve = disk_resolve,
        .is_mount = disk_is_mount,
        .rename = disk_rename,
        .remove = disk_remove,
        .sync_folder = disk_sync_folder,
        .lock = disk_lock,
        .list = disk_list,
    };
    return &disk;
}
