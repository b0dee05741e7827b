/* Words of eight bytes, little endian on every machine, for hashes. */
#ifndef COPPICE_TERM_WORD_H
#define COPPICE_TERM_WORD_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t word_at(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return le64toh(v);
}

static inline uint64_t half_word_at(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
    return le32toh(v);
}

/* n bytes, fewer than eight, as the low ones of a word.  In reads that overlap: copied to a word
 * in memory and read from there, they cost the processor a dozen cycles of waiting. */
static inline uint64_t short_word_at(const uint8_t *at, size_t n)
{
    if (n >= 4)
        return half_word_at(at) | half_word_at(at + n - 4) << 8 * (n - 4);
    if (n == 0)
        return 0;
    return at[0] | (uint64_t)at[n / 2] << 8 * (n / 2) | (uint64_t)at[n - 1] << 8 * (n - 1);
}

#endif
