#include <string.h>

#include "etf.h"
#include "head.h"

#define BYTE_TERM(n)   TAG_SMALL_INTEGER, (n)
#define BYTE_TERMS4(n) BYTE_TERM(n), BYTE_TERM((n) + 1), BYTE_TERM((n) + 2), BYTE_TERM((n) + 3)
#define BYTE_TERMS16(n)                                                                            \
    BYTE_TERMS4(n), BYTE_TERMS4((n) + 4), BYTE_TERMS4((n) + 8), BYTE_TERMS4((n) + 12)
#define BYTE_TERMS64(n)                                                                            \
    BYTE_TERMS16(n), BYTE_TERMS16((n) + 16), BYTE_TERMS16((n) + 32), BYTE_TERMS16((n) + 48)

/* The elements of a string as terms: a string holds bare bytes. */
static const uint8_t byte_terms[2 * 256] = {
    BYTE_TERMS64(0),
    BYTE_TERMS64(64),
    BYTE_TERMS64(128),
    BYTE_TERMS64(192),
};

static struct bytes byte_term(uint8_t value)
{
    return (struct bytes){byte_terms + 2 * (size_t)value, 2};
}

/* Enters the list at the cursor, or a tail that is a list; fails the cursor and returns false
 * for anything else. */
static bool enter(struct etf_list *list)
{
    struct etf_in *in = list->in;
    struct head head;
    in->at = head_past_empty(in->at, in->end);
    if (head_read(in->at, in->end, &head) != OK || head.kind != ETF_LIST) {
        etf_fail(in, ERR_SHAPE);
        return false;
    }
    list->left = (uint32_t)head.count;
    list->string = head.tag == TAG_STRING ? head_content(in->at, &head).at : NULL;
    list->open = head.tag == TAG_LIST;
    in->at += head.size;
    return true;
}

struct etf_list etf_list(struct etf_in *in)
{
    struct etf_list list = {.in = in};
    enter(&list);
    return list;
}

/* Whether there is one more element, which is counted. */
static bool take_one(struct etf_list *list)
{
    while (list->left == 0) {
        if (!list->open || list->in->err != OK || !enter(list))
            return false;
    }
    list->left--;
    return true;
}

bool etf_next(struct etf_list *list, struct bytes *element)
{
    if (!take_one(list))
        return false;
    *element = list->string != NULL ? byte_term(*list->string++) : etf_any(list->in);
    return list->in->err == OK;
}

bool etf_more(struct etf_list *list)
{
    if (!take_one(list))
        return false;
    if (list->string != NULL)
        etf_fail(list->in, ERR_SHAPE);
    return list->in->err == OK;
}

#define ASCII_MAX 127

static void put_characters(struct etf_in *in, struct buf *out)
{
    struct bytes element;
    for (struct etf_list l = etf_list(in); etf_next(&l, &element);) {
        struct etf_in character = etf_open(element);
        uint32_t c = etf_uint32(&character);
        if (etf_finish(&character) != OK || c > ASCII_MAX)
            etf_fail(in, ERR_SHAPE);
        else
            buf_put_u8(out, (uint8_t)c);
    }
}

void etf_text(struct etf_in *in, struct buf *out)
{
    size_t before = out->len;
    if (etf_peek(in) == ETF_BINARY)
        buf_put(out, etf_binary(in));
    else
        put_characters(in, out);
    size_t len = out->len - before;
    if (in->err == OK && (len == 0 || memchr(out->at + before, 0, len) != NULL))
        etf_fail(in, ERR_SHAPE);
}

/* Works on a copy of the cursor, which is kept only on success. */
bool etf_cons(struct etf_in *in, struct bytes *head, struct bytes *tail)
{
    static const uint8_t nil[] = {TAG_NIL};
    struct etf_in ahead = *in;
    struct head list, rest;
    ahead.at = head_past_empty(ahead.at, ahead.end);
    if (head_read(ahead.at, ahead.end, &list) != OK || list.kind != ETF_LIST || list.count != 1)
        return false;
    ahead.at += list.size;
    if (list.tag == TAG_STRING) {
        *head = byte_term(ahead.at[-1]);
        *tail = (struct bytes){nil, sizeof(nil)};
        *in = ahead;
        return true;
    }
    *head = etf_any(&ahead);
    const uint8_t *after = head_past_empty(ahead.at, ahead.end);
    if (head_read(after, ahead.end, &rest) != OK || (rest.kind == ETF_LIST && rest.count > 0))
        return false;
    *tail = etf_any(&ahead);
    *in = ahead;
    return true;
}
