/* Terms that are canonical as they are: of those that OTP sends, most. */
#include "canon_internal.h"

/* Levels of tuples and lists that are looked into. */
#define LEVELS 4

static bool is_plain_leaf(const uint8_t *at)
{
    switch (*at) {
    case TAG_SMALL_INTEGER:
    case TAG_SMALL_ATOM_UTF8:
    case TAG_BINARY:
    case TAG_NIL:
    case TAG_NEW_FLOAT:
        return true;
    case TAG_INTEGER:
        return head_count(at + 1, 4) > UINT8_MAX;
    case TAG_STRING:
        return head_count(at + 1, 2) > 0;
    case TAG_NEW_PID:
        return at[1] == TAG_SMALL_ATOM_UTF8;
    case TAG_NEWER_REFERENCE:
        return at[3] == TAG_SMALL_ATOM_UTF8;
    default:
        return false;
    }
}

/* A list whose first element is no byte is no STRING. */
static bool is_plain_list(const uint8_t *first)
{
    return *first == TAG_SMALL_ATOM_UTF8 || *first == TAG_BINARY || *first == TAG_SMALL_TUPLE ||
           *first == TAG_NEW_PID || *first == TAG_NEWER_REFERENCE;
}

/* The end of the term, or NULL if it is not canonical, or that is not known. */
static const uint8_t *past_plain(const uint8_t *at, const uint8_t *end, unsigned levels)
{
    struct head head;
    must(head_read(at, end, &head) == OK);
    bool tuple = head.tag == TAG_SMALL_TUPLE, list = head.tag == TAG_LIST && head.count > 0;
    if (!tuple && !list)
        return is_plain_leaf(at) ? at + head.size : NULL;
    at += head.size;
    if (levels == 0 || (list && !is_plain_list(at)))
        return NULL;
    for (uint64_t left = head.count; left > 0 && at != NULL; left--)
        at = past_plain(at, end, levels - 1);
    if (tuple || at == NULL)
        return at;
    return *at == TAG_NIL ? at + 1 : NULL;
}

bool canon_is_plain(struct bytes checked)
{
    return past_plain(checked.at, checked.at + checked.len, LEVELS) != NULL;
}
