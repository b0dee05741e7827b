#include "text_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* Bytes of a name quoted in an error message. */
#define QUOTED_BYTES 40

/* Erlang's scanner (erl_scan) accepts only Latin-1 letters outside quotes, and treats all of
 * U+0000-0020 and U+0080-00A0 as blanks. */
#define MULTIPLICATION_SIGN 0xd7
#define DIVISION_SIGN       0xf7

uint32_t scan_peek(const struct text_in *in)
{
    uint32_t c;
    if (in->text.len == 0)
        return SCAN_END;
    return utf8_next(in->text, &c) > 0 ? c : SCAN_BAD;
}

void scan_step(struct text_in *in)
{
    uint32_t c = 0;
    size_t n = utf8_next(in->text, &c);
    must(n > 0);
    in->text = bytes_after(in->text, n);
    in->column++;
    if (c == '\n') {
        in->line++;
        in->column = 1;
    }
}

bool scan_accept(struct text_in *in, const char *characters)
{
    size_t n = strlen(characters);
    if (in->text.len < n || memcmp(in->text.at, characters, n) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        scan_step(in);
    return true;
}

void scan_white(struct text_in *in)
{
    for (bool comment = false;; scan_step(in)) {
        uint32_t c = scan_peek(in);
        if (c == SCAN_END || c == SCAN_BAD)
            return;
        if (c == '\n')
            comment = false;
        else if (c == '%')
            comment = true;
        else if (!comment && c > ' ' && (c < 0x80 || c > 0xa0))
            return;
    }
}

bool scan_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

bool scan_begins_atom(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != DIVISION_SIGN);
}

bool scan_begins_variable(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= 0xc0 && c <= 0xde && c != MULTIPLICATION_SIGN);
}

bool scan_continues_name(uint32_t c)
{
    return scan_begins_atom(c) || scan_begins_variable(c) || scan_is_digit(c) || c == '@';
}

struct bytes scan_name(struct text_in *in)
{
    const uint8_t *start = in->text.at;
    while (scan_continues_name(scan_peek(in)))
        scan_step(in);
    return (struct bytes){start, (size_t)(in->text.at - start)};
}

/* --- errors -------------------------------------------------------------- */

enum err scan_fail(struct text_scan *s, const struct text_in *at, enum err e, const char *format,
                   ...)
{
    s->error->line = at->line;
    s->error->column = at->column;
    va_list args;
    va_start(args, format);
    vsnprintf(s->error->what, sizeof(s->error->what), format, args);
    va_end(args);
    return e;
}

enum err scan_expected(struct text_scan *s, const char *wanted)
{
    struct text_in here = s->in;
    uint32_t c = scan_peek(&here);
    if (c == SCAN_BAD)
        return scan_fail(s, &s->in, ERR_UTF8, "the byte 0x%02X is not UTF-8 here", *here.text.at);
    if (c == SCAN_END)
        return scan_fail(s, &s->in, ERR_SHAPE, "expected %s but the text ends", wanted);
    if (c == '"' || c == '\'')
        return scan_fail(s, &s->in, ERR_SHAPE, "expected %s but found a %s", wanted,
                         c == '"' ? "string" : "quoted atom");
    if (c <= ' ' || (c >= 0x7f && c <= 0xa0))
        return scan_fail(s, &s->in, ERR_SHAPE, "expected %s but found the character U+%04X", wanted,
                         c);
    struct bytes found = utf8_front(scan_name(&here), QUOTED_BYTES);
    if (found.len == 0)
        found.len = utf8_next(s->in.text, &c);
    return scan_fail(s, &s->in, ERR_SHAPE, "expected %s but found '%.*s'", wanted, TEXT(found));
}

/* --- quoted text --------------------------------------------------------- */

static int hex_value(uint32_t c)
{
    if (scan_is_digit(c))
        return (int)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (int)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (int)(c - 'A') + 10 : -1;
}

/* \xHH, or \x{...} with any number of digits. */
static enum err escape_hex(struct text_scan *s, const struct text_in *start, uint32_t *character)
{
    bool braces = scan_accept(&s->in, "{");
    uint32_t v = 0;
    unsigned digits = 0;
    for (int h; (h = hex_value(scan_peek(&s->in))) >= 0 && (braces || digits < 2); digits++) {
        v = v > 0xfffff ? UINT32_MAX : v << 4 | (uint32_t)h;
        scan_step(&s->in);
    }
    if (digits == 0 || (!braces && digits < 2))
        return scan_expected(s, braces ? "a hexadecimal digit" : "two hexadecimal digits");
    if (braces && !scan_accept(&s->in, "}"))
        return scan_expected(s, "a hexadecimal digit or '}'");
    if (!utf8_is_character(v))
        return scan_fail(s, start, ERR_SHAPE, "this escape is not a Unicode character");
    *character = v;
    return OK;
}

static uint32_t escape_octal(struct text_in *in)
{
    uint32_t v = 0;
    for (unsigned n = 0; n < 3; n++) {
        uint32_t c = scan_peek(in);
        if (c < '0' || c > '7')
            break;
        v = v * 8 + (c - '0');
        scan_step(in);
    }
    return v;
}

enum err scan_escape(struct text_scan *s, uint32_t *character)
{
    static const char letters[] = "nrtvbfesd", values[] = "\n\r\t\v\b\f\033 \177";
    struct text_in start = s->in;
    uint32_t c = scan_peek(&s->in);
    if (c == SCAN_END || c == SCAN_BAD)
        return scan_expected(s, "a character after '\\'");
    if (c >= '0' && c <= '7') {
        *character = escape_octal(&s->in);
        return OK;
    }
    scan_step(&s->in);
    if (c == 'x')
        return escape_hex(s, &start, character);
    if (c == '^') {
        c = scan_peek(&s->in);
        if (c < '@' || c > 'z')
            return scan_expected(s, "a letter after '\\^'");
        scan_step(&s->in);
        *character = c & 31;
        return OK;
    }
    const char *letter = c < 0x80 && c > 0 ? strchr(letters, (int)c) : NULL;
    *character = letter != NULL ? (uint8_t)values[letter - letters] : c;
    return OK;
}

enum err scan_quoted(struct text_scan *s, struct buf *text, const char *what)
{
    struct text_in start = s->in;
    uint32_t quote = scan_peek(&s->in);
    scan_step(&s->in);
    for (;;) {
        uint32_t c = scan_peek(&s->in);
        if (c == SCAN_END)
            return scan_fail(s, &start, ERR_SHAPE, "this %s has no closing %c", what, (char)quote);
        if (c == SCAN_BAD)
            return scan_expected(s, "a character");
        scan_step(&s->in);
        if (c == quote)
            return OK;
        if (c == '\\') {
            enum err e = scan_escape(s, &c);
            if (e != OK)
                return e;
        }
        utf8_put(text, c);
    }
}
