#include "canon.h"

#include <string.h>

#include "../mem.h"
#include "canon_internal.h"
#include "unpack.h"
#include "write.h"

/* Of a longer term it is not looked first whether it is plain. */
#define PLAIN_BYTES_MAX 1024

void canon_replace(struct canon *c, uint64_t n)
{
    buf_put(c->out, (struct bytes){c->run, (size_t)(c->at - c->run)});
    c->at += n;
    c->run = c->at;
}

struct bytes canon_span(struct canon *c, uint32_t from, uint32_t to)
{
    size_t copied = c->out->len - c->base;
    if (from >= copied)
        return (struct bytes){c->run + (from - copied), to - from};
    if (to > copied)
        canon_replace(c, 0);
    return (struct bytes){c->out->at + c->base + from, to - from};
}

static void next_head(struct canon *c, struct head *head)
{
    const uint8_t *at = head_past_empty(c->at, c->end);
    if (at != c->at)
        canon_replace(c, (uint64_t)(at - c->at));
    must(head_read(at, c->end, head) == OK);
}

static void push(struct canon *c, enum etf_kind kind, uint32_t start, uint64_t terms)
{
    must(c->depth < LIMIT_TERM_DEPTH);
    struct canon_frame *frame = &c->frames[c->depth++];
    *frame = (struct canon_frame){.kind = kind, .start = start, .left = terms};
    if (kind == ETF_MAP)
        canon_map_open(c, frame);
}

/* --- lists ---------------------------------------------------------------- */

/* Whether the list here is proper, has only bytes and fits a STRING, across tails that are
 * lists themselves.  *end is set to its end. */
static bool is_bytes(const uint8_t *at, const uint8_t *limit, size_t *count, const uint8_t **end)
{
    *count = 0;
    for (;;) {
        struct head head;
        at = head_past_empty(at, limit);
        must(head_read(at, limit, &head) == OK);
        *count += head.count;
        if (head.kind != ETF_LIST || *count > STRING_ELEMENTS_MAX)
            return false;
        at += head.size;
        *end = at;
        if (head.tag != TAG_LIST)
            return true;
        for (uint64_t left = head.count; left > 0; left--) {
            struct head element;
            at = head_past_empty(at, limit);
            must(head_read(at, limit, &element) == OK);
            if (canon_byte(at, &element) < 0)
                return false;
            at += element.size;
        }
    }
}

/* Writes the list that is_bytes() accepted as a STRING. */
static void put_string(struct canon *c, size_t count, const uint8_t *end)
{
    struct etf_in in = etf_open((struct bytes){c->at, (size_t)(end - c->at)});
    struct bytes element;
    canon_replace(c, (uint64_t)(end - c->at));
    buf_put_u8(c->out, TAG_STRING);
    buf_put_u16(c->out, (uint16_t)count);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct head head;
        const uint8_t *at = head_past_empty(element.at, element.at + element.len);
        must(head_read(at, element.at + element.len, &head) == OK);
        buf_put_u8(c->out, (uint8_t)canon_byte(at, &head));
    }
    must(etf_finish(&in) == OK);
}

/* Adds n to the count of a list whose head has been copied. */
static void grow_list(struct canon *c, const struct canon_frame *list, uint64_t n)
{
    uint8_t *count = c->out->at + c->base + list->start + 1;
    uint64_t grown = head_number(count, 4) + n;
    must(grown <= UINT32_MAX);
    for (unsigned i = 0; i < 4; i++)
        count[i] = (uint8_t)(grown >> (24 - 8 * i));
}

/* Merges a tail that is a non-empty list into the list before it.  True if the tail was a
 * STRING, which is then complete; the elements of a LIST are read next, as elements of the
 * merged list. */
static bool flatten(struct canon *c, struct canon_frame *list)
{
    struct head head;
    next_head(c, &head);
    if (head.kind != ETF_LIST || head.count == 0)
        return false;
    const uint8_t *after = c->at + head.size;
    canon_replace(c, head.size);
    grow_list(c, list, head.count);
    if (head.tag == TAG_LIST) {
        list->left = head.terms;
        return false;
    }
    for (const uint8_t *byte = after - head.count; byte < after; byte++)
        put_int(c->out, *byte);
    put_nil(c->out);
    return true;
}

static void list(struct canon *c, const struct head *head)
{
    size_t count;
    const uint8_t *end;
    if (is_bytes(c->at, c->end, &count, &end)) {
        put_string(c, count, end);
        return;
    }
    uint32_t start = canon_position(c);
    c->at += head->size;
    push(c, ETF_LIST, start, head->terms);
}

/* --- other containers ----------------------------------------------------- */

static void tuple(struct canon *c, const struct head *head)
{
    uint32_t start = canon_position(c);
    if (head->tag == TAG_LARGE_TUPLE && head->count <= UINT8_MAX) {
        canon_replace(c, head->size);
        put_tuple(c->out, (uint32_t)head->count);
    } else {
        c->at += head->size;
    }
    if (head->terms > 0)
        push(c, ETF_TUPLE, start, head->terms);
}

static void map(struct canon *c, const struct head *head)
{
    uint32_t start = canon_position(c);
    c->at += head->size;
    if (head->terms > 0)
        push(c, ETF_MAP, start, head->terms);
}

static void parts(struct canon *c, uint64_t count)
{
    for (; count > 0; count--) {
        struct head head;
        next_head(c, &head);
        canon_leaf(c, &head);
    }
}

/* The size field of a fun counts everything after the tag, itself included. */
static void close_fun(struct canon *c, uint32_t start)
{
    uint32_t size = canon_position(c) - start - HEAD_OF_FUN_SIZE;
    struct bytes head = canon_span(c, start, start + HEAD_BYTES_FUN);
    if (head_number(head.at + HEAD_OF_FUN_SIZE, 4) == size)
        return;
    canon_replace(c, 0);
    uint8_t *field = c->out->at + c->base + start + HEAD_OF_FUN_SIZE;
    for (unsigned i = 0; i < 4; i++)
        field[i] = (uint8_t)(size >> (24 - 8 * i));
}

static void fun(struct canon *c, const struct head *head)
{
    uint32_t start = canon_position(c);
    c->at += head->size;
    parts(c, 4);
    if (head->count > 0)
        push(c, ETF_FUN, start, head->count);
    else
        close_fun(c, start);
}

static void record(struct canon *c, const struct head *head)
{
    uint32_t start = canon_position(c);
    c->at += head->size;
    parts(c, 2);
    uint32_t fields = canon_position(c);
    parts(c, head->count);
    if (head->count == 0)
        return;
    c->err = canon_record_fields(canon_span(c, fields, canon_position(c)), head->count);
    push(c, ETF_RECORD, start, head->count);
}

static void export(struct canon *c, const struct head *head)
{
    c->at += head->size;
    parts(c, 3);
}

/* --- the walk ------------------------------------------------------------- */

/* Copies a leaf, or opens a container. */
static void term(struct canon *c)
{
    struct canon_frame *frame = c->depth > 0 ? &c->frames[c->depth - 1] : NULL;
    if (frame != NULL && frame->kind == ETF_LIST && frame->left == 1 && flatten(c, frame))
        return;
    struct head head;
    next_head(c, &head);
    if (head.kind == ETF_FUN)
        fun(c, &head);
    else if (head.kind == ETF_EXPORT)
        export(c, &head);
    else if (head.kind == ETF_RECORD)
        record(c, &head);
    else if (head.kind == ETF_TUPLE)
        tuple(c, &head);
    else if (head.kind == ETF_MAP)
        map(c, &head);
    else if (head.tag == TAG_LIST)
        list(c, &head);
    else
        canon_leaf(c, &head);
}

/* Ends a term, and every container whose last subterm it is, up to the first error.  A map that has
 * to be sorted may take several steps. */
static void end_term(struct canon *c)
{
    while (c->err == OK && (c->sorting.items == NULL || canon_map_sort(c))) {
        c->ended = c->depth == 0;
        if (c->ended)
            return;
        struct canon_frame *frame = &c->frames[c->depth - 1];
        frame->left--;
        if (frame->kind == ETF_MAP && frame->left % 2 == 1)
            canon_map_key(c, frame);
        else if (frame->kind == ETF_MAP)
            canon_map_value(c, frame);
        c->ending = frame->left == 0;
        if (!c->ending)
            return;
        if (frame->kind == ETF_MAP)
            canon_map_close(c, frame);
        else if (frame->kind == ETF_FUN)
            close_fun(c, frame->start);
        c->depth--;
    }
}

/* Nanoseconds that a term takes which is in its place, about. */
#define WORK_TERM 24

static void walk(struct canon *c)
{
    while (!c->ended && c->err == OK && c->spent < c->allowed) {
        unsigned depth = c->depth;
        if (!c->ending) {
            term(c);
            c->spent += WORK_TERM;
            c->ending = c->depth == depth;
        }
        if (c->ending)
            end_term(c);
    }
}

static void begin(struct canon *c, struct buf *out, struct bytes checked)
{
    /* Positions have 32 bits, and canonicalising less than doubles the length. */
    must(checked.len > 0 && checked.len <= INT32_MAX);
    memset(c, 0, offsetof(struct canon, frames));
    c->sorting.items = c->sorting.other = NULL;
    c->at = c->run = checked.at;
    c->end = checked.at + checked.len;
    c->out = out;
    c->base = out->len;
}

static void finish(struct canon *c)
{
    canon_replace(c, 0);
    must(c->err != OK || c->at == c->end);
    if (c->err != OK)
        c->out->len = c->base;
}

static void release(struct canon *c)
{
    mem_free(c->pairs);
    buf_free(&c->scratch);
    canon_map_free(c);
}

enum err canon_put(struct buf *out, struct bytes checked)
{
    uint64_t work;
    if (checked.len <= PLAIN_BYTES_MAX && canon_is_plain(checked)) {
        buf_put(out, checked);
        return OK;
    }
    return canon_put_counted(out, checked, &work);
}

enum err canon_put_counted(struct buf *out, struct bytes checked, uint64_t *work)
{
    struct canon c;
    begin(&c, out, checked);
    c.allowed = UINT64_MAX;
    walk(&c);
    finish(&c);
    *work = c.work;
    release(&c);
    return c.err;
}

struct canon *canon_open(struct buf *out, struct bytes checked)
{
    struct canon *c = mem_take(sizeof(*c));
    begin(c, out, checked);
    return c;
}

bool canon_step(struct canon *c, uint64_t work, enum err *e)
{
    c->spent = 0;
    c->allowed = work;
    walk(c);
    if (!c->ended && c->err == OK)
        return false;
    finish(c);
    *e = c->err;
    return true;
}

void canon_close(struct canon *c)
{
    if (c == NULL)
        return;
    release(c);
    mem_free(c);
}

enum err canon_copy(struct term *t, struct bytes checked)
{
    struct buf out = {0};
    enum err e = canon_put(&out, checked);
    *t = (struct term){0};
    if (e == OK)
        *t = term_take(&out);
    buf_free(&out);
    return e;
}

enum err canon_view(struct buf *scratch, struct bytes checked, struct bytes *canonical)
{
    if (canon_is_plain(checked)) {
        *canonical = checked;
        return OK;
    }
    buf_clear(scratch);
    enum err e = canon_put(scratch, checked);
    *canonical = buf_bytes(scratch);
    return e;
}

static enum err put_whole(struct buf *out, struct bytes b)
{
    size_t len;
    enum err e = etf_check(b, &len);
    if (e == OK && len != b.len)
        e = ERR_TRAILING;
    return e == OK ? canon_put(out, b) : e;
}

enum err canon_external(struct buf *out, struct bytes external)
{
    if (external.len < 2)
        return ERR_SHORT;
    if (external.at[0] != TAG_VERSION)
        return ERR_TAG;
    struct bytes b = bytes_after(external, 1);
    if (*b.at != TAG_COMPRESSED)
        return put_whole(out, b);
    struct buf plain = {0};
    enum err e = unpack(&plain, bytes_after(b, 1));
    if (e == OK)
        e = put_whole(out, buf_bytes(&plain));
    buf_free(&plain);
    return e;
}
