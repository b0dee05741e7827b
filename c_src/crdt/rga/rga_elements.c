#include "rga_elements.h"

#include "../../causal/slots.h"
#include "../../mem.h"

#define INDEX_AT_FIRST 8
/* Terms begin at multiples of this, so that 32 bits count 16 GB of them. */
#define TERMS_ALIGNED 4
/* Numbers must fit rga_tree.h, and share a slot's 32 bits with some of a hash. */
#define ELEMENTS_MAX (UINT32_C(1) << 30)

_Static_assert(sizeof(struct rga_element) == 44, "the size given in the header");

void rga_elements_init(struct rga_elements *es, uint64_t seed)
{
    *es = (struct rga_elements){.seed = seed};
}

void rga_elements_free(struct rga_elements *es)
{
    mem_free(es->list);
    mem_free(es->index);
    buf_free(&es->terms);
    rga_elements_init(es, es->seed);
}

/* --- ids ------------------------------------------------------------------------- */

static uint32_t hash_of(const struct rga_elements *es, struct tag id)
{
    return (uint32_t)tag_hash(id, es->seed);
}

static uint32_t mask_of(const struct rga_elements *es)
{
    return (uint32_t)(es->index_cap - 1);
}

static uint32_t number_in(const struct rga_elements *es, uint32_t slot)
{
    return slot_number((uint32_t)es->index_cap, slot);
}

/* The slot of an id, or the free slot where it belongs. */
static uint32_t slot_of(const struct rga_elements *es, struct tag id)
{
    uint32_t mask = mask_of(es), hash = hash_of(es, id), at = hash & mask, slot;
    for (; (slot = es->index[at]) != 0; at = (at + 1) & mask)
        if (slot_has_hash(mask + 1, slot, hash) && tag_equal(es->list[number_in(es, slot)].id, id))
            break;
    return at;
}

static bool hash_of_element(const void *elements, uint32_t number, uint32_t *hash)
{
    const struct rga_elements *es = elements;
    *hash = hash_of(es, es->list[number].id);
    return true;
}

static void reindex(struct rga_elements *es, size_t cap)
{
    mem_free(es->index);
    es->index = mem_take(cap * sizeof(*es->index));
    es->index_cap = cap;
    slots_fill(es->index, (uint32_t)cap, es, (uint32_t)es->count, hash_of_element, NULL);
}

void rga_elements_reserve(struct rga_elements *es, size_t n)
{
    size_t count = es->count + n, cap = es->index_cap > 0 ? es->index_cap : INDEX_AT_FIRST;
    must(n < ELEMENTS_MAX && count < ELEMENTS_MAX);
    while (cap / 4 * 3 < count)
        cap *= 2;
    if (cap > es->index_cap)
        reindex(es, cap);
    if (n > 1 && count > es->cap) {
        es->cap = count > es->cap * 2 ? count : es->cap * 2;
        es->list = mem_resize(es->list, es->cap * sizeof(*es->list));
    }
}

bool rga_elements_find(const struct rga_elements *es, struct tag id, uint32_t *number)
{
    if (es->count == 0)
        return false;
    uint32_t slot = es->index[slot_of(es, id)];
    *number = slot != 0 ? number_in(es, slot) : RGA_NONE;
    return slot != 0;
}

uint32_t rga_elements_number(struct rga_elements *es, struct tag id)
{
    rga_elements_reserve(es, 1);
    uint32_t at = slot_of(es, id);
    if (es->index[at] == 0) {
        es->list = mem_room(es->list, es->count, &es->cap, sizeof(*es->list));
        es->list[es->count++] = (struct rga_element){.id = id, .prev = RGA_NONE};
        es->index[at] =
            slot_of_entry((uint32_t)es->index_cap, hash_of(es, id), (uint32_t)es->count - 1);
    }
    return number_in(es, es->index[at]);
}

void rga_elements_undo(struct rga_elements *es, size_t count)
{
    while (es->count > count) {
        const struct rga_element *last = &es->list[es->count - 1];
        must(!last->present && !last->removed);
        slots_clear(es->index, (uint32_t)es->index_cap, slot_of(es, last->id), es, hash_of_element);
        es->count--;
    }
}

/* --- terms ------------------------------------------------------------------------ */

/* Terms are self-delimiting, so no lengths are stored. */
static struct rga_terms terms_at(const struct rga_elements *es, const struct rga_element *e)
{
    size_t at = (size_t)e->terms * TERMS_ALIGNED;
    must(e->present && at < es->terms.len);
    struct etf_in in = etf_open(bytes_after(buf_bytes(&es->terms), at));
    struct rga_terms t = {.value = etf_any(&in)};
    if (e->extras)
        t.extras = etf_any(&in);
    if (e->time_extras)
        t.time_extras = etf_any(&in);
    return t;
}

static size_t terms_bytes(const struct rga_terms *t)
{
    size_t len = t->value.len + t->extras.len + t->time_extras.len;
    return (len + TERMS_ALIGNED - 1) / TERMS_ALIGNED * TERMS_ALIGNED;
}

static uint32_t terms_put(struct buf *out, const struct rga_terms *t)
{
    size_t at = out->len;
    must(at / TERMS_ALIGNED <= UINT32_MAX);
    buf_put(out, t->value);
    buf_put(out, t->extras);
    buf_put(out, t->time_extras);
    while (out->len % TERMS_ALIGNED != 0)
        buf_put_u8(out, 0);
    return (uint32_t)(at / TERMS_ALIGNED);
}

/* Called when more than half is dead: a peer that keeps replacing the value of an id does not use
 * up memory. */
static void terms_squeeze(struct rga_elements *es)
{
    struct buf live = {0};
    for (uint32_t i = 0; i < es->count; i++) {
        if (!es->list[i].present)
            continue;
        struct rga_terms t = terms_at(es, &es->list[i]);
        es->list[i].terms = terms_put(&live, &t);
    }
    buf_free(&es->terms);
    es->terms = live;
    es->dead = 0;
}

void rga_elements_set_terms(struct rga_elements *es, uint32_t number, const struct rga_terms *terms)
{
    struct rga_element *e = &es->list[number];
    if (e->present) {
        struct rga_terms old = terms_at(es, e);
        es->dead += terms_bytes(&old);
    }
    e->terms = terms_put(&es->terms, terms);
    e->extras = terms->extras.len > 0;
    e->time_extras = terms->time_extras.len > 0;
    es->present += !e->present;
    e->present = true;
    if (es->dead > es->terms.len / 2)
        terms_squeeze(es);
}

void rga_elements_undo_add(struct rga_elements *es, uint32_t number)
{
    struct rga_element *e = &es->list[number];
    must(e->present);
    es->terms.len = (size_t)e->terms * TERMS_ALIGNED;
    es->present--;
    e->present = false;
}

struct rga_terms rga_elements_terms(const struct rga_elements *es, uint32_t number)
{
    return terms_at(es, &es->list[number]);
}

void rga_elements_check(const struct rga_elements *es)
{
    size_t present = 0, removed = 0, bytes = 0, slots = 0;
    for (uint32_t i = 0; i < es->count; i++) {
        const struct rga_element *e = &es->list[i];
        must(number_in(es, es->index[slot_of(es, e->id)]) == i);
        present += e->present;
        removed += e->removed;
        if (e->present) {
            struct rga_terms t = rga_elements_terms(es, i);
            bytes += terms_bytes(&t);
        }
    }
    for (size_t i = 0; i < es->index_cap; i++)
        slots += es->index[i] != 0;
    must(slots == es->count && present == es->present && removed == es->removed);
    must(bytes + es->dead == es->terms.len);
}
