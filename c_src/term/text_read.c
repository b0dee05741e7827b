#include <stdlib.h>

#include "../limits.h"
#include "../mem.h"
#include "canon.h"
#include "etf.h"
#include "head.h"
#include "order.h"
#include "text.h"
#include "text_scan.h"
#include "write.h"

/* Open containers are kept on a bounded stack.  The head of a container is written before its
 * size is known and filled in at its end.  The output is plain external format; canon_put()
 * sorts the maps and makes the strings.  Only map keys are made canonical here, so that a
 * duplicate is reported at its place in the text. */

enum inside { IN_TUPLE, IN_LIST, IN_TAIL, AT_KEY, AT_VALUE };

/* A key of an open map: offset and length in the output. */
struct key {
    size_t at, len;
    struct text_in start;
};

struct frame {
    enum inside inside;
    size_t head;          /* offset of the container's head in the output */
    uint32_t count;       /* elements or pairs so far */
    size_t keys;          /* number of keys of the enclosing maps */
    struct text_in start; /* position of the opening bracket */
    struct key key;       /* AT_KEY: the key to be read next */
};

struct reader {
    struct text_scan scan;
    size_t depth;
    struct frame frames[LIMIT_TERM_DEPTH];
    struct key *keys;
    size_t key_count, key_cap;
};

static enum err open_frame(struct reader *r, const struct text_in *start, enum inside inside)
{
    if (r->depth == LIMIT_TERM_DEPTH)
        return scan_fail(&r->scan, start, ERR_LIMIT, "nested deeper than %d levels",
                         LIMIT_TERM_DEPTH);
    r->frames[r->depth++] = (struct frame){inside, r->scan.out.len, 0, r->key_count, *start, {0}};
    static const uint8_t tags[] = {
        [IN_TUPLE] = TAG_LARGE_TUPLE, [IN_LIST] = TAG_LIST, [AT_KEY] = TAG_MAP};
    buf_put_u8(&r->scan.out, tags[inside]);
    buf_put_u32(&r->scan.out, 0);
    return OK;
}

static void close_frame(struct reader *r)
{
    const struct frame *f = &r->frames[--r->depth];
    for (unsigned i = 0; i < 4; i++)
        r->scan.out.at[f->head + 1 + i] = (uint8_t)(f->count >> (24 - 8 * i));
}

/* --- keys ---------------------------------------------------------------- */

/* Makes the key just read, the end of the output from key->at, canonical and remembers it. */
static enum err add_key(struct reader *r, struct key *key)
{
    struct buf *out = &r->scan.out, canonical = {0};
    struct bytes plain = bytes_after(buf_bytes(out), key->at);
    size_t used;
    enum err e = etf_check(plain, &used);
    if (e == OK)
        e = canon_put(&canonical, plain);
    if (e == OK) {
        out->len = key->at;
        buf_put(out, buf_bytes(&canonical));
        key->len = canonical.len;
        r->keys = mem_room(r->keys, r->key_count, &r->key_cap, sizeof(*r->keys));
        r->keys[r->key_count++] = *key;
    }
    buf_free(&canonical);
    return e == OK ? OK : scan_fail(&r->scan, &key->start, e, "this key is %s", err_text(e));
}

static int compare_keys(const void *a, const void *b, void *base)
{
    const struct key *x = a, *y = b;
    const uint8_t *out = base;
    int order =
        term_compare_keys((struct bytes){out + x->at, x->len}, (struct bytes){out + y->at, y->len});
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* Refuses duplicate keys in the map that ends here. */
static enum err check_keys(struct reader *r, size_t first)
{
    struct key *keys = r->keys + first;
    size_t count = r->key_count - first;
    uint8_t *out = r->scan.out.at;
    r->key_count = first;
    if (count < 2)
        return OK;
    qsort_r(keys, count, sizeof(*keys), compare_keys, out);
    for (size_t i = 1; i < count; i++) {
        struct bytes a = {out + keys[i - 1].at, keys[i - 1].len};
        struct bytes b = {out + keys[i].at, keys[i].len};
        if (bytes_equal(a, b))
            return scan_fail(&r->scan, &keys[i].start, ERR_DUPLICATE,
                             "duplicate key, first used at line %u column %u",
                             keys[i - 1].start.line, keys[i - 1].start.column);
    }
    return OK;
}

/* --- the grammar --------------------------------------------------------- */

/* "expected WANTED but found ...", or that the innermost bracket is not closed. */
static enum err expected(struct reader *r, const char *wanted)
{
    if (r->depth == 0 || scan_peek(&r->scan.in) != SCAN_END)
        return scan_expected(&r->scan, wanted);
    static const char *const brackets[] = {
        [IN_TUPLE] = "{", [IN_LIST] = "[", [IN_TAIL] = "[", [AT_KEY] = "#{", [AT_VALUE] = "#{"};
    const struct frame *f = &r->frames[r->depth - 1];
    return scan_fail(&r->scan, &f->start, ERR_SHAPE,
                     "this '%s' is not closed: expected %s but the text ends", brackets[f->inside],
                     wanted);
}

static enum err read_signed(struct reader *r)
{
    struct text_scan *s = &r->scan;
    bool negative = scan_peek(&s->in) == '-';
    scan_step(&s->in);
    scan_white(&s->in);
    if (scan_is_digit(scan_peek(&s->in)))
        return scan_number(s, negative);
    if (scan_peek(&s->in) != '$')
        return expected(r, "a number after the sign");
    uint32_t c;
    enum err e = scan_character(s, &c);
    if (e == OK)
        put_int(&s->out, negative ? -(int64_t)c : c);
    return e;
}

static enum err read_unsigned_character(struct text_scan *s)
{
    uint32_t c;
    enum err e = scan_character(s, &c);
    if (e == OK)
        put_uint(&s->out, c);
    return e;
}

static enum err read_word(struct text_scan *s)
{
    struct text_in after = s->in;
    if (!bytes_equal(scan_name(&after), BYTES("fun")))
        return scan_atom(s);
    s->in = after;
    return scan_export(s);
}

static enum err refuse_variable(struct text_scan *s)
{
    struct text_in start = s->in;
    struct bytes name = scan_name(&s->in);
    int len = name.len <= 40 ? (int)name.len : 0;
    return scan_fail(s, &start, ERR_SHAPE,
                     "expected a term but found the variable %.*s (quote it to make it an "
                     "atom: '%.*s')",
                     len, (const char *)name.at, len, (const char *)name.at);
}

static enum err read_leaf(struct reader *r)
{
    struct text_scan *s = &r->scan;
    uint32_t c = scan_peek(&s->in);
    if (scan_is_digit(c))
        return scan_number(s, false);
    if (c == '-' || c == '+')
        return read_signed(r);
    if (c == '"')
        return scan_string(s);
    if (c == '\'')
        return scan_atom(s);
    if (scan_begins_atom(c))
        return read_word(s);
    if (c == '$')
        return read_unsigned_character(s);
    if (c == '#')
        return scan_special(s);
    if (scan_accept(&s->in, "<<"))
        return scan_binary(s);
    if (scan_begins_variable(c))
        return refuse_variable(s);
    return expected(r, "a term");
}

/* Reads a leaf or opens a container.  *whole is false after opening one that is not empty. */
static enum err read_next(struct reader *r, bool *whole)
{
    static const struct {
        const char *open, *close;
        enum inside inside;
    } containers[] = {{"{", "}", IN_TUPLE}, {"[", "]", IN_LIST}, {"#{", "}", AT_KEY}};
    struct text_scan *s = &r->scan;
    scan_white(&s->in);
    struct text_in start = s->in;
    if (r->depth > 0 && r->frames[r->depth - 1].inside == AT_KEY)
        r->frames[r->depth - 1].key = (struct key){s->out.len, 0, start};
    for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
        if (!scan_accept(&s->in, containers[i].open))
            continue;
        enum err e = open_frame(r, &start, containers[i].inside);
        if (e != OK)
            return e;
        scan_white(&s->in);
        *whole = scan_accept(&s->in, containers[i].close);
        if (*whole && containers[i].inside == IN_LIST)
            put_nil(&s->out);
        if (*whole)
            close_frame(r);
        return OK;
    }
    *whole = true;
    return read_leaf(r);
}

/* After a key: the arrow. */
static enum err after_key(struct reader *r, struct frame *f)
{
    enum err e = add_key(r, &f->key);
    if (e != OK)
        return e;
    f->inside = AT_VALUE;
    return scan_accept(&r->scan.in, "=>") ? OK : expected(r, "'=>' after a key");
}

/* After an element of a list or tuple, or after a value: reads the separator, or the end of
 * the container, which sets *whole. */
static enum err after_element(struct reader *r, bool *whole)
{
    struct frame *f = &r->frames[r->depth - 1];
    struct text_in *in = &r->scan.in;
    scan_white(in);
    *whole = false;
    if (f->inside == AT_KEY)
        return after_key(r, f);
    if (f->inside != IN_TAIL) {
        f->count++;
        if (scan_accept(in, ",")) {
            f->inside = f->inside == AT_VALUE ? AT_KEY : f->inside;
            return OK;
        }
        if (f->inside == IN_LIST && scan_accept(in, "|")) {
            f->inside = IN_TAIL;
            return OK;
        }
    }
    bool list = f->inside == IN_LIST || f->inside == IN_TAIL;
    *whole = scan_accept(in, list ? "]" : "}");
    if (!*whole)
        return expected(r, f->inside == IN_TAIL   ? "']' after the tail of a list"
                           : f->inside == IN_LIST ? "',' or ']'"
                                                  : "',' or '}'");
    if (f->inside == IN_LIST)
        put_nil(&r->scan.out);
    enum err e = f->inside == AT_VALUE ? check_keys(r, f->keys) : OK;
    close_frame(r);
    return e;
}

static enum err read_term(struct reader *r)
{
    for (;;) {
        bool whole;
        enum err e = read_next(r, &whole);
        while (e == OK && whole && r->depth > 0)
            e = after_element(r, &whole);
        if (e != OK || whole)
            return e;
    }
}

/* --- whole terms --------------------------------------------------------- */

struct text_in text_open(struct bytes text)
{
    return (struct text_in){text, 1, 1};
}

bool text_at_end(struct text_in *in)
{
    scan_white(in);
    return in->text.len == 0;
}

enum err text_term(struct text_in *in, struct buf *out, struct text_error *error)
{
    struct reader r;
    r.scan = (struct text_scan){*in, {0}, error};
    r.depth = r.key_count = r.key_cap = 0;
    r.keys = NULL;
    scan_white(&r.scan.in);
    struct text_in start = r.scan.in;
    enum err e = read_term(&r);
    if (e == OK) {
        struct bytes plain = buf_bytes(&r.scan.out);
        size_t used;
        e = etf_check(plain, &used);
        if (e == OK)
            e = canon_put(out, plain);
        if (e != OK)
            scan_fail(&r.scan, &start, e, "this term is %s", err_text(e));
    }
    *in = r.scan.in;
    buf_free(&r.scan.out);
    mem_free(r.keys);
    return e;
}

enum err text_dot(struct text_in *in, struct text_error *error)
{
    struct text_scan s = {*in, {0}, error};
    scan_white(&s.in);
    if (!scan_accept(&s.in, "."))
        return scan_expected(&s, "'.' at the end of the term");
    struct text_in after = s.in;
    scan_white(&after);
    if (after.text.at == s.in.text.at && s.in.text.len > 0)
        return scan_expected(&s, "white space after the '.'");
    *in = s.in;
    return OK;
}

enum err text_single(struct bytes text, struct buf *out, struct text_error *error)
{
    struct text_in in = text_open(text);
    size_t before = out->len;
    enum err e = text_term(&in, out, error);
    if (e != OK)
        return e;
    if (!text_at_end(&in) && *in.text.at == '.')
        e = text_dot(&in, error);
    if (e == OK && !text_at_end(&in)) {
        struct text_scan s = {in, {0}, error};
        e = scan_expected(&s, "nothing more after the term");
    }
    if (e != OK)
        out->len = before;
    return e;
}
