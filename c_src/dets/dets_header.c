#include "dets_header.h"

#include <string.h>

#include "../limits.h"
#include "../term/head.h"
#include "../term/md5.h"
#include "../term/phash2.h"

/* Each field and its offset, for reading and writing. */
static const struct field {
    size_t member;
    uint32_t at;
} fields[] = {
#define FIELD(member, at)                                                                          \
    {                                                                                              \
        offsetof(struct dets_header, member), at                                                   \
    }
    FIELD(free_lists, DETS_AT_FREE_LISTS),
    FIELD(cookie, DETS_AT_COOKIE),
    FIELD(closed, DETS_AT_CLOSED),
    FIELD(type, DETS_AT_TYPE),
    FIELD(version, DETS_AT_VERSION),
    FIELD(m, DETS_AT_M),
    FIELD(next, DETS_AT_NEXT),
    FIELD(keypos, DETS_AT_KEYPOS),
    FIELD(objects, DETS_AT_OBJECTS),
    FIELD(keys, DETS_AT_KEYS),
    FIELD(min_slots, DETS_AT_MIN_SLOTS),
    FIELD(max_slots, DETS_AT_MAX_SLOTS),
    FIELD(hash, DETS_AT_HASH),
    FIELD(n, DETS_AT_N),
    FIELD(base, DETS_AT_BASE),
#undef FIELD
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

const char *dets_type_name(uint32_t type)
{
    static const char *const names[] = {
        [DETS_SET] = "set", [DETS_BAG] = "bag", [DETS_DUPLICATE_BAG] = "duplicate_bag"};
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

bool dets_within(struct bytes file, uint64_t at, uint64_t n)
{
    return at <= file.len && n <= file.len - at;
}

uint32_t dets_u32(struct bytes file, uint64_t at)
{
    must(dets_within(file, at, 4));
    return (uint32_t)head_number(file.at + at, 4);
}

bool dets_is_aligned(uint64_t at)
{
    return at >= DETS_AT_BLOCKS && (at - DETS_AT_BLOCKS) % DETS_BLOCK_STEP == 0;
}

unsigned dets_class(uint64_t size)
{
    unsigned k = DETS_CLASS_MIN;
    while ((1ull << k) < size)
        k++;
    return k;
}

/* --- reading ------------------------------------------------------------------ */

static void digest(uint8_t md5[DETS_MD5_BYTES], const uint8_t *header)
{
    md5_of((struct bytes){header + DETS_AT_TYPE, DETS_AT_MD5 - DETS_AT_TYPE}, md5);
}

enum err dets_header_read(struct dets_header *header, struct bytes file)
{
    static const uint8_t none[DETS_MD5_BYTES];
    uint8_t md5[DETS_MD5_BYTES];
    *header = (struct dets_header){0};
    if (file.len < DETS_AT_BLOCKS)
        return ERR_SHORT;
    for (size_t i = 0; i < FIELDS; i++)
        *(uint32_t *)((char *)header + fields[i].member) = dets_u32(file, fields[i].at);
    for (size_t i = 0; i < DETS_COUNTERS; i++)
        header->counters[i] = dets_u32(file, DETS_AT_COUNTERS + 4 * i);
    digest(md5, file.at);
    header->has_md5 = memcmp(file.at + DETS_AT_MD5, none, sizeof(none)) != 0;
    header->md5_valid = memcmp(file.at + DETS_AT_MD5, md5, sizeof(md5)) == 0;
    return OK;
}

static bool whole_segments(uint32_t slots)
{
    return slots % DETS_SEGMENT_SLOTS == 0;
}

bool dets_header_slots_valid(const struct dets_header *h)
{
    return h->m >= DETS_SEGMENT_SLOTS && h->m <= DETS_MAX_SLOTS && (h->m & (h->m - 1)) == 0 &&
           whole_segments(h->n) && h->n <= h->m && h->next == h->m + h->n &&
           h->next <= DETS_MAX_SLOTS && h->hash <= DETS_PHASH2;
}

/* The checks that OTP makes on opening a file, in the same order, so that both report the same
 * fault. */
static enum err check_identity(const struct dets_header *h, struct bytes file,
                               struct dets_fault *fault)
{
    uint64_t trailer = file.len - DETS_TRAILER_BYTES;
    if (h->cookie != DETS_COOKIE)
        return dets_fault(fault, ERR_NOT_DETS, DETS_AT_COOKIE, "the DETS cookie is missing");
    if (dets_type_name(h->type) == NULL)
        return dets_fault(fault, ERR_NOT_DETS, DETS_AT_TYPE, "unknown type %u", h->type);
    if (h->version != DETS_VERSION)
        return dets_fault(fault, ERR_NOT_DETS, DETS_AT_VERSION, "version %u, not 9", h->version);
    if (h->has_md5 && !h->md5_valid)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_MD5, "the MD5 of the header is wrong");
    if ((uint64_t)dets_u32(file, trailer) + h->base != file.len)
        return dets_fault(fault, ERR_NOT_SAVED, trailer,
                          "the trailer does not match the file size");
    if (h->hash > DETS_PHASH2)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_HASH, "unknown hash %u", h->hash);
    if (h->closed == DETS_OPEN)
        return dets_fault(fault, ERR_NOT_SAVED, DETS_AT_CLOSED, "marked as not closed");
    if (h->closed != DETS_CLOSED)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_CLOSED,
                          "neither marked as closed nor as open");
    return OK;
}

enum err dets_header_check(const struct dets_header *h, struct bytes file, struct dets_fault *fault)
{
    if (file.len > LIMIT_DETS_BYTES)
        return dets_fault(fault, ERR_LIMIT, LIMIT_DETS_BYTES, "the file is larger than 2 GB");
    if (file.len < DETS_AT_BLOCKS + DETS_TRAILER_BYTES)
        return dets_fault(fault, ERR_NOT_DETS, file.len, "the file ends within the header");
    enum err e = check_identity(h, file, fault);
    if (e != OK)
        return e;
    if (!dets_header_slots_valid(h) || !whole_segments(h->min_slots) || h->min_slots > h->m ||
        !whole_segments(h->max_slots) || h->max_slots < h->next)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_M,
                          "impossible dimensions: %u slots, M = %u, N = %u, %u to %u slots",
                          h->next, h->m, h->n, h->min_slots, h->max_slots);
    if (h->keypos == 0)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_KEYPOS,
                          "keypos is 0, but elements count from 1");
    if (h->free_lists < DETS_AT_BLOCKS || h->free_lists > file.len - DETS_TRAILER_BYTES)
        return dets_fault(fault, ERR_DAMAGED, DETS_AT_FREE_LISTS,
                          "free lists at %u, outside the file", h->free_lists);
    return OK;
}

/* --- writing -------------------------------------------------------------------- */

static void put_number(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

void dets_header_put(struct buf *out, const struct dets_header *header)
{
    uint8_t *at = buf_room(out, DETS_AT_PARTS);
    memset(at, 0, DETS_AT_PARTS);
    for (size_t i = 0; i < FIELDS; i++)
        put_number(at + fields[i].at, *(const uint32_t *)((const char *)header + fields[i].member));
    for (size_t i = 0; i < DETS_COUNTERS; i++)
        put_number(at + DETS_AT_COUNTERS + 4 * i, header->counters[i]);
    digest(at + DETS_AT_MD5, at);
    out->len += DETS_AT_PARTS;
}

/* --- the table --------------------------------------------------------------------- */

uint32_t dets_slot(const struct dets_header *h, struct bytes key)
{
    must(dets_header_slots_valid(h) && h->hash == DETS_PHASH2);
    uint32_t hash = phash2(key), slot = hash % h->m;
    return slot < h->n ? hash % (2 * h->m) : slot;
}

uint32_t dets_segments(const struct dets_header *h)
{
    return h->next / DETS_SEGMENT_SLOTS;
}

/* Reads the position of a part or segment at `pointer`. */
static enum err table_at(struct bytes file, uint64_t pointer, uint64_t *at, const char *what,
                         struct dets_fault *fault)
{
    *at = dets_u32(file, pointer);
    if (!dets_is_aligned(*at) || !dets_within(file, *at, DETS_TABLE_BYTES))
        return dets_fault(fault, ERR_DAMAGED, pointer, "%s cannot be at %llu", what,
                          (unsigned long long)*at);
    return OK;
}

static uint64_t part_pointer(struct bytes file, uint32_t number)
{
    must(number < DETS_PARTS && file.len >= DETS_AT_BLOCKS);
    return DETS_AT_PARTS + (uint64_t)DETS_POINTER_BYTES * number;
}

bool dets_has_part(struct bytes file, uint32_t number)
{
    return dets_u32(file, part_pointer(file, number)) != 0;
}

enum err dets_part(struct bytes file, uint32_t number, uint64_t *at, struct dets_fault *fault)
{
    return table_at(file, part_pointer(file, number), at, "a part", fault);
}

enum err dets_segment(struct bytes file, uint32_t number, uint64_t *at, struct dets_fault *fault)
{
    uint64_t part;
    enum err e = dets_part(file, number / DETS_PART_SEGMENTS, &part, fault);
    if (e != OK)
        return e;
    uint32_t index = number % DETS_PART_SEGMENTS;
    return table_at(file, part + (uint64_t)DETS_POINTER_BYTES * index, at, "a segment", fault);
}

static void note(struct dets_faults *faults, const struct dets_fault *fault)
{
    if (faults != NULL)
        dets_faults_add(faults, fault);
}

bool dets_next_segment(struct bytes file, uint32_t *next, uint64_t *at, struct dets_faults *faults)
{
    while (*next < DETS_PARTS * DETS_PART_SEGMENTS) {
        struct dets_fault fault;
        uint32_t number = *next, part = number / DETS_PART_SEGMENTS;
        uint64_t part_at;
        bool exists = dets_has_part(file, part);
        if (!exists || dets_part(file, part, &part_at, &fault) != OK) {
            if (exists)
                note(faults, &fault);
            *next = (part + 1) * DETS_PART_SEGMENTS;
            continue;
        }
        ++*next;
        uint32_t index = number % DETS_PART_SEGMENTS;
        if (dets_u32(file, part_at + (uint64_t)DETS_POINTER_BYTES * index) == 0)
            continue;
        if (dets_segment(file, number, at, &fault) == OK)
            return true;
        note(faults, &fault);
    }
    return false;
}
