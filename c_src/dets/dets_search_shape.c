#include "../term/head.h"
#include "dets_collection.h"
#include "dets_search.h"

/* Collections sampled, and elements of their objects that may be the key: more than enough for
 * a reliable majority. */
#define SAMPLES  1000
#define ELEMENTS 16

struct votes {
    struct bytes file;
    const struct dets_header *header;
    uint32_t type; /* once chosen */
    unsigned set, bag;
    unsigned samples, keypos[ELEMENTS + 1]; /* samples whose element hashes to its slot */
    unsigned seen, have; /* objects, and those with enough elements for the header's keypos */
    uint64_t scanned;
    struct buf key;
};

static bool is_full(const struct votes *v, unsigned samples)
{
    return samples >= SAMPLES || v->scanned > v->file.len;
}

/* The body of a collection in use; len 0 if there is none. */
static struct bytes body_at(struct bytes file, uint64_t at)
{
    if (!dets_within(file, at, DETS_COLLECTION_BYTES) ||
        dets_u32(file, at + DETS_AT_STATUS) != DETS_ACTIVE)
        return (struct bytes){0};
    uint32_t size = dets_u32(file, at);
    if (size <= DETS_COLLECTION_BYTES || !dets_within(file, at, size))
        return (struct bytes){0};
    return dets_collection_body(file, at, size);
}

/* No collection fits both a set and a bag: where a set has a version byte, a bag has a second
 * size. */
static void vote_type(struct votes *v)
{
    for (uint64_t at = DETS_AT_BLOCKS; at < v->file.len && !is_full(v, v->set + v->bag);
         at += DETS_BLOCK_STEP) {
        struct bytes body = body_at(v->file, at);
        if (body.len == 0)
            continue;
        v->set += dets_objects_fit(body, DETS_SET, &v->scanned);
        v->bag += dets_objects_fit(body, DETS_BAG, &v->scanned);
    }
}

/* The first object of a collection in use, if there is one.  Compressed objects are passed over:
 * OTP writes none, and unpacking costs more than a vote is worth. */
static bool first_object(struct votes *v, uint64_t at, struct bytes *object)
{
    struct bytes body = body_at(v->file, at);
    if (body.len == 0)
        return false;
    struct dets_objects o = dets_objects(body, v->type);
    bool found = dets_objects_next(&o, object);
    v->scanned += found ? object->len : 0;
    return found && object->len > 1 && object->at[1] != TAG_COMPRESSED;
}

static bool key_at(struct votes *v, struct bytes object, uint32_t keypos)
{
    buf_clear(&v->key);
    return keypos > 0 && dets_key(&v->key, object, keypos) == OK;
}

/* Counts which elements of the slot's first object hash to the slot. */
static void vote_slot(struct votes *v, uint32_t slot, uint64_t entry)
{
    struct bytes object;
    if (!first_object(v, dets_u32(v->file, entry + DETS_POINTER_BYTES), &object))
        return;
    v->samples++;
    for (uint32_t i = 1; i <= ELEMENTS && key_at(v, object, i); i++)
        v->keypos[i] += dets_slot_fits(slot, buf_bytes(&v->key));
}

/* Counts the objects with enough elements for the header's keypos. */
static void vote_header(struct votes *v)
{
    struct bytes object;
    for (uint64_t at = DETS_AT_BLOCKS; at < v->file.len && !is_full(v, v->seen);
         at += DETS_BLOCK_STEP)
        if (first_object(v, at, &object)) {
            v->seen++;
            v->have += key_at(v, object, v->header->keypos);
        }
}

static void vote_keypos(struct votes *v)
{
    uint64_t at;
    for (uint32_t next = 0; dets_next_segment(v->file, &next, &at, NULL);)
        for (uint32_t i = 0; i < DETS_SEGMENT_SLOTS && !is_full(v, v->samples); i++)
            vote_slot(v, (next - 1) * DETS_SEGMENT_SLOTS + i, at + (uint64_t)DETS_SLOT_BYTES * i);
}

static uint32_t chosen_type(const struct votes *v)
{
    uint32_t header = v->header->type;
    bool known = dets_type_name(header) != NULL;
    if (v->bag > v->set)
        return known && header != DETS_SET ? header : DETS_DUPLICATE_BAG;
    return v->set > 0 || !known ? DETS_SET : header;
}

static uint32_t chosen_keypos(const struct votes *v)
{
    for (uint32_t i = 1; i <= ELEMENTS; i++)
        if (v->keypos[i] > v->samples / 2)
            return i;
    return v->have > v->seen / 2 ? v->header->keypos : 1;
}

struct dets_shape dets_search_shape(struct bytes file, const struct dets_header *header)
{
    struct votes v = {.file = file, .header = header};
    if (header->md5_valid && dets_type_name(header->type) != NULL && header->keypos > 0)
        return (struct dets_shape){header->type, header->keypos};
    vote_type(&v);
    v.type = chosen_type(&v);
    v.scanned = 0;
    vote_keypos(&v);
    v.scanned = 0;
    vote_header(&v);
    buf_free(&v.key);
    return (struct dets_shape){v.type, chosen_keypos(&v)};
}
