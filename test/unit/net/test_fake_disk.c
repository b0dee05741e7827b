#include <errno.h>
#include <string.h>

#include "unit/net/places.h"

/* What the fake disk does beyond the contract, which test_disk.c checks. */

/* Over many seeds: what was synced survives every crash, what was not survives some. */
static void a_crash_loses_what_was_not_synced(void)
{
    unsigned kept_bytes = 0, kept_name = 0, came_back = 0, odd = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct fake_disk *f = fake_disk_new();
        struct place p = {.disk = fake_disk(f), .folder = "folder"};
        put(&p, "a", DISK_CREATE, "synced,");
        put(&p, "gone", DISK_CREATE, "");
        CU_ASSERT_EQUAL(p.disk->sync_folder(p.disk->who, in(&p, "a")), 0);
        put(&p, "name", DISK_CREATE, "synced");
        CU_ASSERT_EQUAL(p.disk->remove(p.disk->who, in(&p, "gone")), 0);
        write_to(&p, open_in(&p, "a", DISK_APPEND), "not synced");
        fake_disk_crash(f, seed);
        CU_ASSERT_EQUAL(fake_disk_handles(f), 0);
        struct bytes a = fake_disk_bytes(f, in(&p, "a"));
        CU_ASSERT(a.len >= 7 && memcmp(a.at, "synced,", 7) == 0);
        odd += a.len > 7 && memcmp(a.at + 7, "not synced", a.len - 7) != 0;
        kept_bytes += a.len == 17;
        came_back += exists(&p, "gone");
        kept_name += exists(&p, "name");
        if (exists(&p, "name"))
            contains(&p, "name", "synced");
        fake_disk_free(f);
    }
    CU_ASSERT(kept_bytes > 10 && kept_bytes < 390);
    CU_ASSERT(kept_name > 100 && kept_name < 300);
    CU_ASSERT(came_back > 100 && came_back < 300);
    CU_ASSERT(odd > 10 && odd < 390);
}

/* What a failed sync did not write stays lost, although a later sync succeeds. */
static void a_later_sync_does_not_repair_a_failed_one(void)
{
    struct fake_disk *f = fake_disk_new();
    struct place p = {.disk = fake_disk(f), .folder = "folder"};
    int handle = open_in(&p, "a", DISK_CREATE);
    write_to(&p, handle, "abc");
    fake_disk_fail(f, 1, -EIO, false);
    CU_ASSERT_EQUAL(p.disk->sync(p.disk->who, handle), -EIO);
    CU_ASSERT(fake_disk_failed(f));
    write_to(&p, handle, "def");
    CU_ASSERT_EQUAL(p.disk->sync(p.disk->who, handle), 0);
    CU_ASSERT_EQUAL(p.disk->sync_folder(p.disk->who, in(&p, "a")), 0);
    contains(&p, "a", "abcdef");
    fake_disk_crash(f, 1);
    CU_ASSERT(bytes_equal(fake_disk_bytes(f, in(&p, "a")), hex("000000 646566")));
    fake_disk_free(f);
}

SUITE("fake disk", TEST(a_crash_loses_what_was_not_synced),
      TEST(a_later_sync_does_not_repair_a_failed_one))
