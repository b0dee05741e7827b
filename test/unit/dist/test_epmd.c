/* Requests to epmd and its answers; the files epmd_* were recorded with a real epmd. */
#include "dist/epmd.h"
#include "limits.h"
#include "unit/suite.h"

static uint16_t recorded_port(void)
{
    struct bytes request = vector("dist/epmd_registered.out");
    return (uint16_t)(request.at[3] << 8 | request.at[4]);
}

static void writes_requests(void)
{
    struct buf out = {0};
    epmd_put_register(&out, BYTES("c1"), recorded_port(), false);
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

/* Every prefix of a recorded answer is incomplete, and a trailing byte is an error. */
static void reads_registration_answer(void)
{
    struct bytes answer = vector("dist/epmd_registered.in");
    uint32_t creation = 0;
    for (size_t cut = 0; cut < answer.len; cut++)
        CU_ASSERT_EQUAL(epmd_registered(wall((struct bytes){answer.at, cut}), &creation),
                        EPMD_MORE);
    CU_ASSERT_EQUAL(epmd_registered(wall(answer), &creation), EPMD_DONE);
    uint32_t wanted = (uint32_t)answer.at[2] << 24 | (uint32_t)answer.at[3] << 16 |
                      (uint32_t)answer.at[4] << 8 | answer.at[5];
    CU_ASSERT_EQUAL(creation, wanted);
    CU_ASSERT_EQUAL(epmd_registered(wall(hex("76 00 00000001 00")), &creation), EPMD_NONSENSE);
}

static void reads_old_registration_answer(void)
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

static void reads_lookup_answer(void)
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

static void refuses_malformed_lookup_answers(void)
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

/* A name or an extra field that claims 64 kB is not waited for. */
static void limits_lookup_answer(void)
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

SUITE("epmd", TEST(writes_requests), TEST(reads_registration_answer),
      TEST(reads_old_registration_answer), TEST(reads_lookup_answer),
      TEST(refuses_malformed_lookup_answers), TEST(limits_lookup_answer))
