/* UTF-8. */
#ifndef COPPICE_TERM_UTF8_H
#define COPPICE_TERM_UTF8_H

#include "bytes.h"

/* The first character of b, and its length in bytes; 0 if there is none: truncated, overlong,
 * a surrogate, beyond U+10FFFF, or b is empty. */
size_t utf8_next(struct bytes b, uint32_t *character);

/* False for surrogates and numbers beyond U+10FFFF. */
bool utf8_is_character(uint32_t character);

/* Appends a character. */
void utf8_put(struct buf *out, uint32_t character);

/* The longest prefix of b with at most limit bytes that does not end inside a character. */
struct bytes utf8_front(struct bytes b, size_t limit);

#endif
