/* One peer's clock is at its end.  What others do after it has joined must still take effect, in
 * order, and nothing be issued twice. */
#include "crdt/rga/rga.h"
#include "limits.h"
#include "unit/crdt/rga_texts.h"

#define END "9223372036854775807"
#define NOW UINT64_C(1700000000000)

#define SET(elements) "#{'__struct__' => 'Elixir.MapSet', map => #{" elements "}}"
#define ORSET(counter, entries, tombstones)                                                        \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => " counter                  \
    ", delta_buffer => nil, entries => #{" entries "}, tombstones => " SET(tombstones) "}"
#define ORMAP(keys)                                                                                \
    "#{'__struct__' => 'Elixir.Grove.Map.ORMap', actor => z, delta_buffer => nil, keys => " keys   \
    ", values => #{}}"

/* --- sequences -------------------------------------------------------------------------- */

/* At the end of time; at the end of what is followed, a hundred years after NOW, in its last
 * counter. */
static const char *const stamps[] = {
    STAMP_TEXT("z", "9223372036854775807", "4294967295", ""),
    STAMP_TEXT("z", "4853600000000", "4294967295", ""),
    STAMP_TEXT("z", "4853600000001", "0", ""),
};

static struct crdt *with_element(const char *actor, const char *stamp)
{
    char text[1024];
    snprintf(text, sizeof(text),
             RGA("z", 9223372036854775807, ELEMENT("{z,1}", HEAD, "%s", "z", ""), ""), stamp);
    return of(actor, text);
}

/* Two replicas insert by turns, each after what the other has sent: in that order, behind each
 * other. */
static void inserts_stay_in_order(void)
{
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        struct crdt *a = with_element("a", stamps[i]), *b = with_element("b", stamps[i]);
        size_t bad;
        laws_wall_ms = NOW;
        for (int n = 0; n < 3; n++) {
            CU_ASSERT(mutate(a, "[{insert, [1, head]}, {insert, [2, head]}]", &bad) == OK);
            join(b, a);
            CU_ASSERT(mutate(b, "{insert, [3, head]}", &bad) == OK);
            join(a, b);
        }
        struct crdt *others = empty(type(), "c");
        join(others, a);
        CU_ASSERT(mutate(others, "{remove, [{z, 1}]}", &bad) == OK);
        is(others, crdt_value, "[1, 2, 3, 1, 2, 3, 1, 2, 3]");
        crdt_free(others);
        CU_ASSERT(((struct rga *)a)->elements.present == 10 && equivalent(a, b));
        for (uint32_t j = 0; j < 10; j++)
            CU_ASSERT(mutate(a, "{insert_at, [1, x]}", &bad) == OK);
        CU_ASSERT(mutate(a, "{insert, [x, {z, 1}]}", &bad) == OK);
        crdt_free(a);
        crdt_free(b);
    }
}

/* A clock of ids at its end, and ids of our own that we never issued. */
static void ids_do_not_run_out(void)
{
    struct crdt *c = of("a", RGA("z", 9223372036854775807, "", TOMBSTONE(a, 9223372036854775807)));
    is(c, crdt_state, RGA("a", 4611686018427387904, "", TOMBSTONE(a, 9223372036854775807)));
    replies(c,
            "[{insert, [x, head]}, {insert, [y, {a, 9223372036854775806}]}, {insert, [z, head]}]",
            "[{a, 4611686018427387905}, {a, 4611686018427387906}, {a, 4611686018427387907}]");
    struct crdt *again = empty(type(), "a");
    join(again, c);
    CU_ASSERT(equivalent(again, c));
    replies(again, "{insert, [z, head]}", "[{a, 4611686018427387908}]");
    crdt_free(again);
    crdt_free(c);
}

/* --- sets and maps ---------------------------------------------------------------------- */

static void tags_do_not_run_out(void)
{
    const struct crdt_type *set = crdt_type_named(BYTES("or_set"));
    struct crdt *c = empty(set, "a"), *again = empty(set, "a");
    bool changed;
    size_t bad;
    CU_ASSERT(crdt_merge(c, term_of(ORSET(END, "", "{a, " END "} => []")), NULL, &changed) == OK);
    CU_ASSERT(mutate(c, "[{add, [x]}, {remove, [x]}, {add, [y]}]", &bad) == OK);
    is(c, crdt_state,
       ORSET("4611686018427387904", "y => " SET("{a, 4611686018427387906} => []"),
             "{a, 4611686018427387905} => [], {a, " END "} => []"));
    join(again, c);
    CU_ASSERT(equivalent(again, c));
    CU_ASSERT(mutate(again, "{add, [z]}", &bad) == OK);
    join(c, again);
    is(c, crdt_value, SET("y => [], z => []"));
    crdt_free(again);
    crdt_free(c);
}

static void keys_do_not_run_out(void)
{
    struct crdt *c = empty(crdt_type_named(BYTES("or_map")), "a");
    bool changed;
    size_t bad;
    CU_ASSERT(crdt_merge(c, term_of(ORMAP(ORSET(END, "", ""))), NULL, &changed) == OK);
    CU_ASSERT(mutate(c, "[{put, [k, gcounter]}, {put, [l, gcounter]}]", &bad) == OK);
    CU_ASSERT(mutate(c, "{update, [k, increment]}", &bad) == OK);
    crdt_free(c);
}

/* --- clocks of one actor each ------------------------------------------------------------- */

/* Those of one actor are nobody else's. */
static void others_are_not_affected(void)
{
    static const struct {
        const char *type, *state, *op, *value;
    } rows[] = {
        {"mv_register",
         "#{'__struct__' => 'Elixir.Grove.Register.MVRegister', actor => z, clock => #{z => " END
         "}, delta_buffer => nil, values => #{{1, #{z => " END "}} => true}}",
         "[{set, [2]}, {set, [3]}]", "[3]"},
        {"dvv_set",
         "#{'__struct__' => 'Elixir.Grove.Set.DVVSet', actor => z, clock => #{z => " END
         "}, context => #{z => " END "}, delta_buffer => nil, entries => #{}}",
         "[{add, [2]}, {add, [3]}, {remove, [2]}]", SET("3 => []")},
        {"gcounter",
         "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => z, counts => #{z => " END
         "}, delta_buffer => #{}}",
         "[increment, {increment, [" END "]}]", "18446744073709551615"},
        {"lww_register",
         "#{'__struct__' => 'Elixir.Grove.Register.LWWRegister', actor => z, delta_dirty => false, "
         "timestamp => " END END ", value => 1}",
         "[{set, [2]}, {set, [3]}]", "3"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct crdt_type *any = crdt_type_named(bytes_of(rows[i].type));
        struct crdt *c = empty(any, "a"), *peer = empty(any, "b");
        bool changed;
        size_t bad;
        CU_ASSERT(crdt_merge(c, term_of(rows[i].state), NULL, &changed) == OK);
        join(peer, c);
        CU_ASSERT(mutate(c, rows[i].op, &bad) == OK);
        join(peer, c);
        is(c, crdt_value, rows[i].value);
        is(peer, crdt_value, rows[i].value);
        crdt_free(peer);
        crdt_free(c);
    }
}

/* The text of an operation with the largest number that takes this many bytes. */
static struct buf with_number(const char *before, size_t bytes, const char *after)
{
    struct buf text = {0};
    buf_printf(&text, "%s16#", before);
    for (size_t i = 0; i < bytes; i++)
        buf_printf(&text, "ff");
    buf_printf(&text, "%s", after);
    buf_put_u8(&text, 0);
    return text;
}

/* No caller can bring a count, or a timestamp, to its end. */
static void callers_leave_room(void)
{
    static const struct {
        const char *type, *before, *after, *next;
        size_t bytes;
    } rows[] = {
        {"gcounter", "{increment, [", "]}", "increment", LIMIT_INCREMENT_BYTES - 6},
        {"pncounter", "{decrement, [", "]}", "decrement", LIMIT_INCREMENT_BYTES - 6},
        {"lww_register", "{set, [x, ", "]}", "{set, [y]}", LIMIT_SET_TIMESTAMP_BYTES - 6},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crdt *c = empty(crdt_type_named(bytes_of(rows[i].type)), "a");
        struct buf most = with_number(rows[i].before, rows[i].bytes, rows[i].after);
        struct buf more = with_number(rows[i].before, rows[i].bytes + 1, rows[i].after);
        size_t bad;
        CU_ASSERT(mutate(c, (const char *)more.at, &bad) == ERR_LIMIT && bad == 0);
        for (int n = 0; n < 20; n++) {
            CU_ASSERT(mutate(c, (const char *)most.at, &bad) == OK);
            CU_ASSERT(mutate(c, rows[i].next, &bad) == OK);
        }
        buf_free(&most);
        buf_free(&more);
        crdt_free(c);
    }
}

SUITE("far_clocks", TEST(inserts_stay_in_order), TEST(ids_do_not_run_out),
      TEST(tags_do_not_run_out), TEST(keys_do_not_run_out), TEST(others_are_not_affected),
      TEST(callers_leave_room))
