#include "part.h"

static bool is_part(struct part part)
{
    return part.count > 0 && part.first < PART_BUCKETS && part.count <= PART_BUCKETS - part.first;
}

bool crdt_is_divisible(const struct crdt_type *type)
{
    return type->divisible;
}

static void put_fields(const struct crdt *c, struct part part, const struct unknown_fields *unknown,
                       struct buf *out)
{
    const struct form form = {c->type->module, c->type->fields, c->type->needed};
    struct buf map = {0};
    unknown_put(unknown, &map);
    struct extras extras = {{map.at, map.len}};
    struct struct_out s = struct_open(out, &form, &extras);
    for (unsigned i = 0; form.fields[i] != NULL; i++) {
        struct_field(&s, form.fields[i]);
        c->type->put(c, i, part, out);
    }
    struct_close(&s);
    buf_free(&map);
}

void crdt_state_of(const struct crdt *c, struct part part, struct buf *out)
{
    must(is_part(part) && (part.only == NULL || c->type->divisible));
    bool nothing_selected = part.only != NULL && part.only->by_key && part.only->key_count == 0;
    if (!nothing_selected && (c->type->divisible || part.first == 0)) {
        put_fields(c, c->type->divisible ? part : PART_WHOLE, &c->unknown, out);
        return;
    }
    struct crdt *nothing = crdt_make(c->type, c->options);
    put_fields(nothing, PART_WHOLE, &c->unknown, out);
    crdt_free(nothing);
}

void crdt_digest(const struct crdt *c, struct part part, uint32_t ranges, uint64_t *digests)
{
    must(is_part(part) && ranges > 0 && part.count % ranges == 0);
    uint32_t width = part.count / ranges, bits = (uint32_t)__builtin_ctz(width);
    must(width == 1u << bits);
    for (uint32_t i = 0; i < ranges; i++)
        digests[i] = 0;
    struct digests d = {.part = part, .width_bits = bits, .sums = digests};
    if (!c->type->divisible)
        d = (struct digests){.part = PART_WHOLE, .width_bits = PART_BUCKET_BITS, .sums = digests};
    if (c->type->divisible || part.first == 0)
        c->type->digest(c, &d);
}

uint64_t crdt_digest_salted(const struct crdt *c, uint64_t salt)
{
    uint64_t sum = 0;
    struct digests d = {
        .part = PART_WHOLE, .width_bits = PART_BUCKET_BITS, .salt = salt, .sums = &sum};
    c->type->digest(c, &d);
    return sum;
}

void crdt_items(const struct crdt *c, const struct selection *buckets, struct items *items)
{
    must(c->type->divisible && !buckets->by_key);
    struct digests d = {
        .part = PART_SELECTED(buckets), .width_bits = PART_BUCKET_BITS, .items = items};
    c->type->digest(c, &d);
    items_merge(items);
}

void crdt_digest_field(const struct digests *d, unsigned field, const struct crdt *c)
{
    struct digests inner = digests_of_field(d, field);
    c->type->digest(c, &inner);
}
