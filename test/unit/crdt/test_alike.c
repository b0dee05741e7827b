#include "crdt/alike.h"

#include "unit/crdt/maps.h"

#define UNKNOWN_TYPE "#{'__struct__' => 'Elixir.Grove.Set.Other', elements => 1}"
#define WITHOUT_BUFFER                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => b, counts => #{b => 7}}"
#define WITH_MORE                                                                                  \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => b, counts => #{b => 8}, "         \
    "delta_buffer => #{}, hue => red}"
/* More that begins like a counter, and lacks what is needed. */
#define WITHOUT_COUNTS                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => b, other => #{b => 7}, "          \
    "delta_buffer => #{}}"

/* A counter whose fields come in another order, with the module last: as encoded. */
static struct bytes reordered(void)
{
    static struct buf out;
    buf_clear(&out);
    put_map(&out, 4);
    put_atom(&out, "counts");
    put_map(&out, 1);
    put_atom(&out, "c");
    put_uint(&out, 70000);
    put_atom(&out, "delta_buffer");
    put_map(&out, 0);
    put_atom(&out, "actor");
    put_atom(&out, "c");
    put_atom(&out, "__struct__");
    put_atom(&out, "Elixir.Grove.Counter.GCounter");
    return buf_bytes(&out);
}

/* What alike_read() should say. */
static enum err read_alone(struct parsed *r, struct bytes whole)
{
    const struct crdt_type *type = crdt_type_of(whole);
    *r = (struct parsed){0};
    return type != NULL ? crdt_parse(r, type, whole) : ERR_SHAPE;
}

static void reads(struct alike *a, struct etf_in *in, struct bytes whole)
{
    struct parsed r, wanted;
    enum err e = alike_read(a, in, &r);
    CU_ASSERT(e == read_alone(&wanted, whole));
    CU_ASSERT(in->at == whole.at + whole.len && in->err == OK);
    for (unsigned i = 0; e == OK && i < CRDT_FIELDS_MAX; i++) {
        CU_ASSERT(r.values[i].len == wanted.values[i].len);
        CU_ASSERT(r.values[i].len == 0 || r.values[i].at == wanted.values[i].at);
    }
    CU_ASSERT(e != OK || r.type == wanted.type);
    CU_ASSERT(bytes_equal(buf_bytes(&r.extras), buf_bytes(&wanted.extras)));
    parsed_free(&r);
    parsed_free(&wanted);
}

/* Each of these after each other one, twice. */
static void reads_as_if_it_were_alone(void)
{
    static const char *const texts[] = {GCOUNTER(""),
                                        GCOUNTER("a => 1, b => 2"),
                                        GSET("x => []"),
                                        ORMAP(NO_KEYS, "x => " GCOUNTER("")),
                                        WITHOUT_BUFFER,
                                        WITH_MORE,
                                        WITHOUT_COUNTS,
                                        UNKNOWN_TYPE,
                                        "#{}",
                                        "[]",
                                        NULL};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    struct buf all = {0};
    size_t ends[4 * TEXTS * TEXTS], count = 0;
    for (size_t i = 0; i < (size_t)TEXTS * TEXTS; i++) {
        const char *pair[] = {texts[i / TEXTS], texts[i % TEXTS]};
        for (size_t k = 0; k < 4; k++) {
            buf_put(&all, pair[k / 2] != NULL ? term_of(pair[k / 2]) : reordered());
            ends[count++] = all.len;
        }
    }
    struct alike a = {0};
    struct etf_in in = etf_open(buf_bytes(&all));
    for (size_t i = 0, from = 0; i < count; from = ends[i++])
        reads(&a, &in, (struct bytes){all.at + from, ends[i] - from});
    CU_ASSERT(etf_finish(&in) == OK);
    buf_free(&all);
}

SUITE("alike", TEST(reads_as_if_it_were_alone))
