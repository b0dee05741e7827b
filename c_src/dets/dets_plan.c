#include "dets_plan.h"

#include <stdlib.h>

#include "../mem.h"
#include "../term/order.h"

/* --- dimensions -------------------------------------------------------------------- */

/* A slot for each record, as OTP grows a table, rounded up to whole segments. */
static void set_dimensions(struct dets_header *h, const struct dets_shape *shape, size_t count)
{
    size_t slots = count < DETS_MAX_SLOTS ? count : DETS_MAX_SLOTS;
    size_t segments = (slots + DETS_SEGMENT_SLOTS - 1) / DETS_SEGMENT_SLOTS;
    *h = (struct dets_header){.cookie = DETS_COOKIE,
                              .closed = DETS_CLOSED,
                              .type = shape->type,
                              .version = DETS_VERSION,
                              .m = DETS_SEGMENT_SLOTS,
                              .keypos = shape->keypos,
                              .min_slots = DETS_SEGMENT_SLOTS,
                              .max_slots = DETS_MAX_SLOTS,
                              .hash = DETS_PHASH2};
    h->next = (uint32_t)(segments > 0 ? segments : 1) * DETS_SEGMENT_SLOTS;
    while (h->m <= h->next / 2)
        h->m *= 2;
    h->n = h->next - h->m;
    uint32_t parts = (dets_segments(h) - 1) / DETS_PART_SEGMENTS + 1;
    h->base = DETS_AT_BLOCKS + (parts + dets_segments(h)) * DETS_TABLE_BYTES;
}

/* --- order ------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct dets_planned *a = left, *b = right;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    int order = term_compare_dets(a->record->key, b->record->key);
    if (order != 0)
        return order;
    return (a->record > b->record) - (a->record < b->record);
}

static void sort_records(struct dets_plan *plan, const struct dets_record *records, size_t count)
{
    plan->records = mem_take(count * sizeof(*plan->records));
    plan->record_count = count;
    for (size_t i = 0; i < count; i++)
        plan->records[i] =
            (struct dets_planned){dets_slot(&plan->header, records[i].key), &records[i]};
    qsort(plan->records, count, sizeof(*plan->records), compare);
}

size_t dets_plan_key_run(const struct dets_plan *plan, size_t from, size_t end)
{
    size_t i = from + 1;
    while (i < end && bytes_equal(plan->records[i].record->key, plan->records[from].record->key))
        i++;
    return i - from;
}

/* --- collections ------------------------------------------------------------------- */

uint64_t dets_plan_object_bytes(const struct dets_record *record)
{
    return DETS_SIZE_BYTES + (record->bare ? 1u : 0u) + (uint64_t)record->object.len;
}

static enum err too_large(uint64_t bytes, struct dets_fault *fault)
{
    return dets_fault(fault, ERR_LIMIT, bytes, "a DETS file has no room after byte %u",
                      DETS_BLOCKS_END);
}

/* Makes a collection of the records of one slot, from `first` on. */
static enum err gather(struct dets_plan *plan, struct dets_planned_collection *c, size_t first,
                       struct dets_fault *fault)
{
    uint64_t size = DETS_COLLECTION_BYTES;
    size_t i = first, end = first, keys = 0;
    uint32_t slot = plan->records[first].slot;
    while (end < plan->record_count && plan->records[end].slot == slot)
        end++;
    for (; i < end; keys++) {
        size_t same = dets_plan_key_run(plan, i, end);
        if (plan->header.type == DETS_SET && same > 1)
            return dets_fault(fault, ERR_DUPLICATE, 0, "a set cannot have the same key twice");
        if (plan->header.type != DETS_SET)
            size += DETS_SIZE_BYTES;
        for (; same > 0; same--, i++)
            size += dets_plan_object_bytes(plan->records[i].record);
    }
    if (size > DETS_BLOCKS_END)
        return too_large(size, fault);
    *c = (struct dets_planned_collection){
        .slot = slot, .first = first, .count = end - first, .size = (uint32_t)size};
    c->class = dets_class(size);
    plan->header.keys += (uint32_t)keys;
    plan->header.counters[c->class - DETS_CLASS_MIN]++;
    return OK;
}

static enum err gather_all(struct dets_plan *plan, struct dets_fault *fault)
{
    size_t cap = 0;
    for (size_t i = 0; i < plan->record_count;) {
        plan->collections =
            mem_room(plan->collections, plan->collection_count, &cap, sizeof(*plan->collections));
        struct dets_planned_collection *c = &plan->collections[plan->collection_count];
        enum err e = gather(plan, c, i, fault);
        if (e != OK)
            return e;
        plan->collection_count++;
        i += c->count;
    }
    return OK;
}

/* The largest blocks come first, so that each is aligned at the end of the one before it. */
static enum err place(struct dets_plan *plan, struct dets_fault *fault)
{
    const uint32_t *counters = plan->header.counters;
    uint64_t starts[DETS_COUNTERS], at = plan->header.base;
    for (unsigned k = DETS_COUNTERS; k-- > 0;) {
        starts[k] = at;
        at += (uint64_t)counters[k] << (k + DETS_CLASS_MIN);
    }
    if (at > DETS_BLOCKS_END)
        return too_large(at, fault);
    plan->blocks_end = at;
    plan->header.free_lists = (uint32_t)at;
    for (size_t i = 0; i < plan->collection_count; i++) {
        struct dets_planned_collection *c = &plan->collections[i];
        c->at = (uint32_t)starts[c->class - DETS_CLASS_MIN];
        starts[c->class - DETS_CLASS_MIN] += 1ull << c->class;
    }
    return OK;
}

enum err dets_plan_open(struct dets_plan *plan, const struct dets_shape *shape,
                        const struct dets_record *records, size_t count, struct dets_fault *fault)
{
    must(dets_type_name(shape->type) != NULL && shape->keypos > 0);
    *plan = (struct dets_plan){0};
    if (count > DETS_SPACE_BYTES / DETS_BLOCK_STEP)
        return too_large((uint64_t)count * DETS_BLOCK_STEP, fault);
    set_dimensions(&plan->header, shape, count);
    plan->header.objects = (uint32_t)count;
    sort_records(plan, records, count);
    enum err e = gather_all(plan, fault);
    if (e == OK)
        e = place(plan, fault);
    if (e != OK)
        dets_plan_close(plan);
    return e;
}

void dets_plan_close(struct dets_plan *plan)
{
    mem_free(plan->records);
    mem_free(plan->collections);
    *plan = (struct dets_plan){0};
}
