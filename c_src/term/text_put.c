#include "text_put.h"

#include <float.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etf.h"
#include "head.h"
#include "integer.h"
#include "text_scan.h"
#include "utf8.h"

/* Integers of more bytes are printed in base 16: the time for decimal digits grows with the
 * square of their number. */
#define DECIMAL_BYTES 1024

static struct bytes front(struct bytes b, size_t limit)
{
    return (struct bytes){b.at, b.len < limit ? b.len : limit};
}

/* --- numbers ------------------------------------------------------------- */

static void put_integer(struct buf *out, struct bytes term)
{
    if (term.len <= DECIMAL_BYTES) {
        integer_print(out, term);
        return;
    }
    must(*term.at == TAG_LARGE_BIG);
    buf_put(out, term.at[5] != 0 ? BYTES("-16#") : BYTES("16#"));
    for (size_t i = term.len; i > 6; i--)
        buf_printf(out, "%02X", term.at[i - 1]);
}

/* The shortest decimal digits that read back as f (> 0), as d.ddde+xx.  A normal double
 * preserves any 15 digits, so the search starts there: shorter ones show as trailing zeros. */
static void shortest(double f, char digits[32])
{
    int n = isnormal(f) ? DBL_DIG : 1;
    do
        snprintf(digits, 32, "%.*e", n - 1, f);
    while (strtod(digits, NULL) != f && n++ < DBL_DECIMAL_DIG);
}

/* Like OTP's float_to_list(F, [short]): with an exponent if that is shorter, and from 2^53 on,
 * where trailing zeros would not be digits of f. */
static void put_double(struct buf *out, double f)
{
    static const char zeros[] = "0000000000000000";
    char text[32], digits[32];
    if (signbit(f))
        buf_put_u8(out, '-');
    if (fpclassify(f) == FP_ZERO) {
        buf_put(out, BYTES("0.0"));
        return;
    }
    shortest(fabs(f), text);
    char *mark = strchr(text, 'e');
    must(mark != NULL);
    int power = atoi(mark + 1), n = 0;
    for (const char *p = text; p < mark; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;

    int fraction = n > 1 ? n - 1 : 1, power_len = snprintf(text, sizeof(text), "%d", power);
    int scientific = 2 + fraction + 1 + power_len;
    int plain = power < 0 ? 1 - power + n : n > power + 1 ? n + 1 : power + 3;
    if (plain > scientific || fabs(f) >= 0x1p53)
        buf_printf(out, "%c.%.*se%s", digits[0], fraction, n > 1 ? digits + 1 : "0", text);
    else if (power < 0)
        buf_printf(out, "0.%.*s%.*s", -power - 1, zeros, n, digits);
    else if (n > power + 1)
        buf_printf(out, "%.*s.%.*s", power + 1, digits, n - power - 1, digits + power + 1);
    else
        buf_printf(out, "%.*s%.*s.0", n, digits, power + 1 - n, zeros);
}

/* --- quoted text --------------------------------------------------------- */

/* io_lib:printable_unicode_list/1 for one character. */
static bool is_printable(uint32_t c)
{
    if (c < 0xa0)
        return (c >= ' ' && c < 0x7f) || (c >= '\b' && c <= '\r') || c == '\033';
    return c != 0xfffe && c != 0xffff;
}

static void put_character(struct buf *out, uint32_t c, char quote)
{
    static const char controls[] = "\n\r\t\v\b\f\033\177", letters[] = "nrtvbfed";
    const char *control = c > 0 && c < 0x80 ? strchr(controls, (int)c) : NULL;
    if (c == (uint8_t)quote || c == '\\')
        buf_printf(out, "\\%c", (char)c);
    else if (control != NULL)
        buf_printf(out, "\\%c", letters[control - controls]);
    else if (c < 0xa0 && !is_printable(c))
        buf_printf(out, "\\%03o", c);
    else if (!is_printable(c))
        buf_printf(out, "\\x{%X}", c);
    else
        utf8_put(out, c);
}

static void put_quoted(struct buf *out, struct bytes text, char quote)
{
    buf_put_u8(out, (uint8_t)quote);
    while (text.len > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(text, &c);
        must(n > 0);
        put_character(out, c, quote);
        text = bytes_after(text, n);
    }
    buf_put_u8(out, (uint8_t)quote);
}

/* Unquoted only if every OTP reads it so; OTP 27 reserved maybe and else. */
static bool is_plain_atom(struct bytes text)
{
    if (text.len == 0 || text.at[0] < 'a' || text.at[0] > 'z')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= 0x80 || !scan_continues_name(text.at[i]))
            return false;
    return !scan_is_reserved(text) && !bytes_equal(text, BYTES("maybe")) &&
           !bytes_equal(text, BYTES("else"));
}

static struct bytes atom_text(struct bytes atom)
{
    size_t head = *atom.at == TAG_SMALL_ATOM_UTF8 ? 2 : 3;
    return bytes_after(atom, head);
}

static void put_atom_text(struct buf *out, struct bytes atom)
{
    struct bytes text = atom_text(atom);
    if (is_plain_atom(text))
        buf_put(out, text);
    else
        put_quoted(out, text, '\'');
}

/* --- bytes --------------------------------------------------------------- */

static void put_numbers(struct buf *out, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        buf_printf(out, i == 0 ? "%u" : ",%u", b.at[i]);
}

/* A list of bytes: as text if all are printable Latin-1. */
static void put_string(struct buf *out, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!is_printable(b.at[i])) {
            buf_put_u8(out, '[');
            put_numbers(out, b);
            buf_put_u8(out, ']');
            return;
        }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < b.len; i++)
        put_character(out, b.at[i], '"');
    buf_put_u8(out, '"');
}

static bool is_text(struct bytes b, bool *ascii)
{
    *ascii = true;
    while (b.len > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(b, &c);
        if (n == 0 || !is_printable(c))
            return false;
        *ascii = *ascii && n == 1;
        b = bytes_after(b, n);
    }
    return true;
}

static void put_bytes(struct buf *out, struct bytes b, size_t limit)
{
    struct bytes text = utf8_front(b, limit);
    bool ascii;
    buf_put(out, BYTES("<<"));
    if (text.len > 0 && is_text(text, &ascii)) {
        put_quoted(out, text, '"');
        if (!ascii)
            buf_put(out, BYTES("/utf8"));
    } else {
        put_numbers(out, front(b, limit));
    }
    buf_put(out, BYTES(">>"));
}

/* used is the number of bits in the last byte of b. */
static void put_bits(struct buf *out, struct bytes b, unsigned used, size_t limit)
{
    struct bytes full = {b.at, b.len - 1};
    buf_put(out, BYTES("<<"));
    put_numbers(out, front(full, limit));
    buf_printf(out, full.len > 0 ? ",%u:%u>>" : "%u:%u>>", b.at[full.len] >> (8 - used), used);
}

/* --- terms without a literal --------------------------------------------- */

static void put_node(struct buf *out, const char *name, struct bytes node)
{
    buf_printf(out, "#%s<", name);
    put_quoted(out, atom_text(node), '\'');
}

static void put_pid_text(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct etf_pid pid = etf_pid(&in);
    put_node(out, "Pid", pid.node);
    buf_printf(out, ".%u.%u.%u>", pid.id, pid.serial, pid.creation);
}

static void put_reference_text(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct etf_reference ref = etf_reference(&in);
    put_node(out, "Ref", ref.node);
    buf_printf(out, ".%u", ref.creation);
    for (unsigned i = 0; i < ref.count; i++)
        buf_printf(out, ".%u", ref.words[i]);
    buf_put_u8(out, '>');
}

static void put_port_text(struct buf *out, struct bytes term)
{
    struct bytes node = head_node(term.at);
    const uint8_t *at = node.at + node.len;
    put_node(out, "Port", node);
    buf_printf(out, ".%llu.%llu>", (unsigned long long)head_number(at, 8),
               (unsigned long long)head_number(at + 8, 4));
}

static void put_fun_text(struct buf *out, struct bytes term, size_t limit)
{
    struct bytes encoded = front(term, limit);
    buf_put(out, BYTES("#Fun<\""));
    /* Four characters for three bytes, and OpenSSL's NUL. */
    uint8_t *room = buf_room(out, encoded.len / 3 * 4 + 5);
    out->len += (size_t)EVP_EncodeBlock(room, encoded.at, (int)encoded.len);
    buf_put(out, BYTES("\">"));
}

static void put_export_text(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct etf_export export = etf_export(&in);
    buf_put(out, BYTES("fun "));
    put_atom_text(out, export.module);
    buf_put_u8(out, ':');
    put_atom_text(out, export.function);
    buf_printf(out, "/%u", export.arity);
}

void text_put(struct buf *out, struct bytes term, size_t limit)
{
    struct etf_in in = etf_open(term);
    switch (etf_peek(&in)) {
    case ETF_INTEGER:
        put_integer(out, term);
        return;
    case ETF_FLOAT:
        put_double(out, etf_float(&in));
        return;
    case ETF_ATOM:
        put_atom_text(out, term);
        return;
    case ETF_REFERENCE:
        put_reference_text(out, term);
        return;
    case ETF_FUN:
        put_fun_text(out, term, limit);
        return;
    case ETF_EXPORT:
        put_export_text(out, term);
        return;
    case ETF_PORT:
        put_port_text(out, term);
        return;
    case ETF_PID:
        put_pid_text(out, term);
        return;
    case ETF_LIST:
        if (*term.at == TAG_NIL)
            buf_put(out, BYTES("[]"));
        else
            put_string(out, bytes_after(term, 3));
        return;
    case ETF_BINARY:
        put_bytes(out, etf_binary(&in), limit);
        return;
    case ETF_BITSTRING:
        put_bits(out, bytes_after(term, 6), term.at[5], limit);
        return;
    case ETF_NOTHING:
    case ETF_FOREIGN:
    case ETF_TUPLE:
    case ETF_RECORD:
    case ETF_MAP:
        break;
    }
    must(false);
}
