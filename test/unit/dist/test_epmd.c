/* What epmd is asked and what it answers; the files epmd_* are bytes of a real
 * epmd and of the questions it answered. */
#include "dist/epmd.h"
#include "limits.h"
#include "unit/suite.h"

static uint16_t port_of_recording(void)
{
    struct bytes asked = vector("dist/epmd_registered.out");
    return (uint16_t)(asked.at[3] << 8 | asked.at[4]);
}

static void asks(void)
{
    struct buf out = {0};
    epmd_put_register(&out, BYTES("c1"), port_of_recording(), false);
    CU_ASSERT(bytes_equal(buf_bytes(&out), vector("dist/epmd_registered.out")));
    buf_clear(&out);
    epmd_put_lookup(&out, BYTES("b"));
    CU_ASSERT(bytes_equal(buf_bytes(&out), vector("dist/epmd_found.out")));
    epmd_put_lookup(&out, BYTES("nobody"));
    CU_ASSERT_EQUAL(out.len, 4 + 9);
    buf_clear(&out);
    epmd_put_register(&out, BYTES("x"), 0x1234, true);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("000e 78 1234 4d 00 0006 0006 0001 78 0000")));
    buf_free(&out);
}

/* Every prefix of a recorded answer is "more", the whole is the answer, and
 * one byte behind it is nonsense. */
static void reads_registration(void)
{
    struct bytes answer = vector("dist/epmd_registered.in");
    uint32_t creation = 0;
    for (size_t cut = 0; cut < answer.len; cut++)
        CU_ASSERT_EQUAL(epmd_registered(wall((struct bytes){answer.at, cut}), &creation),
                        EPMD_MORE);
    CU_ASSERT_EQUAL(epmd_registered(wall(answer), &creation), EPMD_DONE);
    uint32_t said = (uint32_t)answer.at[2] << 24 | (uint32_t)answer.at[3] << 16 |
                    (uint32_t)answer.at[4] << 8 | answer.at[5];
    CU_ASSERT_EQUAL(creation, said);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("76 00 00000001 00")), &creation), EPMD_NONSENSE);
}

static void reads_old_registration(void)
{
    uint32_t creation = 0;
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("79 00 00")), &creation), EPMD_MORE);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("79 00 0203")), &creation), EPMD_DONE);
    CU_ASSERT_EQUAL(creation, 0x0203);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("79 01 0063")), &creation), EPMD_NO);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("76 01 00000063")), &creation), EPMD_NO);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("77")), &creation), EPMD_NONSENSE);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("48545450")), &creation), EPMD_NONSENSE);
    CU_ASSERT_EQUAL(creation, 0x0203);
}

static void reads_lookup(void)
{
    struct bytes answer = vector("dist/epmd_found.in");
    uint16_t port = 0;
    for (size_t cut = 0; cut < answer.len; cut++)
        CU_ASSERT_EQUAL(epmd_found(wall((struct bytes){answer.at, cut}), &port), EPMD_MORE);
    CU_ASSERT_EQUAL(port, 0);
    CU_ASSERT_EQUAL(epmd_found(wall(answer), &port), EPMD_DONE);
    CU_ASSERT_EQUAL(port, answer.at[2] << 8 | answer.at[3]);
    CU_ASSERT_EQUAL(epmd_found(wall(vector("dist/epmd_nobody.in")), &port), EPMD_NO);
}

static void refuses_lookup(void)
{
    uint16_t port = 7;
    CU_ASSERT_EQUAL(epmd_found(hex("79 00"), &port), EPMD_NONSENSE);
    CU_ASSERT_EQUAL(epmd_found(hex("77 01 00"), &port), EPMD_NONSENSE);
    /* port 0, and a byte too many */
    CU_ASSERT_EQUAL(epmd_found(hex("7700 0000 4d00 0006 0005 0001 62 0000"), &port), EPMD_NONSENSE);
    CU_ASSERT_EQUAL(epmd_found(hex("7700 1000 4d00 0006 0005 0001 62 0000 00"), &port),
                    EPMD_NONSENSE);
    /* versions 5 to 5, 7 to 8, 6 to 6 */
    CU_ASSERT_EQUAL(epmd_found(hex("7700 1000 4d00 0005 0005 0001 62 0000"), &port), EPMD_NO);
    CU_ASSERT_EQUAL(epmd_found(hex("7700 1000 4d00 0008 0007 0001 62 0000"), &port), EPMD_NO);
    CU_ASSERT_EQUAL(port, 7);
    CU_ASSERT_EQUAL(epmd_found(hex("7700 1000 4d00 0006 0006 0001 62 0002 ffff"), &port),
                    EPMD_DONE);
    CU_ASSERT_EQUAL(port, 0x1000);
}

/* A name or an extra part that could go on for 64 kB is not waited for. */
static void bounds_lookup(void)
{
    struct buf answer = {0};
    uint16_t port;
    buf_put(&answer, hex("7700 1000 4d00 0006 0006 ffff"));
    while (answer.len < LIMIT_EPMD_BYTES - 1)
        buf_put_u8(&answer, 'x');
    CU_ASSERT_EQUAL(epmd_found(buf_bytes(&answer), &port), EPMD_MORE);
    buf_put_u8(&answer, 'x');
    CU_ASSERT_EQUAL(epmd_found(buf_bytes(&answer), &port), EPMD_NONSENSE);
    buf_free(&answer);
}

SUITE("epmd", TEST(asks), TEST(reads_registration), TEST(reads_old_registration),
      TEST(reads_lookup), TEST(refuses_lookup), TEST(bounds_lookup))
