#include "json.h"

#include <inttypes.h>
#include <openssl/evp.h>

#include "head.h"
#include "text.h"
#include "utf8.h"

/* The greatest integer up to which a double has each. */
#define EXACT_MAX ((INT64_C(1) << 53) - 1)

static void put_next(struct buf *out, struct etf_in *in);

static bool is_text(struct bytes text)
{
    uint32_t character;
    while (text.len > 0) {
        size_t n = utf8_next(text, &character);
        if (n == 0)
            return false;
        text = bytes_after(text, n);
    }
    return true;
}

/* A string of UTF-8. */
static void put_string(struct buf *out, struct bytes text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_put(out, BYTES("\\n"));
        else if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_u8(out, c);
    }
    buf_put_u8(out, '"');
}

/* {"$integer": "1..."} and the like, with the term as text.h prints it. */
static void put_as_text(struct buf *out, const char *key, struct bytes term)
{
    struct buf text = {0};
    text_print(&text, term);
    buf_printf(out, "{\"%s\":", key);
    put_string(out, buf_bytes(&text));
    buf_put_u8(out, '}');
    buf_free(&text);
}

static void put_integer(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    int64_t small = etf_int64(&in);
    if (etf_finish(&in) == OK && small >= -EXACT_MAX && small <= EXACT_MAX)
        buf_printf(out, "%" PRId64, small);
    else
        put_as_text(out, "$integer", term);
}

static void put_atom(struct buf *out, struct etf_in *in)
{
    struct atom atom;
    if (etf_accept(in, "nil")) {
        buf_put(out, BYTES("null"));
        return;
    }
    etf_atom(in, &atom);
    struct bytes text = {atom.text, atom.len};
    if (bytes_equal(text, BYTES("true")) || bytes_equal(text, BYTES("false")))
        buf_put(out, text);
    else
        put_string(out, text);
}

static void put_binary(struct buf *out, struct bytes binary)
{
    if (is_text(binary)) {
        put_string(out, binary);
        return;
    }
    buf_put(out, BYTES("{\"$binary\":\""));
    /* With the NUL that OpenSSL writes. */
    uint8_t *room = buf_room(out, (binary.len + 2) / 3 * 4 + 1);
    out->len += (size_t)EVP_EncodeBlock(room, binary.at, (int)binary.len);
    buf_put(out, BYTES("\"}"));
}

static void put_elements(struct buf *out, struct etf_in *in, uint64_t count)
{
    buf_put_u8(out, '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_u8(out, ',');
        put_next(out, in);
    }
    buf_put_u8(out, ']');
}

static void put_list(struct buf *out, struct etf_in *in)
{
    struct bytes list = etf_any(in);
    if (list.at[0] != TAG_LIST) {
        /* [] or a string */
        buf_put_u8(out, '[');
        for (size_t i = 3; i < list.len; i++)
            buf_printf(out, i > 3 ? ",%u" : "%u", list.at[i]);
        buf_put_u8(out, ']');
        return;
    }
    size_t start = out->len;
    struct etf_in elements = etf_open(bytes_after(list, HEAD_BYTES_COUNTED));
    put_elements(out, &elements, head_number(list.at + 1, 4));
    if (etf_accept_nil(&elements))
        return;
    struct buf proper = {0};
    buf_put(&proper, bytes_after(buf_bytes(out), start));
    out->len = start;
    buf_printf(out, "{\"$improper\":[");
    buf_put(out, buf_bytes(&proper));
    buf_put_u8(out, ',');
    put_next(out, &elements);
    buf_put(out, BYTES("]}"));
    buf_free(&proper);
}

/* The text of a key that an object may have; false for any other. */
static bool read_key(struct bytes key, enum etf_kind *kind, struct atom *atom, struct bytes *text)
{
    struct etf_in in = etf_open(key);
    *kind = etf_peek(&in);
    if (*kind == ETF_ATOM) {
        etf_atom(&in, atom);
        *text = (struct bytes){atom->text, atom->len};
    } else if (*kind == ETF_BINARY) {
        *text = etf_binary(&in);
    } else {
        return false;
    }
    return is_text(*text) && (text->len == 0 || text->at[0] != '$');
}

static bool is_object(struct etf_in in, uint32_t count)
{
    enum etf_kind first = ETF_NOTHING, kind;
    struct atom atom;
    struct bytes text;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_key(etf_any(&in), &kind, &atom, &text) || (i > 0 && kind != first))
            return false;
        first = kind;
        etf_any(&in);
    }
    return true;
}

static void put_map(struct buf *out, struct etf_in *in)
{
    uint32_t count = etf_map(in);
    bool object = is_object(*in, count);
    enum etf_kind kind;
    struct atom atom;
    struct bytes text;
    buf_put(out, object ? BYTES("{") : BYTES("{\"$map\":["));
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_u8(out, ',');
        if (!object) {
            put_elements(out, in, 2);
            continue;
        }
        bool read = read_key(etf_any(in), &kind, &atom, &text);
        must(read);
        put_string(out, text);
        buf_put_u8(out, ':');
        put_next(out, in);
    }
    buf_put(out, object ? BYTES("}") : BYTES("]}"));
}

static void put_next(struct buf *out, struct etf_in *in)
{
    switch (etf_peek(in)) {
    case ETF_INTEGER:
        put_integer(out, etf_any(in));
        break;
    case ETF_FLOAT:
        text_print(out, etf_any(in));
        break;
    case ETF_ATOM:
        put_atom(out, in);
        break;
    case ETF_BINARY:
        put_binary(out, etf_binary(in));
        break;
    case ETF_LIST:
        put_list(out, in);
        break;
    case ETF_TUPLE:
        buf_put(out, BYTES("{\"$tuple\":"));
        put_elements(out, in, etf_tuple(in));
        buf_put_u8(out, '}');
        break;
    case ETF_MAP:
        put_map(out, in);
        break;
    default:
        put_as_text(out, "$term", etf_any(in));
    }
}

void json_put(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    put_next(out, &in);
    must(etf_finish(&in) == OK);
}
