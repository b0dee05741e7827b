#include "wire.h"

struct wire wire_open(struct bytes b)
{
    return (struct wire){b, false};
}

struct bytes wire_bytes(struct wire *in, size_t n)
{
    if (n > in->left.len) {
        *in = (struct wire){{NULL, 0}, true};
        return in->left;
    }
    struct bytes cut = {in->left.at, n};
    if (n > 0)
        in->left = bytes_after(in->left, n);
    return cut;
}

static uint64_t number(struct wire *in, size_t width)
{
    struct bytes digits = wire_bytes(in, width);
    uint64_t v = 0;
    for (size_t i = 0; i < digits.len; i++)
        v = v << 8 | digits.at[i];
    return v;
}

uint8_t wire_u8(struct wire *in)
{
    return (uint8_t)number(in, 1);
}

uint16_t wire_u16(struct wire *in)
{
    return (uint16_t)number(in, 2);
}

uint32_t wire_u32(struct wire *in)
{
    return (uint32_t)number(in, 4);
}

uint64_t wire_u64(struct wire *in)
{
    return number(in, 8);
}
