#include "unit/replica/world.h"

#define SUBSCRIBE(n, pid)           CALL(n, "{subscribe, " pid "}")
#define SUBSCRIBE_WITH(n, pid, map) CALL(n, "{subscribe, " pid ", " map "}")
#define CHANGED(ref, change)        "{coppice_changed, page_views, " OUR_REF(ref) ", " change "}"
#define VALUE(value, version)       "#{value => " value ", version => " version "}"
#define VERSION(version)            "#{version => " version "}"
#define DELTA(delta, version)       "#{delta => " delta ", version => " version "}"
#define STORED                                                                                     \
    "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 86400000,"                \
    "  snapshot_interval => 60000, " NO_REPAIR ", storage => #{file => \"v.dets\"}}"
#define COUNT(n)                                                                                   \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"                       \
    "counts => #{<<\"c1\">> => " n "},delta_buffer => #{}}"

static void increment(void)
{
    deliver(CAST("{mutate, increment}"));
}

/* The end of a monitored process, as its node sends it. */
static void down(const char *pid, const char *ref)
{
    processes_signal(world.table, BYTES("b@h"),
                     &(struct signal){.kind = SIGNAL_MONITOR_EXIT,
                                      .from = term_of(pid),
                                      .to = process_pid(world.replica),
                                      .ref = term_of(ref),
                                      .reason = term_of("killed")},
                     &world.turn);
}

/* --- messages --------------------------------------------------------------- */

static void tells_the_value_at_once_and_each_change(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    SENT(THEM(1), REPLY(1, "{ok, " OUR_REF(1) "}"));
    SENT(THEM(2), CHANGED(1, VALUE("0", "1")));
    SENT_NOTHING();
    increment();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("1", "2")));
    deliver(THEIR_DELTA("#{b => 4}"));
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("5", "3")));
    deliver(THEIR_DELTA("#{b => 4}"));
    wait_ms(1);
    SENT_NOTHING();
    world_close();
}

static void changes_of_one_step_share_a_message(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    skip_sent();
    increment();
    increment();
    SENT_NOTHING();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("2", "3")));
    SENT_NOTHING();
    world_close();
}

static void the_version_alone(void)
{
    world_open_settled();
    deliver(SUBSCRIBE_WITH(1, THEM(2), "#{what => version}"));
    SENT(THEM(1), REPLY(1, "{ok, " OUR_REF(1) "}"));
    SENT(THEM(2), CHANGED(1, VERSION("1")));
    increment();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VERSION("2")));
    world_close();
}

/* The first one is the state. */
static void deltas(void)
{
    world_open_settled();
    increment();
    deliver(SUBSCRIBE_WITH(1, THEM(2), "#{what => delta}"));
    SENT(THEM(1), REPLY(1, "{ok, " OUR_REF(1) "}"));
    SENT(THEM(2), CHANGED(1, DELTA(COUNT("1"), "2")));
    deliver(THEIR_DELTA("#{b => 4}"));
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, DELTA(OURS("#{b => 4}"), "3")));
    wait_ms(SYNC_MS);
    deliver(THEIR_DELTA("#{d => 7}"));
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, DELTA(OURS("#{d => 7}"), "4")));
    increment();
    wait_ms(SYNC_MS);
    SENT(THEM(2), CHANGED(1, DELTA(COUNT("2"), "5")));
    SENT_NOTHING();
    world_close();
}

static void deltas_that_were_missed_are_joined(void)
{
    world_open_settled();
    deliver(SUBSCRIBE_WITH(1, THEM(2), "#{what => delta, ack => true}"));
    deliver(SUBSCRIBE_WITH(1, THEM(3), "#{what => delta}"));
    skip_sent();
    deliver(THEIR_DELTA("#{b => 4}"));
    wait_ms(1);
    SENT(THEM(3), CHANGED(3, DELTA(OURS("#{b => 4}"), "2")));
    deliver(THEIR_DELTA("#{d => 7}"));
    wait_ms(1);
    SENT(THEM(3), CHANGED(3, DELTA(OURS("#{b => 4, d => 7}"), "3")));
    deliver("{coppice_ack, " OUR_REF(1) "}");
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, DELTA(OURS("#{b => 4, d => 7}"), "3")));
    deliver(THEIR_DELTA("#{e => 1}"));
    wait_ms(1);
    SENT(THEM(3), CHANGED(3, DELTA(OURS("#{e => 1}"), "4")));
    SENT_NOTHING();
    world_close();
}

static void a_large_value_is_left_out(void)
{
    struct buf call = {0}, text = {0};
    world_open("#{crdt => lww_register, sync_interval => 86400000, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    deliver(SUBSCRIBE(1, THEM(2)));
    skip_sent();
    put_tuple(&call, 2);
    put_atom(&call, "$gen_cast");
    put_tuple(&call, 2);
    put_atom(&call, "mutate");
    put_tuple(&call, 2);
    put_atom(&call, "set");
    put_list(&call, 1);
    memset(buf_room(&text, LIMIT_PIECE_BYTES), 'x', LIMIT_PIECE_BYTES);
    text.len = LIMIT_PIECE_BYTES;
    put_binary(&call, buf_bytes(&text));
    put_nil(&call);
    deliver_bytes(buf_bytes(&call));
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VERSION("2")));
    buf_free(&call);
    buf_free(&text);
    world_close();
}

/* --- back-pressure ------------------------------------------------------------- */

static void a_busy_node_gets_one_message_for_all(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    deliver(SUBSCRIBE(1, OTHERS(2)));
    skip_sent();
    world.slow = BYTES("b@h");
    for (int i = 0; i < 5; i++) {
        increment();
        wait_ms(1);
    }
    world.slow = BYTES("");
    for (int i = 0; i < 5; i++)
        expect_prefix(OTHERS(2), "{coppice_changed,page_views," OUR_REF(3) ",", __FILE__, __LINE__);
    SENT_NOTHING();
    replica_idle(world.replica);
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("5", "6")));
    replica_idle(world.replica);
    wait_ms(1);
    SENT_NOTHING();
    world_close();
}

static void one_that_acknowledges_is_waited_for(void)
{
    world_open_settled();
    deliver(SUBSCRIBE_WITH(1, THEM(2), "#{ack => true}"));
    skip_sent();
    increment();
    wait_ms(1);
    increment();
    wait_ms(1);
    SENT_NOTHING();
    deliver("{coppice_ack, " OUR_REF(1) "}");
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("2", "3")));
    deliver(CAST("{coppice_ack, " OUR_REF(1) "}"));
    wait_ms(1);
    SENT_NOTHING();
    increment();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("3", "4")));
    world_close();
}

/* --- storage -------------------------------------------------------------------- */

static void open_ready(void)
{
    world_open(STORED);
    replica_settled(world.replica, true, &world.turn);
    replica_loaded(world.replica, &(struct disk_content){.saved = false}, NULL, &world.turn);
    replica_begun(world.replica, NULL, &world.turn);
    deliver(SUBSCRIBE(1, THEM(2)));
    skip_sent();
}

static void only_what_is_on_disk(void)
{
    open_ready();
    increment();
    DISK_OP("append [" COUNT("1") "]");
    wait_ms(100);
    deliver(SUBSCRIBE(1, OTHERS(2)));
    SENT_NOTHING();
    replica_appended(world.replica, 100, NULL, &world.turn);
    SENT(THEM(1), REPLY(1, "{ok, " OUR_REF(3) "}"));
    SENT(THEM(2), CHANGED(1, VALUE("1", "3")));
    SENT(OTHERS(2), CHANGED(3, VALUE("1", "3")));
    wait_ms(1);
    SENT_NOTHING();
    world_close();
}

static void deltas_of_what_is_on_disk(void)
{
    open_ready();
    deliver(SUBSCRIBE_WITH(1, OTHERS(2), "#{what => delta}"));
    skip_sent();
    increment();
    DISK_OP("append [" COUNT("1") "]");
    wait_ms(10);
    SENT_NOTHING();
    replica_appended(world.replica, 0, &(struct disk_trouble){BYTES("enospc"), BYTES("full")},
                     &world.turn);
    replica_loaded(world.replica, &(struct disk_content){.saved = false}, NULL, &world.turn);
    replica_begun(world.replica, NULL, &world.turn);
    skip_sent();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("0", "5")));
    SENT(OTHERS(2), CHANGED(3, DELTA(OURS("#{}"), "5")));
    deliver(THEIR_DELTA("#{b => 4}"));
    skip_sent();
    wait_ms(1);
    SENT(THEM(2), CHANGED(1, VALUE("4", "6")));
    SENT(OTHERS(2), CHANGED(3, DELTA(OURS("#{b => 4}"), "6")));
    world_close();
}

static void never_what_was_lost(void)
{
    open_ready();
    increment();
    DISK_OP("append [" COUNT("1") "]");
    wait_ms(10);
    replica_appended(world.replica, 0, &(struct disk_trouble){BYTES("enospc"), BYTES("full")},
                     &world.turn);
    DISK_OP("load");
    wait_ms(10);
    SENT_NOTHING();
    replica_loaded(world.replica, &(struct disk_content){.saved = false}, NULL, &world.turn);
    DISK_OP("begin");
    wait_ms(10);
    SENT(THEM(2), CHANGED(1, VALUE("0", "5")));
    SENT_NOTHING();
    world_close();
}

/* --- the end ---------------------------------------------------------------------- */

static void ends_with_the_subscriber(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    deliver(SUBSCRIBE(1, THEM(3)));
    CU_ASSERT_EQUAL(status("subscribers"), 2);
    down(THEM(2), OUR_REF(2));
    CU_ASSERT_EQUAL(status("subscribers"), 1);
    skip_sent();
    increment();
    wait_ms(1);
    SENT(THEM(3), CHANGED(3, VALUE("1", "2")));
    SENT_NOTHING();
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    CU_ASSERT_EQUAL(status("subscribers"), 0);
    world_close();
}

static void ends_when_asked_to(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    deliver(SUBSCRIBE(1, THEM(2)));
    deliver(SUBSCRIBE(1, THEM(3)));
    skip_sent();
    deliver(CALL(1, "{unsubscribe, " OUR_REF(5) "}"));
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT_EQUAL(status("subscribers"), 2);
    deliver(CALL(1, "{unsubscribe, " THEM(2) "}"));
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT_EQUAL(status("subscribers"), 0);
    deliver(CALL(1, "{unsubscribe, nobody}"));
    SENT(THEM(1), REPLY(1, "ok"));
    increment();
    wait_ms(1);
    SENT_NOTHING();
    world_close();
}

static void the_last_change_is_told_at_the_end(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, THEM(2)));
    skip_sent();
    increment();
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    SENT(THEM(2), CHANGED(1, VALUE("1", "2")));
    SENT_NOTHING();
    world_close();
}

/* --- refusals ----------------------------------------------------------------------- */

static void bad_requests_are_refused(void)
{
    world_open_settled();
    deliver(SUBSCRIBE(1, "me"));
    SENT(THEM(1), REPLY(1, "{error, bad_pid}"));
    deliver(SUBSCRIBE(1, "#Pid<'gone@h'.1.0.7>"));
    SENT(THEM(1), REPLY(1, "{error, noconnection}"));
#define REFUSED(map, text)                                                                         \
    deliver(SUBSCRIBE_WITH(1, THEM(2), map));                                                      \
    SENT(THEM(1), REPLY(1, "{error, {bad_options, <<\"" text "\">>}}"))
    REFUSED("[]", "the options are a map");
    REFUSED("#{what => all}", "what is value, delta or version");
    REFUSED("#{ack => 1}", "ack is true or false");
    REFUSED("#{1 => 1}", "the options are what and ack");
    CU_ASSERT_EQUAL(status("subscribers"), 0);
    SENT_NOTHING();
    world_close();
}

static void each_node_has_so_many(void)
{
    world_open_settled();
    for (int i = 0; i < LIMIT_CHANGE_SUBSCRIBERS_NODE; i++)
        deliver(SUBSCRIBE(1, THEM(2)));
    skip_sent();
    deliver(SUBSCRIBE(1, THEM(2)));
    SENT(THEM(1), REPLY(1, "{error, limit}"));
    deliver(SUBSCRIBE(1, OTHERS(2)));
    SENT_PREFIX(THEM(1), "{t1,{ok,");
    CU_ASSERT_EQUAL(status("subscribers"), LIMIT_CHANGE_SUBSCRIBERS_NODE + 1);
    world_close();
}

SUITE("subscribers", TEST(tells_the_value_at_once_and_each_change),
      TEST(changes_of_one_step_share_a_message), TEST(the_version_alone), TEST(deltas),
      TEST(deltas_that_were_missed_are_joined), TEST(deltas_of_what_is_on_disk),
      TEST(a_large_value_is_left_out), TEST(a_busy_node_gets_one_message_for_all),
      TEST(one_that_acknowledges_is_waited_for), TEST(only_what_is_on_disk),
      TEST(never_what_was_lost), TEST(ends_with_the_subscriber), TEST(ends_when_asked_to),
      TEST(the_last_change_is_told_at_the_end), TEST(bad_requests_are_refused),
      TEST(each_node_has_so_many))
