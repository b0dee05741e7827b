#include <errno.h>
#include <string.h>

#include "limits.h"
#include "unit/store/stored_files.h"

/* Tables that cannot be replaced by a rename, or not be saved at all. */

#define NEXT_NAME FILE_NAME ".next"

static const char *const others[] = {OTHERS};

/* --- in place ------------------------------------------------------------------------------- */

static bool has_note(struct storage *s, const char *note)
{
    struct storage_found found;
    struct storage_failure f;
    CU_ASSERT_EQUAL_FATAL(storage_load(s, &found, &f), OK);
    bool has =
        found.notes.len > 0 && memmem(found.notes.at, found.notes.len, note, strlen(note)) != NULL;
    storage_found_free(&found);
    return has;
}

static void writes_a_mounted_file_in_place(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_mount(d, FILE_NAME);
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 4; n++) {
        stored_add(s, n);
        stored_save_all(s, bit(n + 1) - 1);
        CU_ASSERT(stored_has(d, NULL, 0));
        CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
        CU_ASSERT_EQUAL(storage_journal_bytes(s), 0);
    }
    storage_free(s);
    /* As with another container: of the folder, only the file is left. */
    struct buf file = {0};
    buf_put(&file, fake_disk_bytes(d, FILE_NAME));
    struct fake_disk *other = fake_disk_new();
    fake_disk_put(other, FILE_NAME, buf_bytes(&file));
    CU_ASSERT_EQUAL(stored_found(other, GROUP), 15);
    buf_free(&file);
    fake_disk_free(other);
    fake_disk_free(d);
}

static void warns_once_of_a_mounted_file(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT(!has_note(s, "mounted as a single file"));
    storage_free(s);
    fake_disk_mount(d, FILE_NAME);
    s = stored_new(d, GROUP);
    CU_ASSERT(has_note(s, FILE_NAME " is mounted as a single file: it is written in place"));
    CU_ASSERT(!has_note(s, "mounted as a single file"));
    storage_free(s);
    fake_disk_free(d);
}

/* The copy of a damaged table is no second name of what is overwritten. */
static void keeps_a_copy_of_a_damaged_file(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf copy = {0};
    uint64_t set;
    stored_put_table(d, others, 2);
    buf_put(&copy, fake_disk_bytes(d, FILE_NAME));
    copy.len -= copy.len / 2;
    fake_disk_put(d, FILE_NAME, buf_bytes(&copy));
    fake_disk_mount(d, FILE_NAME);
    fake_disk_put(d, FILE_NAME ".damaged.1", BYTES("of another accident"));
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 5);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME ".damaged.2"), buf_bytes(&copy)));
    CU_ASSERT(
        bytes_equal(fake_disk_bytes(d, FILE_NAME ".damaged.1"), BYTES("of another accident")));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 5);
    buf_free(&copy);
    fake_disk_free(d);
}

/* The process dies while it writes FILE; what is left of that does not matter to anybody. */
static void finishes_what_was_interrupted(void)
{
    for (unsigned mounted = 0; mounted < 2; mounted++) {
        struct fake_disk *d = fake_disk_new();
        struct buf next = {0};
        uint64_t set;
        stored_put_table(d, others, 2);
        struct storage *s = stored_start(d, GROUP, &set);
        stored_save_all(s, 5);
        storage_free(s);
        buf_put(&next, fake_disk_bytes(d, FILE_NAME));
        fake_disk_put(d, NEXT_NAME, buf_bytes(&next));
        fake_disk_put(d, FILE_NAME, (struct bytes){next.at, next.len / 2});
        if (mounted)
            fake_disk_mount(d, FILE_NAME);
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 5);
        CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME), buf_bytes(&next)));
        CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
        CU_ASSERT(stored_has(d, others, 2));
        buf_free(&next);
        fake_disk_free(d);
    }
}

/* It is synced before it gets its name, so a bad one is an accident of its own: it is not put in
 * the place of what may be sound. */
static void trusts_no_damaged_next_table(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    stored_put_table(d, others, 2);
    fake_disk_put(d, NEXT_NAME, BYTES(""));
    f = stored_refused(d, "not_dets");
    CU_ASSERT(strstr(f.what, NEXT_NAME) == f.what);
    struct buf copy = {0};
    buf_put(&copy, fake_disk_bytes(d, FILE_NAME));
    copy.at[copy.len - 1] ^= 1;
    fake_disk_put(d, NEXT_NAME, (struct bytes){copy.at, copy.len - 100});
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT(fake_disk_has(d, NEXT_NAME));
    CU_ASSERT(stored_has(d, others, 2));
    storage_free(s);
    buf_free(&copy);
    fake_disk_free(d);
}

/* Or it would undo what a BEAM has done to the table since. */
static void a_removed_next_table_does_not_come_back(void)
{
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct fake_disk *d = fake_disk_new();
        uint64_t set;
        fake_disk_mount(d, FILE_NAME);
        struct storage *s = stored_start(d, GROUP, &set);
        stored_save_all(s, 1);
        storage_free(s);
        stored_put_table(d, others, 2);
        fake_disk_crash(d, seed);
        CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 0);
        CU_ASSERT(stored_has(d, others, 2));
        fake_disk_free(d);
    }
}

/* A disk that knows whether FILE.lock is held. */
static struct disk watched;
static const struct disk *below;
static int held;

static int watched_lock(void *who, const char *path, bool waits)
{
    int handle = below->lock(who, path, waits);
    held = strcmp(path, FILE_NAME ".lock") == 0 ? handle : held;
    return handle;
}

static int watched_close(void *who, int handle)
{
    held = handle == held ? -1 : held;
    return below->close(who, handle);
}

static int watched_open(void *who, const char *path, enum disk_open how)
{
    CU_ASSERT(held >= 0 || (strcmp(path, FILE_NAME) != 0 && strcmp(path, NEXT_NAME) != 0));
    return below->open(who, path, how);
}

/* While another group's save writes the table in place, nobody reads it. */
static void touches_the_table_only_under_its_lock(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    fake_disk_mount(d, FILE_NAME);
    below = fake_disk(d);
    watched = *below;
    watched.lock = watched_lock;
    watched.close = watched_close;
    watched.open = watched_open;
    held = -1;
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = term_of(GROUP),
                                .module = BYTES(MODULE),
                                .journal = true};
    struct storage *s = storage_new(&watched, &o);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    stored_add(s, 1);
    stored_save_all(s, 2);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(held, -1);
    storage_free(s);
    fake_disk_free(d);
}

/* --- not at all ----------------------------------------------------------------------------- */

/* A disk on which FILE can neither be replaced nor written. */
static struct disk fixed;
static const struct disk *under;

static int open_but_file(void *who, const char *path, enum disk_open how)
{
    return strcmp(path, FILE_NAME) == 0 && how != DISK_READ ? -EACCES : under->open(who, path, how);
}

static struct storage *start_fixed(struct fake_disk *d, uint64_t *set)
{
    struct storage_failure f;
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = term_of(GROUP),
                                .module = BYTES(MODULE),
                                .journal = true};
    under = fake_disk(d);
    fixed = *under;
    fixed.open = open_but_file;
    struct storage *s = storage_new(&fixed, &o);
    CU_ASSERT_EQUAL_FATAL(stored_open(s, set, &f), OK);
    return s;
}

static void count_one(void *what, const char *name)
{
    size_t len = strlen(name);
    *(unsigned *)what += len > 8 && strcmp(name + len - 8, ".journal") == 0;
}

static unsigned segments(struct fake_disk *d)
{
    unsigned count = 0;
    CU_ASSERT_EQUAL(fake_disk(d)->list(d, FILE_NAME, count_one, &count), 0);
    return count;
}

/* A month of failing saves. */
static void does_not_pile_up_segments(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    fake_disk_mount(d, FILE_NAME);
    struct storage *s = start_fixed(d, &set);
    for (unsigned n = 0; n < 2000; n++) {
        stored_add(s, n % 60);
        set |= bit(n % 60);
        CU_ASSERT_EQUAL(stored_save(s, set, storage_rotate(s), &f), ERR_STORAGE);
        CU_ASSERT_STRING_EQUAL(f.reason, "eacces");
        CU_ASSERT(strstr(f.what, FILE_NAME) != NULL);
        if (segments(d) > 2)
            CU_FAIL_FATAL("segments pile up");
    }
    CU_ASSERT(storage_journal_bytes(s) < 2000);
    storage_free(s);
    s = start_fixed(d, &set);
    CU_ASSERT_EQUAL(set, bit(60) - 1);
    CU_ASSERT(fake_disk_has(d, NEXT_NAME));
    storage_free(s);
    fake_disk_crash(d, 1);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(60) - 1);
    CU_ASSERT(stored_has(d, NULL, 0));
    fake_disk_free(d);
}

/* The table can be replaced again: no older one is left beside it. */
static void replaces_a_table_that_was_fixed(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    fake_disk_mount(d, FILE_NAME);
    struct storage *s = start_fixed(d, &set);
    CU_ASSERT_EQUAL(stored_save(s, 1, storage_rotate(s), &f), ERR_STORAGE);
    CU_ASSERT(fake_disk_has(d, NEXT_NAME));
    fake_disk_put(d, FILE_NAME, BYTES(""));
    stored_save_all(s, 3);
    CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
    storage_free(s);
    fake_disk_crash(d, 1);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 3);
    fake_disk_free(d);
}

static int rename_but_to_file(void *who, const char *from, const char *to)
{
    return strcmp(to, FILE_NAME) == 0 ? -EIO : under->rename(who, from, to);
}

static struct storage *start_unreplaceable(struct fake_disk *d, uint64_t *set)
{
    struct storage *s = start_fixed(d, set);
    fixed = *under;
    fixed.rename = rename_but_to_file;
    return s;
}

/* Whatever the reason, and at whichever moment the power fails. */
static void merges_segments_safely(void)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            struct fake_disk *d = fake_disk_new();
            struct storage_failure f;
            uint64_t set;
            struct storage *s = start_unreplaceable(d, &set);
            for (unsigned i = 0; i < 3; i++) {
                stored_add(s, i);
                (void)storage_rotate(s);
            }
            fake_disk_kill_at(d, n);
            CU_ASSERT_EQUAL(stored_save(s, 7, storage_rotate(s), &f), ERR_STORAGE);
            failed = fake_disk_failed(d);
            storage_free(s);
            if (!failed)
                fake_disk_heal(d);
            CU_ASSERT(failed || segments(d) == 1);
            fake_disk_crash(d, seed);
            CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
            fake_disk_free(d);
        }
}

/* Its unreadable bytes are set aside, as by a save. */
static void merges_around_a_damaged_segment(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    put_segment(d, 3, JOURNAL_OWNER, "[1]");
    fake_disk_put(d, segment_name(4, "journal"), BYTES("dear diary"));
    fake_disk_mount(d, FILE_NAME);
    struct storage *s = start_fixed(d, &set);
    CU_ASSERT_EQUAL(stored_save(s, set, 4, &f), ERR_STORAGE);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, segment_name(4, "damaged")), BYTES("dear diary")));
    CU_ASSERT(fake_disk_has(d, segment_name(3, "journal")));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(1));
    fake_disk_free(d);
}

static void save_in_vain(struct fake_disk *d, struct storage *s, uint64_t set)
{
    struct storage_failure f;
    fake_disk_fail(d, 1, -ENOLCK, false);
    CU_ASSERT_EQUAL(stored_save(s, set, storage_rotate(s), &f), ERR_STORAGE);
}

/* A segment whose last record could not be removed is truncated by the next load. */
static void merges_into_no_segment_that_will_be_truncated(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    (void)storage_rotate(s);
    stored_add(s, 1);
    fake_disk_fail(d, 1, -EIO, true);
    CU_ASSERT_EQUAL(stored_append(s, 2, &f), ERR_STORAGE);
    fake_disk_heal(d);
    save_in_vain(d, s, 3);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 3);
    storage_free(s);
    fake_disk_free(d);
}

/* A segment whose creation has failed is removed by the next load. */
static void merges_into_no_segment_that_will_be_removed(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 3; n++) {
        stored_add(s, n);
        (void)storage_rotate(s);
    }
    fake_disk_fail(d, 2, -ENOSPC, true);
    CU_ASSERT_EQUAL(storage_begin(s, &f), ERR_STORAGE);
    fake_disk_heal(d);
    save_in_vain(d, s, 7);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 7);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    fake_disk_free(d);
}

SUITE("storage in place", TEST(writes_a_mounted_file_in_place), TEST(warns_once_of_a_mounted_file),
      TEST(keeps_a_copy_of_a_damaged_file), TEST(finishes_what_was_interrupted),
      TEST(trusts_no_damaged_next_table), TEST(a_removed_next_table_does_not_come_back),
      TEST(touches_the_table_only_under_its_lock), TEST(does_not_pile_up_segments),
      TEST(replaces_a_table_that_was_fixed), TEST(merges_segments_safely),
      TEST(merges_around_a_damaged_segment), TEST(merges_into_no_segment_that_will_be_truncated),
      TEST(merges_into_no_segment_that_will_be_removed))
