#include "dets_salvage.h"

#include <stdlib.h>

#include "../limits.h"
#include "../mem.h"
#include "dets_free.h"
#include "dets_search.h"

/* --- choosing ------------------------------------------------------------------------- */

/* A find with its key where it can be compared. */
struct copy {
    struct bytes key;
    const struct dets_find *find;
};

/* By key; then the best copy first, and what stands in one collection in order. */
static int compare(const void *left, const void *right)
{
    const struct copy *a = left, *b = right;
    int order = bytes_compare(a->key, b->key);
    if (order != 0)
        return order;
    if (a->find->rank != b->find->rank)
        return a->find->rank > b->find->rank ? -1 : 1;
    if (a->find->collection != b->find->collection)
        return a->find->collection > b->find->collection ? -1 : 1;
    const uint8_t *x = a->find->object.at, *y = b->find->object.at;
    return (x > y) - (x < y);
}

static void keep(struct dets_salvage *s, const struct copy *c)
{
    s->records[s->count++] = (struct dets_record){.key = c->key, .object = c->find->object};
    s->revived += c->find->rank == DETS_FREED;
}

/* The copies of one key, the best first; of a bag, the first collection's
 * objects that stand in different places. */
static void choose(struct dets_salvage *s, const struct copy *copies, size_t count)
{
    const struct dets_find *best = copies[0].find;
    size_t before = s->count, last = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dets_find *f = copies[i].find;
        if (f->rank != best->rank || f->collection != best->collection)
            break;
        if (s->shape.type != DETS_SET && (i == 0 || f->object.at != copies[last].find->object.at))
            keep(s, &copies[i]);
        last = i;
    }
    if (s->shape.type == DETS_SET)
        keep(s, &copies[last]);
    s->older += count - (s->count - before);
}

static void choose_all(struct dets_salvage *s, const struct dets_search *search)
{
    struct copy *copies = mem_take(search->count * sizeof(*copies));
    for (size_t i = 0; i < search->count; i++) {
        const struct dets_find *f = &search->finds[i];
        copies[i] = (struct copy){{s->keys.at + f->key, f->key_len}, f};
    }
    qsort(copies, search->count, sizeof(*copies), compare);
    s->records = mem_take(search->count * sizeof(*s->records));
    for (size_t i = 0, n; i < search->count; i += n) {
        for (n = 1; i + n < search->count && bytes_equal(copies[i].key, copies[i + n].key);)
            n++;
        choose(s, &copies[i], n);
    }
    mem_free(copies);
}

/* --- finding -------------------------------------------------------------------------- */

/* What the free lists of a saved file name holds nothing but the past. */
static void know_free_blocks(struct dets_search *s, const struct dets_header *header)
{
    struct dets_fault ignored;
    struct dets_block block;
    size_t before = s->known_count;
    struct dets_free f = dets_free(s->file, header->free_lists);
    while (dets_free_next(&f, &block, &ignored))
        dets_search_know(s, block.at, 1ull << block.class);
    if (f.err != OK)
        s->known_count = before;
}

static void search_all(struct dets_search *s, const struct dets_header *header)
{
    struct dets_fault fault;
    enum err e = dets_header_check(header, s->file, &fault);
    if (e != OK && e != ERR_NOT_SAVED)
        dets_faults_add(s->faults, &fault);
    if (e == OK)
        know_free_blocks(s, header);
    dets_search_slots(s);
    dets_search_rest(s);
}

enum err dets_salvage(struct dets_salvage *salvage, struct bytes file)
{
    struct dets_header header;
    *salvage = (struct dets_salvage){0};
    if (file.len > LIMIT_DETS_BYTES)
        return ERR_LIMIT;
    if (dets_header_read(&header, file) != OK)
        return ERR_NOT_DETS;
    struct dets_search search = {.file = file,
                                 .shape = dets_search_shape(file, &header),
                                 .phash2 = header.hash != DETS_PHASH,
                                 .looks_max = LIMIT_SALVAGE_LOOKS * (uint64_t)file.len,
                                 .faults = &salvage->faults};
    search_all(&search, &header);
    salvage->shape = search.shape;
    salvage->keys = search.keys;
    salvage->given_up = dets_search_is_over(&search);
    choose_all(salvage, &search);
    mem_free(search.finds);
    mem_free(search.known);
    if (salvage->count > 0 || header.cookie == DETS_COOKIE)
        return OK;
    dets_salvage_free(salvage);
    return ERR_NOT_DETS;
}

void dets_salvage_free(struct dets_salvage *salvage)
{
    mem_free(salvage->records);
    dets_faults_free(&salvage->faults);
    buf_free(&salvage->keys);
    *salvage = (struct dets_salvage){0};
}
