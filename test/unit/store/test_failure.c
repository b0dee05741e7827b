#include <errno.h>
#include <string.h>

#include "store/failure.h"
#include "unit/suite.h"

static void gives_errors_their_names_in_erlang(void)
{
    static const struct {
        int number;
        const char *name;
    } cases[] = {
        {ENOSPC, "enospc"}, {EDQUOT, "edquot"}, {EIO, "eio"},     {EROFS, "erofs"},
        {EACCES, "eacces"}, {ENOENT, "enoent"}, {EBUSY, "ebusy"}, {ENAMETOOLONG, "enametoolong"},
        {99999, "unknown"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct storage_failure f = {0};
        CU_ASSERT_EQUAL(storage_refused(&f, -cases[i].number, "sync", "a.dets"), ERR_STORAGE);
        CU_ASSERT_STRING_EQUAL(f.reason, cases[i].name);
        CU_ASSERT(strstr(f.what, "cannot sync a.dets: ") == f.what);
        CU_ASSERT(strstr(f.what, strerror(cases[i].number)) != NULL);
    }
}

/* The end of a long path, without half a character. */
static void shortens_paths(void)
{
    char path[200];
    for (size_t before = 0; before < 4; before++) {
        memset(path, 'a', before);
        path[before] = '\0';
        for (size_t n = 0; n < 60; n++)
            strcat(path, "\xe2\x82\xac");
        const char *end = failure_path(path);
        CU_ASSERT_EQUAL(strlen(end), 78);
        CU_ASSERT_STRING_EQUAL(end, path + strlen(path) - 78);
    }
    CU_ASSERT_STRING_EQUAL(failure_path("a.dets"), "a.dets");
}

SUITE("failure", TEST(shortens_paths), TEST(gives_errors_their_names_in_erlang))
