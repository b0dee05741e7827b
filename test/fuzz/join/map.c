/* or_map: the keys are an ORSet, and each is worth what its values are together; of several types
 * only those of the last. */
#include "mem.h"
#include "term/order.h"
#include "term/write.h"
#include "worth.h"

struct states {
    struct bytes *list;
    size_t count, cap;
    struct term module; /* of all of them */
};

/* One of a later type drops the others. */
static void add_state(struct states *s, struct bytes state)
{
    struct term module = canonical(field(state, "__struct__"));
    int order = s->count == 0 ? 1 : term_compare_keys(term_bytes(&module), term_bytes(&s->module));
    if (order > 0)
        s->count = 0;
    if (order >= 0) {
        s->list = mem_room(s->list, s->count, &s->cap, sizeof(*s->list));
        s->list[s->count++] = state;
    }
    term_free(order > 0 ? &s->module : &module);
    if (order > 0)
        s->module = module;
}

static void add_states(struct states *s, const struct term *key, struct bytes values)
{
    struct etf_in in = etf_open(values);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct term other = canonical(etf_any(&in));
        struct bytes state = etf_any(&in);
        if (bytes_equal(term_bytes(&other), term_bytes(key)))
            add_state(s, state);
        term_free(&other);
    }
}

/* False if the key has no value yet. */
static bool put_key(struct buf *value, const struct term *key, const struct bytes *structs,
                    size_t count)
{
    struct states states = {0};
    for (size_t i = 0; i < count; i++)
        add_states(&states, key, field(structs[i], "values"));
    bool shown = states.count > 0;
    if (shown) {
        put_term(value, term_bytes(key));
        put_worth(value, states.list, states.count);
    }
    mem_free(states.list);
    term_free(&states.module);
    return shown;
}

bool worth_or_map(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows added = {0}, removed = {0}, keys = {0};
    for (size_t i = 0; i < count; i++) {
        rows_add_tags(&added, field(field(structs[i], "keys"), "entries"));
        rows_add_elements(&removed, field(field(structs[i], "keys"), "tombstones"));
    }
    rows_difference(&keys, &added, &removed);
    uint32_t shown = 0;
    put_map(value, 0);
    size_t first = value->len;
    for (size_t i = 0; i < keys.count; i++)
        shown += put_key(value, &keys.list[i].key, structs, count);
    put_map_count(value, first, shown);
    rows_free(&added);
    rows_free(&removed);
    rows_free(&keys);
    return true;
}
