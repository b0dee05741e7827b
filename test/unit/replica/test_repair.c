#include "unit/replica/pair.h"
#include "unit/replica/world.h"

#define EVERY(ms, jitter)                                                                          \
    "#{crdt => gcounter, sync_interval => 1000, anti_entropy_interval => " #ms                     \
    ", anti_entropy_jitter => " #jitter "}"

static char ref[60];

static const char *ref_of(unsigned n)
{
    snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", n);
    return ref;
}

static void is_equal(unsigned n)
{
    char answer[100];
    snprintf(answer, sizeof(answer), "{%s, {ok, equal}}", ref_of(n));
    told(answer);
    world.read = world.said.len;
}

/* A coppice, with whom all is well. */
static void open_with_coppice(const char *options)
{
    world_open(options);
    replica_settled(world.replica, true, &world.turn);
    joined(OTHERS(5), false);
    is_equal(1);
}

/* Milliseconds until the next one, at most these. */
static uint64_t ms_to_repair(uint64_t most)
{
    uint64_t from = world.turn.now_ms;
    while (world.said.len == world.read && world.turn.now_ms < from + most)
        wait_ms(1);
    return world.turn.now_ms - from;
}

/* --- when ------------------------------------------------------------------------ */

static void comes_at_its_interval(void)
{
    open_with_coppice(EVERY(2500, 0));
    for (unsigned i = 0; i < 10; i++) {
        wait_ms(2499);
        QUIET();
        wait_ms(1);
        ASKED_DIGEST(OTHERS(5), ref_of(2 + i));
        QUIET();
        is_equal(2 + i);
        CU_ASSERT(status("repairs") == i + 1);
    }
    world_close();
}

static void jitters_within_bounds(void)
{
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    open_with_coppice(EVERY(1000, 25));
    for (unsigned i = 0; i < 200; i++) {
        uint64_t ms = ms_to_repair(2000);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        sum += ms;
        is_equal(2 + i);
    }
    CU_ASSERT(least >= 750 && least < 800);
    CU_ASSERT(most <= 1250 && most > 1200);
    CU_ASSERT(sum / 200 > 950 && sum / 200 < 1050);
    world_close();
}

static void bears_all_the_jitter_there_is(void)
{
    open_with_coppice(EVERY(100, 100));
    for (unsigned i = 0; i < 500; i++) {
        CU_ASSERT(ms_to_repair(1000) <= 200);
        is_equal(2 + i);
    }
    world_close();
}

static void comes_to_nothing_alone(void)
{
    world_open(EVERY(100, 0));
    replica_settled(world.replica, true, &world.turn);
    wait_ms(10 * SYNC_MS);
    QUIET();
    CU_ASSERT(status("repairs") == 0);
    world_close();
}

/* --- with whom -------------------------------------------------------------------- */

static void takes_any_member(void)
{
    static const char *const members[] = {OTHERS(1), OTHERS(2), OTHERS(3), OTHERS(4)};
    unsigned times[4] = {0};
    world_open(EVERY(100, 25));
    replica_settled(world.replica, true, &world.turn);
    for (unsigned i = 0; i < 4; i++)
        joined(members[i], false);
    for (unsigned i = 0; i < 4; i++)
        is_equal(1 + i);
    for (unsigned n = 5; n < 205; n++) {
        ms_to_repair(1000);
        struct bytes line = {world.said.at + world.read, world.said.len - world.read};
        for (unsigned i = 0; i < 4; i++) {
            struct bytes pid = bytes_of(members[i]);
            times[i] += line.len > pid.len && memcmp(line.at, pid.at, pid.len) == 0;
        }
        is_equal(n);
    }
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT(times[i] > 25 && times[i] < 75);
    CU_ASSERT(times[0] + times[1] + times[2] + times[3] == 200);
    world_close();
}

/* Grove's server cannot say where it differs. */
static void asks_and_tells_a_beam_all(void)
{
    world_open(EVERY(5000, 0));
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    told("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 1}") "}}");
    wait_ms(2 * SYNC_MS);
    world.read = world.said.len;
    wait_ms(3 * SYNC_MS);
    SAID("rex", PULL(OUR_REF(2), THEM(5)));
    SAID(THEM(5), OUR_DELTA("#{b => 1}"));
    QUIET();
    told("{" OUR_REF(2) ", {ok, " GCOUNTER("b", "#{b => 3}") "}}");
    told(CALL(1, "value"));
    SAID(THEM(1), REPLY(1, "{ok, 3}"));
    world_close();
}

static void spares_the_slow(void)
{
    open_with_coppice(EVERY(5000, 0));
    world.slow = BYTES("c@h");
    wait_ms(20 * SYNC_MS);
    QUIET();
    CU_ASSERT(status("repairs") == 0);
    world.slow = BYTES("");
    wait_ms(5 * SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    world_close();
}

static void asks_nobody_twice_at_once(void)
{
    open_with_coppice(EVERY(100, 0));
    wait_ms(100);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    wait_ms(5000);
    QUIET();
    CU_ASSERT(status("repairs") == 1);
    is_equal(2);
    wait_ms(100);
    ASKED_DIGEST(OTHERS(5), OUR_REF(3));
    world_close();
}

/* Who did not answer for so long that it was given up. */
static void asks_again_who_was_given_up(void)
{
    world_open(EVERY(3600000, 0));
    replica_settled(world.replica, true, &world.turn);
    joined(OTHERS(5), false);
    wait_ms(3599999);
    world.read = world.said.len;
    wait_ms(1);
    ASKED_DIGEST(OTHERS(5), ref_of(LIMIT_PULL_TRIES + 1));
    wait_ms(LIMIT_PULL_MS + SYNC_MS);
    SAID_START(OTHERS(5), "{'$gen_call',"); /* and as often as when it was new */
    world_close();
}

/* --- what for ---------------------------------------------------------------------- */

/* The node thought that it had gone out; neither says anything more of it. */
static void heals_a_delta_that_was_lost(void)
{
    for (unsigned who = 0; who < 2; who++) {
        pair_open("gcounter", "anti_entropy_interval => 5000");
        struct side *s = who == 0 ? &pair.a : &pair.b;
        side_meets(&pair.a, &pair.b);
        side_meets(&pair.b, &pair.a);
        s->cut = true;
        process_deliver(s->replica, term_of(CAST("{mutate, increment}")), &s->turn);
        pair_wait_ms(1000);
        s->cut = false;
        pair_wait_ms(2000);
        CU_ASSERT(!pair_agrees());
        pair_wait_ms(4000);
        CU_ASSERT(pair_agrees());
        pair_close();
    }
}

/* Its state is there, and it will tell it when its disk works: it is not its last word. */
static void waits_for_who_cannot_read_its_files(void)
{
    world_open(OPTIONS);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    told(CALL(1, "{mutate, increment}"));
    world.read = world.said.len;
    told("{" OUR_REF(1) ", {error, {storage, eio}}}");
    QUIET();
    wait_ms(SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    told("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{<<\"c1\">> => 7}")) "}");
    SAID(THEM(1), REPLY(1, "ok"));
    told(CALL(2, "value"));
    SAID(THEM(2), REPLY(2, "{ok, 8}"));
    world_close();
}

SUITE("repair", TEST(comes_at_its_interval), TEST(jitters_within_bounds),
      TEST(bears_all_the_jitter_there_is), TEST(comes_to_nothing_alone), TEST(takes_any_member),
      TEST(asks_and_tells_a_beam_all), TEST(spares_the_slow), TEST(asks_nobody_twice_at_once),
      TEST(asks_again_who_was_given_up), TEST(heals_a_delta_that_was_lost),
      TEST(waits_for_who_cannot_read_its_files))
