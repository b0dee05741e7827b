#include "dets/dets_search.h"
#include "dets/layout.h"
#include "limits.h"
#include "term/phash2.h"
#include "term/text.h"
#include "unit/dets/tables.h"

/* A forged file: the segments of an empty table, followed by collections that the test
 * appends. */
struct forge {
    struct buf file;
    uint64_t slots; /* position of slot 0 */
};

static void poke(struct forge *f, uint64_t at, uint32_t v)
{
    must(at + 4 <= f->file.len);
    for (unsigned i = 0; i < 4; i++)
        f->file.at[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Not closed, so there are no free lists. */
static struct forge forge_open(uint32_t type)
{
    struct forge f = {0};
    struct dets_shape shape = {type, 1};
    f.file = image_of(&shape, NULL, 0);
    struct bytes b = buf_bytes(&f.file);
    f.slots = dets_u32(b, dets_u32(b, DETS_AT_PARTS));
    f.file.len = dets_u32(b, DETS_AT_FREE_LISTS);
    poke(&f, DETS_AT_CLOSED, DETS_OPEN);
    return f;
}

/* Pads to the next block. */
static void forge_pad(struct forge *f)
{
    while ((f->file.len - DETS_AT_BLOCKS) % DETS_BLOCK_STEP != 0)
        buf_put_u8(&f->file, 0);
}

/* Appends a collection of objects in Erlang syntax; returns its position. */
static uint32_t forge_add(struct forge *f, uint32_t status, const char *const *objects,
                          size_t count)
{
    forge_pad(f);
    uint32_t at = (uint32_t)f->file.len;
    buf_put_u32(&f->file, 0);
    buf_put_u32(&f->file, status);
    for (size_t i = 0; i < count; i++) {
        struct bytes object = term_of(objects[i]);
        buf_put_u32(&f->file, (uint32_t)object.len + 5);
        put_version(&f->file);
        buf_put(&f->file, object);
    }
    uint32_t size = (uint32_t)f->file.len - at;
    poke(f, at, size);
    while (f->file.len < at + (1u << dets_class(size)))
        buf_put_u8(&f->file, 0);
    return at;
}

static uint32_t forge_one(struct forge *f, uint32_t status, const char *object)
{
    return forge_add(f, status, &object, 1);
}

/* Sets the key's slot. */
static void forge_point_at(struct forge *f, const char *key, uint32_t at, uint32_t size)
{
    uint64_t slot = f->slots + DETS_SLOT_BYTES * (phash2(term_of(key)) % DETS_SEGMENT_SLOTS);
    poke(f, slot, size);
    poke(f, slot + DETS_POINTER_BYTES, at);
}

/* Makes the key's slot point to a collection. */
static void forge_point(struct forge *f, const char *key, uint32_t at)
{
    forge_point_at(f, key, at, dets_u32(buf_bytes(&f->file), at));
}

/* Salvages the file, frees it, and asserts that these objects were recovered. */
static struct dets_salvage expect(struct forge *f, const char *const *wanted, size_t count)
{
    struct dets_salvage s = {0};
    struct objects objects = {0};
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&f->file)), NULL) == OK);
    for (size_t i = 0; i < count; i++)
        objects_add(&objects, term_copy(term_of(wanted[i])));
    objects_sort(&objects);
    struct objects got = objects_salvaged(&s);
    CU_ASSERT(objects_equal(&got, &objects));
    if (!objects_equal(&got, &objects))
        for (size_t i = 0; i < got.count; i++) {
            struct buf text = {0};
            text_print(&text, term_bytes(&got.at[i]));
            fprintf(stderr, "\n    got %.*s", (int)text.len, (const char *)text.at);
            buf_free(&text);
        }
    objects_free(&objects);
    objects_free(&got);
    buf_free(&f->file);
    return s;
}

static void expect_one(struct forge *f, const char *wanted, uint64_t older, uint64_t revived,
                       uint64_t faults)
{
    struct dets_salvage s = expect(f, &wanted, 1);
    CU_ASSERT_EQUAL(s.older, older);
    CU_ASSERT_EQUAL(s.revived, revived);
    CU_ASSERT_EQUAL(s.faults.count, faults);
    dets_salvage_free(&s);
}

/* --- copies ------------------------------------------------------------------ */

static void prefers_the_last_copy(void)
{
    struct forge f = forge_open(DETS_SET);
    forge_one(&f, DETS_ACTIVE, "{k, 1}");
    forge_one(&f, DETS_ACTIVE, "{k, 3}");
    forge_one(&f, DETS_ACTIVE, "{k, 2}");
    expect_one(&f, "{k, 2}", 2, 0, 0);
}

static void prefers_the_referenced_copy(void)
{
    struct forge f = forge_open(DETS_SET);
    uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, 1}");
    forge_one(&f, DETS_ACTIVE, "{k, 2}");
    forge_point(&f, "k", at);
    expect_one(&f, "{k, 1}", 1, 0, 0);
}

/* Freed, but its successor was never written. */
static void revives_a_freed_copy_if_there_is_no_other(void)
{
    struct forge f = forge_open(DETS_SET);
    forge_point(&f, "k", forge_one(&f, DETS_FREE, "{k, 1}"));
    expect_one(&f, "{k, 1}", 0, 1, 0);
    f = forge_open(DETS_SET);
    forge_point(&f, "k", forge_one(&f, DETS_FREE, "{k, 1}"));
    forge_one(&f, DETS_ACTIVE, "{k, 2}");
    expect_one(&f, "{k, 2}", 1, 0, 0);
}

static void ignores_older_freed_copies(void)
{
    struct forge f = forge_open(DETS_SET);
    forge_one(&f, DETS_FREE, "{j, 1}");
    forge_one(&f, DETS_ACTIVE, "{k, 2}");
    /* The slot of another key does not count, and is a fault. */
    forge_point(&f, "other", forge_one(&f, DETS_FREE, "{l, 3}"));
    expect_one(&f, "{k, 2}", 0, 0, 1);
}

/* A change marks the old collection as freed and sets the slot; then the process is killed, so
 * the new collection is not written. */
static void revives_the_old_copy_if_the_new_one_was_not_written(void)
{
    for (int i = 0; i < 4; i++) {
        struct forge f = forge_open(DETS_SET);
        forge_one(&f, DETS_FREE, "{k, 1}");
        uint32_t at = 0;
        if (i == 0) /* what is there was another slot's, and is freed */
            at = forge_one(&f, DETS_FREE, "{other, 1}");
        if (i == 1) /* never used */
            at = forge_add(&f, 0, NULL, 0);
        if (i == 2) { /* never used, at the end of the file */
            forge_pad(&f);
            at = (uint32_t)f.file.len - DETS_BLOCK_STEP;
        }
        if (i == 3) /* beyond it */
            at = (uint32_t)f.file.len + DETS_BLOCK_STEP * 4;
        forge_point_at(&f, "k", at, 40);
        expect_one(&f, "{k, 1}", 0, 1, 1);
    }
}

static void revives_no_old_copy_of_another_slot(void)
{
    struct forge f = forge_open(DETS_SET);
    const char *wanted[] = {"{k, 1}", "{b, 1}"};
    forge_one(&f, DETS_FREE, "{k, 1}");
    forge_one(&f, DETS_FREE, "{gone, 1}");
    forge_one(&f, DETS_FREE, "{b, 0}");
    uint32_t other = forge_one(&f, DETS_ACTIVE, "{b, 1}");
    forge_point(&f, "b", other);
    forge_point_at(&f, "k", other, 40);
    struct dets_salvage s = expect(&f, wanted, 2);
    CU_ASSERT(s.revived == 1 && s.faults.count == 1);
    dets_salvage_free(&s);
}

/* A slot whose collection is elsewhere, in use, is only damaged. */
static void revives_no_old_copy_if_there_is_a_newer_one(void)
{
    struct forge f = forge_open(DETS_SET);
    const char *both[] = {"{k, 1}", "{k, 2}"};
    forge_add(&f, DETS_FREE, both, 2);
    forge_one(&f, DETS_ACTIVE, "{k, 3}");
    forge_point_at(&f, "k", DETS_AT_BLOCKS + 8, 40);
    expect_one(&f, "{k, 3}", 0, 0, 1);
}

static void trusts_a_slot_only_for_its_own_keys(void)
{
    struct forge f = forge_open(DETS_SET);
    uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, 1}");
    forge_one(&f, DETS_ACTIVE, "{k, 2}");
    forge_point(&f, "other", at);
    expect_one(&f, "{k, 2}", 1, 0, 1);
}

/* The objects of a key are taken together from one collection. */
static void takes_the_objects_of_a_bag_by_collection(void)
{
    static const char *const wanted[] = {"{k, 1}", "{k, 1}", "{k, 2}"};
    struct forge f = forge_open(DETS_DUPLICATE_BAG);
    for (unsigned copy = 0; copy < 2; copy++) {
        forge_pad(&f);
        struct bytes one = hex("83 6802 77016b 6101"), two = hex("83 6802 77016b 6102");
        uint32_t size = 8 + 4 + 3 * (4 + (uint32_t)one.len);
        buf_put_u32(&f.file, size);
        buf_put_u32(&f.file, DETS_ACTIVE);
        buf_put_u32(&f.file, size - 8);
        for (unsigned i = 0; i < 3; i++) {
            buf_put_u32(&f.file, 4 + (uint32_t)one.len);
            buf_put(&f.file, i < 2 || copy == 0 ? one : two);
        }
        for (unsigned i = size; i < 64; i++)
            buf_put_u8(&f.file, 0);
    }
    struct dets_salvage s = expect(&f, wanted, 3);
    CU_ASSERT(s.older == 3 && s.faults.count == 0 && s.shape.type == DETS_DUPLICATE_BAG);
    dets_salvage_free(&s);
}

/* --- damage ------------------------------------------------------------------ */

static void follows_the_slot_to_a_damaged_head(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct forge f = forge_open(DETS_SET);
        uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, 1}");
        forge_point(&f, "k", at);
        poke(&f, at + 4 * i, 0x77777777);
        expect_one(&f, "{k, 1}", 0, 0, 1);
    }
}

static void finds_a_collection_without_a_slot(void)
{
    struct forge f = forge_open(DETS_SET);
    uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, 1}");
    forge_point(&f, "k", at);
    poke(&f, f.slots + DETS_SLOT_BYTES * (phash2(term_of("k")) % 256) + 4, 0x44444444);
    expect_one(&f, "{k, 1}", 0, 0, 1);
}

/* It grew within its block before a crash; the slot has the old size. */
static void trusts_a_collection_newer_than_its_slot(void)
{
    struct forge f = forge_open(DETS_SET);
    uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, 1234}");
    forge_point(&f, "k", at);
    poke(&f, f.slots + DETS_SLOT_BYTES * (phash2(term_of("k")) % 256), 21);
    expect_one(&f, "{k, 1234}", 0, 0, 0);
}

static void keeps_intact_objects_of_a_damaged_collection(void)
{
    static const char *const objects[] = {"{a, <<\"first\">>}", "{b, <<\"second\">>}",
                                          "{c, <<\"third\">>}"};
    /* The size of an object, its version byte and its arity. */
    static const unsigned offsets[] = {0, 4, 6};
    for (unsigned i = 0; i < 3; i++)
        for (unsigned which = 0; which < 3; which++) {
            struct forge f = forge_open(DETS_SET);
            uint32_t at = forge_add(&f, DETS_ACTIVE, objects, 3), object = at + 8;
            for (unsigned k = 0; k < which; k++)
                object += dets_u32(buf_bytes(&f.file), object);
            f.file.at[object + offsets[i]] ^= 0x40;
            const char *left[2] = {objects[which == 0], objects[which == 2 ? 1 : 2]};
            struct dets_salvage s = expect(&f, left, 2);
            CU_ASSERT(s.faults.count >= 1);
            dets_salvage_free(&s);
        }
}

static void drops_maps_with_duplicate_keys(void)
{
    struct forge f = forge_open(DETS_SET);
    forge_one(&f, DETS_ACTIVE, "{j, 1}");
    uint32_t at = forge_one(&f, DETS_ACTIVE, "{k, #{1 => a, 2 => b}}");
    uint8_t *two = memmem(f.file.at + at, f.file.len - at, "\x61\x02", 2);
    two[1] = 1;
    expect_one(&f, "{j, 1}", 0, 0, 1);
}

/* Limits of this node do not apply to objects that are only passed on. */
static void keeps_terms_beyond_our_limits(void)
{
    struct forge f = forge_open(DETS_SET);
    struct buf object = {0};
    put_version(&object);
    put_tuple(&object, 2);
    put_atom(&object, "deep");
    for (unsigned i = 0; i < 2 * LIMIT_TERM_DEPTH; i++)
        put_tuple(&object, 1);
    put_nil(&object);
    forge_pad(&f);
    buf_put_u32(&f.file, (uint32_t)object.len + 12);
    buf_put_u32(&f.file, DETS_ACTIVE);
    buf_put_u32(&f.file, (uint32_t)object.len + 4);
    buf_put(&f.file, buf_bytes(&object));
    struct dets_salvage s;
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&f.file)), NULL) == OK);
    CU_ASSERT_FATAL(s.count == 1);
    CU_ASSERT(bytes_equal(s.records[0].object, buf_bytes(&object)) && s.faults.count == 0);
    dets_salvage_free(&s);
    buf_free(&object);
    buf_free(&f.file);
}

/* --- header lost ------------------------------------------------------------- */

/* Type and keypos follow from the objects alone. */
static void infers_type_and_keypos(void)
{
    static const struct {
        const char *name;
        uint32_t keypos;
        bool bag;
    } rows[] = {{"set", 1, false}, {"bag", 1, true}, {"keypos", 3, false}, {"churned", 1, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct objects original = objects_recorded(rows[i].name);
        struct buf file = {0};
        struct dets_salvage s;
        buf_put(&file, table_recorded(rows[i].name));
        memset(file.at, 0, DETS_AT_PARTS);
        file.at[DETS_AT_HASH + 3] = DETS_PHASH2;
        CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&file)), NULL) == OK);
        struct objects got = objects_salvaged(&s);
        CU_ASSERT(objects_equal(&got, &original));
        CU_ASSERT_EQUAL(s.shape.keypos, rows[i].keypos);
        CU_ASSERT((s.shape.type != DETS_SET) == rows[i].bag);
        CU_ASSERT(s.faults.count > 0);
        objects_free(&got);
        objects_free(&original);
        dets_salvage_free(&s);
        buf_free(&file);
    }
}

static void works_without_slots(void)
{
    struct objects original = objects_recorded("set");
    struct buf file = {0};
    struct dets_salvage s;
    buf_put(&file, table_recorded("set"));
    memset(file.at, 0xff, 5432);
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&file)), NULL) == OK);
    struct objects got = objects_salvaged(&s);
    CU_ASSERT(objects_equal(&got, &original));
    objects_free(&got);
    objects_free(&original);
    dets_salvage_free(&s);
    buf_free(&file);
}

static void refuses_files_that_are_not_dets(void)
{
    struct dets_salvage s;
    struct buf noise = {0};
    for (uint32_t i = 0; i < 50000; i++)
        buf_put_u32(&noise, i * 2654435761u);
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&noise)), NULL) == ERR_NOT_DETS);
    CU_ASSERT(dets_salvage(&s, (struct bytes){0}, NULL) == ERR_NOT_DETS);
    CU_ASSERT(dets_salvage(&s, (struct bytes){noise.at, LIMIT_DETS_BYTES + 1ull}, NULL) ==
              ERR_LIMIT);
    buf_free(&noise);
}

/* --- crafted files ----------------------------------------------------------- */

/* Bytes that look like collections inside an object are data, whether it is in use or freed. */
static void does_not_search_inside_objects(void)
{
    struct forge f = forge_open(DETS_SET);
    for (unsigned freed = 0; freed < 2; freed++)
        for (unsigned shift = 0; shift < DETS_BLOCK_STEP; shift++) {
            struct buf inner = {0}, object = {0};
            for (unsigned i = 0; i < 16 + shift; i++)
                buf_put_u8(&inner, 0);
            buf_put(&inner, hex("00000015 12345678 0000000d 83 6802 7703 62 61 64 6101"));
            put_version(&object);
            put_tuple(&object, 2);
            put_uint(&object, 1000 * freed + shift);
            put_binary(&object, buf_bytes(&inner));
            forge_pad(&f);
            uint32_t at = (uint32_t)f.file.len, size = (uint32_t)object.len + 12;
            buf_put_u32(&f.file, size);
            buf_put_u32(&f.file, freed ? DETS_FREE : DETS_ACTIVE);
            buf_put_u32(&f.file, size - 8);
            buf_put(&f.file, buf_bytes(&object));
            while (f.file.len < at + (1u << dets_class(size)))
                buf_put_u8(&f.file, 0);
            buf_free(&inner);
            buf_free(&object);
        }
    struct dets_salvage s;
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&f.file)), NULL) == OK);
    CU_ASSERT(s.count == DETS_BLOCK_STEP && s.older == 0 && s.faults.count == 0);
    dets_salvage_free(&s);
    buf_free(&f.file);
}

/* Every other position starts a collection that reaches to the end of the file, with one
 * object: a list with an element in every 32 bytes, but too few of them. */
static void stops_at_its_limit(void)
{
    struct forge f = forge_open(DETS_SET);
    forge_one(&f, DETS_ACTIVE, "{k, 1}");
    size_t end = f.file.len + (1u << 20);
    while (f.file.len < end) {
        uint32_t left = (uint32_t)(end - f.file.len);
        buf_put_u32(&f.file, left);
        buf_put_u32(&f.file, DETS_ACTIVE);
        buf_put_u32(&f.file, left - 8);
        buf_put(&f.file, hex("83 6801 6c"));
        buf_put_u32(&f.file, left / 16);
        buf_put(&f.file, hex("6d 0000001b 00000000000000"));
    }
    struct dets_salvage s;
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&f.file)), NULL) == OK);
    CU_ASSERT(s.count == 1 && s.faults.count > 1 && s.given_up);
    dets_salvage_free(&s);
    buf_free(&f.file);
}

/* The same with inconsistent sizes: each collection is searched only up to the next. */
static void searches_many_broken_collections(void)
{
    struct forge f = forge_open(DETS_SET);
    size_t begin = f.file.len, end = begin + (1u << 19);
    while (f.file.len < end) {
        uint32_t left = (uint32_t)(end - f.file.len);
        buf_put_u32(&f.file, left);
        buf_put_u32(&f.file, DETS_ACTIVE);
        buf_put_u32(&f.file, 24);
        buf_put(&f.file, hex("83 68 02 6a"));
        for (unsigned i = 0; i < 16; i++)
            buf_put_u8(&f.file, 0x6a);
    }
    struct dets_salvage s;
    CU_ASSERT(dets_salvage(&s, wall(buf_bytes(&f.file)), NULL) == OK);
    CU_ASSERT(s.faults.count > 1 && !s.given_up);
    dets_salvage_free(&s);
    buf_free(&f.file);
}

SUITE("dets_salvage", TEST(prefers_the_last_copy), TEST(prefers_the_referenced_copy),
      TEST(revives_a_freed_copy_if_there_is_no_other), TEST(ignores_older_freed_copies),
      TEST(revives_the_old_copy_if_the_new_one_was_not_written),
      TEST(revives_no_old_copy_of_another_slot), TEST(revives_no_old_copy_if_there_is_a_newer_one),
      TEST(trusts_a_slot_only_for_its_own_keys), TEST(takes_the_objects_of_a_bag_by_collection),
      TEST(follows_the_slot_to_a_damaged_head), TEST(finds_a_collection_without_a_slot),
      TEST(trusts_a_collection_newer_than_its_slot),
      TEST(keeps_intact_objects_of_a_damaged_collection), TEST(drops_maps_with_duplicate_keys),
      TEST(keeps_terms_beyond_our_limits), TEST(infers_type_and_keypos), TEST(works_without_slots),
      TEST(refuses_files_that_are_not_dets), TEST(does_not_search_inside_objects),
      TEST(stops_at_its_limit), TEST(searches_many_broken_collections))
