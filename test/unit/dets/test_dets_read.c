#include "limits.h"
#include "term/phash2.h"
#include "unit/dets/tables.h"

static const char *const closed[] = {"empty",  "set",     "bag",  "duplicate_bag",
                                     "keypos", "churned", "phash"};
#define CLOSED (sizeof(closed) / sizeof(closed[0]))

static void walks_files_of_otp(void)
{
    for (size_t i = 0; i < CLOSED; i++) {
        struct objects wanted = objects_recorded(closed[i]), got;
        CU_ASSERT(objects_walked(&got, wall(table_recorded(closed[i]))) == OK);
        CU_ASSERT(objects_equal(&got, &wanted));
        objects_free(&wanted);
        objects_free(&got);
    }
}

static void finds_no_faults_in_files_of_otp(void)
{
    for (size_t i = 0; i < CLOSED; i++)
        CU_ASSERT_EQUAL(faults_of(wall(table_recorded(closed[i])), false), 0);
}

static enum err open_at(struct bytes file, struct dets_fault *fault)
{
    struct dets_table table;
    memset(fault, 0, sizeof(*fault));
    return dets_open(&table, wall(file), fault);
}

static void refuses_unclosed_files(void)
{
    struct dets_fault fault;
    CU_ASSERT(open_at(table_recorded("unclosed"), &fault) == ERR_NOT_SAVED);
    CU_ASSERT(open_at(table_recorded("moved"), &fault) == ERR_NOT_SAVED);
    CU_ASSERT(open_at(BYTES("this is not a table"), &fault) == ERR_NOT_DETS);
    CU_ASSERT(open_at((struct bytes){0}, &fault) == ERR_NOT_DETS && fault.at == 0);
}

/* --- damage ------------------------------------------------------------------ */

static void poke(struct buf *file, size_t at, uint32_t v)
{
    must(at + 4 <= file->len);
    for (unsigned i = 0; i < 4; i++)
        file->at[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Without an MD5, so that header fields can be changed. */
static struct buf without_md5(const char *name)
{
    struct buf file = {0};
    buf_put(&file, table_recorded(name));
    memset(file.at + DETS_AT_MD5, 0, DETS_MD5_BYTES);
    return file;
}

/* A changed header field, and the fault reported for it. */
static void names_the_invalid_field(void)
{
    static const struct {
        uint32_t at, value, fault_at;
        enum err err;
    } rows[] = {
        {DETS_AT_COOKIE, 7, DETS_AT_COOKIE, ERR_NOT_DETS},
        {DETS_AT_TYPE, 0, DETS_AT_TYPE, ERR_NOT_DETS},
        {DETS_AT_TYPE, 4, DETS_AT_TYPE, ERR_NOT_DETS},
        {DETS_AT_VERSION, 8, DETS_AT_VERSION, ERR_NOT_DETS},
        {DETS_AT_CLOSED, 0, DETS_AT_CLOSED, ERR_NOT_SAVED},
        {DETS_AT_CLOSED, 2, DETS_AT_CLOSED, ERR_DAMAGED},
        {DETS_AT_HASH, 2, DETS_AT_HASH, ERR_DAMAGED},
        {DETS_AT_M, 0, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_M, 255, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_M, 512, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_N, 256, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_N, 1, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_NEXT, 0, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_NEXT, 0xffffff00, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_MIN_SLOTS, 512, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_MAX_SLOTS, 0, DETS_AT_M, ERR_DAMAGED},
        {DETS_AT_KEYPOS, 0, DETS_AT_KEYPOS, ERR_DAMAGED},
        {DETS_AT_FREE_LISTS, 0, DETS_AT_FREE_LISTS, ERR_DAMAGED},
        {DETS_AT_FREE_LISTS, 0xffffffff, DETS_AT_FREE_LISTS, ERR_DAMAGED},
    };
    struct dets_fault fault;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf file = without_md5("set");
        CU_ASSERT(open_at(buf_bytes(&file), &fault) == OK);
        poke(&file, rows[i].at, rows[i].value);
        CU_ASSERT_EQUAL(open_at(buf_bytes(&file), &fault), rows[i].err);
        CU_ASSERT_EQUAL(fault.at, rows[i].fault_at);
        CU_ASSERT_EQUAL(fault.err, rows[i].err);
        buf_free(&file);
    }
}

/* Dimensions that are consistent only modulo 2^32. */
static void survives_overflowing_sums(void)
{
    struct dets_fault fault;
    struct buf file = without_md5("set");
    poke(&file, DETS_AT_M, 0x80000000);
    poke(&file, DETS_AT_N, 0x80000000);
    poke(&file, DETS_AT_NEXT, 0);
    poke(&file, DETS_AT_MIN_SLOTS, 0);
    CU_ASSERT(open_at(buf_bytes(&file), &fault) == ERR_DAMAGED);
    buf_free(&file);
}

/* The first slot that is not empty. */
static size_t first_slot(const struct buf *file)
{
    size_t at = dets_u32(buf_bytes(file), dets_u32(buf_bytes(file), DETS_AT_PARTS));
    while (dets_u32(buf_bytes(file), at) == 0)
        at += DETS_SLOT_BYTES;
    return at;
}

/* Every kind of damage to a slot, a collection, a free list or a count. */
static void reports_damage(void)
{
    enum { SLOT, COLLECTION, FREE_LISTS, HEADER };
    static const struct {
        unsigned where, offset;
        uint32_t value;
        bool walks; /* only dets_check() finds it */
    } rows[] = {
        {SLOT, 0, 9, false},
        {SLOT, 0, 0, false},
        {SLOT, 0, 0xffffffff, false},
        {SLOT, 4, 0, false},
        {SLOT, 4, 1336 + 4, false},
        {SLOT, 4, 0xfffffff8, false},
        {COLLECTION, 0, 7, false},
        {COLLECTION, 0, 0xffff, false},
        {COLLECTION, 4, DETS_FREE, false},
        {COLLECTION, 4, 0, false},
        {COLLECTION, 8, 3, false},
        {COLLECTION, 8, 0xffffffff, false},
        {COLLECTION, 12, 0x83680000, false},
        {COLLECTION, 12, 0x83616161, false},
        {FREE_LISTS, 0, 11, false},
        {FREE_LISTS, 0, 0xfffffff4, false},
        {FREE_LISTS, 4, 0, false},
        {FREE_LISTS, 8, 0, false},
        {FREE_LISTS, 8, DETS_CLASS_MIN, false},
        {FREE_LISTS, 8, 33, false},
        {FREE_LISTS, 12, 0, false},
        {FREE_LISTS, 8, 6, true},     /* the free block has twice the size, or half */
        {FREE_LISTS, 12, 5432, true}, /* a block in use is also free */
        {HEADER, DETS_AT_OBJECTS, 8, true},
        {HEADER, DETS_AT_KEYS, 0, true},
        {HEADER, DETS_AT_COUNTERS, 77, true},
        {HEADER, DETS_AT_COUNTERS + 4 * 27, 1, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf file = without_md5("set");
        struct bytes b = buf_bytes(&file);
        size_t slot = first_slot(&file);
        size_t at[] = {slot, dets_u32(b, slot + 4), dets_u32(b, DETS_AT_FREE_LISTS), 0};
        poke(&file, at[rows[i].where] + rows[i].offset, rows[i].value);
        struct objects got;
        CU_ASSERT_EQUAL(objects_walked(&got, wall(buf_bytes(&file))),
                        rows[i].walks ? OK : ERR_DAMAGED);
        CU_ASSERT(faults_of(wall(buf_bytes(&file)), true) > 0);
        objects_free(&got);
        buf_free(&file);
    }
}

/* Two ranges of slots share a segment. */
static void reports_overlaps(void)
{
    struct buf file = without_md5("empty");
    uint32_t part = dets_u32(buf_bytes(&file), DETS_AT_PARTS);
    poke(&file, part + DETS_POINTER_BYTES, dets_u32(buf_bytes(&file), part));
    CU_ASSERT_EQUAL(faults_of(wall(buf_bytes(&file)), true), 1);
    buf_free(&file);
}

/* Slots 0 to 255 of 512 have been split. */
static void computes_slots_of_keys(void)
{
    const struct dets_header h = {.m = 512, .n = 256, .next = 768, .hash = DETS_PHASH2};
    size_t split = 0;
    for (uint64_t i = 0; i < 100; i++) {
        struct buf key = {0};
        put_uint(&key, i);
        uint32_t hash = phash2(buf_bytes(&key));
        uint32_t wanted = hash % 512 < 256 ? hash % 1024 : hash % 512;
        CU_ASSERT_EQUAL(dets_slot(&h, buf_bytes(&key)), wanted);
        split += wanted >= 512;
        buf_free(&key);
    }
    CU_ASSERT(split > 10);
}

/* A key in a slot it does not hash to, and two slots pointing to one collection. */
static void checks_slots_of_keys(void)
{
    struct buf file = without_md5("set");
    size_t slot = first_slot(&file), other = slot > 6000 ? slot - 8 : slot + 8;
    memcpy(file.at + other, file.at + slot, DETS_SLOT_BYTES);
    memset(file.at + slot, 0, DETS_SLOT_BYTES);
    CU_ASSERT(faults_of(wall(buf_bytes(&file)), true) > 0);
    memcpy(file.at + slot, file.at + other, DETS_SLOT_BYTES);
    CU_ASSERT(faults_of(wall(buf_bytes(&file)), true) > 0);
    buf_free(&file);
}

/* Swaps the second and third object of the slot with four keys. */
static void checks_the_order_of_keys(void)
{
    struct buf file = without_md5("set");
    struct bytes b = buf_bytes(&file);
    size_t slot = first_slot(&file);
    for (;; slot += DETS_SLOT_BYTES) {
        size_t at = dets_u32(b, slot + 4), first = at + 8;
        if (at == 0)
            continue;
        size_t second = first + dets_u32(b, first);
        if (second >= at + dets_u32(b, at))
            continue;
        size_t third = second + dets_u32(b, second), end = third + dets_u32(b, third);
        struct buf swapped = {0};
        buf_put(&swapped, (struct bytes){file.at + third, end - third});
        buf_put(&swapped, (struct bytes){file.at + second, third - second});
        memcpy(file.at + second, swapped.at, swapped.len);
        buf_free(&swapped);
        break;
    }
    CU_ASSERT_EQUAL(faults_of(wall(b), true), 1);
    buf_free(&file);
}

static enum err count_visits(void *who, const struct dets_object *o)
{
    (void)o;
    return ++*(size_t *)who == 3 ? ERR_FULL : OK;
}

static void stops_on_an_error_of_the_visitor(void)
{
    struct dets_table table;
    struct dets_fault fault;
    size_t visits = 0;
    CU_ASSERT(dets_open(&table, table_recorded("set"), &fault) == OK);
    CU_ASSERT(dets_walk(&table, count_visits, &visits, &fault) == ERR_FULL && visits == 3);
}

/* A table of 33 million slots that share one segment and one entry: each must not be read 33
 * million times. */
static void stop_at_slots(const uint8_t entry[DETS_SLOT_BYTES])
{
    struct buf file = without_md5("set");
    struct bytes b = buf_bytes(&file);
    uint32_t part = dets_u32(b, DETS_AT_PARTS), segment = dets_u32(b, part);
    for (unsigned i = 0; i < DETS_SEGMENT_SLOTS; i++)
        memcpy(file.at + segment + i * DETS_SLOT_BYTES, entry, DETS_SLOT_BYTES);
    for (unsigned i = 0; i < DETS_PARTS; i++)
        poke(&file, DETS_AT_PARTS + 4 * i, part);
    for (unsigned i = 0; i < DETS_PART_SEGMENTS; i++)
        poke(&file, part + 4 * i, segment);
    poke(&file, DETS_AT_M, DETS_MAX_SLOTS);
    poke(&file, DETS_AT_NEXT, DETS_MAX_SLOTS);
    struct objects got;
    CU_ASSERT(objects_walked(&got, wall(buf_bytes(&file))) == ERR_DAMAGED);
    uint64_t faults = faults_of(wall(buf_bytes(&file)), true);
    CU_ASSERT(faults > 0 && faults < 1000000);
    struct dets_salvage s;
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&file)), NULL) == OK);
    dets_salvage_free(&s);
    buf_free(&file);
}

static void stops_at_slots_that_share_bytes(void)
{
    static const uint8_t empty[DETS_SLOT_BYTES], nonsense[DETS_SLOT_BYTES] = {1, 2, 3, 4, 5};
    struct buf file = without_md5("set");
    stop_at_slots(file.at + first_slot(&file));
    stop_at_slots(empty);
    stop_at_slots(nonsense);
    buf_free(&file);
}

/* --- objects ----------------------------------------------------------------- */

static enum err key_of(const char *object, uint32_t keypos, const char *wanted)
{
    struct buf key = {0};
    enum err e = dets_key(&key, wall(hex(object)), keypos);
    if (e == OK)
        ASSERT_TERM(buf_bytes(&key), term_of(wanted));
    else
        CU_ASSERT_EQUAL(key.len, 0);
    buf_free(&key);
    return e;
}

static void finds_keys(void)
{
    CU_ASSERT(key_of("83 6802 640001 61 6101", 1, "a") == OK);
    CU_ASSERT(key_of("83 6802 640001 61 6101", 2, "1") == OK);
    CU_ASSERT(key_of("83 6802 640001 61 6101", 3, "") == ERR_SHAPE);
    CU_ASSERT(key_of("83 69 00000001 74 00000002 6102 6101 6101 6102", 1, "#{1 => 2, 2 => 1}") ==
              OK);
    /* Anything may follow a key. */
    CU_ASSERT(key_of("83 6802 6107 ffff", 1, "7") == OK);
    CU_ASSERT(key_of("83 6802 ff 6107", 2, "") == ERR_TAG);
    /* {"kk...", "vv..."} of 40 letters each, by term_to_binary(_, [compressed]) */
    CU_ASSERT(key_of("83 50 00000058 789ccb60ca66d0c826163068941109000e2f24b9", 1,
                     "\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\"") == OK);
    CU_ASSERT(key_of("83 50 00000058 789ccb60ca66d0c826163068941109000e2f24b8", 1, "") == ERR_ZLIB);
    CU_ASSERT(key_of("83 6100", 1, "") == ERR_SHAPE);
    CU_ASSERT(key_of("82 6801 6a", 1, "") == ERR_TAG);
    CU_ASSERT(key_of("83", 1, "") == ERR_SHORT);
    CU_ASSERT(key_of("", 1, "") == ERR_SHORT);
    CU_ASSERT(key_of("83 6800", 1, "") == ERR_SHAPE);
    CU_ASSERT(key_of("83 74 00000001 6101 6102", 1, "") == ERR_SHAPE);
}

/* The number of objects in a body; if they do not fill it, -1 minus that. */
static int objects_in(const char *body, uint32_t type)
{
    struct bytes object;
    int count = 0;
    struct dets_objects o = dets_objects(wall(hex(body)), type);
    for (; dets_objects_next(&o, &object); count++)
        CU_ASSERT(object.len > 0 && object.at + object.len <= o.end);
    return o.intact ? count : -1 - count;
}

static void iterates_over_collections(void)
{
    CU_ASSERT_EQUAL(objects_in("00000006 8361", DETS_SET), 1);
    CU_ASSERT_EQUAL(objects_in("00000005 83 00000005 83", DETS_SET), 2);
    CU_ASSERT_EQUAL(objects_in("00000007 8361", DETS_SET), -1);
    CU_ASSERT_EQUAL(objects_in("00000005 83 00000006 83", DETS_SET), -2);
    CU_ASSERT_EQUAL(objects_in("00000005 83 000000", DETS_SET), -2);
    CU_ASSERT_EQUAL(objects_in("00000004 8361", DETS_SET), -1);
    CU_ASSERT_EQUAL(objects_in("00000000 8361", DETS_SET), -1);
    CU_ASSERT_EQUAL(objects_in("ffffffff 8361", DETS_SET), -1);
    CU_ASSERT_EQUAL(objects_in("00000009 00000005 83", DETS_BAG), 1);
    CU_ASSERT_EQUAL(objects_in("0000000e 00000005 83 00000005 83", DETS_BAG), 2);
    CU_ASSERT_EQUAL(objects_in("00000009 00000005 83 00000009 00000005 83", DETS_BAG), 2);
    CU_ASSERT_EQUAL(objects_in("00000009 00000006 83 00000009 00000005 83", DETS_BAG), -1);
    CU_ASSERT_EQUAL(objects_in("0000000a 00000005 83 00", DETS_BAG), -2);
    CU_ASSERT_EQUAL(objects_in("0000000a 00000005 83", DETS_BAG), -1);
    CU_ASSERT_EQUAL(objects_in("00000004 00000005 83", DETS_BAG), -1);
    CU_ASSERT_EQUAL(objects_in("00000008 00000004", DETS_BAG), -1);
}

static void checks_objects(void)
{
    uint64_t scanned = 0;
    CU_ASSERT(dets_object_check(wall(hex("83 6801 6a")), &scanned) == OK && scanned == 3);
    CU_ASSERT(dets_object_check(wall(hex("83 6801 6a 00")), NULL) == ERR_TRAILING);
    CU_ASSERT(dets_object_check(wall(hex("83 6801")), NULL) == ERR_SHORT);
    CU_ASSERT(dets_object_check(wall(hex("83 50 00000001 00")), NULL) == ERR_ZLIB);
    /* 20000 zeros; the damage shows only after all of them are unpacked */
    const char *bomb = "83 50 00004e20 78daedc13101000000c2a0f54f6d0d0fa000000000000000000000000000"
                       "00000000000078304e200000";
    scanned = 0;
    CU_ASSERT(dets_object_check(wall(hex(bomb)), &scanned) == ERR_ZLIB && scanned > 20000);
}

SUITE("dets_read", TEST(walks_files_of_otp), TEST(finds_no_faults_in_files_of_otp),
      TEST(refuses_unclosed_files), TEST(names_the_invalid_field), TEST(survives_overflowing_sums),
      TEST(reports_damage), TEST(reports_overlaps), TEST(computes_slots_of_keys),
      TEST(checks_slots_of_keys), TEST(checks_the_order_of_keys), TEST(iterates_over_collections),
      TEST(stops_on_an_error_of_the_visitor), TEST(stops_at_slots_that_share_bytes),
      TEST(finds_keys), TEST(checks_objects))
