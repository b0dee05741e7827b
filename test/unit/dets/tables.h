/* Recorded and generated tables for the suites of dets and store, and sorted lists of their
 * objects for comparison. */
#ifndef COPPICE_TEST_DETS_TABLES_H
#define COPPICE_TEST_DETS_TABLES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dets/dets_collection.h"
#include "dets/dets_read.h"
#include "dets/dets_salvage.h"
#include "dets/dets_write.h"
#include "err.h"
#include "mem.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

/* Canonical objects; all zero is empty. */
struct objects {
    struct term *at;
    size_t count, cap;
};

static inline int objects_order(const void *left, const void *right)
{
    return bytes_compare(term_bytes(left), term_bytes(right));
}

/* Takes ownership of the term. */
static inline void objects_add(struct objects *o, struct term term)
{
    o->at = mem_room(o->at, o->count, &o->cap, sizeof(*o->at));
    o->at[o->count++] = term;
}

static inline void objects_add_external(struct objects *o, struct bytes external)
{
    struct buf canonical = {0};
    must(canon_external(&canonical, external) == OK);
    objects_add(o, term_take(&canonical));
}

static inline void objects_sort(struct objects *o)
{
    if (o->count > 0)
        qsort(o->at, o->count, sizeof(*o->at), objects_order);
}

static inline void objects_free(struct objects *o)
{
    for (size_t i = 0; i < o->count; i++)
        term_free(&o->at[i]);
    mem_free(o->at);
    *o = (struct objects){0};
}

static inline bool objects_equal(const struct objects *a, const struct objects *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = bytes_equal(term_bytes(&a->at[i]), term_bytes(&b->at[i]));
    return same;
}

/* The number of b's objects that are not in a; both sorted. */
static inline size_t objects_missing(const struct objects *a, const struct objects *b)
{
    size_t missing = 0;
    for (size_t i = 0, k = 0; i < b->count; i++) {
        while (k < a->count && objects_order(&a->at[k], &b->at[i]) < 0)
            k++;
        if (k < a->count && objects_order(&a->at[k], &b->at[i]) == 0)
            k++;
        else
            missing++;
    }
    return missing;
}

/* The recorded objects of NAME.dets. */
static inline struct objects objects_recorded(const char *name)
{
    struct objects o = {0};
    struct buf list = {0};
    char path[64];
    struct bytes element;
    snprintf(path, sizeof(path), "dets/%s.etf", name);
    must(canon_external(&list, vector(path)) == OK);
    struct etf_in in = etf_open(buf_bytes(&list));
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct term term = term_copy(element);
        objects_add(&o, term);
    }
    must(etf_finish(&in) == OK);
    buf_free(&list);
    objects_sort(&o);
    return o;
}

static inline struct bytes table_recorded(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "dets/%s.dets", name);
    return vector(path);
}

/* Skips damaged objects: a walk checks them only as far as their keys. */
static inline enum err objects_visit(void *who, const struct dets_object *o)
{
    if (dets_object_check(o->object, NULL) == OK)
        objects_add_external(who, o->object);
    return OK;
}

/* The objects that dets_walk() visits; on failure none, and the error. */
static inline enum err objects_walked(struct objects *o, struct bytes file)
{
    struct dets_table table;
    struct dets_fault fault;
    *o = (struct objects){0};
    enum err e = dets_open(&table, file, &fault);
    if (e == OK)
        e = dets_walk(&table, objects_visit, o, &fault);
    if (e != OK)
        objects_free(o);
    objects_sort(o);
    return e;
}

static inline struct objects objects_salvaged(const struct dets_salvage *s)
{
    struct objects o = {0};
    for (size_t i = 0; i < s->count; i++)
        objects_add_external(&o, s->records[i].object);
    objects_sort(&o);
    return o;
}

static inline void count_object(void *who, const struct dets_object *object)
{
    *(uint64_t *)who += object->object.len > 0;
}

/* The number of faults dets_check() finds; prints the first unless silent. */
static inline uint64_t faults_of(struct bytes file, bool silent)
{
    struct dets_faults faults = {0};
    uint64_t visits = 0;
    dets_check(file, &faults, count_object, &visits);
    uint64_t count = faults.count;
    must(count > 0 || visits == dets_u32(file, DETS_AT_OBJECTS));
    if (count > 0 && !silent)
        fprintf(stderr, "\n    byte %llu: %s\n", (unsigned long long)faults.list[0].at,
                faults.list[0].what);
    dets_faults_free(&faults);
    return count;
}

/* The whole file; owned by the caller. */
static inline struct buf image_bytes(struct dets_image *image)
{
    struct buf file = {0};
    struct bytes piece;
    while (dets_image_next(image, &piece)) {
        CU_ASSERT_FATAL(piece.len > 0);
        buf_put(&file, piece);
    }
    CU_ASSERT_EQUAL(file.len, dets_image_size(image));
    return file;
}

/* A file of these records, which must fit. */
static inline struct buf image_of(const struct dets_shape *shape, const struct dets_record *records,
                                  size_t count)
{
    struct dets_image *image;
    struct dets_fault fault;
    must(dets_image_new(&image, shape, records, count, &fault) == OK);
    struct buf file = image_bytes(image);
    dets_image_free(image);
    return file;
}

/* Records that borrow from the objects; freed with mem_free(). */
static inline struct dets_record *records_of(const struct objects *o, uint32_t keypos)
{
    struct dets_record *records = mem_take(o->count * sizeof(*records));
    for (size_t i = 0; i < o->count; i++) {
        struct etf_in in = etf_open(term_bytes(&o->at[i]));
        must(etf_tuple(&in) >= keypos);
        for (uint32_t k = 0; k < keypos; k++)
            records[i].key = etf_any(&in);
        records[i].object = term_bytes(&o->at[i]);
        records[i].bare = true;
    }
    return records;
}

#endif
