#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "store/record.h"
#include "term/canon.h"
#include "term/head.h"
#include "term/write.h"
#include "unit/suite.h"

/* The results of record_read(). */
struct read {
    enum err e;
    struct bytes state;
    struct buf memory, rest;
    uint32_t rest_count;
    enum record_form form;
};

static struct read read_object(struct bytes object)
{
    struct read r = {0};
    r.e = record_read(wall(object), &r.memory, &r.state, &r.rest, &r.rest_count, &r.form);
    if (r.e != OK)
        CU_ASSERT(r.state.len == 0 && r.rest.len == 0);
    return r;
}

static void read_free(struct read *r)
{
    buf_free(&r->memory);
    buf_free(&r->rest);
}

static struct bytes canonical(struct buf *out, struct bytes term)
{
    CU_ASSERT(canon_put(out, term) == OK);
    return buf_bytes(out);
}

static struct bytes recorded(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "store/%s.etf", name);
    return vector(path);
}

/* The struct in all recorded objects. */
static struct bytes state(void)
{
    struct bytes external = recorded("state");
    return (struct bytes){external.at + 1, external.len - 1};
}

struct shape {
    const char *name;
    enum record_form form;
    const char *rest; /* as a list; NULL: none, or not checked */
    uint32_t rest_count;
};

static const struct shape shapes[] = {
    {"state_raw", RECORD_RAW, NULL, 0},
    {"state_encoded", RECORD_ENCODED, NULL, 0},
    {"state_packed", RECORD_ENCODED, NULL, 0},
    {"state_third", RECORD_RAW, "[1718000000000]", 1},
    {"state_packed_third", RECORD_ENCODED, "[#{saved_at => 17}, [more]]", 2},
    {"state_object_packed", RECORD_RAW, NULL, 0},
    {"state_both_packed", RECORD_ENCODED, NULL, 1},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void reads_records_of_a_beam(void)
{
    for (size_t i = 0; i < SHAPES; i++) {
        struct read r = read_object(recorded(shapes[i].name));
        struct buf got = {0}, wanted = {0}, rest = {0};
        CU_ASSERT_EQUAL_FATAL(r.e, OK);
        CU_ASSERT_EQUAL(r.form, shapes[i].form);
        CU_ASSERT_EQUAL(r.rest_count, shapes[i].rest_count);
        ASSERT_TERM(canonical(&got, r.state), canonical(&wanted, state()));
        if (shapes[i].rest != NULL) {
            put_list(&rest, r.rest_count);
            buf_put(&rest, buf_bytes(&r.rest));
            put_nil(&rest);
            buf_clear(&got);
            ASSERT_TERM(canonical(&got, buf_bytes(&rest)), term_of(shapes[i].rest));
        }
        buf_free(&got);
        buf_free(&wanted);
        buf_free(&rest);
        read_free(&r);
    }
}

/* Writing what was read, in the same form, gives the bytes of the BEAM. */
static void writes_the_bytes_of_a_beam(void)
{
    /* Older releases encode atoms in Latin-1, which is not canonical. */
    struct bytes group = hex("6802 6400057669657773 6d0000000470616765");
    static const char *const same[] = {"state_raw", "state_packed", "state_third",
                                       "state_packed_third", "state_small"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct read r = read_object(recorded(same[i]));
        struct buf out = {0};
        record_put(&out, group, r.state, buf_bytes(&r.rest), r.rest_count, r.form);
        CU_ASSERT(bytes_equal(buf_bytes(&out), recorded(same[i])));
        buf_free(&out);
        read_free(&r);
    }
}

static void refuses_other_objects(void)
{
    static const struct {
        const char *object;
        enum err e;
    } wrong[] = {
        {"", ERR_SHORT},
        {"83", ERR_SHORT},
        {"84 6a", ERR_TAG},
        {"83 6a", ERR_SHAPE},
        {"83 6801 6101", ERR_SHAPE},
        {"83 6802 6101", ERR_SHORT},
        {"83 6802 6101 6102", ERR_SHAPE},                            /* a number */
        {"83 6802 6101 6a", ERR_SHAPE},                              /* a list */
        {"83 6802 6101 6d00000000", ERR_SHAPE},                      /* an empty binary */
        {"83 6802 6101 6d00000003 616263", ERR_SHAPE},               /* a text */
        {"83 6802 6101 4d00000002 07 8380", ERR_SHAPE},              /* a bit string */
        {"83 6802 6101 6d00000001 83", ERR_SHORT},                   /* nothing after 131 */
        {"83 6802 6101 6d00000002 836a", ERR_SHAPE},                 /* [] in a binary */
        {"83 6802 6101 6d00000006 8374000000ff", ERR_SHORT},         /* a truncated map */
        {"83 6802 6101 6d00000007 837400000000 00", ERR_TRAILING},   /* trailing bytes */
        {"83 6802 6101 6d00000006 8350ffffffff", ERR_LIMIT},         /* "4 GB" */
        {"83 6802 6101 6d0000000a 835000000005 01020304", ERR_ZLIB}, /* no stream */
        {"83 6802 6101 7400000000 00", ERR_TRAILING},
        {"83 6803 6101 7400000000", ERR_SHORT},
        {"83 69ffffffff 6101 7400000000", ERR_SHORT},
        {"83 50 00000005 01020304", ERR_ZLIB},
        {"83 50 ffffffff 01020304", ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct read r = read_object(hex(wrong[i].object));
        CU_ASSERT_EQUAL(r.e, wrong[i].e);
        if (r.e != wrong[i].e)
            fprintf(stderr, "\n    %s: %s\n", wrong[i].object, err_text(r.e));
        read_free(&r);
    }
}

/* The empty map is accepted as a state, so the objects above are refused for what they lack. */
static void accepts_the_smallest_record(void)
{
    struct read r = read_object(hex("83 6802 6101 7400000000"));
    CU_ASSERT_EQUAL(r.e, OK);
    read_free(&r);
    r = read_object(hex("83 6802 6101 6d00000006 837400000000"));
    CU_ASSERT_EQUAL(r.e, OK);
    read_free(&r);
}

/* A state nested too deeply for this node is refused, an element that is only kept is not. */
static void limits_only_the_state(void)
{
    struct buf deep = {0}, object = {0};
    for (unsigned i = 0; i < LIMIT_TERM_DEPTH + 10; i++)
        put_tuple(&deep, 1);
    put_nil(&deep);
    put_version(&object);
    put_tuple(&object, 3);
    put_atom(&object, "group");
    put_map(&object, 0);
    buf_put(&object, buf_bytes(&deep));
    struct read r = read_object(buf_bytes(&object));
    CU_ASSERT_EQUAL(r.e, OK);
    CU_ASSERT(bytes_equal(buf_bytes(&r.rest), buf_bytes(&deep)));
    read_free(&r);
    buf_clear(&object);
    put_version(&object);
    put_tuple(&object, 2);
    put_atom(&object, "group");
    put_map(&object, 1);
    put_nil(&object);
    buf_put(&object, buf_bytes(&deep));
    r = read_object(buf_bytes(&object));
    CU_ASSERT_EQUAL(r.e, ERR_LIMIT);
    read_free(&r);
    buf_free(&object);
    buf_free(&deep);
}

static void refuses_every_prefix(void)
{
    for (size_t i = 0; i < SHAPES; i++) {
        struct bytes object = recorded(shapes[i].name);
        for (size_t cut = 0; cut < object.len; cut++) {
            struct read r = read_object((struct bytes){object.at, cut});
            CU_ASSERT(r.e != OK);
            read_free(&r);
        }
    }
}

/* What is accepted is always a valid map. */
static void survives_random_damage(void)
{
    srand(3);
    for (unsigned round = 0; round < 8000; round++) {
        struct bytes object = recorded(shapes[round % SHAPES].name);
        struct buf copy = {0};
        buf_put(&copy, object);
        for (unsigned hits = 1 + round % 3; hits > 0; hits--)
            copy.at[(size_t)rand() % copy.len] = (uint8_t)rand();
        struct read r = read_object(buf_bytes(&copy));
        size_t len;
        if (r.e == OK) {
            CU_ASSERT(etf_check(r.state, &len) == OK && len == r.state.len);
            CU_ASSERT_EQUAL(*r.state.at, TAG_MAP);
        }
        read_free(&r);
        buf_free(&copy);
    }
}

SUITE("record", TEST(reads_records_of_a_beam), TEST(writes_the_bytes_of_a_beam),
      TEST(refuses_other_objects), TEST(accepts_the_smallest_record), TEST(limits_only_the_state),
      TEST(refuses_every_prefix), TEST(survives_random_damage))
