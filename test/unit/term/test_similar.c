#include "unit/suite.h"

#include <stdio.h>

#include "term/similar.h"

static const char *const words[] = {"run",    "ping",    "call", "cast",        "mutate", "value",
                                    "status", "version", "dets", "cookie_file", "help",   NULL};

/* The suggestion for a word, with what stood before. */
static const char *suggested(const char *typed)
{
    static char what[80];
    struct similar s = similar_open(wall(bytes_of(typed)));
    for (size_t i = 0; words[i] != NULL; i++)
        similar_try(&s, bytes_of(words[i]));
    snprintf(what, sizeof(what), "no");
    similar_suggest(&s, "", what, sizeof(what));
    return what;
}

static void corrects_mistakes(void)
{
    static const char *const pairs[][2] = {
        {"satus", "status"},       {"statsu", "status"},
        {"staatus", "status"},     {"stetus", "status"},
        {"valeu", "value"},        {"pign", "ping"},
        {"stat", "status"},        {"cookiefile", "cookie_file"},
        {"cookie", "cookie_file"}, {"mutte", "mutate"},
        {"hlep", "help"},          {"version", "version"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "no; did you mean %s?", pairs[i][1]);
        CU_ASSERT_STRING_EQUAL(suggested(pairs[i][0]), wanted);
    }
}

static void suggests_nothing_that_is_not_similar(void)
{
    static const char *const typed[] = {
        "", "x", "colour", "frobnicate", "zzzz", "a word that is too long to be a command's name"};
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
        CU_ASSERT_STRING_EQUAL(suggested(typed[i]), "no");
}

/* The nearest wins, of equally near ones the first. */
static void suggests_the_nearest(void)
{
    CU_ASSERT_STRING_EQUAL(suggested("caxt"), "no; did you mean cast?");
    CU_ASSERT_STRING_EQUAL(suggested("caxx"), "no");
    CU_ASSERT_STRING_EQUAL(suggested("calt"), "no; did you mean call?");
}

static void suggests_what_fits(void)
{
    char what[23];
    struct similar s = similar_open(BYTES("satus"));
    similar_try(&s, BYTES("status"));
    snprintf(what, sizeof(what), "0");
    similar_suggest(&s, "", what, sizeof(what));
    CU_ASSERT_STRING_EQUAL(what, "0");
    similar_suggest(&s, "", what, sizeof(what));
    CU_ASSERT_STRING_EQUAL(what, "0");
    char more[32] = "0";
    similar_suggest(&s, "--", more, sizeof(more));
    CU_ASSERT_STRING_EQUAL(more, "0; did you mean --status?");
}

SUITE("term/similar", TEST(corrects_mistakes), TEST(suggests_nothing_that_is_not_similar),
      TEST(suggests_the_nearest), TEST(suggests_what_fits))
