#include "slices.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/write.h"
#include "outline.h"

/* An outline is quicker to make than a slice is to join, by about this factor. */
#define OUTLINE_FACTOR 16
/* A slice costs about as much as so many bytes more than it has. */
#define SLICE_COST 64

/* A struct inside a struct: maps in maps, then the keys of the last, then a set of tombstones. */
#define LEVELS_MAX (LIMIT_MAP_NESTING + 4)

/* Elixir's MapSet, as a struct whose field is divided. */
static const char *const mapset_fields[] = {"map", NULL};
static const struct form mapset_form = {"Elixir.MapSet", mapset_fields, 1};

/* A struct that is being divided.  That of the next level is the value of its current field, or
 * of one key there. */
struct level {
    const struct crdt_type *type; /* NULL: a MapSet, or not known yet */
    bool mapset, outlined, headed;
    struct outline outline;
    struct bytes values[CRDT_FIELDS_MAX];
    struct buf extras;
    struct buf nothing;                    /* an empty struct of the type ... */
    struct bytes neutral[CRDT_FIELDS_MAX]; /* ... and its fields */
    unsigned field;
    bool open; /* the current field is a map, of which these are not yet read: */
    struct etf_in entries;
    uint32_t left;
    struct bytes key; /* of the next level's struct */
};

struct crdt_slices {
    const struct crdt_type *type;
    const struct crdt_options *options;
    struct bytes from;
    size_t bytes; /* of a slice: the same in every step */
    struct level levels[LEVELS_MAX];
    size_t depth; /* 0 when all is done */
    struct buf inside[2], count;
    size_t spent; /* bytes handled in the current step */
    enum err err;
    bool valid;
    /* Of the current step of the join; c is NULL while validating. */
    struct crdt *c, *delta;
    bool changed;
};

static struct level *top(struct crdt_slices *s)
{
    return &s->levels[s->depth - 1];
}

static struct form form_of(const struct level *l)
{
    return l->mapset ? mapset_form
                     : (struct form){l->type->module, l->type->fields, l->type->needed};
}

static enum slicing slicing_of(const struct level *l, unsigned field)
{
    return l->mapset ? SLICE_PAIRS : l->type->slicing[field];
}

static void level_close(struct level *l)
{
    outline_close(&l->outline);
    buf_free(&l->extras);
    buf_free(&l->nothing);
}

static void fail(struct crdt_slices *s, enum err e)
{
    /* What is nested must be of some type. */
    s->err = e == ERR_TYPE && s->depth > 1 ? ERR_SHAPE : e;
}

static void push(struct crdt_slices *s, struct bytes from, bool mapset)
{
    must(s->depth < LEVELS_MAX);
    struct level *l = &s->levels[s->depth++];
    *l = (struct level){.type = s->depth == 1 ? s->type : NULL, .mapset = mapset};
    outline_open(&l->outline, from);
}

/* --- one slice -------------------------------------------------------------- */

static bool is_ignored(const char *field)
{
    return bytes_equal(bytes_of(field), BYTES("delta_buffer"));
}

/* The fields of a slice: one with these entries, or (entries empty) those that are not divided. */
static void slice_fields(const struct level *l, struct bytes entries, struct bytes *values)
{
    const struct form form = form_of(l);
    for (unsigned i = 0; form.fields[i] != NULL; i++) {
        bool whole = slicing_of(l, i) == SLICE_NOT && !is_ignored(form.fields[i]);
        if (entries.len == 0)
            values[i] = whole ? l->values[i] : l->neutral[i];
        else
            values[i] = i == l->field ? entries : l->neutral[i];
    }
}

static void put_slice(struct buf *out, const struct level *l, const struct bytes *values)
{
    const struct form form = form_of(l);
    struct etf_in extras = etf_open(buf_bytes(&l->extras));
    uint32_t pairs = 1 + (l->extras.len > 0 ? etf_map(&extras) : 0);
    for (unsigned i = 0; form.fields[i] != NULL; i++)
        pairs += values[i].len > 0;
    put_map(out, pairs);
    put_atom(out, "__struct__");
    put_atom(out, form.module);
    for (unsigned i = 0; form.fields[i] != NULL; i++) {
        if (values[i].len == 0)
            continue;
        put_atom(out, form.fields[i]);
        put_term(out, values[i]);
    }
    buf_put(out, (struct bytes){extras.at, (size_t)(extras.end - extras.at)});
}

/* The value of the field of the level around it. */
static void put_nested(struct buf *out, const struct level *around, const struct level *l,
                       const struct bytes *values)
{
    if (slicing_of(around, around->field) == SLICE_STATES) {
        put_map(out, 1);
        put_term(out, around->key);
    }
    put_slice(out, l, values);
}

static void apply(struct crdt_slices *s, const struct bytes *values, bool head)
{
    if (s->c == NULL) {
        s->err = s->type->validate(values);
        return;
    }
    struct crdt *delta = s->delta;
    s->changed |= s->type->join(s->c, values, delta);
    if (head)
        s->changed |= unknown_join(&s->c->unknown, buf_bytes(&s->levels[0].extras),
                                   delta != NULL ? &delta->unknown : NULL);
}

/* Validates or joins one slice: entries of the last level's current field, or none. */
static void slice(struct crdt_slices *s, struct bytes entries)
{
    struct bytes values[CRDT_FIELDS_MAX];
    bool head = s->depth == 1 && entries.len == 0;
    s->spent += SLICE_COST + entries.len;
    for (size_t i = s->depth - 1; i > 0; i--) {
        struct buf *out = &s->inside[i % 2];
        buf_clear(out);
        slice_fields(&s->levels[i], entries, values);
        put_nested(out, &s->levels[i - 1], &s->levels[i], values);
        entries = buf_bytes(out);
    }
    slice_fields(&s->levels[0], entries, values);
    apply(s, values, head);
}

/* --- a struct --------------------------------------------------------------- */

/* The fields of an empty one. */
static void find_neutral(struct crdt_slices *s, struct level *l)
{
    const struct form form = form_of(l);
    if (l->mapset) {
        put_map(&l->nothing, 0);
        l->neutral[0] = buf_bytes(&l->nothing);
        return;
    }
    struct crdt *nothing = crdt_make(l->type, s->options);
    crdt_state(nothing, &l->nothing);
    enum err e = struct_read(buf_bytes(&l->nothing), &form, l->neutral, NULL);
    must(e == OK);
    crdt_free(nothing);
}

static void outline(struct crdt_slices *s, struct level *l)
{
    const uint8_t *from = l->outline.in.at;
    l->outlined = outline_step(&l->outline, s->bytes * OUTLINE_FACTOR);
    s->spent += 1 + (size_t)(l->outline.in.at - from) / OUTLINE_FACTOR;
    if (!l->outlined)
        return;
    if (l->type == NULL && !l->mapset) {
        l->type = outline_type(&l->outline);
        if (l->type == NULL) {
            fail(s, ERR_SHAPE);
            return;
        }
    }
    const struct form form = form_of(l);
    enum err e = outline_read(&l->outline, &form, l->values, &l->extras);
    if (e != OK)
        fail(s, e);
    else
        find_neutral(s, l);
}

/* Its struct has been worked off: on with what follows it at the level around it. */
static void pop(struct crdt_slices *s)
{
    const uint8_t *end = top(s)->outline.in.at;
    if (s->depth > 1)
        level_close(top(s)); /* the outline of the first is kept for the join */
    if (--s->depth == 0)
        return;
    struct level *l = top(s);
    if (slicing_of(l, l->field) == SLICE_STATES) {
        l->entries.at = end;
        l->left--;
    } else {
        l->field++;
    }
}

/* --- a field ---------------------------------------------------------------- */

static bool is_map(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_MAP;
}

/* Reads the next pair; false at a struct that is too large for one slice. */
static bool read_pair(struct level *l, size_t bytes)
{
    uint64_t left = 1;
    struct etf_in ahead = l->entries;
    struct bytes key = etf_any(&ahead);
    if (slicing_of(l, l->field) != SLICE_STATES) {
        etf_any(&ahead);
    } else if (!etf_skip(&ahead, &left, bytes)) {
        l->key = key;
        return false;
    }
    l->entries = ahead;
    l->left--;
    return true;
}

static void slice_pairs(struct crdt_slices *s, struct level *l)
{
    const uint8_t *from = l->entries.at;
    uint32_t count = l->left;
    bool large = false;
    while (l->left > 0 && !large && (size_t)(l->entries.at - from) < s->bytes)
        large = !read_pair(l, s->bytes);
    count -= l->left;
    if (count > 0) {
        buf_clear(&s->count);
        put_map(&s->count, count);
        buf_put(&s->count, (struct bytes){from, (size_t)(l->entries.at - from)});
        slice(s, buf_bytes(&s->count));
    } else if (large) {
        const uint8_t *value = l->key.at + l->key.len;
        push(s, (struct bytes){value, (size_t)(l->entries.end - value)}, false);
    }
}

static void field_step(struct crdt_slices *s, struct level *l)
{
    struct bytes value = l->values[l->field];
    enum slicing how = slicing_of(l, l->field);
    if (l->open && l->left > 0) {
        slice_pairs(s, l);
        return;
    }
    if (l->open || how == SLICE_NOT || value.len == 0) {
        l->open = false;
        l->field++;
        return;
    }
    if (how == SLICE_SET || how == SLICE_STRUCT) {
        push(s, value, how == SLICE_SET);
        return;
    }
    if (!is_map(value)) {
        fail(s, ERR_SHAPE);
        return;
    }
    l->entries = etf_open(value);
    l->left = etf_map(&l->entries);
    l->open = true;
}

/* --- steps ------------------------------------------------------------------ */

static void level_step(struct crdt_slices *s, struct level *l)
{
    if (!l->outlined) {
        outline(s, l);
        return;
    }
    if (!l->headed) {
        l->headed = true;
        slice(s, (struct bytes){0});
        return;
    }
    const struct form form = form_of(l);
    if (form.fields[l->field] == NULL)
        pop(s);
    else
        field_step(s, l);
}

static void step(struct crdt_slices *s)
{
    s->spent = 0;
    while (s->spent < s->bytes && s->depth > 0 && s->err == OK)
        level_step(s, top(s));
}

struct crdt_slices *crdt_slices_open(const struct crdt_type *type,
                                     const struct crdt_options *options, struct bytes from,
                                     size_t bytes)
{
    struct crdt_slices *s = mem_take(sizeof(*s));
    must(bytes > 0);
    *s = (struct crdt_slices){.type = type, .options = options, .from = from, .bytes = bytes};
    push(s, from, false);
    return s;
}

void crdt_slices_free(struct crdt_slices *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < (s->depth > 0 ? s->depth : 1); i++)
        level_close(&s->levels[i]);
    buf_free(&s->inside[0]);
    buf_free(&s->inside[1]);
    buf_free(&s->count);
    mem_free(s);
}

void crdt_slices_rewind(struct crdt_slices *s)
{
    must(s->valid);
    for (; s->depth > 1; s->depth--)
        level_close(top(s));
    s->depth = 1;
    s->levels[0].headed = s->levels[0].open = false;
    s->levels[0].field = 0;
}

bool crdt_slices_validate(struct crdt_slices *s, enum err *e)
{
    must(!s->valid);
    s->c = NULL;
    step(s);
    *e = s->err;
    s->valid = s->err == OK && s->depth == 0;
    if (s->valid)
        crdt_slices_rewind(s);
    return s->valid || s->err != OK;
}

bool crdt_slices_join(struct crdt_slices *s, struct crdt *c, struct crdt *delta, bool *changed)
{
    must(s->valid && s->depth > 0 && c->type == s->type);
    must(delta == NULL || (delta->type == c->type && delta != c));
    s->c = c;
    s->delta = delta;
    s->changed = false;
    step(s);
    must(s->err == OK);
    *changed = s->changed;
    return s->depth == 0;
}

struct bytes crdt_slices_rest(const struct crdt_slices *s)
{
    const struct etf_in *in = &s->levels[0].outline.in;
    must(s->valid);
    return (struct bytes){in->at, (size_t)(in->end - in->at)};
}

struct bytes crdt_slices_sender(const struct crdt_slices *s)
{
    const struct crdt_type *type = s->type;
    must(s->valid);
    if (type->actors == NULL || type->actor_of_value)
        return (struct bytes){0};
    for (unsigned i = 0; type->fields[i] != NULL; i++)
        if (bytes_equal(bytes_of(type->fields[i]), BYTES("actor")) ||
            bytes_equal(bytes_of(type->fields[i]), BYTES("replica_id")))
            return s->levels[0].values[i];
    return (struct bytes){0};
}
