#include "etf.h"

#include <ei.h>
#include <string.h>

#include "head.h"

void etf_fail(struct etf_in *in, enum err e)
{
    must(e != OK);
    if (in->err == OK)
        in->err = e;
    in->at = in->end;
}

enum err etf_finish(struct etf_in *in)
{
    if (in->err == OK && in->at != in->end)
        etf_fail(in, ERR_TRAILING);
    return in->err;
}

/* Finds the next head.  The bytes have been checked, so it fails only where a term is missing
 * or the caller has lost its place in a list. */
static enum err next_head(const struct etf_in *in, const uint8_t **at, struct head *head)
{
    *at = head_past_empty(in->at, in->end);
    return *at == in->end ? ERR_SHAPE : head_read(*at, in->end, head);
}

/* Moves the cursor to a term of this kind, or fails it. */
static bool find(struct etf_in *in, enum etf_kind kind, struct head *head)
{
    enum err e = next_head(in, &in->at, head);
    if (e == OK && head->kind != kind)
        e = ERR_SHAPE;
    if (e != OK)
        etf_fail(in, e);
    return e == OK;
}

static const uint8_t *step(struct etf_in *in, uint64_t n)
{
    const uint8_t *from = in->at;
    in->at += n;
    return from;
}

static struct bytes take(struct etf_in *in, uint64_t n)
{
    return (struct bytes){step(in, n), n};
}

struct bytes etf_name(const struct etf_in *in)
{
    struct head head;
    const uint8_t *at;
    if (next_head(in, &at, &head) != OK || head.kind != ETF_ATOM)
        return (struct bytes){0};
    return head_content(at, &head);
}

struct bytes etf_node(struct bytes identifier)
{
    return head_node(identifier.at);
}

/* The tag says it, but for a bitstring without a partial byte. */
enum etf_kind etf_peek(const struct etf_in *in)
{
    struct head head;
    const uint8_t *at = head_past_empty(in->at, in->end);
    if (at == in->end)
        return ETF_NOTHING;
    if (*at != TAG_BIT_BINARY)
        return head_layouts[*at].kind;
    return head_read(at, in->end, &head) == OK ? head.kind : ETF_NOTHING;
}

struct bytes etf_any(struct etf_in *in)
{
    const uint8_t *from = in->at, *at = from;
    for (uint64_t left = 1; left > 0;) {
        struct head head;
        enum err e = at == in->end ? ERR_SHAPE : head_read(at, in->end, &head);
        if (e != OK) {
            etf_fail(in, e);
            return (struct bytes){0};
        }
        at += head.size;
        left += head.terms - 1;
    }
    return take(in, (uint64_t)(at - from));
}

bool etf_skip(struct etf_in *in, uint64_t *left, size_t bytes)
{
    const uint8_t *from = in->at;
    while (*left > 0 && (size_t)(in->at - from) < bytes) {
        struct head head;
        enum err e = in->at == in->end ? ERR_SHAPE : head_read(in->at, in->end, &head);
        if (e != OK) {
            etf_fail(in, e);
            *left = 0;
            return true;
        }
        step(in, head.size);
        *left += head.terms - 1;
    }
    return *left == 0;
}

struct bytes etf_last(struct etf_in *in)
{
    if (in->at == in->end)
        etf_fail(in, ERR_SHAPE);
    return take(in, (uint64_t)(in->end - in->at));
}

static uint32_t open_counted(struct etf_in *in, enum etf_kind kind)
{
    struct head head;
    if (!find(in, kind, &head))
        return 0;
    step(in, head.size);
    return (uint32_t)head.count;
}

uint32_t etf_tuple(struct etf_in *in)
{
    if (in->end - in->at >= 2 && *in->at == TAG_SMALL_TUPLE)
        return step(in, 2)[1];
    return open_counted(in, ETF_TUPLE);
}

void etf_tuple_of(struct etf_in *in, uint32_t arity)
{
    if (etf_tuple(in) != arity)
        etf_fail(in, ERR_SHAPE);
}

uint32_t etf_map(struct etf_in *in)
{
    return open_counted(in, ETF_MAP);
}

void etf_atom(struct etf_in *in, struct atom *atom)
{
    struct head head;
    atom->len = 0;
    if (!find(in, ETF_ATOM, &head))
        return;
    struct bytes text = head_content(in->at, &head);
    step(in, head.size);
    if (head.tag == TAG_ATOM_UTF8 || head.tag == TAG_SMALL_ATOM_UTF8) {
        memcpy(atom->text, text.at, text.len);
        atom->len = text.len;
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c >= 0x80)
            atom->text[atom->len++] = (uint8_t)(0xc0 | c >> 6);
        atom->text[atom->len++] = c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f));
    }
}

/* The name right behind the head of an atom, as most are encoded. */
static bool is_small_atom(const struct etf_in *in, struct bytes name)
{
    return in->at[1] == name.len && (size_t)(in->end - in->at) >= 2 + name.len &&
           memcmp(in->at + 2, name.at, name.len) == 0;
}

bool etf_accept_name(struct etf_in *in, struct bytes name)
{
    struct head head;
    const uint8_t *at;
    if (in->end - in->at >= 2 && *in->at == TAG_SMALL_ATOM_UTF8) {
        bool same = is_small_atom(in, name);
        step(in, same ? 2 + name.len : 0);
        return same;
    }
    if (next_head(in, &at, &head) != OK || head.kind != ETF_ATOM)
        return false;
    if (!bytes_equal(head_content(at, &head), name))
        return false;
    in->at = at + head.size;
    return true;
}

bool etf_accept_nil(struct etf_in *in)
{
    struct head head;
    const uint8_t *at;
    if (next_head(in, &at, &head) != OK || head.kind != ETF_LIST || head.count > 0)
        return false;
    in->at = at + head.size;
    return true;
}

void etf_expect(struct etf_in *in, const char *name)
{
    if (!etf_accept(in, name))
        etf_fail(in, ERR_SHAPE);
}

/* Takes an integer that is no big one: those are ei's. */
static bool take_word(struct etf_in *in, int64_t *v)
{
    ptrdiff_t room = in->end - in->at;
    if (room < 2 || (*in->at == TAG_INTEGER && room < 5) || !head_word(in->at, v))
        return false;
    step(in, *in->at == TAG_INTEGER ? 5 : 2);
    return true;
}

int64_t etf_int64(struct etf_in *in)
{
    struct head head;
    EI_LONGLONG v;
    int64_t word;
    int used = 0;
    if (take_word(in, &word))
        return word;
    if (!find(in, ETF_INTEGER, &head))
        return 0;
    if (ei_decode_longlong((const char *)in->at, &used, &v) != 0) {
        etf_fail(in, ERR_RANGE);
        return 0;
    }
    step(in, head.size);
    return v;
}

uint64_t etf_uint64(struct etf_in *in)
{
    struct head head;
    EI_ULONGLONG v;
    struct etf_in ahead = *in;
    int64_t word;
    int used = 0;
    if (take_word(&ahead, &word) && word >= 0) {
        *in = ahead;
        return (uint64_t)word;
    }
    if (!find(in, ETF_INTEGER, &head))
        return 0;
    if (ei_decode_ulonglong((const char *)in->at, &used, &v) != 0) {
        etf_fail(in, ERR_RANGE);
        return 0;
    }
    step(in, head.size);
    return v;
}

uint32_t etf_uint32(struct etf_in *in)
{
    uint64_t v = etf_uint64(in);
    if (v <= UINT32_MAX)
        return (uint32_t)v;
    etf_fail(in, ERR_RANGE);
    return 0;
}

double etf_float(struct etf_in *in)
{
    struct head head;
    double v;
    if (!find(in, ETF_FLOAT, &head))
        return 0;
    enum err e = head_float(in->at, &v);
    if (e != OK) {
        etf_fail(in, e);
        return 0;
    }
    step(in, head.size);
    return v;
}

bool etf_bool(struct etf_in *in)
{
    if (etf_accept(in, "true"))
        return true;
    etf_expect(in, "false");
    return false;
}

struct bytes etf_binary(struct etf_in *in)
{
    struct head head;
    if (!find(in, ETF_BINARY, &head))
        return (struct bytes){0};
    struct bytes b = head_content(in->at, &head);
    step(in, head.size);
    return b;
}

struct etf_pid etf_pid(struct etf_in *in)
{
    struct head head;
    if (!find(in, ETF_PID, &head))
        return (struct etf_pid){0};
    struct bytes node = head_node(in->at);
    const uint8_t *numbers = node.at + node.len;
    step(in, head.size);
    return (struct etf_pid){
        .node = node,
        .id = (uint32_t)head_number(numbers, 4),
        .serial = (uint32_t)head_number(numbers + 4, 4),
        .creation = (uint32_t)head_number(numbers + 8, head.tag == TAG_PID ? 1 : 4),
    };
}

struct etf_port etf_port(struct etf_in *in)
{
    struct head head;
    if (!find(in, ETF_PORT, &head))
        return (struct etf_port){0};
    struct bytes node = head_node(in->at);
    const uint8_t *numbers = node.at + node.len;
    unsigned id_bytes = head.tag == TAG_V4_PORT ? 8 : 4;
    step(in, head.size);
    return (struct etf_port){
        .node = node,
        .id = head_number(numbers, id_bytes),
        .creation = (uint32_t)head_number(numbers + id_bytes, head.tag == TAG_PORT ? 1 : 4),
    };
}

struct etf_reference etf_reference(struct etf_in *in)
{
    struct etf_reference r = {0};
    struct head head;
    if (!find(in, ETF_REFERENCE, &head))
        return r;
    r.node = head_node(in->at);
    const uint8_t *numbers = r.node.at + r.node.len;
    step(in, head.size);
    if (head.tag == TAG_REFERENCE) {
        r.words[0] = (uint32_t)head_number(numbers, 4);
        r.count = 1;
        r.creation = numbers[4];
        return r;
    }
    unsigned creation_bytes = head.tag == TAG_NEWER_REFERENCE ? 4 : 1;
    r.creation = (uint32_t)head_number(numbers, creation_bytes);
    r.count = (unsigned)head.count;
    for (unsigned i = 0; i < r.count; i++)
        r.words[i] = (uint32_t)head_number(numbers + creation_bytes + 4 * (size_t)i, 4);
    return r;
}

struct etf_export etf_export(struct etf_in *in)
{
    struct etf_export x = {0};
    struct head head;
    if (!find(in, ETF_EXPORT, &head))
        return x;
    step(in, head.size);
    x.module = etf_any(in);
    x.function = etf_any(in);
    x.arity = etf_uint32(in);
    return x;
}

struct bytes etf_fun_creator(struct etf_in *in)
{
    struct head head;
    if (!find(in, ETF_FUN, &head))
        return (struct bytes){0};
    step(in, head.size);
    /* Module, OldIndex and OldUniq come before the creator, the free variables after it. */
    for (int i = 0; i < 3; i++)
        etf_any(in);
    struct bytes creator = etf_any(in);
    for (uint64_t held = head.terms - 4; held > 0; held--)
        etf_any(in);
    return creator;
}
