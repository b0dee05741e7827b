#include "or_map.h"

#include "../../limits.h"
#include "../../term/canon.h"
#include "../../term/write.h"
#include "../alike.h"
#include "../encoding.h"
#include "../figures.h"
#include "../part.h"
#include "../types.h"

enum { ACTOR, DELTA_BUFFER, KEYS, VALUES };

static struct or_map *of(struct crdt *c)
{
    return (struct or_map *)c;
}

static const struct or_map *of_const(const struct crdt *c)
{
    return (const struct or_map *)c;
}

static void open_map(struct crdt *c)
{
    crdt_open(&of(c)->keys.crdt, &or_set_type, c->options);
    values_init(&of(c)->values, c->options, 0, c);
    crdt_watch(&of(c)->keys.crdt, &of(c)->values.watch);
}

static void close_map(struct crdt *c)
{
    crdt_close(&of(c)->keys.crdt);
    values_free(&of(c)->values);
}

/* --- joins ----------------------------------------------------------------- */

/* A cursor over a map's pairs, and their number.  For any other term: 0, and a failed cursor. */
static struct etf_in pairs_open(struct bytes map, uint32_t *count)
{
    struct etf_in in = etf_open(map);
    if (etf_peek(&in) != ETF_MAP)
        etf_fail(&in, ERR_SHAPE);
    *count = etf_map(&in);
    return in;
}

static enum err validate_fields(const struct bytes *values, unsigned level);

/* crdt_validate() does not know the nesting level, so nested maps are validated directly. */
static enum err validate_value(struct alike *a, struct etf_in *in, unsigned level)
{
    struct parsed r;
    enum err e = alike_read(a, in, &r);
    if (e == OK && values_too_deep(r.type, level))
        e = ERR_LIMIT;
    if (e == OK)
        e = r.type == &or_map_type ? validate_fields(r.values, level + 1)
                                   : r.type->validate(r.values);
    parsed_free(&r);
    return e;
}

static enum err validate_fields(const struct bytes *values, unsigned level)
{
    enum err e = crdt_validate_field(&or_set_type, values[KEYS]);
    struct alike alike = {0};
    struct buf scratch = {0};
    struct bytes key;
    uint32_t left;
    struct etf_in in = pairs_open(values[VALUES], &left);
    for (; e == OK && left > 0; left--) {
        e = canon_view(&scratch, etf_any(&in), &key);
        if (e == OK)
            e = validate_value(&alike, &in, level);
    }
    buf_free(&scratch);
    return e == OK ? etf_finish(&in) : e;
}

enum err values_validate(struct bytes checked, unsigned level)
{
    struct alike first = {0};
    struct etf_in in = etf_open(checked);
    enum err e = validate_value(&first, &in, level);
    return e == OK ? etf_finish(&in) : e;
}

/* delta_buffer is ignored: it is private to the sender. */
static enum err validate(const struct bytes *values)
{
    return validate_fields(values, 0);
}

static bool join_values(struct values *v, struct bytes map, struct values *delta)
{
    struct alike alike = {0};
    struct buf scratch = {0};
    bool grew = false;
    uint32_t left;
    struct etf_in in = pairs_open(map, &left);
    for (; left > 0; left--) {
        struct bytes key;
        struct parsed value;
        enum err e = canon_view(&scratch, etf_any(&in), &key);
        if (e == OK)
            e = alike_read(&alike, &in, &value);
        must(e == OK);
        grew = values_join_parsed(v, key, &value, delta) || grew;
        parsed_free(&value);
    }
    buf_free(&scratch);
    return grew;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct or_map *m = of(c), *d = delta != NULL ? of(delta) : NULL;
    bool keys = crdt_join(&m->keys.crdt, values[KEYS], d != NULL ? &d->keys.crdt : NULL);
    bool states = join_values(&m->values, values[VALUES], d != NULL ? &d->values : NULL);
    return keys || states;
}

static void copy_extras(struct crdt *to, const struct crdt *from)
{
    crdt_copy_extras(&of(to)->keys.crdt, &of_const(from)->keys.crdt);
    struct values *values = &of(to)->values;
    for (size_t i = 0; i < table_end(&values->table); i++) {
        struct crdt **place = table_at(&values->table, i);
        const struct crdt *state =
            values_find(&of_const(from)->values, table_key(&values->table, place));
        if (state != NULL && state->type == (*place)->type)
            crdt_copy_extras(*place, state);
    }
}

/* --- writing --------------------------------------------------------------- */

static bool is_live(const struct or_map *m, const void *record)
{
    return or_set_has(&m->keys, table_key(&m->values.table, record));
}

static void put_value(const struct or_map *m, struct crdt *const *record, struct buf *out)
{
    put_term(out, table_key(&m->values.table, record));
    crdt_state(*record, out);
}

/* live: without the values of keys that are not in the map. */
static bool put_values(const struct or_map *m, struct part part, bool live, struct put_cursor *at,
                       struct buf *out)
{
    struct crdt *const *record;
    if (at->first == 0) {
        put_map(out, 0);
        at->first = out->len;
    }
    while ((record = part_next(part, &m->values.table, &at->at)) != NULL) {
        bool written = !live || is_live(m, record);
        if (written)
            put_value(m, record, out);
        at->count += written;
        if (written ? out->len >= at->until : put_cursor_skip(at))
            return false;
    }
    put_map_count(out, at->first, at->count);
    return true;
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX};
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case DELTA_BUFFER:
        put_atom(out, "nil");
        break;
    case KEYS:
        crdt_state_of(&of_const(c)->keys.crdt, part, out);
        break;
    case VALUES:
        put_values(of_const(c), part, false, &whole, out);
        break;
    }
}

/* An entry is a key, the type of its value, and the digest of the whole value. */
static void digest(const struct crdt *c, const struct digests *d)
{
    const struct table *t = &of_const(c)->values.table;
    struct crdt *const *record;
    crdt_digest_field(d, KEYS, &of_const(c)->keys.crdt);
    for (size_t at = 0; (record = part_next(d->part, t, &at)) != NULL;) {
        uint64_t key = digest_bytes(d->salt, table_key(t, record)), inside;
        uint64_t typed = digest_bytes(key, bytes_of((*record)->type->module));
        inside = crdt_digest_salted(*record, d->salt);
        digests_add(d, VALUES, key, digest_number(typed, inside));
    }
}

/* The states themselves, as in Grove.  A key whose value has not arrived yet is left out. */
static void value(const struct crdt *c, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX, .skips = SIZE_MAX};
    put_values(of_const(c), PART_WHOLE, true, &whole, out);
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    if (field == KEYS)
        return crdt_encoding_nested(&of_const(c)->keys.crdt, at, out);
    if (field == VALUES || field == CRDT_VALUE)
        return put_values(of_const(c), PART_WHOLE, field == CRDT_VALUE, at, out);
    put(c, field, PART_WHOLE, out);
    return true;
}

/* Even an empty value carries information: its type. */
static bool empty(const struct crdt *c)
{
    return crdt_empty(&of_const(c)->keys.crdt) && of_const(c)->values.table.live == 0;
}

static size_t tombstones(const struct crdt *c)
{
    return crdt_tombstones(&of_const(c)->keys.crdt) + of_const(c)->values.tombstones;
}

static void tags(const struct crdt *c, struct tag_counts *counts)
{
    struct tag_counts keys = or_set_tags(&of_const(c)->keys),
                      values = values_tags(&of_const(c)->values);
    counts->all = keys.all + values.all;
    counts->most = keys.most > values.most ? keys.most : values.most;
}

static void actors(const struct crdt *c, struct actors *seen)
{
    const struct table *t = &of_const(c)->values.table;
    crdt_add_actors(&of_const(c)->keys.crdt, seen);
    for (size_t i = 0; i < table_end(t); i++)
        crdt_add_actors(*(struct crdt **)table_at(t, i), seen);
}

static size_t actor_count(const struct crdt *c)
{
    return of_const(c)->values.actors.live;
}

static void check(const struct crdt *c)
{
    crdt_check(&of_const(c)->keys.crdt);
    values_check(&of_const(c)->values, &of_const(c)->keys.crdt);
}

static size_t elements(const struct crdt *c)
{
    return or_set_size(&of_const(c)->keys);
}

const struct crdt_type or_map_type = {
    .module = "Elixir.Grove.Map.ORMap",
    .name = "or_map",
    .fields = {"actor", "delta_buffer", "keys", "values"},
    .needed = 1u << KEYS | 1u << VALUES,
    .slicing = {[KEYS] = SLICE_STRUCT, [VALUES] = SLICE_STATES},
    .bytes = sizeof(struct or_map),
    .open = open_map,
    .close = close_map,
    .mutate = or_map_mutate,
    .validate = validate,
    .join = join,
    .divisible = true,
    .put = put,
    .encode = encode,
    .digest = digest,
    .copy_extras = copy_extras,
    .value = value,
    .empty = empty,
    .elements = elements,
    .tombstones = tombstones,
    .tags = tags,
    .actors = actors,
    .actor_count = actor_count,
    .check = check,
};
