#include "../term/order.h"
#include "dets_collection.h"
#include "dets_extents.h"
#include "dets_free_list.h"
#include "dets_read.h"

struct check {
    const struct dets_table *table;
    struct dets_faults *faults;
    struct dets_extents extents; /* of the file that are used, or free */
    uint32_t counters[DETS_COUNTERS];
    uint64_t objects, keys;
    uint64_t bytes;       /* in segments and collections so far */
    struct buf key, last; /* of the current object, and of the one before it in the slot */
    struct buf copy;      /* of the current object: the file may change */
    void (*visit)(void *who, const struct dets_object *object);
    void *who;
};

/* --- slots -------------------------------------------------------------------------- */

static void check_key(struct check *c, const struct dets_objects *o, uint64_t at, uint32_t slot)
{
    const struct dets_header *h = &c->table->header;
    struct bytes key = buf_bytes(&c->key), last = buf_bytes(&c->last);
    if (h->hash == DETS_PHASH2 && dets_slot(h, key) != slot)
        dets_faults_note(c->faults, ERR_DAMAGED, at, "the key belongs in slot %u, not %u",
                         dets_slot(h, key), slot);
    if (!o->first && !bytes_equal(key, last))
        dets_faults_note(c->faults, ERR_DAMAGED, at, "two keys in a group of objects with one key");
    if (o->first && last.len > 0 && term_compare_dets(last, key) >= 0)
        dets_faults_note(c->faults, ERR_DAMAGED, at, "the key is out of order");
    c->keys += o->first;
    struct buf swap = c->last;
    c->last = c->key;
    c->key = swap;
}

static void check_objects(struct check *c, struct bytes body, uint32_t slot)
{
    const struct dets_table *t = c->table;
    struct dets_objects o = dets_objects(body, t->header.type);
    struct bytes object;
    buf_clear(&c->last);
    while (dets_objects_next(&o, &object)) {
        uint64_t at = (uint64_t)(object.at - t->file.at);
        struct dets_object seen = {.object = object, .at = at, .slot = slot};
        c->visit(c->who, &seen);
        c->objects++;
        buf_clear(&c->copy);
        buf_put(&c->copy, object);
        object = buf_bytes(&c->copy);
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
    if (!o.intact)
        dets_faults_note(c->faults, ERR_DAMAGED, (uint64_t)(o.at - t->file.at),
                         "the sizes of the objects are inconsistent");
}

/* False once more bytes have been checked than the file has: some overlap, and to go on could
 * take as long as a very large file. */
static bool count_bytes(struct check *c, uint64_t bytes)
{
    c->bytes += bytes;
    return c->bytes <= c->table->file.len;
}

static bool check_slot(struct check *c, uint32_t slot, uint64_t entry)
{
    struct bytes file = c->table->file;
    struct dets_fault fault;
    uint32_t size = dets_u32(file, entry), at = dets_u32(file, entry + DETS_POINTER_BYTES);
    if (size == 0 && at == 0)
        return true;
    if (dets_collection_check(file, c->table->header.free_lists, at, size, &fault) != OK) {
        dets_faults_add(c->faults, &fault);
        return true;
    }
    if (!count_bytes(c, size))
        return false;
    unsigned class = dets_class(size);
    c->counters[class - DETS_CLASS_MIN]++;
    dets_extents_add(&c->extents, at, 1ull << class);
    check_objects(c, dets_collection_body(file, at, size), slot);
    return true;
}

static bool check_segment(struct check *c, uint32_t number, uint64_t at)
{
    bool more = count_bytes(c, DETS_TABLE_BYTES);
    for (uint32_t i = 0; i < DETS_SEGMENT_SLOTS && more; i++)
        more = check_slot(c, number * DETS_SEGMENT_SLOTS + i, at + (uint64_t)DETS_SLOT_BYTES * i);
    return more;
}

static void check_slots(struct check *c)
{
    const struct dets_table *t = c->table;
    for (uint32_t i = 0; i < dets_segments(&t->header); i++) {
        struct dets_fault ignored; /* add_tables() adds it, unless the position is 0 */
        uint64_t at;
        if (dets_segment(t->file, i, &at, &ignored) != OK) {
            dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_PARTS,
                             "slots %u to %u have no segment", i * DETS_SEGMENT_SLOTS,
                             (i + 1) * DETS_SEGMENT_SLOTS - 1);
            continue;
        }
        if (!check_segment(c, i, at)) {
            dets_faults_note(c->faults, ERR_DAMAGED, at, "the same bytes are referenced twice");
            return;
        }
    }
}

/* --- extents -------------------------------------------------------------------------- */

/* All parts and segments, including those beyond the last slot. */
static void add_tables(struct check *c)
{
    struct bytes file = c->table->file;
    struct dets_fault ignored; /* dets_next_segment() adds it */
    uint64_t at;
    for (uint32_t p = 0; p < DETS_PARTS; p++)
        if (dets_has_part(file, p) && dets_part(file, p, &at, &ignored) == OK)
            dets_extents_add(&c->extents, at, DETS_TABLE_BYTES);
    for (uint32_t next = 0; dets_next_segment(file, &next, &at, c->faults);)
        dets_extents_add(&c->extents, at, DETS_TABLE_BYTES);
}

static void add_free_blocks(struct check *c)
{
    struct dets_fault fault;
    struct dets_block block;
    struct dets_free_list f = dets_free_list(c->table->file, c->table->header.free_lists);
    while (dets_free_list_next(&f, &block, &fault))
        dets_extents_add(&c->extents, block.at, 1ull << block.class);
    if (f.err != OK) /* dets_open() has checked them: the file has changed */
        dets_faults_add(c->faults, &fault);
}

static void check_extents(struct check *c)
{
    add_tables(c);
    add_free_blocks(c);
    dets_extents_add(&c->extents, c->table->header.free_lists, 0);
    dets_extents_sort(&c->extents);
    uint64_t end = DETS_AT_BLOCKS;
    for (size_t i = 0; i < c->extents.count; i++) {
        const struct dets_extent *x = &c->extents.list[i];
        if (x->at > end)
            dets_faults_note(c->faults, ERR_DAMAGED, end, "%llu bytes are neither used nor free",
                             (unsigned long long)(x->at - end));
        else if (x->at < end && x->end > x->at)
            dets_faults_note(c->faults, ERR_DAMAGED, x->at,
                             "%llu bytes are used twice, or both used and free",
                             (unsigned long long)((x->end < end ? x->end : end) - x->at));
        end = x->end > end ? x->end : end;
    }
}

/* --- counts --------------------------------------------------------------------------- */

static void check_counts(struct check *c)
{
    const struct dets_header *h = &c->table->header;
    if (h->objects != c->objects)
        dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_OBJECTS,
                         "%u objects according to the header, %llu in the table", h->objects,
                         (unsigned long long)c->objects);
    if (h->keys != c->keys)
        dets_faults_note(c->faults, ERR_DAMAGED, DETS_AT_KEYS,
                         "%u keys according to the header, %llu in the table", h->keys,
                         (unsigned long long)c->keys);
    for (unsigned k = 0; k < DETS_COUNTERS; k++)
        if (h->counters[k] != c->counters[k])
            dets_faults_note(
                c->faults, ERR_DAMAGED, DETS_AT_COUNTERS + 4u * k,
                "%u collections in blocks of %llu bytes according to the header, %u in the table",
                h->counters[k], 1ull << (k + DETS_CLASS_MIN), c->counters[k]);
}

void dets_check(struct bytes file, struct dets_faults *faults,
                void (*visit)(void *who, const struct dets_object *object), void *who)
{
    struct dets_table table;
    struct dets_fault fault;
    if (dets_open(&table, file, &fault) != OK) {
        dets_faults_add(faults, &fault);
        return;
    }
    struct check c = {.table = &table, .faults = faults, .visit = visit, .who = who};
    check_slots(&c);
    check_extents(&c);
    check_counts(&c);
    dets_extents_free(&c.extents);
    buf_free(&c.key);
    buf_free(&c.last);
    buf_free(&c.copy);
}
