#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "limits.h"
#include "term/canon.h"
#include "term/canon_internal.h"
#include "term/etf.h"
#include "term/order.h"
#include "term/write.h"
#include "unit/suite.h"
#include "unit/term/recorded.h"

#define MUTATIONS    200000
#define MUTANT_BYTES 1000

/* Checks and canonicalises; returns the error of either. */
static enum err canon(struct buf *out, struct bytes b)
{
    size_t len = 0;
    enum err e = etf_check(b, &len);
    return e == OK ? canon_put(out, (struct bytes){b.at, len}) : e;
}

static void is(const char *given, const char *wanted)
{
    struct buf out = {0};
    CU_ASSERT(canon(&out, wall(hex(given))) == OK);
    bool same = bytes_equal(buf_bytes(&out), hex(wanted));
    CU_ASSERT(same);
    if (!same)
        fprintf(stderr, "\n%s\n", given);
    buf_free(&out);
}

static void refused(const char *given, enum err wanted)
{
    struct buf out = {0};
    buf_put_u8(&out, 'x');
    CU_ASSERT(canon(&out, wall(hex(given))) == wanted);
    CU_ASSERT(out.len == 1 && out.at[0] == 'x');
    buf_free(&out);
}

static void agrees_with_a_beam(void)
{
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);) {
        struct buf out = {0};
        bool same = canon_external(&out, wall(r.external)) == OK &&
                    bytes_equal(buf_bytes(&out), r.canonical);
        CU_ASSERT(same);
        if (!same)
            fprintf(stderr, "\n%.*s\n", (int)r.name.len, (const char *)r.name.at);
        buf_clear(&out);
        CU_ASSERT(canon(&out, wall(r.canonical)) == OK);
        CU_ASSERT(bytes_equal(buf_bytes(&out), r.canonical));
        buf_free(&out);
    }
}

static void appends(void)
{
    struct buf out = {0};
    CU_ASSERT(canon(&out, hex("6802 64000161 74 00000002 770162 6101 770161 6102")) == OK);
    CU_ASSERT(canon(&out, hex("74 00000002 64000162 6101 64000161 6102")) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("6802 770161 74 00000002 770161 6102 770162 6101"
                                               "74 00000002 770161 6102 770162 6101")));
    buf_free(&out);
}

static void copies(void)
{
    struct term t;
    CU_ASSERT(canon_copy(&t, hex("6802 64000161 6a")) == OK);
    CU_ASSERT(bytes_equal(term_bytes(&t), hex("6802 770161 6a")));
    term_free(&t);
    CU_ASSERT(canon_copy(&t, hex("74 00000002 6101 6a 6101 6a")) == ERR_DUPLICATE);
    CU_ASSERT(t.at == NULL && t.len == 0);
}

static void refuses_duplicate_keys(void)
{
    refused("74 00000002 6101 6a 6101 6a", ERR_DUPLICATE);
    refused("74 00000003 6101 6a 6102 6a 6101 6a", ERR_DUPLICATE);
    refused("74 00000002 770161 6a 64000161 6a", ERR_DUPLICATE);
    refused("74 00000003 64000162 6a 64000161 6a 73 01 62 6a", ERR_DUPLICATE);
    refused("6801 74 00000001 6101 74 00000002 6101 6a 62 00000001 6a", ERR_DUPLICATE);
    is("74 00000002 6101 6a 46 3ff0000000000000 6a", "74 00000002 6101 6a 46 3ff0000000000000 6a");
}

static void sorts_keys(void)
{
    is("74 00000002 46 3ff0000000000000 6a 6105 6a", "74 00000002 6105 6a 46 3ff0000000000000 6a");
    is("74 00000002 46 0000000000000000 6a 46 8000000000000000 6a",
       "74 00000002 46 8000000000000000 6a 46 0000000000000000 6a");
    /* The first key is in order and stays uncopied until the second turns out not to be
     * canonical. */
    is("74 00000003 6101 6a 64000162 6101 64000161 6102",
       "74 00000003 6101 6a 770161 6102 770162 6101");
    /* Keys that are maps, themselves out of order. */
    is("74 00000002 74 00000002 6102 6a 6101 6a 6101  74 00000001 6101 6a 6102",
       "74 00000002 74 00000001 6101 6a 6102  74 00000002 6101 6a 6102 6a 6101");
}

/* Each key is copied up to its atom while its rest is still in the input, so comparing it with
 * the previous key makes the result grow. */
static void compares_partly_copied_keys(void)
{
    struct buf b = {0}, out = {0};
    put_map(&b, 256);
    for (unsigned i = 0; i < 256; i++) {
        put_tuple(&b, 2);
        buf_put(&b, hex("640001"));
        buf_put_u8(&b, (uint8_t)i);
        memset(buf_room(&b, 1005), 0, 1005);
        b.at[b.len] = TAG_BINARY;
        b.at[b.len + 3] = 1000 >> 8;
        b.at[b.len + 4] = 1000 & 0xff;
        b.len += 1005;
        put_nil(&b);
    }
    CU_ASSERT(canon(&out, buf_bytes(&b)) == OK);
    buf_clear(&b);
    CU_ASSERT(canon(&b, buf_bytes(&out)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&b), buf_bytes(&out)));
    buf_free(&out);
    buf_free(&b);
}

/* #{2 => [], 1 => #{2 => [], 1 => ... <<a few megabytes>>}}: sorting each map
 * moves all that is in it. */
static enum err canon_nested_maps(unsigned depth, uint32_t bytes)
{
    struct buf b = {0}, out = {0};
    for (; depth > 0; depth--)
        buf_put(&b, hex("74 00000002 6102 6a 6101"));
    buf_put_u8(&b, TAG_BINARY);
    buf_put_u32(&b, bytes);
    memset(buf_room(&b, bytes), 0, bytes);
    b.len += bytes;
    enum err e = canon(&out, buf_bytes(&b));
    buf_free(&out);
    buf_free(&b);
    return e;
}

static void limits_sorting(void)
{
    uint32_t bytes = (uint32_t)(2 * LIMIT_SORT_WORK / (LIMIT_TERM_DEPTH - 2));
    CU_ASSERT(canon_nested_maps(LIMIT_TERM_DEPTH, bytes) == ERR_LIMIT);
    CU_ASSERT(canon_nested_maps(LIMIT_TERM_DEPTH, 100000) == OK);
    CU_ASSERT(canon_nested_maps(16, bytes) == OK);
}

/* --- cost ------------------------------------------------------------------------- */

#define KEYS_ALIKE 19

/* A map in no order whose keys are lists of numbers that differ only in the last. */
static void put_alike(struct buf *out, uint32_t count)
{
    buf_clear(out);
    put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_list(out, KEYS_ALIKE + 1);
        for (unsigned j = 0; j < KEYS_ALIKE; j++)
            put_int(out, 1000);
        put_int(out, i * 2654435761u); /* odd: all different */
        put_nil(out);
        put_int(out, 0);
    }
}

/* What is bounded is what costs: comparing keys, not only moving bytes. */
static void sorting_costs_n_log_n(void)
{
    static const uint32_t counts[] = {1000, 4000, 16000, 64000};
    struct buf map = {0}, out = {0};
    uint64_t work = 0, last = 0;
    for (size_t i = 0; i < 4; i++, last = work) {
        put_alike(&map, counts[i]);
        CU_ASSERT(canon_put_counted(&out, buf_bytes(&map), &work) == OK);
        CU_ASSERT(work > counts[i] * UINT64_C(1000) && (last == 0 || work < last * 5));
        printf("\n    %6u keys alike: %.1f million units of work", counts[i], (double)work / 1e6);
        buf_clear(&out);
    }
    printf("\n");
    put_alike(&map, 1000000);
    CU_ASSERT(canon_put_counted(&out, buf_bytes(&map), &work) == ERR_LIMIT);
    CU_ASSERT(out.len == 0 && work < LIMIT_SORT_WORK + 10000);
    buf_free(&map);
    buf_free(&out);
}

/* The prefixes of the terms that a BEAM has ordered never contradict it. */
static void prefixes_are_in_key_order(void)
{
    struct buf file = {0};
    struct bytes row, terms[2000];
    size_t count = 0, different = 0;
    CU_ASSERT_FATAL(canon_external(&file, vector("term/order.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&file));
    for (struct etf_list list = etf_list(&in); etf_next(&list, &row);) {
        struct etf_in tuple = etf_open(row);
        etf_tuple_of(&tuple, 3);
        etf_any(&tuple);
        etf_any(&tuple);
        CU_ASSERT_FATAL(count < sizeof(terms) / sizeof(terms[0]));
        terms[count++] = etf_any(&tuple);
    }
    CU_ASSERT(etf_finish(&in) == OK && count > 700);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            uint64_t a = canon_prefix(terms[i].at), b = canon_prefix(terms[j].at);
            CU_ASSERT(a <= b || term_compare_keys(terms[i], terms[j]) > 0);
            different += a != b;
        }
    }
    CU_ASSERT(different > count * count / 10 * 9);
    buf_free(&file);
}

/* A list of n small integers, on either side of the limit of a STRING. */
static void put_byte_list(struct buf *out, uint32_t n)
{
    put_list(out, n);
    for (uint32_t i = 0; i < n; i++)
        put_int(out, i % 256);
    put_nil(out);
}

static void encodes_short_byte_lists_as_strings(void)
{
    struct buf list = {0}, out = {0};
    put_byte_list(&list, 65535);
    CU_ASSERT(canon(&out, buf_bytes(&list)) == OK);
    CU_ASSERT(out.len == 3 + 65535 && memcmp(out.at, "\x6b\xff\xff\0\1\2", 6) == 0);
    buf_clear(&list);
    buf_clear(&out);
    put_byte_list(&list, 65536);
    CU_ASSERT(canon(&out, buf_bytes(&list)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&list)));
    /* [0 | "..."] of 65536 bytes in all is not a string either. */
    struct buf joined = {0};
    buf_put(&joined, hex("6c 00000001 6100 6b ffff"));
    for (unsigned i = 1; i < 65536; i++)
        buf_put_u8(&joined, (uint8_t)i);
    buf_clear(&out);
    CU_ASSERT(canon(&out, buf_bytes(&joined)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&list)));
    buf_free(&joined);
    buf_free(&list);
    buf_free(&out);
}

static void clears_unused_bits_of_a_bitstring(void)
{
    is("4d 00000001 01 ff", "4d 00000001 01 80");
    is("6802 4d 00000002 07 ffff 6a", "6802 4d 00000002 07 fffe 6a");
}

/* The greatest depth that a check accepts, ending in a fun with parts of its own. */
static void accepts_the_depth_that_a_check_accepts(void)
{
    static const char fun[] = "70 00000000 00 00112233445566778899aabbccddeeff 00000000 00000001 "
                              "64000161 6101 6102 58 64000161 00000001 00000002 00000003 6a";
    const char *const ends[] = {fun, "71 64000161 64000162 6100", "6c 00000001 64000161 6a",
                                "6801 6c 00000000 6a"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct buf b = {0}, out = {0};
        size_t len;
        for (unsigned d = 1; d < LIMIT_TERM_DEPTH; d++)
            buf_put(&b, hex("6801"));
        buf_put(&b, hex(ends[i]));
        enum err wanted = etf_check(buf_bytes(&b), &len);
        CU_ASSERT(wanted == (i == 3 ? ERR_LIMIT : OK));
        CU_ASSERT(canon(&out, buf_bytes(&b)) == wanted);
        buf_free(&b);
        buf_free(&out);
    }
}

/* --- compressed terms ---------------------------------------------------------- */

/* version, tag, claimed size, zlib of plain, trailing bytes */
static void packed(struct buf *out, struct bytes plain, uint32_t claimed, const char *trailing)
{
    uLongf len = compressBound(plain.len);
    put_version(out);
    buf_put_u8(out, TAG_COMPRESSED);
    buf_put_u32(out, claimed);
    must(compress(buf_room(out, len), &len, plain.at, plain.len) == Z_OK);
    out->len += len;
    buf_put(out, hex(trailing));
}

static enum err external(struct buf *b)
{
    struct buf out = {0};
    enum err e = canon_external(&out, wall(buf_bytes(b)));
    CU_ASSERT((e == OK) == (out.len > 0));
    buf_free(&out);
    buf_clear(b);
    return e;
}

static void unpacks_to_the_claimed_size(void)
{
    struct buf b = {0};
    struct bytes plain = hex("6803 6101 6102 6103");
    uint32_t size = (uint32_t)plain.len;
    packed(&b, plain, size, "");
    CU_ASSERT(external(&b) == OK);
    packed(&b, plain, size, "00");
    CU_ASSERT(external(&b) == ERR_TRAILING);
    packed(&b, plain, size + 1, "");
    CU_ASSERT(external(&b) == ERR_ZLIB);
    packed(&b, plain, size - 1, "");
    CU_ASSERT(external(&b) == ERR_ZLIB);
    packed(&b, plain, LIMIT_UNPACKED_BYTES + 1, "");
    CU_ASSERT(external(&b) == ERR_LIMIT);
    packed(&b, plain, UINT32_MAX, "");
    CU_ASSERT(external(&b) == ERR_LIMIT);
    packed(&b, hex("6a 6a"), 2, "");
    CU_ASSERT(external(&b) == ERR_TRAILING);
    packed(&b, hex("50 00000001"), 5, "");
    CU_ASSERT(external(&b) == ERR_TAG);
    packed(&b, plain, size, "");
    b.at[10] ^= 0x55;
    CU_ASSERT(external(&b) == ERR_ZLIB);
    buf_free(&b);
}

static void refuses_every_prefix_of_external_terms(void)
{
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);) {
        if (r.external.len > 200)
            continue;
        for (size_t cut = 0; cut < r.external.len; cut++) {
            struct buf out = {0};
            CU_ASSERT(canon_external(&out, wall((struct bytes){r.external.at, cut})) != OK);
            CU_ASSERT(out.len == 0);
            buf_free(&out);
        }
    }
}

static void requires_a_version_byte(void)
{
    struct buf out = {0};
    CU_ASSERT(canon_external(&out, hex("84 6a")) == ERR_TAG);
    CU_ASSERT(canon_external(&out, hex("83 6a 6a")) == ERR_TRAILING);
    CU_ASSERT(out.len == 0);
    buf_free(&out);
}

/* Sizes around the growth step of the output, and a zip bomb: a small stream that claims
 * little and expands to much must not grow beyond its claim. */
static void unpacks_in_steps(void)
{
    struct buf plain = {0}, b = {0};
    for (uint32_t n = 65536 - 7; n < 65536 + 3; n++) {
        buf_clear(&plain);
        put_binary(&plain, (struct bytes){0});
        memset(buf_room(&plain, n), 0, n);
        plain.len += n;
        plain.at[3] = (uint8_t)(n >> 8);
        plain.at[4] = (uint8_t)n;
        plain.at[2] = (uint8_t)(n >> 16);
        packed(&b, buf_bytes(&plain), (uint32_t)plain.len, "");
        CU_ASSERT(external(&b) == OK);
        packed(&b, buf_bytes(&plain), 65536, "");
        CU_ASSERT(external(&b) == (plain.len == 65536 ? OK : ERR_ZLIB));
    }
    buf_free(&plain);
    buf_free(&b);
}

/* --- mutants --------------------------------------------------------------- */

static uint32_t draw(uint64_t *state, size_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}

static void mutate(struct buf *b, uint64_t *state)
{
    static const uint8_t special[] = {0,   1,   2,   70,  77,  88,  90,  97,  98,
                                      104, 105, 106, 107, 108, 109, 110, 111, 112,
                                      113, 116, 118, 119, 127, 128, 255};
    for (uint32_t n = draw(state, 3) + 1; n > 0 && b->len > 0; n--) {
        uint32_t at = draw(state, b->len);
        uint32_t how = draw(state, 8);
        if (how == 0)
            b->len = at;
        else if (how == 1)
            b->at[at] = (uint8_t)draw(state, 256);
        else if (how == 2)
            memmove(b->at, b->at + at, b->len -= at);
        else
            b->at[at] = special[draw(state, sizeof(special))];
    }
}

/* What is taken for canonical at a short look has to be what the walk makes of it. */
static bool is_walked_alike(struct bytes b, const struct buf *canonical)
{
    struct buf walked = {0};
    uint64_t work;
    size_t len = 0;
    bool good = etf_check(b, &len) == OK &&
                canon_put_counted(&walked, (struct bytes){b.at, len}, &work) == OK &&
                bytes_equal(buf_bytes(&walked), buf_bytes(canonical));
    buf_free(&walked);
    return good;
}

/* In steps it is the same, whatever they may cost. */
static bool is_stepped_alike(struct bytes b, uint64_t work)
{
    struct buf whole = {0}, stepped = {0};
    enum err wanted = canon_put(&whole, b), e;
    struct canon *c = canon_open(&stepped, b);
    while (!canon_step(c, work, &e))
        ;
    canon_close(c);
    bool same = e == wanted && bytes_equal(buf_bytes(&whole), buf_bytes(&stepped));
    buf_free(&whole);
    buf_free(&stepped);
    return same;
}

/* Accepted bytes must have a canonical form, which is its own canonical form. */
static bool is_stable(struct bytes b)
{
    struct buf once = {0}, twice = {0};
    size_t len = 0;
    enum err e = canon(&once, b);
    bool good =
        e != OK || (etf_check(buf_bytes(&once), &len) == OK && len == once.len &&
                    canon_put(&twice, buf_bytes(&once)) == OK &&
                    bytes_equal(buf_bytes(&once), buf_bytes(&twice)) && is_walked_alike(b, &once));
    if (e == OK || e == ERR_DUPLICATE) {
        good &= etf_check(b, &len) == OK && is_stepped_alike((struct bytes){b.at, len}, 1);
        good &= is_stepped_alike((struct bytes){b.at, len}, 100);
    }
    buf_free(&once);
    buf_free(&twice);
    return good;
}

static void survives_mutants(void)
{
    struct recorded all[1000];
    size_t count = 0;
    uint64_t state = 1;
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);)
        if (r.external.len < MUTANT_BYTES && r.external.at[1] != TAG_COMPRESSED)
            all[count++] = r;
    for (int i = 0; i < MUTATIONS; i++) {
        struct bytes from = all[draw(&state, count)].external;
        struct buf b = {0};
        buf_put(&b, (struct bytes){from.at + 1, from.len - 1});
        mutate(&b, &state);
        /* A block of exactly this size, so that a sanitizer sees a read past its end. */
        uint8_t *exact = malloc(b.len > 0 ? b.len : 1);
        must(exact != NULL);
        if (b.len > 0)
            memcpy(exact, b.at, b.len);
        if (!is_stable((struct bytes){exact, b.len}))
            CU_FAIL("a mutant has two canonical forms");
        free(exact);
        buf_free(&b);
    }
}

static void check_view(struct bytes given, bool in_place)
{
    struct buf scratch = {0}, wanted = {0};
    struct bytes checked = wall(given), got;
    buf_put_u8(&scratch, 'x');
    CU_ASSERT(canon_put(&wanted, checked) == OK);
    CU_ASSERT(canon_view(&scratch, checked, &got) == OK);
    CU_ASSERT(bytes_equal(got, buf_bytes(&wanted)));
    CU_ASSERT((got.at == checked.at) == in_place);
    buf_free(&scratch);
    buf_free(&wanted);
}

/* Terms with a single encoding are not copied. */
static void views_terms(void)
{
    check_view(hex("6d 00000002 6162"), true);
    check_view(hex("61 07"), true);
    check_view(hex("77 01 61"), true);
    check_view(hex("6a"), true);
    check_view(hex("62 00000100"), true);
    check_view(hex("62 ffffffff"), true);
    check_view(hex("62 00000007"), false);
    check_view(hex("64 0001 61"), false);
    check_view(hex("68 01 64 0001 61"), false);
    check_view(hex("6c 00000001 6101 6a"), false);
    check_view(hex("6b 0001 01"), true);
    check_view(hex("6b 0000"), false);
    check_view(hex("68 02 77 01 61 6d 00000001 62"), true);
    check_view(hex("69 00000001 77 01 61"), false);
    check_view(hex("58 77 03 614068 00000001 00000000 00000002"), true);
    check_view(hex("58 64 0003 614068 00000001 00000000 00000002"), false);
    check_view(hex("5a 0001 77 03 614068 00000002 00000001"), true);
    check_view(hex("65 77 03 614068 00000001 02"), false);
    /* Lists: of an atom and a byte; of a number that is none, or is, as it should not be; with a
     * tail that is a list, or none at all. */
    check_view(hex("6c 00000002 77 01 61 61 01 6a"), true);
    check_view(hex("6c 00000002 62 00000100 61 01 6a"), true);
    check_view(hex("6c 00000002 62 00000001 77 01 61 6a"), false);
    check_view(hex("6c 00000001 77 01 61 6c 00000001 77 01 61 6a"), false);
    check_view(hex("6c 00000001 77 01 61 6b 0001 01"), false);
    check_view(hex("6c 00000000 6a"), false);
    struct buf scratch = {0};
    struct bytes got;
    CU_ASSERT(canon_view(&scratch, hex("74 00000002 6101 6101 6101 6102"), &got) == ERR_DUPLICATE);
    buf_free(&scratch);
}

/* In the last value of maps, tuples and lists around it, which are out of order themselves. */
static void refuses_duplicates_inside_unsorted_maps(void)
{
    static const char *const outer[] = {
        "74 00000002 7701 62 6101 7701 61",           /* #{b => 1, a => _} */
        "74 00000002 7701 62 6101 7701 61 6802 6101", /* #{b => 1, a => {1, _}} */
        "74 00000002 7701 62 6101 7701 61 6801 74 00000002 6102 6101 6101", /* and once more */
    };
    /* #{2 => 0, 1 => 0, 1 => 0} */
    static const char inner[] = "74 00000003 6102 6100 6101 6100 6101 6100";
    for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++) {
        char text[200];
        struct buf out = {0};
        size_t len;
        snprintf(text, sizeof(text), "%s %s", outer[i], inner);
        CU_ASSERT(etf_check(hex(text), &len) == OK && len == hex(text).len);
        CU_ASSERT_EQUAL(canon_put(&out, hex(text)), ERR_DUPLICATE);
        CU_ASSERT_EQUAL(out.len, 0);
        buf_free(&out);
    }
}

/* A map that is sorted in steps is the one that is sorted at once, and so is what is wrong with
 * it; a step that is given up leaves nothing behind. */
static void sorts_in_steps(void)
{
    struct buf map = {0}, out = {0};
    unsigned steps = 1;
    enum err e;
    put_alike(&map, 3000);
    for (uint64_t work = 1; work < 100000; work = work * 7 + 1)
        CU_ASSERT(is_stepped_alike(buf_bytes(&map), work));
    struct canon *c = canon_open(&out, buf_bytes(&map));
    while (!canon_step(c, 10000, &e))
        steps++;
    canon_close(c);
    CU_ASSERT(e == OK && steps > 3000 * 11 * 8 / 10000);
    for (unsigned given_up = 1; given_up < steps; given_up *= 2) {
        buf_clear(&out);
        c = canon_open(&out, buf_bytes(&map));
        for (unsigned i = 0; i < given_up; i++)
            CU_ASSERT(!canon_step(c, 10000, &e));
        canon_close(c);
    }
    buf_clear(&map);
    buf_clear(&out);
    put_alike(&map, 1000000);
    c = canon_open(&out, buf_bytes(&map));
    while (!canon_step(c, 100000000, &e))
        ;
    CU_ASSERT(e == ERR_LIMIT && out.len == 0);
    canon_close(c);
    buf_free(&map);
    buf_free(&out);
}

/* Maps are looked into, and integers of 64 bits. */
static void knows_canonical_maps(void)
{
    static const struct {
        const char *text;
        bool plain;
    } table[] = {
        {"74 00000000", true},
        {"74 00000002 6101 6a 6102 6a", true},
        {"74 00000002 6102 6a 6101 6a", false},
        {"74 00000002 6101 6a 6101 6a", false},
        {"74 00000002 62ffffffff 6a 6101 6a", true},
        {"74 00000002 6101 6a 62ffffffff 6a", false},
        {"74 00000002 62ffffffff 6a 6200000100 6a", true},
        {"74 00000002 6200000100 6a 62ffffffff 6a", false},
        {"74 00000001 6101 74 00000002 6102 6a 6101 6a", false},
        {"74 00000001 74 00000002 6101 6a 6102 6a 6101", true},
        {"6e 04 00 00000080", true},
        {"6e 04 00 ffffff7f", false},
        {"6e 04 01 00000080", false},
        {"6e 04 01 01000080", true},
        {"6e 05 00 0000000001", true},
        {"6e 05 00 0000000100", false},
        {"6e 03 00 000001", false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct bytes term = wall(hex(table[i].text));
        struct buf out = {0};
        uint64_t work;
        bool put = canon_put_counted(&out, term, &work) == OK;
        CU_ASSERT_EQUAL(canon_is_plain(term), table[i].plain);
        CU_ASSERT(!table[i].plain || (put && bytes_equal(buf_bytes(&out), term)));
        buf_free(&out);
    }
}

SUITE("canon", TEST(refuses_duplicates_inside_unsorted_maps), TEST(agrees_with_a_beam),
      TEST(appends), TEST(copies), TEST(refuses_duplicate_keys), TEST(sorts_keys),
      TEST(compares_partly_copied_keys), TEST(limits_sorting), TEST(sorting_costs_n_log_n),
      TEST(sorts_in_steps), TEST(knows_canonical_maps), TEST(prefixes_are_in_key_order),
      TEST(encodes_short_byte_lists_as_strings), TEST(clears_unused_bits_of_a_bitstring),
      TEST(accepts_the_depth_that_a_check_accepts), TEST(unpacks_to_the_claimed_size),
      TEST(refuses_every_prefix_of_external_terms), TEST(requires_a_version_byte),
      TEST(unpacks_in_steps), TEST(survives_mutants), TEST(views_terms))
