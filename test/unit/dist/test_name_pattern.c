#include "dist/name_pattern.h"

#include "limits.h"
#include "unit/suite.h"

static bool matches(const char *pattern, const char *name)
{
    return name_pattern_matches(wall(bytes_of(pattern)), bytes_of(name));
}

static void matches_whole_names(void)
{
    CU_ASSERT(matches("a@h", "a@h"));
    CU_ASSERT(!matches("a@h", "a@h2") && !matches("a@h", "ba@h") && !matches("a@h", "A@h"));
    CU_ASSERT(!matches("a@h", "a@") && !matches("a@10.0.0.1", "a@10x0x0x1"));
}

static void a_star_stands_for_any_characters(void)
{
    CU_ASSERT(matches("*", "a@h"));
    CU_ASSERT(matches("*@10.0.0.7", "web1@10.0.0.7") && !matches("*@10.0.0.7", "web1@10.0.0.70"));
    CU_ASSERT(matches("web*@*", "web@h") && matches("web*@*", "web12@h"));
    CU_ASSERT(!matches("web*@*", "we@h") && !matches("web*@*", "aweb@h"));
    CU_ASSERT(matches("web*", "web1@h") && matches("**@h*", "a@h") && matches("a*@h", "a@h"));
    CU_ASSERT(matches("*a*b@*c", "xaxbab@abc") && !matches("*a*b@*c", "xaxbab@abcd"));
    CU_ASSERT(!matches("*x*@h", "a@h"));
}

/* A star that is tried at every place, in each of many: no more than a product of lengths. */
static void takes_little_time(void)
{
    struct buf pattern = {0}, name = {0};
    for (int i = 0; i < 120; i++)
        buf_printf(&pattern, "a*");
    buf_printf(&pattern, "b");
    for (int i = 0; i < 255; i++)
        buf_printf(&name, "a");
    CU_ASSERT(!name_pattern_matches(buf_bytes(&pattern), buf_bytes(&name)));
    buf_free(&pattern);
    buf_free(&name);
}

static void validates_patterns(void)
{
    static const char *const good[] = {"a@h",  "*",    "*@h",     "a@*", "*@*",
                                       "web*", "*web", "a*b@c*d", "**",  "-coppice_*@127.0.0.1"};
    static const char *const wrong[] = {"",      "a",     "@h",    "a@",    "a@b@c",
                                        "*@b@c", "a\n@h", "*\x80", "\xff@h"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CU_ASSERT(name_pattern_valid(wall(bytes_of(good[i]))));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT(!name_pattern_valid(wall(bytes_of(wrong[i]))));
}

static void any_of_a_list_matches(void)
{
    struct buf list[2] = {{0}, {0}};
    buf_printf(&list[0], "a@h");
    buf_printf(&list[1], "*@k");
    struct name_patterns both = {list, 2}, none = {NULL, 0};
    CU_ASSERT(name_patterns_match(&both, BYTES("a@h")));
    CU_ASSERT(name_patterns_match(&both, BYTES("b@k")));
    CU_ASSERT(!name_patterns_match(&both, BYTES("b@h")));
    CU_ASSERT(!name_patterns_match(&none, BYTES("a@h")));
    buf_free(&list[0]);
    buf_free(&list[1]);
}

SUITE("name_pattern", TEST(matches_whole_names), TEST(a_star_stands_for_any_characters),
      TEST(takes_little_time), TEST(validates_patterns), TEST(any_of_a_list_matches))
