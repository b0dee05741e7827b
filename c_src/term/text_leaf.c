#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../limits.h"
#include "head.h"
#include "integer.h"
#include "text_scan.h"
#include "utf8.h"
#include "write.h"

/* --- numbers ------------------------------------------------------------- */

static unsigned digit_of(uint32_t c)
{
    if (scan_is_digit(c))
        return c - '0';
    uint32_t lower = c | 0x20;
    return c < 0x80 && lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : UINT8_MAX;
}

static bool digit_follows(const struct text_in *in, unsigned base)
{
    return in->text.len > 1 && digit_of(in->text.at[1]) < base;
}

/* Appends the digits at the cursor, without the '_' between them. */
static void take_digits(struct text_in *in, unsigned base, struct buf *digits)
{
    for (bool begun = false;; begun = true) {
        uint32_t c = scan_peek(in);
        if (digit_of(c) < base)
            buf_put_u8(digits, (uint8_t)c);
        else if (c != '_' || !begun || !digit_follows(in, base))
            return;
        scan_step(in);
    }
}

static enum err put_integer(struct text_scan *s, const struct text_in *start, struct bytes digits,
                            unsigned base, bool negative)
{
    if (digits.len == 0)
        return scan_expected(s, "a digit of this base");
    if (integer_parse(&s->out, digits, base, negative) != OK)
        return scan_fail(s, start, ERR_LIMIT, "this integer has more than %d bits",
                         LIMIT_INTEGER_BYTES * 8);
    return OK;
}

/* Base#Digits: digits has the base, the cursor is past the '#'. */
static enum err based_integer(struct text_scan *s, const struct text_in *start, struct buf *digits,
                              bool negative)
{
    unsigned base = 0;
    for (size_t i = 0; i < digits->len && base <= 36; i++)
        base = base * 10 + (digits->at[i] - '0');
    if (base < 2 || base > 36)
        return scan_fail(s, start, ERR_SHAPE, "the base of an integer is 2 to 36");
    buf_clear(digits);
    take_digits(&s->in, base, digits);
    return put_integer(s, start, buf_bytes(digits), base, negative);
}

/* digits has the part before the dot; the dot is next. */
static enum err float_fraction(struct text_scan *s, const struct text_in *start, struct buf *digits,
                               bool negative)
{
    buf_put_u8(digits, '.');
    scan_step(&s->in);
    take_digits(&s->in, 10, digits);
    if (scan_accept(&s->in, "e") || scan_accept(&s->in, "E")) {
        buf_put_u8(digits, 'e');
        if (scan_accept(&s->in, "-"))
            buf_put_u8(digits, '-');
        else
            scan_accept(&s->in, "+");
        size_t power = digits->len;
        take_digits(&s->in, 10, digits);
        if (digits->len == power)
            return scan_expected(s, "a digit of the float's exponent");
    }
    buf_put_u8(digits, '\0');
    double v = strtod((const char *)digits->at, NULL);
    if (!isfinite(v))
        return scan_fail(s, start, ERR_SHAPE, "this float is too large");
    put_float(&s->out, negative ? -v : v);
    return OK;
}

static enum err number(struct text_scan *s, struct buf *digits, bool negative)
{
    struct text_in start = s->in;
    take_digits(&s->in, 10, digits);
    enum err e;
    if (scan_accept(&s->in, "#"))
        e = based_integer(s, &start, digits, negative);
    else if (scan_peek(&s->in) == '.' && digit_follows(&s->in, 10))
        e = float_fraction(s, &start, digits, negative);
    else
        e = put_integer(s, &start, buf_bytes(digits), 10, negative);
    if (e == OK && scan_continues_name(scan_peek(&s->in)))
        return scan_expected(s, "the end of the number (a float is written 1.0e5)");
    return e;
}

enum err scan_number(struct text_scan *s, bool negative)
{
    struct buf digits = {0};
    enum err e = number(s, &digits, negative);
    buf_free(&digits);
    return e;
}

enum err scan_character(struct text_scan *s, uint32_t *character)
{
    scan_step(&s->in);
    *character = scan_peek(&s->in);
    if (*character == SCAN_END || *character == SCAN_BAD)
        return scan_expected(s, "a character after '$'");
    scan_step(&s->in);
    return *character == '\\' ? scan_escape(s, character) : OK;
}

/* --- strings and atoms --------------------------------------------------- */

enum err scan_strings(struct text_scan *s, struct buf *text)
{
    struct text_in after;
    do {
        enum err e = scan_quoted(s, text, "string");
        if (e != OK)
            return e;
        after = s->in;
        scan_white(&s->in);
    } while (scan_peek(&s->in) == '"');
    s->in = after;
    return OK;
}

static size_t count_characters(struct bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.at[i] & 0xc0) != 0x80;
    return count;
}

static void put_characters(struct buf *out, struct bytes text)
{
    if (text.len > 0)
        put_list(out, (uint32_t)count_characters(text));
    while (text.len > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(text, &c);
        must(n > 0);
        put_uint(out, c);
        text = bytes_after(text, n);
    }
    put_nil(out);
}

enum err scan_string(struct text_scan *s)
{
    struct buf text = {0};
    enum err e = scan_strings(s, &text);
    if (e == OK)
        put_characters(&s->out, buf_bytes(&text));
    buf_free(&text);
    return e;
}

/* erl_scan:reserved_word/1 as of OTP 25.  maybe and else, reserved since OTP 27, are read as
 * atoms, as by file:consult/1 of OTP 25. */
bool scan_is_reserved(struct bytes name)
{
    static const char words[] =
        " after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let "
        "not of or orelse receive rem try when xor ";
    char padded[16];
    int len = snprintf(padded, sizeof(padded), " %.*s ", TEXT(name));
    return len < (int)sizeof(padded) && strstr(words, padded) != NULL;
}

enum err scan_atom_text(struct text_scan *s, struct buf *text)
{
    struct text_in start = s->in;
    uint32_t c = scan_peek(&s->in);
    if (c == '\'') {
        enum err e = scan_quoted(s, text, "atom");
        if (e != OK)
            return e;
    } else if (scan_begins_atom(c)) {
        struct bytes name = scan_name(&s->in);
        if (scan_is_reserved(name))
            return scan_fail(s, &start, ERR_SHAPE,
                             "%.*s is a reserved word; quote it to make it an atom: '%.*s'",
                             TEXT(name), TEXT(name));
        buf_put(text, name);
    } else {
        return scan_expected(s, "an atom");
    }
    if (count_characters(buf_bytes(text)) > LIMIT_ATOM_CHARS)
        return scan_fail(s, &start, ERR_LIMIT, "this atom has more than %d characters",
                         LIMIT_ATOM_CHARS);
    return OK;
}

enum err scan_atom(struct text_scan *s)
{
    struct buf text = {0};
    enum err e = scan_atom_text(s, &text);
    if (e == OK)
        put_atom_bytes(&s->out, buf_bytes(&text));
    buf_free(&text);
    return e;
}
