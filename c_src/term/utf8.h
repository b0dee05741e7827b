/* UTF-8. */
#ifndef COPPICE_TERM_UTF8_H
#define COPPICE_TERM_UTF8_H

#include "bytes.h"

/* The first character of b, and its length in bytes; 0 if there is none: truncated, overlong,
 * a surrogate, beyond U+10FFFF, or b is empty. */
size_t utf8_next(struct bytes b, uint32_t *character);

/* Whether these are ASCII characters.  Eight at a time, then four: names are short. */
static inline bool utf8_is_ascii(struct bytes b)
{
    uint64_t all = 0, eight;
    uint32_t four;
    for (; b.len >= sizeof(eight); b.at += sizeof(eight), b.len -= sizeof(eight)) {
        memcpy(&eight, b.at, sizeof(eight));
        all |= eight;
    }
    if (b.len >= sizeof(four)) {
        memcpy(&four, b.at, sizeof(four));
        all |= four;
        b.at += sizeof(four);
        b.len -= sizeof(four);
    }
    while (b.len > 0)
        all |= b.at[--b.len];
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* False for surrogates and numbers beyond U+10FFFF. */
bool utf8_is_character(uint32_t character);

/* Appends a character. */
void utf8_put(struct buf *out, uint32_t character);

/* The longest prefix of b with at most limit bytes that does not end inside a character. */
struct bytes utf8_front(struct bytes b, size_t limit);
/* The longest end of b with at most limit bytes that does not begin inside a character. */
struct bytes utf8_back(struct bytes b, size_t limit);

#endif
