#include "dets_collection.h"

#include "../term/canon.h"
#include "../term/head.h"
#include "../term/native_record.h"
#include "../term/unpack.h"

enum err dets_collection_check(struct bytes file, uint64_t end, uint64_t at, uint32_t size,
                               struct dets_fault *fault)
{
    if (!dets_is_aligned(at) || size <= DETS_COLLECTION_BYTES ||
        !dets_within((struct bytes){file.at, end}, at, size))
        return dets_fault(fault, ERR_DAMAGED, at, "a slot points here, but %u bytes do not fit",
                          size);
    uint32_t own = dets_u32(file, at), status = dets_u32(file, at + DETS_AT_STATUS);
    if (own != size)
        return dets_fault(fault, ERR_DAMAGED, at, "a collection of %u bytes, but its slot says %u",
                          own, size);
    if (status == DETS_FREE)
        return dets_fault(fault, ERR_DAMAGED, at, "a slot points to this freed collection");
    if (status != DETS_ACTIVE)
        return dets_fault(fault, ERR_DAMAGED, at,
                          "a slot points here, but this is not a collection");
    return OK;
}

struct bytes dets_collection_body(struct bytes file, uint64_t at, uint64_t size)
{
    must(size > DETS_COLLECTION_BYTES && dets_within(file, at, size));
    return (struct bytes){file.at + at + DETS_COLLECTION_BYTES, size - DETS_COLLECTION_BYTES};
}

struct dets_objects dets_objects(struct bytes body, uint32_t type)
{
    return (struct dets_objects){.at = body.at,
                                 .end = body.at + body.len,
                                 .key_end = body.at,
                                 .bag = type != DETS_SET,
                                 .intact = true};
}

/* Consumes a size field, which counts itself: false if it exceeds the bytes before end, or
 * leaves room for nothing. */
static bool take_size(struct dets_objects *o, const uint8_t *end, size_t *left)
{
    if (end - o->at <= DETS_SIZE_BYTES)
        return false;
    uint64_t size = head_number(o->at, DETS_SIZE_BYTES);
    if (size <= DETS_SIZE_BYTES || size > (uint64_t)(end - o->at))
        return false;
    *left = (size_t)size - DETS_SIZE_BYTES;
    o->at += DETS_SIZE_BYTES;
    return true;
}

bool dets_objects_next(struct dets_objects *o, struct bytes *object)
{
    size_t left;
    const uint8_t *before = o->at;
    if (o->at == o->end || !o->intact)
        return false;
    o->first = !o->bag || o->at == o->key_end;
    if (o->bag && o->first) {
        o->intact = take_size(o, o->end, &left);
        if (o->intact)
            o->key_end = o->at + left;
    }
    o->intact = o->intact && take_size(o, o->bag ? o->key_end : o->end, &left);
    if (!o->intact) {
        o->at = before;
        return false;
    }
    *object = (struct bytes){o->at, left};
    o->at += left;
    return true;
}

/* --- keys ------------------------------------------------------------------------ */

/* The key of a tuple; decodes no further than the key. */
static enum err put_key(struct buf *out, struct bytes term, uint32_t keypos)
{
    struct head head;
    size_t len;
    const uint8_t *at = term.at, *end = term.at + term.len;
    enum err e = head_read(at, end, &head);
    if (e == OK && (head.kind != ETF_TUPLE || head.count < keypos))
        e = ERR_SHAPE;
    if (e != OK)
        return e;
    at += head.size;
    for (uint32_t i = 1; i < keypos; i++) {
        e = etf_measure((struct bytes){at, (size_t)(end - at)}, &len);
        if (e != OK)
            return e;
        at += len;
    }
    e = etf_check((struct bytes){at, (size_t)(end - at)}, &len);
    if (e == OK && etf_has_record((struct bytes){at, len}))
        e = ERR_TAG; /* how OTP hashes them is not documented */
    return e == OK ? canon_put(out, (struct bytes){at, len}) : e;
}

static enum err skip_version(struct bytes *object)
{
    if (object->len < 2)
        return ERR_SHORT;
    if (*object->at != TAG_VERSION)
        return ERR_TAG;
    *object = bytes_after(*object, 1);
    return OK;
}

static bool is_compressed(struct bytes term)
{
    return *term.at == TAG_COMPRESSED;
}

static enum err unpack_term(struct buf *out, struct bytes term)
{
    return unpack(out, bytes_after(term, 1));
}

enum err dets_key(struct buf *out, struct bytes object, uint32_t keypos)
{
    must(keypos > 0);
    enum err e = skip_version(&object);
    if (e != OK || !is_compressed(object))
        return e == OK ? put_key(out, object, keypos) : e;
    struct buf plain = {0};
    e = unpack_term(&plain, object);
    if (e == OK)
        e = put_key(out, buf_bytes(&plain), keypos);
    buf_free(&plain);
    return e;
}

/* OTP cannot decode a map with a duplicate key.  A term that is only too large for this node
 * may be fine. */
static enum err check_maps(struct bytes term)
{
    struct buf canonical = {0};
    size_t len;
    enum err e = etf_check(term, &len);
    if (e == OK)
        e = canon_put(&canonical, term);
    buf_free(&canonical);
    return e == ERR_DUPLICATE ? e : OK;
}

static enum err check_whole(struct bytes term, uint64_t *scanned)
{
    size_t len;
    enum err e = etf_measure(term, &len);
    if (scanned != NULL)
        *scanned += len;
    if (e == OK && len != term.len)
        e = ERR_TRAILING;
    return e == OK ? check_maps(term) : e;
}

enum err dets_object_check(struct bytes object, uint64_t *scanned)
{
    enum err e = skip_version(&object);
    if (e != OK || !is_compressed(object))
        return e == OK ? check_whole(object, scanned) : e;
    struct buf plain = {0};
    e = unpack_term(&plain, object);
    if (e == OK)
        e = check_whole(buf_bytes(&plain), scanned);
    else if (scanned != NULL)
        *scanned += object.len + plain.cap; /* roughly what was unpacked */
    buf_free(&plain);
    return e;
}

bool dets_objects_fit(struct bytes body, uint32_t type, uint64_t *scanned)
{
    struct dets_objects o = dets_objects(body, type);
    struct bytes object;
    bool versions = true;
    while (versions && dets_objects_next(&o, &object)) {
        versions = *object.at == TAG_VERSION;
        *scanned += DETS_SIZE_BYTES + 1;
    }
    return versions && o.intact;
}
