#include "unit/replica/pair.h"
#include "unit/replica/world.h"

static const char *const dividing[] = {"gcounter", "gset", "or_set", "or_map", "rga"};

#define TYPES (sizeof(dividing) / sizeof(dividing[0]))

static void gets(struct side *s, const char *type, const char *actor, uint32_t first,
                 uint32_t count)
{
    struct buf delta = {0};
    put_delta(&delta, type, actor, first, count);
    side_gets(s, buf_bytes(&delta));
    buf_free(&delta);
}

static void both_get(const char *type, uint32_t count)
{
    gets(&pair.a, type, "x", 0, count);
    gets(&pair.b, type, "x", 0, count);
    pair_count_anew();
}

/* --- what it costs ------------------------------------------------------------- */

static void equal_states_cost_a_word_each_way(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        both_get(dividing[i], LARGE);
        side_meets(&pair.a, &pair.b);
        CU_ASSERT(pair.a.messages == 1 && pair.a.bytes < 200);
        CU_ASSERT(pair.b.messages == 1 && pair.b.bytes < 200);
        pair_close();
    }
}

static void small_states_are_told_whole(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], "anti_entropy_interval => 1000, anti_entropy_jitter => 0");
        side_meets(&pair.a, &pair.b);
        gets(&pair.b, dividing[i], "z", 1000, 10);
        pair.a.cut = true;
        gets(&pair.a, dividing[i], "y", 0, 10);
        pair.a.cut = false;
        CU_ASSERT(!pair_agrees());
        pair_count_anew();
        pair_wait_ms(1000);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.a.messages <= 3 && pair.b.messages == 1); /* one is news */
        pair_wait_ms(1000);
        pair_count_anew();
        pair_wait_ms(1000);
        CU_ASSERT(pair.a.messages == 1 && pair.b.messages == 1 && pair.b.bytes < 200);
        pair_close();
    }
}

/* Of several MB only what differs travels, and one who asks is enough for both. */
static void large_states_are_told_where_they_differ(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        both_get(dividing[i], LARGE);
        gets(&pair.a, dividing[i], "y", LARGE, 3);
        gets(&pair.b, dividing[i], "z", 2 * LARGE, 4);
        pair_count_anew();
        side_meets(&pair.a, &pair.b);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.a.messages == 1 + 2 * 7 && pair.b.messages == 1 + 7);
        CU_ASSERT(pair.a.bytes > 300 && pair.a.bytes < LIMIT_PIECE_BYTES / 10);
        CU_ASSERT(pair.b.bytes > 400 && pair.b.bytes < LIMIT_PIECE_BYTES / 10);
        crdt_check(replica_crdt(pair.a.replica));
        pair_close();
    }
}

/* Who has nothing gets it in pieces, each once. */
static void an_empty_one_gets_all(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        pair_open(dividing[i], NO_REPAIR);
        gets(&pair.b, dividing[i], "x", 0, LARGE);
        pair_count_anew();
        side_meets(&pair.a, &pair.b);
        CU_ASSERT(pair_agrees());
        CU_ASSERT(pair.b.messages >= 4 && pair.b.messages <= 18);
        CU_ASSERT(pair.b.bytes > LARGE * 100 && pair.b.bytes < LARGE * 400);
        CU_ASSERT(pair.a.bytes < 30000);
        pair_close();
    }
}

/* Strangers with nothing in common are alike when both have asked. */
static void all_of_both_is_exchanged(void)
{
    pair_open("or_set", NO_REPAIR);
    gets(&pair.a, "or_set", "x", 0, LARGE);
    gets(&pair.b, "or_set", "y", 10, 2 * LARGE);
    pair_count_anew();
    side_meets(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.bytes < LARGE * 200 && pair.b.bytes < LARGE * 400);
    pair_count_anew();
    side_meets(&pair.b, &pair.a);
    CU_ASSERT(pair.a.messages == 1 && pair.b.messages == 1);
    pair_close();
}

static void what_does_not_divide_is_told_whole(void)
{
    pair_open("dvv_set", NO_REPAIR);
    both_get("dvv_set", 15000);
    gets(&pair.a, "dvv_set", "y", LARGE, 3);
    gets(&pair.b, "dvv_set", "z", 2 * LARGE, 4);
    pair_count_anew();
    side_meets(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.messages == 2 && pair.b.messages == 1);
    pair_close();
}

/* A small one, whose member has a large one: it has told all it has, and must hear the rest. */
static void a_large_one_tells_a_small_one(void)
{
    pair_open("gset", "anti_entropy_interval => 5000, anti_entropy_jitter => 0");
    side_meets(&pair.a, &pair.b);
    pair.a.cut = true;
    gets(&pair.a, "gset", "x", 0, LARGE);
    pair_wait_ms(1000);
    pair.a.cut = false;
    pair_count_anew();
    pair_wait_ms(10000);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.messages >= 5); /* pieces */
    CU_ASSERT(pair.a.bytes < LARGE * 130);
    pair_close();
}

/* --- hostile answers ------------------------------------------------------------ */

/* The world's replica has a set that is just large enough, and has asked a coppice for its
 * digest. */
#define ELEMENTS (LARGE / 5 * 2)

static void open_asking(void)
{
    struct buf delta = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    put_delta(&delta, "gset", "x", 0, ELEMENTS);
    told_bytes(buf_bytes(&delta));
    told(CAST("sync_now"));
    buf_free(&delta);
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    QUIET();
}

/* As if the coppice had nothing. */
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
    told_bytes(buf_bytes(&answer));
    buf_free(&answer);
}

#define GSET(elements)                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, elements => "                 \
    "#{'__struct__' => 'Elixir.MapSet', map => #{" elements "}}}"
#define NOTHING GSET("")

static void is_asked_no_more(void)
{
    world.read = world.said.len;
    wait_ms(20 * SYNC_MS);
    QUIET();
    for (int i = 0; i < LIMIT_PULLS; i++) { /* none counts as open */
        char pid[60];
        snprintf(pid, sizeof(pid), "#Pid<'b@h'.%d.0.3>", 10 + i);
        joined(pid, false);
        SAID_START(pid, "{'$gen_call',");
    }
    QUIET();
}

static void answered(const char *ref, const char *answer)
{
    char message[400];
    snprintf(message, sizeof(message), "{%s, %s}", ref, answer);
    told(message);
}

static void takes_no_nonsense_for_a_digest(void)
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
        answered(OUR_REF(1), answers[i]);
        is_asked_no_more();
        world_close();
    }
}

static void takes_no_nonsense_for_a_part(void)
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
        answered(OUR_REF(2), answers[i]);
        is_asked_no_more();
        world_close();
    }
}

/* Each answer covers the least it may, and brings nothing. */
static void differs_forever_in_vain(void)
{
    unsigned parts = 0;
    size_t bytes = 0;
    open_asking();
    all_ranges_differ(OUR_REF(1));
    for (; parts <= 1024; parts++) {
        char ref[40];
        snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", 2 + parts);
        if (memmem(world.said.at + world.read, world.said.len - world.read, "{part,", 6) == NULL)
            break;
        world.read = world.said.len;
        answered(ref, "{ok, {64, " NOTHING "}}");
        bytes += world.said.len - world.read;
    }
    CU_ASSERT(parts == 1024);
    CU_ASSERT(bytes > ELEMENTS * 100 && bytes < ELEMENTS * 120 + 1024 * 400); /* our state, once */
    is_asked_no_more();
    world_close();
}

static void what_comes_late_or_twice_is_nothing(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    SAID(OTHERS(5), "{'$gen_call', {" US ", " OUR_REF(2) "}, {part, 0, 32768}}"); /* a piece */
    all_ranges_differ(OUR_REF(1));
    answered(OUR_REF(1), "{ok, equal}");
    QUIET();
    answered(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    TOLD_DELTA(OTHERS(5));
    ASKED_PART(OTHERS(5), OUR_REF(3));
    answered(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    QUIET();
    world_close();
}

/* Begins again, from what is equal by then. */
static void asks_again_who_falls_silent(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    ASKED_PART(OTHERS(5), OUR_REF(2));
    wait_ms(LIMIT_PULL_MS + SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(3));
    all_ranges_differ(OUR_REF(2));
    QUIET();
    all_ranges_differ(OUR_REF(3));
    ASKED_PART(OTHERS(5), OUR_REF(4));
    answered(OUR_REF(4), "{error, enough}");
    is_asked_no_more();
    world_close();
}

static void forgets_who_leaves(void)
{
    open_asking();
    all_ranges_differ(OUR_REF(1));
    ASKED_PART(OTHERS(5), OUR_REF(2));
    left(OTHERS(5));
    answered(OUR_REF(2), "{ok, {64, " NOTHING "}}");
    is_asked_no_more();
    world_close();
}

/* --- what is not safe ------------------------------------------------------------ */

/* Theirs is taken while ours is on its way to the disk, and ours told after that. */
static void tells_its_part_when_it_is_safe(void)
{
    struct buf state = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR ","
               "  storage => #{file => \"v.dets\"}}");
    put_state(&state, "gset", "x", 0, LARGE);
    replica_loaded(world.replica, &(struct disk_content){.state = buf_bytes(&state)}, NULL,
                   &world.turn);
    replica_begun(world.replica, NULL, &world.turn);
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    left(THEM(5)); /* after one piece */
    joined(OTHERS(5), false);
    all_ranges_differ(OUR_REF(2));
    told(CALL(1, "{mutate, {add, [ours]}}"));
    world.read = world.said.len;
    answered(OUR_REF(3), "{ok, {64, " GSET("theirs => []") "}}");
    ASKED_PART(OTHERS(5), OUR_REF(4));
    wait_ms(100);
    QUIET();
    replica_appended(world.replica, 1, NULL, &world.turn);
    SAID(THEM(1), REPLY(1, "ok"));
    WISHED("append [#{'__struct__' => 'Elixir.Grove.Set.GSet',actor => <<\"c1\">>,delta_buffer => "
           "#{'__struct__' => 'Elixir.MapSet',map => #{}},elements => "
           "#{'__struct__' => 'Elixir.MapSet',map => #{theirs => []}}}]");
    TOLD_DELTA(OTHERS(5));
    wait_ms(100);
    QUIET();
    answered(OUR_REF(4), "{ok, {64, " NOTHING "}}");
    TOLD_DELTA(OTHERS(5));
    ASKED_PART(OTHERS(5), OUR_REF(5));
    QUIET();
    buf_free(&state);
    world_close();
}

/* The sync tick sees that its node is no longer slow: no tick may be lost meanwhile. */
static void tells_its_part_when_there_is_room(void)
{
    struct buf delta = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}");
    put_delta(&delta, "gset", "x", 0, ELEMENTS);
    told_bytes(buf_bytes(&delta));
    told(CAST("sync_now"));
    buf_free(&delta);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    world.slow = BYTES("c@h");
    all_ranges_differ(OUR_REF(1));
    answered(OUR_REF(2), "{ok, {32768, " NOTHING "}}");
    world.read = world.said.len;
    answered(OUR_REF(3), "{ok, {32768, " NOTHING "}}");
    wait_ms(3 * SYNC_MS);
    QUIET();
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    TOLD_DELTA(OTHERS(5));
    wait_ms(SYNC_MS);
    TOLD_DELTA(OTHERS(5));
    QUIET();
    world_close();
}

SUITE("compare", TEST(equal_states_cost_a_word_each_way), TEST(small_states_are_told_whole),
      TEST(large_states_are_told_where_they_differ), TEST(an_empty_one_gets_all),
      TEST(all_of_both_is_exchanged), TEST(what_does_not_divide_is_told_whole),
      TEST(a_large_one_tells_a_small_one), TEST(takes_no_nonsense_for_a_digest),
      TEST(takes_no_nonsense_for_a_part), TEST(differs_forever_in_vain),
      TEST(what_comes_late_or_twice_is_nothing), TEST(asks_again_who_falls_silent),
      TEST(forgets_who_leaves), TEST(tells_its_part_when_it_is_safe),
      TEST(tells_its_part_when_there_is_room))
