#include "term/expected.h"

#include <string.h>

#include "term/write.h"
#include "unit/suite.h"

static const char *found(const char *expected, const char *atom)
{
    static char what[200];
    struct buf term = {0};
    put_atom(&term, atom);
    expected_found(what, sizeof(what), "key", expected, buf_bytes(&term));
    buf_free(&term);
    return what;
}

static void suggests_one_of_the_words(void)
{
    CU_ASSERT_STRING_EQUAL(
        found("one of debug, info, warning", "warn"),
        "key: expected one of debug, info, warning, found warn; did you mean warning?");
    CU_ASSERT_STRING_EQUAL(found("the keys port, address", "adress"),
                           "key: expected the keys port, address, found adress; "
                           "did you mean address?");
    CU_ASSERT_STRING_EQUAL(found("one of a_word", "other"),
                           "key: expected one of a_word, found other");
    CU_ASSERT_STRING_EQUAL(found("one of ", "other"), "key: expected one of , found other");
}

static void suggests_no_words_of_a_sentence(void)
{
    CU_ASSERT_STRING_EQUAL(found("a map with port", "maps"),
                           "key: expected a map with port, found maps");
}

static void prints_other_terms(void)
{
    char what[80];
    struct buf term = {0};
    put_uint(&term, 17);
    expected_found(what, sizeof(what), "key", "one of a, b", buf_bytes(&term));
    CU_ASSERT_STRING_EQUAL(what, "key: expected one of a, b, found 17");
    buf_free(&term);
}

/* The suggestion is left out whole. */
static void cuts_what_does_not_fit(void)
{
    char what[40];
    struct buf term = {0};
    put_atom(&term, "prot");
    expected_found(what, sizeof(what), "key", "the keys port", buf_bytes(&term));
    CU_ASSERT_STRING_EQUAL(what, "key: expected the keys port, found prot");
    expected_elsewhere(what, 25, buf_bytes(&term), "the map of a replica");
    CU_ASSERT_STRING_EQUAL(what, "prot: belongs into the m");
    buf_free(&term);
}

SUITE("term/expected", TEST(suggests_one_of_the_words), TEST(suggests_no_words_of_a_sentence),
      TEST(prints_other_terms), TEST(cuts_what_does_not_fit))
