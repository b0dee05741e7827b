#include <errno.h>
#include <string.h>

#include "limits.h"
#include "unit/store/stored_files.h"

static const char *const others[] = {OTHERS};

/* A storage of GROUP at another path. */
static struct storage *storage_at(struct fake_disk *d, const char *file)
{
    struct storage_options o = {.file = bytes_of(file),
                                .group = term_of(GROUP),
                                .module = BYTES(MODULE),
                                .form = RECORD_AUTO,
                                .journal = true};
    return storage_new(fake_disk(d), &o);
}

/* --- refusals ------------------------------------------------------------------------------- */

static void refuses_other_files(void)
{
    struct fake_disk *d = fake_disk_new();
    fake_disk_put(d, FILE_NAME, BYTES("[{page_views, 17}].\n"));
    (void)stored_refused(d, "not_dets");
    fake_disk_put(d, FILE_NAME, table_recorded("bag"));
    struct storage_failure f = stored_refused(d, "not_a_set");
    CU_ASSERT(strstr(f.what, "is a bag") != NULL);
    fake_disk_put(d, FILE_NAME, table_recorded("duplicate_bag"));
    (void)stored_refused(d, "not_a_set");
    fake_disk_put(d, FILE_NAME, table_recorded("keypos"));
    f = stored_refused(d, "not_a_set");
    CU_ASSERT(strstr(f.what, "keypos 3") != NULL);
    fake_disk_free(d);
}

/* As a power cut may leave it.  Its journal does not tell whether it has everything, so somebody
 * has to decide; without the file, the replica goes on. */
static void says_what_to_do_with_a_table_of_nothing(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf file = {0};
    put_segment(d, 1, JOURNAL_OWNER, "[4]");
    for (size_t len = 1; len <= 8192; len *= 2) {
        while (file.len < len)
            buf_put_u8(&file, 0);
        fake_disk_put(d, FILE_NAME, buf_bytes(&file));
        struct storage_failure f = stored_refused(d, "not_dets");
        CU_ASSERT_STRING_EQUAL(f.what, FILE_NAME " contains only zeros: move it away to go on with "
                                                 "journal and peers, or restore a backup");
    }
    file.at[file.len - 1] = 1;
    fake_disk_put(d, FILE_NAME, buf_bytes(&file));
    struct storage_failure f = stored_refused(d, "not_dets");
    CU_ASSERT_STRING_EQUAL(f.what,
                           FILE_NAME " is not a DETS file, nor what is left of one: choose another "
                                     "file, or move it away to go on with journal and peers");
    CU_ASSERT_EQUAL(fake_disk(d)->rename(d, FILE_NAME, "data/away"), 0);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(4));
    buf_free(&file);
    fake_disk_free(d);
}

/* Even of a long path, all of the advice is shown. */
static void shows_the_advice_after_a_long_path(void)
{
    static const uint8_t zeros[100];
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    char path[300];
    uint64_t set;
    memset(path, 'p', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    struct storage *s = storage_at(d, path);
    fake_disk_put(d, path, (struct bytes){zeros, sizeof(zeros)});
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT(strstr(f.what, "or restore a backup") != NULL);
    fake_disk_put(d, path, BYTES("text"));
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT(strstr(f.what, "journal and peers") != NULL);
    storage_free(s);
    fake_disk_free(d);
}

/* Data of another program must not be overwritten. */
static void refuses_records_that_are_not_states(void)
{
    static const char *const record[] = {"{" GROUP ", 17}"};
    static const char *const text[] = {"{" GROUP ", <<\"text\">>}"};
    struct fake_disk *d = fake_disk_new();
    stored_put_table(d, record, 1);
    (void)stored_refused(d, "other_type");
    stored_put_table(d, text, 1);
    (void)stored_refused(d, "other_type");
    fake_disk_free(d);
}

static void refuses_journals_of_other_owners(void)
{
    struct fake_disk *d = fake_disk_new();
    put_segment(d, 3, "{'Elixir.Grove.Set.ORSet', " GROUP "}", "[1]");
    struct storage_failure f = stored_refused(d, "other_type");
    CU_ASSERT(strstr(f.what, "Elixir.Grove.Set.ORSet") != NULL);
    put_segment(d, 3, "{'" MODULE "', {views, <<\"collides\">>}}", "[1]");
    f = stored_refused(d, "other_group");
    CU_ASSERT(strstr(f.what, "collides") != NULL);
    put_segment(d, 3, "nonsense", "[1]");
    (void)stored_refused(d, "other_type");
    fake_disk_free(d);
}

/* Owners are compared as terms: OTP before 26 encodes atoms differently. */
static void accepts_its_owner_in_any_encoding(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf of = {0}, segment = {0};
    put_tuple(&of, 2);
    put_atom(&of, MODULE);
    buf_put(&of, hex("6802 6400057669657773 6d0000000161"));
    journal_put_header(&segment, buf_bytes(&of));
    journal_put(&segment, 1, hex("6c00000001 620000 0005 6a"));
    fake_disk_put(d, segment_name(3, "journal"), buf_bytes(&segment));
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(5));
    buf_free(&of);
    buf_free(&segment);
    fake_disk_free(d);
}

static void reports_errors_of_the_disk(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_new(d, GROUP);
    fake_disk_fail(d, 2, -EROFS, false);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "erofs");
    CU_ASSERT(strstr(f.what, "cannot lock " FILE_NAME) == f.what);
    CU_ASSERT(strstr(f.what, "Read-only file system") != NULL);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    fake_disk_fail(d, 1, -ENOSPC, false);
    CU_ASSERT_EQUAL(stored_append(s, 1, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "enospc");
    CU_ASSERT(strstr(f.what, "cannot write to " FILE_NAME) == f.what);
    storage_free(s);
    fake_disk_free(d);
}

/* --- accidents ------------------------------------------------------------------------------ */

static void expect_note(struct fake_disk *d, uint64_t wanted, const char *note)
{
    struct storage_found found;
    struct storage_failure f;
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL_FATAL(storage_load(s, &found, &f), OK);
    CU_ASSERT_EQUAL(set_of_found(&found), wanted);
    buf_put_u8(&found.notes, 0);
    CU_ASSERT(strstr((const char *)found.notes.at, note) != NULL);
    if (strstr((const char *)found.notes.at, note) == NULL)
        fprintf(stderr, "\n    wanted %s, got %s\n", note, (const char *)found.notes.at);
    storage_found_free(&found);
    storage_free(s);
}

/* Unreadable bytes in a segment are never removed. */
static void sets_a_damaged_segment_aside(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf copy = {0};
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 3; n++)
        stored_add(s, n);
    storage_free(s);
    buf_put(&copy, fake_disk_bytes(d, segment_name(1, "journal")));
    copy.at[copy.len - 25] ^= 1; /* of the middle record */
    fake_disk_put(d, segment_name(1, "journal"), buf_bytes(&copy));
    expect_note(d, 5, "damaged: 24 bytes could not be read, records lost: 1\n");
    s = stored_start(d, GROUP, &set);
    stored_save_all(s, set);
    CU_ASSERT(!fake_disk_has(d, segment_name(1, "journal")));
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, segment_name(1, "damaged")), buf_bytes(&copy)));
    storage_free(s);
    /* Its number is not reused. */
    s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 5);
    CU_ASSERT(storage_rotate(s) > 1);
    storage_free(s);
    buf_free(&copy);
    fake_disk_free(d);
}

static void recognizes_a_torn_write(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    stored_add(s, 1);
    storage_free(s);
    struct bytes b = fake_disk_bytes(d, segment_name(1, "journal"));
    struct buf copy = {0};
    buf_put(&copy, (struct bytes){b.at, b.len - 3});
    fake_disk_put(d, segment_name(1, "journal"), buf_bytes(&copy));
    expect_note(d, 1, "torn write: the last 21 bytes");
    s = stored_start(d, GROUP, &set);
    stored_save_all(s, set);
    CU_ASSERT(!fake_disk_has(d, segment_name(1, "journal")));
    CU_ASSERT(!fake_disk_has(d, segment_name(1, "damaged")));
    storage_free(s);
    buf_free(&copy);
    fake_disk_free(d);
}

static void keeps_other_files_named_like_a_segment(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_put(d, segment_name(4, "journal"), BYTES("dear diary"));
    expect_note(d, 0, "does not start as a journal segment");
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 1);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, segment_name(4, "damaged")), BYTES("dear diary")));
    storage_free(s);
    fake_disk_free(d);
}

static void salvages_an_unclosed_table(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_put(d, FILE_NAME, table_recorded("unclosed"));
    expect_note(d, 0, "salvaged 2 objects\n");
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 1);
    struct objects recorded = objects_recorded("unclosed"), there;
    CU_ASSERT_EQUAL(objects_walked(&there, fake_disk_bytes(d, FILE_NAME)), OK);
    CU_ASSERT_EQUAL(objects_missing(&there, &recorded), 0);
    CU_ASSERT(!fake_disk_has(d, FILE_NAME ".damaged.1"));
    objects_free(&recorded);
    objects_free(&there);
    storage_free(s);
    fake_disk_free(d);
}

/* One damaged byte in the group's own state is reported, and the table kept. */
static void keeps_a_damaged_table(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf copy = {0};
    uint64_t set;
    stored_put_table(d, others, 2);
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 7);
    storage_free(s);
    struct bytes file = fake_disk_bytes(d, FILE_NAME);
    uint8_t *at = memmem(file.at, file.len, "numbers", 7);
    CU_ASSERT_FATAL(at != NULL);
    for (unsigned round = 1; round <= 2; round++) {
        buf_clear(&copy);
        buf_put(&copy, fake_disk_bytes(d, FILE_NAME));
        at = memmem(copy.at, copy.len, "numbers", 7);
        at[-1] = 0xff; /* the length of the atom */
        fake_disk_put(d, FILE_NAME, buf_bytes(&copy));
        expect_note(d, 0, FILE_NAME ": byte ");
        s = stored_start(d, GROUP, &set);
        stored_save_all(s, 7);
        CU_ASSERT(stored_has(d, others, 2));
        char kept[64];
        snprintf(kept, sizeof(kept), "%s.damaged.%u", FILE_NAME, round);
        CU_ASSERT(bytes_equal(fake_disk_bytes(d, kept), buf_bytes(&copy)));
        storage_free(s);
    }
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    CU_ASSERT(!fake_disk_has(d, FILE_NAME ".damaged.3"));
    buf_free(&copy);
    fake_disk_free(d);
}

/* The object is a valid term, but the state in its binary is damaged. */
static void keeps_a_state_that_does_not_unpack(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf object = {0};
    uint64_t set;
    struct term state = stored_state(6);
    record_put(&object, term_of(GROUP), term_bytes(&state), (struct bytes){0}, 0, RECORD_ENCODED);
    object.at[object.len - 1] ^= 1; /* of the checksum of zlib */
    struct dets_record record = {term_of(GROUP), buf_bytes(&object), false};
    struct buf table = image_of(&(struct dets_shape){DETS_SET, 1}, &record, 1);
    fake_disk_put(d, FILE_NAME, buf_bytes(&table));
    expect_note(
        d, 0, "the group's state cannot be read: a compressed term that cannot be decompressed\n");
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 1);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME ".damaged.1"), buf_bytes(&table)));
    CU_ASSERT(stored_has(d, NULL, 0));
    storage_free(s);
    term_free(&state);
    buf_free(&table);
    buf_free(&object);
    fake_disk_free(d);
}

static void removes_the_temporary_file_of_a_killed_save(void)
{
    struct fake_disk *d = fake_disk_new();
    char path[200];
    uint64_t set;
    snprintf(path, sizeof(path), "%.*s.tmp", (int)strlen(FILE_NAME) + 9, segment_name(1, "x"));
    fake_disk_put(d, path, BYTES("half a table"));
    fake_disk_put(d, FILE_NAME ".00000000.tmp", BYTES("another group's"));
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT(!fake_disk_has(d, path));
    CU_ASSERT(fake_disk_has(d, FILE_NAME ".00000000.tmp"));
    storage_free(s);
    fake_disk_free(d);
}

static void treats_an_empty_file_as_missing(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_put(d, FILE_NAME, BYTES(""));
    struct storage *s = stored_start(d, GROUP, &set);
    stored_save_all(s, 1);
    CU_ASSERT(stored_has(d, NULL, 0));
    storage_free(s);
    fake_disk_free(d);
}

/* --- symbolic links ------------------------------------------------------------------------- */

#define TARGET_NAME "big/all.dets"

/* As for dets: what reads the target, as a backup or a BEAM does, sees every snapshot. */
static void a_link_stands_for_its_target(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_symlink(d, "../" TARGET_NAME, FILE_NAME);
    fake_disk_symlink(d, "more/all.dets", "data/../" TARGET_NAME);
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 1);
    CU_ASSERT(!fake_disk_has(d, segment_name(1, "journal")));
    stored_save_all(s, bit(1));
    storage_free(s);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME), BYTES("../" TARGET_NAME)));
    CU_ASSERT(fake_disk_bytes(d, "data/../big/more/all.dets").len > 0);
    CU_ASSERT(fake_disk_has(d, "data/../big/more/all.dets.lock"));
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(1));
    fake_disk_free(d);
}

/* Two paths to one table are one journal with one lock. */
static void a_table_has_one_lock_under_all_its_names(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    fake_disk_symlink(d, "/" TARGET_NAME, FILE_NAME);
    struct storage *s = stored_start(d, GROUP, &set), *other = storage_at(d, "/" TARGET_NAME);
    CU_ASSERT_EQUAL(stored_open(other, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "locked");
    stored_add(s, 3);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_open(other, &set, &f), OK);
    CU_ASSERT_EQUAL(set, bit(3));
    storage_free(other);
    fake_disk_free(d);
}

/* It may be in the same process, so the number of that is not enough. */
static void says_which_replica_holds_the_lock(void)
{
    static const struct {
        const char *owner, *shown;
    } cases[] = {
        {"", "process 4711,"},
        {"views", "replica views of process 4711,"},
        {"two\nlines", "replica two of process 4711,"},
        {"0123456789012345678901234567890123456789x",
         "replica 0123456789012345678901234567890123456789 of process"},
        {"012345678901234567890123456789012345678\303\274",
         "replica 012345678901234567890123456789012345678 of process"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_disk *d = fake_disk_new();
        struct storage_failure f;
        uint64_t set;
        struct storage_options o = {.file = BYTES(FILE_NAME),
                                    .group = term_of(GROUP),
                                    .owner = bytes_of(cases[i].owner),
                                    .module = BYTES(MODULE),
                                    .journal = true};
        struct storage *s = storage_new(fake_disk(d), &o), *other = stored_new(d, GROUP);
        CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
        CU_ASSERT_EQUAL(stored_open(other, &set, &f), ERR_STORAGE);
        const char *held = strstr(f.what, ".lock is held by ");
        CU_ASSERT_FATAL(held != NULL);
        CU_ASSERT(strstr(held, cases[i].shown) == held + strlen(".lock is held by "));
        storage_free(other);
        storage_free(s);
        fake_disk_free(d);
    }
}

/* Whoever holds it has not written down who that is, on a full disk for instance. */
static void says_that_a_lock_without_a_name_is_held(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_new(d, GROUP), *other = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(stored_open(other, &set, &f), ERR_STORAGE);
    *strstr(f.what, " is held by ") = '\0'; /* behind the name of the lock file */
    fake_disk_overwrite(d, f.what, (struct bytes){0});
    CU_ASSERT_EQUAL(stored_open(other, &set, &f), ERR_STORAGE);
    CU_ASSERT(strstr(f.what, " is held by process ?, which stores this group there") != NULL);
    storage_free(other);
    storage_free(s);
    fake_disk_free(d);
}

/* Until the files are locked, a link may still be corrected. */
static void refuses_a_link_that_leads_nowhere(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct buf name = {0};
    fake_disk_symlink(d, "views.dets", FILE_NAME);
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "eloop");
    CU_ASSERT(strstr(f.what, "cannot follow the link " FILE_NAME ": ") == f.what);
    for (size_t i = 0; i <= LIMIT_PATH_BYTES; i++)
        buf_put_u8(&name, 'x');
    buf_put_u8(&name, 0);
    fake_disk_symlink(d, (const char *)name.at, FILE_NAME);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "enametoolong");
    fake_disk_symlink(d, "/" TARGET_NAME, FILE_NAME);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    stored_add(s, 3);
    CU_ASSERT(fake_disk_bytes(d, FILE_NAME).len == strlen("/" TARGET_NAME));
    storage_free(s);
    buf_free(&name);
    fake_disk_free(d);
}

/* Nobody would read them any more: a table was moved away from its journal and linked. */
static void refuses_segments_beside_a_link(void)
{
    struct fake_disk *d = fake_disk_new();
    put_segment(d, 3, JOURNAL_OWNER, "[1]");
    fake_disk_symlink(d, "/" TARGET_NAME, FILE_NAME);
    struct storage_failure f = stored_refused(d, "misplaced");
    CU_ASSERT(strstr(f.what, segment_name(3, "journal") + strlen("data/")) != NULL);
    CU_ASSERT(strstr(f.what, "/" TARGET_NAME) != NULL);
    fake_disk_free(d);
}

SUITE("storage and accidents", TEST(refuses_other_files),
      TEST(says_what_to_do_with_a_table_of_nothing), TEST(shows_the_advice_after_a_long_path),
      TEST(refuses_records_that_are_not_states), TEST(refuses_journals_of_other_owners),
      TEST(accepts_its_owner_in_any_encoding), TEST(reports_errors_of_the_disk),
      TEST(sets_a_damaged_segment_aside), TEST(recognizes_a_torn_write),
      TEST(keeps_other_files_named_like_a_segment), TEST(salvages_an_unclosed_table),
      TEST(keeps_a_damaged_table), TEST(keeps_a_state_that_does_not_unpack),
      TEST(removes_the_temporary_file_of_a_killed_save), TEST(treats_an_empty_file_as_missing),
      TEST(a_link_stands_for_its_target), TEST(a_table_has_one_lock_under_all_its_names),
      TEST(says_which_replica_holds_the_lock), TEST(says_that_a_lock_without_a_name_is_held),
      TEST(refuses_a_link_that_leads_nowhere), TEST(refuses_segments_beside_a_link))
