#include "dets_read.h"

#include "dets_collection.h"
#include "dets_free_list.h"

enum err dets_open(struct dets_table *table, struct bytes file, struct dets_fault *fault)
{
    struct dets_block block;
    table->file = file;
    table->changing = false;
    enum err e = dets_header_read(&table->header, file);
    if (e != OK)
        return dets_fault(fault, ERR_NOT_DETS, file.len, "the file ends within the header");
    e = dets_header_check(&table->header, file, fault);
    if (e != OK)
        return e;
    struct dets_free_list f = dets_free_list(file, table->header.free_lists);
    while (dets_free_list_next(&f, &block, fault))
        ;
    return f.err;
}

struct walk {
    const struct dets_table *table;
    enum err (*visit)(void *who, const struct dets_object *object);
    void *who;
    struct dets_fault *fault;
    uint64_t bytes; /* in segments and collections so far */
    struct buf key, copy;
};

/* The object, or a copy of it that nobody changes. */
static struct bytes stable(struct walk *w, struct bytes object)
{
    if (!w->table->changing)
        return object;
    buf_clear(&w->copy);
    buf_put(&w->copy, object);
    return buf_bytes(&w->copy);
}

static enum err walk_objects(struct walk *w, uint32_t slot, struct bytes body)
{
    const struct dets_table *t = w->table;
    struct dets_objects o = dets_objects(body, t->header.type);
    struct bytes object;
    while (dets_objects_next(&o, &object)) {
        uint64_t at = (uint64_t)(object.at - t->file.at);
        object = stable(w, object);
        buf_clear(&w->key);
        enum err e = dets_key(&w->key, object, t->header.keypos);
        if (e != OK)
            return dets_fault(w->fault, ERR_DAMAGED, at, "an object without a key: %s",
                              err_text(e));
        struct dets_object seen = {object, buf_bytes(&w->key), at, slot};
        e = w->visit(w->who, &seen);
        if (e != OK)
            return e;
    }
    if (!o.intact)
        return dets_fault(w->fault, ERR_DAMAGED, (uint64_t)(o.at - t->file.at),
                          "the sizes of the objects are inconsistent");
    return OK;
}

/* Extents must not overlap.  If they do, the sum exceeds the file size before a small file
 * has taken the time of a very large one. */
static enum err count_bytes(struct walk *w, uint64_t bytes, uint64_t at)
{
    w->bytes += bytes;
    if (w->bytes > w->table->file.len)
        return dets_fault(w->fault, ERR_DAMAGED, at, "the same bytes are referenced twice");
    return OK;
}

static enum err walk_slot(struct walk *w, uint32_t slot, uint64_t entry)
{
    struct bytes file = w->table->file;
    uint32_t size = dets_u32(file, entry), at = dets_u32(file, entry + DETS_POINTER_BYTES);
    if (size == 0 && at == 0)
        return OK;
    enum err e = dets_collection_check(file, w->table->header.free_lists, at, size, w->fault);
    if (e == OK)
        e = count_bytes(w, size, entry);
    if (e != OK)
        return e;
    return walk_objects(w, slot, dets_collection_body(file, at, size));
}

static enum err walk_segment(struct walk *w, uint32_t number)
{
    uint64_t at;
    enum err e = dets_segment(w->table->file, number, &at, w->fault);
    if (e == OK)
        e = count_bytes(w, DETS_TABLE_BYTES, at);
    for (uint32_t i = 0; e == OK && i < DETS_SEGMENT_SLOTS; i++)
        e = walk_slot(w, number * DETS_SEGMENT_SLOTS + i, at + (uint64_t)DETS_SLOT_BYTES * i);
    return e;
}

enum err dets_walk(const struct dets_table *table,
                   enum err (*visit)(void *who, const struct dets_object *object), void *who,
                   struct dets_fault *fault)
{
    struct walk w = {.table = table, .visit = visit, .who = who, .fault = fault};
    enum err e = OK;
    for (uint32_t i = 0; e == OK && i < dets_segments(&table->header); i++)
        e = walk_segment(&w, i);
    buf_free(&w.key);
    buf_free(&w.copy);
    return e;
}
