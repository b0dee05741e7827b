#include "../limits.h"
#include "head.h"
#include "native_record.h"
#include "text.h"
#include "text_put.h"
#include "utf8.h"

enum inside { IN_TUPLE, IN_LIST, IN_MAP, IN_RECORD };

struct frame {
    enum inside inside;
    size_t left; /* remaining terms, including the tail of a list */
    bool begun;
    struct etf_in fields; /* of a record: the names that are not printed yet */
};

struct printer {
    struct buf *out;
    struct etf_in in;
    size_t limit; /* bytes that the caller will keep */
    size_t depth;
    struct frame frames[LIMIT_TERM_DEPTH];
};

static void print_open(struct printer *p, enum inside inside, size_t terms)
{
    static const char *const brackets[] = {
        [IN_TUPLE] = "{", [IN_LIST] = "[", [IN_MAP] = "#{", [IN_RECORD] = "{"};
    must(p->depth < LIMIT_TERM_DEPTH);
    buf_put(p->out, bytes_of(brackets[inside]));
    p->frames[p->depth++] = (struct frame){.inside = inside, .left = terms};
}

/* #Module:Name{ */
static void print_record(struct printer *p)
{
    struct etf_record r = etf_record(&p->in);
    buf_put_u8(p->out, '#');
    text_put(p->out, r.module, p->limit);
    buf_put_u8(p->out, ':');
    text_put(p->out, r.name, p->limit);
    print_open(p, IN_RECORD, r.count);
    p->frames[p->depth - 1].fields = etf_open(r.fields);
}

/* Prints a leaf, or the opening bracket of a container. */
static void print_next(struct printer *p)
{
    enum etf_kind kind = etf_peek(&p->in);
    if (kind == ETF_TUPLE) {
        print_open(p, IN_TUPLE, etf_tuple(&p->in));
    } else if (kind == ETF_RECORD) {
        print_record(p);
    } else if (kind == ETF_MAP) {
        print_open(p, IN_MAP, 2 * (size_t)etf_map(&p->in));
    } else if (kind == ETF_LIST && *p->in.at == TAG_LIST) {
        print_open(p, IN_LIST, head_number(p->in.at + 1, 4) + 1);
        p->in.at += HEAD_BYTES_COUNTED;
    } else {
        text_put(p->out, etf_any(&p->in), p->limit);
    }
}

static const char *separator(const struct frame *f)
{
    if (f->inside == IN_LIST && f->left == 1)
        return "|";
    if (f->inside == IN_MAP && f->left % 2 == 1)
        return " => ";
    return f->begun ? "," : "";
}

/* Closes the containers that are complete. */
static void print_ends(struct printer *p)
{
    for (; p->depth > 0; p->depth--) {
        struct frame *f = &p->frames[p->depth - 1];
        if (f->inside == IN_LIST && f->left == 1 && *p->in.at == TAG_NIL) {
            etf_any(&p->in);
            f->left = 0;
        }
        if (f->left > 0)
            return;
        buf_put_u8(p->out, f->inside == IN_LIST ? ']' : '}');
    }
}

static void print(struct buf *out, struct bytes term, size_t limit)
{
    struct printer p;
    size_t start = out->len;
    p.out = out;
    p.in = etf_open(term);
    p.limit = limit;
    p.depth = 0;
    print_next(&p);
    for (print_ends(&p); p.depth > 0 && out->len - start <= limit; print_ends(&p)) {
        struct frame *f = &p.frames[p.depth - 1];
        buf_put(out, bytes_of(separator(f)));
        if (f->inside == IN_RECORD) {
            text_put(out, etf_any(&f->fields), limit);
            buf_put(out, BYTES(" = "));
        }
        f->left--;
        f->begun = true;
        print_next(&p);
    }
}

void text_print(struct buf *out, struct bytes term)
{
    print(out, term, SIZE_MAX);
}

void text_print_short(struct buf *out, struct bytes term, size_t limit)
{
    size_t start = out->len;
    print(out, term, limit);
    struct bytes text = bytes_after(buf_bytes(out), start);
    if (text.len <= limit)
        return;
    out->len = start + utf8_front(text, limit).len;
    buf_put(out, BYTES("..."));
}

bool text_is_literal(struct bytes term)
{
    struct head head;
    const uint8_t *end = term.at + term.len;
    for (const uint8_t *at = term.at; at < end; at += head.size) {
        must(head_read(at, end, &head) == OK);
        if (head.kind == ETF_PID || head.kind == ETF_REFERENCE || head.kind == ETF_PORT ||
            head.kind == ETF_FUN || head.kind == ETF_RECORD)
            return false;
    }
    return true;
}
