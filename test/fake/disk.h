/* An in-memory disk that behaves as badly as a real one may: calls fail, and a power cut keeps
 * for sure only what was synced.
 *
 * Every reader sees bytes written but not synced; a power cut may lose all or part of them.
 * Likewise it may undo each creation, renaming or removal of a name since the folder's last
 * sync, independently of the others.  The end of a process closes its handles and releases its
 * locks, no more.  All randomness comes from seeds.
 *
 * A disk has one process at a time, so nothing ever waits for a lock. */
#ifndef COPPICE_FAKE_DISK_H
#define COPPICE_FAKE_DISK_H

#include "store/disk.h"

struct fake_disk;

struct fake_disk *fake_disk_new(void);
void fake_disk_free(struct fake_disk *d);

/* Valid as long as the disk. */
const struct disk *fake_disk(struct fake_disk *d);

/* --- faults ------------------------------------------------------------------------------ */

/* Makes the n-th call from now (1 is the next) return this code, a negative errno; with
 * then_all, all later calls too; with -EROFS, only those that write.  A failing write writes a
 * part.  Data of a failing sync is lost for good, even if a later sync succeeds. */
void fake_disk_fail(struct fake_disk *d, uint64_t n, int code, bool then_all);

/* Kills the process in the n-th call from now: it may take partial effect, and later calls have
 * none.  To be followed by fake_disk_kill() or fake_disk_crash(). */
void fake_disk_kill_at(struct fake_disk *d, uint64_t n);

/* Whether the n-th call has been made. */
bool fake_disk_failed(const struct fake_disk *d);

/* Whether no failure is to come. */
bool fake_disk_is_sound(const struct fake_disk *d);

/* Cancels all failures. */
void fake_disk_heal(struct fake_disk *d);

/* Ends the process: its handles become invalid, its locks are released. */
void fake_disk_kill(struct fake_disk *d);

/* Releases the locks while the process goes on: for a test in which a forked child, which shares
 * them, is a storage of its own. */
void fake_disk_unlock(struct fake_disk *d);

/* Cuts the power and restores it.  The seed decides what is left of the data not synced: of each
 * file a part, perhaps with a sector of zeros or garbage. */
void fake_disk_crash(struct fake_disk *d, uint64_t seed);

/* --- inspection -------------------------------------------------------------------------- */

uint64_t fake_disk_calls(const struct fake_disk *d); /* so far */
size_t fake_disk_handles(const struct fake_disk *d); /* open ones */
bool fake_disk_has(const struct fake_disk *d, const char *path);

/* The contents as seen by every reader, or the target of a symbolic link; empty if there is no
 * such file.  Valid until the next call. */
struct bytes fake_disk_bytes(const struct fake_disk *d, const char *path);

/* Creates or replaces a file, fully synced. */
void fake_disk_put(struct fake_disk *d, const char *path, struct bytes bytes);

/* Replaces the contents of a file that exists, fully synced, as another program may do. */
void fake_disk_overwrite(struct fake_disk *d, const char *path, struct bytes bytes);

/* Mounts the file by itself, for good: it can be written, but not renamed, replaced or removed
 * (EBUSY).  An empty one is created, fully synced, if there is none. */
void fake_disk_mount(struct fake_disk *d, const char *path);

/* Creates or replaces a symbolic link to a file, which need not exist, fully synced.  Only the
 * last component of a path can be a link. */
void fake_disk_symlink(struct fake_disk *d, const char *target, const char *path);

#endif
