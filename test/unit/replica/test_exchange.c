#include "unit/replica/world.h"

#define GOT_ONE "{ok, " GCOUNTER("b", "#{b => 1}") "}"

static void increment(void)
{
    told(CAST("{mutate, increment}"));
}

static void value_is(const char *reply)
{
    told("{'$gen_call', {" OTHERS(77) ", v}, value}");
    SAID(OTHERS(77), reply);
}

/* --- in ---------------------------------------------------------------------- */

static void takes_deltas_in_every_form(void)
{
#define STRUCT(n) GCOUNTER("b", "#{b => " #n "}")
    static const char *const forms[] = {
        "{grove_delta, " STRUCT(1) ", " THEM(9) "}",
        "{grove_delta, " STRUCT(2) "}",
        "{delta, " STRUCT(3) "}",
        "{delta, " STRUCT(4) ", " THEM(9) "}",
        CAST("{grove_delta, " STRUCT(5) ", " THEM(9) "}"),
        CAST("{grove_delta, " STRUCT(6) "}"),
        CAST("{delta, " STRUCT(7) "}"),
        CAST("{delta, " STRUCT(8) ", " THEM(9) "}"),
    };
    world_open_settled();
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char wanted[40];
        told(forms[i]);
        snprintf(wanted, sizeof(wanted), "{v, {ok, %zu}}", i + 1);
        value_is(wanted);
    }
    CU_ASSERT(status("merges") == 8 && status("refused") == 0 && status("ignored") == 0);
    QUIET();
    world_close();
}

/* A group's message to all comes back to who sent it. */
static void drops_what_it_said_itself(void)
{
    world_open_settled();
    told("{grove_delta, " GCOUNTER("b", "#{b => 1}") ", " US "}");
    told(CAST("{delta, " GCOUNTER("b", "#{b => 1}") ", " US "}"));
    value_is("{v, {ok, 0}}");
    CU_ASSERT(status("merges") == 0 && status("refused") == 0);
    /* The same pid as an old node encodes it: atom 100, pid 103 and 88 alike. */
    struct buf old = {0};
    buf_put(&old, hex("68 03 64 000b 67726f76655f64656c7461"));
    put_term(&old, term_of(GCOUNTER("b", "#{b => 1}")));
    buf_put(&old, hex("58 64 0003 614068 00000001 00000000 00000007"));
    told_bytes(buf_bytes(&old));
    CU_ASSERT(status("merges") == 0);
    old.at[old.len - 1] = 8; /* who we were before a restart is someone else */
    told_bytes(buf_bytes(&old));
    CU_ASSERT(status("merges") == 1);
    buf_free(&old);
    world_close();
}

static void takes_no_delta_for_an_empty_one(void)
{
    world_open_settled();
    told("{grove_delta, nil, " THEM(9) "}");
    CU_ASSERT(status("refused") == 0 && status("ignored") == 0);
    told("{grove_delta, " GCOUNTER("b", "#{}") ", " THEM(9) "}");
    CU_ASSERT(status("merges") == 1);
    QUIET();
    world_close();
}

/* Members have told everyone what they did since their state is in. */
static void passes_on_no_news(void)
{
    world_open_settled();
    joined(OTHERS(5), true);
    told("{" OUR_REF(1) ", " GOT_ONE "}");
    told(CAST("sync_now"));
    world.read = world.said.len;
    told("{grove_delta, " GCOUNTER("b", "#{b => 9}") ", " OTHERS(5) "}");
    told(CAST("sync_now"));
    QUIET();
    value_is("{v, {ok, 9}}");
    world_close();
}

/* What is in a member's state, or comes before it, or from a stranger, others may have
 * missed: our own past among it. */
static void passes_on_the_past(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    world.read = world.said.len;
    told("{grove_delta, " GCOUNTER("b", "#{<<\"c1\">> => 1}") ", " OTHERS(5) "}");
    told(CAST("sync_now"));
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    told("{" OUR_REF(2) ", {ok, " GCOUNTER("b", "#{b => 2, <<\"c1\">> => 3}") "}}");
    told("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 1}") "}}");
    told(CAST("sync_now"));
    SAID(THEM(5), OUR_DELTA("#{b => 2, <<\"c1\">> => 3}"));
    SAID(OTHERS(5), OUR_DELTA("#{b => 2, <<\"c1\">> => 3}"));
    told(THEIR_DELTA("#{b => 2, d => 4}"));
    told("{delta, " GCOUNTER("b", "#{e => 5}") "}");
    told(CAST("sync_now"));
    SAID(THEM(5), OUR_DELTA("#{d => 4, e => 5}"));
    SAID(OTHERS(5), OUR_DELTA("#{d => 4, e => 5}"));
    told(CAST("sync_now"));
    QUIET();
    world_close();
}

/* Nobody has caught us up yet, so whatever comes may be what others miss. */
static void passes_on_all_until_it_has_caught_up(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    told("{" OUR_REF(1) ", " GOT_ONE "}");
    told(CAST("sync_now"));
    world.read = world.said.len;
    told("{grove_delta, " GCOUNTER("b", "#{b => 9}") ", " THEM(5) "}");
    told(CAST("sync_now"));
    SAID(THEM(5), OUR_DELTA("#{b => 9}"));
    SAID(OTHERS(5), OUR_DELTA("#{b => 9}"));
    QUIET();
    world_close();
}

/* Of a newer Grove: its fields are in every struct, so in ours too. */
static void sends_unknown_fields_with_a_delta(void)
{
#define WIDER(actor, counts)                                                                       \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => " actor ", counts => " counts     \
    ", delta_buffer => #{}, hlc => 3}"
    world_open_settled();
    joined(OTHERS(5), true);
    told("{" OUR_REF(1) ", {ok, " WIDER("b", "#{b => 1}") "}}");
    told(CAST("sync_now"));
    increment();
    world.read = world.said.len;
    told(CAST("sync_now"));
    SAID(OTHERS(5), "{grove_delta, " WIDER("<<\"c1\">>", "#{<<\"c1\">> => 1}") ", " US "}");
    told(CAST("sync_now"));
    QUIET();
    world_close();
}

static void refuses_what_is_malformed(void)
{
    world_open_settled();
    increment();
    for (int i = 0; i < 9; i++)
        told("{grove_delta, " GCOUNTER("b", "#{b => 1, c => -1}") ", " THEM(9) "}");
    value_is("{v, {ok, 1}}");
    CU_ASSERT(status("refused") == 9 && status("merges") == 0);
    CU_ASSERT(log_lines() == 4); /* 1, 2, 4, 8 */
    CU_ASSERT(logged("page_views: refused a struct: a number out of range, from "
                     "#Pid<'b@h'.9.0.3> (1 refused so far)"));
    CU_ASSERT(logged("(8 refused so far)"));
    told("{grove_delta, #{'__struct__' => 'Elixir.Grove.Set.GSet'}}");
    told("{delta, 7, 8}");
    CU_ASSERT(status("refused") == 11);
    QUIET();
    world_close();
}

/* --- out --------------------------------------------------------------------- */

static void syncs_on_its_timer(void)
{
    world_open_settled();
    joined(THEM(5), false);
    joined(OTHERS(5), false);
    joined(OTHERS(6), true);
    told("{" OUR_REF(1) ", " GOT_ONE "}");
    told("{" OUR_REF(2) ", " GOT_ONE "}");
    told("{" OUR_REF(3) ", " GOT_ONE "}");
    told(CAST("sync_now"));
    world.read = world.said.len;
    wait_ms(SYNC_MS);
    QUIET(); /* nothing to tell */
    increment();
    wait_ms(SYNC_MS - 1);
    QUIET();
    wait_ms(1);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID(OTHERS(6), OUR_DELTA("#{<<\"c1\">> => 1}"));
    wait_ms(10 * SYNC_MS);
    QUIET();
    world_close();
}

/* Nothing is kept for members to come: they get the state. */
static void forgets_the_delta_without_members(void)
{
    world_open_settled();
    increment();
    wait_ms(SYNC_MS);
    joined(THEM(5), true);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    wait_ms(SYNC_MS);
    QUIET();
    world_close();
}

static void tells_a_delta_that_comes_to_nothing(void)
{
    world_open("#{crdt => pncounter, sync_interval => 1000}");
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    world.read = world.said.len;
    told(CAST("{mutate, [increment, decrement]}"));
    wait_ms(SYNC_MS);
    CU_ASSERT(world.said.len > world.read);
    world_close();
}

static void syncs_when_told(void)
{
    world_open_settled();
    joined(THEM(5), true);
    increment();
    world.read = world.said.len;
    told("sync_now");
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    told("sync_now");
    QUIET();
    world_close();
}

static void spares_slow_peers(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    world.read = world.said.len;
    world.slow = BYTES("b@h");
    increment();
    told(CAST("sync"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    increment();
    told(CAST("sync"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 2}"));
    QUIET();
    CU_ASSERT(status("behind") == 1);

    replica_drained(world.replica, BYTES("b@h"), &world.turn); /* and full again */
    QUIET();
    CU_ASSERT(status("behind") == 1);
    world.slow = BYTES("");
    told("{" OUR_REF(2) ", " GOT_ONE "}");
    told(CAST("sync"));
    SAID(THEM(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    SAID(OTHERS(5), OUR_DELTA("#{b => 1}"));
    world.slow = BYTES("b@h");
    increment();
    told(CAST("sync"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 3}"));
    world.slow = BYTES("");
    told("{grove_delta, " GCOUNTER("b", "#{b => 7}") ", " OTHERS(5) "}");
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    QUIET();
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    SAID(THEM(5), OUR_DELTA("#{b => 7, <<\"c1\">> => 3}"));
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    QUIET();
    CU_ASSERT(status("behind") == 0);
    increment();
    told(CAST("sync"));
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 4}"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 4}"));
    world_close();
}

/* Nobody says that it has drained: the next sync sees it, with news or without. */
static void catches_slow_peers_up_at_a_sync(void)
{
    world_open_settled();
    world.slow = BYTES("b@h");
    joined(THEM(5), true); /* the state it should get has to wait, too */
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    wait_ms(SYNC_MS);
    QUIET();
    CU_ASSERT(status("behind") == 1);
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SAID(THEM(5), OUR_DELTA("#{}"));
    CU_ASSERT(status("behind") == 0);
    world.slow = BYTES("b@h");
    increment();
    wait_ms(SYNC_MS);
    increment();
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 2}"));
    QUIET();
    world_close();
}

/* A peer that has nothing to miss is not behind for being slow. */
static void leaves_idle_slow_peers_alone(void)
{
    world_open_settled();
    joined(THEM(5), true);
    world.read = world.said.len;
    world.slow = BYTES("b@h");
    wait_ms(3 * SYNC_MS);
    CU_ASSERT(status("behind") == 0);
    world_close();
}

static void says_its_last_words(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    world.slow = BYTES("b@h");
    increment();
    told(CAST("sync"));
    told("{" OUR_REF(2) ", " GOT_ONE "}");
    increment();
    world.read = world.said.len;
    process_exit(world.replica, term_of("normal"), &world.turn);
    SAID(THEM(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    SAID(OTHERS(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    QUIET();
    processes_tidy(world.table);
    world_close();
}

/* --- members and pulls --------------------------------------------------------- */

static void meets_members(void)
{
    world_open_settled();
    increment();
    joined(US, true);
    QUIET();
    joined(THEM(5), true);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    joined(OTHERS(5), false);
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    QUIET();
    CU_ASSERT(status("peers") == 2);
    told("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 2}") "}}");
    told("{" OUR_REF(2) ", " SMALL(GCOUNTER("c", "#{c => 3}")) "}");
    value_is("{v, {ok, 6}}");
    CU_ASSERT(status("merges") == 2);
    wait_ms(20 * SYNC_MS);
    SAID(THEM(5), OUR_DELTA("#{b => 2, c => 3, <<\"c1\">> => 1}"));
    SAID(OTHERS(5), OUR_DELTA("#{b => 2, c => 3, <<\"c1\">> => 1}"));
    QUIET();
    world_close();
}

static void counts_how_often_one_joined(void)
{
    world_open_settled();
    joined(THEM(5), true);
    world.read = world.said.len;
    joined(THEM(5), true);
    QUIET();
    left(THEM(5));
    CU_ASSERT(status("peers") == 1);
    left(THEM(5));
    CU_ASSERT(status("peers") == 0);
    left(THEM(5));
    increment();
    told(CAST("sync"));
    QUIET();
    /* Its answer is nobody's any more, and who comes back is new. */
    told("{" OUR_REF(1) ", " GOT_ONE "}");
    CU_ASSERT(status("merges") == 0);
    joined(THEM(5), true);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID("rex", PULL(OUR_REF(2), THEM(5)));
    QUIET();
    world_close();
}

static void failed_pull(const char *ref)
{
    char message[200];
    snprintf(message, sizeof(message), "{%s, {badrpc, {'EXIT', {noproc, {gen_server, call, []}}}}}",
             ref);
    told(message);
}

static void asks_again_less_and_less(void)
{
    world_open_settled();
    joined(THEM(5), true);
    world.read = world.said.len;
    failed_pull(OUR_REF(1));
    wait_ms(SYNC_MS);
    SAID("rex", PULL(OUR_REF(2), THEM(5)));
    failed_pull(OUR_REF(2));
    wait_ms(SYNC_MS);
    QUIET();
    wait_ms(SYNC_MS);
    SAID("rex", PULL(OUR_REF(3), THEM(5)));
    failed_pull(OUR_REF(3));
    wait_ms(3 * SYNC_MS);
    QUIET();
    wait_ms(SYNC_MS);
    SAID("rex", PULL(OUR_REF(4), THEM(5)));
    failed_pull(OUR_REF(4));
    wait_ms(7 * SYNC_MS);
    QUIET();
    wait_ms(SYNC_MS);
    SAID("rex", PULL(OUR_REF(5), THEM(5)));
    failed_pull(OUR_REF(5));
    wait_ms(100 * SYNC_MS);
    QUIET();
    world_close();
}

static void asks_again_when_nobody_answered(void)
{
    world_open_settled();
    joined(OTHERS(5), false);
    world.read = world.said.len;
    wait_ms(LIMIT_PULL_MS - 1);
    QUIET();
    wait_ms(1 + SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    told("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{b => 1}")) "}");
    wait_ms(100 * SYNC_MS);
    SAID(OTHERS(5), OUR_DELTA("#{b => 1}"));
    QUIET();
    value_is("{v, {ok, 1}}");
    world_close();
}

static void takes_a_refusal_for_an_answer(void)
{
    static const char *const refusals[] = {
        "{badrpc, {'EXIT', {undef, [{'Elixir.Grove.Replication.Server', state, [x], []}]}}}",
        "{error, nothing}",
        "{ok, " GCOUNTER("b", "#{b => -1}") "}",
        "{ok, 1, 2}",
        "ok",
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char message[400];
        world_open_settled();
        joined(THEM(5), true);
        world.read = world.said.len;
        snprintf(message, sizeof(message), "{%s, %s}", OUR_REF(1), refusals[i]);
        told(message);
        wait_ms(100 * SYNC_MS);
        QUIET();
        value_is("{v, {ok, 0}}");
        world_close();
    }
}

static void stops_asking_who_left(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    world.read = world.said.len;
    failed_pull(OUR_REF(1));
    left(THEM(5));
    left(OTHERS(5));
    failed_pull(OUR_REF(2));
    wait_ms(100 * SYNC_MS);
    QUIET();
    world_close();
}

static void asks_few_at_once(void)
{
    world_open_settled();
    for (int i = 0; i < LIMIT_PULLS + 2; i++) {
        char pid[60];
        snprintf(pid, sizeof(pid), "#Pid<'b@h'.%d.0.3>", 10 + i);
        joined(pid, true);
    }
    world.read = world.said.len;
    QUIET();
    told("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{}") "}}");
    SAID("rex", PULL(OUR_REF(9), THEM(18)));
    left(THEM(12));
    SAID("rex", PULL(OUR_REF(10), THEM(19)));
    failed_pull(OUR_REF(2));
    QUIET();
    wait_ms(SYNC_MS);
    SAID("rex", PULL(OUR_REF(11), THEM(11)));
    QUIET();
    world_close();
}

SUITE("exchange", TEST(takes_deltas_in_every_form), TEST(drops_what_it_said_itself),
      TEST(takes_no_delta_for_an_empty_one), TEST(passes_on_no_news), TEST(passes_on_the_past),
      TEST(passes_on_all_until_it_has_caught_up), TEST(sends_unknown_fields_with_a_delta),
      TEST(refuses_what_is_malformed), TEST(syncs_on_its_timer),
      TEST(forgets_the_delta_without_members), TEST(tells_a_delta_that_comes_to_nothing),
      TEST(syncs_when_told), TEST(spares_slow_peers), TEST(catches_slow_peers_up_at_a_sync),
      TEST(leaves_idle_slow_peers_alone), TEST(says_its_last_words), TEST(meets_members),
      TEST(counts_how_often_one_joined), TEST(asks_again_less_and_less),
      TEST(asks_again_when_nobody_answered), TEST(takes_a_refusal_for_an_answer),
      TEST(stops_asking_who_left), TEST(asks_few_at_once))
