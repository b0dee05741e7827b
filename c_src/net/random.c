#include "random.h"

#include <uv.h>

#include "machine.h"

#define NUMBERS (sizeof(((struct randoms *)0)->numbers) / sizeof(uint64_t))

void random_fill(void *bytes, size_t count)
{
    machine_needs(uv_random(NULL, NULL, bytes, count, 0, NULL), "get random bytes");
}

uint64_t random_take(struct randoms *r)
{
    if (r->left == 0) {
        random_fill(r->numbers, sizeof(r->numbers));
        r->left = NUMBERS;
    }
    uint64_t number = r->numbers[--r->left];
    r->numbers[r->left] = 0;
    return number;
}
