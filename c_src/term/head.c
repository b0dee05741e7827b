#include "head.h"

#include <ei.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a FLOAT's text, padded with NULs. */
#define FLOAT_TEXT_BYTES 31

const struct head_layout head_layouts[256] = {
    [TAG_NEW_FLOAT] = {.kind = ETF_FLOAT, .head = 9},
    [TAG_FLOAT] = {.kind = ETF_FLOAT, .head = 1 + FLOAT_TEXT_BYTES},
    [TAG_SMALL_INTEGER] = {.kind = ETF_INTEGER, .head = 2},
    [TAG_INTEGER] = {.kind = ETF_INTEGER, .head = 5},
    [TAG_SMALL_BIG] = {.kind = ETF_INTEGER, .head = 3, .offset = 1, .width = 1, .unit = 1},
    [TAG_LARGE_BIG] = {.kind = ETF_INTEGER, .head = 6, .offset = 1, .width = 4, .unit = 1},
    [TAG_ATOM] = {.kind = ETF_ATOM, .head = 3, .offset = 1, .width = 2, .unit = 1},
    [TAG_SMALL_ATOM] = {.kind = ETF_ATOM, .head = 2, .offset = 1, .width = 1, .unit = 1},
    [TAG_ATOM_UTF8] = {.kind = ETF_ATOM, .head = 3, .offset = 1, .width = 2, .unit = 1},
    [TAG_SMALL_ATOM_UTF8] = {.kind = ETF_ATOM, .head = 2, .offset = 1, .width = 1, .unit = 1},
    [TAG_BINARY] = {.kind = ETF_BINARY, .head = 5, .offset = 1, .width = 4, .unit = 1},
    [TAG_BIT_BINARY] = {.kind = ETF_BITSTRING, .head = 6, .offset = 1, .width = 4, .unit = 1},
    [TAG_NIL] = {.kind = ETF_LIST, .head = 1},
    [TAG_STRING] = {.kind = ETF_LIST, .head = 3, .offset = 1, .width = 2, .unit = 1},
    [TAG_LIST] = {.kind = ETF_LIST, .head = 5, .offset = 1, .width = 4, .each = 1, .more = 1},
    [TAG_SMALL_TUPLE] = {.kind = ETF_TUPLE, .head = 2, .offset = 1, .width = 1, .each = 1},
    [TAG_LARGE_TUPLE] = {.kind = ETF_TUPLE, .head = 5, .offset = 1, .width = 4, .each = 1},
    [TAG_MAP] = {.kind = ETF_MAP, .head = 5, .offset = 1, .width = 4, .each = 2},
    [TAG_NEW_FUN] =
        {.kind = ETF_FUN, .head = HEAD_BYTES_FUN, .offset = 26, .width = 4, .each = 1, .more = 4},
    [TAG_EXPORT] = {.kind = ETF_EXPORT, .head = 1, .more = 3},
    /* Count, flags; module, name and the names of the fields as atoms; their values
     * (external.c of OTP 29, RECORD_EXT). */
    [TAG_RECORD] = {.kind = ETF_RECORD, .head = 6, .offset = 1, .width = 4, .each = 2, .more = 2},
    /* Count; pid, module, index, uniq; free variables. */
    [TAG_FUN] = {.kind = ETF_FOREIGN, .head = 5, .offset = 1, .width = 4, .each = 1, .more = 4},
    [TAG_PID] = {.kind = ETF_PID, .head = 1, .node = 9},
    [TAG_NEW_PID] = {.kind = ETF_PID, .head = 1, .node = 12},
    [TAG_PORT] = {.kind = ETF_PORT, .head = 1, .node = 5},
    [TAG_NEW_PORT] = {.kind = ETF_PORT, .head = 1, .node = 8},
    [TAG_V4_PORT] = {.kind = ETF_PORT, .head = 1, .node = 12},
    [TAG_REFERENCE] = {.kind = ETF_REFERENCE, .head = 1, .node = 5},
    [TAG_NEW_REFERENCE] =
        {.kind = ETF_REFERENCE, .head = 3, .offset = 1, .width = 2, .unit = 4, .node = 1},
    [TAG_NEWER_REFERENCE] =
        {.kind = ETF_REFERENCE, .head = 3, .offset = 1, .width = 2, .unit = 4, .node = 4},
};

/* Counts the node and what follows it as part of the head. */
static enum err add_node(const uint8_t *at, const uint8_t *end, const struct head_layout *layout,
                         struct head *head)
{
    if (at == end)
        return ERR_SHORT;
    const struct head_layout *atom = &head_layouts[*at];
    if (atom->kind != ETF_ATOM)
        return ERR_SHAPE;
    if (end - at < atom->head)
        return ERR_SHORT;
    head->size += (uint64_t)atom->head + head_count(at + 1, atom->width) + layout->node;
    return OK;
}

enum err head_read_other(const uint8_t *at, const uint8_t *end, struct head *head)
{
    size_t room = (size_t)(end - at);
    const struct head_layout *layout = &head_layouts[*at];
    if (layout->kind == ETF_NOTHING)
        return ERR_TAG;
    if (room < layout->head)
        return ERR_SHORT;
    head->tag = *at;
    head->kind = layout->kind;
    head->count = head_count(at + layout->offset, layout->width);
    head->size = layout->head + head->count * layout->unit;
    head->terms = 0;
    if (layout->node > 0) {
        enum err e = add_node(at + layout->head, end, layout, head);
        if (e != OK)
            return e;
    }
    /* No partial byte: the same value as a BINARY. */
    if (head->kind == ETF_BITSTRING && (head->count == 0 || at[5] == 8))
        head->kind = ETF_BINARY;
    return head->size <= room ? OK : ERR_SHORT;
}

struct bytes head_node(const uint8_t *at)
{
    const uint8_t *node = at + head_layouts[*at].head;
    const struct head_layout *layout = &head_layouts[*node];
    must(head_layouts[*at].node > 0 && layout->kind == ETF_ATOM);
    return (struct bytes){node, (size_t)layout->head + head_count(node + 1, layout->width)};
}

static const char *past_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

/* Checked here because strtod accepts more than Erlang does: blanks, hexadecimal, "inf". */
static bool is_float_text(const char *text)
{
    const char *whole = text + (*text == '-' || *text == '+');
    const char *dot = past_digits(whole);
    if (dot == whole || *dot != '.')
        return false;
    const char *end = past_digits(dot + 1);
    if (end == dot + 1)
        return false;
    if (*end == 'e' || *end == 'E') {
        const char *power = end + 1 + (end[1] == '-' || end[1] == '+');
        end = past_digits(power);
        if (end == power)
            return false;
    }
    return *end == '\0';
}

enum err head_float(const uint8_t *at, double *v)
{
    if (*at == TAG_NEW_FLOAT) {
        int used = 0;
        return ei_decode_double((const char *)at, &used, v) == 0 && isfinite(*v) ? OK : ERR_RANGE;
    }
    char text[FLOAT_TEXT_BYTES + 1] = {0};
    memcpy(text, at + 1, FLOAT_TEXT_BYTES);
    if (!is_float_text(text))
        return ERR_SHAPE;
    *v = strtod(text, NULL);
    return isfinite(*v) ? OK : ERR_RANGE;
}
