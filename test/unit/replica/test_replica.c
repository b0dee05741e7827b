#include "unit/replica/world.h"

static void starts_under_its_name(void)
{
    world_open(OPTIONS);
    CU_ASSERT(replica_is(world.replica));
    CU_ASSERT(process_named(world.table, BYTES("page_views")) == world.replica);
    ASSERT_TERM(replica_group(world.replica), term_of("{counter, <<\"v\">>}"));
    struct replica_options o;
    struct options_error error;
    CU_ASSERT(replica_options_read(&o, term_of("page_views"), term_of("#{crdt => gcounter}"),
                                   BYTES("c1"), &error) == OK);
    CU_ASSERT(replica_start(world.table, &o, &world.disk, &world.turn) == NULL);
    ASSERT_TERM(term_bytes(&o.name), term_of("page_views"));
    replica_options_free(&o);
    world_close();
}

static void answers_reads(void)
{
    static const char *const values[] = {"value", "get_value", "{value}"};
    static const char *const states[] = {"state", "get_state", "get", "{state}"};
    world_open_settled();
    deliver(CALL(1, "{mutate, {increment, [5]}}"));
    SENT(THEM(1), REPLY(1, "ok"));
    for (size_t i = 0; i < 6; i++) {
        struct buf call = {0};
        buf_printf(&call, "{'$gen_call', {%s, t1}, %s}%c", THEM(1), values[i % 3], 0);
        deliver((const char *)call.at);
        SENT(THEM(1), REPLY(1, "{ok, 5}"));
        buf_free(&call);
    }
    for (size_t i = 0; i < 4; i++) {
        struct buf call = {0};
        buf_printf(&call, "{'$gen_call', {%s, t1}, %s}%c", THEM(1), states[i], 0);
        deliver((const char *)call.at);
        SENT(THEM(1), REPLY(1, "{ok, " OURS("#{<<\"c1\">> => 5}") "}"));
        buf_free(&call);
    }
    SENT_NOTHING();
    world_close();
}

/* A change drops the cached encodings. */
static void serves_no_stale_encodings(void)
{
    world_open_settled();
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 0}"));
    deliver(CALL(1, "state"));
    SENT(THEM(1), REPLY(1, "{ok, " OURS("#{}") "}"));
    deliver(CAST("{mutate, increment}"));
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 1}"));
    deliver(THEIR_DELTA("#{b => 2}"));
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 3}"));
    deliver(CALL(1, "state"));
    SENT(THEM(1), REPLY(1, "{ok, " OURS("#{b => 2, <<\"c1\">> => 1}") "}"));
    deliver(CALL(1, "{mutate, 'Elixir'}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {'Elixir', []}}}"));
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 3}"));
    world_close();
}

static void answers_unknown_requests(void)
{
    world_open_settled();
    deliver(CALL(1, "wat"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, wat}}"));
    deliver(CALL(1, "{mutate}"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, {mutate}}}"));
    deliver(CALL(1, "{mutate, increment, now}"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, {mutate, increment, now}}}"));
    deliver(CALL(1, "#{value => 1}"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, #{value => 1}}}"));
    deliver(CALL(1, "mutate"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, mutate}}"));
    deliver(CALL(1, "{}"));
    SENT(THEM(1), REPLY(1, "{error, {unknown_request, {}}}"));
    SENT_NOTHING();
    CU_ASSERT(status("ignored") == 0);
    world_close();
}

static void ignores_other_messages(void)
{
    static const char *const messages[] = {
        "wat",
        "value",
        "{mutate, increment}",
        "{nodeup, 'b@h'}",
        "{t1, ok}",
        "{}",
        "[]",
        "7",
        CAST("wat"),
        CAST("value"),
        CAST("{value}"),
        "{'$gen_call', t1, value}",
        "{a, b, c, d}",
    };
    world_open_settled();
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        deliver(messages[i]);
        CU_ASSERT(status("ignored") == i + 1);
    }
    SENT_NOTHING();
    CU_ASSERT(world.log.len == 0);
    CU_ASSERT(status("mutations") == 0);
    world_close();
}

static void mutates_by_operation(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, increment}"));
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CALL(1, "{mutate, {increment, [5]}}"));
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CALL(1, "{batch, [increment, {increment, [5]}, {increment, []}]}"));
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CALL(1, "{mutate, []}"));
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CAST("{mutate, {increment, [10]}}"));
    deliver(CAST("{batch, [increment]}"));
    SENT_NOTHING();
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 24}"));
    CU_ASSERT(status("mutations") == 6);
    world_close();
}

static void refuses_wrong_operations(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, decrement}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {decrement, []}}}"));
    deliver(CALL(1, "{batch, [increment, {increment, [-1]}]}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {increment, [-1]}}}"));
    deliver(CALL(1, "{mutate, {increment, [one]}}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {increment, [one]}}}"));
    deliver(CALL(1, "{mutate, [increment, 5]}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, 5}}"));
    deliver(CALL(1, "{mutate, {increment, 5}}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {increment, 5}}}"));
    deliver(CALL(1, "{mutate, <<\"increment\">>}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, <<\"increment\">>}}"));
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 0}"));
    CU_ASSERT(world.log.len == 0);

    deliver(CAST("{mutate, [increment, decrement]}"));
    CU_ASSERT(logged("page_views: refused a cast mutation: {bad_op,{decrement,[]}} (1 refused"));
    CU_ASSERT(status("refused") == 1 && status("mutations") == 0);
    SENT_NOTHING();
    world_close();
}

static void answers_with_results(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate_reply, increment}"));
    SENT(THEM(1), REPLY(1, "{ok, ok}"));
    deliver(CALL(1, "{mutate_reply, {increment, [5]}}"));
    SENT(THEM(1), REPLY(1, "{ok, ok}"));
    deliver(CALL(1, "{mutate_reply, [increment, {increment, [5]}, increment]}"));
    SENT(THEM(1), REPLY(1, "{ok, [ok, ok, ok]}"));
    deliver(CALL(1, "{mutate_reply, [increment]}"));
    SENT(THEM(1), REPLY(1, "{ok, [ok]}"));
    deliver(CALL(1, "{mutate_reply, []}"));
    SENT(THEM(1), REPLY(1, "{ok, []}"));
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 14}"));
    deliver(CALL(1, "{mutate_reply, [increment, decrement]}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {decrement, []}}}"));
    deliver(CALL(1, "{mutate_reply, fun m:f/1}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, fun m:f/1}}"));
    deliver(CALL(1, "{mutate_reply, fun 'Elixir.Grove.Counter.GCounter':increment/1}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, fun 'Elixir.Grove.Counter.GCounter':increment/1}}"));
    deliver(CAST("{mutate_reply, increment}")); /* a cast has no reply */
    SENT_NOTHING();
    CU_ASSERT(status("mutations") == 5 && status("ignored") == 1);
    world_close();
}

static void limits_counts(void)
{
    struct buf message = {0}, echoed = {0};
    size_t digits = LIMIT_INCREMENT_BYTES - 6;
    world_open_settled();
    for (int i = 0; i < 2; i++, digits++) {
        buf_clear(&message);
        put_tuple(&message, 3);
        put_atom(&message, "$gen_call");
        put_term(&message, term_of("{" THEM(1) ", t1}"));
        put_tuple(&message, 2);
        put_atom(&message, "mutate");
        buf_clear(&echoed);
        put_tuple(&echoed, 2);
        put_atom(&echoed, "increment");
        put_list(&echoed, 1);
        buf_put_u8(&echoed, 111);
        buf_put_u32(&echoed, (uint32_t)digits);
        buf_put_u8(&echoed, 0);
        for (size_t n = 0; n < digits; n++)
            buf_put_u8(&echoed, 0xff);
        put_nil(&echoed);
        put_term(&message, buf_bytes(&echoed));
        deliver_bytes(buf_bytes(&message));
        if (i == 0)
            SENT(THEM(1), REPLY(1, "ok"));
    }
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    etf_tuple_of(&in, 2);
    etf_expect(&in, "t1");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "error");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "too_large");
    CU_ASSERT(bytes_equal(etf_any(&in), buf_bytes(&echoed)));
    CU_ASSERT(etf_finish(&in) == OK);
    buf_free(&message);
    buf_free(&echoed);
    world_close();
}

static void syncs_on_every_form_of_request(void)
{
    static const char *const requests[] = {
        CALL(1, "sync_now"), CALL(1, "sync"), CAST("sync_now"), CAST("sync"), "sync_now", "sync",
    };
    world_open_settled();
    joined(THEM(5), true);
    skip_sent();
    for (size_t i = 0; i < 6; i++) {
        char delta[400];
        snprintf(delta, sizeof(delta), "{grove_delta, %s%zu%s, %s}",
                 "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => <<\"c1\">>, "
                 "counts => #{<<\"c1\">> => ",
                 i + 1, "}, delta_buffer => #{}}", US);
        deliver(CAST("{mutate, increment}"));
        SENT_NOTHING();
        deliver(requests[i]);
        SENT(THEM(5), delta);
        if (i < 2)
            SENT(THEM(1), REPLY(1, "ok"));
        SENT_NOTHING();
    }
    world_close();
}

static void shows_its_state_as_groves_server_does(void)
{
    world_open_settled();
    deliver(CAST("{mutate, increment}"));
    struct buf state = {0};
    process_kind(world.replica)->state(world.replica, &state);
    ASSERT_TERM(buf_bytes(&state),
                term_of("#{'__struct__' => 'Elixir.Grove.Replication.Server', actor => <<\"c1\">>,"
                        " crdt_module => 'Elixir.Grove.Counter.GCounter',"
                        " crdt_state => " OURS(
                            "#{<<\"c1\">> => 1}") ","
                                                  " group => {counter, <<\"v\">>}, pubsub => nil, "
                                                  "pubsub_topic => nil,"
                                                  " snapshot_interval => nil, snapshot_timer_ref "
                                                  "=> nil, storage => nil,"
                                                  " storage_ref => nil, sync_interval => 1000, "
                                                  "sync_timer_ref => nil}"));
    buf_free(&state);
    world_close();
}

static void reports_its_status(void)
{
    world_open_settled();
    joined(THEM(5), true);
    deliver(CAST("{mutate, increment}"));
    deliver(THEIR_DELTA("#{b => 2}"));
    deliver("{grove_delta, nonsense, " THEM(9) "}");
    deliver("wat");
    struct buf map = {0};
    replica_status(world.replica, &map);
    ASSERT_TERM(buf_bytes(&map),
                term_of("#{crdt => gcounter, group => {counter, <<\"v\">>}, actor => <<\"c1\">>,"
                        " actors => 2, repairs => 0, peers => 1, pubsub => nil, mutations => 1,"
                        " merges => 1,"
                        " refused => 1, ignored => 1, waiting => 0, behind => 0, tombstones => 0,"
                        " tags => 0, most_tags => 0, same_actor => [],"
                        " snapshot_failure => nil, snapshots => 0,"
                        " storage => none, subscribers => 0, files => []}"));
    buf_free(&map);
    world_close();
}

SUITE("replica", TEST(starts_under_its_name), TEST(answers_reads), TEST(serves_no_stale_encodings),
      TEST(answers_unknown_requests), TEST(ignores_other_messages), TEST(mutates_by_operation),
      TEST(refuses_wrong_operations), TEST(answers_with_results), TEST(limits_counts),
      TEST(syncs_on_every_form_of_request), TEST(shows_its_state_as_groves_server_does),
      TEST(reports_its_status))
