#include "dets_salvage.h"

#include <stdlib.h>

#include "../limits.h"
#include "../mem.h"
#include "dets_free_list.h"
#include "dets_search.h"

/* --- choosing ------------------------------------------------------------------------- */

/* A candidate with its key, for sorting. */
struct copy {
    struct bytes key;
    const struct dets_candidate *candidate;
};

/* By key, then the best copy first, then by position within a collection. */
static int compare(const void *left, const void *right)
{
    const struct copy *x = left, *y = right;
    const struct dets_candidate *a = x->candidate, *b = y->candidate;
    int order = bytes_compare(x->key, y->key);
    if (order != 0)
        return order;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    if (a->collection != b->collection)
        return a->collection > b->collection ? -1 : 1;
    return (a->object.at > b->object.at) - (a->object.at < b->object.at);
}

static void keep(struct dets_salvage *s, const struct copy *c)
{
    s->records[s->count++] = (struct dets_record){.key = c->key, .object = c->candidate->object};
    s->revived += c->candidate->rank <= DETS_RANK_FREED;
}

/* Chooses among the copies of one key, the best first: the last in the best collection, or in a
 * bag all of that collection, each position once. */
static void choose(struct dets_salvage *s, const struct copy *copies, size_t count)
{
    const struct dets_candidate *best = copies[0].candidate;
    size_t before = s->count, last = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dets_candidate *c = copies[i].candidate;
        if (c->rank != best->rank || c->collection != best->collection)
            break;
        if (s->shape.type != DETS_SET &&
            (i == 0 || c->object.at != copies[last].candidate->object.at))
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
        const struct dets_candidate *c = &search->candidates[i];
        copies[i] = (struct copy){{s->keys.at + c->key, c->key_len}, c};
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

/* --- searching ------------------------------------------------------------------------ */

/* The free blocks of a saved file hold only old data. */
static void skip_free_blocks(struct dets_search *s, const struct dets_header *header)
{
    struct dets_fault ignored;
    struct dets_block block;
    size_t before = s->skip.count;
    struct dets_free_list f = dets_free_list(s->file, header->free_lists);
    while (dets_free_list_next(&f, &block, &ignored))
        dets_extents_add(&s->skip, block.at, 1ull << block.class);
    if (f.err != OK)
        s->skip.count = before;
}

static struct dets_torn_slot *torn_slot(const struct dets_search *s, const struct dets_candidate *c)
{
    return dets_torn_find(&s->torn, (struct bytes){s->keys.at + c->key, c->key_len});
}

/* A slot is not torn, but damaged, if any of its objects is in use somewhere.  What was freed
 * is then old. */
static void drop_old(struct dets_search *s)
{
    if (s->torn.count == 0)
        return;
    for (size_t i = 0; i < s->count; i++) {
        struct dets_torn_slot *slot = torn_slot(s, &s->candidates[i]);
        if (slot != NULL && s->candidates[i].rank != DETS_RANK_ABANDONED)
            slot->elsewhere = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct dets_candidate *c = &s->candidates[i];
        if (c->rank != DETS_RANK_ABANDONED || !torn_slot(s, c)->elsewhere)
            s->candidates[kept++] = *c;
    }
    s->count = kept;
}

static void search_all(struct dets_search *s, const struct dets_header *header)
{
    struct dets_fault fault;
    enum err e = dets_header_check(header, s->file, &fault);
    if (e != OK && e != ERR_NOT_SAVED)
        dets_faults_add(s->faults, &fault);
    if (e == OK)
        skip_free_blocks(s, header);
    dets_search_slots(s);
    dets_search_blocks(s);
    drop_old(s);
}

enum err dets_salvage(struct dets_salvage *salvage, struct bytes file,
                      const struct dets_salvage_progress *progress)
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
                                 .scanned_max = LIMIT_SALVAGE_SCANS * (uint64_t)file.len,
                                 .faults = &salvage->faults,
                                 .progress = progress};
    search_all(&search, &header);
    salvage->shape = search.shape;
    salvage->keys = search.keys;
    salvage->given_up = dets_search_over_budget(&search);
    choose_all(salvage, &search);
    mem_free(search.candidates);
    dets_extents_free(&search.skip);
    dets_torn_free(&search.torn);
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
