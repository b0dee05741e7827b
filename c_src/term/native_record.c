#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "canon_internal.h"
#include "native_record.h"

/* --- reading ----------------------------------------------------------------------- */

struct etf_record etf_record(struct etf_in *in)
{
    struct etf_record r = {0};
    struct head head;
    if (etf_peek(in) != ETF_RECORD) {
        etf_fail(in, ERR_SHAPE);
        return r;
    }
    in->at = head_past_empty(in->at, in->end);
    must(head_read(in->at, in->end, &head) == OK);
    r.count = (uint32_t)head.count;
    r.exported = in->at[HEAD_OF_RECORD_FLAGS] == RECORD_EXPORTED;
    in->at += head.size;
    r.module = etf_any(in);
    r.name = etf_any(in);
    const uint8_t *fields = in->at;
    for (uint32_t i = 0; i < r.count; i++)
        etf_any(in);
    r.fields = (struct bytes){fields, (size_t)(in->at - fields)};
    return r;
}

/* --- finding ------------------------------------------------------------------------- */

/* Whether these could be the first bytes of a record. */
static bool is_like_record(const uint8_t *at, const uint8_t *end)
{
    struct head head;
    return head_read(at, end, &head) == OK && head.terms <= (uint64_t)(end - at) &&
           at[HEAD_OF_RECORD_FLAGS] <= RECORD_EXPORTED && at + head.size < end &&
           head_read(at + head.size, end, &head) == OK && head.kind == ETF_ATOM;
}

static bool walk_finds_record(const uint8_t *at, const uint8_t *end)
{
    struct head head;
    for (; at < end; at += head.size) {
        must(head_read(at, end, &head) == OK);
        if (head.kind == ETF_RECORD)
            return true;
    }
    return false;
}

/* Bytes that look like a record are rare, and most terms have none: only then the term is walked.
 */
bool etf_has_record(struct bytes checked)
{
    if (checked.len == 0)
        return false;
    const uint8_t *at = checked.at, *end = checked.at + checked.len;
    for (; at < end && (at = memchr(at, TAG_RECORD, (size_t)(end - at))) != NULL; at++)
        if (is_like_record(at, end))
            return walk_finds_record(checked.at, end);
    return false;
}

/* --- the canonical form --------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* OTP refuses a record with two fields of one name. */
enum err canon_record_fields(struct bytes fields, uint64_t count)
{
    struct bytes *names = mem_take(count * sizeof(*names));
    struct etf_in in = etf_open(fields);
    enum err e = OK;
    for (uint64_t i = 0; i < count; i++)
        names[i] = etf_any(&in);
    qsort(names, count, sizeof(*names), compare_names);
    for (uint64_t i = 1; i < count && e == OK; i++)
        if (bytes_equal(names[i - 1], names[i]))
            e = ERR_DUPLICATE;
    mem_free(names);
    return e;
}
