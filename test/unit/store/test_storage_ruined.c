#include <errno.h>
#include <string.h>

#include "unit/store/stored_files.h"

/* A table that something else ruins while a replica stores its state in it: that has all of it in
 * memory, so the next snapshot loses nothing. */

#define NEXT_NAME    FILE_NAME ".next"
#define DAMAGED_NAME FILE_NAME ".damaged.1"

#define SEEDS 8

static const char *const others[] = {OTHERS};
static const uint8_t zeros[8192];

/* --- what ruins it -------------------------------------------------------------------------- */

/* To a length, in place. */
static void cut(struct fake_disk *d, size_t len)
{
    struct buf copy = {0};
    buf_put(&copy, fake_disk_bytes(d, FILE_NAME));
    fake_disk_overwrite(d, FILE_NAME, (struct bytes){copy.at, len});
    buf_free(&copy);
}

static void truncate_it(struct fake_disk *d)
{
    cut(d, 100);
}

static void put_half(struct fake_disk *d)
{
    cut(d, fake_disk_bytes(d, FILE_NAME).len / 2);
}

static void put_text(struct fake_disk *d)
{
    fake_disk_overwrite(d, FILE_NAME, BYTES("[{page_views, 17}].\n"));
}

static void put_zeros(struct fake_disk *d)
{
    fake_disk_overwrite(d, FILE_NAME, (struct bytes){zeros, sizeof(zeros)});
}

static void put_bag(struct fake_disk *d)
{
    fake_disk_overwrite(d, FILE_NAME, table_recorded("bag"));
}

static void put_foreign_record(struct fake_disk *d)
{
    static const char *const records[] = {"{" GROUP ", 17}", OTHERS};
    stored_put_table(d, records, 3);
}

static void empty_it(struct fake_disk *d)
{
    fake_disk_overwrite(d, FILE_NAME, BYTES(""));
}

static void delete_it(struct fake_disk *d)
{
    CU_ASSERT_EQUAL(fake_disk(d)->remove(d, FILE_NAME), 0);
}

static void put_others(struct fake_disk *d)
{
    stored_put_table(d, others, 2);
}

struct ruin {
    void (*it)(struct fake_disk *d);
    const char *note; /* what the log says of it, or NULL */
    bool kept;        /* as FILE.damaged.1 */
    bool others;      /* the records of others are in the new table, too */
};

static const struct ruin ruins[] = {
    {truncate_it, "could no longer be read (not_dets)", true, false},
    {put_text, "could no longer be read (not_dets)", true, false},
    {put_zeros, "could no longer be read (not_dets)", true, false},
    {put_bag, "could no longer be read (not_a_set)", true, false},
    {put_foreign_record, "was damaged", true, true},
    {put_half, "was damaged", true, false},
    {empty_it, "was emptied", false, false},
    {delete_it, "is gone", false, false},
    {put_others, NULL, false, true},
};

#define RUINS (sizeof(ruins) / sizeof(ruins[0]))

/* --- the next snapshot ---------------------------------------------------------------------- */

/* A replica with 0, 1 and 2 in its table, which has the records of others, too. */
static struct storage *running(struct fake_disk *d, bool mounted)
{
    uint64_t set;
    stored_put_table(d, others, 2);
    if (mounted)
        fake_disk_mount(d, FILE_NAME);
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 3; n++)
        stored_add(s, n);
    stored_save_all(s, 7);
    return s;
}

static void expect_note(const struct ruin *ruin, const struct storage_note *note)
{
    bool as_wanted = ruin->note == NULL ? note->text[0] == '\0'
                                        : strstr(note->text, ruin->note) != NULL &&
                                              strncmp(note->text, FILE_NAME, 15) == 0;
    CU_ASSERT(as_wanted);
    if (!as_wanted)
        fprintf(stderr, "\n    wanted %s, got %s\n", ruin->note, note->text);
    CU_ASSERT_EQUAL(strstr(note->text, DAMAGED_NAME) != NULL, ruin->kept);
}

static void survives(const struct ruin *ruin, bool mounted)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f = {"", ""};
    struct storage_note note;
    struct buf left = {0};
    struct storage *s = running(d, mounted);
    ruin->it(d);
    buf_put(&left, fake_disk_bytes(d, FILE_NAME));
    stored_add(s, 3);
    CU_ASSERT_EQUAL(stored_save_noted(s, 15, storage_rotate(s), &note, &f), OK);
    expect_note(ruin, &note);
    CU_ASSERT_EQUAL(storage_journal_bytes(s), 0);
    storage_free(s);
    fake_disk_kill(d);
    CU_ASSERT_EQUAL(fake_disk_has(d, DAMAGED_NAME), ruin->kept);
    if (ruin->kept)
        CU_ASSERT(bytes_equal(fake_disk_bytes(d, DAMAGED_NAME), buf_bytes(&left)));
    CU_ASSERT(stored_has(d, others, ruin->others ? 2 : 0));
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    buf_free(&left);
    fake_disk_free(d);
}

static void the_next_snapshot_writes_it_anew(void)
{
    for (size_t i = 0; i < RUINS; i++) {
        survives(&ruins[i], false);
        if (ruins[i].it != delete_it)
            survives(&ruins[i], true);
    }
}

/* Each accident leaves a file of its own. */
static void keeps_every_ruin(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage *s = running(d, false);
    for (unsigned n = 1; n <= 3; n++) {
        char kept[64];
        put_text(d);
        stored_save_all(s, 7);
        snprintf(kept, sizeof(kept), FILE_NAME ".damaged.%u", n);
        CU_ASSERT(fake_disk_has(d, kept));
    }
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    fake_disk_free(d);
}

/* What a crash had left as the table is ruined, and FILE is a half of it. */
static void a_ruined_next_table_is_replaced(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage *s = running(d, false);
    put_half(d);
    fake_disk_put(d, NEXT_NAME, BYTES("text"));
    stored_save_all(s, 7);
    CU_ASSERT(!fake_disk_has(d, NEXT_NAME));
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, DAMAGED_NAME), BYTES("text")));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    fake_disk_free(d);
}

/* The record of the group is written as it was found once. */
static void keeps_the_form_of_the_record(void)
{
    struct fake_disk *d = fake_disk_new();
    struct buf object = {0};
    uint64_t set;
    struct term state = stored_state(6);
    record_put(&object, term_of(GROUP), term_bytes(&state), (struct bytes){0}, 0, RECORD_ENCODED);
    struct dets_record record = {term_of(GROUP), buf_bytes(&object), false};
    struct buf table = image_of(&(struct dets_shape){DETS_SET, 1}, &record, 1);
    fake_disk_put(d, FILE_NAME, buf_bytes(&table));
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 6);
    put_text(d);
    stored_save_all(s, 6);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME), buf_bytes(&table)));
    storage_free(s);
    term_free(&state);
    buf_free(&table);
    buf_free(&object);
    fake_disk_free(d);
}

/* --- nothing is lost on a bad disk ---------------------------------------------------------- */

/* A running replica whose table is ruined and who has 3 in the journal only. */
static struct storage *ruined(struct fake_disk *d, const struct ruin *ruin, uint64_t *segment)
{
    struct storage *s = running(d, false);
    ruin->it(d);
    stored_add(s, 3);
    *segment = storage_rotate(s);
    return s;
}

/* False if the save makes fewer than n calls. */
static bool fails_in_call(const struct ruin *ruin, uint64_t n)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t segment;
    struct storage *s = ruined(d, ruin, &segment);
    fake_disk_fail(d, n, -ENOSPC, false);
    bool saved = stored_save(s, 15, segment, &f) == OK, failed = fake_disk_failed(d);
    fake_disk_heal(d);
    if (!saved)
        CU_ASSERT_EQUAL(stored_save(s, 15, segment, &f), OK);
    storage_free(s);
    fake_disk_crash(d, n);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    fake_disk_free(d);
    return failed;
}

static void a_failing_disk_only_delays_it(void)
{
    for (size_t i = 0; i < RUINS; i++)
        for (uint64_t n = 1; fails_in_call(&ruins[i], n); n++)
            ;
}

/* What was in the ruined table alone is then lost with the memory; but nothing else is. */
static bool dies_in_call(const struct ruin *ruin, uint64_t n, uint64_t seed)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t segment, set;
    struct storage *s = ruined(d, ruin, &segment);
    fake_disk_kill_at(d, n);
    bool saved = stored_save(s, 15, segment, &f) == OK, failed = fake_disk_failed(d);
    storage_free(s);
    fake_disk_crash(d, seed);
    CU_ASSERT(!saved || stored_found(d, GROUP) == 15);
    s = stored_new(d, GROUP);
    if (stored_open(s, &set, &f) != OK) {
        CU_ASSERT_EQUAL(fake_disk(d)->rename(d, FILE_NAME, "data/away"), 0);
        CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    }
    CU_ASSERT((set & bit(3)) != 0);
    storage_free(s);
    fake_disk_free(d);
    return failed;
}

static void the_journal_survives_whenever_it_dies(void)
{
    for (size_t i = 0; i < RUINS; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            for (uint64_t n = 1; dies_in_call(&ruins[i], n, seed); n++)
                ;
}

/* The table can neither be read nor replaced: the journal alone has everything then. */
static void what_cannot_be_read_is_left_to_the_journal(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = running(d, false);
    put_text(d);
    stored_add(s, 3);
    uint64_t segment = storage_rotate(s);
    fake_disk_fail(d, 3, -EIO, false); /* after the lock, and that FILE.next is not there */
    CU_ASSERT_EQUAL(stored_save(s, 15, segment, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "eio");
    CU_ASSERT(strstr(f.what, "cannot read " FILE_NAME) == f.what);
    storage_free(s);
    fake_disk_kill(d);
    s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 15);
    CU_ASSERT(fake_disk_has(d, DAMAGED_NAME));
    storage_free(s);
    fake_disk_free(d);
}

/* --- before it is loaded -------------------------------------------------------------------- */

/* Nothing is known of what the file had: it is refused, and not overwritten. */
static void only_what_was_loaded_is_replaced(void)
{
    for (size_t i = 0; i < 4; i++) {
        struct fake_disk *d = fake_disk_new();
        struct storage_failure f;
        uint64_t set;
        struct storage *s = running(d, false);
        ruins[i].it(d);
        CU_ASSERT_EQUAL(stored_load(s, &set, &f), ERR_STORAGE);
        CU_ASSERT_EQUAL(stored_save(s, 7, storage_rotate(s), &f), ERR_STORAGE);
        CU_ASSERT(!fake_disk_has(d, DAMAGED_NAME));
        storage_free(s);
        fake_disk_free(d);
    }
}

SUITE("storage and ruined tables", TEST(the_next_snapshot_writes_it_anew), TEST(keeps_every_ruin),
      TEST(a_ruined_next_table_is_replaced), TEST(keeps_the_form_of_the_record),
      TEST(a_failing_disk_only_delays_it), TEST(the_journal_survives_whenever_it_dies),
      TEST(what_cannot_be_read_is_left_to_the_journal), TEST(only_what_was_loaded_is_replaced))
