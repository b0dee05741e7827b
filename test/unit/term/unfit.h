/* Terms around this node's limits, and of types that it does not know. */
#ifndef COPPICE_TEST_TERM_UNFIT_H
#define COPPICE_TEST_TERM_UNFIT_H

#include <string.h>

#include "err.h"
#include "limits.h"
#include "term/head.h"
#include "term/write.h"

/* #m:r{a = [], b = {}}, which only OTP 29 knows; a fun of before OTP 23 with one free variable. */
#define RECORD_HEX  "43 00000002 01 77016d 770172 770161 770162 6a 6800"
#define OLD_FUN_HEX "75 00000001 67 7703614068 00000001 00000000 01 77016d 6100 6100 6a"

/* Depth containers around []: tuples, lists and maps in turn. */
static inline void put_nested(struct buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        if (i % 3 == 0)
            put_tuple(out, 1);
        else if (i % 3 == 1)
            put_list(out, 1);
        else
            put_map(out, 1);
        if (i % 3 == 2)
            put_int(out, 1);
    }
    put_nil(out);
    for (unsigned i = 0; i < depth; i++)
        if (i % 3 == 1)
            put_nil(out);
}

static inline void put_digits(struct buf *out, uint32_t bytes)
{
    buf_put_u8(out, TAG_LARGE_BIG);
    buf_put_u32(out, bytes);
    buf_put_u8(out, 0);
    memset(buf_room(out, bytes), 0xab, bytes);
    out->len += bytes;
}

/* The i-th of them; *why is what etf_check() says of it at this depth, inside which it is put.
 * False past the last. */
static inline bool put_unfit(struct buf *out, size_t i, unsigned inside, enum err *why)
{
    static const unsigned depths[] = {1, 511, 512, 513, 600, 5000};
    static const uint32_t digits[] = {300, 65535, 65536, 65537, 70000};
    static const struct {
        const char *hex;
        enum err why;
    } others[] = {
        {RECORD_HEX, OK},
        {"43 00000000 02 77016d 770172", ERR_RANGE},
        {"43 00000000 00 77016d 6101", ERR_SHAPE},
        {OLD_FUN_HEX, ERR_TAG},
        {"77 01 ff", ERR_UTF8},
        {"76 0100" /* and 256 letters, see below */, ERR_LIMIT},
        {"46 7ff0000000000000", ERR_RANGE},
        {"6e 01 02 05", ERR_RANGE},
        {"4d 00000001 09 80", ERR_RANGE},
        {"5a 0006 770161 00000001 00000001 00000002 00000003 00000004 00000005 00000006",
         ERR_LIMIT},
        {"71 770161 6102 6103", ERR_SHAPE},
    };
    const size_t depth_count = sizeof(depths) / sizeof(depths[0]);
    const size_t digit_count = sizeof(digits) / sizeof(digits[0]);
    buf_clear(out);
    *why = OK;
    if (i < depth_count) {
        put_nested(out, depths[i]);
        if (depths[i] + inside > LIMIT_TERM_DEPTH)
            *why = ERR_LIMIT;
        return true;
    }
    i -= depth_count;
    if (i < digit_count) {
        put_digits(out, digits[i]);
        if (digits[i] > LIMIT_INTEGER_BYTES)
            *why = ERR_LIMIT;
        return true;
    }
    i -= digit_count;
    if (i >= sizeof(others) / sizeof(others[0]))
        return false;
    buf_put(out, hex(others[i].hex));
    *why = others[i].why;
    if (*why == ERR_LIMIT && out->at[0] == TAG_ATOM_UTF8)
        for (int letters = 0; letters < 256; letters++)
            buf_put_u8(out, 'a');
    return true;
}

#endif
