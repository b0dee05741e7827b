#include "crdt/mapset.h"
#include "term/canon.h"
#include "unit/suite.h"

#define SET(map) "#{'__struct__' => 'Elixir.MapSet', map => " map "}"

static struct bytes canonical(struct bytes term, struct buf *out)
{
    buf_clear(out);
    CU_ASSERT(canon_put(out, term) == OK);
    return buf_bytes(out);
}

/* Reads a set and writes it in this form. */
static void rewrite(struct bytes set, enum mapset_form form, struct buf *out)
{
    struct etf_in in;
    uint32_t count = 0;
    CU_ASSERT_FATAL(mapset_read(wall(set), &in, &count) == OK);
    buf_clear(out);
    mapset_put(out, form, count);
    for (uint32_t i = 0; i < count; i++) {
        if (i % 2 == 0) {
            mapset_element(out, mapset_next(&in));
        } else {
            buf_put(out, mapset_next(&in));
            mapset_element_end(out);
        }
    }
    CU_ASSERT(etf_finish(&in) == OK);
    mapset_end(out, form);
}

/* Reads and writes both recorded forms. */
static void agrees_with_elixir(void)
{
    struct bytes file = vector("crdt/mapsets.etf");
    struct etf_in in = etf_open((struct bytes){file.at + 1, file.len - 1});
    struct bytes entry;
    struct buf written = {0}, got = {0}, wanted = {0};
    size_t sets = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &entry); sets++) {
        struct etf_in at = etf_open(entry), elements;
        etf_tuple_of(&at, 3);
        struct bytes versioned = etf_any(&at), plain = etf_any(&at), listed;
        const struct bytes forms[] = {versioned, plain};
        for (size_t i = 0; i < 2; i++) {
            rewrite(forms[i], MAPSET_PLAIN, &written);
            ASSERT_TERM(canonical(buf_bytes(&written), &got), canonical(plain, &wanted));
            rewrite(forms[i], MAPSET_VERSIONED, &written);
            ASSERT_TERM(canonical(buf_bytes(&written), &got), canonical(versioned, &wanted));
            uint32_t count;
            struct etf_in tail = at;
            CU_ASSERT(mapset_read(forms[i], &elements, &count) == OK);
            for (struct etf_list l = etf_list(&tail); etf_next(&l, &listed); count--)
                ASSERT_TERM(canonical(mapset_next(&elements), &got), canonical(listed, &wanted));
            CU_ASSERT(count == 0);
        }
    }
    CU_ASSERT(sets == 3);
    buf_free(&written);
    buf_free(&got);
    buf_free(&wanted);
}

static void refused(const char *given, enum err wanted)
{
    struct etf_in in;
    uint32_t count;
    CU_ASSERT(mapset_read(wall(term_of(given)), &in, &count) == wanted);
}

static void refuses_other_terms(void)
{
    refused("nil", ERR_TYPE);
    refused("#{}", ERR_TYPE);
    refused("#{map => #{}}", ERR_TYPE);
    refused("#{'__struct__' => 'Elixir.HashSet', map => #{}}", ERR_TYPE);
    refused("#{'__struct__' => 'Elixir.MapSet'}", ERR_SHAPE);
    refused(SET("nil"), ERR_SHAPE);
    refused(SET("[a]"), ERR_SHAPE);
    refused(SET("#{a => [], b => true}"), ERR_SHAPE);
    refused(SET("#{a => [], b => [c]}"), ERR_SHAPE);
    refused(SET("#{a => \"\", b => [c | d]}"), ERR_SHAPE);
}

SUITE("mapset", TEST(agrees_with_elixir), TEST(refuses_other_terms))
