#include "dets_free_list.h"

struct dets_free_list dets_free_list(struct bytes file, uint32_t at)
{
    return (struct dets_free_list){.file = file, .at = at, .record_end = at};
}

static bool fail(struct dets_free_list *f, uint64_t at, struct dets_fault *fault)
{
    f->err = dets_fault(fault, ERR_DAMAGED, at, "the free lists are malformed");
    return false;
}

/* Reads the head of a record; false after the last, or on an error. */
static bool open_record(struct dets_free_list *f, struct dets_fault *fault)
{
    uint64_t at = f->at;
    if (!dets_within(f->file, at, DETS_FREE_LIST_BYTES))
        return fail(f, at, fault);
    uint32_t size = dets_u32(f->file, at), class = dets_u32(f->file, at + DETS_AT_FREE_CLASS);
    if (dets_u32(f->file, at + DETS_AT_STATUS) != DETS_FREE || size < DETS_FREE_LIST_BYTES ||
        size % DETS_POINTER_BYTES != 0 || !dets_within(f->file, at, size))
        return fail(f, at, fault);
    f->at += DETS_FREE_LIST_BYTES;
    f->record_end = at + size;
    if (class == DETS_FREE_END)
        return f->at + DETS_TRAILER_BYTES == f->file.len ? false : fail(f, at, fault);
    if (class <= DETS_CLASS_MIN || class < f->class || class > DETS_FREE_CLASSES ||
        f->at == f->record_end)
        return fail(f, at, fault);
    if (class > f->class)
        f->last = 0;
    f->class = class;
    return true;
}

bool dets_free_list_next(struct dets_free_list *f, struct dets_block *block,
                         struct dets_fault *fault)
{
    if (f->err != OK || (f->at == f->record_end && !open_record(f, fault)))
        return false;
    uint64_t at = dets_u32(f->file, f->at);
    if (!dets_is_aligned(at) || at <= f->last) {
        f->err = dets_fault(fault, ERR_DAMAGED, f->at, "impossible free block at %llu",
                            (unsigned long long)at);
        return false;
    }
    *block = (struct dets_block){at, f->class - 1};
    f->last = at;
    f->at += DETS_POINTER_BYTES;
    return true;
}

static void put_record(struct buf *out, uint32_t positions, uint32_t class)
{
    buf_put_u32(out, DETS_FREE_LIST_BYTES + DETS_POINTER_BYTES * positions);
    buf_put_u32(out, DETS_FREE);
    buf_put_u32(out, class);
}

/* An empty table is one free block.  When the first `taken` bytes of it are in use, the next
 * free block is as large as the lowest bit set in `taken`, and so on to the end. */
void dets_free_list_put(struct buf *out, uint64_t base, uint64_t end)
{
    uint64_t taken = end - base;
    must(end >= base && taken <= DETS_SPACE_BYTES && taken % DETS_BLOCK_STEP == 0);
    for (uint32_t k = 0; k < DETS_FREE_CLASSES && taken < DETS_SPACE_BYTES; k++) {
        bool all = taken == 0 && k == DETS_FREE_CLASSES - 1;
        if (!all && (taken >> k & 1) == 0)
            continue;
        put_record(out, 1, k + 1);
        buf_put_u32(out, (uint32_t)(base + taken));
        taken += 1ull << k;
    }
    put_record(out, 0, DETS_FREE_END);
}
