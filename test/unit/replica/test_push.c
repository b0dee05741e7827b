#include "unit/replica/large.h"
#include "unit/replica/world.h"

/* What the member that is told has made of it. */
static struct crdt *theirs;

static const struct crdt_options their_options = {.actor = {(const uint8_t *)"", 0}, .seed = 1};

#define GSET     "#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}"
#define ADD(x)   CAST("{mutate, {add, [" x "]}}")
#define PIECES   4
#define PAUSE_MS LIMIT_PIECE_PAUSE_MS

/* The world's replica has a large set, and no delta. */
static void open_large(void)
{
    struct buf delta = {0};
    world_open(GSET);
    replica_settled(world.replica, true, &world.turn);
    put_delta(&delta, "gset", "x", 0, LARGE);
    told_bytes(buf_bytes(&delta));
    told(CAST("sync_now"));
    buf_free(&delta);
    theirs = crdt_make(crdt_type_named(BYTES("gset")), &their_options);
    QUIET();
}

static void close_large(void)
{
    crdt_free(theirs);
    world_close();
}

/* The last thing said is a piece, or a state or a delta, to the member; which hears it. */
static void heard(const char *who)
{
    TOLD_DELTA(who);
    QUIET();
    hear(theirs, buf_bytes(&world.payload));
}

static bool has_all(void)
{
    return digest_of(theirs) == digest_of(replica_crdt(world.replica));
}

/* The first piece goes out as it joins, before it is asked for its own state. */
static void joins_and_hears_the_first(const char *who)
{
    world.slow = BYTES("b@h");
    joined(who, true);
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    heard(who);
}

static void a_large_state_goes_in_pieces(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    for (unsigned i = 1; i < PIECES; i++) {
        CU_ASSERT(!has_all());
        wait_ms(PAUSE_MS - 1);
        QUIET();
        wait_ms(1);
        CU_ASSERT(world.payload.len < 2 * LIMIT_PIECE_BYTES);
        heard(THEM(5));
    }
    CU_ASSERT(has_all());
    CU_ASSERT(status("behind") == 0);
    wait_ms(100 * PAUSE_MS);
    QUIET();
    close_large();
}

static void each_piece_is_another(void)
{
    size_t bytes = 0;
    open_large();
    joins_and_hears_the_first(THEM(5));
    for (unsigned i = 0; i < PIECES; i++) {
        bytes += world.payload.len;
        wait_ms(PAUSE_MS);
        world.read = world.said.len;
    }
    struct buf state = {0};
    crdt_state(replica_crdt(world.replica), &state);
    CU_ASSERT(bytes > state.len && bytes < state.len + PIECES * 300);
    buf_free(&state);
    close_large();
}

/* Whose node is slow waits, however long, and goes on where it was. */
static void a_slow_one_waits(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    world.slow = BYTES("b@h");
    wait_ms(5 * SYNC_MS);
    QUIET();
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    for (unsigned i = 1; i < PIECES; i++) {
        heard(THEM(5));
        wait_ms(PAUSE_MS);
    }
    QUIET();
    CU_ASSERT(has_all());
    close_large();
}

static void a_change_meanwhile_is_not_lost(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    for (unsigned i = 1; i < PIECES; i++) {
        told("{grove_delta, #{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, "
             "elements => #{'__struct__' => 'Elixir.MapSet', map => #{a => [], b => []}}}}");
        told(ADD("c"));
        told(ADD("{d}"));
        told(CAST("sync_now"));
        if (i == 1)
            heard(THEM(5)); /* the others bring nothing new */
        wait_ms(PAUSE_MS);
        heard(THEM(5));
    }
    CU_ASSERT(has_all());
    close_large();
}

/* It misses a delta in the middle, again and again: all is told anew, but not from the
 * beginning, whose pieces would be all that it ever hears. */
static void a_change_missed_meanwhile_is_not_lost(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    for (unsigned i = 0; i < PIECES; i++) {
        char op[100];
        snprintf(op, sizeof(op), CAST("{mutate, {add, [%u]}}"), i);
        world.slow = BYTES("b@h");
        told(op);
        told(CAST("sync_now"));
        CU_ASSERT(status("behind") == 1);
        wait_ms(PAUSE_MS);
        QUIET();
        world.slow = BYTES("");
        replica_drained(world.replica, BYTES("b@h"), &world.turn);
        CU_ASSERT(status("behind") == 0);
        heard(THEM(5));
    }
    struct buf told_bytes = {0};
    crdt_state(theirs, &told_bytes);
    CU_ASSERT(told_bytes.len > LARGE * 100);
    for (unsigned i = 1; i < PIECES; i++) {
        wait_ms(PAUSE_MS);
        heard(THEM(5));
    }
    CU_ASSERT(has_all());
    wait_ms(PAUSE_MS);
    QUIET();
    buf_free(&told_bytes);
    close_large();
}

static void who_leaves_is_told_no_more(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    left(THEM(5));
    wait_ms(10 * SYNC_MS);
    QUIET();
    joined(THEM(5), true); /* and is new when it comes back */
    wait_ms(PIECES * PAUSE_MS);
    size_t pieces = 0;
    for (size_t i = world.read; i < world.said.len; i++)
        pieces += world.said.at[i] == '\n';
    CU_ASSERT(pieces == 1 + PIECES);
    close_large();
}

/* There is no later for what it has not been told. */
static void the_last_words_are_whole(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    process_exit(world.replica, term_of("normal"), &world.turn);
    heard(THEM(5));
    CU_ASSERT(has_all());
    processes_tidy(world.table);
    close_large();
}

/* A piece is encoded once for all who lack it, and each is told each. */
static void several_are_told_together(void)
{
    open_large();
    joins_and_hears_the_first(THEM(5));
    wait_ms(PAUSE_MS);
    heard(THEM(5));
    joined(OTHERS(5), true);
    SAID("rex", PULL(OUR_REF(2), OTHERS(5)));
    wait_ms(PAUSE_MS);
    TOLD_DELTA(THEM(5));
    heard(OTHERS(5));
    wait_ms(PAUSE_MS);
    TOLD_DELTA(THEM(5));
    heard(OTHERS(5));
    CU_ASSERT(has_all());
    for (unsigned i = 2; i < PIECES; i++) {
        wait_ms(PAUSE_MS);
        heard(OTHERS(5));
    }
    wait_ms(PAUSE_MS);
    QUIET();
    close_large();
}

/* What is not safe is in no piece; nor is anything else told meanwhile. */
static void waits_until_it_is_safe(void)
{
    struct buf state = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR ","
               "  storage => #{file => \"v.dets\"}}");
    theirs = crdt_make(crdt_type_named(BYTES("gset")), &their_options);
    put_state(&state, "gset", "x", 0, LARGE);
    replica_loaded(world.replica, &(struct disk_content){.state = buf_bytes(&state)}, NULL,
                   &world.turn);
    replica_begun(world.replica, NULL, &world.turn);
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    told("{" OUR_REF(1) ", {error, none}}");
    for (unsigned i = 1; i <= PIECES; i++) {
        char op[100];
        snprintf(op, sizeof(op), CALL(1, "{mutate, {add, [%u]}}"), i);
        told(op);
        world.read = world.said.len;
        wait_ms(PAUSE_MS);
        QUIET();
        replica_appended(world.replica, 1, NULL, &world.turn);
        SAID(THEM(1), REPLY(1, "ok"));
        if (i < PIECES)
            TOLD_DELTA(THEM(5));
        QUIET();
    }
    buf_free(&state);
    close_large();
}

/* --- to a coppice ------------------------------------------------------------------ */

static void a_coppice_is_compared_with(void)
{
    open_large();
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    told("{" OUR_REF(1) ", {ok, equal}}");
    wait_ms(10 * SYNC_MS);
    QUIET();
    close_large();
}

/* A comparison that began before does not show what was missed: there is another. */
static void what_it_misses_meanwhile_is_compared_again(void)
{
    open_large();
    joined(OTHERS(5), false);
    ASKED_DIGEST(OTHERS(5), OUR_REF(1));
    world.slow = BYTES("c@h");
    told(ADD("a"));
    wait_ms(SYNC_MS);
    world.slow = BYTES("");
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    QUIET();
    CU_ASSERT(status("behind") == 1);
    told(ADD("b"));
    wait_ms(SYNC_MS);
    heard(OTHERS(5)); /* what is new is told as ever */
    told("{" OUR_REF(1) ", {ok, equal}}");
    wait_ms(SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    CU_ASSERT(status("behind") == 0);
    told("{" OUR_REF(2) ", {ok, equal}}");
    wait_ms(10 * SYNC_MS);
    QUIET();
    close_large();
}

/* It has missed nearly all that we have, and hears it in pieces. */
static void a_coppice_with_little_gets_all(void)
{
    open_large();
    joined(OTHERS(5), false);
    told("{" OUR_REF(1) ", {ok, equal}}");
    world.slow = BYTES("c@h");
    told(ADD("a"));
    wait_ms(SYNC_MS);
    world.slow = BYTES("");
    world.read = world.said.len;
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    told("{" OUR_REF(2) ", " SMALL(
        "#{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, "
        "elements => #{'__struct__' => 'Elixir.MapSet', map => #{}}}") "}");
    for (unsigned i = 0; i < PIECES; i++) {
        heard(OTHERS(5));
        wait_ms(PAUSE_MS);
    }
    QUIET();
    CU_ASSERT(has_all());
    close_large();
}

/* Calls that fail at once, however often, are no reason for more and more of them. */
static void gives_up_who_never_answers(void)
{
    open_large();
    joined(OTHERS(5), false);
    told("{" OUR_REF(1) ", {ok, equal}}");
    for (unsigned i = 0; i < 100; i++) {
        world.slow = BYTES("c@h");
        char op[100];
        snprintf(op, sizeof(op), CAST("{mutate, {add, [%u]}}"), i);
        told(op);
        told(CAST("sync_now"));
        world.slow = BYTES("");
        wait_ms(LIMIT_PULL_MS + 20 * SYNC_MS);
    }
    CU_ASSERT(status("peers") == 1);
    close_large();
}

SUITE("push", TEST(a_large_state_goes_in_pieces), TEST(each_piece_is_another),
      TEST(a_slow_one_waits), TEST(a_change_meanwhile_is_not_lost),
      TEST(a_change_missed_meanwhile_is_not_lost), TEST(who_leaves_is_told_no_more),
      TEST(the_last_words_are_whole), TEST(several_are_told_together), TEST(waits_until_it_is_safe),
      TEST(a_coppice_is_compared_with), TEST(what_it_misses_meanwhile_is_compared_again),
      TEST(a_coppice_with_little_gets_all), TEST(gives_up_who_never_answers))
