#include "random.h"

#include <openssl/rand.h>

#include "../err.h"

#define NUMBERS (sizeof(((struct randoms *)0)->numbers) / sizeof(uint64_t))

uint64_t random_take(struct randoms *r)
{
    if (r->left == 0) {
        must(RAND_bytes((unsigned char *)r->numbers, sizeof(r->numbers)) == 1);
        r->left = NUMBERS;
    }
    uint64_t number = r->numbers[--r->left];
    r->numbers[r->left] = 0;
    return number;
}
