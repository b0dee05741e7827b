/* Grove's structs, drawn: each field by what it has to be (docs/types.md, the files of crdt/). */
#include <string.h>

#include "term/write.h"
#include "terms.h"

#define ENTRIES_MAX 5

typedef void part_putter(struct terms *g, struct buf *out, bool faults);

/* In place of a part of a struct, with faults: now and then any term. */
static void put_or_any(struct terms *g, struct buf *out, bool faults, part_putter *put)
{
    if (faults && draw(g->in, 32) == 31)
        put_drawn(g, out, 2);
    else
        put(g, out, faults);
}

/* A map of up to ENTRIES_MAX pairs.  A key may be there twice: with faults it stays so. */
static void put_pairs(struct terms *g, struct buf *out, bool faults, part_putter *key,
                      part_putter *value)
{
    struct buf keys[ENTRIES_MAX] = {0};
    unsigned drawn = draw(g->in, ENTRIES_MAX), count = 0;
    size_t first;
    put_map(out, 0);
    first = out->len;
    for (unsigned i = 0; i < drawn; i++) {
        bool twice = false;
        put_or_any(g, &keys[i], faults, key);
        for (unsigned k = 0; k < i; k++)
            twice |= bytes_equal(buf_bytes(&keys[k]), buf_bytes(&keys[i]));
        if (twice && !faults)
            continue;
        put_term(out, buf_bytes(&keys[i]));
        put_or_any(g, out, faults, value);
        count++;
    }
    put_map_count(out, first, count);
    for (unsigned i = 0; i < ENTRIES_MAX; i++)
        buf_free(&keys[i]);
}

static void put_field_name(struct buf *out, const char *module)
{
    put_atom(out, "__struct__");
    put_atom(out, module);
}

static void put_key_actor(struct terms *g, struct buf *out, bool faults)
{
    (void)faults;
    put_actor(g, out);
}

static void put_key_element(struct terms *g, struct buf *out, bool faults)
{
    (void)faults;
    put_element(g, out);
}

static void put_number(struct terms *g, struct buf *out, bool faults)
{
    if (faults)
        put_integer(g, out);
    else
        put_uint(out, 1 + draw(g->in, 6));
}

static void put_true(struct terms *g, struct buf *out, bool faults)
{
    (void)g;
    (void)faults;
    put_atom(out, "true");
}

static void put_empty_list(struct terms *g, struct buf *out, bool faults)
{
    (void)g;
    (void)faults;
    put_nil(out);
}

static void put_counts(struct terms *g, struct buf *out, bool faults)
{
    put_pairs(g, out, faults, put_key_actor, put_number);
}

static void put_tag(struct terms *g, struct buf *out, bool faults)
{
    put_tuple(out, 2);
    put_actor(g, out);
    put_number(g, out, faults);
}

static void put_mapset(struct terms *g, struct buf *out, bool faults, part_putter *element)
{
    bool versioned = draw(g->in, 2) == 0;
    put_map(out, versioned ? 3 : 2);
    put_field_name(out, "Elixir.MapSet");
    put_atom(out, "map");
    put_pairs(g, out, faults, element, put_empty_list);
    if (versioned) {
        put_atom(out, "version");
        put_uint(out, 2);
    }
}

static void put_tags(struct terms *g, struct buf *out, bool faults)
{
    put_mapset(g, out, faults, put_tag);
}

static void put_tagged(struct terms *g, struct buf *out, bool faults)
{
    put_pairs(g, out, faults, put_key_element, put_tags);
}

static void put_elements(struct terms *g, struct buf *out, bool faults)
{
    put_mapset(g, out, faults, put_key_element);
}

static void put_dots(struct terms *g, struct buf *out, bool faults)
{
    put_pairs(g, out, faults, put_key_element, put_counts);
}

static void put_value_and_clock(struct terms *g, struct buf *out, bool faults)
{
    put_tuple(out, 2);
    put_element(g, out);
    put_counts(g, out, faults);
}

static void put_values(struct terms *g, struct buf *out, bool faults)
{
    put_pairs(g, out, faults, put_value_and_clock, put_true);
}

/* --- sequences and maps ------------------------------------------------------------------ */

static void put_time(struct terms *g, struct buf *out, bool faults)
{
    put_map(out, 4);
    put_field_name(out, "Elixir.Grove.HybridLogicalClock");
    put_atom(out, "counter");
    put_number(g, out, faults);
    put_atom(out, "node");
    put_actor(g, out);
    put_atom(out, "time");
    put_number(g, out, faults);
}

static void put_prev(struct terms *g, struct buf *out, bool faults)
{
    if (draw(g->in, 3) == 0)
        put_atom(out, "head");
    else
        put_tag(g, out, faults);
}

/* #{Id => #{id => Id, ...}}. */
static void put_sequence(struct terms *g, struct buf *out, bool faults)
{
    struct buf id = {0};
    unsigned count = draw(g->in, ENTRIES_MAX);
    put_map(out, count);
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&id);
        put_tuple(&id, 2);
        put_actor(g, &id);
        put_uint(&id, 1 + i);
        put_term(out, buf_bytes(&id));
        put_map(out, 4);
        put_atom(out, "id");
        if (faults && draw(g->in, 16) == 15)
            put_tag(g, out, faults);
        else
            put_term(out, buf_bytes(&id));
        put_atom(out, "prev_id");
        put_or_any(g, out, faults, put_prev);
        put_atom(out, "timestamp");
        put_or_any(g, out, faults, put_time);
        put_atom(out, "value");
        put_element(g, out);
    }
    buf_free(&id);
}

static void put_keys(struct terms *g, struct buf *out, bool faults)
{
    put_struct(g, out, crdt_type_named(BYTES("or_set")), faults);
}

static void put_nested(struct terms *g, struct buf *out, bool faults)
{
    put_struct(g, out, crdt_type_at(draw(g->in, 10)), faults);
}

static void put_states(struct terms *g, struct buf *out, bool faults)
{
    put_pairs(g, out, faults, put_key_element, put_nested);
}

/* --- fields ------------------------------------------------------------------------------- */

static void put_nothing(struct terms *g, struct buf *out, bool faults)
{
    if (faults)
        put_drawn(g, out, 1);
    else
        put_map(out, 0);
}

/* Which types' field of that name it is (NULL: all those without another row). */
static const struct {
    const char *type, *field;
    part_putter *put;
} fields[] = {
    {NULL, "actor", put_key_actor},        {NULL, "replica_id", put_key_actor},
    {NULL, "delta_buffer", put_nothing},   {NULL, "delta_dirty", put_nothing},
    {NULL, "counts", put_counts},          {"rga", "clock", put_number},
    {NULL, "clock", put_counts},           {NULL, "context", put_counts},
    {NULL, "counter", put_number},         {NULL, "timestamp", put_number},
    {NULL, "value", put_key_element},      {NULL, "tombstones", put_tags},
    {"or_set", "entries", put_tagged},     {"dvv_set", "entries", put_dots},
    {"gset", "elements", put_elements},    {"rga", "elements", put_sequence},
    {"mv_register", "values", put_values}, {"or_map", "values", put_states},
    {"or_map", "keys", put_keys},
};

static part_putter *field_putter(const struct crdt_type *type, const char *field)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(fields[i].field, field) == 0 &&
            (fields[i].type == NULL || strcmp(fields[i].type, type->name) == 0))
            return fields[i].put;
    return NULL;
}

/* How many structs the one being drawn is inside of, and how many levels of maps are drawn, and of
 * anything. */
static unsigned nesting;
#define NESTED_MAPS 4
#define NESTED_MAX  7

static void put_field(struct terms *g, struct buf *out, const struct crdt_type *type, unsigned i,
                      bool faults)
{
    part_putter *put = field_putter(type, type->fields[i]);
    put_atom(out, type->fields[i]);
    if (put == NULL)
        put_struct(g, out, type->half, faults);
    else if (nesting > NESTED_MAPS && put == put_states)
        put_map(out, 0);
    else
        put_or_any(g, out, faults, put);
}

void put_struct(struct terms *g, struct buf *out, const struct crdt_type *type, bool faults)
{
    uint32_t pairs = 1;
    if (nesting == NESTED_MAX) {
        put_nil(out);
        return;
    }
    nesting++;
    put_map(out, 0);
    size_t first = out->len;
    put_field_name(out, type->module);
    for (unsigned i = 0; type->fields[i] != NULL; i++) {
        unsigned times = 1;
        if (faults && draw(g->in, 32) == 31)
            times = 2 * draw(g->in, 2);
        for (pairs += times; times > 0; times--)
            put_field(g, out, type, i, faults);
    }
    if (faults && draw(g->in, 8) == 7) {
        put_atom(out, "zz_new");
        put_element(g, out);
        pairs++;
    }
    put_map_count(out, first, pairs);
    nesting--;
}

/* --- operations --------------------------------------------------------------------------- */

static void put_op_head(struct buf *out, const char *name, uint32_t args)
{
    put_tuple(out, 2);
    put_atom(out, name);
    if (args > 0)
        put_list(out, args);
}

static void put_op_number(struct terms *g, struct buf *out, const char *name)
{
    put_op_head(out, name, 1);
    put_integer(g, out);
    put_nil(out);
}

static void put_op_element(struct terms *g, struct buf *out, const char *name)
{
    put_op_head(out, name, 1);
    put_element(g, out);
    put_nil(out);
}

static void put_map_operation(struct terms *g, struct buf *out, unsigned levels)
{
    const struct crdt_type *inner = crdt_type_at(draw(g->in, 10));
    unsigned which = draw(g->in, 5);
    if (which == 0) {
        put_op_element(g, out, "delete");
        return;
    }
    put_op_head(out, which > 2 ? "update" : "put", 2);
    put_element(g, out);
    if (which > 2 && levels > 0)
        put_operation(g, out, inner, levels - 1);
    else if (which == 2)
        put_struct(g, out, inner, false);
    else
        put_atom(out, inner->name);
    put_nil(out);
}

static void put_sequence_operation(struct terms *g, struct buf *out)
{
    switch (draw(g->in, 4)) {
    case 0:
        put_op_head(out, "insert", 2);
        put_element(g, out);
        put_prev(g, out, false);
        put_nil(out);
        break;
    case 1:
        put_op_head(out, "remove", 1);
        put_tag(g, out, false);
        put_nil(out);
        break;
    case 2:
        put_op_number(g, out, "remove_at");
        break;
    default:
        put_op_head(out, "insert_at", 2);
        put_uint(out, draw(g->in, 4));
        put_element(g, out);
        put_nil(out);
        break;
    }
}

void put_operation(struct terms *g, struct buf *out, const struct crdt_type *type, unsigned levels)
{
    const char *name = type->name;
    if (strcmp(name, "gcounter") == 0)
        put_op_number(g, out, "increment");
    else if (strcmp(name, "pncounter") == 0)
        put_op_number(g, out, draw(g->in, 2) == 0 ? "increment" : "decrement");
    else if (strcmp(name, "lww_register") == 0 || strcmp(name, "mv_register") == 0)
        put_op_element(g, out, "set");
    else if (strcmp(name, "or_map") == 0)
        put_map_operation(g, out, levels);
    else if (strcmp(name, "rga") == 0)
        put_sequence_operation(g, out);
    else
        put_op_element(g, out, strcmp(name, "gset") != 0 && draw(g->in, 3) == 0 ? "remove" : "add");
}
