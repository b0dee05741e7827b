#include "dets_write.h"

#include <string.h>

#include "../mem.h"
#include "../term/head.h"
#include "dets_free_list.h"
#include "dets_plan.h"

/* Pieces are assembled up to PIECE_BYTES; an object larger than COPY_BYTES is not copied but
 * becomes a piece of its own. */
#define PIECE_BYTES 65536u
#define COPY_BYTES  8192u

enum stage { HEADER, PARTS, SEGMENTS, COLLECTIONS, FREE_LISTS, DONE };

struct dets_image {
    struct dets_plan plan;
    struct buf free_lists;
    enum stage stage;
    uint32_t table;         /* the next part or segment */
    unsigned class;         /* of the collections being written */
    size_t collection;      /* the next one, in the order of slots or within the class */
    bool open;              /* the collection is partly written */
    size_t record, key_end; /* the next record; the first of the next key */
    struct buf piece;       /* being assembled */
    struct bytes large;     /* the next piece: an object that is not copied */
    uint64_t zeros;         /* padding of the block after that */
};

enum err dets_image_new(struct dets_image **image, const struct dets_shape *shape,
                        const struct dets_record *records, size_t count, struct dets_fault *fault)
{
    struct dets_image *i = mem_take(sizeof(*i));
    enum err e = dets_plan_open(&i->plan, shape, records, count, fault);
    *image = e == OK ? i : NULL;
    if (e != OK) {
        mem_free(i);
        return e;
    }
    dets_free_list_put(&i->free_lists, i->plan.header.base, i->plan.blocks_end);
    i->class = DETS_COUNTERS + DETS_CLASS_MIN;
    return OK;
}

uint64_t dets_image_size(const struct dets_image *i)
{
    return i->plan.blocks_end + i->free_lists.len + DETS_TRAILER_BYTES;
}

void dets_image_free(struct dets_image *i)
{
    if (i == NULL)
        return;
    dets_plan_close(&i->plan);
    buf_free(&i->free_lists);
    buf_free(&i->piece);
    mem_free(i);
}

static uint32_t parts(const struct dets_image *i)
{
    return (dets_segments(&i->plan.header) - 1) / DETS_PART_SEGMENTS + 1;
}

/* The position of the n-th table, counting parts, then segments. */
static uint32_t table_at(uint32_t n)
{
    return DETS_AT_BLOCKS + n * DETS_TABLE_BYTES;
}

static void put_zeros(struct dets_image *i, uint64_t n)
{
    memset(buf_room(&i->piece, (size_t)n), 0, (size_t)n);
    i->piece.len += (size_t)n;
}

/* The positions of `count` tables from the n-th on, padded to `room` positions. */
static void put_pointers(struct dets_image *i, uint32_t n, uint32_t count, uint32_t room)
{
    for (uint32_t k = 0; k < count; k++)
        buf_put_u32(&i->piece, table_at(n + k));
    put_zeros(i, (uint64_t)DETS_POINTER_BYTES * (room - count));
}

static void put_header(struct dets_image *i)
{
    dets_header_put(&i->piece, &i->plan.header);
    put_pointers(i, 0, parts(i), DETS_PARTS);
    i->stage = PARTS;
}

static void put_part(struct dets_image *i)
{
    uint32_t first = i->table * DETS_PART_SEGMENTS;
    uint32_t count = dets_segments(&i->plan.header) - first;
    if (count > DETS_PART_SEGMENTS)
        count = DETS_PART_SEGMENTS;
    put_pointers(i, parts(i) + first, count, DETS_PART_SEGMENTS);
    if (++i->table == parts(i)) {
        i->table = 0;
        i->stage = SEGMENTS;
    }
}

static void put_segment(struct dets_image *i)
{
    const struct dets_plan *plan = &i->plan;
    uint32_t first = i->table * DETS_SEGMENT_SLOTS;
    for (uint32_t slot = first; slot < first + DETS_SEGMENT_SLOTS; slot++) {
        if (i->collection == plan->collection_count ||
            plan->collections[i->collection].slot != slot) {
            put_zeros(i, DETS_SLOT_BYTES);
            continue;
        }
        const struct dets_planned_collection *c = &plan->collections[i->collection++];
        buf_put_u32(&i->piece, c->size);
        buf_put_u32(&i->piece, c->at);
    }
    if (++i->table == dets_segments(&plan->header)) {
        must(i->collection == plan->collection_count);
        i->stage = COLLECTIONS;
    }
}

/* --- collections ------------------------------------------------------------------- */

static void put_object(struct dets_image *i, const struct dets_record *r)
{
    buf_put_u32(&i->piece, (uint32_t)dets_plan_object_bytes(r));
    if (r->bare)
        buf_put_u8(&i->piece, TAG_VERSION);
    if (r->object.len <= COPY_BYTES)
        buf_put(&i->piece, r->object);
    else
        i->large = r->object;
}

/* In a bag, the objects of a key are preceded by their total size. */
static void put_key(struct dets_image *i, size_t end)
{
    uint64_t size = DETS_SIZE_BYTES;
    i->key_end = i->record + dets_plan_key_run(&i->plan, i->record, end);
    for (size_t r = i->record; r < i->key_end; r++)
        size += dets_plan_object_bytes(i->plan.records[r].record);
    if (i->plan.header.type != DETS_SET)
        buf_put_u32(&i->piece, (uint32_t)size);
}

/* The next object of the collection, with the headers before the first and the padding after
 * the last. */
static void put_collection(struct dets_image *i, const struct dets_planned_collection *c)
{
    size_t end = c->first + c->count;
    if (!i->open) {
        i->open = true;
        i->record = i->key_end = c->first;
        buf_put_u32(&i->piece, c->size);
        buf_put_u32(&i->piece, DETS_ACTIVE);
    }
    if (i->record == i->key_end)
        put_key(i, end);
    put_object(i, i->plan.records[i->record++].record);
    if (i->record == end) {
        i->zeros = (1ull << c->class) - c->size;
        i->open = false;
        i->collection++;
    }
}

/* The next collection of this class; after the last, advances to the next smaller class. */
static void put_collections(struct dets_image *i)
{
    const struct dets_plan *plan = &i->plan;
    while (i->collection < plan->collection_count &&
           plan->collections[i->collection].class != i->class)
        i->collection++;
    if (i->collection < plan->collection_count) {
        put_collection(i, &plan->collections[i->collection]);
        return;
    }
    i->collection = 0;
    if (--i->class < DETS_CLASS_MIN)
        i->stage = FREE_LISTS;
}

static void put_free_lists(struct dets_image *i)
{
    buf_put(&i->piece, buf_bytes(&i->free_lists));
    buf_put_u32(&i->piece, (uint32_t)(dets_image_size(i) - i->plan.header.base));
    i->stage = DONE;
}

/* --- pieces ------------------------------------------------------------------------ */

static void step(struct dets_image *i)
{
    switch (i->stage) {
    case HEADER:
        put_header(i);
        break;
    case PARTS:
        put_part(i);
        break;
    case SEGMENTS:
        put_segment(i);
        break;
    case COLLECTIONS:
        put_collections(i);
        break;
    case FREE_LISTS:
        put_free_lists(i);
        break;
    case DONE:
        break;
    }
}

bool dets_image_next(struct dets_image *i, struct bytes *piece)
{
    buf_clear(&i->piece);
    while (i->piece.len < PIECE_BYTES) {
        if (i->large.len > 0) {
            if (i->piece.len > 0)
                break;
            *piece = i->large;
            i->large = (struct bytes){0};
            return true;
        }
        if (i->zeros > 0) {
            uint64_t n = i->zeros < PIECE_BYTES ? i->zeros : PIECE_BYTES;
            put_zeros(i, n);
            i->zeros -= n;
        } else if (i->stage == DONE) {
            break;
        } else {
            step(i);
        }
    }
    *piece = buf_bytes(&i->piece);
    return piece->len > 0;
}
