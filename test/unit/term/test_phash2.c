#include "unit/suite.h"

#include <stdio.h>

#include "err.h"
#include "limits.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/phash2.h"
#include "term/text.h"
#include "term/write.h"

static bool agrees(struct bytes term, uint32_t wanted)
{
    uint32_t got = phash2(wall(term));
    if (got == wanted)
        return true;
    struct buf text = {0};
    text_print_short(&text, term, 200);
    fprintf(stderr, "\n    %.*s\n    gives %u, a BEAM %u\n", (int)text.len, (const char *)text.at,
            got, wanted);
    buf_free(&text);
    return false;
}

/* The terms and hashes of phash2.escript. */
static void hashes_as_a_beam(void)
{
    struct buf file = {0};
    must(canon_external(&file, vector("term/phash2.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&file));
    struct bytes element;
    size_t count = 0, wrong = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element); count++) {
        struct etf_in pair = etf_open(element);
        etf_tuple_of(&pair, 2);
        uint32_t wanted = etf_uint32(&pair);
        struct bytes term = etf_any(&pair);
        must(etf_finish(&pair) == OK);
        wrong += wrong < 10 && !agrees(term, wanted);
    }
    must(etf_finish(&in) == OK && count > 3000);
    CU_ASSERT_EQUAL(wrong, 0);
    buf_free(&file);
}

/* Computed in the shell of OTP 25: values that other programs may rely on. */
static void hashes_known_values(void)
{
    CU_ASSERT(agrees(term_of("[]"), 113427502));
    CU_ASSERT(agrees(term_of("snapshot"), 75995844));
    CU_ASSERT(agrees(term_of("{counter, <<\"page_views\">>}"), 76858058));
    /* Equal on OTP 25 and 26, two terms from OTP 27 on; one hash on all. */
    CU_ASSERT_EQUAL(phash2(term_of("0.0")), phash2(term_of("-0.0")));
    /* Two encodings of a list are one canonical term. */
    CU_ASSERT_EQUAL(phash2(term_of("[1,2,3]")), phash2(term_of("\"\\x01\\x02\\x03\"")));
    /* The order of the pairs in a map does not matter, but which value belongs to which key
     * does. */
    CU_ASSERT_NOT_EQUAL(phash2(term_of("#{a => 1, b => 2}")), phash2(term_of("#{a => 2, b => 1}")));
}

static void hashes_at_the_maximum_depth(void)
{
    struct buf out = {0};
    for (unsigned i = 0; i < LIMIT_TERM_DEPTH; i++) {
        put_map(&out, 1);
        put_int(&out, i);
    }
    put_nil(&out);
    size_t len;
    must(etf_check(buf_bytes(&out), &len) == OK && len == out.len);
    CU_ASSERT(phash2(wall(buf_bytes(&out))) < PHASH2_RANGE);
    buf_free(&out);
}

SUITE("term/phash2", TEST(hashes_as_a_beam), TEST(hashes_known_values),
      TEST(hashes_at_the_maximum_depth))
