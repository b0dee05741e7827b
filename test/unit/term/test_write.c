#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

/* The output must be what a BEAM writes (term_to_binary with minor_version 2, unless a test
 * says otherwise), and canonical. */
static void expect(struct buf *out, const char *wanted)
{
    struct buf again = {0};
    size_t len = 0;
    CU_ASSERT(bytes_equal(buf_bytes(out), hex(wanted)));
    CU_ASSERT(etf_check(buf_bytes(out), &len) == OK && len == out->len);
    CU_ASSERT(canon_put(&again, buf_bytes(out)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&again), buf_bytes(out)));
    buf_free(&again);
    buf_free(out);
}

static void writes_integers(void)
{
    static const struct {
        int64_t v;
        const char *wanted;
    } rows[] = {
        {0, "6100"},
        {255, "61ff"},
        {256, "6200000100"},
        {-1, "62ffffffff"},
        {134217728, "6208000000"},
        {-134217729, "62f7ffffff"},
        {2147483647, "627fffffff"},
        {2147483648, "6e040000000080"},
        {-2147483648, "6280000000"},
        {-2147483649, "6e040101000080"},
        {4294967296, "6e05000000000001"},
        {INT64_MAX, "6e0800ffffffffffffff7f"},
        {INT64_MIN, "6e08010000000000000080"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        put_int(&out, rows[i].v);
        expect(&out, rows[i].wanted);
        if (rows[i].v >= 0) {
            put_uint(&out, (uint64_t)rows[i].v);
            expect(&out, rows[i].wanted);
        }
    }
    struct buf out = {0};
    put_uint(&out, UINT64_MAX);
    expect(&out, "6e0800ffffffffffffffff");
}

static void writes_floats(void)
{
    struct buf out = {0};
    put_float(&out, 1.5);
    expect(&out, "463ff8000000000000");
    put_float(&out, -0.0);
    expect(&out, "468000000000000000");
}

static void writes_atoms(void)
{
    struct buf out = {0}, text = {0};
    put_atom(&out, "ok");
    expect(&out, "77026f6b");
    put_atom(&out, "");
    expect(&out, "7700");
    put_bool(&out, true);
    expect(&out, "770474727565");
    put_bool(&out, false);
    expect(&out, "770566616c7365");
    put_atom(&out, "h\xc3\xa9");
    expect(&out, "770368c3a9");
    for (int i = 0; i < LIMIT_ATOM_CHARS; i++)
        buf_put(&text, BYTES("\xf0\x9f\x98\x80"));
    put_atom_bytes(&out, buf_bytes(&text));
    CU_ASSERT(out.len == 3 + LIMIT_ATOM_BYTES);
    CU_ASSERT(memcmp(out.at, "\x76\x03\xfc\xf0", 4) == 0);
    buf_free(&text);
    buf_free(&out);
}

static void writes_binaries(void)
{
    struct buf out = {0};
    put_binary(&out, BYTES("hello"));
    expect(&out, "6d0000000568656c6c6f");
    put_binary(&out, (struct bytes){0});
    expect(&out, "6d00000000");
}

static void writes_containers(void)
{
    struct buf out = {0};
    put_nil(&out);
    expect(&out, "6a");
    put_list(&out, 0);
    put_nil(&out);
    expect(&out, "6a");
    put_list(&out, 1);
    put_tuple(&out, 0);
    put_nil(&out);
    expect(&out, "6c00000001 6800 6a");
    put_map(&out, 2);
    put_int(&out, 1);
    put_atom(&out, "a");
    put_atom(&out, "b");
    put_term(&out, hex("6a"));
    expect(&out, "7400000002 6101 770161 770162 6a");
    put_nil(&out);
    put_map(&out, 0);
    size_t first = out.len;
    put_nil(&out);
    put_nil(&out);
    put_map_count(&out, first, 0x01020304);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("6a 7401020304 6a 6a")));
    buf_clear(&out);
    put_tuple(&out, 255);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("68ff")));
    buf_clear(&out);
    put_tuple(&out, 256);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("6900000100")));
    buf_free(&out);
}

/* From OTP 25: a pid and a reference of node 'a@b'. */
static void writes_identifiers(void)
{
    const uint32_t words[] = {1, 2, 0xffffffff};
    struct buf out = {0};
    put_pid(&out, BYTES("a@b"), 0x59, 1, 0x65432100);
    expect(&out, "58 7703614062 00000059 00000001 65432100");
    put_reference(&out, BYTES("a@b"), 0x65432100, words, 3);
    expect(&out, "5a 0003 7703614062 65432100 00000001 00000002 ffffffff");
}

static void writes_the_version_byte(void)
{
    struct buf out = {0};
    put_version(&out);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("83")));
    buf_free(&out);
}

static bool repeated_is_atom_text(const char *character, unsigned count)
{
    struct buf text = {0};
    for (unsigned i = 0; i < count; i++)
        buf_put(&text, bytes_of(character));
    bool yes = is_atom_text(buf_bytes(&text));
    if (yes) {
        struct buf atom = {0};
        size_t len = 0;
        put_atom_bytes(&atom, buf_bytes(&text));
        CU_ASSERT_EQUAL(etf_check(buf_bytes(&atom), &len), OK);
        buf_free(&atom);
    }
    buf_free(&text);
    return yes;
}

static void says_what_an_atom_can_be(void)
{
    CU_ASSERT_TRUE(repeated_is_atom_text("a", 0));
    CU_ASSERT_TRUE(repeated_is_atom_text("a", 255));
    CU_ASSERT_FALSE(repeated_is_atom_text("a", 256));
    CU_ASSERT_TRUE(repeated_is_atom_text("\xf0\x9f\x8c\xb3", 255));
    CU_ASSERT_FALSE(repeated_is_atom_text("\xf0\x9f\x8c\xb3", 256));
    CU_ASSERT_FALSE(is_atom_text(BYTES("\xff")));
    CU_ASSERT_FALSE(is_atom_text(BYTES("a\xc3")));
    CU_ASSERT_TRUE(is_atom_text(BYTES("\n")));
}

SUITE("write", TEST(writes_integers), TEST(writes_floats), TEST(writes_atoms),
      TEST(writes_binaries), TEST(writes_containers), TEST(writes_identifiers),
      TEST(writes_the_version_byte), TEST(says_what_an_atom_can_be))
