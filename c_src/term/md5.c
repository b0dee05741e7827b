/* MD5() is deprecated in favour of EVP_MD5, which first reads openssl.cnf and sets up providers: 2
 * ms and 2 MB for every node and command, most of which need nothing else of OpenSSL. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "md5.h"

#include <openssl/md5.h>

#include "../err.h"

_Static_assert(MD5_BYTES == MD5_DIGEST_LENGTH, "as in OpenSSL");

void md5_of(struct bytes b, uint8_t digest[MD5_BYTES])
{
    must(MD5(b.at, b.len, digest) == digest);
}
