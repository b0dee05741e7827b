/* Small files, cut at every byte and with every bit flipped. */
#include "limits.h"
#include "unit/dets/tables.h"

static const char *const names[] = {"empty",   "set",      "bag",   "duplicate_bag", "keypos",
                                    "churned", "unclosed", "moved", "phash"};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Bytes from one that is damaged to the next: no multiples of a field's. */
#define ZERO_STEP   13
#define OTHERS_STEP 19

/* What a salvage keeps of the objects that were there. */
struct kept {
    size_t missing; /* of those */
    size_t foreign; /* which it gives and were not there */
    uint64_t faults;
};

static struct kept salvage(struct bytes file, const struct objects *were)
{
    struct dets_salvage s;
    struct kept kept = {.missing = were->count};
    if (dets_salvage(&s, file) != OK)
        return kept;
    struct objects got = objects_salvaged(&s);
    kept.missing = objects_missing(&got, were);
    kept.foreign = objects_missing(were, &got);
    kept.faults = s.faults.count;
    /* What is found can be written and is then sound. */
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

static void salvages_what_is_whole(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct objects were = objects_recorded(names[i]);
        struct kept kept = salvage(wall(table_recorded(names[i])), &were);
        CU_ASSERT(kept.missing == 0 && kept.foreign == 0 && kept.faults == 0);
        objects_free(&were);
    }
}

/* Where the last byte of an object stands; objects in front of a cut are there. */
static size_t objects_before(struct bytes file, size_t cut, const struct objects *were)
{
    size_t count = 0;
    for (size_t i = 0; i < were->count; i++) {
        struct bytes term = term_bytes(&were->at[i]);
        const uint8_t *at = memmem(file.at, file.len, term.at, term.len);
        must(at != NULL);
        count += at + term.len <= file.at + cut;
    }
    return count;
}

/* Nothing that stands before the cut is lost, nothing is made up, and no such
 * file is taken for whole. */
static void survives_every_cut(void)
{
    struct objects were = objects_recorded("churned"), got;
    struct bytes file = table_recorded("churned");
    size_t first = 1336;
    for (size_t cut = 0; cut < file.len; cut++) {
        struct bytes b = wall((struct bytes){file.at, cut});
        CU_ASSERT(objects_walked(&got, b) != OK);
        CU_ASSERT(faults_of(b, true) > 0);
        struct kept kept = salvage(b, &were);
        CU_ASSERT(kept.foreign == 0);
        if (cut >= first)
            CU_ASSERT_EQUAL(kept.missing, were.count - objects_before(file, cut, &were));
    }
    objects_free(&were);
}

/* One bit may cost the one object that it is in, which may then be another.  The
 * bit is noticed unless it is in such an object or where nothing is. */
static bool flip(struct buf *file, size_t at, unsigned bit, const struct objects *were)
{
    struct objects got;
    file->at[at] ^= (uint8_t)(1u << bit);
    struct bytes b = wall(buf_bytes(file));
    struct kept kept = salvage(b, were);
    if (kept.missing > 1 || kept.foreign > kept.missing) {
        fprintf(stderr, "\n  of %zu  byte %zu, bit %u: %zu missing, %zu foreign", file->len, at,
                bit, kept.missing, kept.foreign);
        CU_FAIL("one bit costs more than one object");
    }
    uint64_t faults = faults_of(b, true);
    if (objects_walked(&got, b) == OK && faults == 0)
        CU_ASSERT(objects_missing(&got, were) <= 1);
    objects_free(&got);
    file->at[at] ^= (uint8_t)(1u << bit);
    return faults > 0;
}

/* All bits of every step-th byte.  Most bytes of a file are the zeros of empty
 * slots: one bit in some of them is enough. */
static void flip_all(const char *name, size_t step)
{
    struct objects were = objects_recorded(name);
    struct buf file = {0};
    size_t noticed = 0, flips = 0;
    buf_put(&file, table_recorded(name));
    for (size_t at = 0; at < file.len; at++) {
        bool zero = file.at[at] == 0;
        if (at % (zero ? ZERO_STEP : step) != 0)
            continue;
        for (unsigned bit = zero ? (unsigned)(at % 8) : 0; bit < 8; bit += zero ? 8 : 1) {
            noticed += flip(&file, at, bit, &were);
            flips++;
        }
    }
    CU_ASSERT(noticed > flips / 3);
    buf_free(&file);
    objects_free(&were);
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

SUITE("dets_damage", TEST(salvages_what_is_whole), TEST(survives_every_cut),
      TEST(survives_flips_in_a_set), TEST(survives_flips_in_others))
