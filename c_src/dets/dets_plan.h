/* The layout of a file before it is written. */
#ifndef COPPICE_DETS_DETS_PLAN_H
#define COPPICE_DETS_DETS_PLAN_H

#include "dets_write.h"

/* A record and the slot of its key. */
struct dets_planned {
    uint32_t slot;
    const struct dets_record *record;
};

/* The collection of a slot: `count` consecutive records, starting with number `first`. */
struct dets_planned_collection {
    uint32_t slot, at;
    size_t first, count;
    uint32_t size;
    unsigned class;
};

struct dets_plan {
    struct dets_header header;
    struct dets_planned *records;                /* by slot, within a slot by key */
    struct dets_planned_collection *collections; /* by slot */
    size_t record_count, collection_count;
    uint64_t blocks_end; /* end of the last collection's block */
};

/* Errors as for dets_image_new(); the plan is then empty. */
must_use enum err dets_plan_open(struct dets_plan *plan, const struct dets_shape *shape,
                                 const struct dets_record *records, size_t count,
                                 struct dets_fault *fault);
void dets_plan_close(struct dets_plan *plan);

/* The number of consecutive records from `from` on, and before `end`, with the same key. */
size_t dets_plan_key_run(const struct dets_plan *plan, size_t from, size_t end);

/* The bytes of an object in its collection, its size field included. */
uint64_t dets_plan_object_bytes(const struct dets_record *record);

#endif
