#include "../causal/digests.h"
#include "../causal/dvv.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "encoding.h"
#include "types.h"

enum { ACTOR, CLOCK, CONTEXT, DELTA_BUFFER, ENTRIES };

/* Operations are refused when fewer dots than this are left: more than one batch issues. */
#define DOTS_SPARE (UINT64_C(1) << 52)

struct dvv_set {
    struct crdt crdt;
    struct dvv dvv;
};

static struct dvv *of(struct crdt *c)
{
    return c != NULL ? &((struct dvv_set *)c)->dvv : NULL;
}

static const struct dvv *of_const(const struct crdt *c)
{
    return &((const struct dvv_set *)c)->dvv;
}

static void open_set(struct crdt *c)
{
    dvv_open(of(c), c->options->actor, c->options->seed);
}

static void close_set(struct crdt *c)
{
    dvv_close(of(c));
}

/* --- operations -------------------------------------------------------------------- */

static void add_own_dot(struct dvv *s, struct bytes element, struct dvv *delta)
{
    dvv_add_dots(s, element, &(struct tag){s->by_actor[DVV_OWN].clock + 1, DVV_OWN}, 1, delta);
}

/* Raises the context to the element's dots.  The entry is removed after all operations. */
static void hide(struct dvv *s, struct bytes element, struct dvv *delta)
{
    struct dots *d = table_find(&s->entries, element);
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++)
        dvv_raise_context(s, dots_list(d)[i], delta);
    dots_truncate(d, 0);
}

struct renewal {
    uint64_t clock; /* before the operations */
    struct dvv *delta;
};

/* An element with a dot of this batch needs no new one: no peer has seen it yet. */
static void renew(struct dvv *s, uint32_t element, void *arg)
{
    const struct renewal *r = arg;
    const struct dots *d = table_at(&s->entries, element);
    if (dots_of(d, DVV_OWN) <= r->clock)
        add_own_dot(s, table_key(&s->entries, d), r->delta);
}

static enum err check_ops(const struct dvv *s, const struct op *ops, size_t count, size_t *bad)
{
    must(count <= LIMIT_OPS);
    for (size_t i = 0; i < count; i++) {
        *bad = i;
        if (!op_is(&ops[i], "add", 1) && !op_is(&ops[i], "remove", 1))
            return ERR_BAD_OP;
        if (s->by_actor[DVV_OWN].clock > INT64_MAX - DOTS_SPARE)
            return ERR_LIMIT;
    }
    return OK;
}

/* Elements whose dots are dominated by the removes get new dots once, at the end; otherwise
 * emptying a set in one batch would take quadratic time. */
static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct dvv *s = of(c), *delta = of(t->delta);
    struct renewal renewal = {s->by_actor[DVV_OWN].clock, delta};
    enum err e = check_ops(s, ops, count, &t->bad);
    if (e != OK || t->dry)
        return e;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1))
            add_own_dot(s, ops[i].args[0], delta);
        else
            hide(s, ops[i].args[0], delta);
    }
    dvv_drop_dominated(s, renew, &renewal);
    for (size_t i = 0; i < count; i++) {
        struct dots *d = table_find(&s->entries, ops[i].args[0]);
        if (d != NULL && d->count == 0)
            table_remove(&s->entries, d);
    }
    if (delta != NULL)
        dvv_prune(delta);
    mutation_reply_ok(t, count);
    return OK;
}

/* --- joins ------------------------------------------------------------------------- */

static bool is_map(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_MAP;
}

/* #{Actor => N} */
static enum err validate_vector(struct tag_reader *r, struct bytes map)
{
    struct etf_in in = etf_open(map);
    enum err e = is_map(map) ? OK : ERR_SHAPE;
    for (uint32_t left = etf_map(&in); e == OK && left > 0; left--)
        e = tag_validate_pair(r, &in);
    return e;
}

/* #{Element => #{Actor => N}}.  Duplicate keys are harmless: the larger N wins. */
static enum err validate_entries(struct tag_reader *r, struct bytes map)
{
    struct etf_in in = etf_open(map);
    struct buf scratch = {0};
    struct bytes element;
    enum err e = is_map(map) ? OK : ERR_SHAPE;
    for (uint32_t left = etf_map(&in); e == OK && left > 0; left--) {
        e = canon_view(&scratch, etf_any(&in), &element);
        if (e == OK)
            e = validate_vector(r, etf_any(&in));
    }
    buf_free(&scratch);
    return e;
}

static enum err validate(const struct bytes *values)
{
    struct tag_reader r = {0};
    enum err e = validate_vector(&r, values[CLOCK]);
    if (e == OK)
        e = validate_vector(&r, values[CONTEXT]);
    if (e == OK)
        e = validate_entries(&r, values[ENTRIES]);
    tag_reader_close(&r);
    return e;
}

/* The keys of so many pairs of a large map are fetched before they are looked up, in a table that
 * may not fit into a cache. */
#define AHEAD 16

/* To be called before each pair is read, of which so many are left. */
static void prefetch_keys(const struct table *t, struct etf_in pairs, uint32_t left)
{
    for (uint32_t i = 0; left >= AHEAD && left % AHEAD == 0 && i < AHEAD; i++) {
        table_prefetch(t, etf_any(&pairs));
        etf_any(&pairs);
    }
}

static struct tag read_tag(struct dvv *s, struct tag_reader *r, struct etf_in *pairs, uint32_t left)
{
    prefetch_keys(&s->actors.table, *pairs, left);
    struct tag tag = tag_read_pair(r, &s->actors, pairs);
    dvv_add_actors(s);
    return tag;
}

static bool join_vector(struct dvv *s, struct tag_reader *r, struct bytes map,
                        bool (*raise)(struct dvv *s, struct tag tag, struct dvv *delta),
                        struct dvv *delta)
{
    struct etf_in in = etf_open(map);
    bool grew = false;
    for (uint32_t left = etf_map(&in); left > 0; left--)
        grew |= raise(s, read_tag(s, r, &in, left), delta);
    return grew;
}

static bool join_entries(struct dvv *s, struct tag_reader *r, struct bytes map, struct dvv *delta)
{
    struct etf_in in = etf_open(map);
    struct buf scratch = {0};
    struct tag *tags = NULL;
    size_t cap = 0;
    bool grew = false;
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes element;
        prefetch_keys(&s->entries, in, left);
        enum err e = canon_view(&scratch, etf_any(&in), &element);
        must(e == OK);
        size_t count = 0;
        for (uint32_t dots = etf_map(&in); dots > 0; dots--) {
            tags = mem_room(tags, count, &cap, sizeof(*tags));
            tags[count++] = read_tag(s, r, &in, dots);
        }
        grew |= dvv_add_dots(s, element, tags, count, delta);
    }
    mem_free(tags);
    buf_free(&scratch);
    return grew;
}

/* delta_buffer is ignored: it is private to the sender. */
static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct dvv *s = of(c), *d = of(delta);
    struct tag_reader r = {0};
    bool clock = join_vector(s, &r, values[CLOCK], dvv_raise_clock, d);
    bool context = join_vector(s, &r, values[CONTEXT], dvv_raise_context, d);
    bool dots = join_entries(s, &r, values[ENTRIES], d);
    tag_reader_close(&r);
    dvv_prune(s);
    if (d != NULL)
        dvv_prune(d);
    return clock || context || dots;
}

/* --- reading ----------------------------------------------------------------------- */

static uint64_t number_of(const struct dvv_actor *a, unsigned field)
{
    return field == CLOCK ? a->clock : a->context;
}

static void put_vector(const struct dvv *s, unsigned field, struct buf *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < s->by_actor_count; i++)
        count += number_of(&s->by_actor[i], field) > 0;
    put_map(out, count);
    for (uint32_t i = 0; i < s->by_actor_count; i++) {
        uint64_t n = number_of(&s->by_actor[i], field);
        if (n == 0)
            continue;
        put_term(out, actors_term(&s->actors, i));
        put_uint(out, n);
    }
}

static void put_dots(const struct dvv *s, struct dots *d, struct buf *out)
{
    put_map(out, d->count);
    for (size_t i = 0; i < d->count; i++) {
        put_term(out, actors_term(&s->actors, dots_list(d)[i].actor));
        put_uint(out, dots_list(d)[i].n);
    }
}

static bool put_entries(const struct dvv *s, struct part part, struct put_cursor *at,
                        struct buf *out)
{
    const struct table *t = &s->entries;
    struct dots *d;
    if (at->at == 0)
        put_map(out, (uint32_t)t->live);
    while ((d = part_next(part, t, &at->at)) != NULL) {
        put_term(out, table_key(t, d));
        put_dots(s, d, out);
        if (out->len >= at->until)
            return false;
    }
    return true;
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX};
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case CLOCK:
    case CONTEXT:
        put_vector(of_const(c), field, out);
        break;
    case DELTA_BUFFER:
        put_atom(out, "nil");
        break;
    case ENTRIES:
        put_entries(of_const(c), part, &whole, out);
        break;
    }
}

static void digest_vector(const struct dvv *s, const struct digests *d, unsigned field)
{
    for (uint32_t i = 0; i < s->by_actor_count; i++) {
        uint64_t n = number_of(&s->by_actor[i], field);
        if (n > 0)
            digests_add_singleton(d, field, digest_tag(d->salt, &s->actors, (struct tag){n, i}));
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    const struct dvv *s = of_const(c);
    struct dots *dots;
    digest_vector(s, d, CLOCK);
    digest_vector(s, d, CONTEXT);
    for (size_t at = 0; (dots = part_next(PART_WHOLE, &s->entries, &at)) != NULL;) {
        uint64_t element = digest_bytes(d->salt, table_key(&s->entries, dots));
        for (size_t i = 0; i < dots->count; i++)
            digests_add_singleton(d, ENTRIES, digest_tag(element, &s->actors, dots_list(dots)[i]));
    }
}

static void value(const struct crdt *c, struct buf *out)
{
    const struct table *t = &of_const(c)->entries;
    mapset_put(out, c->options->form, (uint32_t)t->live);
    for (size_t i = 0; i < table_end(t); i++) {
        const void *record = table_at(t, i);
        if (record != NULL)
            mapset_element(out, table_key(t, record));
    }
    mapset_end(out, c->options->form);
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    if (field == ENTRIES)
        return put_entries(of_const(c), PART_WHOLE, at, out);
    if (field == CRDT_VALUE)
        value(c, out);
    else
        put(c, field, PART_WHOLE, out);
    return true;
}

/* Any dot or context implies a clock above 0 for its actor. */
static bool empty(const struct crdt *c)
{
    const struct dvv *s = of_const(c);
    size_t i = 0;
    while (i < s->by_actor_count && s->by_actor[i].clock == 0)
        i++;
    return i == s->by_actor_count;
}

static void actors(const struct crdt *c, struct actors *seen)
{
    const struct dvv *s = of_const(c);
    for (uint32_t i = 0; i < s->by_actor_count; i++)
        if (s->by_actor[i].clock > 0)
            actors_number(seen, actors_term(&s->actors, i));
}

static size_t actor_count(const struct crdt *c)
{
    return of_const(c)->clocks;
}

static void watch(struct crdt *c)
{
    of(c)->watch = c->watch;
}

static void check(const struct crdt *c)
{
    dvv_check(of_const(c));
}

static size_t elements(const struct crdt *c)
{
    return of_const(c)->entries.live;
}

const struct crdt_type dvv_set_type = {
    .module = "Elixir.Grove.Set.DVVSet",
    .name = "dvv_set",
    .fields = {"actor", "clock", "context", "delta_buffer", "entries"},
    .needed = 1u << CLOCK | 1u << CONTEXT | 1u << ENTRIES,
    .slicing = {[CLOCK] = SLICE_PAIRS, [CONTEXT] = SLICE_LAST, [ENTRIES] = SLICE_PAIRS},
    .sliced_alone = true,
    .bytes = sizeof(struct dvv_set),
    .open = open_set,
    .close = close_set,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .put = put,
    .encode = encode,
    .digest = digest,
    .value = value,
    .empty = empty,
    .elements = elements,
    .actors = actors,
    .actor_count = actor_count,
    .watch = watch,
    .check = check,
};
