#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "../term/order.h"
#include "dets_collection.h"
#include "dets_free.h"
#include "dets_read.h"

/* What some part of the table takes of the file. */
struct extent {
    uint64_t at, end;
};

struct checking {
    const struct dets_table *table;
    struct dets_faults *faults;
    struct extent *extents;
    size_t extent_count, extent_cap;
    uint32_t counters[DETS_COUNTERS];
    uint64_t objects, keys;
    uint64_t bytes;       /* of the segments and collections so far */
    struct buf key, last; /* of the object, and of the one before it in the slot */
};

static void add_extent(struct checking *c, uint64_t at, uint64_t bytes)
{
    c->extents = mem_room(c->extents, c->extent_count, &c->extent_cap, sizeof(*c->extents));
    c->extents[c->extent_count++] = (struct extent){at, at + bytes};
}

/* --- slots -------------------------------------------------------------------------- */

static void check_key(struct checking *c, const struct dets_objects *o, uint64_t at, uint32_t slot)
{
    const struct dets_header *h = &c->table->header;
    struct bytes key = buf_bytes(&c->key), last = buf_bytes(&c->last);
    if (h->hash == DETS_PHASH2 && dets_slot(h, key) != slot)
        dets_faults_note(c->faults, ERR_DAMAGED, at, "the key belongs into slot %u, not %u",
                         dets_slot(h, key), slot);
    if (!o->first && !bytes_equal(key, last))
        dets_faults_note(c->faults, ERR_DAMAGED, at, "two keys where one was announced");
    if (o->first && last.len > 0 && term_compare_dets(last, key) >= 0)
        dets_faults_note(c->faults, ERR_DAMAGED, at,
                         "the key is not in order behind the one before it");
    c->keys += o->first;
    struct buf swap = c->last;
    c->last = c->key;
    c->key = swap;
}

static void check_objects(struct checking *c, struct bytes body, uint32_t slot)
{
    const struct dets_table *t = c->table;
    struct dets_objects o = dets_objects(body, t->header.type);
    struct bytes object;
    buf_clear(&c->last);
    while (dets_objects_next(&o, &object)) {
        uint64_t at = (uint64_t)(object.at - t->file.at);
        c->objects++;
        enum err e = dets_object_check(object, NULL);
        buf_clear(&c->key);
        if (e == OK)
            e = dets_key(&c->key, object, t->header.keypos);
        if (e == OK)
            check_key(c, &o, at, slot);
        else
            dets_faults_note(c->faults, ERR_DAMAGED, at, "an object that cannot be read: %s",
                             err_text(e));
    }
    if (!o.whole)
        dets_faults_note(c->faults, ERR_DAMAGED, (uint64_t)(o.at - t->file.at),
                         "the sizes of the objects do not fit");
}

/* False when more has been seen than the file has bytes: what is pointed to
 * overlaps, and to go on could take the time of a very large file. */
static bool take_bytes(struct checking *c, uint64_t bytes)
{
    c->bytes += bytes;
    return c->bytes <= c->table->file.len;
}

static bool check_slot(struct checking *c, uint32_t slot, uint64_t entry)
{
    struct bytes file = c->table->file;
    struct dets_fault fault;
    uint32_t size = dets_number(file, entry), at = dets_number(file, entry + DETS_POINTER_BYTES);
    if (size == 0 && at == 0)
        return true;
    if (dets_collection_check(file, c->table->header.free_lists, at, size, &fault) != OK) {
        dets_faults_add(c->faults, &fault);
        return true;
    }
    if (!take_bytes(c, size))
        return false;
    unsigned class = dets_class(size);
    c->counters[class - DETS_CLASS_MIN]++;
    add_extent(c, at, 1ull << class);
    check_objects(
        c, (struct bytes){file.at + at + DETS_COLLECTION_BYTES, size - DETS_COLLECTION_BYTES},
        slot);
    return true;
}

static bool check_segment(struct checking *c, uint32_t number, uint64_t at)
{
    bool more = take_bytes(c, DETS_TABLE_BYTES);
    for (uint32_t i = 0; i < DETS_SEGMENT_SLOTS && more; i++)
        more = check_slot(c, number * DETS_SEGMENT_SLOTS + i, at + (uint64_t)DETS_SLOT_BYTES * i);
    return more;
}

static void check_slots(struct checking *c)
{
    const struct dets_table *t = c->table;
    for (uint32_t i = 0; i < dets_segments(&t->header); i++) {
        struct dets_fault ignored; /* add_tables() tells of all but those of zeros */
        uint64_t at;
        if (dets_segment(t->file, i, &at, &ignored) != OK) {
            dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_PARTS,
                             "slots %u to %u are not in the file", i * DETS_SEGMENT_SLOTS,
                             (i + 1) * DETS_SEGMENT_SLOTS - 1);
            continue;
        }
        if (!check_segment(c, i, at)) {
            dets_faults_note(c->faults, ERR_DAMAGED, at, "the same bytes are pointed to twice");
            return;
        }
    }
}

/* --- each byte once ------------------------------------------------------------------- */

/* Those that slots stand in, and those that a table has beyond its slots. */
static void add_tables(struct checking *c)
{
    struct bytes file = c->table->file;
    struct dets_fault ignored; /* the walk over the segments tells of it */
    uint64_t at;
    for (uint32_t p = 0; p < DETS_PARTS; p++)
        if (dets_has_part(file, p) && dets_part(file, p, &at, &ignored) == OK)
            add_extent(c, at, DETS_TABLE_BYTES);
    for (uint32_t next = 0; dets_next_segment(file, &next, &at, c->faults);)
        add_extent(c, at, DETS_TABLE_BYTES);
}

static void add_free_blocks(struct checking *c)
{
    struct dets_fault fault;
    struct dets_block block;
    struct dets_free f = dets_free(c->table->file, c->table->header.free_lists);
    while (dets_free_next(&f, &block, &fault))
        add_extent(c, block.at, 1ull << block.class);
    must(f.err == OK); /* dets_open() has read them */
}

static int compare_extents(const void *left, const void *right)
{
    const struct extent *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

static void check_extents(struct checking *c)
{
    add_tables(c);
    add_free_blocks(c);
    add_extent(c, c->table->header.free_lists, 0);
    qsort(c->extents, c->extent_count, sizeof(*c->extents), compare_extents);
    uint64_t end = DETS_AT_BLOCKS;
    for (size_t i = 0; i < c->extent_count; i++) {
        const struct extent *x = &c->extents[i];
        if (x->at > end)
            dets_faults_note(c->faults, ERR_DAMAGED, end, "%llu bytes are neither used nor free",
                             (unsigned long long)(x->at - end));
        else if (x->at < end && x->end > x->at)
            dets_faults_note(c->faults, ERR_DAMAGED, x->at,
                             "%llu bytes are used twice, or used and free",
                             (unsigned long long)((x->end < end ? x->end : end) - x->at));
        end = x->end > end ? x->end : end;
    }
}

/* --- counts --------------------------------------------------------------------------- */

static void check_counts(struct checking *c)
{
    const struct dets_header *h = &c->table->header;
    if (h->objects != c->objects)
        dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_OBJECTS,
                         "%u objects by the header, %llu in the table", h->objects,
                         (unsigned long long)c->objects);
    if (h->keys != c->keys)
        dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_KEYS,
                         "%u keys by the header, %llu in the table", h->keys,
                         (unsigned long long)c->keys);
    for (unsigned k = 0; k < DETS_COUNTERS; k++)
        if (h->counters[k] != c->counters[k])
            dets_faults_note(
                c->faults, ERR_DAMAGED, DETS_AT_COUNTERS + 4u * k,
                "%u collections in blocks of %llu bytes by the header, %u in the table",
                h->counters[k], 1ull << (k + DETS_CLASS_MIN), c->counters[k]);
}

void dets_check(struct bytes file, struct dets_faults *faults)
{
    struct dets_table table;
    struct dets_fault fault;
    if (dets_open(&table, file, &fault) != OK) {
        dets_faults_add(faults, &fault);
        return;
    }
    struct checking c = {.table = &table, .faults = faults};
    check_slots(&c);
    check_extents(&c);
    check_counts(&c);
    mem_free(c.extents);
    buf_free(&c.key);
    buf_free(&c.last);
}
