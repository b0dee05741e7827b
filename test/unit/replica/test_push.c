#include "unit/replica/large.h"
#include "unit/replica/world.h"

/* The member's state: all that was sent to it, merged. */
static struct crdt *theirs;

static const struct crdt_options their_options = {.actor = {(const uint8_t *)"", 0}, .seed = 1};

#define GSET     "#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}"
#define ADD(x)   CAST("{mutate, {add, [" x "]}}")
#define PIECES   4
#define PAUSE_MS LIMIT_PIECE_PAUSE_MS

/* The world's replica has a large set and no unsent delta. */
static void open_large(void)
{
    struct buf delta = {0};
    world_open(GSET);
    replica_settled(world.replica, true, &world.turn);
    put_delta(&delta, "gset", "x", 0, LARGE);
    deliver_bytes(buf_bytes(&delta));
    deliver(CAST("sync_now"));
    buf_free(&delta);
    theirs = crdt_make(crdt_type_named(BYTES("gset")), &their_options);
    SENT_NOTHING();
}

static void close_large(void)
{
    crdt_free(theirs);
    world_close();
}

/* The next line, and the only one, is a struct for the member, which merges it. */
static void receives(const char *who)
{
    SENT_DELTA(who);
    SENT_NOTHING();
    merge_message(theirs, buf_bytes(&world.payload));
}

static bool has_all(void)
{
    return digest_of(theirs) == digest_of(replica_crdt(world.replica));
}

/* Its node is slow at first, so that the pull precedes the first piece. */
static void join_and_receive_first_piece(const char *who)
{
    world.slow = BYTES("b@h");
    joined(who, true);
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    receives(who);
}

static void a_large_state_is_sent_in_pieces(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    for (unsigned i = 1; i < PIECES; i++) {
        CU_ASSERT(!has_all());
        wait_ms(PAUSE_MS - 1);
        SENT_NOTHING();
        wait_ms(1);
        CU_ASSERT(world.payload.len < 2 * LIMIT_PIECE_BYTES);
        receives(THEM(5));
    }
    CU_ASSERT(has_all());
    CU_ASSERT(status("behind") == 0);
    wait_ms(100 * PAUSE_MS);
    SENT_NOTHING();
    close_large();
}

static void pieces_do_not_overlap(void)
{
    size_t bytes = 0;
    open_large();
    join_and_receive_first_piece(THEM(5));
    for (unsigned i = 0; i < PIECES; i++) {
        bytes += world.payload.len;
        wait_ms(PAUSE_MS);
        skip_sent();
    }
    struct buf state = {0};
    crdt_state(replica_crdt(world.replica), &state);
    CU_ASSERT(bytes > state.len && bytes < state.len + PIECES * 300);
    buf_free(&state);
    close_large();
}

/* However long; then the pieces continue where they stopped. */
static void a_slow_member_waits(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    world.slow = BYTES("b@h");
    wait_ms(5 * SYNC_MS);
    SENT_NOTHING();
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    for (unsigned i = 1; i < PIECES; i++) {
        receives(THEM(5));
        wait_ms(PAUSE_MS);
    }
    SENT_NOTHING();
    CU_ASSERT(has_all());
    close_large();
}

static void a_change_between_pieces_is_not_lost(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    for (unsigned i = 1; i < PIECES; i++) {
        deliver("{grove_delta, #{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, "
                "elements => #{'__struct__' => 'Elixir.MapSet', map => #{a => [], b => []}}}}");
        deliver(ADD("c"));
        deliver(ADD("{d}"));
        deliver(CAST("sync_now"));
        if (i == 1)
            receives(THEM(5)); /* the later ones change nothing */
        wait_ms(PAUSE_MS);
        receives(THEM(5));
    }
    CU_ASSERT(has_all());
    close_large();
}

/* It misses a delta again and again: all is sent again, but not always from the beginning, or
 * it would never receive the last pieces. */
static void a_delta_missed_between_pieces_is_not_lost(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    for (unsigned i = 0; i < PIECES; i++) {
        char op[100];
        snprintf(op, sizeof(op), CAST("{mutate, {add, [%u]}}"), i);
        world.slow = BYTES("b@h");
        deliver(op);
        deliver(CAST("sync_now"));
        CU_ASSERT(status("behind") == 1);
        wait_ms(PAUSE_MS);
        SENT_NOTHING();
        world.slow = BYTES("");
        replica_drained(world.replica, BYTES("b@h"), &world.turn);
        CU_ASSERT(status("behind") == 0);
        receives(THEM(5));
    }
    struct buf received = {0};
    crdt_state(theirs, &received);
    CU_ASSERT(received.len > LARGE * 100);
    for (unsigned i = 1; i < PIECES; i++) {
        wait_ms(PAUSE_MS);
        receives(THEM(5));
    }
    CU_ASSERT(has_all());
    wait_ms(PAUSE_MS);
    SENT_NOTHING();
    buf_free(&received);
    close_large();
}

static void a_member_that_left_gets_no_more_pieces(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    left(THEM(5));
    wait_ms(10 * SYNC_MS);
    SENT_NOTHING();
    joined(THEM(5), true); /* a new member */
    wait_ms(PIECES * PAUSE_MS);
    size_t pieces = 0;
    for (size_t i = world.read; i < world.sent.len; i++)
        pieces += world.sent.at[i] == '\n';
    CU_ASSERT(pieces == 1 + PIECES);
    close_large();
}

/* Its missing pieces cannot be sent later. */
static void the_final_sync_sends_the_whole_state(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    process_exit(world.replica, term_of("normal"), &world.turn);
    receives(THEM(5));
    CU_ASSERT(has_all());
    processes_tidy(world.table);
    close_large();
}

/* A piece is encoded once for all of them. */
static void a_piece_is_sent_to_all_that_lack_it(void)
{
    open_large();
    join_and_receive_first_piece(THEM(5));
    wait_ms(PAUSE_MS);
    receives(THEM(5));
    joined(OTHERS(5), true);
    SENT("rex", PULL(OUR_REF(2), OTHERS(5)));
    wait_ms(PAUSE_MS);
    SENT_DELTA(THEM(5));
    receives(OTHERS(5));
    wait_ms(PAUSE_MS);
    SENT_DELTA(THEM(5));
    receives(OTHERS(5));
    CU_ASSERT(has_all());
    for (unsigned i = 2; i < PIECES; i++) {
        wait_ms(PAUSE_MS);
        receives(OTHERS(5));
    }
    wait_ms(PAUSE_MS);
    SENT_NOTHING();
    close_large();
}

/* Nothing is sent while the state is not safe. */
static void waits_until_safe(void)
{
    struct buf state = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR ","
               "  storage => #{file => \"v.dets\"}}");
    theirs = crdt_make(crdt_type_named(BYTES("gset")), &their_options);
    put_state(&state, "gset", "x", 0, LARGE);
    load_state(buf_bytes(&state));
    replica_begun(world.replica, NULL, &world.turn);
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    deliver("{" OUR_REF(1) ", {error, none}}");
    for (unsigned i = 1; i <= PIECES; i++) {
        char op[100];
        snprintf(op, sizeof(op), CALL(1, "{mutate, {add, [%u]}}"), i);
        deliver(op);
        skip_sent();
        wait_ms(PAUSE_MS);
        SENT_NOTHING();
        replica_appended(world.replica, 1, NULL, &world.turn);
        SENT(THEM(1), REPLY(1, "ok"));
        if (i < PIECES)
            SENT_DELTA(THEM(5));
        SENT_NOTHING();
    }
    buf_free(&state);
    close_large();
}

/* --- to another coppice ------------------------------------------------------------ */

static void compares_with_a_coppice(void)
{
    open_large();
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    deliver("{" OUR_REF(1) ", {ok, equal}}");
    wait_ms(10 * SYNC_MS);
    SENT_NOTHING();
    close_large();
}

/* A comparison that was under way does not cover the missed delta. */
static void compares_again_after_a_missed_delta(void)
{
    open_large();
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    world.slow = BYTES("c@h");
    deliver(ADD("a"));
    wait_ms(SYNC_MS);
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 1);
    deliver(ADD("b"));
    wait_ms(SYNC_MS);
    receives(OTHERS(5)); /* later deltas are sent as usual */
    deliver("{" OUR_REF(1) ", {ok, equal}}");
    wait_ms(SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    CU_ASSERT(status("behind") == 0);
    deliver("{" OUR_REF(2) ", {ok, equal}}");
    wait_ms(10 * SYNC_MS);
    SENT_NOTHING();
    close_large();
}

/* In pieces. */
static void a_nearly_empty_coppice_gets_all(void)
{
    open_large();
    joined(OTHERS(5), false);
    deliver("{" OUR_REF(1) ", {ok, equal}}");
    world.slow = BYTES("c@h");
    deliver(ADD("a"));
    wait_ms(SYNC_MS);
    world.slow = BYTES("");
    skip_sent();
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    deliver("{" OUR_REF(2) ", " SMALL(
        "#{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, "
        "elements => #{'__struct__' => 'Elixir.MapSet', map => #{}}}") "}");
    for (unsigned i = 0; i < PIECES; i++) {
        receives(OTHERS(5));
        wait_ms(PAUSE_MS);
    }
    SENT_NOTHING();
    CU_ASSERT(has_all());
    close_large();
}

/* However often it falls behind. */
static void gives_up_a_member_that_never_answers(void)
{
    open_large();
    joined(OTHERS(5), false);
    deliver("{" OUR_REF(1) ", {ok, equal}}");
    for (unsigned i = 0; i < 100; i++) {
        world.slow = BYTES("c@h");
        char op[100];
        snprintf(op, sizeof(op), CAST("{mutate, {add, [%u]}}"), i);
        deliver(op);
        deliver(CAST("sync_now"));
        world.slow = BYTES("");
        wait_ms(LIMIT_PULL_MS + 20 * SYNC_MS);
    }
    CU_ASSERT(status("peers") == 1);
    close_large();
}

SUITE("push", TEST(a_large_state_is_sent_in_pieces), TEST(pieces_do_not_overlap),
      TEST(a_slow_member_waits), TEST(a_change_between_pieces_is_not_lost),
      TEST(a_delta_missed_between_pieces_is_not_lost), TEST(a_member_that_left_gets_no_more_pieces),
      TEST(the_final_sync_sends_the_whole_state), TEST(a_piece_is_sent_to_all_that_lack_it),
      TEST(waits_until_safe), TEST(compares_with_a_coppice),
      TEST(compares_again_after_a_missed_delta), TEST(a_nearly_empty_coppice_gets_all),
      TEST(gives_up_a_member_that_never_answers))
