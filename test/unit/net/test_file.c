/* Paths of tables on the real disk. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/file.h"
#include "unit/suite.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st;
    (void)flag;
    (void)at;
    return remove(path);
}

static void knows_a_file_by_all_its_paths(void)
{
    static const struct {
        const char *path;
        bool same;
    } cases[] = {
        {"e/t.dets", true},   {"./e//t.dets", true},   {"e/../e/t.dets", true},
        {"l/t.dets", true},   {"link.dets", true},     {"l/../link.dets", true},
        {"e/u.dets", false},  {"t.dets", false},       {"none/t.dets", false},
        {"e/T.dets", false},  {"endless.dets", false}, {"e/t.dets.bak", false},
        {"e/t.dets/", false},
    };
    char folder[] = "/tmp/file-XXXXXX", cwd[1000], absolute[1100];
    CU_ASSERT_FATAL(getcwd(cwd, sizeof(cwd)) != NULL && mkdtemp(folder) != NULL);
    CU_ASSERT_FATAL(chdir(folder) == 0 && mkdir("e", 0700) == 0);
    CU_ASSERT_FATAL(symlink("e", "l") == 0 && symlink("e/t.dets", "link.dets") == 0);
    CU_ASSERT_FATAL(symlink("endless.dets", "endless.dets") == 0);
    snprintf(absolute, sizeof(absolute), "%s/e/t.dets", folder);
    for (int exists = 0; exists < 2; exists++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct bytes path = bytes_of(cases[i].path);
            CU_ASSERT_EQUAL(file_is_same(BYTES("e/t.dets"), path), cases[i].same);
            CU_ASSERT_EQUAL(file_is_same(path, bytes_of(absolute)), cases[i].same);
        }
        FILE *file = fopen("e/t.dets", "w");
        CU_ASSERT_FATAL(file != NULL);
        fclose(file);
    }
    CU_ASSERT_EQUAL(chdir(cwd), 0);
    CU_ASSERT_EQUAL(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

SUITE("file", TEST(knows_a_file_by_all_its_paths))
