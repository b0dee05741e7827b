#include "loading.h"

#include "../crdt/slices.h"
#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "internal.h"

struct loading {
    struct buf memory, memory_of_records;
    struct bytes state; /* empty once it is joined */
    struct etf_in records;
    struct etf_in record; /* the current one, a list of structs */
    struct etf_list structs;
    bool in_record, record_refused;
    struct bytes current; /* the struct that is joined in slices */
    struct crdt_slices *slices;
    bool joining;             /* it is valid */
    size_t validated, joined; /* steps of it */
    size_t done;              /* bytes of what came before it */
    struct loading_figures figures;
};

static void take(struct buf *to, struct buf *from, struct bytes *what)
{
    if (from != NULL) {
        *to = *from;
        *from = (struct buf){0};
    } else {
        buf_put(to, *what);
        *what = buf_bytes(to);
    }
}

struct loading *loading_open(const struct disk_content *content)
{
    struct loading *l = mem_take(sizeof(*l));
    struct bytes records = content->records;
    l->state = content->state;
    take(&l->memory, content->memory, &l->state);
    take(&l->memory_of_records, content->memory_of_records, &records);
    l->records = etf_open(records);
    l->figures = (struct loading_figures){
        .bytes = l->state.len + records.len, .snapshot = l->state.len > 0, .saved = content->saved};
    return l;
}

void loading_free(struct loading *l)
{
    if (l == NULL)
        return;
    crdt_slices_free(l->slices);
    buf_free(&l->memory);
    buf_free(&l->memory_of_records);
    mem_free(l);
}

/* --- one struct ------------------------------------------------------------------ */

static enum err merge_small(struct replica *r, struct bytes s)
{
    bool changed;
    return crdt_merge(r->crdt, s, NULL, &changed);
}

/* True after the last step. */
static bool slice(struct loading *l, struct replica *r, enum err *e)
{
    bool changed, all = false;
    *e = OK;
    if (l->slices == NULL)
        l->slices = crdt_slices_open(r->options.type, &r->crdt_options, l->current,
                                     LIMIT_SLICE_BYTES, true);
    if (l->joining) {
        l->joined++;
        all = crdt_slices_join(l->slices, r->crdt, NULL, &changed);
    } else {
        l->validated++;
        l->joining = crdt_slices_validate(l->slices, e) && *e == OK;
    }
    if (!all && *e == OK)
        return false;
    crdt_slices_free(l->slices);
    l->slices = NULL;
    l->joining = false;
    l->validated = l->joined = 0;
    return true;
}

/* True when a struct is joined or refused; *spent grows by what this took. */
static bool join(struct loading *l, struct replica *r, size_t *spent, enum err *e)
{
    bool small = l->current.len <= LIMIT_SLICE_BYTES, all = true;
    *e = OK;
    *spent += small ? l->current.len : LIMIT_SLICE_BYTES;
    if (small)
        *e = merge_small(r, l->current);
    else
        all = slice(l, r, e);
    if (all) {
        l->done += l->current.len;
        l->current = (struct bytes){0};
    }
    return all;
}

/* --- all of them ------------------------------------------------------------------- */

static void end_record(struct loading *l)
{
    l->record_refused |= etf_finish(&l->record) != OK;
    l->figures.refused += l->record_refused;
    l->figures.records++;
    l->in_record = l->record_refused = false;
}

/* Finds the next struct of a record; false after the last record. */
static bool next_struct(struct loading *l)
{
    for (;;) {
        if (l->in_record && etf_next(&l->structs, &l->current))
            return true;
        if (l->in_record)
            end_record(l);
        if (l->records.at == l->records.end)
            return false;
        l->record = etf_open(etf_any(&l->records));
        l->structs = etf_list(&l->record);
        l->in_record = true;
    }
}

bool loading_step(struct loading *l, struct replica *r, enum err *e)
{
    size_t spent = 0;
    *e = OK;
    encoding_finish(r);
    while (spent < LIMIT_SLICE_BYTES) {
        if (l->current.len == 0 && l->state.len > 0)
            l->current = l->state;
        else if (l->current.len == 0 && !next_struct(l))
            return true;
        bool snapshot = l->state.len > 0;
        if (!join(l, r, &spent, e))
            continue;
        l->state = (struct bytes){0};
        if (*e != OK && snapshot)
            return true;
        l->record_refused |= *e != OK;
        *e = OK;
    }
    return false;
}

/* Each half of the work on a struct, its validation and its join, takes about as many steps. */
static size_t done_of_current(const struct loading *l)
{
    size_t half = l->current.len / 2, sliced = l->validated * LIMIT_SLICE_BYTES / 2;
    if (!l->joining)
        return sliced < half ? sliced : half;
    return half + (l->joined < l->validated ? half * l->joined / l->validated : half);
}

unsigned loading_percent(const struct loading *l)
{
    size_t done = l->done + done_of_current(l), all = l->figures.bytes;
    return done < all ? (unsigned)(done * 100 / all) : 99;
}

struct loading_figures loading_figures(const struct loading *l)
{
    return l->figures;
}
