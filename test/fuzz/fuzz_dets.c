/* Arbitrary bytes as a DETS file: reading and salvaging end; what a salvage finds are valid objects
 * with their keys, and written to a sound file it is all there; of a file without a fault it is all
 * that the reader has found. */
#include <stddef.h>
#include <stdint.h>

#include "dets/dets_read.h"
#include "dets/dets_salvage.h"
#include "dets/dets_write.h"
#include "err.h"
#include "term/canon.h"
#include "term/etf_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err visit(void *who, const struct dets_object *object)
{
    *(size_t *)who += object->key.len > 0;
    return OK;
}

static void see(void *who, const struct dets_object *object)
{
    *(size_t *)who += object->object.len > 0;
}

/* The number of objects in a file without faults; SIZE_MAX for any other. */
static size_t read_file(struct bytes file)
{
    struct dets_table table;
    struct dets_fault fault;
    struct dets_faults faults = {0};
    size_t walked = 0, seen = 0;
    bool opens = dets_open(&table, file, &fault) == OK;
    bool whole = opens && dets_walk(&table, visit, &walked, &fault) == OK;
    dets_check(file, &faults, see, &seen);
    bool sound = faults.count == 0;
    must(!sound || (whole && walked == seen));
    dets_faults_free(&faults);
    return sound ? seen : SIZE_MAX;
}

static void check_record(const struct dets_record *r)
{
    struct buf object = {0};
    size_t len;
    must(etf_check(r->key, &len) == OK && len == r->key.len);
    enum err e = canon_external(&object, r->object);
    must(e == OK || e == ERR_DUPLICATE || e == ERR_LIMIT);
    must(e != OK || object.len >= r->key.len);
    buf_free(&object);
}

static void write_file(const struct dets_salvage *s)
{
    struct dets_image *image;
    struct dets_fault fault;
    struct buf file = {0};
    struct bytes piece;
    must(dets_image_new(&image, &s->shape, s->records, s->count, &fault) == OK);
    while (dets_image_next(image, &piece))
        buf_put(&file, piece);
    must(file.len == dets_image_size(image));
    must(read_file(buf_bytes(&file)) == s->count);
    dets_image_free(image);
    buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes file = {data, size};
    struct dets_salvage s;
    size_t sound = read_file(file);
    bool found = dets_salvage(&s, file) == OK;
    must(sound == SIZE_MAX || (found && s.count == sound));
    if (!found)
        return 0;
    for (size_t i = 0; i < s.count; i++)
        check_record(&s.records[i]);
    write_file(&s);
    dets_salvage_free(&s);
    return 0;
}
