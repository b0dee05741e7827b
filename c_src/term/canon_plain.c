/* Terms that are canonical as they are: of those that OTP sends, most. */
#include "canon_internal.h"

#include "order.h"

/* Levels of tuples and lists that are looked into. */
#define LEVELS 4

/* Integers beyond 32 bits without a leading zero digit; times are such. */
static bool is_plain_big(const uint8_t *at)
{
    unsigned digits = at[1];
    if (at[2] > 1 || digits < 4)
        return false;
    if (digits > 4)
        return at[2 + digits] != 0;
    uint32_t beyond = at[2] == 0 ? 0x7fffffff : 0x80000000;
    return ((uint32_t)at[6] << 24 | (uint32_t)at[5] << 16 | (uint32_t)at[4] << 8 | at[3]) > beyond;
}

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
    case TAG_SMALL_BIG:
        return is_plain_big(at);
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

/* A list whose first element is no byte is no STRING.  (An INTEGER is checked as an element.) */
static bool is_plain_list(const uint8_t *first)
{
    return *first == TAG_SMALL_ATOM_UTF8 || *first == TAG_BINARY || *first == TAG_SMALL_TUPLE ||
           *first == TAG_NEW_PID || *first == TAG_NEWER_REFERENCE || *first == TAG_INTEGER;
}

static const uint8_t *past_plain(const uint8_t *at, const uint8_t *end, unsigned levels);

static bool is_before(const uint8_t *key, const uint8_t *key_end, const uint8_t *next,
                      const uint8_t *next_end)
{
    if (*key == TAG_INTEGER && *next == TAG_INTEGER)
        return (int32_t)head_number(key + 1, 4) < (int32_t)head_number(next + 1, 4);
    return term_compare_keys((struct bytes){key, (size_t)(key_end - key)},
                             (struct bytes){next, (size_t)(next_end - next)}) < 0;
}

/* Most keys and values of a large map are such. */
static inline const uint8_t *past_any(const uint8_t *at, const uint8_t *end, unsigned levels)
{
    if (*at == TAG_SMALL_INTEGER)
        return at + 2;
    if (*at == TAG_INTEGER)
        return head_count(at + 1, 4) > UINT8_MAX ? at + 5 : NULL;
    return past_plain(at, end, levels);
}

static const uint8_t *past_pairs(const uint8_t *at, const uint8_t *end, uint64_t pairs,
                                 unsigned levels)
{
    const uint8_t *before = NULL, *before_end = NULL;
    for (; pairs > 0 && at != NULL; pairs--) {
        const uint8_t *key = at, *value = past_any(key, end, levels);
        if (value == NULL || (before != NULL && !is_before(before, before_end, key, value)))
            return NULL;
        before = key;
        before_end = value;
        at = past_any(value, end, levels);
    }
    return at;
}

/* The end of the term, or NULL if it is not canonical, or that is not known. */
static const uint8_t *past_plain(const uint8_t *at, const uint8_t *end, unsigned levels)
{
    struct head head;
    must(head_read(at, end, &head) == OK);
    bool tuple = head.tag == TAG_SMALL_TUPLE, list = head.tag == TAG_LIST && head.count > 0;
    if (!tuple && !list && head.tag != TAG_MAP)
        return is_plain_leaf(at) ? at + head.size : NULL;
    at += head.size;
    if (levels == 0 || (list && head.count <= STRING_ELEMENTS_MAX && !is_plain_list(at)))
        return NULL;
    if (head.tag == TAG_MAP)
        return past_pairs(at, end, head.count, levels - 1);
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
