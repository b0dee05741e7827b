#include "dets/dets_free_list.h"
#include "dets/layout.h"
#include "limits.h"
#include "term/phash2.h"
#include "unit/dets/tables.h"

static const struct dets_shape set = {DETS_SET, 1};

/* Pseudo-random, repeatable. */
static uint32_t random_below(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

/* {Key, Binary} */
static struct term object(uint64_t key, size_t bytes)
{
    struct buf out = {0}, filler = {0};
    memset(buf_room(&filler, bytes + 1), (int)(key & 0xff), bytes);
    filler.len = bytes;
    put_tuple(&out, 2);
    put_uint(&out, key);
    put_binary(&out, buf_bytes(&filler));
    buf_free(&filler);
    return term_take(&out);
}

/* Writes the objects, checks the file and reads them back. */
static void round_trip(const struct dets_shape *shape, struct objects *o)
{
    struct objects got;
    struct dets_record *records = records_of(o, shape->keypos);
    struct buf file = image_of(shape, records, o->count);
    CU_ASSERT_EQUAL(faults_of(buf_bytes(&file), false), 0);
    CU_ASSERT(objects_walked(&got, buf_bytes(&file)) == OK);
    objects_sort(o);
    CU_ASSERT(objects_equal(o, &got));
    objects_free(&got);
    mem_free(records);
    buf_free(&file);
}

static void writes_tables_of_any_size(void)
{
    static const size_t counts[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 767, 769, 5000, 140000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct objects o = {0};
        uint64_t state = i;
        for (size_t k = 0; k < counts[i]; k++)
            objects_add(&o, object(k * 7919, random_below(&state, 60)));
        round_trip(&set, &o);
        objects_free(&o);
    }
}

/* On both sides of each block size, and of the piece size. */
static void writes_objects_of_any_size(void)
{
    struct objects all = {0};
    for (size_t size = 32; size <= 1u << 20; size *= 2)
        for (size_t bytes = size - 32; bytes <= size + 3; bytes++) {
            struct objects one = {0};
            objects_add(&one, object(bytes, bytes));
            round_trip(&set, &one);
            objects_free(&one);
            objects_add(&all, object(all.count, bytes));
        }
    round_trip(&set, &all);
    objects_free(&all);
}

static void keeps_other_encodings_byte_for_byte(void)
{
    /* {a, <<1>>} with an atom of OTP 25, a LARGE_TUPLE, and a compressed term */
    struct bytes old = hex("83 6802 640001 61 6d 00000001 01");
    struct bytes large = hex("83 69 00000002 770162 6d 00000001 01");
    struct bytes packed = hex("83 50 00000058 789ccb60ca66d0c826163068941109000e2f24b9");
    struct dets_record records[] = {
        {term_of("a"), old, false},
        {term_of("b"), large, false},
        {term_of("\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\""), packed, false}};
    struct buf file = image_of(&set, records, 3);
    CU_ASSERT_EQUAL(faults_of(wall(buf_bytes(&file)), false), 0);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT(memmem(file.at, file.len, records[i].object.at, records[i].object.len) != NULL);
    buf_free(&file);
}

/* The file is the same whether the writer adds the version byte or the record has it. */
static void adds_the_version_byte_to_bare_terms(void)
{
    struct objects o = {0};
    objects_add(&o, object(1, 10));
    objects_add(&o, object(2, 100000));
    struct dets_record *records = records_of(&o, 1);
    struct buf bare = image_of(&set, records, o.count);
    struct buf external[2] = {{0}, {0}};
    for (size_t i = 0; i < 2; i++) {
        put_version(&external[i]);
        buf_put(&external[i], records[i].object);
        records[i].object = buf_bytes(&external[i]);
        records[i].bare = false;
    }
    struct buf whole = image_of(&set, records, o.count);
    CU_ASSERT(bytes_equal(buf_bytes(&bare), buf_bytes(&whole)));
    for (size_t i = 0; i < 2; i++)
        buf_free(&external[i]);
    buf_free(&bare);
    buf_free(&whole);
    mem_free(records);
    objects_free(&o);
}

/* The order of the records does not matter: equal tables are equal bytes. */
static void writes_the_same_file_for_any_order(void)
{
    struct objects o = {0};
    for (uint64_t k = 0; k < 700; k++)
        objects_add(&o, object(k, k % 90));
    struct dets_record *records = records_of(&o, 1);
    struct buf forward = image_of(&set, records, o.count);
    for (size_t i = 0; i < o.count / 2; i++) {
        struct dets_record swap = records[i];
        records[i] = records[o.count - 1 - i];
        records[o.count - 1 - i] = swap;
    }
    struct buf backward = image_of(&set, records, o.count);
    CU_ASSERT(bytes_equal(buf_bytes(&forward), buf_bytes(&backward)));
    buf_free(&forward);
    buf_free(&backward);
    mem_free(records);
    objects_free(&o);
}

/* The first tuple of the number and an i that is in slot 17 of 256. */
static struct term key_of_slot(double number, bool whole)
{
    for (uint64_t i = 0;; i++) {
        struct buf key = {0};
        put_tuple(&key, 2);
        if (whole)
            put_uint(&key, (uint64_t)number);
        else
            put_float(&key, number);
        put_uint(&key, i);
        if (phash2(buf_bytes(&key)) % DETS_SEGMENT_SLOTS == 17)
            return term_take(&key);
        buf_free(&key);
    }
}

/* {1.5, _} is less than {2, _}, but comes after it in a slot. */
static void orders_keys_of_a_slot_as_otp_does(void)
{
    struct objects keys = {0};
    objects_add(&keys, key_of_slot(1.5, false));
    objects_add(&keys, key_of_slot(2, true));
    struct dets_record records[2];
    struct buf objects[2] = {{0}, {0}};
    for (size_t i = 0; i < 2; i++) {
        put_tuple(&objects[i], 1);
        put_term(&objects[i], term_bytes(&keys.at[i]));
        records[i] = (struct dets_record){term_bytes(&keys.at[i]), buf_bytes(&objects[i]), true};
    }
    struct buf file = image_of(&set, records, 2);
    CU_ASSERT_EQUAL(faults_of(buf_bytes(&file), false), 0);
    const uint8_t *first = memmem(file.at, file.len, objects[0].at, objects[0].len);
    const uint8_t *second = memmem(file.at, file.len, objects[1].at, objects[1].len);
    CU_ASSERT(second != NULL && second < first);
    for (size_t i = 0; i < 2; i++)
        buf_free(&objects[i]);
    objects_free(&keys);
    buf_free(&file);
}

static enum err see(void *who, const struct dets_object *o)
{
    objects_add_external(who, o->object);
    return OK;
}

/* The objects of a key stay in insertion order. */
static void keeps_the_order_of_a_bag(void)
{
    static const char *const texts[] = {"{k, 3}", "{k, 1}", "{k, 2}", "{k, 1}"};
    struct dets_shape bag = {DETS_DUPLICATE_BAG, 1};
    struct dets_record records[4];
    struct objects seen = {0};
    struct dets_table table;
    struct dets_fault fault;
    for (size_t i = 0; i < 4; i++)
        records[i] = (struct dets_record){term_of("k"), term_of(texts[i]), true};
    struct buf file = image_of(&bag, records, 4);
    CU_ASSERT(dets_open(&table, buf_bytes(&file), &fault) == OK);
    CU_ASSERT(dets_walk(&table, see, &seen, &fault) == OK);
    CU_ASSERT_FATAL(seen.count == 4);
    for (size_t i = 0; i < 4; i++)
        ASSERT_TERM(term_bytes(&seen.at[i]), term_of(texts[i]));
    objects_free(&seen);
    buf_free(&file);
}

static void rewrites_files_of_otp(void)
{
    static const struct {
        const char *name;
        struct dets_shape shape;
    } rows[] = {{"empty", {DETS_SET, 1}},
                {"set", {DETS_SET, 1}},
                {"bag", {DETS_BAG, 1}},
                {"duplicate_bag", {DETS_DUPLICATE_BAG, 1}},
                {"keypos", {DETS_SET, 3}}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct objects o = objects_recorded(rows[i].name);
        round_trip(&rows[i].shape, &o);
        objects_free(&o);
    }
    /* An empty table is identical, byte for byte. */
    struct buf ours = image_of(&set, NULL, 0);
    CU_ASSERT(bytes_equal(buf_bytes(&ours), table_recorded("empty")));
    buf_free(&ours);
}

/* A large object is passed through uncopied. */
static void passes_large_objects_through(void)
{
    struct objects o = {0};
    objects_add(&o, object(1, 3000000));
    struct dets_record *records = records_of(&o, 1);
    struct dets_image *image;
    struct dets_fault fault;
    struct bytes piece;
    size_t seen = 0;
    must(dets_image_new(&image, &set, records, 1, &fault) == OK);
    while (dets_image_next(image, &piece)) {
        seen += piece.at == records[0].object.at && piece.len == records[0].object.len;
        CU_ASSERT(piece.at == records[0].object.at || piece.len < 200000);
    }
    CU_ASSERT_EQUAL(seen, 1);
    dets_image_free(image);
    mem_free(records);
    objects_free(&o);
}

static void refuses_duplicate_keys_in_a_set(void)
{
    struct dets_record records[] = {{term_of("k"), term_of("{k, 1}"), true},
                                    {term_of("j"), term_of("{j, 1}"), true},
                                    {term_of("k"), term_of("{k, 2}"), true}};
    struct dets_image *image;
    struct dets_fault fault;
    struct dets_shape bag = {DETS_BAG, 1};
    CU_ASSERT(dets_image_new(&image, &set, records, 3, &fault) == ERR_DUPLICATE);
    CU_ASSERT(image == NULL && fault.err == ERR_DUPLICATE);
    CU_ASSERT(dets_image_new(&image, &bag, records, 3, &fault) == OK);
    dets_image_free(image);
    dets_image_free(NULL);
}

/* The layout does not read the objects' bytes, so large tables can be planned without any. */
static enum err plan_of(size_t count, size_t bytes, uint64_t *size)
{
    struct dets_record *records = mem_take(count * sizeof(*records));
    struct objects keys = {0};
    struct dets_image *image;
    struct dets_fault fault = {0};
    for (size_t i = 0; i < count; i++) {
        struct buf key = {0};
        put_uint(&key, i);
        objects_add(&keys, term_take(&key));
    }
    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct dets_record){term_bytes(&keys.at[i]), {(const uint8_t *)"", bytes}, false};
    enum err e = dets_image_new(&image, &set, records, count, &fault);
    *size = e == OK ? dets_image_size(image) : fault.at;
    CU_ASSERT(fault.err == e);
    dets_image_free(image);
    objects_free(&keys);
    mem_free(records);
    return e;
}

static void refuses_tables_that_are_too_large(void)
{
    uint64_t size;
    /* Blocks of 2^30 and 2^29 bytes: all must end below 2^31 - 50,000,000. */
    CU_ASSERT(plan_of(1, (1u << 30) - 12, &size) == OK && size > 1u << 30);
    CU_ASSERT(plan_of(1, (1u << 30) - 11, &size) == ERR_LIMIT && size > DETS_BLOCKS_END);
    CU_ASSERT(plan_of(3, (1u << 29) - 12, &size) == OK && size > 3u << 29);
    CU_ASSERT(plan_of(4, (1u << 29) - 12, &size) == ERR_LIMIT);
    CU_ASSERT(plan_of(1, SIZE_MAX / 4, &size) == ERR_LIMIT);
    CU_ASSERT(plan_of(100000, 1u << 20, &size) == ERR_LIMIT && size > 100000ull << 20);
}

/* --- free lists ---------------------------------------------------------------- */

/* However much is in use, the rest is listed exactly once, in order. */
static void lists_free_blocks(void)
{
    uint64_t state = 1;
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t taken = (uint64_t)random_below(&state, 1u << (4 + i % 27)) * 16 % DETS_SPACE_BYTES;
        struct buf lists = {0};
        dets_free_list_put(&lists, 5432, 5432 + taken);
        buf_put_u32(&lists, 0);
        struct dets_free_list f = dets_free_list(wall(buf_bytes(&lists)), 0);
        struct dets_block block;
        struct dets_fault fault;
        uint64_t end = 5432 + taken;
        while (dets_free_list_next(&f, &block, &fault)) {
            CU_ASSERT_EQUAL(block.at, end);
            CU_ASSERT_EQUAL((block.at - 5432) % (1ull << block.class), 0);
            end += 1ull << block.class;
        }
        CU_ASSERT(f.err == OK && end == 5432 + (uint64_t)DETS_SPACE_BYTES);
        buf_free(&lists);
    }
}

SUITE("dets_write", TEST(writes_tables_of_any_size), TEST(writes_objects_of_any_size),
      TEST(keeps_other_encodings_byte_for_byte), TEST(adds_the_version_byte_to_bare_terms),
      TEST(writes_the_same_file_for_any_order), TEST(orders_keys_of_a_slot_as_otp_does),
      TEST(keeps_the_order_of_a_bag), TEST(rewrites_files_of_otp),
      TEST(passes_large_objects_through), TEST(refuses_duplicate_keys_in_a_set),
      TEST(refuses_tables_that_are_too_large), TEST(lists_free_blocks))
