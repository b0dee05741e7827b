#include "canon_internal.h"

#include "write.h"

static void keep(struct canon *c, const struct head *head)
{
    c->at += head->size;
}

static bool is_canonical_atom(const struct head *head)
{
    return head->tag == TAG_SMALL_ATOM_UTF8 ||
           (head->tag == TAG_ATOM_UTF8 && head->count > UINT8_MAX);
}

/* Not through ei, which would check the text again: most atoms of OTP 25 pass here. */
static void put_any_atom(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct atom text;
    etf_atom(&in, &text);
    must(etf_finish(&in) == OK);
    if (text.len <= UINT8_MAX) {
        buf_put_u8(out, TAG_SMALL_ATOM_UTF8);
        buf_put_u8(out, (uint8_t)text.len);
    } else {
        buf_put_u8(out, TAG_ATOM_UTF8);
        buf_put_u16(out, (uint16_t)text.len);
    }
    buf_put(out, (struct bytes){text.text, text.len});
}

static void atom(struct canon *c, const struct head *head)
{
    struct bytes old = {c->at, head->size};
    if (is_canonical_atom(head)) {
        keep(c, head);
        return;
    }
    canon_replace(c, head->size);
    put_any_atom(c->out, old);
}

static void pid(struct buf *out, struct etf_in *in)
{
    struct etf_pid p = etf_pid(in);
    buf_put_u8(out, TAG_NEW_PID);
    put_any_atom(out, p.node);
    buf_put_u32(out, p.id);
    buf_put_u32(out, p.serial);
    buf_put_u32(out, p.creation);
}

static void port(struct buf *out, struct etf_in *in)
{
    struct etf_port p = etf_port(in);
    buf_put_u8(out, TAG_V4_PORT);
    put_any_atom(out, p.node);
    buf_put_u64(out, p.id);
    buf_put_u32(out, p.creation);
}

static void reference(struct buf *out, struct etf_in *in)
{
    struct etf_reference r = etf_reference(in);
    buf_put_u8(out, TAG_NEWER_REFERENCE);
    buf_put_u16(out, (uint16_t)r.count);
    put_any_atom(out, r.node);
    buf_put_u32(out, r.creation);
    for (unsigned i = 0; i < r.count; i++)
        buf_put_u32(out, r.words[i]);
}

/* A pid, port or reference is canonical if its tag and the atom of its node are. */
static void identifier(struct canon *c, const struct head *head, enum tag tag,
                       void (*put)(struct buf *out, struct etf_in *in))
{
    struct head node;
    struct bytes name = head_node(c->at);
    struct etf_in in = etf_open((struct bytes){c->at, head->size});
    must(head_read(name.at, name.at + name.len, &node) == OK);
    if (head->tag == tag && is_canonical_atom(&node)) {
        keep(c, head);
        return;
    }
    canon_replace(c, head->size);
    put(c->out, &in);
    must(etf_finish(&in) == OK);
}

/* An integer of any size; digits least significant byte first. */
struct big {
    const uint8_t *digits;
    size_t count; /* without leading zeros */
    bool negative;
};

static struct big big_of(const uint8_t *at, const struct head *head)
{
    struct bytes digits = head_content(at, head);
    struct big b = {digits.at, digits.len, digits.at[-1] != 0};
    while (b.count > 0 && b.digits[b.count - 1] == 0)
        b.count--;
    return b;
}

/* The value of a big of at most four bytes. */
static int64_t big_small_value(const struct big *b)
{
    int64_t v = 0;
    for (size_t i = b->count; i-- > 0;)
        v = v << 8 | b->digits[i];
    return b->negative ? -v : v;
}

static void put_big(struct buf *out, const struct big *b)
{
    if (b->count <= UINT8_MAX) {
        buf_put_u8(out, TAG_SMALL_BIG);
        buf_put_u8(out, (uint8_t)b->count);
    } else {
        buf_put_u8(out, TAG_LARGE_BIG);
        buf_put_u32(out, (uint32_t)b->count);
    }
    buf_put_u8(out, b->negative);
    buf_put(out, (struct bytes){b->digits, b->count});
}

static void big(struct canon *c, const struct head *head)
{
    struct big b = big_of(c->at, head);
    int64_t small = b.count <= 4 ? big_small_value(&b) : INT64_MAX;
    if (small >= INT32_MIN && small <= INT32_MAX) {
        canon_replace(c, head->size);
        put_int(c->out, small);
        return;
    }
    enum tag tag = b.count <= UINT8_MAX ? TAG_SMALL_BIG : TAG_LARGE_BIG;
    if (head->tag == tag && head->count == b.count) {
        keep(c, head);
        return;
    }
    canon_replace(c, head->size);
    put_big(c->out, &b);
}

int canon_byte(const uint8_t *at, const struct head *head)
{
    if (head->tag == TAG_SMALL_INTEGER)
        return at[1];
    if (head->tag == TAG_INTEGER)
        return head_number(at + 1, 4) <= UINT8_MAX ? at[4] : -1;
    if (head->kind != ETF_INTEGER)
        return -1;
    struct big b = big_of(at, head);
    int64_t v = b.count <= 1 ? big_small_value(&b) : -1;
    return v >= 0 ? (int)v : -1;
}

static void integer(struct canon *c, const struct head *head)
{
    int byte;
    if (head->tag == TAG_SMALL_BIG || head->tag == TAG_LARGE_BIG) {
        big(c, head);
    } else if (head->tag == TAG_INTEGER && (byte = canon_byte(c->at, head)) >= 0) {
        canon_replace(c, head->size);
        put_int(c->out, byte);
    } else {
        keep(c, head);
    }
}

static void real(struct canon *c, const struct head *head)
{
    double v;
    if (head->tag == TAG_NEW_FLOAT) {
        keep(c, head);
        return;
    }
    must(head_float(c->at, &v) == OK);
    canon_replace(c, head->size);
    put_float(c->out, v);
}

static void binary(struct canon *c, const struct head *head)
{
    struct bytes b = head_content(c->at, head);
    if (head->tag == TAG_BINARY) {
        keep(c, head);
        return;
    }
    canon_replace(c, head->size);
    put_binary(c->out, b);
}

static void bit_string(struct canon *c, const struct head *head)
{
    struct bytes b = head_content(c->at, head);
    uint8_t unused = (uint8_t)(0xff >> b.at[-1]);
    c->at += head->size;
    if ((b.at[b.len - 1] & unused) == 0)
        return;
    canon_replace(c, 0);
    c->out->at[c->out->len - 1] &= (uint8_t)~unused;
}

/* NIL or STRING. */
static void flat_list(struct canon *c, const struct head *head)
{
    must(head->kind == ETF_LIST);
    if (head->tag == TAG_STRING && head->count == 0) {
        canon_replace(c, head->size);
        put_nil(c->out);
        return;
    }
    keep(c, head);
}

void canon_leaf(struct canon *c, const struct head *head)
{
    must(head->terms == 0);
    switch (head->kind) {
    case ETF_INTEGER:
        integer(c, head);
        break;
    case ETF_FLOAT:
        real(c, head);
        break;
    case ETF_ATOM:
        atom(c, head);
        break;
    case ETF_BINARY:
        binary(c, head);
        break;
    case ETF_BITSTRING:
        bit_string(c, head);
        break;
    case ETF_PID:
        identifier(c, head, TAG_NEW_PID, pid);
        break;
    case ETF_PORT:
        identifier(c, head, TAG_V4_PORT, port);
        break;
    case ETF_REFERENCE:
        identifier(c, head, TAG_NEWER_REFERENCE, reference);
        break;
    default:
        flat_list(c, head);
        break;
    }
}
