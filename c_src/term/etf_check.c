#include "etf.h"
#include "head.h"
#include "utf8.h"

static enum err check_atom(const uint8_t *at, const struct head *head)
{
    bool utf8 = head->tag == TAG_ATOM_UTF8 || head->tag == TAG_SMALL_ATOM_UTF8;
    if (head->count > (utf8 ? LIMIT_ATOM_BYTES : LIMIT_ATOM_CHARS))
        return ERR_LIMIT;
    if (!utf8)
        return OK;
    struct bytes text = head_content(at, head);
    size_t characters = 0;
    for (; text.len > 0; characters++) {
        uint32_t character;
        size_t n = *text.at < 0x80 ? 1 : utf8_next(text, &character);
        if (n == 0)
            return ERR_UTF8;
        text = bytes_after(text, n);
    }
    return characters <= LIMIT_ATOM_CHARS ? OK : ERR_LIMIT;
}

static enum err check_integer(const struct etf_check *c, const struct head *head)
{
    if (head->tag != TAG_SMALL_BIG && head->tag != TAG_LARGE_BIG)
        return OK;
    uint8_t sign = c->at[head->size - head->count - 1];
    if (head->count > LIMIT_INTEGER_BYTES && !c->unlimited)
        return ERR_LIMIT;
    return sign <= 1 ? OK : ERR_RANGE;
}

static enum err check_float(const uint8_t *at)
{
    double v;
    return head_float(at, &v);
}

static enum err check_node(const uint8_t *at, const uint8_t *end)
{
    struct head node;
    const uint8_t *name = at + head_layouts[*at].head;
    enum err e = head_read(name, end, &node);
    return e == OK ? check_atom(name, &node) : e;
}

static enum err check_reference(const uint8_t *at, const uint8_t *end, const struct head *head)
{
    if (head->tag != TAG_REFERENCE && head->count == 0)
        return ERR_RANGE;
    return head->count <= LIMIT_REF_WORDS ? check_node(at, end) : ERR_LIMIT;
}

/* Like OTP (external.c): refuses a last byte with none or too many bits, and bits without a
 * last byte. */
static enum err check_bits(const uint8_t *at, const struct head *head)
{
    if (head->tag != TAG_BIT_BINARY)
        return OK;
    return (head->count == 0) == (at[5] == 0) && at[5] <= 8 ? OK : ERR_RANGE;
}

static enum err check_value(const struct etf_check *c, const struct head *head)
{
    const uint8_t *at = c->at, *end = c->end;
    switch (head->kind) {
    case ETF_ATOM:
        return check_atom(at, head);
    case ETF_INTEGER:
        return check_integer(c, head);
    case ETF_FLOAT:
        return check_float(at);
    case ETF_BINARY:
    case ETF_BITSTRING:
        return check_bits(at, head);
    case ETF_REFERENCE:
        return check_reference(at, end, head);
    case ETF_PID:
    case ETF_PORT:
        return check_node(at, end);
    case ETF_RECORD:
        return at[HEAD_OF_RECORD_FLAGS] <= RECORD_EXPORTED ? OK : ERR_RANGE;
    case ETF_FOREIGN:
        return ERR_TAG;
    default:
        return OK;
    }
}

/* Whether the value is fine, as a short look at a common tag tells; if not, check_value() is to say
 * it. */
static inline bool is_sound(const uint8_t *at, const struct head *head)
{
    switch (head->tag) {
    case TAG_SMALL_INTEGER:
    case TAG_INTEGER:
    case TAG_BINARY:
    case TAG_STRING:
    case TAG_NIL:
    case TAG_LIST:
    case TAG_SMALL_TUPLE:
    case TAG_MAP:
        return true;
    case TAG_SMALL_ATOM_UTF8:
        return utf8_is_ascii((struct bytes){at + 2, head->count});
    case TAG_NEW_PID:
        return at[1] == TAG_SMALL_ATOM_UTF8 && utf8_is_ascii((struct bytes){at + 3, at[2]});
    case TAG_NEWER_REFERENCE:
        return head->count > 0 && head->count <= LIMIT_REF_WORDS && at[3] == TAG_SMALL_ATOM_UTF8 &&
               utf8_is_ascii((struct bytes){at + 5, at[4]});
    default:
        return false;
    }
}

/* A part of a fun: a term of this kind without subterms. */
static enum err check_part(struct etf_check *c, enum etf_kind kind)
{
    struct head head;
    enum err e = head_read(c->at, c->end, &head);
    if (e == OK && head.kind != kind)
        e = ERR_SHAPE;
    if (e == OK)
        e = check_value(c, &head);
    if (e == OK)
        c->at += head.size;
    return e;
}

/* Moves the cursor from the end of the fun's head to its free variables.  The size field is
 * not checked: OTP has sent wrong ones (funs encoded before the connection was up) and ignores
 * it when reading. */
static enum err check_fun_parts(struct etf_check *c)
{
    static const enum etf_kind parts[] = {ETF_ATOM, ETF_INTEGER, ETF_INTEGER, ETF_PID};
    enum err e = OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && e == OK; i++)
        e = check_part(c, parts[i]);
    return e;
}

static enum err check_export_parts(struct etf_check *c)
{
    enum err e = check_part(c, ETF_ATOM);
    if (e == OK)
        e = check_part(c, ETF_ATOM);
    if (e == OK && c->at < c->end && *c->at != TAG_SMALL_INTEGER)
        e = ERR_SHAPE;
    return e == OK ? check_part(c, ETF_INTEGER) : e;
}

/* The record's module, its name and the names of its fields. */
static enum err check_record_parts(struct etf_check *c, uint64_t fields)
{
    enum err e = OK;
    for (uint64_t left = 2 + fields; left > 0 && e == OK; left--)
        e = check_part(c, ETF_ATOM);
    return e;
}

static enum err check_open(struct etf_check *c, uint64_t terms)
{
    /* Each term takes at least one byte. */
    if (terms > (uint64_t)(c->end - c->at))
        return ERR_SHORT;
    if (c->depth == LIMIT_TERM_DEPTH)
        return ERR_LIMIT;
    c->left[c->depth++] = terms;
    return OK;
}

/* Checks one term without its subterms, whose number goes to *terms. */
static inline enum err check_one(struct etf_check *c, uint64_t *terms)
{
    struct head head;
    enum err e = head_read(c->at, c->end, &head);
    if (e == OK && !is_sound(c->at, &head))
        e = check_value(c, &head);
    if (e != OK)
        return e;
    c->at += head.size;
    *terms = head.terms;
    if (head.kind == ETF_FUN) {
        *terms = head.count;
        return check_fun_parts(c);
    }
    if (head.kind == ETF_EXPORT) {
        *terms = 0;
        return check_export_parts(c);
    }
    if (head.kind == ETF_RECORD) {
        *terms = head.count;
        return check_record_parts(c, head.count);
    }
    return OK;
}

void etf_check_open(struct etf_check *c, struct bytes b)
{
    c->at = b.at;
    c->end = b.len > 0 ? b.at + b.len : b.at;
    c->unlimited = false;
    c->depth = 0;
}

bool etf_check_step(struct etf_check *c, size_t bytes, enum err *e)
{
    const uint8_t *from = c->at;
    *e = c->at == c->end ? ERR_SHORT : OK;
    while (*e == OK && (size_t)(c->at - from) < bytes) {
        uint64_t terms = 0;
        *e = check_one(c, &terms);
        if (*e == OK && terms > 0)
            *e = check_open(c, terms);
        if (*e != OK || terms > 0)
            continue;
        while (c->depth > 0 && --c->left[c->depth - 1] == 0)
            c->depth--;
        if (c->depth == 0)
            return true;
    }
    return *e != OK;
}

enum err etf_check(struct bytes b, size_t *len)
{
    struct etf_check c;
    enum err e;
    etf_check_open(&c, b);
    etf_check_step(&c, SIZE_MAX, &e);
    if (e == OK)
        *len = (size_t)(c.at - b.at);
    return e;
}

enum err etf_measure(struct bytes b, size_t *len)
{
    struct etf_check c;
    enum err e = OK;
    c.at = b.at;
    c.end = b.len > 0 ? b.at + b.len : b.at;
    c.unlimited = true;
    for (uint64_t left = 1; left > 0 && e == OK; left--) {
        uint64_t terms = 0;
        e = check_one(&c, &terms);
        left += terms;
        /* Each term takes at least one byte. */
        if (e == OK && left - 1 > (uint64_t)(c.end - c.at))
            e = ERR_SHORT;
    }
    *len = (size_t)(c.at - b.at);
    return e;
}

void etf_length_open(struct etf_length *l, struct bytes b)
{
    *l = (struct etf_length){b.at, b.len > 0 ? b.at + b.len : b.at, 1};
}

bool etf_length_step(struct etf_length *l, size_t bytes, enum err *e)
{
    const uint8_t *from = l->at;
    *e = OK;
    for (; l->left > 0 && (size_t)(l->at - from) < bytes; l->left--) {
        struct head head;
        *e = l->at < l->end ? head_read(l->at, l->end, &head) : ERR_SHORT;
        if (*e != OK)
            return true;
        l->at += head.size;
        l->left += head.terms;
        /* Each term takes at least one byte. */
        if (l->left - 1 > (uint64_t)(l->end - l->at)) {
            *e = ERR_SHORT;
            return true;
        }
    }
    return l->left == 0;
}

enum err etf_length(struct bytes b, size_t *len)
{
    struct etf_length l;
    enum err e;
    etf_length_open(&l, b);
    etf_length_step(&l, SIZE_MAX, &e);
    if (e == OK)
        *len = (size_t)(l.at - b.at);
    return e;
}

bool etf_is_deeper(struct bytes checked, size_t levels)
{
    uint64_t left[LIMIT_TERM_DEPTH]; /* terms to come in each open container */
    size_t at = 0, depth = 0;
    must(levels <= LIMIT_TERM_DEPTH);
    while (at < checked.len) {
        struct head head;
        enum err e = head_read(checked.at + at, checked.at + checked.len, &head);
        must(e == OK);
        at += head.size;
        if (head.terms > 0) {
            if (depth == levels)
                return true;
            left[depth++] = head.terms;
            continue;
        }
        while (depth > 0 && --left[depth - 1] == 0)
            depth--;
    }
    return false;
}
