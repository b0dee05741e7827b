/* Large states and values: encoded over several wake-ups, all of it of one state, and kept until a
 * change. */
#include "crdt/figures.h"
#include "unit/replica/large.h"
#include "unit/replica/world.h"

#define GSET "#{crdt => gset, group => {set, <<\"v\">>}, sync_interval => 1000, " NO_REPAIR "}"

static void wait_for_joins(void)
{
    while (wakeups_due(&world.wakeups) <= world.turn.now_ms)
        wakeups_ring(&world.wakeups, &world.turn);
}

/* A set of several megabytes. */
static void open_large(void)
{
    struct buf message = {0};
    world_open(GSET);
    replica_settled(world.replica, true, &world.turn);
    put_delta(&message, "gset", "b", 0, LARGE);
    deliver_bytes(buf_bytes(&message));
    wait_for_joins();
    CU_ASSERT(message.len > 2 * LIMIT_ENCODE_BYTES);
    buf_free(&message);
    skip_sent();
}

/* One wake-up, due at once; false when there is none. */
static bool wakes(void)
{
    bool due = wakeups_due(&world.wakeups) <= world.turn.now_ms;
    if (due)
        wakeups_ring(&world.wakeups, &world.turn);
    return due;
}

static bool sent_something(void)
{
    return world.read < world.sent.len;
}

/* The number of elements in the last message, {Tag, {ok, State or Value}}. */
static size_t elements(bool value)
{
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    struct bytes values[CRDT_FIELDS_MAX], set;
    static const char *const fields[] = {"elements", NULL};
    static const struct form form = {"Elixir.Grove.Set.GSet", fields, 1};
    uint32_t count = 0;
    struct etf_in inside;
    etf_tuple_of(&in, 2);
    etf_any(&in);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    set = etf_any(&in);
    CU_ASSERT_FATAL(etf_finish(&in) == OK);
    if (!value) {
        CU_ASSERT_FATAL(struct_read(set, &form, values, NULL) == OK);
        set = values[0];
    }
    CU_ASSERT(mapset_read(set, &inside, &count) == OK);
    skip_sent();
    return count;
}

static void encodes_in_slices(void)
{
    open_large();
    for (int value = 0; value < 2; value++) {
        unsigned steps = 0;
        deliver(value ? CALL(1, "value") : CALL(1, "state"));
        for (; !sent_something(); steps++)
            CU_ASSERT_FATAL(wakes());
        CU_ASSERT(steps > 1);
        CU_ASSERT_EQUAL(elements(value), LARGE);
        CU_ASSERT(!wakes());
        /* It is kept. */
        deliver(value ? CALL(2, "value") : CALL(2, "state"));
        CU_ASSERT_EQUAL(elements(value), LARGE);
    }
    world_close();
}

/* Both at once; and who asks later gets the same. */
static void answers_all_who_wait(void)
{
    open_large();
    deliver(CALL(1, "state"));
    deliver(CALL(2, "value"));
    CU_ASSERT(wakes());
    deliver(CALL(3, "state"));
    SENT_NOTHING();
    wait_for_joins();
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    SENT_PREFIX(THEM(3), "{t3,{ok,");
    SENT_PREFIX(THEM(2), "{t2,{ok,");
    SENT_NOTHING();
    world_close();
}

static void mutations_wait(void)
{
    open_large();
    deliver(CALL(1, "state"));
    deliver(CALL(2, "{mutate, {add, [new]}}"));
    deliver(CALL(3, "{mutate, {add, [newer]}}"));
    SENT_NOTHING();
    CU_ASSERT_EQUAL(status("waiting"), 2);
    while (!sent_something())
        CU_ASSERT_FATAL(wakes());
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    SENT(THEM(2), "{t2, ok}");
    SENT(THEM(3), "{t3, ok}");
    SENT_NOTHING();
    deliver(CALL(4, "state"));
    wait_for_joins();
    CU_ASSERT_EQUAL(elements(false), LARGE + 2);
    world_close();
}

static void deliver_delta(uint32_t first, uint32_t count)
{
    struct buf message = {0};
    put_delta(&message, "gset", "b", first, count);
    CU_ASSERT_FATAL(message.len < LIMIT_SLICE_BYTES);
    deliver_bytes(buf_bytes(&message));
    buf_free(&message);
}

/* The reply has the state from before. */
static void a_small_delta_waits(void)
{
    unsigned steps = 0;
    open_large();
    deliver(CALL(1, "state"));
    deliver_delta(LARGE, 1);
    deliver_delta(LARGE + 1, 1);
    CU_ASSERT_EQUAL(crdt_elements(replica_crdt(world.replica)), LARGE);
    for (; !sent_something(); steps++)
        CU_ASSERT_FATAL(wakes());
    CU_ASSERT(steps > 1);
    CU_ASSERT_EQUAL(elements(false), LARGE);
    CU_ASSERT_EQUAL(crdt_elements(replica_crdt(world.replica)), LARGE + 2);
    CU_ASSERT(!wakes());
    world_close();
}

/* Whoever asks after a delta gets a state that has it, be it the other of the two that are encoded,
 * and be nothing new in it. */
static void who_asks_after_a_delta_gets_it(void)
{
    open_large();
    for (uint32_t news = 0; news < 2; news++) {
        deliver(CALL(1, "state"));
        deliver_delta(LARGE - 1 + news, 1);
        deliver(CALL(2, "state"));
        deliver(CALL(3, "value"));
        while (!sent_something())
            CU_ASSERT_FATAL(wakes());
        SENT_PREFIX(THEM(1), "{t1,{ok,");
        wait_for_joins();
        SENT_PREFIX(THEM(2), "{t2,{ok,");
        SENT_PREFIX(THEM(3), "{t3,{ok,");
        CU_ASSERT_EQUAL(elements(true), LARGE + news);
        SENT_NOTHING();
        deliver(CALL(4, "{mutate, {add, [a]}}")); /* drops what is encoded */
        SENT(THEM(4), "{t4, ok}");
        deliver(CALL(5, "value"));
        wait_for_joins();
        CU_ASSERT_EQUAL(elements(true), LARGE + news + 1);
        world_close();
        open_large();
    }
    world_close();
}

/* All that has come is joined before the replica ends or is suspended. */
static void what_waits_is_joined_in_the_end(void)
{
    open_large();
    deliver(CALL(1, "state"));
    deliver_delta(LARGE, 1);
    processes_finish(process_table(world.replica), &world.turn);
    CU_ASSERT_EQUAL(crdt_elements(replica_crdt(world.replica)), LARGE + 1);
    wait_for_joins();
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    world_close();
}

/* More than a few have the rest encoded at once. */
static void many_small_deltas_do_not_wait(void)
{
    open_large();
    deliver(CALL(1, "state"));
    deliver(CALL(2, "value"));
    deliver_delta(LARGE, 400);
    deliver_delta(LARGE + 400, 400);
    SENT_NOTHING();
    CU_ASSERT(wakes());
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    CU_ASSERT_EQUAL(elements(true), LARGE);
    CU_ASSERT_EQUAL(crdt_elements(replica_crdt(world.replica)), LARGE + 800);
    deliver(CALL(3, "state"));
    wait_for_joins();
    CU_ASSERT_EQUAL(elements(false), LARGE + 800);
    world_close();
}

/* Of the callers on a node one at a time gets such a reply. */
static void callers_of_a_slow_node_wait(void)
{
    open_large();
    world.slow = BYTES("b@h");
    deliver(CALL(1, "state"));
    deliver(CALL(2, "state"));
    wait_for_joins();
    SENT_NOTHING();
    deliver(CALL(3, "{mutate, {add, [new]}}"));
    SENT(THEM(3), "{t3, ok}");
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    CU_ASSERT(wakes());
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    CU_ASSERT_EQUAL(elements(false), LARGE);
    world_close();
}

/* Whoever asks later gets the later state, and the first one still its own. */
static void each_gets_the_state_that_it_has_asked_for(void)
{
    open_large();
    world.slow = BYTES("b@h");
    deliver(CALL(1, "state"));
    wait_for_joins();
    deliver_of("c@h", "{'$gen_call', {" OTHERS(2) ", t2}, {mutate, {add, [new]}}}");
    SENT(OTHERS(2), "{t2, ok}");
    deliver_of("c@h", "{'$gen_call', {" OTHERS(3) ", t3}, state}");
    wait_for_joins();
    SENT_PREFIX(OTHERS(3), "{t3,{ok,");
    CU_ASSERT_EQUAL(elements(false), LARGE + 1);
    SENT_NOTHING();
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    CU_ASSERT(wakes());
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    CU_ASSERT_EQUAL(elements(false), LARGE);
    world_close();
}

/* One node has no more of them than its part, and what is sent late is sent for it. */
static void callers_of_others_have_room(void)
{
    open_large();
    struct bytes call = term_of(CALL(1, "value"));
    for (unsigned i = 0; i < LIMIT_ENCODE_CALLS / LIMIT_NODE_PART; i++)
        deliver_bytes(call);
    CU_ASSERT(!sent_something());
    deliver(CALL(2, "value"));
    SENT(THEM(2), REPLY(2, "{error, overloaded}"));
    deliver_of("c@h", CALL(3, "value"));
    CU_ASSERT(!sent_something());
    /* Only what is sent last is looked at. */
    world.quiet = true;
    while (wakes()) {
    }
    CU_ASSERT(was_sent_for("c@h"));
    world_close();
}

/* One whose node is gone is answered some time: nobody hears that it has drained. */
static void the_slow_are_not_forgotten(void)
{
    open_large();
    world.slow = BYTES("b@h");
    deliver(CALL(1, "state"));
    wait_for_joins();
    world.slow = BYTES("");
    wait_ms(2 * SYNC_MS);
    CU_ASSERT_EQUAL(elements(false), LARGE);
    world_close();
}

static void may_end_meanwhile(void)
{
    open_large();
    deliver(CALL(1, "state"));
    deliver(CALL(2, "value"));
    CU_ASSERT(wakes());
    deliver("{system, {" THEM(7) ", stop}, {terminate, normal}}");
    world_close();
}

SUITE("encoding", TEST(encodes_in_slices), TEST(answers_all_who_wait), TEST(mutations_wait),
      TEST(a_small_delta_waits), TEST(who_asks_after_a_delta_gets_it),
      TEST(what_waits_is_joined_in_the_end), TEST(many_small_deltas_do_not_wait),
      TEST(callers_of_a_slow_node_wait), TEST(each_gets_the_state_that_it_has_asked_for),
      TEST(callers_of_others_have_room), TEST(the_slow_are_not_forgotten), TEST(may_end_meanwhile))
