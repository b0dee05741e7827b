#include "net/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "store/replace.h"
#include "unit/net/places.h"

/* The contract of struct disk, checked on the real disk and on the fake one, so that what is
 * tested on the fake one holds for the real one. */

/* --- the contract of both ----------------------------------------------------------------- */

static void opens_in_each_mode(const struct place *p)
{
    CU_ASSERT_EQUAL(open_in(p, "a", DISK_READ), -ENOENT);
    CU_ASSERT_EQUAL(open_in(p, "a", DISK_APPEND), -ENOENT);
    put(p, "a", DISK_CREATE, "one");
    CU_ASSERT_EQUAL(open_in(p, "a", DISK_CREATE), -EEXIST);
    contains(p, "a", "one");
    put(p, "a", DISK_APPEND, " two");
    contains(p, "a", "one two");
    put(p, "a", DISK_TRUNCATE, "three");
    contains(p, "a", "three");
    put(p, "b", DISK_TRUNCATE, "");
    contains(p, "b", "");
}

static void writes_append(const struct place *p)
{
    int handle = open_in(p, "w", DISK_TRUNCATE);
    write_to(p, handle, "a");
    write_to(p, handle, "");
    write_to(p, handle, "bc");
    contains(p, "w", "abc");
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), -EBADF);
    CU_ASSERT_EQUAL(p->disk->write(p->disk->who, handle, bytes_of("d")), -EBADF);
    CU_ASSERT_EQUAL(p->disk->sync(p->disk->who, handle), -EBADF);
    contains(p, "w", "abc");
}

static void reads_up_to_a_limit(const struct place *p)
{
    struct buf got = {0};
    put(p, "r", DISK_CREATE, "four");
    int handle = open_in(p, "r", DISK_READ);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, 3), -EFBIG);
    buf_clear(&got);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, 4), 0);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, 4), 0);
    CU_ASSERT(bytes_equal(buf_bytes(&got), bytes_of("fourfour")));
    CU_ASSERT_EQUAL(p->disk->write(p->disk->who, handle, bytes_of("x")), -EBADF);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    buf_free(&got);
}

static void takes_little_for_small_files(const struct place *p)
{
    struct buf got = {0};
    put(p, "s", DISK_CREATE, "small");
    int handle = open_in(p, "s", DISK_READ);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, 5), 0);
    CU_ASSERT(got.cap <= 16384);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    buf_free(&got);
}

static void reads_large_files(const struct place *p)
{
    struct buf large = {0}, got = {0};
    for (uint32_t i = 0; i < 800000; i++)
        buf_put_u32(&large, i * 2654435761u);
    int handle = open_in(p, "l", DISK_CREATE);
    CU_ASSERT_EQUAL(p->disk->write(p->disk->who, handle, buf_bytes(&large)), 0);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    handle = open_in(p, "l", DISK_READ);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, large.len), 0);
    CU_ASSERT(bytes_equal(buf_bytes(&got), buf_bytes(&large)));
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    buf_free(&large);
    buf_free(&got);
}

static void truncates(const struct place *p)
{
    put(p, "t", DISK_CREATE, "keep and lose");
    int handle = open_in(p, "t", DISK_APPEND);
    CU_ASSERT_EQUAL(p->disk->truncate(p->disk->who, handle, 4), 0);
    contains(p, "t", "keep");
    write_to(p, handle, " on");
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    contains(p, "t", "keep on");
}

static void renames_and_removes(const struct place *p)
{
    const struct disk *d = p->disk;
    put(p, "n", DISK_CREATE, "new");
    put(p, "o", DISK_CREATE, "old");
    CU_ASSERT_EQUAL(d->is_mount(d->who, in(p, "n")), 0);
    CU_ASSERT_EQUAL(d->is_mount(d->who, in(p, "missing")), 0);
    CU_ASSERT_EQUAL(d->rename(d->who, in(p, "n"), in(p, "o")), 0);
    CU_ASSERT(!exists(p, "n"));
    contains(p, "o", "new");
    CU_ASSERT_EQUAL(d->sync_folder(d->who, in(p, "o")), 0);
    CU_ASSERT_EQUAL(d->remove(d->who, in(p, "o")), 0);
    CU_ASSERT(!exists(p, "o"));
    CU_ASSERT_EQUAL(d->remove(d->who, in(p, "o")), -ENOENT);
    CU_ASSERT_EQUAL(d->rename(d->who, in(p, "o"), in(p, "n")), -ENOENT);
}

static void link_to(const struct place *p, const char *target, const char *name)
{
    if (p->fake != NULL)
        fake_disk_symlink(p->fake, target, in(p, name));
    else
        CU_ASSERT_EQUAL(symlink(target, in(p, name)), 0);
}

static void resolves_to(const struct place *p, const char *name, const char *wanted)
{
    struct buf got = {0};
    CU_ASSERT_EQUAL(p->disk->resolve(p->disk->who, in(p, name), &got), 0);
    CU_ASSERT(bytes_equal(buf_bytes(&got), bytes_of(in(p, wanted))));
    buf_free(&got);
}

/* A link to a relative path, an absolute one, a link, nothing, itself. */
static void resolves_links(const struct place *p)
{
    struct buf got = {0};
    put(p, "target", DISK_CREATE, "t");
    link_to(p, "target", "relative");
    link_to(p, in(p, "relative"), "absolute");
    link_to(p, "missing", "dangling");
    link_to(p, "turn", "round");
    link_to(p, "round", "turn");
    resolves_to(p, "target", "target");
    resolves_to(p, "none", "none");
    resolves_to(p, "relative", "target");
    resolves_to(p, "absolute", "target");
    resolves_to(p, "dangling", "missing");
    CU_ASSERT_EQUAL(p->disk->resolve(p->disk->who, in(p, "round"), &got), -ELOOP);
    contains(p, "absolute", "t");
    CU_ASSERT_EQUAL(open_in(p, "dangling", DISK_CREATE), -EEXIST);
    put(p, "dangling", DISK_TRUNCATE, "made");
    contains(p, "missing", "made");
    int handle = p->disk->lock(p->disk->who, in(p, "relative"), false);
    CU_ASSERT_EQUAL(p->disk->lock(p->disk->who, in(p, "target"), false), -EAGAIN);
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    put(p, "new", DISK_CREATE, "new");
    CU_ASSERT_EQUAL(p->disk->rename(p->disk->who, in(p, "new"), in(p, "absolute")), 0);
    resolves_to(p, "absolute", "absolute");
    CU_ASSERT_EQUAL(p->disk->remove(p->disk->who, in(p, "relative")), 0);
    CU_ASSERT(exists(p, "target"));
    buf_free(&got);
}

/* A handle reads the old file even after a rename has replaced it. */
static void reads_an_open_file_that_was_replaced(const struct place *p)
{
    struct buf got = {0};
    put(p, "x", DISK_CREATE, "old");
    put(p, "y", DISK_CREATE, "new");
    int handle = open_in(p, "x", DISK_READ);
    CU_ASSERT_EQUAL(p->disk->rename(p->disk->who, in(p, "y"), in(p, "x")), 0);
    CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, 100), 0);
    CU_ASSERT(bytes_equal(buf_bytes(&got), bytes_of("old")));
    CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
    buf_free(&got);
}

static void locks(const struct place *p)
{
    const struct disk *d = p->disk;
    int first = d->lock(d->who, in(p, "lock"), false);
    CU_ASSERT_FATAL(first >= 0);
    CU_ASSERT_EQUAL(d->lock(d->who, in(p, "lock"), false), -EAGAIN);
    int other = d->lock(d->who, in(p, "other"), true);
    CU_ASSERT(other >= 0);
    CU_ASSERT_EQUAL(d->close(d->who, first), 0);
    int second = d->lock(d->who, in(p, "lock"), true);
    CU_ASSERT(second >= 0);
    CU_ASSERT_EQUAL(d->close(d->who, second), 0);
    CU_ASSERT_EQUAL(d->close(d->who, other), 0);
    struct buf holder = {0};
    int handle = open_in(p, "lock", DISK_READ);
    CU_ASSERT_EQUAL(d->read(d->who, handle, &holder, 16), 0);
    CU_ASSERT(holder.len > 1 && holder.at[holder.len - 1] == '\n');
    for (size_t i = 0; i + 1 < holder.len; i++)
        CU_ASSERT(holder.at[i] >= '0' && holder.at[i] <= '9');
    CU_ASSERT_EQUAL(d->close(d->who, handle), 0);
    buf_free(&holder);
}

struct listed {
    char names[100];
    unsigned count;
};

static void visit(void *what, const char *name)
{
    struct listed *l = what;
    strcat(strcat(l->names, name), " ");
    l->count++;
}

static void lists_by_prefix(const struct place *p)
{
    const struct disk *d = p->disk;
    struct listed l = {"", 0};
    put(p, "seg.1", DISK_CREATE, "");
    put(p, "seg.22", DISK_CREATE, "");
    put(p, "se", DISK_CREATE, "");
    put(p, "x.seg.1", DISK_CREATE, "");
    CU_ASSERT_EQUAL(d->list(d->who, in(p, "seg."), visit, &l), 0);
    CU_ASSERT_EQUAL(l.count, 2);
    CU_ASSERT(strstr(l.names, "seg.1 ") != NULL && strstr(l.names, "seg.22 ") != NULL);
    l = (struct listed){"", 0};
    CU_ASSERT_EQUAL(d->list(d->who, in(p, "none"), visit, &l), 0);
    CU_ASSERT_EQUAL(l.count, 0);
}

/* --- replacing a file, on both -------------------------------------------------------------- */

struct pieces {
    unsigned left;
    struct buf piece;
};

static bool next_piece(void *who, struct bytes *piece)
{
    struct pieces *p = who;
    if (p->left == 0)
        return false;
    p->left--;
    *piece = buf_bytes(&p->piece);
    return true;
}

/* Pieces smaller than a batch, as large, and larger. */
static void replaces_whole_files(const struct place *p)
{
    static const size_t sizes[] = {1, 1000, 256 * 1024, 256 * 1024 + 1, 700000};
    struct storage_failure f;
    put(p, "file", DISK_CREATE, "before");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct pieces pieces = {300000 / (unsigned)sizes[i] + 2, {0}};
        struct buf wanted = {0}, got = {0};
        for (size_t k = 0; k < sizes[i]; k++)
            buf_put_u8(&pieces.piece, (uint8_t)(k * 31));
        for (unsigned k = 0; k < pieces.left; k++)
            buf_put(&wanted, buf_bytes(&pieces.piece));
        CU_ASSERT_EQUAL(
            replace_write(p->disk, in(p, "file.tmp"), in(p, "file"), next_piece, &pieces, &f), OK);
        CU_ASSERT_EQUAL(replace_commit(p->disk, in(p, "file.tmp"), in(p, "file"), &f), OK);
        CU_ASSERT(!exists(p, "file.tmp"));
        int handle = open_in(p, "file", DISK_READ);
        CU_ASSERT_EQUAL(p->disk->read(p->disk->who, handle, &got, wanted.len), 0);
        CU_ASSERT(bytes_equal(buf_bytes(&got), buf_bytes(&wanted)));
        CU_ASSERT_EQUAL(p->disk->close(p->disk->who, handle), 0);
        buf_free(&got);
        buf_free(&wanted);
        buf_free(&pieces.piece);
    }
}

/* --- running the contract on both ----------------------------------------------------------- */

static void (*const contract[])(const struct place *p) = {
    opens_in_each_mode,
    writes_append,
    reads_up_to_a_limit,
    takes_little_for_small_files,
    reads_large_files,
    truncates,
    renames_and_removes,
    resolves_links,
    reads_an_open_file_that_was_replaced,
    locks,
    lists_by_prefix,
    replaces_whole_files,
};

static void the_fake_disk_keeps_the_contract(void)
{
    for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
        struct fake_disk *d = fake_disk_new();
        struct place p = {.disk = fake_disk(d), .fake = d, .folder = "/folder"};
        contract[i](&p);
        CU_ASSERT_EQUAL(fake_disk_handles(d), 0);
        fake_disk_free(d);
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* A new temporary folder; removed by real_leave(). */
static struct place real_place(void)
{
    struct place p = {.disk = net_disk()};
    const char *tmp = getenv("TMPDIR");
    snprintf(p.folder, sizeof(p.folder), "%.40s/disk-XXXXXX", tmp != NULL ? tmp : "/tmp");
    CU_ASSERT_FATAL(mkdtemp(p.folder) != NULL);
    return p;
}

static void real_leave(struct place *p)
{
    CU_ASSERT_EQUAL(nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A replacement is not readable by more users than the old file was. */
static void copies_permissions(void)
{
    struct place p = real_place();
    struct stat st;
    put(&p, "old", DISK_CREATE, "secret");
    CU_ASSERT_EQUAL(chmod(in(&p, "old"), 0640), 0);
    int handle = open_in(&p, "new", DISK_TRUNCATE);
    CU_ASSERT_EQUAL(p.disk->copy_permissions(p.disk->who, handle, in(&p, "none")), 0);
    CU_ASSERT_EQUAL(p.disk->copy_permissions(p.disk->who, handle, in(&p, "old")), 0);
    CU_ASSERT_EQUAL(stat(in(&p, "new"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    CU_ASSERT_EQUAL(chmod(in(&p, "old"), 0444), 0);
    CU_ASSERT_EQUAL(p.disk->copy_permissions(p.disk->who, handle, in(&p, "old")), 0);
    CU_ASSERT_EQUAL(stat(in(&p, "new"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0644);
    CU_ASSERT_EQUAL(p.disk->close(p.disk->who, handle), 0);
    real_leave(&p);
}

static void the_real_disk_keeps_the_contract(void)
{
    for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
        struct place p = real_place();
        int before = dup(0);
        close(before);
        contract[i](&p);
        int after = dup(0);
        close(after);
        CU_ASSERT_EQUAL(after, before);
        real_leave(&p);
    }
}

/* --- the real disk only ----------------------------------------------------------------------- */

/* Even if it is killed.  A forked child holds the lock as well, unless it was released before. */
static void a_lock_ends_with_its_process(void)
{
    struct place p = real_place();
    const struct disk *d = p.disk;
    int ready[2];
    char byte;
    CU_ASSERT_FATAL(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        int handle = d->lock(d->who, in(&p, "lock"), false);
        (void)!write(ready[1], "x", handle >= 0 ? 1 : 0);
        pause();
    }
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(d->lock(d->who, in(&p, "lock"), false), -EAGAIN);
    kill(child, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    int handle = d->lock(d->who, in(&p, "lock"), false);
    CU_ASSERT(handle >= 0);
    int other = d->lock(d->who, in(&p, "other"), false);
    child = fork();
    if (child == 0)
        pause();
    close(handle); /* as the end of the process does */
    CU_ASSERT_EQUAL(d->lock(d->who, in(&p, "lock"), false), -EAGAIN);
    CU_ASSERT_EQUAL(d->close(d->who, other), 0);
    other = d->lock(d->who, in(&p, "other"), false);
    CU_ASSERT(other >= 0);
    CU_ASSERT_EQUAL(d->close(d->who, other), 0);
    kill(child, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    real_leave(&p);
}

static void works_in_the_current_folder(void)
{
    struct place p = real_place();
    struct listed l = {"", 0};
    const struct disk *d = p.disk;
    char *home = getcwd(NULL, 0);
    CU_ASSERT_EQUAL(chdir(p.folder), 0);
    int handle = d->open(d->who, "bare", DISK_CREATE);
    CU_ASSERT(handle >= 0);
    CU_ASSERT_EQUAL(d->close(d->who, handle), 0);
    CU_ASSERT_EQUAL(d->sync_folder(d->who, "bare"), 0);
    CU_ASSERT_EQUAL(d->list(d->who, "ba", visit, &l), 0);
    CU_ASSERT_EQUAL(l.count, 1);
    CU_ASSERT_EQUAL(chdir(home), 0);
    free(home);
    real_leave(&p);
}

static void returns_the_errno(void)
{
    struct place p = real_place();
    const struct disk *d = p.disk;
    struct listed l = {"", 0};
    CU_ASSERT_EQUAL(d->open(d->who, in(&p, "no/file"), DISK_CREATE), -ENOENT);
    CU_ASSERT_EQUAL(d->lock(d->who, in(&p, "no/file"), false), -ENOENT);
    CU_ASSERT_EQUAL(d->list(d->who, in(&p, "no/file"), visit, &l), -ENOENT);
    CU_ASSERT_EQUAL(d->sync_folder(d->who, in(&p, "no/file")), -ENOENT);
    int full = d->open(d->who, "/dev/full", DISK_APPEND);
    CU_ASSERT_EQUAL(d->write(d->who, full, bytes_of("x")), -ENOSPC);
    CU_ASSERT_EQUAL(d->close(d->who, full), 0);
    int folder = d->open(d->who, p.folder, DISK_READ);
    struct buf out = {0};
    CU_ASSERT_EQUAL(d->read(d->who, folder, &out, 10), -EISDIR);
    CU_ASSERT_EQUAL(d->close(d->who, folder), 0);
    buf_free(&out);
    real_leave(&p);
}

/* As folders of procfs, of some network file systems and of FUSE.  Files are another matter. */
static void a_folder_that_cannot_be_synced_needs_no_sync(void)
{
    const struct disk *d = net_disk();
    int folder = open("/proc/self", O_RDONLY | O_DIRECTORY);
    CU_ASSERT(fsync(folder) < 0 && errno == EINVAL);
    CU_ASSERT_EQUAL(d->sync_folder(d->who, "/proc/self/status"), 0);
    CU_ASSERT_EQUAL(d->sync(d->who, folder), -EINVAL);
    CU_ASSERT_EQUAL(d->close(d->who, folder), 0);
}

SUITE("disks", TEST(the_fake_disk_keeps_the_contract), TEST(the_real_disk_keeps_the_contract),
      TEST(copies_permissions), TEST(a_lock_ends_with_its_process),
      TEST(works_in_the_current_folder), TEST(returns_the_errno),
      TEST(a_folder_that_cannot_be_synced_needs_no_sync))
