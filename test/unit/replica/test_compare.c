#include "unit/replica/pair.h"
#include "unit/replica/world.h"

static const char *const dividing[] = {"gcounter", "gset", "or_set", "or_map", "rga"};

#define TYPES (sizeof(dividing) / sizeof(dividing[0]))

static void receive(struct side *s, const char *type, const char *actor, uint32_t first,
                    uint32_t count)
{
    struct buf delta = {0};
    put_delta(&delta, type, actor, first, count);
    side_receives(s, buf_bytes(&delta));
    buf_free(&delta);
}

static void both_receive(const char *type, uint32_t count)
{
    receive(&pair.a, type, "x", 0, count);
    receive(&pair.b, type, "x", 0, count);
    pair_reset_counts();
}

/* --- costs --------------------------------------------------------------------- */

static void equal_states_cost_one_small_message_each_way(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        both_receive(dividing[i], LARGE);
        side_sees(&pair.a, &pair.b);
        CU_ASSERT(pair.a.messages == 1 && pair.a.bytes < 200);
        CU_ASSERT(pair.b.messages == 1 && pair.b.bytes < 200);
        pair_close();
    }
}

static void small_states_are_sent_whole(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], "anti_entropy_interval => 1000, anti_entropy_jitter => 0");
        side_sees(&pair.a, &pair.b);
        receive(&pair.b, dividing[i], "z", 1000, 10);
        pair.a.cut = true;
        receive(&pair.a, dividing[i], "y", 0, 10);
        pair.a.cut = false;
        CU_ASSERT(!pair_agrees());
        pair_reset_counts();
        pair_wait_ms(1000);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.a.messages <= 3 && pair.b.messages == 1); /* one is a delta */
        pair_wait_ms(1000);
        pair_reset_counts();
        pair_wait_ms(1000);
        CU_ASSERT(pair.a.messages == 1 && pair.b.messages == 1 && pair.b.bytes < 200);
        pair_close();
    }
}

/* Of several MB, only what differs is sent; one comparison updates both sides. */
static void large_states_are_sent_where_they_differ(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        both_receive(dividing[i], LARGE);
        receive(&pair.a, dividing[i], "y", LARGE, 3);
        receive(&pair.b, dividing[i], "z", 2 * LARGE, 4);
        pair_reset_counts();
        side_sees(&pair.a, &pair.b);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.a.messages == 5 && pair.b.messages == 4); /* test_narrow.c */
        CU_ASSERT(pair.a.bytes > 300 && pair.a.bytes < LIMIT_PIECE_BYTES / 10);
        CU_ASSERT(pair.b.bytes > 400 && pair.b.bytes < LIMIT_PIECE_BYTES / 10);
        crdt_check(replica_crdt(pair.a.replica));
        pair_close();
    }
}

/* In pieces, each of them once. */
static void an_empty_replica_gets_all(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        receive(&pair.b, dividing[i], "x", 0, LARGE);
        pair_reset_counts();
        side_sees(&pair.a, &pair.b);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.b.messages >= 4 && pair.b.messages <= 18);
        CU_ASSERT(pair.b.bytes > LARGE * 100 && pair.b.bytes < LARGE * 400);
        CU_ASSERT(pair.a.bytes < 30000);
        pair_close();
    }
}

/* The second comparison finds both equal. */
static void disjoint_states_are_exchanged_whole(void)
{
    pair_open("or_set", NO_REPAIR);
    receive(&pair.a, "or_set", "x", 0, LARGE);
    receive(&pair.b, "or_set", "y", 10, 2 * LARGE);
    pair_reset_counts();
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.bytes < LARGE * 200 && pair.b.bytes < LARGE * 400);
    pair_reset_counts();
    side_sees(&pair.b, &pair.a);
    CU_ASSERT(pair.a.messages == 1 && pair.b.messages == 1);
    pair_close();
}

static void indivisible_states_are_sent_whole(void)
{
    pair_open("dvv_set", NO_REPAIR);
    both_receive("dvv_set", 15000);
    receive(&pair.a, "dvv_set", "y", LARGE, 3);
    receive(&pair.b, "dvv_set", "z", 2 * LARGE, 4);
    pair_reset_counts();
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.messages == 2 && pair.b.messages == 1);
    pair_close();
}

/* Its reply was all that it has; it must be sent the rest. */
static void a_small_replica_gets_a_large_state(void)
{
    pair_open("gset", "anti_entropy_interval => 5000, anti_entropy_jitter => 0");
    side_sees(&pair.a, &pair.b);
    pair.a.cut = true;
    receive(&pair.a, "gset", "x", 0, LARGE);
    pair_wait_ms(1000);
    pair.a.cut = false;
    pair_reset_counts();
    pair_wait_ms(10000);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.messages >= 5); /* pieces */
    CU_ASSERT(pair.a.bytes < LARGE * 130);
    pair_close();
}

/* --- hostile replies ------------------------------------------------------------ */

/* The world's replica has a set just large enough to be divided, and has sent its digest to a
 * coppice. */
#define ELEMENTS (LARGE / 5 * 2)

static void open_asking(void)
{
    struct buf delta = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    put_delta(&delta, "gset", "x", 0, ELEMENTS);
    deliver_bytes(buf_bytes(&delta));
    deliver(CAST("sync_now"));
    buf_free(&delta);
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    SENT_NOTHING();
}

/* A reply as if the coppice had nothing. */
static void all_ranges_differ(const char *ref)
{
    static const uint8_t zeros[8192];
    struct buf answer = {0};
    put_tuple(&answer, 2);
    put_term(&answer, term_of(ref));
    put_tuple(&answer, 2);
    put_atom(&answer, "ok");
    put_tuple(&answer, 2);
    put_atom(&answer, "ranges");
    put_binary(&answer, (struct bytes){zeros, sizeof(zeros)});
    deliver_bytes(buf_bytes(&answer));
    buf_free(&answer);
}

#define GSET(elements)                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, elements => "                 \
    "#{'__struct__' => 'Elixir.MapSet', map => #{" elements "}}}"
#define NOTHING GSET("")

static void is_not_asked_again(void)
{
    skip_sent();
    wait_ms(20 * SYNC_MS);
    SENT_NOTHING();
    for (int i = 0; i < LIMIT_PULLS; i++) { /* no pull is still open */
        char pid[60];
        snprintf(pid, sizeof(pid), "#Pid<'b@h'.%d.0.3>", 10 + i);
        joined(pid, false);
        SENT_PREFIX(pid, "{'$gen_call',");
    }
    SENT_NOTHING();
}

static void deliver_reply(const char *ref, const char *answer)
{
    char message[400];
    snprintf(message, sizeof(message), "{%s, %s}", ref, answer);
    deliver(message);
}

static void refuses_malformed_digest_replies(void)
{
    static const char *const answers[] = {
        "ok",
        "{ok}",
        "{ok, 7}",
        "{ok, equal, equal}",
        "{ok, {equal}}",
        "{ok, {ranges, 1}}",
        "{ok, {ranges, <<>>}}",
        "{ok, {ranges, <<1,2,3,4,5,6,7,8>>}}",
        "{ok, {ranges, []}}",
        "{ok, {ranges}}",
        "{ok, {64, " NOTHING "}}",
        "{ok, {state, nonsense}}",
        "{ok, {state, " GCOUNTER("b", "#{}") "}}",
        "{ok, {state, " GCOUNTER("b", "#{}") ", more}}",
        "{error, {unknown_request, digest}}",
        "[]",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        open_asking();
        deliver_reply(OUR_REF(1), answers[i]);
        is_not_asked_again();
        world_close();
    }
}

static void refuses_malformed_part_replies(void)
{
    static const char *const answers[] = {
        "{ok, {0, " NOTHING "}}",
        "{ok, {1, " NOTHING "}}",
        "{ok, {63, " NOTHING "}}",
        "{ok, {65536, " NOTHING "}}",
        "{ok, {65600, " NOTHING "}}",
        "{ok, {4294967360, " NOTHING "}}",
        "{ok, {99999999999999999999, " NOTHING "}}",
        "{ok, {-64, " NOTHING "}}",
        "{ok, {64.0, " NOTHING "}}",
        "{ok, {64, nonsense}}",
        "{ok, {64, " NOTHING ", more}}",
        "{ok, equal}",
        "{ok, {ranges, <<1>>}}",
        "{error, bad_part}",
        "equal",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        open_asking();
        all_ranges_differ(OUR_REF(1));
        ASKED_PART(OTHERS(5), OUR_REF(2));
        deliver_reply(OUR_REF(2), answers[i]);
        is_not_asked_again();
        world_close();
    }
}

static void answers_what_is_no_part(void)
{
    static const char *const parts[] = {
        "{part, 0, 0}",     "{part, -1, 1}", "{part, 65536, 1}", "{part, 65535, 2}",
        "{part, 0, 65537}", "{part, a, 1}",  "{part, 0, []}",    "{part, 1, 18446744073709551616}"};
    char message[200];
    world_open_settled();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        snprintf(message, sizeof(message), "{'$gen_call', {" THEM(1) ", t1}, %s}", parts[i]);
        deliver(message);
        SENT(THEM(1), REPLY(1, "{error, bad_part}"));
    }
    deliver(CALL(1, "{part, 0, 65536}"));
    SENT(THEM(1), REPLY(1, "{ok, {65536, " OURS("#{}") "}}"));
    deliver(CALL(1, "{part, 65535, 1}"));
    SENT(THEM(1), REPLY(1, "{ok, {1, " OURS("#{}") "}}"));
    world_close();
}

/* Each reply covers a single range, and has no elements. */
static void ends_after_one_reply_for_each_range(void)
{
    unsigned parts = 0;
    size_t bytes = 0;
    open_asking();
    all_ranges_differ(OUR_REF(1));
    for (; parts <= 1024; parts++) {
        char ref[40];
        snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", 2 + parts);
        if (memmem(world.sent.at + world.read, world.sent.len - world.read, "{part,", 6) == NULL)
            break;
        skip_sent();
        deliver_reply(ref, "{ok, {64, " NOTHING "}}");
        bytes += world.sent.len - world.read;
    }
    CU_ASSERT(parts == 1024);
    CU_ASSERT(bytes > ELEMENTS * 100 && bytes < ELEMENTS * 120 + 1024 * 400); /* our state, once */
    is_not_asked_again();
    world_close();
}

static void ignores_late_and_duplicate_replies(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    SENT(OTHERS(5), "{'$gen_call', {" US ", " OUR_REF(2) "}, {part, 0, 32768}}"); /* a piece */
    all_ranges_differ(OUR_REF(1));
    deliver_reply(OUR_REF(1), "{ok, equal}");
    SENT_NOTHING();
    deliver_reply(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    SENT_DELTA(OTHERS(5));
    ASKED_PART(OTHERS(5), OUR_REF(3));
    deliver_reply(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    SENT_NOTHING();
    world_close();
}

/* The new comparison begins with a digest. */
static void asks_again_after_a_timeout(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    ASKED_PART(OTHERS(5), OUR_REF(2));
    wait_ms(LIMIT_PULL_MS + SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(3));
    all_ranges_differ(OUR_REF(2));
    SENT_NOTHING();
    all_ranges_differ(OUR_REF(3));
    ASKED_PART(OTHERS(5), OUR_REF(4));
    deliver_reply(OUR_REF(4), "{error, enough}");
    is_not_asked_again();
    world_close();
}

static void forgets_a_member_that_left(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    ASKED_PART(OTHERS(5), OUR_REF(2));
    left(OTHERS(5));
    deliver_reply(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    is_not_asked_again();
    world_close();
}

/* --- sending in return ----------------------------------------------------------- */

/* While ours is being written, their part is merged; ours is sent when it is on disk. */
static void sends_its_part_when_safe(void)
{
    struct buf state = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR ","
               "  storage => #{file => \"v.dets\"}}");
    put_state(&state, "gset", "x", 0, LARGE);
    load_state(buf_bytes(&state));
    replica_begun(world.replica, NULL, &world.turn);
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    left(THEM(5)); /* after one piece */
    joined(OTHERS(5), false);
    all_ranges_differ(OUR_REF(2));
    deliver(CALL(1, "{mutate, {add, [ours]}}"));
    skip_sent();
    deliver_reply(OUR_REF(3), "{ok, {64, " GSET("theirs => []") "}}");
    ASKED_PART(OTHERS(5), OUR_REF(4));
    wait_ms(100);
    SENT_NOTHING();
    replica_appended(world.replica, 1, NULL, &world.turn);
    SENT(THEM(1), REPLY(1, "ok"));
    DISK_OP("append [#{'__struct__' => 'Elixir.Grove.Set.GSet',actor => <<\"c1\">>,delta_buffer => "
            "#{'__struct__' => 'Elixir.MapSet',map => #{}},elements => "
            "#{'__struct__' => 'Elixir.MapSet',map => #{theirs => []}}}]");
    SENT_DELTA(OTHERS(5));
    wait_ms(100);
    SENT_NOTHING();
    deliver_reply(OUR_REF(4), "{ok, {64, " NOTHING "}}");
    SENT_DELTA(OTHERS(5));
    ASKED_PART(OTHERS(5), OUR_REF(5));
    SENT_NOTHING();
    buf_free(&state);
    world_close();
}

/* No ranges may be lost until a sync tick finds that the node is no longer slow. */
static void sends_its_part_when_the_node_is_no_longer_slow(void)
{
    struct buf delta = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}");
    put_delta(&delta, "gset", "x", 0, ELEMENTS);
    deliver_bytes(buf_bytes(&delta));
    deliver(CAST("sync_now"));
    buf_free(&delta);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    world.slow = BYTES("c@h");
    all_ranges_differ(OUR_REF(1));
    deliver_reply(OUR_REF(2), "{ok, {32768, " NOTHING "}}");
    skip_sent();
    deliver_reply(OUR_REF(3), "{ok, {32768, " NOTHING "}}");
    wait_ms(3 * SYNC_MS);
    SENT_NOTHING();
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SENT_DELTA(OTHERS(5));
    wait_ms(SYNC_MS);
    SENT_DELTA(OTHERS(5));
    SENT_NOTHING();
    world_close();
}

SUITE("compare", TEST(equal_states_cost_one_small_message_each_way),
      TEST(small_states_are_sent_whole), TEST(large_states_are_sent_where_they_differ),
      TEST(an_empty_replica_gets_all), TEST(disjoint_states_are_exchanged_whole),
      TEST(indivisible_states_are_sent_whole), TEST(a_small_replica_gets_a_large_state),
      TEST(refuses_malformed_digest_replies), TEST(refuses_malformed_part_replies),
      TEST(answers_what_is_no_part), TEST(ends_after_one_reply_for_each_range),
      TEST(ignores_late_and_duplicate_replies), TEST(asks_again_after_a_timeout),
      TEST(forgets_a_member_that_left), TEST(sends_its_part_when_safe),
      TEST(sends_its_part_when_the_node_is_no_longer_slow))
