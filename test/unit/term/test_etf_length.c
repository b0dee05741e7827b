/* The end of terms that this node does not accept. */
#include <stdlib.h>

#include "term/etf.h"
#include "unit/suite.h"
#include "unit/term/recorded.h"
#include "unit/term/unfit.h"

static enum err length(struct bytes b)
{
    size_t len = SIZE_MAX;
    enum err e = etf_length(wall(b), &len);
    CU_ASSERT(e != OK || len == b.len);
    return e;
}

/* Alone and with something after it, which is not looked at; no prefix has an end. */
static void finds_the_end_of_what_is_refused(void)
{
    struct buf b = {0};
    enum err why;
    for (size_t i = 0; put_unfit(&b, i, 0, &why); i++) {
        size_t len, whole = b.len;
        CU_ASSERT_EQUAL(etf_check(wall(buf_bytes(&b)), &len), why);
        CU_ASSERT_EQUAL(length(buf_bytes(&b)), OK);
        for (size_t cut = 0; cut < whole; cut += cut < 100 ? 1 : 997)
            CU_ASSERT_EQUAL(length((struct bytes){b.at, cut}), ERR_SHORT);
        buf_put(&b, hex("00 00"));
        CU_ASSERT_EQUAL(etf_length(wall(buf_bytes(&b)), &len), OK);
        CU_ASSERT_EQUAL(len, whole);
    }
    buf_free(&b);
}

static void agrees_with_the_check(void)
{
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);)
        CU_ASSERT_EQUAL(length(r.canonical), OK);
}

static void refuses_what_has_no_end(void)
{
    CU_ASSERT_EQUAL(length(hex("00")), ERR_TAG);
    CU_ASSERT_EQUAL(length(hex("6802 6a 42 0000")), ERR_TAG);
    CU_ASSERT_EQUAL(length(hex("52 00")), ERR_TAG);                  /* ATOM_CACHE_REF */
    CU_ASSERT_EQUAL(length(hex("50 00000001 789c")), ERR_TAG);       /* compressed */
    CU_ASSERT_EQUAL(length(hex("79 0000000000000000 6a")), ERR_TAG); /* LOCAL_EXT */
    CU_ASSERT_EQUAL(length(hex("58 6a 00000001 00000002 00000003")), ERR_SHAPE);
    CU_ASSERT_EQUAL(length(hex("43 ffffffff 01 77016d 770172 6a")), ERR_SHORT);
    CU_ASSERT_EQUAL(length(hex("6c ffffffff 6a")), ERR_SHORT);
    CU_ASSERT_EQUAL(length(hex("74 ffffffff 6a")), ERR_SHORT);
    CU_ASSERT_EQUAL(length(hex("6d ffffffff 6a")), ERR_SHORT);
}

/* A table of OTP 29 may contain them, and this node keeps them. */
static void measures_native_records(void)
{
    size_t len;
    struct bytes record = hex(RECORD_HEX);
    CU_ASSERT_EQUAL(etf_measure(wall(record), &len), OK);
    CU_ASSERT_EQUAL(len, record.len);
    CU_ASSERT_EQUAL(etf_measure(wall(hex("43 00000001 01 77016d 770172 6101 6a")), &len),
                    ERR_SHAPE);
    CU_ASSERT_EQUAL(etf_measure(wall(hex("43 00000001 01 77016d 6a 770161 6a")), &len), ERR_SHAPE);
    CU_ASSERT_EQUAL(etf_measure(wall(hex("43 00000001 01 7701ff 770172 770161 6a")), &len),
                    ERR_UTF8);
    CU_ASSERT_EQUAL(etf_measure(wall(hex("43 ffffffff 01 77016d 770172 770161 6a")), &len),
                    ERR_SHAPE);
    CU_ASSERT_EQUAL(etf_measure(wall(hex(OLD_FUN_HEX)), &len), ERR_TAG);
}

SUITE("etf_length", TEST(finds_the_end_of_what_is_refused), TEST(agrees_with_the_check),
      TEST(refuses_what_has_no_end), TEST(measures_native_records))
