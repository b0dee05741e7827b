#include "utf8.h"

#include "../err.h"

#define LAST_CHARACTER 0x10ffff

bool utf8_is_character(uint32_t character)
{
    return character < 0xd800 || (character > 0xdfff && character <= LAST_CHARACTER);
}

size_t utf8_next(struct bytes b, uint32_t *character)
{
    /* The smallest character that needs n bytes. */
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (b.len == 0)
        return 0;
    uint8_t first = b.at[0];
    size_t n = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n == 0 || n > b.len)
        return 0;
    /* Bytes from 0xf8 on keep too many bits here and fail below. */
    uint32_t c = n == 1 ? first : n == 4 ? first - 0xf0u : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b.at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b.at[i] & 0x3f);
    }
    if (c < smallest[n] || !utf8_is_character(c))
        return 0;
    *character = c;
    return n;
}

void utf8_put(struct buf *out, uint32_t character)
{
    must(utf8_is_character(character));
    size_t n = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    if (n == 1) {
        buf_put_u8(out, (uint8_t)character);
        return;
    }
    uint32_t mark = 0xff00u >> n & 0xff;
    buf_put_u8(out, (uint8_t)(mark | character >> 6 * (n - 1)));
    for (size_t i = n - 1; i > 0; i--)
        buf_put_u8(out, (uint8_t)(0x80 | (character >> 6 * (i - 1) & 0x3f)));
}

struct bytes utf8_front(struct bytes b, size_t limit)
{
    if (b.len <= limit)
        return b;
    size_t len = limit;
    while (len > 0 && limit - len < 3 && (b.at[len] & 0xc0) == 0x80)
        len--;
    return (struct bytes){b.at, len};
}

struct bytes utf8_back(struct bytes b, size_t limit)
{
    if (b.len <= limit)
        return b;
    size_t at = b.len - limit;
    while (at < b.len && at - (b.len - limit) < 3 && (b.at[at] & 0xc0) == 0x80)
        at++;
    return bytes_after(b, at);
}
