#include "or_set.h"

#include "../../causal/digests.h"
#include "../../term/canon.h"
#include "../../term/write.h"
#include "../encoding.h"
#include "../figures.h"
#include "../types.h"
#include "or_set_in.h"

enum { ACTOR, COUNTER, DELTA_BUFFER, ENTRIES, TOMBSTONES };

static struct or_set *of(struct crdt *c)
{
    return (struct or_set *)c;
}

static const struct or_set *of_const(const struct crdt *c)
{
    return (const struct or_set *)c;
}

static void open_set(struct crdt *c)
{
    struct or_set *s = of(c);
    uint64_t seed = c->options->seed;
    actors_init(&s->actors, seed);
    table_init(&s->entries, sizeof(struct tags), seed);
    table_keep_marks(&s->entries, part_mark);
    tag_index_init(&s->tag_index, &s->entries, seed);
    tag_set_init(&s->tombstones, seed);
    actors_number(&s->actors, c->options->actor);
}

static void free_tags(void *record)
{
    tags_free(record);
}

static void close_set(struct crdt *c)
{
    struct or_set *s = of(c);
    table_doomed_free(&s->emptied);
    tag_index_free(&s->tag_index);
    table_free(&s->entries, free_tags);
    tag_set_free(&s->tombstones);
    histogram_free(&s->by_tags);
    actors_free(&s->actors);
}

static void sweep(struct or_set *s, struct or_set *delta)
{
    or_set_sweep(s);
    if (delta != NULL)
        or_set_sweep(delta);
}

/* --- operations ------------------------------------------------------------- */

static enum err check_ops(const struct or_set *s, const struct op *ops, size_t count, size_t *bad)
{
    uint64_t left = or_set_adds_left(s);
    for (size_t i = 0; i < count; i++) {
        bool adds = op_is(&ops[i], "add", 1);
        *bad = i;
        if (!adds && !op_is(&ops[i], "remove", 1))
            return ERR_BAD_OP;
        if (adds && left-- == 0)
            return ERR_LIMIT;
    }
    return OK;
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct or_set *s = of(c), *delta = t->delta != NULL ? of(t->delta) : NULL;
    enum err e = check_ops(s, ops, count, &t->bad);
    if (e != OK || t->dry)
        return e;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1))
            or_set_add(s, ops[i].args[0], delta);
        else
            or_set_remove(s, ops[i].args[0], delta);
    }
    sweep(s, delta);
    mutation_reply_ok(t, count);
    return OK;
}

/* --- joins ------------------------------------------------------------------ */

static enum err read_counter(struct bytes field, uint64_t *counter)
{
    struct etf_in in = etf_open(field);
    *counter = 0;
    if (field.len == 0)
        return OK;
    if (etf_peek(&in) != ETF_INTEGER)
        return ERR_SHAPE;
    *counter = etf_uint64(&in);
    if (*counter > INT64_MAX)
        etf_fail(&in, ERR_RANGE);
    return etf_finish(&in);
}

static enum err read_tombstones(struct bytes field, struct etf_in *tags, uint32_t *count)
{
    enum err e = mapset_read(field, tags, count);
    return e == ERR_TYPE ? ERR_SHAPE : e;
}

static enum err validate_tombstones(struct tag_reader *r, struct bytes field)
{
    struct etf_in tags;
    uint32_t count = 0;
    enum err e = read_tombstones(field, &tags, &count);
    for (; e == OK && count > 0; count--)
        e = tag_validate(r, mapset_next(&tags));
    return e;
}

static enum err validate_entry(struct tag_reader *r, struct buf *scratch,
                               struct or_set_entry *entry)
{
    struct bytes element;
    struct wire_tag tag;
    enum err e = canon_view(scratch, entry->element, &element);
    while (e == OK && or_set_in_tag(entry, &tag))
        e = tag_validate_wire(r, &tag);
    return e == OK ? entry->in.err : e;
}

static enum err validate_entries(struct tag_reader *r, struct bytes field)
{
    struct or_set_in entries;
    struct or_set_entry entry;
    struct buf scratch = {0};
    enum err e = or_set_in_open(&entries, field);
    while (e == OK && or_set_in_next(&entries, &entry))
        e = validate_entry(r, &scratch, &entry);
    buf_free(&scratch);
    return e == OK ? etf_finish(&entries.in) : e;
}

static enum err validate(const struct bytes *values)
{
    struct tag_reader r = {0};
    uint64_t counter;
    enum err e = read_counter(values[COUNTER], &counter);
    if (e == OK)
        e = validate_tombstones(&r, values[TOMBSTONES]);
    if (e == OK)
        e = validate_entries(&r, values[ENTRIES]);
    tag_reader_close(&r);
    return e;
}

struct joining {
    struct or_set *s, *delta;
    struct tag_reader tags;
    struct buf scratch;
    bool grew;
};

static void join_tombstones(struct joining *j, struct bytes field)
{
    struct or_set *s = j->s;
    struct etf_in tags;
    uint32_t count;
    enum err e = read_tombstones(field, &tags, &count);
    must(e == OK);
    for (; count > 0; count--) {
        struct tag tag = tag_read(&j->tags, &s->actors, mapset_next(&tags));
        if (!or_set_add_tombstone(s, tag))
            continue;
        j->grew = true;
        if (j->delta != NULL)
            or_set_add_tombstone(j->delta, tag_translate(&j->delta->actors, &s->actors, tag));
    }
}

static void join_entry(struct joining *j, struct or_set_entry *entry)
{
    struct or_set *s = j->s;
    struct bytes element;
    struct wire_tag wire;
    enum err e = canon_view(&j->scratch, entry->element, &element);
    must(e == OK);
    while (or_set_in_tag(entry, &wire)) {
        struct tag tag = tag_of_wire(&j->tags, &s->actors, &wire);
        if (!or_set_add_tag(s, element, tag))
            continue;
        j->grew = true;
        if (j->delta != NULL)
            or_set_add_tag(j->delta, element, tag_translate(&j->delta->actors, &s->actors, tag));
    }
}

static void join_entries(struct joining *j, struct bytes field)
{
    struct or_set_in entries;
    struct or_set_entry entry;
    enum err e = or_set_in_open(&entries, field);
    must(e == OK);
    while (or_set_in_next(&entries, &entry))
        join_entry(j, &entry);
    must(entries.in.err == OK);
}

/* Tombstones first, so that a tag in both fields is never added.  Duplicate elements, which no
 * BEAM sends, get the tags of both. */
static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct joining j = {.s = of(c), .delta = delta != NULL ? of(delta) : NULL};
    uint64_t before = j.s->counter, counter;
    enum err e = read_counter(values[COUNTER], &counter);
    must(e == OK);
    join_tombstones(&j, values[TOMBSTONES]);
    join_entries(&j, values[ENTRIES]);
    sweep(j.s, j.delta);
    or_set_raise_counter(j.s, counter);
    if (j.delta != NULL && j.s->counter > before)
        or_set_raise_counter(j.delta, j.s->counter);
    tag_reader_close(&j.tags);
    buf_free(&j.scratch);
    return j.grew || j.s->counter > before;
}

/* --- reading ---------------------------------------------------------------- */

static void put_tags(const struct or_set *s, const struct tags *tags, struct buf *out)
{
    enum mapset_form form = s->crdt.options->form;
    struct tag tag;
    mapset_put(out, form, tags_count(tags));
    for (size_t at = 0; tags_next(tags, &at, &tag);) {
        tag_put(out, &s->actors, tag);
        mapset_element_end(out);
    }
    mapset_end(out, form);
}

/* The bytes around a single tag are the same in all entries: encoded once. */
static bool put_entries(const struct or_set *s, struct part part, struct put_cursor *at,
                        struct buf *out)
{
    enum mapset_form form = s->crdt.options->form;
    struct buf front = {0}, back = {0};
    const struct tags *tags = NULL;
    mapset_put(&front, form, 1);
    mapset_element_end(&back);
    mapset_end(&back, form);
    if (at->first == 0) {
        put_map(out, 0);
        at->first = out->len;
    }
    while (out->len < at->until && (tags = part_next(part, &s->entries, &at->at)) != NULL) {
        at->count++;
        put_term(out, table_key(&s->entries, tags));
        if (tags_count(tags) > 1) {
            put_tags(s, tags, out);
            continue;
        }
        buf_put(out, buf_bytes(&front));
        tag_put(out, &s->actors, tags_single(tags));
        buf_put(out, buf_bytes(&back));
    }
    put_map_count(out, at->first, at->count);
    buf_free(&front);
    buf_free(&back);
    return out->len < at->until;
}

static bool put_tombstones(const struct or_set *s, struct part part, struct put_cursor *at,
                           struct buf *out)
{
    enum mapset_form form = s->crdt.options->form;
    struct tag tag;
    must(s->tombstones.count <= UINT32_MAX);
    if (at->first == 0) {
        mapset_put(out, form, 0);
        at->first = out->len;
    }
    while (tag_set_next(&s->tombstones, &at->at, &tag)) {
        if (!part_has_tag(part, &s->actors, tag))
            continue;
        tag_put(out, &s->actors, tag);
        mapset_element_end(out);
        at->count++;
        if (out->len >= at->until)
            return false;
    }
    put_map_count(out, at->first, at->count);
    mapset_end(out, form);
    return true;
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX};
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case COUNTER:
        put_uint(out, of_const(c)->counter);
        break;
    case DELTA_BUFFER:
        put_atom(out, "nil");
        break;
    case ENTRIES:
        put_entries(of_const(c), part, &whole, out);
        break;
    case TOMBSTONES:
        put_tombstones(of_const(c), part, &whole, out);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    const struct or_set *s = of_const(c);
    const struct tags *tags;
    struct tag tag;
    if (s->counter > 0)
        digests_add_singleton(d, COUNTER, digest_number(d->salt, s->counter));
    for (size_t i = 0; (tags = part_next(d->part, &s->entries, &i)) != NULL;) {
        uint64_t element = digest_bytes(d->salt, table_key(&s->entries, tags));
        for (size_t at = 0; tags_next(tags, &at, &tag);)
            digests_add(d, ENTRIES, element, digest_tag(element, &s->actors, tag));
    }
    for (size_t at = 0; tag_set_next(&s->tombstones, &at, &tag);) {
        uint64_t key = digest_tag(d->salt, &s->actors, tag);
        digests_add(d, TOMBSTONES, key, key);
    }
}

static bool put_value(const struct or_set *s, struct put_cursor *at, struct buf *out)
{
    enum mapset_form form = s->crdt.options->form;
    if (at->at == 0)
        mapset_put(out, form, (uint32_t)or_set_size(s));
    while (at->at < or_set_end(s)) {
        struct bytes element = or_set_at(s, at->at++);
        if (element.len > 0)
            mapset_element(out, element);
        if (out->len >= at->until)
            return false;
    }
    mapset_end(out, form);
    return true;
}

static void value(const struct crdt *c, struct buf *out)
{
    put_value(of_const(c), &(struct put_cursor){.until = SIZE_MAX}, out);
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    switch (field) {
    case ENTRIES:
        return put_entries(of_const(c), PART_WHOLE, at, out);
    case TOMBSTONES:
        return put_tombstones(of_const(c), PART_WHOLE, at, out);
    case CRDT_VALUE:
        return put_value(of_const(c), at, out);
    default:
        put(c, field, PART_WHOLE, out);
        return true;
    }
}

static bool empty(const struct crdt *c)
{
    const struct or_set *s = of_const(c);
    return s->counter == 0 && s->entries.live == 0 && s->tombstones.count == 0;
}

static size_t tombstones(const struct crdt *c)
{
    return of_const(c)->tombstones.count;
}

static void tags(const struct crdt *c, struct tag_counts *counts)
{
    *counts = or_set_tags(of_const(c));
}

/* Every numbered actor has a tag, except perhaps our own, which is numbered from the start: it is
 * counted once the state has seen any add.  Exactness would need a walk over all tags. */
static void actors(const struct crdt *c, struct actors *seen)
{
    const struct or_set *s = of_const(c);
    for (uint32_t i = s->counter > 0 ? 0 : 1; i < actors_count(&s->actors); i++)
        actors_number(seen, actors_term(&s->actors, i));
}

static size_t actor_count(const struct crdt *c)
{
    return actors_count(&of_const(c)->actors) - (of_const(c)->counter == 0);
}

static void watch(struct crdt *c)
{
    of(c)->actors.watch = c->watch;
}

static void check(const struct crdt *c)
{
    or_set_check(of_const(c));
}

static size_t elements(const struct crdt *c)
{
    return or_set_size(of_const(c));
}

const struct crdt_type or_set_type = {
    .module = "Elixir.Grove.Set.ORSet",
    .name = "or_set",
    .fields = {"actor", "counter", "delta_buffer", "entries", "tombstones"},
    .needed = 1u << ENTRIES | 1u << TOMBSTONES,
    .slicing = {[ENTRIES] = SLICE_PAIRS, [TOMBSTONES] = SLICE_SET},
    .bytes = sizeof(struct or_set),
    .open = open_set,
    .close = close_set,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .divisible = true,
    .put = put,
    .encode = encode,
    .digest = digest,
    .value = value,
    .empty = empty,
    .elements = elements,
    .tombstones = tombstones,
    .tags = tags,
    .actors = actors,
    .actor_count = actor_count,
    .watch = watch,
    .check = check,
};
