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

SUITE("failure", TEST(gives_errors_their_names_in_erlang))
