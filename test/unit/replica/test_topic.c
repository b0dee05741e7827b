/* A replica on a topic of Phoenix.PubSub.  THEM(1) is the adapter process on b@h, THEM(5) a Grove
 * server that is subscribed there, THEM(6) a LiveView. */
#include "unit/replica/world.h"

#define TOPIC_OPTIONS                                                                              \
    "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 1000, " NO_REPAIR         \
    ", pubsub => 'Elixir.App.PubSub'}"
#define LOOKUP(ref)                                                                                \
    REX_CALL(ref, "'Elixir.Registry', lookup, ['Elixir.App.PubSub', <<\"grove:counter:v\">>]")
#define INITIAL_CALLS(ref, pids)                                                                   \
    REX_CALL(ref, "lists, map, [fun proc_lib:translate_initial_call/1, [" pids "]]")
#define SERVER "{'Elixir.Grove.Replication.Server', init, 1}"
#define VIEW   "{'Elixir.Phoenix.LiveView.Channel', init, 1}"
#define FORWARD(message)                                                                           \
    "{forward_to_local, <<\"grove:counter:v\">>, " message ", 'Elixir.Phoenix.PubSub'}"
#define ONE "#{<<\"c1\">> => 1}"
#define TWO "#{<<\"c1\">> => 2}"

static void open(void)
{
    world_open(TOPIC_OPTIONS);
    replica_settled(world.replica, true, &world.turn);
}

static void adapter_joined(void)
{
    replica_adapter_joined(world.replica, term_of(THEM(1)), &world.turn);
}

static void increment(void)
{
    deliver(CAST("{mutate, increment}"));
}

/* b@h has the server and the LiveView; the replica knows that, and has pulled the state. */
static void open_with_server(void)
{
    open();
    adapter_joined();
    deliver("{" OUR_REF(1) ", [{" THEM(6) ", nil}, {" THEM(5) ", nil}]}");
    deliver("{" OUR_REF(2) ", [" VIEW ", " SERVER "]}");
    deliver("{" OUR_REF(4) ", {ok, " GCOUNTER("b", "#{}") "}}");
    skip_sent();
}

static void finds_servers_among_the_subscribers(void)
{
    open();
    adapter_joined();
    SENT("rex", LOOKUP(OUR_REF(1)));
    SENT_NOTHING();
    deliver("{" OUR_REF(1) ", [{" THEM(6) ", nil}, {" THEM(5) ", nil}]}");
    SENT("rex", INITIAL_CALLS(OUR_REF(2), THEM(6) ", " THEM(5)));
    SENT_NOTHING();
    CU_ASSERT(status("peers") == 0);
    deliver("{" OUR_REF(2) ", [" VIEW ", " SERVER "]}");
    SENT(THEM(5), OUR_DELTA("#{}"));
    SENT("rex", PULL(OUR_REF(4), THEM(5)));
    SENT_NOTHING();
    CU_ASSERT(status("peers") == 1);
    world_close();
}

/* The server hears the topic: its delta is not sent twice. */
static void sends_deltas_to_the_adapter_alone(void)
{
    open_with_server();
    increment();
    deliver(CAST("sync"));
    SENT(THEM(1), FORWARD(OUR_DELTA(ONE)));
    SENT_NOTHING();
    world_close();
}

static void a_slow_server_is_sent_the_state(void)
{
    open_with_server();
    world.slow = BYTES("b@h");
    increment();
    deliver(CAST("sync"));
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 1);
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    SENT(THEM(5), OUR_DELTA(ONE));
    SENT_NOTHING();
    world_close();
}

/* Then its application has not started its replicas yet. */
static void asks_again_where_nobody_is_found(void)
{
    open();
    adapter_joined();
    skip_sent();
    deliver("{" OUR_REF(1) ", []}");
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", LOOKUP(OUR_REF(2)));
    deliver("{" OUR_REF(2) ", {badrpc, {'EXIT', {badarg, []}}}}"); /* no Registry yet */
    wait_ms(SYNC_MS);
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", LOOKUP(OUR_REF(3)));
    deliver("{" OUR_REF(3) ", [{" THEM(6) ", nil}]}");
    SENT("rex", INITIAL_CALLS(OUR_REF(4), THEM(6)));
    deliver("{" OUR_REF(4) ", [" VIEW "]}");
    SENT_NOTHING();
    world_close();
}

static void does_not_wait_for_nobody(void)
{
    world_open(TOPIC_OPTIONS);
    adapter_joined();
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    SENT("rex", LOOKUP(OUR_REF(1)));
    SENT_NOTHING();
    deliver("{" OUR_REF(1) ", []}");
    SENT(THEM(1), REPLY(1, "ok"));
    world_close();
}

/* Once an interval, however many deltas it sends. */
static void asks_when_somebody_unknown_sends(void)
{
    open_with_server();
    for (int i = 0; i < 3; i++)
        deliver("{grove_delta, " GCOUNTER("v", "#{v => 3}") ", " THEM(7) "}");
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT(THEM(1), FORWARD(OUR_DELTA("#{v => 3}"))); /* others may lack it */
    SENT("rex", LOOKUP(OUR_REF(5)));
    SENT_NOTHING();
    deliver("{" OUR_REF(5) ", [{" THEM(5) ", nil}, {" THEM(7) ", nil}]}");
    SENT("rex", INITIAL_CALLS(OUR_REF(6), THEM(7)));
    deliver("{" OUR_REF(6) ", [" SERVER "]}");
    CU_ASSERT(status("peers") == 2);
    world_close();
}

static void signal_down(const char *pid, const char *ref)
{
    processes_signal(world.table, BYTES("b@h"),
                     &(struct signal){.kind = SIGNAL_MONITOR_EXIT,
                                      .from = term_of(pid),
                                      .to = process_pid(world.replica),
                                      .ref = term_of(ref),
                                      .reason = term_of("normal")},
                     &world.turn);
}

static void forgets_a_server_that_ends(void)
{
    open_with_server();
    signal_down(THEM(5), OUR_REF(3));
    CU_ASSERT(status("peers") == 0);
    increment();
    deliver(CAST("sync"));
    SENT(THEM(1), FORWARD(OUR_DELTA(ONE)));
    SENT_NOTHING();
    world_close();
}

/* It may be in the group as well. */
static void a_server_in_the_group_is_one_member(void)
{
    open_with_server();
    joined(THEM(5), true);
    CU_ASSERT(status("peers") == 1);
    signal_down(THEM(5), OUR_REF(3));
    CU_ASSERT(status("peers") == 1);
    increment();
    deliver(CAST("sync"));
    SENT(THEM(1), FORWARD(OUR_DELTA(ONE)));
    SENT(THEM(5), OUR_DELTA(ONE));
    left(THEM(5));
    CU_ASSERT(status("peers") == 0);
    world_close();
}

static void without_the_adapter_servers_are_sent_deltas(void)
{
    open_with_server();
    left(THEM(1));
    increment();
    deliver(CAST("sync"));
    SENT(THEM(5), OUR_DELTA(ONE));
    SENT_NOTHING();
    adapter_joined();
    SENT("rex", LOOKUP(OUR_REF(5)));
    deliver("{" OUR_REF(5) ", [{" THEM(5) ", nil}]}");
    SENT("rex", INITIAL_CALLS(OUR_REF(6), THEM(5)));
    deliver("{" OUR_REF(6) ", [" SERVER "]}");
    increment();
    deliver(CAST("sync"));
    SENT(THEM(1), FORWARD(OUR_DELTA(TWO)));
    SENT_NOTHING();
    world_close();
}

/* No answer of a peer does harm. */
static void takes_any_answer(void)
{
    static const char *const subscribers[] = {
        "ok",
        "#{}",
        "[a | b]",
        "[1, {a, b}, {" THEM(5) "}, {" OTHERS(5) ", nil}, {" US ", nil}]",
        "{badrpc, nodedown}",
    };
    static const char *const calls[] = {
        "ok",
        "[]",
        "[" SERVER ", " SERVER ", " SERVER "]",
        "[{'Elixir.Grove.Replication.Server'}]",
        "[[] | " SERVER "]",
    };
    char text[500];
    for (size_t i = 0; i < sizeof(subscribers) / sizeof(subscribers[0]); i++) {
        open();
        adapter_joined();
        snprintf(text, sizeof(text), "{" OUR_REF(1) ", %s}", subscribers[i]);
        deliver(text);
        CU_ASSERT(status("peers") == 0);
        world_close();
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        open();
        adapter_joined();
        deliver("{" OUR_REF(1) ", [{" THEM(5) ", nil}, {" THEM(5) ", nil}]}");
        snprintf(text, sizeof(text), "{" OUR_REF(2) ", %s}", calls[i]);
        deliver(text);
        CU_ASSERT(status("peers") <= 1);
        world_close();
    }
}

/* An answer with a term that this node does not accept: it is not asked for again. */
static void takes_an_answer_that_cannot_be_read(void)
{
    open();
    adapter_joined();
    skip_sent();
    struct signal reply = {.kind = SIGNAL_SEND,
                           .to = process_pid(world.replica),
                           .payload = term_of("{" OUR_REF(1) ", too_deep}"),
                           .unfit = ERR_LIMIT};
    processes_signal(world.table, BYTES("b@h"), &reply, &world.turn);
    wait_ms(100 * SYNC_MS);
    SENT_NOTHING();
    CU_ASSERT_EQUAL(status("peers"), 0);
    world_close();
}

static void knows_deltas(void)
{
    CU_ASSERT(replica_is_delta(term_of(THEIR_DELTA("#{b => 1}"))));
    static const char *const others[] = {
        "grove_delta",
        "{grove_delta, " GCOUNTER("b", "#{}") "}",
        "{grove_delta, " GCOUNTER("b", "#{}") ", none}",
        "{grove_delta, {update_attrs, n1, #{}}, " THEM(5) "}",
        "{grove_delta, #{a => 1}, " THEM(5) "}",
        "{grove_delta, nil, " THEM(5) "}",
        "{'$gen_cast', {mutate, increment}, " THEM(5) "}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CU_ASSERT(!replica_is_delta(term_of(others[i])));
}

SUITE("topic", TEST(finds_servers_among_the_subscribers), TEST(sends_deltas_to_the_adapter_alone),
      TEST(a_slow_server_is_sent_the_state), TEST(asks_again_where_nobody_is_found),
      TEST(does_not_wait_for_nobody), TEST(asks_when_somebody_unknown_sends),
      TEST(forgets_a_server_that_ends), TEST(a_server_in_the_group_is_one_member),
      TEST(without_the_adapter_servers_are_sent_deltas), TEST(takes_any_answer),
      TEST(takes_an_answer_that_cannot_be_read), TEST(knows_deltas))
