/* The join of every type, of structs that are drawn from the input: states and deltas of three
 * authors with a history, structs put together field by field, some with faults.
 *
 * A struct is refused, and changes nothing, or it is joined; then in any order, twice, in slices
 * and in parts with the same result, which is worth what join/reference.h says. */
#include <stddef.h>
#include <stdint.h>

#include "crdt/encoding.h"
#include "crdt/figures.h"
#include "crdt/part.h"
#include "crdt/slices.h"
#include "drawn/terms.h"
#include "join/reference.h"
#include "mem.h"
#include "term/canon.h"
#include "term/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AUTHORS    3
#define STRUCTS    3
#define EVENTS_MAX 24
#define OPS_MAX    4
#define RANGES     16
/* Levels of a struct that a replica takes (replica/exchange.c). */
#define LEVELS_MAX LIMIT_STRUCT_DEPTH

/* Of the states that are compared: a state names its own actor. */
static const struct crdt_options eye = {.actor = BYTES("w\3eye"), .seed = 5};

struct author {
    struct crdt_options options;
    struct crdt *state, *delta; /* delta: of what was not sent yet */
};

static struct fuzz {
    struct input in;
    struct terms terms;
    const struct crdt_type *type;
    struct author authors[AUTHORS];
    struct bytes structs[STRUCTS];
    struct buf memory[STRUCTS];
    size_t count;  /* of valid structs */
    uint64_t turn; /* counts mutations: their time and random number */
} f;

/* --- states ---------------------------------------------------------------------------- */

static struct crdt *fresh(void)
{
    return crdt_make(f.type, &eye);
}

static struct buf state_of(const struct crdt *c)
{
    struct buf state = {0};
    crdt_state(c, &state);
    return state;
}

/* No key is there twice, or it could not be. */
static void make_canonical(struct buf *state)
{
    struct buf canonical = {0};
    enum err e = canon_put(&canonical, buf_bytes(state));
    must(e == OK);
    buf_free(state);
    *state = canonical;
}

/* Most that are equal are so as they are encoded, and cost less. */
static bool same_and_free(struct buf a, struct buf b)
{
    bool same = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    if (!same) {
        make_canonical(&a);
        make_canonical(&b);
        same = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    }
    buf_free(&a);
    buf_free(&b);
    return same;
}

static uint64_t digest_of(const struct crdt *c)
{
    uint64_t digest;
    crdt_digest(c, PART_WHOLE, 1, &digest);
    return digest;
}

static bool equal(const struct crdt *a, const struct crdt *b)
{
    bool same = same_and_free(state_of(a), state_of(b));
    must(!same || digest_of(a) == digest_of(b));
    return same;
}

/* Joins a valid struct; true if something has changed. */
static bool join(struct crdt *c, struct bytes valid)
{
    bool changed;
    enum err e = crdt_merge(c, valid, NULL, &changed);
    must(e == OK);
    crdt_check(c);
    return changed;
}

/* The same, and that this is exact. */
static void join_exactly(struct crdt *c, struct bytes valid)
{
    struct buf before = state_of(c);
    bool changed = join(c, valid);
    must(same_and_free(before, state_of(c)) == !changed);
}

static bool join_state(struct crdt *c, const struct crdt *other)
{
    struct buf out = {0};
    crdt_state(other, &out);
    bool changed = join(c, buf_bytes(&out));
    buf_free(&out);
    return changed;
}

static struct crdt *joined(struct bytes a, struct bytes b)
{
    struct crdt *c = fresh();
    join(c, a);
    join_exactly(c, b);
    return c;
}

/* --- histories -------------------------------------------------------------------------- */

/* Operations as one request; false if they are none. */
static bool draw_ops(struct ops *ops, struct buf *memory)
{
    struct bytes bad;
    unsigned count = 1 + draw(&f.in, OPS_MAX);
    size_t len;
    put_list(memory, count);
    for (unsigned i = 0; i < count; i++)
        put_operation(&f.terms, memory, f.type, 3);
    put_nil(memory);
    return etf_check(buf_bytes(memory), &len) == OK && ops_read(ops, buf_bytes(memory), &bad) == OK;
}

/* Does what the dry run before it says; its delta makes the old state the new one, and a refusal
 * changes nothing. */
static void author_mutates(struct author *a, const struct ops *ops)
{
    struct crdt *old = fresh(), *delta = crdt_make(f.type, &a->options);
    struct buf before = state_of(a->state);
    struct mutation_turn dry = {.wall_ms = f.turn, .random = f.turn, .dry = true}, t = dry;
    t.dry = false;
    t.delta = delta;
    join_state(old, a->state);
    enum err told = crdt_mutate(a->state, ops->list, ops->count, &dry);
    must(same_and_free(before, state_of(a->state)));
    before = state_of(a->state);
    enum err e = crdt_mutate(a->state, ops->list, ops->count, &t);
    must(e == told);
    crdt_check(a->state);
    crdt_check(delta);
    bool same = same_and_free(before, state_of(a->state));
    must(e == OK || (same && crdt_empty(delta)));
    must(crdt_empty(delta) == same);
    join_state(old, delta);
    struct crdt *new = fresh();
    join_state(new, a->state);
    must(equal(old, new));
    join_state(a->delta, delta);
    crdt_free(old);
    crdt_free(new);
    crdt_free(delta);
}

static void mutate(struct author *a)
{
    struct ops ops;
    struct buf memory = {0};
    f.turn++;
    if (draw_ops(&ops, &memory)) {
        author_mutates(a, &ops);
        ops_free(&ops);
    }
    buf_free(&memory);
}

static void send(struct author *from, struct author *to, bool whole)
{
    join_state(to->state, whole ? from->state : from->delta);
    if (whole)
        return;
    crdt_free(from->delta);
    from->delta = crdt_make(f.type, &from->options);
}

static void history(void)
{
    for (unsigned left = draw(&f.in, EVENTS_MAX); left > 0 && !input_is_over(&f.in); left--) {
        unsigned i = draw(&f.in, AUTHORS), j = draw(&f.in, 6);
        if (j % AUTHORS == i)
            mutate(&f.authors[i]);
        else
            send(&f.authors[i], &f.authors[j % AUTHORS], j < AUTHORS);
    }
}

/* --- one struct -------------------------------------------------------------------------- */

static void draw_struct(struct buf *out)
{
    const struct author *a = &f.authors[draw(&f.in, AUTHORS)];
    switch (draw(&f.in, 6)) {
    case 0:
        crdt_state(a->state, out);
        break;
    case 1:
        crdt_state(a->delta, out);
        break;
    case 2:
    case 3:
        put_struct(&f.terms, out, f.type, false);
        break;
    case 4:
        put_struct(&f.terms, out, f.type, true);
        break;
    default:
        put_drawn(&f.terms, out, 3);
        break;
    }
}

/* In slices it has the same outcome, but that a key twice may be accepted.  The state in between is
 * sound. */
static void check_slices(struct bytes s, enum err merged, const struct crdt *whole)
{
    struct crdt *c = fresh();
    uint8_t size = draw_byte(&f.in);
    struct crdt_slices *slices = crdt_slices_open(f.type, &eye, s, 1 + (size_t)size, size % 2 == 0);
    enum err e = OK;
    bool changed;
    while (!crdt_slices_validate(slices, &e))
        ;
    must(merged == OK ? e == OK : (e != OK || merged == ERR_DUPLICATE));
    if (e == OK) {
        must(crdt_slices_rest(slices).len == 0);
        while (!crdt_slices_join(slices, c, NULL, &changed))
            crdt_check(c);
        crdt_check(c);
        must(merged != OK || equal(c, whole));
    }
    crdt_slices_free(slices);
    crdt_free(c);
}

/* Refused by every state alike, and by the check alone; then nothing has changed. */
static void check_refused(struct bytes s, enum err why)
{
    struct crdt *c = fresh(), *delta = fresh();
    bool changed = true;
    must(crdt_validate(f.type, s) == why);
    join_state(c, f.authors[0].state);
    struct buf before = state_of(c);
    enum err e = crdt_merge(c, s, delta, &changed);
    must(e == why && !changed && crdt_empty(delta));
    crdt_check(c);
    must(same_and_free(before, state_of(c)));
    crdt_free(c);
    crdt_free(delta);
}

/* Written in slices it has the same bytes as at once. */
static void check_encoding(const struct crdt *c, bool value)
{
    struct buf at_once = {0}, slices = {0};
    struct crdt_encoding *e = crdt_encoding_open(c, value);
    (value ? crdt_value : crdt_state)(c, &at_once);
    while (!crdt_encoding_step(e, 1 + draw_byte(&f.in), &slices))
        ;
    crdt_encoding_free(e);
    must(bytes_equal(buf_bytes(&at_once), buf_bytes(&slices)));
    buf_free(&at_once);
    buf_free(&slices);
}

/* The digests of ranges are the sums of those of their items. */
static void check_items(const struct crdt *c)
{
    uint64_t sums[RANGES], items_sums[RANGES] = {0};
    static struct selection all;
    struct items items = {0};
    for (uint32_t i = 0; i < PART_BUCKETS && !selection_has_bucket(&all, PART_BUCKETS - 1); i++)
        selection_add_bucket(&all, i);
    crdt_digest(c, PART_WHOLE, RANGES, sums);
    crdt_items(c, &all, &items);
    for (size_t i = 0; i < items.count; i++) {
        must(i == 0 || items.list[i - 1].key < items.list[i].key);
        items_sums[part_bucket(items.list[i].key) / (PART_BUCKETS / RANGES)] +=
            items.list[i].digest;
    }
    for (unsigned i = 0; i < RANGES; i++)
        must(sums[i] == items_sums[i]);
    mem_free(items.list);
}

/* Its parts, joined in any order, are the whole. */
static void check_parts(const struct crdt *whole)
{
    struct crdt *c = fresh();
    unsigned first = draw(&f.in, RANGES), step = 1 + 2 * draw(&f.in, RANGES / 2);
    uint32_t width = PART_BUCKETS / RANGES;
    for (unsigned i = 0; i < RANGES; i++) {
        struct buf part = {0};
        uint32_t range = (first + i * step) % RANGES;
        crdt_state_of(whole, PART_RANGE(range * width, width), &part);
        join(c, buf_bytes(&part));
        buf_free(&part);
    }
    must(equal(c, whole));
    crdt_free(c);
}

static void check_state(const struct crdt *c)
{
    struct crdt *copy = fresh();
    struct buf state = state_of(c);
    make_canonical(&state);
    buf_free(&state);
    join_state(copy, c);
    must(equal(copy, c));
    must(!join_state(copy, c));
    crdt_free(copy);
    check_encoding(c, false);
    check_encoding(c, true);
    if (crdt_is_divisible(f.type)) {
        check_items(c);
        check_parts(c);
    }
}

/* Keeps it if it can be joined. */
static void take_struct(struct buf *memory)
{
    struct bytes s = buf_bytes(memory);
    size_t len;
    if (etf_check(s, &len) != OK || len != s.len || etf_is_deeper(s, LEVELS_MAX))
        return;
    struct crdt *c = fresh();
    bool changed;
    enum err e = crdt_merge(c, s, NULL, &changed);
    crdt_check(c);
    check_slices(s, e, c);
    must(changed == !crdt_empty(c) || c->unknown.count > 0);
    if (e == OK) {
        check_state(c);
        f.structs[f.count++] = s;
    } else {
        check_refused(s, e);
    }
    crdt_free(c);
}

/* --- several ------------------------------------------------------------------------------- */

/* The delta of joining b to a makes the old a the new one, and is empty if nothing changed. */
static void check_delta(struct bytes a, struct bytes b)
{
    struct crdt *c = fresh(), *old = fresh(), *delta = fresh();
    bool changed;
    join(c, a);
    join(old, a);
    enum err e = crdt_merge(c, b, delta, &changed);
    must(e == OK);
    crdt_check(delta);
    join_state(old, delta);
    must(equal(old, c));
    must(!join_state(c, delta));
    crdt_free(c);
    crdt_free(old);
    crdt_free(delta);
}

static void check_pair(struct bytes a, struct bytes b)
{
    struct crdt *ab = joined(a, b), *ba = joined(b, a);
    must(equal(ab, ba));
    must(!join(ab, a) && !join(ab, b));
    check_delta(a, b);
    check_delta(b, a);
    crdt_free(ab);
    crdt_free(ba);
}

/* (a b) c and a (b c), the inner joins as states of their own. */
static void check_three(struct bytes a, struct bytes b, struct bytes c)
{
    struct crdt *ab = joined(a, b), *bc = joined(b, c), *left = fresh(), *right = fresh();
    join_state(left, ab);
    join(left, c);
    join(right, a);
    join_state(right, bc);
    must(equal(left, right));
    crdt_free(ab);
    crdt_free(bc);
    crdt_free(left);
    crdt_free(right);
}

static void check_reference(void)
{
    struct crdt *c = fresh();
    struct buf wanted = {0}, value = {0}, got = {0};
    for (size_t i = 0; i < f.count; i++)
        join(c, f.structs[i]);
    crdt_value(c, &value);
    reference_form(&got, f.type, buf_bytes(&value));
    if (reference_value(&wanted, f.type, f.structs, f.count))
        must(bytes_equal(buf_bytes(&wanted), buf_bytes(&got)));
    crdt_free(c);
    buf_free(&wanted);
    buf_free(&value);
    buf_free(&got);
}

static void check_all(void)
{
    for (size_t i = 0; i < f.count; i++)
        for (size_t j = i + 1; j < f.count; j++)
            check_pair(f.structs[i], f.structs[j]);
    if (f.count == 3) {
        check_three(f.structs[0], f.structs[1], f.structs[2]);
        check_three(f.structs[2], f.structs[0], f.structs[1]);
    }
    check_reference();
}

/* --- the run --------------------------------------------------------------------------------- */

static void start(const uint8_t *data, size_t size)
{
    static const struct bytes actors[AUTHORS] = {BYTES("m\0\0\0\1a"), BYTES("m\0\0\0\1b"),
                                                 BYTES("m\0\0\0\1c")};
    f = (struct fuzz){.in = {data, data + size}, .turn = 1};
    f.terms = (struct terms){.in = &f.in, .node = BYTES("a@h")};
    f.type = crdt_type_at(draw(&f.in, 10));
    for (unsigned i = 0; i < AUTHORS; i++) {
        struct author *a = &f.authors[i];
        a->options = (struct crdt_options){.actor = actors[i], .seed = 7 + i};
        a->state = crdt_make(f.type, &a->options);
        a->delta = crdt_make(f.type, &a->options);
    }
}

static void finish(void)
{
    for (unsigned i = 0; i < AUTHORS; i++) {
        crdt_free(f.authors[i].state);
        crdt_free(f.authors[i].delta);
    }
    for (unsigned i = 0; i < STRUCTS; i++)
        buf_free(&f.memory[i]);
    terms_free(&f.terms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start(data, size);
    history();
    for (unsigned i = 0; i < STRUCTS; i++) {
        draw_struct(&f.memory[i]);
        terms_know(&f.terms, buf_bytes(&f.memory[i]));
        take_struct(&f.memory[i]);
    }
    check_all();
    finish();
    return 0;
}
