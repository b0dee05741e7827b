#include "unit/replica/pair.h"
#include "unit/replica/world.h"

#define EVERY(ms, jitter)                                                                          \
    "#{crdt => gcounter, sync_interval => 1000, anti_entropy_interval => " #ms                     \
    ", anti_entropy_jitter => " #jitter "}"

static char ref[60];
static unsigned answered; /* calls of the replica, whose references have numbers from 1 on */

static const char *ref_of(unsigned n)
{
    snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", n);
    return ref;
}

static void answer_equal(void)
{
    char answer[100];
    snprintf(answer, sizeof(answer), "{%s, {ok, equal}}", ref_of(++answered));
    deliver(answer);
    skip_sent();
}

/* Now and then another question follows. */
static void reply_equal(void)
{
    answer_equal();
    if (status("repairs") > 0 && status("repairs") % LIMIT_VERIFIED_REPAIRS == 0)
        answer_equal();
}

/* One member, a coppice with an equal state. */
static void open_with_coppice(const char *options)
{
    world_open(options);
    answered = 0;
    replica_settled(world.replica, true, &world.turn);
    joined(OTHERS(5), false);
    reply_equal();
}

/* Waits for the next round, at most this long; returns the milliseconds. */
static uint64_t wait_for_repair(uint64_t most_ms)
{
    uint64_t from = world.turn.now_ms;
    while (world.sent.len == world.read && world.turn.now_ms < from + most_ms)
        wait_ms(1);
    return world.turn.now_ms - from;
}

/* --- timing ---------------------------------------------------------------------- */

static void runs_at_its_interval(void)
{
    open_with_coppice(EVERY(2500, 0));
    for (unsigned i = 0; i < 10; i++) {
        wait_ms(2499);
        SENT_NOTHING();
        wait_ms(1);
        ASKED_DIGEST(OTHERS(5), ref_of(answered + 1));
        SENT_NOTHING();
        reply_equal();
        CU_ASSERT(status("repairs") == i + 1);
    }
    world_close();
}

static void jitters_within_bounds(void)
{
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    open_with_coppice(EVERY(1000, 25));
    for (unsigned i = 0; i < 200; i++) {
        uint64_t ms = wait_for_repair(2000);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        sum += ms;
        reply_equal();
    }
    CU_ASSERT(least >= 750 && least < 800);
    CU_ASSERT(most <= 1250 && most > 1200);
    CU_ASSERT(sum / 200 > 950 && sum / 200 < 1050);
    world_close();
}

static void works_with_full_jitter(void)
{
    open_with_coppice(EVERY(100, 100));
    for (unsigned i = 0; i < 500; i++) {
        CU_ASSERT(wait_for_repair(1000) <= 200);
        reply_equal();
    }
    world_close();
}

static void does_nothing_without_members(void)
{
    world_open(EVERY(100, 0));
    replica_settled(world.replica, true, &world.turn);
    wait_ms(10 * SYNC_MS);
    SENT_NOTHING();
    CU_ASSERT(status("repairs") == 0);
    world_close();
}

/* --- choice of the member --------------------------------------------------------- */

static void chooses_any_member(void)
{
    static const char *const members[] = {OTHERS(1), OTHERS(2), OTHERS(3), OTHERS(4)};
    unsigned times[4] = {0};
    world_open(EVERY(100, 25));
    answered = 0;
    replica_settled(world.replica, true, &world.turn);
    for (unsigned i = 0; i < 4; i++)
        joined(members[i], false);
    for (unsigned i = 0; i < 4; i++)
        reply_equal();
    for (unsigned n = 0; n < 200; n++) {
        wait_for_repair(1000);
        struct bytes line = {world.sent.at + world.read, world.sent.len - world.read};
        for (unsigned i = 0; i < 4; i++) {
            struct bytes pid = bytes_of(members[i]);
            times[i] += line.len > pid.len && memcmp(line.at, pid.at, pid.len) == 0;
        }
        reply_equal();
    }
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT(times[i] > 25 && times[i] < 75);
    CU_ASSERT(times[0] + times[1] + times[2] + times[3] == 200);
    world_close();
}

/* A Grove server cannot compare. */
static void exchanges_whole_states_with_a_beam(void)
{
    world_open(EVERY(5000, 0));
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    deliver("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 1}") "}}");
    wait_ms(2 * SYNC_MS);
    skip_sent();
    wait_ms(3 * SYNC_MS);
    SENT("rex", PULL(OUR_REF(2), THEM(5)));
    SENT(THEM(5), OUR_DELTA("#{b => 1}"));
    SENT_NOTHING();
    deliver("{" OUR_REF(2) ", {ok, " GCOUNTER("b", "#{b => 3}") "}}");
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 3}"));
    world_close();
}

static void skips_slow_nodes(void)
{
    open_with_coppice(EVERY(5000, 0));
    world.slow = BYTES("c@h");
    wait_ms(20 * SYNC_MS);
    SENT_NOTHING();
    CU_ASSERT(status("repairs") == 0);
    world.slow = BYTES("");
    wait_ms(5 * SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    world_close();
}

static void asks_no_member_twice_at_once(void)
{
    open_with_coppice(EVERY(100, 0));
    wait_ms(100);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    wait_ms(5000);
    SENT_NOTHING();
    CU_ASSERT(status("repairs") == 1);
    reply_equal();
    wait_ms(100);
    ASKED_DIGEST(OTHERS(5), OUR_REF(3));
    world_close();
}

/* It was given up because it had not answered for so long. */
static void asks_a_given_up_member_again(void)
{
    world_open(EVERY(3600000, 0));
    replica_settled(world.replica, true, &world.turn);
    joined(OTHERS(5), false);
    wait_ms(3599999);
    skip_sent();
    wait_ms(1);
    ASKED_DIGEST(OTHERS(5), ref_of(LIMIT_PULL_TRIES + 1));
    wait_ms(LIMIT_PULL_MS + SYNC_MS);
    SENT_PREFIX(OTHERS(5), "{'$gen_call',"); /* with retries, as for a new member */
    world_close();
}

/* --- effect ------------------------------------------------------------------------ */

/* The sender takes it for sent: neither side knows that it is missing. */
static void heals_a_lost_delta(void)
{
    for (unsigned who = 0; who < 2; who++) {
        pair_open("gcounter", "anti_entropy_interval => 5000");
        struct side *s = who == 0 ? &pair.a : &pair.b;
        side_sees(&pair.a, &pair.b);
        side_sees(&pair.b, &pair.a);
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

/* A storage error is temporary: not a final refusal. */
static void asks_a_member_with_failing_storage_again(void)
{
    world_open(OPTIONS);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    skip_sent();
    deliver("{" OUR_REF(1) ", {error, {storage, eio}}}");
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    deliver("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{<<\"c1\">> => 7}")) "}");
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CALL(2, "value"));
    SENT(THEM(2), REPLY(2, "{ok, 8}"));
    world_close();
}

SUITE("repair", TEST(runs_at_its_interval), TEST(jitters_within_bounds),
      TEST(works_with_full_jitter), TEST(does_nothing_without_members), TEST(chooses_any_member),
      TEST(exchanges_whole_states_with_a_beam), TEST(skips_slow_nodes),
      TEST(asks_no_member_twice_at_once), TEST(asks_a_given_up_member_again),
      TEST(heals_a_lost_delta), TEST(asks_a_member_with_failing_storage_again))
