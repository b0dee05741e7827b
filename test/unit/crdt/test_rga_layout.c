/* Elements are read by the layout of the one before.  They must be read as if each were alone. */
#include "crdt/rga/rga.h"
#include "unit/crdt/rga_texts.h"

#define ELEMENTS 40

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static struct bytes text_of(const char *format, unsigned n)
{
    char text[64];
    snprintf(text, sizeof(text), format, n);
    return term_of(text);
}

/* How a sender encodes its elements. */
struct sender {
    unsigned first, time_first; /* the field that it begins with; the others follow in order */
    bool extra, time_extra, old_atoms;
};

static void put_name(struct buf *out, const char *name, const struct sender *s)
{
    if (!s->old_atoms) {
        put_atom(out, name);
        return;
    }
    buf_put_u8(out, 100); /* ATOM_EXT */
    buf_put_u16(out, (uint16_t)strlen(name));
    buf_put(out, bytes_of(name));
}

static void put_time(struct buf *out, const struct sender *s, struct bytes node, uint32_t n)
{
    put_map(out, s->time_extra ? 5 : 4);
    for (unsigned i = 0; i < 4; i++) {
        unsigned field = (s->time_first + i) % 4;
        static const char *const names[] = {"__struct__", "counter", "node", "time"};
        put_name(out, names[field], s);
        if (field == 0)
            put_name(out, "Elixir.Grove.HybridLogicalClock", s);
        else if (field == 2)
            buf_put(out, node);
        else
            put_uint(out, field == 1 ? n % 300 : UINT64_C(1700000000000) + n);
    }
    if (s->time_extra) {
        put_name(out, "zone", s);
        put_uint(out, n);
    }
}

static void put_element(struct buf *out, const struct sender *s, struct bytes id, struct bytes prev,
                        uint32_t n)
{
    static const char *const nodes[] = {"a", "{b, 1}", "c"};
    static const char *const values[] = {"<<\"x\">>", "7", "[1, 2, x]", "#{1 => x}", "1.5"};
    buf_put(out, id);
    put_map(out, s->extra ? 5 : 4);
    for (unsigned i = 0; i < 4; i++) {
        unsigned field = (s->first + i) % 4;
        static const char *const names[] = {"id", "prev_id", "timestamp", "value"};
        put_name(out, names[field], s);
        if (field == 0)
            buf_put(out, id);
        else if (field == 1)
            buf_put(out, prev);
        else if (field == 2)
            put_time(out, s, term_of(nodes[random_below(3)]), n);
        else
            buf_put(out, term_of(values[random_below(5)]));
    }
    if (s->extra) {
        put_name(out, "author", s);
        put_uint(out, n);
    }
}

static struct bytes id_of(uint32_t n)
{
    return text_of(n % 7 < 4 ? "{b, %u}" : n % 7 < 6 ? "{c, %u}" : "{{x, 1}, %u}", n * 40 + 1);
}

/* A whole struct with these elements. */
static void put_struct(struct buf *out, const struct buf *elements, uint32_t first, uint32_t count)
{
    put_map(out, 4);
    put_atom(out, "__struct__");
    put_atom(out, "Elixir.Grove.Sequence.RGA");
    put_atom(out, "clock");
    put_uint(out, 9);
    put_atom(out, "elements");
    put_map(out, count);
    for (uint32_t i = first; i < first + count; i++)
        buf_put(out, buf_bytes(&elements[i]));
    put_atom(out, "tombstones");
    buf_put(out, term_of("#{'__struct__' => 'Elixir.MapSet', map => #{}}"));
}

static void merge_some(struct crdt *c, const struct buf *elements, uint32_t first, uint32_t count)
{
    struct buf out = {0};
    bool changed;
    put_struct(&out, elements, first, count);
    CU_ASSERT(crdt_merge(c, wall(buf_bytes(&out)), NULL, &changed) == OK && changed);
    crdt_check(c);
    buf_free(&out);
}

static void make_elements(struct buf *elements, uint32_t variety)
{
    struct sender s = {0};
    for (uint32_t n = 0; n < ELEMENTS; n++) {
        if (random_below(100) < variety)
            s = (struct sender){random_below(4), random_below(4), random_below(3) == 0,
                                random_below(3) == 0, random_below(3) == 0};
        struct bytes prev = n == 0 || random_below(8) == 0 ? term_of("head") : id_of(n - 1);
        put_element(&elements[n], &s, id_of(n), prev, n);
    }
}

static void reads_together_what_it_reads_alone(void)
{
    for (uint32_t round = 0; round < 60; round++) {
        struct buf elements[ELEMENTS] = {0};
        struct crdt *together = empty(type(), "a"), *alone = empty(type(), "a");
        make_elements(elements, round);
        merge_some(together, elements, 0, ELEMENTS);
        for (uint32_t n = 0; n < ELEMENTS; n++)
            merge_some(alone, elements, n, 1);
        CU_ASSERT(equivalent(together, alone));
        crdt_free(together);
        crdt_free(alone);
        for (uint32_t n = 0; n < ELEMENTS; n++)
            buf_free(&elements[n]);
    }
}

/* Reads elements with one reader, and each with a new one. */
static void same_verdicts(struct bytes checked, uint32_t count)
{
    struct etf_in in = etf_open(checked), same = in;
    struct rga_reader reader = {0};
    struct rga_item item, again;
    enum err e = OK;
    for (; e == OK && count > 0; count--) {
        struct rga_reader fresh = {0};
        e = rga_read(&reader, NULL, &in, &item);
        CU_ASSERT_FATAL(rga_read(&fresh, NULL, &same, &again) == e);
        if (e == OK) {
            CU_ASSERT(in.at == same.at && item.at_head == again.at_head);
            CU_ASSERT(item.time.time_ms == again.time.time_ms);
            CU_ASSERT(item.time.counter == again.time.counter);
            CU_ASSERT(bytes_equal(item.terms.value, again.terms.value));
            CU_ASSERT(bytes_equal(item.terms.extras, again.terms.extras));
            CU_ASSERT(bytes_equal(item.terms.time_extras, again.terms.time_extras));
        }
        rga_reader_close(&fresh);
    }
    rga_reader_close(&reader);
}

static void refuses_together_what_it_refuses_alone(void)
{
    for (uint32_t round = 0; round < 4; round++) {
        struct buf elements[ELEMENTS] = {0}, all = {0};
        make_elements(elements, 0);
        for (uint32_t n = 0; n < 6; n++)
            buf_put(&all, buf_bytes(&elements[n]));
        for (size_t i = elements[0].len; i < all.len; i++) {
            static const uint8_t changes[] = {1, 3, 9, 128, 255};
            uint8_t change = changes[random_below(sizeof(changes))];
            all.at[i] ^= change;
            size_t at = 0, len, terms = 0;
            for (; at < all.len; at += len, terms++) {
                if (etf_check((struct bytes){all.at + at, all.len - at}, &len) != OK)
                    break;
            }
            if (at == all.len && terms % 2 == 0)
                same_verdicts(wall(buf_bytes(&all)), (uint32_t)terms / 2);
            all.at[i] ^= change;
        }
        buf_free(&all);
        for (uint32_t n = 0; n < ELEMENTS; n++)
            buf_free(&elements[n]);
    }
}

/* What a coppice writes needs no search for names, not even the first element. */
static void knows_its_own_layout(void)
{
    struct crdt *c = make(type(), "a", "[{insert, [x, head]}, {insert_at, [1, <<\"yz\">>]}]");
    const struct rga *r = (const struct rga *)c;
    for (uint32_t i = 0; i < r->elements.count; i++) {
        struct buf out = {0};
        struct rga_reader reader = {0};
        struct rga_item item;
        rga_put(&out, r, i);
        struct etf_in in = etf_open(buf_bytes(&out));
        CU_ASSERT(rga_read(&reader, NULL, &in, &item) == OK && etf_finish(&in) == OK);
        CU_ASSERT(!reader.has_learned);
        rga_reader_close(&reader);
        buf_free(&out);
    }
    crdt_free(c);
}

SUITE("rga_layout", TEST(knows_its_own_layout), TEST(reads_together_what_it_reads_alone),
      TEST(refuses_together_what_it_refuses_alone))
