/* Arbitrary bytes as a DETS file: reading and salvaging terminate, and what a salvage finds
 * can be written to a sound file with the same records. */
#include <stddef.h>
#include <stdint.h>

#include "dets/dets_read.h"
#include "dets/dets_salvage.h"
#include "dets/dets_write.h"
#include "err.h"

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

static void read_file(struct bytes file, size_t wanted)
{
    struct dets_table table;
    struct dets_fault fault;
    struct dets_faults faults = {0};
    size_t objects = 0;
    if (dets_open(&table, file, &fault) == OK && dets_walk(&table, visit, &objects, &fault) == OK &&
        wanted != SIZE_MAX)
        must(objects == wanted);
    size_t seen = 0;
    dets_check(file, &faults, see, &seen);
    must(wanted == SIZE_MAX || seen == wanted);
    must(wanted == SIZE_MAX || faults.count == 0);
    dets_faults_free(&faults);
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
    read_file(buf_bytes(&file), s->count);
    dets_image_free(image);
    buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes file = {data, size};
    struct dets_salvage s;
    read_file(file, SIZE_MAX);
    if (dets_salvage(&s, file, NULL) == OK) {
        write_file(&s);
        dets_salvage_free(&s);
    }
    return 0;
}
