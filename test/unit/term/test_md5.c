#include "term/md5.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static bool is_md5(const char *text, const char *wanted)
{
    uint8_t digest[MD5_BYTES];
    char hex[2 * MD5_BYTES + 1];
    md5_of(bytes_of(text), digest);
    for (size_t i = 0; i < MD5_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return strcmp(hex, wanted) == 0;
}

/* Source: RFC 1321, A.5. */
static void is_that_of_the_rfc(void)
{
    CU_ASSERT(is_md5("", "d41d8cd98f00b204e9800998ecf8427e"));
    CU_ASSERT(is_md5("abc", "900150983cd24fb0d6963f7d28e17f72"));
    CU_ASSERT(is_md5("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"));
}

SUITE("md5", TEST(is_that_of_the_rfc))
