#include <openssl/evp.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "etf.h"
#include "head.h"
#include "text_scan.h"
#include "utf8.h"
#include "write.h"

/* --- <<...>> ------------------------------------------------------------- */

/* A bitstring being built; used is the number of bits in its last byte, 0 for all. */
struct bits {
    struct buf bytes;
    unsigned used;
};

static void put_bit(struct bits *b, bool bit)
{
    if (b->used == 0)
        buf_put_u8(&b->bytes, 0);
    b->bytes.at[b->bytes.len - 1] |= (uint8_t)(bit << (7 - b->used));
    b->used = (b->used + 1) % 8;
}

/* Appends the low size bits of a number, sign-extended above 64 bits. */
static void put_number(struct bits *b, uint64_t v, bool negative, uint64_t size)
{
    for (uint64_t i = size; i > 0; i--)
        put_bit(b, i > 64 ? negative : v >> (i - 1) & 1);
}

static void put_bytes(struct bits *b, struct bytes more)
{
    if (b->used == 0)
        buf_put(&b->bytes, more);
    else
        for (size_t i = 0; i < more.len; i++)
            put_number(b, more.at[i], false, 8);
}

/* A string segment: its characters as bytes, or as UTF-8. */
static enum err string_segment(struct text_scan *s, struct bits *b)
{
    struct buf text = {0};
    struct text_in start = s->in;
    enum err e = scan_strings(s, &text);
    if (e == OK && scan_accept(&s->in, "/")) {
        if (scan_accept(&s->in, "utf8"))
            put_bytes(b, buf_bytes(&text));
        else
            e = scan_expected(s, "utf8, the only type of a string segment");
        buf_free(&text);
        return e;
    }
    for (struct bytes rest = buf_bytes(&text); e == OK && rest.len > 0;) {
        uint32_t c = 0;
        size_t n = utf8_next(rest, &c);
        if (c > UINT8_MAX)
            e = scan_fail(s, &start, ERR_SHAPE,
                          "this string has characters above 255: write <<\"...\"/utf8>>");
        else
            put_number(b, c, false, 8);
        rest = bytes_after(rest, n);
    }
    buf_free(&text);
    return e;
}

/* A decimal number of at most max. */
static enum err small_number(struct text_scan *s, uint64_t max, uint64_t *v, const char *what)
{
    struct text_in start = s->in;
    if (!scan_is_digit(scan_peek(&s->in)))
        return scan_expected(s, what);
    for (*v = 0; scan_is_digit(scan_peek(&s->in)); scan_step(&s->in)) {
        unsigned digit = *s->in.text.at - '0';
        if (*v > max / 10 || *v * 10 > max - digit)
            return scan_fail(s, &start, ERR_LIMIT, "%s is at most %llu", what,
                             (unsigned long long)max);
        *v = *v * 10 + digit;
    }
    return OK;
}

/* The integer that scan_number() left in the scratch output. */
static enum err segment_value(struct text_scan *s, const struct text_in *start, uint64_t *v)
{
    struct etf_in in = etf_open(buf_bytes(&s->out)), again = in;
    if (etf_peek(&in) != ETF_INTEGER)
        return scan_fail(s, start, ERR_SHAPE, "expected an integer but found a float");
    *v = (uint64_t)etf_int64(&in);
    if (etf_finish(&in) != OK)
        *v = etf_uint64(&again);
    if (etf_finish(&in) != OK && etf_finish(&again) != OK)
        return scan_fail(s, start, ERR_LIMIT, "an integer in <<>> has at most 64 bits");
    return OK;
}

static enum err number_segment(struct text_scan *s, struct bits *b)
{
    struct text_in start = s->in;
    struct text_scan scratch = {s->in, {0}, s->error};
    bool negative = scan_accept(&scratch.in, "-");
    uint64_t v = 0;
    enum err e;
    if (scan_is_digit(scan_peek(&scratch.in))) {
        e = scan_number(&scratch, negative);
        if (e == OK)
            e = segment_value(&scratch, &start, &v);
    } else if (scan_peek(&scratch.in) == '$' && !negative) {
        uint32_t c;
        e = scan_character(&scratch, &c);
        v = e == OK ? c : 0;
    } else {
        e = scan_expected(&scratch, "an integer, a character or a string");
    }
    s->in = scratch.in;
    buf_free(&scratch.out);
    uint64_t size = 8;
    if (e == OK && scan_accept(&s->in, ":"))
        e = small_number(s, LIMIT_INTEGER_BYTES * 8, &size, "the size in bits");
    if (e == OK)
        put_number(b, v, negative, size);
    return e;
}

static enum err segments(struct text_scan *s, struct bits *b)
{
    scan_white(&s->in);
    if (scan_accept(&s->in, ">>"))
        return OK;
    for (;;) {
        enum err e = scan_peek(&s->in) == '"' ? string_segment(s, b) : number_segment(s, b);
        if (e != OK)
            return e;
        scan_white(&s->in);
        if (scan_accept(&s->in, ">>"))
            return OK;
        if (!scan_accept(&s->in, ","))
            return scan_expected(s, "',' or '>>'");
        scan_white(&s->in);
    }
}

enum err scan_binary(struct text_scan *s)
{
    struct bits b = {0};
    enum err e = segments(s, &b);
    if (e == OK && b.used == 0) {
        put_binary(&s->out, buf_bytes(&b.bytes));
    } else if (e == OK) {
        buf_put_u8(&s->out, TAG_BIT_BINARY);
        buf_put_u32(&s->out, (uint32_t)b.bytes.len);
        buf_put_u8(&s->out, (uint8_t)b.used);
        buf_put(&s->out, buf_bytes(&b.bytes));
    }
    buf_free(&b.bytes);
    return e;
}

/* --- fun m:f/1 ----------------------------------------------------------- */

enum err scan_export(struct text_scan *s)
{
    buf_put_u8(&s->out, TAG_EXPORT);
    scan_white(&s->in);
    enum err e = scan_atom(s);
    if (e == OK && !scan_accept(&s->in, ":"))
        e = scan_expected(s, "':' (a function is written fun Module:Name/Arity)");
    if (e == OK)
        e = scan_atom(s);
    if (e == OK && !scan_accept(&s->in, "/"))
        e = scan_expected(s, "'/' (a function is written fun Module:Name/Arity)");
    uint64_t arity = 0;
    if (e == OK)
        e = small_number(s, UINT8_MAX, &arity, "the arity");
    if (e == OK)
        put_uint(&s->out, arity);
    return e;
}

/* --- #Name<...> ---------------------------------------------------------- */

/* The fields of these forms: an atom, then numbers separated by dots. */
struct fields {
    struct buf node;
    uint64_t numbers[1 + LIMIT_REF_WORDS];
    unsigned count;
};

static enum err read_fields(struct text_scan *s, struct fields *f, unsigned max, uint64_t largest)
{
    enum err e = scan_atom_text(s, &f->node);
    while (e == OK && f->count < max && scan_accept(&s->in, ".")) {
        e = small_number(s, largest, &f->numbers[f->count], "this number");
        f->count++;
    }
    return e;
}

static enum err read_pid(struct text_scan *s, struct fields *f)
{
    enum err e = read_fields(s, f, 3, UINT32_MAX);
    if (e == OK && f->count < 3)
        e = scan_expected(s, "#Pid<'Node'.Id.Serial.Creation>");
    if (e == OK)
        put_pid(&s->out, buf_bytes(&f->node), (uint32_t)f->numbers[0], (uint32_t)f->numbers[1],
                (uint32_t)f->numbers[2]);
    return e;
}

static enum err read_reference(struct text_scan *s, struct fields *f)
{
    enum err e = read_fields(s, f, 1 + LIMIT_REF_WORDS, UINT32_MAX);
    if (e == OK && f->count < 2)
        e = scan_expected(s, "#Ref<'Node'.Creation.Word...>");
    uint32_t words[LIMIT_REF_WORDS];
    for (unsigned i = 0; e == OK && i + 1 < f->count; i++)
        words[i] = (uint32_t)f->numbers[i + 1];
    if (e == OK)
        put_reference(&s->out, buf_bytes(&f->node), (uint32_t)f->numbers[0], words, f->count - 1);
    return e;
}

static enum err read_port(struct text_scan *s, struct fields *f)
{
    struct text_in start = s->in;
    enum err e = read_fields(s, f, 2, UINT64_MAX);
    if (e == OK && f->count < 2)
        e = scan_expected(s, "#Port<'Node'.Id.Creation>");
    if (e == OK && f->numbers[1] > UINT32_MAX)
        e = scan_fail(s, &start, ERR_LIMIT, "a creation has at most 32 bits");
    if (e != OK)
        return e;
    buf_put_u8(&s->out, TAG_V4_PORT);
    put_atom_bytes(&s->out, buf_bytes(&f->node));
    buf_put_u64(&s->out, f->numbers[0]);
    buf_put_u32(&s->out, (uint32_t)f->numbers[1]);
    return OK;
}

/* Base64 of exactly one encoded fun. */
static enum err put_fun(struct text_scan *s, const struct text_in *start, struct bytes base64)
{
    static const char wrong[] = "this is not the base64 of an encoded fun";
    size_t padding = 0;
    while (padding < 2 && padding < base64.len && base64.at[base64.len - 1 - padding] == '=')
        padding++;
    uint8_t *fun = mem_take(base64.len);
    int len = base64.len % 4 == 0 ? EVP_DecodeBlock(fun, base64.at, (int)base64.len) : -1;
    enum err e = ERR_SHAPE;
    size_t used;
    struct bytes decoded = {fun, len > 0 ? (size_t)len - padding : 0};
    if (decoded.len > 0 && *fun == TAG_NEW_FUN && etf_check(decoded, &used) == OK &&
        used == decoded.len) {
        buf_put(&s->out, decoded);
        e = OK;
    }
    mem_free(fun);
    return e == OK ? OK : scan_fail(s, start, e, wrong);
}

static enum err read_fun(struct text_scan *s, struct fields *f)
{
    struct text_in start = s->in;
    if (scan_peek(&s->in) != '"')
        return scan_expected(s, "#Fun<\"base64 of the encoded fun\">");
    enum err e = scan_quoted(s, &f->node, "string");
    return e == OK ? put_fun(s, &start, buf_bytes(&f->node)) : e;
}

enum err scan_special(struct text_scan *s)
{
    static const struct {
        const char *name;
        enum err (*read)(struct text_scan *, struct fields *);
    } forms[] = {
        {"#Pid<", read_pid},
        {"#Ref<", read_reference},
        {"#Port<", read_port},
        {"#Fun<", read_fun},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!scan_accept(&s->in, forms[i].name))
            continue;
        struct fields fields = {0};
        enum err e = forms[i].read(s, &fields);
        buf_free(&fields.node);
        if (e == OK && !scan_accept(&s->in, ">"))
            e = scan_expected(s, "'>'");
        return e;
    }
    scan_step(&s->in);
    return scan_expected(s, "'{', Pid<, Ref<, Port< or Fun< after '#'");
}
