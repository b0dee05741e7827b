#include <errno.h>
#include <string.h>

#include "limits.h"
#include "unit/store/stored_files.h"

static const char *const others[] = {OTHERS};

/* --- loading and saving ------------------------------------------------------------------- */

static void finds_nothing_without_files(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_found found;
    struct storage_failure f;
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(storage_load(s, &found, &f), OK);
    CU_ASSERT(found.state.len == 0 && found.records.len == 0 && found.notes.len == 0);
    CU_ASSERT_EQUAL(found.count, 0);
    CU_ASSERT(!fake_disk_has(d, FILE_NAME));
    storage_found_free(&found);
    storage_free(s);
    fake_disk_free(d);
}

static void finds_appended_records(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    stored_add(s, 1);
    (void)storage_rotate(s);
    stored_add(s, 2);
    storage_free(s);
    s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 7);
    stored_add(s, 3);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 15);
    fake_disk_free(d);
}

static void finds_the_snapshot_and_later_records(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    stored_add(s, 1);
    CU_ASSERT(storage_journal_bytes(s) > 0);
    stored_save_all(s, 3);
    CU_ASSERT_EQUAL(storage_journal_bytes(s), 0);
    CU_ASSERT(!fake_disk_has(d, segment_name(1, "journal")));
    stored_add(s, 2);
    CU_ASSERT(fake_disk_has(d, segment_name(2, "journal")));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    CU_ASSERT(stored_has(d, NULL, 0));
    fake_disk_free(d);
}

/* Records appended while a child saves are in a segment that is kept. */
static void appends_during_a_save(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    uint64_t segment = storage_rotate(s);
    stored_add(s, 1);
    uint64_t before = storage_journal_bytes(s);
    CU_ASSERT_EQUAL(stored_save(s, 1, segment, &f), OK);
    CU_ASSERT(storage_journal_bytes(s) < before && storage_journal_bytes(s) > 0);
    stored_add(s, 2);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    fake_disk_free(d);
}

/* The child removes the segments and the parent only updates its list. */
static void follows_a_save_by_a_child(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    uint64_t segment = storage_rotate(s);
    stored_add(s, 1);
    uint64_t before = storage_journal_bytes(s);
    storage_saved(s, segment);
    CU_ASSERT(storage_journal_bytes(s) < before && storage_journal_bytes(s) > 0);
    stored_add(s, 2);
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 7);
    fake_disk_free(d);
}

static void keeps_other_records(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    stored_put_table(d, others, 2);
    struct storage *s = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 5; n++) {
        stored_add(s, n);
        stored_save_all(s, bit(n + 1) - 1);
        CU_ASSERT(stored_has(d, others, 2));
    }
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 31);
    fake_disk_free(d);
}

static void shares_a_file_between_groups(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    struct storage *a = stored_start(d, GROUP, &set), *b = stored_start(d, "other", &set);
    for (unsigned n = 0; n < 20; n++) {
        stored_add(n % 2 == 0 ? a : b, n);
        if (n % 3 == 0)
            stored_save_all(a, 0x55555 & (bit(n + 1) - 1));
        if (n % 4 == 1)
            stored_save_all(b, 0xaaaaa & (bit(n + 1) - 1));
    }
    storage_free(a);
    storage_free(b);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 0x55555);
    CU_ASSERT_EQUAL(stored_found(d, "other"), 0xaaaaa);
    fake_disk_free(d);
}

/* The record keeps the form it has in the file, and the elements after the state. */
static void keeps_the_form_of_the_record(void)
{
    static const char *const raw[] = {"{" GROUP ", #{numbers => 1, padding => <<>>}, 17, x}"};
    struct fake_disk *d = fake_disk_new();
    struct buf object = {0};
    uint64_t set;
    struct term state = stored_state(6);
    stored_put_table(d, raw, 1);
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 1);
    stored_save_all(s, 6);
    record_put(&object, term_of(GROUP), term_bytes(&state), hex("6111 770178"), 2, RECORD_RAW);
    struct bytes file = fake_disk_bytes(d, FILE_NAME);
    CU_ASSERT(memmem(file.at, file.len, object.at, object.len) != NULL);
    storage_free(s);

    buf_clear(&object);
    record_put(&object, term_of(GROUP), term_bytes(&state), (struct bytes){0}, 0, RECORD_ENCODED);
    struct dets_record record = {term_of(GROUP), buf_bytes(&object), false};
    struct buf table = image_of(&(struct dets_shape){DETS_SET, 1}, &record, 1);
    fake_disk_put(d, FILE_NAME, buf_bytes(&table));
    s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 6);
    stored_save_all(s, 6);
    file = fake_disk_bytes(d, FILE_NAME);
    CU_ASSERT(memmem(file.at, file.len, object.at, object.len) != NULL);
    storage_free(s);
    buf_free(&table);
    buf_free(&object);
    term_free(&state);
    fake_disk_free(d);
}

/* --- concurrency ---------------------------------------------------------------------------- */

static void locks_a_group(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *first = stored_start(d, GROUP, &set), *second = stored_new(d, GROUP);
    stored_add(first, 0);
    CU_ASSERT_EQUAL(stored_open(second, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "locked");
    CU_ASSERT(strstr(f.what, "process 4711") != NULL);
    stored_add(first, 1);
    storage_free(first);
    CU_ASSERT_EQUAL(stored_open(second, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 3);
    storage_free(second);
    fake_disk_free(d);
}

/* A disk on which a child saves while the parent loads, right after list(). */
struct concurrent {
    const struct disk *disk;
    struct storage *child;
};

static struct concurrent concurrent;

static int list_then_save(void *who, const char *path, void (*visit)(void *what, const char *name),
                          void *what)
{
    struct storage_failure f;
    int code = concurrent.disk->list(who, path, visit, what);
    CU_ASSERT_EQUAL(stored_save(concurrent.child, 7, 1, &f), OK);
    return code;
}

/* The child removes segments that the parent has listed but not yet read. */
static void loads_during_a_save_by_a_child(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    struct storage *child = stored_start(d, GROUP, &set);
    for (unsigned n = 0; n < 3; n++)
        stored_add(child, n);
    (void)storage_rotate(child);
    stored_add(child, 3);
    concurrent = (struct concurrent){.disk = fake_disk(d), .child = child};
    struct disk disk = *concurrent.disk;
    disk.list = list_then_save;
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = term_of(GROUP),
                                .module = BYTES(MODULE),
                                .journal = true};
    struct storage *s = storage_new(&disk, &o);
    fake_disk_unlock(d); /* both hold the lock */
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 15);
    storage_free(s);
    storage_free(child);
    fake_disk_free(d);
}

/* --- segments ------------------------------------------------------------------------------- */

/* Segment 10 comes after 9. */
static void orders_segments_by_number(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    struct storage_found found;
    for (uint64_t n = 1200; n > 0; n--)
        put_segment(d, n, JOURNAL_OWNER, n == 9 ? "[9]" : n == 10 ? "[10]" : NULL);
    fake_disk_put(d, segment_name(3, "journal.bak"), BYTES("x"));
    fake_disk_put(d, segment_name(3, "x"), BYTES("x"));
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(storage_load(s, &found, &f), OK);
    CU_ASSERT_EQUAL(set_of_found(&found), bit(9) | bit(10));
    CU_ASSERT_EQUAL(found.notes.len, 0);
    CU_ASSERT_EQUAL(found.records.at[3], 9);
    storage_found_free(&found);
    stored_save_all(s, 1);
    CU_ASSERT_EQUAL(storage_journal_bytes(s), 0);
    CU_ASSERT(!fake_disk_has(d, segment_name(1200, "journal")));
    CU_ASSERT(fake_disk_has(d, segment_name(3, "journal.bak")));
    CU_ASSERT(fake_disk_has(d, segment_name(3, "x")));
    storage_free(s);
    fake_disk_free(d);
}

static void refuses_numbers_beyond_64_bits(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    put_segment(d, UINT64_MAX, JOURNAL_OWNER, "[1]");
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "too_large");
    storage_free(s);
    fake_disk_free(d);
    d = fake_disk_new();
    char path[300];
    snprintf(path, sizeof(path), "%.*s99999999999999999999.journal",
             (int)strlen(segment_name(1, "journal")) - 9, segment_name(1, "journal"));
    fake_disk_put(d, path, BYTES(""));
    (void)stored_refused(d, "too_large");
    fake_disk_free(d);
    d = fake_disk_new();
    put_segment(d, UINT64_MAX - 1, JOURNAL_OWNER, "[1]");
    s = stored_start(d, GROUP, &set);
    stored_add(s, 2);
    (void)storage_rotate(s);
    CU_ASSERT_EQUAL(stored_append(s, 3, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "too_large");
    storage_free(s);
    fake_disk_free(d);
}

/* They begin with 1 and have no zeros in front: other names are not ours, at any load. */
static void passes_over_other_numbers(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    put_segment(d, 0, "{'Elixir.Grove.Set.ORSet', " GROUP "}", "[5]");
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(set, 0);
    stored_add(s, 1);
    fake_disk_fail(d, 1, -EIO, false);
    CU_ASSERT_EQUAL(stored_append(s, 2, &f), ERR_STORAGE);
    CU_ASSERT_EQUAL(stored_open(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, bit(1));
    stored_save_all(s, bit(1));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), bit(1));
    CU_ASSERT(fake_disk_has(d, segment_name(0, "journal")));
    fake_disk_free(d);
}

/* No record and no segment is written that is too large to be read back. */
static void bounds_a_segment(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    struct buf record = {0};
    uint64_t set;
    struct storage *s = stored_start(d, GROUP, &set);
    CU_ASSERT_EQUAL(storage_append(s, (struct bytes){record.at, LIMIT_SEGMENT_BYTES}, &f),
                    ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, "too_large");
    void *padding = mem_take(LIMIT_JOURNAL_BYTES / 2);
    put_binary(&record, (struct bytes){padding, LIMIT_JOURNAL_BYTES / 2});
    mem_free(padding);
    storage_free(s);
    s = stored_start(d, GROUP, &set);
    uint64_t first = storage_rotate(s);
    for (unsigned n = 0; n < 3; n++)
        CU_ASSERT_EQUAL(storage_append(s, buf_bytes(&record), &f), OK);
    CU_ASSERT_EQUAL(storage_rotate(s), first + 2);
    storage_free(s);
    buf_free(&record);
    fake_disk_free(d);
}

static bool is_saved(struct fake_disk *d)
{
    struct storage_found found;
    struct storage_failure f;
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(storage_load(s, &found, &f), OK);
    bool saved = found.saved;
    storage_found_free(&found);
    storage_free(s);
    return saved;
}

/* A process that changes nothing leaves nothing to save, however often it starts. */
static void tells_what_is_saved(void)
{
    struct fake_disk *d = fake_disk_new();
    uint64_t set;
    CU_ASSERT(!is_saved(d));
    struct storage *s = stored_start(d, GROUP, &set);
    stored_add(s, 0);
    storage_free(s);
    CU_ASSERT(!is_saved(d));
    s = stored_start(d, GROUP, &set);
    stored_save_all(s, 1);
    storage_free(s);
    CU_ASSERT(is_saved(d));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(stored_found(d, GROUP), 1);
    CU_ASSERT(is_saved(d));
    CU_ASSERT(!fake_disk_has(d, segment_name(3, "journal")));
    /* Killed before it has changed anything. */
    s = stored_start(d, GROUP, &set);
    fake_disk_kill(d);
    CU_ASSERT(!is_saved(d));
    storage_free(s);
    fake_disk_free(d);
}

/* With the journal disabled none is created, but an existing one is read. */
static void works_without_a_journal(void)
{
    struct fake_disk *d = fake_disk_new();
    struct storage_failure f;
    uint64_t set;
    put_segment(d, 7, JOURNAL_OWNER, "[1]");
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = term_of(GROUP),
                                .module = BYTES(MODULE),
                                .form = RECORD_ENCODED};
    struct storage *s = storage_new(fake_disk(d), &o);
    CU_ASSERT_EQUAL(stored_load(s, &set, &f), OK);
    CU_ASSERT_EQUAL(set, 2);
    CU_ASSERT(!fake_disk_has(d, segment_name(8, "journal")));
    stored_save_all(s, 6);
    CU_ASSERT(!fake_disk_has(d, segment_name(7, "journal")));
    storage_free(s);
    CU_ASSERT_EQUAL(stored_found(d, GROUP), 6);
    fake_disk_free(d);
}

SUITE("storage", TEST(finds_nothing_without_files), TEST(finds_appended_records),
      TEST(finds_the_snapshot_and_later_records), TEST(appends_during_a_save),
      TEST(follows_a_save_by_a_child), TEST(keeps_other_records),
      TEST(shares_a_file_between_groups), TEST(keeps_the_form_of_the_record), TEST(locks_a_group),
      TEST(loads_during_a_save_by_a_child), TEST(orders_segments_by_number),
      TEST(refuses_numbers_beyond_64_bits), TEST(passes_over_other_numbers), TEST(bounds_a_segment),
      TEST(tells_what_is_saved), TEST(works_without_a_journal))
