#include <errno.h>
#include <string.h>

#include "store/before.h"
#include "unit/store/stored_files.h"

/* Whether a journal can prove that it has everything, and what is done without a table then. */

#define NEXT_NAME    FILE_NAME ".next"
#define DAMAGED_NAME FILE_NAME ".damaged.1"

static const char *const others[] = {OTHERS};
static const uint8_t zeros[8192];

static void put_zeros(struct fake_disk *d)
{
    fake_disk_put(d, FILE_NAME, (struct bytes){zeros, sizeof(zeros)});
}

/* A journal of three segments from the very first on, with records 0, 1 and 2. */
static struct fake_disk *whole_journal(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 3; n++) {
        stored_add(s, n);
        (void)storage_rotate(s);
    }
    storage_free(s);
    return d;
}

static bool has_note(struct fake_disk *d, const char *note)
{
    struct storage_found found;
    struct storage_failure f;
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL_FATAL(storage_load(s, &found, &f), OK);
    bool has =
        found.notes.len > 0 && memmem(found.notes.at, found.notes.len, note, strlen(note)) != NULL;
    storage_found_free(&found);
    storage_free(s);
    return has;
}

/* --- the mark ------------------------------------------------------------------------------- */

static void writes_and_reads_marks(void)
{
    static const struct before marks[] = {
        {.kind = BEFORE_UNKNOWN}, {.kind = BEFORE_NOTHING},
        {.kind = BEFORE_TABLE},   {BEFORE_SEGMENT, 1, 0},
        {BEFORE_SEGMENT, 0, 1},   {BEFORE_SEGMENT, UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct buf term = {0};
        before_put(&term, &marks[i]);
        struct before read = before_read(buf_bytes(&term));
        CU_ASSERT(read.kind == marks[i].kind && read.number == marks[i].number &&
                  read.sequence == marks[i].sequence);
        buf_free(&term);
    }
    static const char *const texts[] = {"else", "[]", "{1}", "{1, 2, 3}", "{-1, 2}", "{a, 1}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CU_ASSERT_EQUAL(before_read(term_of(texts[i])).kind, BEFORE_UNKNOWN);
}

/* --- with everything ------------------------------------------------------------------------ */

static void goes_on_without(struct bytes table, bool mounted)
{
    struct fake_disk *d = whole_journal();
    uint64_t set;
    fake_disk_put(d, FILE_NAME, table);
    if (mounted)
        fake_disk_mount(d, FILE_NAME);
    CU_ASSERT(has_note(d, "the file is kept as " DAMAGED_NAME "\n"));
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, DAMAGED_NAME), table));
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 7);
    stored_add(s, 3);
    stored_save_all(s, 15);
    CU_ASSERT(stored_has(d, NULL, 0));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    CU_ASSERT(!fake_disk_has(d, FILE_NAME ".damaged.2"));
    fake_disk_free(d);
}

static void goes_on_with_everything(void)
{
    for (unsigned mounted = 0; mounted < 2; mounted++) {
        for (size_t len = 1; len <= sizeof(zeros); len *= 2)
            goes_on_without((struct bytes){zeros, len}, mounted);
        goes_on_without(BYTES("[{page_views, 17}].\n"), mounted);
        struct bytes table = table_recorded("unclosed");
        goes_on_without((struct bytes){table.at, 7}, mounted);
    }
}

/* Nothing is lost whenever the power fails.  Where it fills a new segment with garbage, the journal
 * proves nothing any more. */
static void sets_aside_safely(void)
{
    bool failed = true;
    unsigned refused = 0;
    for (uint64_t n = 1; failed; n++)
        for (uint64_t seed = 0; seed < 16; seed++) {
            struct fake_disk *d = whole_journal();
            struct storage_failure f;
            uint64_t set;
            struct storage *s = stored_new(d, GROUP);
            put_zeros(d);
            fake_disk_kill_at(d, n);
            (void)stored_open(s, &set, &f);
            failed = fake_disk_failed(d);
            storage_free(s);
            fake_disk_crash(d, seed);
            struct bytes kept = fake_disk_bytes(d, FILE_NAME);
            CU_ASSERT(kept.len == sizeof(zeros) || fake_disk_has(d, DAMAGED_NAME));
            s = stored_new(d, GROUP);
            if (stored_open(s, &set, &f) != OK) {
                refused++;
                CU_ASSERT_EQUAL(fake_disk(d)->rename(d, FILE_NAME, "data/away"), 0);
                CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
            }
            CU_ASSERT_EQUAL(set, 7);
            storage_free(s);
            fake_disk_free(d);
        }
    CU_ASSERT(refused < 10);
}

/* A file that is half written when the power fails, and its journal's next segment with it. */
static void ignores_a_torn_segment(void)
{
    struct fake_disk *d = whole_journal();
    put_zeros(d);
    fake_disk_put(d, segment_name(9, "journal"), BYTES("COPJ"));
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 3);
    storage_free(s);
    put_zeros(d);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    fake_disk_free(d);
}

/* A merged segment has the whole state, and later ones continue it. */
static void goes_on_with_a_merged_segment(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    stored_save_all(s, 1);
    for (unsigned n = 1; n < 4; n++) {
        stored_add(s, n);
        stored_add(s, n);
        uint64_t segment = storage_rotate(s);
        if (n != 2)
            continue;
        fake_disk_fail(d, 1, -ENOLCK, false);
        CU_ASSERT_EQUAL(stored_save(s, 7, segment, &f), ERR_STORAGE);
    }
    storage_free(s);
    put_zeros(d);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    CU_ASSERT(fake_disk_has(d, DAMAGED_NAME));
    fake_disk_free(d);
}

/* A power cut brings back a segment that was merged, but not the one before it. */
static void goes_on_where_merged_segments_return(void)
{
    for (unsigned mounted = 0; mounted < 2; mounted++) {
        struct fake_disk *d = whole_journal();
        struct storage_failure f;
        struct buf second = {0};
        uint64_t set;
        buf_put(&second, fake_disk_bytes(d, segment_name(2, "journal")));
        struct storage *s = stored_start(d, GROUP, &set);
        uint64_t segment = storage_rotate(s);
        fake_disk_fail(d, 1, -ENOLCK, false);
        CU_ASSERT_EQUAL(stored_save(s, 7, segment, &f), ERR_STORAGE);
        CU_ASSERT(!fake_disk_has(d, segment_name(2, "journal")));
        storage_free(s);
        fake_disk_put(d, segment_name(2, "journal"), buf_bytes(&second));
        if (mounted)
            fake_disk_mount(d, FILE_NAME);
        else
            put_zeros(d);
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
        buf_free(&second);
        fake_disk_free(d);
    }
}

/* A segment whose sync has failed is replaced by one that has all of it. */
static void goes_on_with_a_replaced_segment(void)
{
    for (uint64_t n = 1; n < 20; n++) {
        struct fake_disk *d = fake_disk_new();
        struct storage_failure f;
        uint64_t set;
        struct storage *s = stored_start(d, GROUP, &set);
        stored_add(s, 0);
        stored_add(s, 1);
        fake_disk_fail(d, n, -EIO, false);
        (void)stored_load(s, &set, &f);
        fake_disk_heal(d);
        CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
        stored_add(s, 2);
        storage_free(s);
        put_zeros(d);
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
        fake_disk_free(d);
    }
}

/* Not put in its place by a crash, but by a disk that lies. */
static void sets_a_bad_next_table_aside(void)
{
    struct fake_disk *d = whole_journal();
    uint64_t set;
    fake_disk_put(d, NEXT_NAME, (struct bytes){zeros, 100});
    put_zeros(d);
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 7);
    CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
    CU_ASSERT(fake_disk_bytes(d, DAMAGED_NAME).len == 100);
    CU_ASSERT(fake_disk_bytes(d, FILE_NAME ".damaged.2").len == sizeof(zeros));
    storage_free(s);
    fake_disk_free(d);
}

/* --- without ---------------------------------------------------------------------------- */

static void refuses_zeros(struct fake_disk *d)
{
    put_zeros(d);
    struct storage_failure f = stored_refused(d, "not_dets");
    CU_ASSERT(strstr(f.what, "contains only zeros: move it away") != NULL);
    CU_ASSERT(!fake_disk_has(d, DAMAGED_NAME));
}

static void refuses_without_a_journal(void)
{
    struct fake_disk *d = fake_disk_new();
    refuses_zeros(d);
    fake_disk_free(d);
}

static void refuses_with_segments_missing(void)
{
    for (unsigned gone = 1; gone <= 2; gone++) {
        struct fake_disk *d = whole_journal();
        CU_ASSERT_EQUAL(fake_disk(d)->remove(d, segment_name(gone, "journal")), 0);
        refuses_zeros(d);
        fake_disk_free(d);
    }
}

/* A record that was acknowledged is missing at its end, or in its middle. */
static void refuses_with_records_missing(void)
{
    for (unsigned cut = 0; cut < 2; cut++) {
        struct fake_disk *d = fake_disk_new();
        struct buf copy = {0};
        uint64_t set;
        struct storage *s = stored_start(d, GROUP, &set);
        stored_add(s, 0);
        stored_add(s, 1);
        stored_add(s, 2);
        (void)storage_rotate(s);
        stored_add(s, 3);
        storage_free(s);
        buf_put(&copy, fake_disk_bytes(d, segment_name(1, "journal")));
        if (cut)
            copy.len -= 5;
        else
            copy.at[copy.len - 25] ^= 1; /* of the middle record */
        fake_disk_put(d, segment_name(1, "journal"), buf_bytes(&copy));
        refuses_zeros(d);
        buf_free(&copy);
        fake_disk_free(d);
    }
}

/* Older versions wrote no mark: such a journal is read, but proves nothing. */
static void refuses_with_an_older_journal(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    put_segment(d, 1, JOURNAL_OWNER, "[1]");
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 2);
    storage_free(s);
    refuses_zeros(d);
    /* There, an empty file may be one that no snapshot has ever been written to. */
    fake_disk_put(d, FILE_NAME, BYTES(""));
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 6);
    fake_disk_free(d);
}

/* The journal continues a snapshot: the table was not always zeros, empty, or missing. */
static void refuses_after_a_snapshot(void)
{
    for (unsigned again = 0; again < 2; again++) {
        struct fake_disk *d = fake_disk_new();
        uint64_t set;
        struct storage *s = stored_start(d, GROUP, &set);
        stored_add(s, 0);
        stored_save_all(s, 1);
        if (again) {
            storage_free(s);
            s = stored_start(d, GROUP, &set);
        }
        stored_add(s, 1);
        storage_free(s);
        refuses_zeros(d);
        fake_disk_put(d, FILE_NAME, BYTES(""));
        struct storage_failure f = stored_refused(d, "not_dets");
        CU_ASSERT(strstr(f.what, "is empty, although its journal continues a snapshot") != NULL);
        CU_ASSERT_EQUAL(fake_disk(d)->remove(d, FILE_NAME), 0);
        CU_ASSERT(has_note(d, FILE_NAME " is missing, although its journal continues a snapshot"));
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 2);
        fake_disk_free(d);
    }
}

/* Without the table, the other group would start from nothing. */
static void refuses_where_another_group_is_stored(void)
{
    struct fake_disk *d = whole_journal();
    uint64_t set;
    storage_free(stored_start(d, "other", &set));
    refuses_zeros(d);
    fake_disk_free(d);
}

/* Nothing was ever stored, whatever a power cut has left of the first segment. */
static void goes_on_with_an_empty_file(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    fake_disk_put(d, FILE_NAME, BYTES(""));
    fake_disk_put(d, segment_name(1, "journal"), BYTES("COP"));
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 4);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(4));
    put_zeros(d);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(4));
    fake_disk_free(d);
}

/* --- tables that have something ------------------------------------------------------------- */

/* What is left of a table is used; a record that is not a state is another program's. */
static void keeps_what_a_table_has(void)
{
    static const char *const record[] = {"{" GROUP ", 17}"};
    struct fake_disk *d = whole_journal();
    uint64_t set;
    stored_put_table(d, others, 2);
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 7);
    stored_save_all(s, 7);
    CU_ASSERT(stored_has(d, others, 2));
    storage_free(s);
    fake_disk_free(d);

    d = whole_journal();
    stored_put_table(d, record, 1);
    (void)stored_refused(d, "other_type");
    struct buf copy = {0};
    stored_put_table(d, others, 2);
    buf_put(&copy, fake_disk_bytes(d, FILE_NAME));
    fake_disk_put(d, FILE_NAME, (struct bytes){copy.at, copy.len / 2});
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    CU_ASSERT(!fake_disk_has(d, DAMAGED_NAME));
    buf_free(&copy);
    fake_disk_free(d);
}

SUITE("storage without its table", TEST(writes_and_reads_marks), TEST(goes_on_with_everything),
      TEST(sets_aside_safely), TEST(ignores_a_torn_segment), TEST(goes_on_with_a_merged_segment),
      TEST(goes_on_where_merged_segments_return), TEST(goes_on_with_a_replaced_segment),
      TEST(sets_a_bad_next_table_aside), TEST(refuses_without_a_journal),
      TEST(refuses_with_segments_missing), TEST(refuses_with_records_missing),
      TEST(refuses_with_an_older_journal), TEST(refuses_after_a_snapshot),
      TEST(refuses_where_another_group_is_stored), TEST(goes_on_with_an_empty_file),
      TEST(keeps_what_a_table_has))
