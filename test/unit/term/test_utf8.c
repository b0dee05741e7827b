#include "term/utf8.h"

#include "unit/suite.h"

/* One, two, three and four bytes. */
#define CHARACTERS "a\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e"

static void cuts_between_characters(void)
{
    static const size_t front[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    static const size_t back[] = {0, 0, 0, 0, 4, 4, 4, 7, 7, 9, 10, 10};
    struct bytes all = BYTES(CHARACTERS);
    for (size_t limit = 0; limit < sizeof(front) / sizeof(front[0]); limit++) {
        struct bytes begin = utf8_front(all, limit), end = utf8_back(all, limit);
        CU_ASSERT(begin.at == all.at && begin.len == front[limit]);
        CU_ASSERT(end.at + end.len == all.at + all.len && end.len == back[limit]);
    }
}

/* What is no UTF-8 loses three bytes at most. */
static void cuts_anything(void)
{
    struct bytes all = wall(BYTES("\x80\x80\x80\x80\x80\x80\x80\x80"));
    for (size_t limit = 0; limit < 8; limit++) {
        CU_ASSERT(utf8_front(all, limit).len + 3 >= limit && utf8_front(all, limit).len <= limit);
        CU_ASSERT(utf8_back(all, limit).len + 3 >= limit && utf8_back(all, limit).len <= limit);
    }
    CU_ASSERT_EQUAL(utf8_back((struct bytes){0}, 5).len, 0);
}

SUITE("utf8", TEST(cuts_between_characters), TEST(cuts_anything))
