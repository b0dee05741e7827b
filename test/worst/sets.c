/* Sets and registers. */
#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "err.h"
#include "line.h"

/* --- ORSet ------------------------------------------------------------------------- */

/* One element with n tags. */
static void added_often(unsigned n)
{
    put_batch("add", n, true);
    rig_feed(0);
    must(crdt_tags(state_of_r()).most == n);
}

static void remove_it(unsigned n)
{
    (void)n;
    put_batch("remove", 1, true);
}

static void all_removed(unsigned n)
{
    must(crdt_tags(state_of_r()).all == 0 && crdt_tombstones(state_of_r()) == n);
}

/* Each of n tags is on 17 elements. */
static void crowded(unsigned n)
{
    size_t at = begin_delta();
    put_or_set(&rig.out, 17 * n);
    for (unsigned i = 0; i < 17 * n; i++)
        put_or_set_entry(&rig.out, i, i / 17);
    put_or_set_rest(&rig.out, 0);
    rig_end(at);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == 17 * n);
}

static void remove_first_of_each(unsigned n)
{
    size_t at = begin_mutation(1);
    put_list(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_op(&rig.out, "remove", 1);
        put_uint(&rig.out, 17 * i);
        put_nil(&rig.out);
    }
    put_nil(&rig.out);
    rig_end(at);
}

/* n elements with the same tag, and its tombstone. */
static void one_tag(unsigned n)
{
    size_t at = begin_delta();
    put_or_set(&rig.out, n);
    for (unsigned i = 0; i < n; i++)
        put_or_set_entry(&rig.out, i, 1);
    put_or_set_rest(&rig.out, 0);
    rig_end(at);
    at = begin_delta();
    put_or_set(&rig.out, 0);
    put_or_set_rest(&rig.out, 1);
    put_tag(&rig.out, 1);
    put_mapset_end(&rig.out);
    rig_end(at);
}

static void none_left(unsigned n)
{
    (void)n;
    must(crdt_elements(state_of_r()) == 0);
}

static uint32_t first(uint32_t i)
{
    (void)i;
    return 1;
}

/* The same tombstone, n times. */
static void one_tombstone(unsigned n)
{
    put_tombstones(n, first);
}

static void tombstones(unsigned n)
{
    put_tombstones(n, scramble);
}

static void are_there(unsigned n)
{
    must(crdt_tombstones(state_of_r()) == n);
}

/* n elements come in small deltas, and go in as many. */
static void small_deltas(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_delta();
        put_or_set(&rig.out, 1);
        put_or_set_entry(&rig.out, i, i);
        put_or_set_rest(&rig.out, 1);
        put_tag(&rig.out, i / 2);
        put_mapset_end(&rig.out);
        rig_end(at);
    }
}

/* --- GSet --------------------------------------------------------------------------- */

static void small_elements(unsigned n)
{
    put_gset(n, itself);
}

static void elements_are_there(unsigned n)
{
    must(crdt_elements(state_of_r()) == n);
}

static struct buf table;

static void put_table(unsigned n)
{
    put_gset_struct(n, itself);
    table = rig.out;
    rig.out = (struct buf){0};
}

static void load_table(unsigned n)
{
    rig_load(buf_bytes(&table));
    buf_free(&table);
    must(crdt_elements(state_of_r()) == n);
}

/* --- GCounter ------------------------------------------------------------------------ */

/* n actors that count for the first time, in deltas of their own, the last one first. */
static void actors(unsigned n)
{
    for (unsigned i = n; i-- > 0;) {
        size_t at = begin_delta();
        put_struct(&rig.out, "Elixir.Grove.Counter.GCounter", 3);
        put_actor(&rig.out, "actor");
        put_key(&rig.out, "counts");
        put_map(&rig.out, 1);
        put_uint(&rig.out, i);
        put_uint(&rig.out, 1);
        put_key(&rig.out, "delta_buffer");
        put_map(&rig.out, 0);
        rig_end(at);
    }
}

/* n actors have counted. */
static void counts(unsigned n)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Counter.GCounter", 3);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "counts");
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        put_uint(&rig.out, 1);
    }
    put_key(&rig.out, "delta_buffer");
    put_map(&rig.out, 0);
    rig_end(at);
}

static void counted(unsigned n)
{
    counts(n);
    rig_feed(0);
    must(crdt_actors(state_of_r()) == n);
}

static void one_actor_more(unsigned n)
{
    (void)n;
    size_t at = begin_mutation(1);
    put_atom(&rig.out, "increment");
    rig_end(at);
    call_of_r(2, "value");
}

/* --- TwoPSet ------------------------------------------------------------------------- */

static uint32_t odd(uint32_t i)
{
    return 2 * i + 1;
}

/* n elements that were added, half as many that were removed. */
static void two_sets(unsigned n)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Set.TwoPSet", 3);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "added");
    put_gset_struct(n, itself);
    put_key(&rig.out, "removed");
    put_gset_struct(n / 2, odd);
    rig_end(at);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

/* --- DVVSet -------------------------------------------------------------------------- */

static void put_dvv_head(uint32_t actors_in_context, uint32_t context)
{
    put_struct(&rig.out, "Elixir.Grove.Set.DVVSet", 5);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "clock");
    put_map(&rig.out, 0);
    put_key(&rig.out, "context");
    put_map(&rig.out, actors_in_context);
    for (uint32_t i = 0; i < actors_in_context; i++) {
        put_uint(&rig.out, i);
        put_uint(&rig.out, context);
    }
    put_no_buffer(&rig.out);
    put_key(&rig.out, "entries");
}

/* n elements, each with dots of two actors out of many. */
static void dvv_elements(unsigned n)
{
    size_t at = begin_delta();
    put_dvv_head(0, 0);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        put_map(&rig.out, 2);
        put_uint(&rig.out, i % 1000);
        put_uint(&rig.out, i + 1);
        put_uint(&rig.out, 1000);
        put_uint(&rig.out, i + 1);
    }
    rig_end(at);
}

static void dvv_actors(unsigned n)
{
    size_t at = begin_delta();
    put_dvv_head(n, 1);
    put_map(&rig.out, 0);
    rig_end(at);
}

static void dvv_state(unsigned n)
{
    dvv_elements(n);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

/* All elements go at once. */
static void dvv_all_gone(unsigned n)
{
    size_t at = begin_delta();
    put_dvv_head(1001, n);
    put_map(&rig.out, 0);
    rig_end(at);
}

/* Elements that this replica has added, the last of which it removes: all others get new dots. */
static void own_elements(unsigned n)
{
    put_batch("add", n, false);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

static void remove_last(unsigned n)
{
    size_t at = begin_mutation(1);
    put_op(&rig.out, "remove", 1);
    put_uint(&rig.out, n - 1);
    put_nil(&rig.out);
    rig_end(at);
}

/* Contexts that rise by one, as often as there are elements. */
static void dvv_contexts(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_delta();
        put_dvv_head(1, i + 1);
        put_map(&rig.out, 0);
        rig_end(at);
    }
}

/* An element with a dot of each of n actors, told again and again by one more. */
static void dvv_dots(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_delta();
        put_dvv_head(0, 0);
        put_map(&rig.out, 1);
        put_uint(&rig.out, 1);
        put_map(&rig.out, 1);
        put_uint(&rig.out, i);
        put_uint(&rig.out, 1);
        rig_end(at);
    }
}

/* --- MVRegister ---------------------------------------------------------------------- */

/* So many values from the first on, each with a clock of its own actor and of so many others. */
static void put_values(uint32_t first, uint32_t count, uint32_t others)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Register.MVRegister", 4);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "clock");
    put_map(&rig.out, 0);
    put_no_buffer(&rig.out);
    put_key(&rig.out, "values");
    put_map(&rig.out, count);
    for (uint32_t i = first; i < first + count; i++) {
        put_tuple(&rig.out, 2);
        put_uint(&rig.out, i);
        put_map(&rig.out, others + 1);
        for (uint32_t k = 0; k < others; k++) {
            put_uint(&rig.out, k);
            put_uint(&rig.out, 1);
        }
        put_uint(&rig.out, 10000000 + i);
        put_uint(&rig.out, 1);
        put_bool(&rig.out, true);
    }
    rig_end(at);
}

/* n values of LIMIT_CONCURRENT_VALUES. */
static void values(unsigned n)
{
    put_values(0, n, 150);
}

static void clocks(unsigned n)
{
    put_values(0, 1000, n);
}

/* A register with 500 values, each with a clock of n other actors. */
static void many_values(unsigned n)
{
    put_values(0, 500, n);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == 500);
}

/* Values one by one, in small deltas. */
static void values_one_by_one(unsigned n)
{
    for (unsigned i = 0; i < 100; i++)
        put_values(500 + i, 1, 1);
    (void)n;
}

/* Many at once, with small clocks; and ten with clocks as large as those before. */
static void small_values_at_once(unsigned n)
{
    put_values(500, 500, 1);
    (void)n;
}

static void large_values_at_once(unsigned n)
{
    put_values(500, 10, n);
}

/* One value, and others that were written before it. */
static void one_value(unsigned n)
{
    put_values(0, 1, n);
    rig_feed(0);
}

static void older_values(unsigned n)
{
    for (unsigned i = 0; i < 100; i++)
        put_values(0, 1, 0);
    (void)n;
}

static void is_one(unsigned n)
{
    (void)n;
    must(crdt_elements(state_of_r()) == 1);
}

#define OR_SET REPLICA("or_set")
#define STORED                                                                                     \
    "{epmd, false}. {replica, r, #{crdt => gset, actor => a, storage => #{file => \"r.dets\"}}}."

const struct line set_lines[] = {
    {"added_often", "tags of the element removed", OR_SET, 4000, 60000, .prepare = added_often,
     .put = remove_it, .check = all_removed},
    {"crowded_tags", "tags on 17 elements", OR_SET, 100, 10000, .prepare = crowded,
     .put = remove_first_of_each},
    {"one_tag", "elements with one tag, buried", OR_SET, 500, 20000, .put = one_tag,
     .check = none_left},
    {"one_tombstone", "times the same tombstone", OR_SET, 4000, 150000, .put = one_tombstone},
    {"tombstones", "tombstones of no element", OR_SET, 2000, 80000, .put = tombstones,
     .check = are_there},
    {"small_deltas", "deltas of one element", OR_SET, 200, 3000, .put = small_deltas},
    {"small_elements", "small elements", REPLICA("gset"), 4000, 170000, .put = small_elements,
     .check = elements_are_there},
    {"table", "elements loaded at the start", STORED, 4000, 170000, .put = put_table,
     .then = load_table},
    {"counts", "actors of a counter", REPLICA("gcounter"), 2000, 100000, .put = counts},
    {"counter_value", "actors, one more and the value", REPLICA("gcounter"), 2000, 100000,
     .prepare = counted, .put = one_actor_more},
    {"two_sets_value", "elements of a TwoPSet, its value", REPLICA("two_p_set"), 2000, 100000,
     .prepare = two_sets, .put = put_value_call, .check = value_is_told},
    {"actors", "deltas of a new actor", REPLICA("gcounter"), 400, 7000, .put = actors},
    {"dvv_elements", "elements with two dots", REPLICA("dvv_set"), 1000, 40000,
     .put = dvv_elements},
    {"dvv_actors", "actors in a context", REPLICA("dvv_set"), 4000, 150000, .put = dvv_actors},
    {"dvv_all_gone", "elements dropped by a context", REPLICA("dvv_set"), 1000, 40000,
     .prepare = dvv_state, .put = dvv_all_gone, .check = none_left},
    {"dvv_remove_last", "elements, the last is removed", REPLICA("dvv_set"), 1000, 40000,
     .prepare = own_elements, .put = remove_last},
    {"dvv_contexts", "contexts that rise by one", REPLICA("dvv_set"), 300, 5000,
     .prepare = dvv_state, .put = dvv_contexts},
    {"dvv_value", "elements, their value", REPLICA("dvv_set"), 2000, 100000, .prepare = dvv_state,
     .put = put_value_call, .check = value_is_told},
    {"dvv_dots", "dots of one element", REPLICA("dvv_set"), 300, 5000, .put = dvv_dots},
    {"values", "values with 150 actors", REPLICA("mv_register"), 50, 1000, .put = values},
    {"clocks", "actors of 1000 values", REPLICA("mv_register"), 10, 150, .put = clocks},
    {"one_value_more", "actors of 500 values before", REPLICA("mv_register"), 5, 400,
     .prepare = many_values, .put = values_one_by_one},
    {"small_values_more", "actors of 500 values before", REPLICA("mv_register"), 5, 400,
     .prepare = many_values, .put = small_values_at_once},
    {"large_values_more", "actors of 510 values", REPLICA("mv_register"), 5, 400,
     .prepare = many_values, .put = large_values_at_once},
    {"older_values", "actors of the value before", REPLICA("mv_register"), 500, 90000,
     .prepare = one_value, .put = older_values, .check = is_one},
    {NULL},
};
