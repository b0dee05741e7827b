/* A disk in memory that behaves as badly as a real one may: it refuses calls, and when the
 * power goes it has only what was synced for sure.
 *
 * Bytes that were written and not synced are there for every reader, and may be gone, in
 * part or whole, after a power cut; so may a name that was made, changed or removed and whose
 * folder was not synced, each by itself.  What the end of a process takes are its
 * handles and locks alone.  Nothing happens by chance but through a seed.
 *
 * A disk has one process at a time: its locks never make anybody wait. */
#ifndef COPPICE_FAKE_DISK_H
#define COPPICE_FAKE_DISK_H

#include "store/disk.h"

struct fake_disk;

struct fake_disk *fake_disk_new(void);
void fake_disk_free(struct fake_disk *d);

/* Good as long as the disk is. */
const struct disk *fake_disk(struct fake_disk *d);

/* --- faults ------------------------------------------------------------------------------ */

/* The n-th call from now, 1 being the next, gives this code (a negative errno), and so do all
 * after it where then_all says so.  A write that fails writes a part.  What a sync that
 * fails should have brought to the disk is lost for good: no later one does it. */
void fake_disk_fail(struct fake_disk *d, uint64_t n, int code, bool then_all);

/* The process is killed in the n-th call from now: that one may do a part of its work, and
 * all later ones do nothing.  fake_disk_kill() or fake_disk_crash() has to follow. */
void fake_disk_cut(struct fake_disk *d, uint64_t n);

/* Whether the n-th call has come. */
bool fake_disk_failed(const struct fake_disk *d);

/* No call fails from now on. */
void fake_disk_heal(struct fake_disk *d);

/* The process has ended: its handles are not known any more, its locks are free. */
void fake_disk_kill(struct fake_disk *d);

/* The locks are free though the process goes on: for a test in which a copy of the process,
 * which has them as well, is a storage of its own. */
void fake_disk_unlock(struct fake_disk *d);

/* The power has gone and come back.  The seed says what is left of what was not synced: each
 * file has a part of it, perhaps with a sector of zeros or of anything in it. */
void fake_disk_crash(struct fake_disk *d, uint64_t seed);

/* --- for the test's eyes ----------------------------------------------------------------- */

uint64_t fake_disk_calls(const struct fake_disk *d); /* so far */
size_t fake_disk_handles(const struct fake_disk *d); /* open ones */
bool fake_disk_has(const struct fake_disk *d, const char *path);

/* What every reader sees; none where there is no such file.  Good until the next call. */
struct bytes fake_disk_bytes(const struct fake_disk *d, const char *path);

/* Makes a file that has long been there. */
void fake_disk_put(struct fake_disk *d, const char *path, struct bytes bytes);

#endif
