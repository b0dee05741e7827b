#include <errno.h>

#include "unit/store/stored_files.h"

/* The life of a replica on a disk that fails at each call in turn.  Once the disk works again,
 * everything acknowledged is found, everything that failed is not, and OTP can open the table
 * without repair. */

#define SEEDS 16

#define NEXT_NAME FILE_NAME ".next"

static const char *const others[] = {OTHERS};

/* The table at the start. */
enum start { START_NOTHING, START_OTHERS, START_UNCLOSED, START_DAMAGED, STARTS };

/* Whether the table is mounted as a single file: then it is written in place. */
static bool mounted;

struct life {
    struct fake_disk *disk;
    struct storage *s;
    uint64_t acknowledged, refused, memory;
    bool readable, loaded;
    bool read_only; /* the disk only becomes read-only: what was loaded once can be read */
    bool once;      /* it was loaded */
};

static void prepare(struct fake_disk *d, enum start start)
{
    if (start == START_NOTHING && mounted)
        fake_disk_mount(d, FILE_NAME);
    if (start == START_NOTHING)
        return;
    stored_put_table(d, others, 2);
    struct bytes b = fake_disk_bytes(d, FILE_NAME);
    struct buf file = {0};
    buf_put(&file, b);
    if (start != START_OTHERS)
        file.at[DETS_AT_CLOSED + 3] = DETS_OPEN;
    /* A block with an object that does not match its size. */
    if (start == START_DAMAGED) {
        file.len = dets_u32(b, DETS_AT_FREE_LISTS);
        buf_put(&file, hex("00000020 12345678 00000018 83 6802 6401 6465 6600000000000000000000"));
        while (file.len % DETS_BLOCK_STEP != DETS_AT_BLOCKS % DETS_BLOCK_STEP)
            buf_put_u8(&file, 0);
    }
    fake_disk_put(d, FILE_NAME, buf_bytes(&file));
    if (mounted)
        fake_disk_mount(d, FILE_NAME);
    buf_free(&file);
}

/* What is loaded is shown to readers, even if nothing can be written then. */
static void load(struct life *l)
{
    uint64_t found;
    struct storage_failure f;
    l->loaded = false;
    l->readable = stored_load(l->s, &found, &f) == OK;
    CU_ASSERT(l->readable || !l->read_only || !l->once);
    if (!l->readable)
        return;
    CU_ASSERT_EQUAL(l->acknowledged & ~found, 0);
    CU_ASSERT_EQUAL(l->refused & found, 0);
    l->memory = found;
    l->loaded = storage_begin(l->s, &f) == OK;
    l->once |= l->loaded;
}

/* As a replica does: what was loaded is not loaded again. */
static void load_if_needed(struct life *l)
{
    struct storage_failure f;
    if (l->readable && !l->loaded)
        l->loaded = storage_begin(l->s, &f) == OK;
    else if (!l->loaded)
        load(l);
}

/* As a replica does: after a failure it loads again. */
static void append(struct life *l, unsigned n)
{
    struct storage_failure f;
    load_if_needed(l);
    if (!l->loaded)
        return;
    if (stored_append(l->s, n, &f) == OK) {
        l->acknowledged |= bit(n);
        l->memory |= bit(n);
        return;
    }
    CU_ASSERT(f.reason[0] == 'e' && f.what[0] != 0);
    l->refused |= bit(n);
    load(l);
}

static void save(struct life *l, uint64_t set, uint64_t segment)
{
    struct storage_failure f;
    if (l->loaded && stored_save(l->s, set, segment, &f) != OK)
        CU_ASSERT(f.reason[0] == 'e' && f.what[0] != 0);
}

static void live(struct life *l)
{
    l->s = stored_new(l->disk, GROUP);
    load(l);
    append(l, 0);
    append(l, 1);
    append(l, 2);
    uint64_t segment = storage_rotate(l->s), set = l->memory;
    append(l, 3);
    save(l, set, segment);
    append(l, 4);
    segment = storage_rotate(l->s);
    save(l, l->memory, segment);
    append(l, 5);
    load(l);
    append(l, 6);
}

/* The table is as it was at the start or as saved, never less; FILE.next, while it is there. */
static void check_table(struct fake_disk *d, enum start start)
{
    const char *path = fake_disk_has(d, NEXT_NAME) ? NEXT_NAME : FILE_NAME;
    struct bytes file = fake_disk_bytes(d, path);
    struct dets_table table;
    struct dets_fault fault;
    if (start == START_NOTHING && file.len == 0)
        return;
    enum err e = dets_open(&table, file, &fault);
    if (start >= START_UNCLOSED && e == ERR_NOT_SAVED)
        return;
    CU_ASSERT(stored_at_has(d, path, others, start == START_NOTHING ? 0 : 2));
    CU_ASSERT(start != START_DAMAGED || fake_disk_has(d, FILE_NAME ".damaged.1"));
}

static struct life begin(enum start start)
{
    struct life l = {.disk = fake_disk_new()};
    prepare(l.disk, start);
    return l;
}

/* The n-th call fails, and perhaps all later ones; then the disk works again. */
static bool refuses(enum start start, uint64_t n, int code, bool then_all)
{
    struct life l = begin(start);
    l.read_only = code == -EROFS && then_all;
    fake_disk_fail(l.disk, n, code, then_all);
    live(&l);
    bool failed = fake_disk_failed(l.disk);
    fake_disk_heal(l.disk);
    /* As a replica does, which does not load again what it could read. */
    if (l.read_only)
        load_if_needed(&l);
    else
        load(&l);
    CU_ASSERT(l.loaded);
    storage_free(l.s);
    CU_ASSERT_EQUAL(fake_disk_handles(l.disk), 0);
    check_table(l.disk, start);
    CU_ASSERT(l.read_only || !fake_disk_has(l.disk, NEXT_NAME));
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        fake_disk_crash(l.disk, seed);
        uint64_t found = stored_found(l.disk, GROUP);
        CU_ASSERT_EQUAL(l.acknowledged & ~found, 0);
        CU_ASSERT_EQUAL(l.refused & found, 0);
        check_table(l.disk, start);
    }
    fake_disk_free(l.disk);
    return failed;
}

/* The process is killed in the n-th call, or the power is cut.  What the next process finds
 * survives another power cut right after it. */
static bool is_killed(enum start start, uint64_t n, bool power, uint64_t seed)
{
    struct life l = begin(start);
    fake_disk_kill_at(l.disk, n);
    live(&l);
    bool failed = fake_disk_failed(l.disk);
    storage_free(l.s);
    if (power)
        fake_disk_crash(l.disk, seed);
    else
        fake_disk_kill(l.disk);
    check_table(l.disk, start);
    uint64_t found = stored_found(l.disk, GROUP);
    CU_ASSERT_EQUAL(l.acknowledged & ~found, 0);
    fake_disk_crash(l.disk, seed + 1);
    uint64_t again = stored_found(l.disk, GROUP);
    CU_ASSERT_EQUAL(found & ~again, 0);
    check_table(l.disk, start);
    fake_disk_free(l.disk);
    return failed;
}

/* Prints the failing call and start if an assertion failed. */
static void report(const char *what, enum start start, uint64_t n, unsigned before)
{
    if (CU_get_number_of_failures() > before)
        fprintf(stderr, "\n    %s at call %llu, start %d\n", what, (unsigned long long)n, start);
}

static void fail_each_call(enum start start)
{
    static const int codes[] = {-EIO, -ENOSPC, -EROFS};
    for (unsigned all = 0; all < 2; all++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            unsigned before = CU_get_number_of_failures();
            for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
                failed = refuses(start, n, codes[i], all == 1);
            report("failed", start, n, before);
        }
    }
}

static void end_in_each_call(enum start start, bool power)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            unsigned before = CU_get_number_of_failures();
            failed = is_killed(start, n, power, seed);
            report(power ? "power" : "killed", start, n, before);
        }
}

static void keeps_acknowledged_records_when_calls_fail(void)
{
    for (enum start start = 0; start < STARTS; start++)
        fail_each_call(start);
}

static void keeps_acknowledged_records_when_killed(void)
{
    for (enum start start = 0; start < STARTS; start++)
        end_in_each_call(start, false);
}

static void keeps_acknowledged_records_across_power_cuts(void)
{
    for (enum start start = 0; start < STARTS; start++)
        end_in_each_call(start, true);
}

static void keeps_them_where_the_table_is_written_in_place(void)
{
    mounted = true;
    keeps_acknowledged_records_when_calls_fail();
    keeps_acknowledged_records_when_killed();
    keeps_acknowledged_records_across_power_cuts();
    mounted = false;
}

SUITE("storage on a failing disk", TEST(keeps_acknowledged_records_when_calls_fail),
      TEST(keeps_acknowledged_records_when_killed),
      TEST(keeps_acknowledged_records_across_power_cuts),
      TEST(keeps_them_where_the_table_is_written_in_place))
