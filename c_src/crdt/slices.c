#include "slices.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "outline.h"

/* An outline is quicker to make than a slice is to join, by about this factor. */
#define OUTLINE_FACTOR 16
/* A slice costs about as much as so many bytes more than it has. */
#define SLICE_COST 64
/* Nanoseconds of making a term canonical that cost as much as a byte. */
#define CANON_FACTOR 32

/* A struct inside a struct: maps in maps, then the keys of the last, then a set of tombstones. */
#define LEVELS_MAX (LIMIT_MAP_NESTING + 4)

/* Elixir's MapSet, as a struct whose field is divided. */
static const char *const mapset_fields[] = {"map", NULL};
static const struct form mapset_form = {"Elixir.MapSet", mapset_fields, 1};

/* A struct that is being divided.  That of the next level is the value of its current field, or
 * of one key there. */
struct level {
    const struct crdt_type *type; /* NULL: a MapSet, or not known yet */
    bool mapset, alone, outlined, headed;
    struct outline outline;
    struct bytes values[CRDT_FIELDS_MAX];
    struct buf canonical[CRDT_FIELDS_MAX]; /* of SLICE_TERM, where values are not canonical */
    unsigned terms;                        /* fields of which that is known */
    struct buf extras;
    struct buf nothing;                    /* an empty struct of the type ... */
    struct bytes neutral[CRDT_FIELDS_MAX]; /* ... and its fields */
    unsigned field;
    bool last; /* it is the turn of SLICE_LAST */
    bool open; /* the current field is a map, of which these are not yet read: */
    struct etf_in entries;
    uint32_t left;
    struct bytes key;     /* of the next level's struct, or a large one */
    const uint8_t *value; /* what follows a large key */
    struct buf large_key; /* canonical */
};

struct crdt_slices {
    const struct crdt_type *type;
    const struct crdt_options *options;
    struct bytes from;
    size_t bytes; /* of a slice: the same in every step */
    bool alone;
    struct level levels[LEVELS_MAX];
    size_t depth;        /* 0 when all is done */
    struct canon *canon; /* writes into the last level's canonical or large_key */
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
    if (l->mapset)
        return SLICE_PAIRS;
    return l->type->sliced_alone && !l->alone ? SLICE_NOT : l->type->slicing[field];
}

static void level_close(struct level *l)
{
    outline_close(&l->outline);
    for (unsigned i = 0; i < CRDT_FIELDS_MAX; i++)
        buf_free(&l->canonical[i]);
    buf_free(&l->extras);
    buf_free(&l->nothing);
    buf_free(&l->large_key);
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
    *l =
        (struct level){.type = s->depth == 1 ? s->type : NULL, .mapset = mapset, .alone = s->alone};
    outline_open(&l->outline, from);
}

/* --- one slice -------------------------------------------------------------- */

static bool is_whole(const struct level *l, unsigned field, const char *name)
{
    return slicing_of(l, field) <= SLICE_TERM &&
           !bytes_equal(bytes_of(name), BYTES("delta_buffer"));
}

/* The fields of a slice: one with these entries, or (entries empty) those that are not divided. */
static void slice_fields(const struct level *l, struct bytes entries, struct bytes *values)
{
    const struct form form = form_of(l);
    for (unsigned i = 0; form.fields[i] != NULL; i++) {
        if (entries.len == 0)
            values[i] = is_whole(l, i, form.fields[i]) ? l->values[i] : l->neutral[i];
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

/* --- large terms -------------------------------------------------------------- */

/* True when it is canonical; then s->canon is NULL again. */
static bool canonical_step(struct crdt_slices *s)
{
    enum err e;
    s->spent += s->bytes;
    if (!canon_step(s->canon, s->bytes * CANON_FACTOR, &e))
        return false;
    canon_close(s->canon);
    s->canon = NULL;
    if (e != OK)
        fail(s, e);
    return e == OK;
}

/* Makes a field that is one large term canonical. */
static void term_step(struct crdt_slices *s, struct level *l)
{
    struct bytes *value = &l->values[l->terms];
    bool large = slicing_of(l, l->terms) == SLICE_TERM && value->len > s->bytes;
    if (s->canon == NULL && (!large || canon_is_plain(*value))) {
        l->terms++;
        return;
    }
    if (s->canon == NULL)
        s->canon = canon_open(&l->canonical[l->terms], *value);
    if (canonical_step(s))
        *value = buf_bytes(&l->canonical[l->terms++]);
}

/* The pair of a large key that is canonical. */
static void slice_large_key(struct crdt_slices *s, struct level *l)
{
    struct etf_in in = etf_open((struct bytes){l->value, (size_t)(l->entries.end - l->value)});
    if (slicing_of(l, l->field) == SLICE_STATES) {
        push(s, (struct bytes){in.at, (size_t)(in.end - in.at)}, false);
        return;
    }
    buf_clear(&s->count);
    put_map(&s->count, 1);
    put_term(&s->count, l->key);
    put_term(&s->count, etf_any(&in));
    l->entries = in;
    l->left--;
    slice(s, buf_bytes(&s->count));
}

static void large_key_step(struct crdt_slices *s, struct level *l)
{
    if (s->canon == NULL) {
        struct etf_in in = l->entries;
        l->key = etf_any(&in);
        l->value = in.at;
        buf_clear(&l->large_key);
        if (!canon_is_plain(l->key))
            s->canon = canon_open(&l->large_key, l->key);
    }
    if (s->canon != NULL && !canonical_step(s))
        return;
    if (l->large_key.len > 0)
        l->key = buf_bytes(&l->large_key);
    slice_large_key(s, l);
}

/* --- a field ---------------------------------------------------------------- */

static bool is_map(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_MAP;
}

enum pair { PAIR_READ, PAIR_LARGE_KEY, PAIR_LARGE_STRUCT };

/* Reads the next pair, unless its key or struct is too large for one slice. */
static enum pair read_pair(struct level *l, size_t bytes)
{
    uint64_t key_left = 1, left = 1;
    struct etf_in ahead = l->entries;
    if (!etf_skip(&ahead, &key_left, bytes))
        return PAIR_LARGE_KEY;
    struct bytes key = {l->entries.at, (size_t)(ahead.at - l->entries.at)};
    if (slicing_of(l, l->field) != SLICE_STATES) {
        etf_any(&ahead);
    } else if (!etf_skip(&ahead, &left, bytes)) {
        l->key = key;
        return PAIR_LARGE_STRUCT;
    }
    l->entries = ahead;
    l->left--;
    return PAIR_READ;
}

static void slice_pairs(struct crdt_slices *s, struct level *l)
{
    const uint8_t *from = l->entries.at;
    uint32_t count = l->left;
    enum pair pair = s->canon == NULL ? PAIR_READ : PAIR_LARGE_KEY;
    while (l->left > 0 && pair == PAIR_READ && (size_t)(l->entries.at - from) < s->bytes)
        pair = read_pair(l, s->bytes);
    count -= l->left;
    if (count > 0) {
        buf_clear(&s->count);
        put_map(&s->count, count);
        buf_put(&s->count, (struct bytes){from, (size_t)(l->entries.at - from)});
        slice(s, buf_bytes(&s->count));
    } else if (pair == PAIR_LARGE_KEY) {
        large_key_step(s, l);
    } else if (pair == PAIR_LARGE_STRUCT) {
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
    if (l->open || how <= SLICE_TERM || (how == SLICE_LAST) != l->last || value.len == 0) {
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
    const struct form form = form_of(l);
    if (form.fields[l->terms] != NULL) {
        term_step(s, l);
        return;
    }
    if (!l->headed) {
        l->headed = true;
        slice(s, (struct bytes){0});
        return;
    }
    if (form.fields[l->field] != NULL) {
        field_step(s, l);
    } else if (!l->last) {
        l->last = true;
        l->field = 0;
    } else {
        pop(s);
    }
}

static void step(struct crdt_slices *s)
{
    s->spent = 0;
    while (s->spent < s->bytes && s->depth > 0 && s->err == OK)
        level_step(s, top(s));
}

struct crdt_slices *crdt_slices_open(const struct crdt_type *type,
                                     const struct crdt_options *options, struct bytes from,
                                     size_t bytes, bool alone)
{
    struct crdt_slices *s = mem_take(sizeof(*s));
    must(bytes > 0);
    *s = (struct crdt_slices){
        .type = type, .options = options, .from = from, .bytes = bytes, .alone = alone};
    push(s, from, false);
    return s;
}

void crdt_slices_free(struct crdt_slices *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < (s->depth > 0 ? s->depth : 1); i++)
        level_close(&s->levels[i]);
    canon_close(s->canon);
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
    canon_close(s->canon);
    s->canon = NULL;
    s->depth = 1;
    s->levels[0].headed = s->levels[0].open = s->levels[0].last = false;
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
