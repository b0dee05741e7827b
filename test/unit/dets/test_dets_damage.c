/* Small files, truncated at every byte and with bits flipped. */
#include "limits.h"
#include "unit/dets/tables.h"

static const char *const names[] = {"empty",   "set",      "bag",   "duplicate_bag", "keypos",
                                    "churned", "unclosed", "moved", "phash"};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Distance between damaged bytes, not a multiple of the size of a field. */
#define ZERO_STEP   13
#define OTHERS_STEP 19

/* What salvage recovers, compared with the original objects. */
struct kept {
    size_t missing;
    size_t foreign; /* recovered, but not in the original */
    uint64_t faults;
};

static struct kept salvage(struct bytes file, const struct objects *original)
{
    struct dets_salvage s;
    struct kept kept = {.missing = original->count};
    if (dets_salvage(&s, file, NULL) != OK)
        return kept;
    struct objects got = objects_salvaged(&s);
    kept.missing = objects_missing(&got, original);
    kept.foreign = objects_missing(original, &got);
    kept.faults = s.faults.count;
    /* The recovered objects can be written to a valid file. */
    struct dets_image *image;
    struct dets_fault fault;
    CU_ASSERT_FATAL(dets_image_new(&image, &s.shape, s.records, s.count, &fault) == OK);
    struct buf written = image_bytes(image);
    CU_ASSERT_EQUAL(faults_of(buf_bytes(&written), true), 0);
    buf_free(&written);
    dets_image_free(image);
    objects_free(&got);
    dets_salvage_free(&s);
    return kept;
}

static void salvages_intact_files(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct objects original = objects_recorded(names[i]);
        struct kept kept = salvage(wall(table_recorded(names[i])), &original);
        CU_ASSERT(kept.missing == 0 && kept.foreign == 0 && kept.faults == 0);
        objects_free(&original);
    }
}

/* The number of objects that end before the cut. */
static size_t objects_before(struct bytes file, size_t cut, const struct objects *original)
{
    size_t count = 0;
    for (size_t i = 0; i < original->count; i++) {
        struct bytes term = term_bytes(&original->at[i]);
        const uint8_t *at = memmem(file.at, file.len, term.at, term.len);
        must(at != NULL);
        count += at + term.len <= file.at + cut;
    }
    return count;
}

/* No object before the cut is lost, none is made up, and no truncated file is accepted. */
static void survives_every_truncation(void)
{
    struct objects original = objects_recorded("churned"), got;
    struct bytes file = table_recorded("churned");
    size_t first = 1336;
    for (size_t cut = 0; cut < file.len; cut++) {
        struct bytes b = wall((struct bytes){file.at, cut});
        CU_ASSERT(objects_walked(&got, b) != OK);
        CU_ASSERT(faults_of(b, true) > 0);
        struct kept kept = salvage(b, &original);
        CU_ASSERT(kept.foreign == 0);
        if (cut >= first)
            CU_ASSERT_EQUAL(kept.missing, original.count - objects_before(file, cut, &original));
    }
    objects_free(&original);
}

/* One flipped bit may cost or change the one object it is in.  The flip is detected unless it is
 * in an object or in unused space. */
static bool flip(struct buf *file, size_t at, unsigned bit, const struct objects *original)
{
    struct objects got;
    file->at[at] ^= (uint8_t)(1u << bit);
    struct bytes b = wall(buf_bytes(file));
    struct kept kept = salvage(b, original);
    if (kept.missing > 1 || kept.foreign > kept.missing) {
        fprintf(stderr, "\n  of %zu  byte %zu, bit %u: %zu missing, %zu foreign", file->len, at,
                bit, kept.missing, kept.foreign);
        CU_FAIL("one bit costs more than one object");
    }
    uint64_t faults = faults_of(b, true);
    if (objects_walked(&got, b) == OK && faults == 0)
        CU_ASSERT(objects_missing(&got, original) <= 1);
    objects_free(&got);
    file->at[at] ^= (uint8_t)(1u << bit);
    return faults > 0;
}

/* Flips all bits of every step-th byte.  Most of the file is zeros of empty slots, where one bit
 * in some of the bytes is enough. */
static void flip_all(const char *name, size_t step)
{
    struct objects original = objects_recorded(name);
    struct buf file = {0};
    size_t detected = 0, flips = 0;
    buf_put(&file, table_recorded(name));
    for (size_t at = 0; at < file.len; at++) {
        bool zero = file.at[at] == 0;
        if (at % (zero ? ZERO_STEP : step) != 0)
            continue;
        for (unsigned bit = zero ? (unsigned)(at % 8) : 0; bit < 8; bit += zero ? 8 : 1) {
            detected += flip(&file, at, bit, &original);
            flips++;
        }
    }
    CU_ASSERT(detected > flips / 3);
    buf_free(&file);
    objects_free(&original);
}

static void survives_flips_in_a_set(void)
{
    flip_all("set", 1);
}

static void survives_flips_in_others(void)
{
    for (size_t i = 0; i < NAMES; i++)
        flip_all(names[i], OTHERS_STEP);
}

SUITE("dets_damage", TEST(salvages_intact_files), TEST(survives_every_truncation),
      TEST(survives_flips_in_a_set), TEST(survives_flips_in_others))
