#include "unit/replica/world.h"

#define GOT_ONE "{ok, " GCOUNTER("b", "#{b => 1}") "}"

static void increment(void)
{
    deliver(CAST("{mutate, increment}"));
}

static void value_is(const char *reply)
{
    deliver("{'$gen_call', {" OTHERS(77) ", v}, value}");
    SENT(OTHERS(77), reply);
}

/* --- receiving --------------------------------------------------------------- */

static void accepts_every_form_of_delta(void)
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
        deliver(forms[i]);
        snprintf(wanted, sizeof(wanted), "{v, {ok, %zu}}", i + 1);
        value_is(wanted);
    }
    CU_ASSERT(status("merges") == 8 && status("refused") == 0 && status("ignored") == 0);
    SENT_NOTHING();
    world_close();
}

/* A message to the whole group comes back to its sender. */
static void drops_its_own_deltas(void)
{
    world_open_settled();
    deliver("{grove_delta, " GCOUNTER("b", "#{b => 1}") ", " US "}");
    deliver(CAST("{delta, " GCOUNTER("b", "#{b => 1}") ", " US "}"));
    value_is("{v, {ok, 0}}");
    CU_ASSERT(status("merges") == 0 && status("refused") == 0);
    /* Our pid in the encoding of an old node, with an atom of tag 100. */
    struct buf old = {0};
    buf_put(&old, hex("68 03 64 000b 67726f76655f64656c7461"));
    put_term(&old, term_of(GCOUNTER("b", "#{b => 1}")));
    buf_put(&old, hex("58 64 0003 614068 00000001 00000000 00000007"));
    deliver_bytes(buf_bytes(&old));
    CU_ASSERT(status("merges") == 0);
    old.at[old.len - 1] = 8; /* before a restart we had another creation: not us */
    deliver_bytes(buf_bytes(&old));
    CU_ASSERT(status("merges") == 1);
    buf_free(&old);
    world_close();
}

static void accepts_nil_as_an_empty_delta(void)
{
    world_open_settled();
    deliver("{grove_delta, nil, " THEM(9) "}");
    CU_ASSERT(status("refused") == 0 && status("ignored") == 0);
    deliver("{grove_delta, " GCOUNTER("b", "#{}") ", " THEM(9) "}");
    CU_ASSERT(status("merges") == 1);
    SENT_NOTHING();
    world_close();
}

/* Once a member's state has been pulled, its deltas need no relay. */
static void does_not_relay_members_deltas(void)
{
    world_open_settled();
    joined(OTHERS(5), true);
    deliver("{" OUR_REF(1) ", " GOT_ONE "}");
    deliver(CAST("sync_now"));
    skip_sent();
    deliver("{grove_delta, " GCOUNTER("b", "#{b => 9}") ", " OTHERS(5) "}");
    deliver(CAST("sync_now"));
    SENT_NOTHING();
    value_is("{v, {ok, 9}}");
    world_close();
}

/* Others may have missed what is in a member's state, or arrives before it or from a
 * non-member: our own past, for instance. */
static void relays_older_changes(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    skip_sent();
    deliver("{grove_delta, " GCOUNTER("b", "#{<<\"c1\">> => 1}") ", " OTHERS(5) "}");
    deliver(CAST("sync_now"));
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    deliver("{" OUR_REF(2) ", {ok, " GCOUNTER("b", "#{b => 2, <<\"c1\">> => 3}") "}}");
    deliver("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 1}") "}}");
    deliver(CAST("sync_now"));
    SENT(THEM(5), OUR_DELTA("#{b => 2, <<\"c1\">> => 3}"));
    SENT(OTHERS(5), OUR_DELTA("#{b => 2, <<\"c1\">> => 3}"));
    deliver(THEIR_DELTA("#{b => 2, d => 4}"));
    deliver("{delta, " GCOUNTER("b", "#{e => 5}") "}");
    deliver(CAST("sync_now"));
    SENT(THEM(5), OUR_DELTA("#{d => 4, e => 5}"));
    SENT(OTHERS(5), OUR_DELTA("#{d => 4, e => 5}"));
    deliver(CAST("sync_now"));
    SENT_NOTHING();
    world_close();
}

/* Until then, whatever arrives may be missing elsewhere. */
static void relays_everything_until_caught_up(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    deliver("{" OUR_REF(1) ", " GOT_ONE "}");
    deliver(CAST("sync_now"));
    skip_sent();
    deliver("{grove_delta, " GCOUNTER("b", "#{b => 9}") ", " THEM(5) "}");
    deliver(CAST("sync_now"));
    SENT(THEM(5), OUR_DELTA("#{b => 9}"));
    SENT(OTHERS(5), OUR_DELTA("#{b => 9}"));
    SENT_NOTHING();
    world_close();
}

#define WIDER(actor, counts)                                                                       \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => " actor ", counts => " counts     \
    ", delta_buffer => #{}, hlc => 3}"

static void get_unknown_field(const char *from)
{
    deliver(from);
    deliver(CAST("sync_now"));
    increment();
    skip_sent();
    deliver(CAST("sync_now"));
}

/* A newer Grove's fields are in all its structs, and so must be in ours. */
static void sends_unknown_fields_with_a_delta_to_a_beam(void)
{
    world_open_settled();
    joined(OTHERS(5), true);
    joined(THEM(5), false);
    get_unknown_field("{grove_delta, " WIDER("b", "#{b => 1}") ", " OTHERS(5) "}");
    SENT(OTHERS(5), "{grove_delta, " WIDER("<<\"c1\">>", "#{<<\"c1\">> => 1}") ", " US "}");
    SENT(THEM(5), "{grove_delta, " WIDER("<<\"c1\">>", "#{<<\"c1\">> => 1}") ", " US "}");
    deliver(CAST("sync_now"));
    SENT_NOTHING();
    world_close();
}

/* Coppices have them in the state, or get them when they change. */
static void sends_unknown_fields_to_coppices_once(void)
{
    world_open_settled();
    joined(THEM(5), false);
    get_unknown_field("{grove_delta, " WIDER("b", "#{b => 1}") ", " OTHERS(5) "}");
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT_NOTHING();
    world_close();
}

static void refuses_malformed_structs(void)
{
    world_open_settled();
    increment();
    for (int i = 0; i < 9; i++)
        deliver("{grove_delta, " GCOUNTER("b", "#{b => 1, c => -1}") ", " THEM(9) "}");
    value_is("{v, {ok, 1}}");
    CU_ASSERT(status("refused") == 9 && status("merges") == 0);
    CU_ASSERT(log_lines() == 4); /* 1, 2, 4, 8 */
    CU_ASSERT(logged("page_views: refused a struct: a number out of range, from "
                     "#Pid<'b@h'.9.0.3> (1 refused so far)"));
    CU_ASSERT(logged("(8 refused so far)"));
    deliver("{grove_delta, #{'__struct__' => 'Elixir.Grove.Set.GSet'}}");
    deliver("{delta, 7, 8}");
    CU_ASSERT(status("refused") == 11);
    SENT_NOTHING();
    world_close();
}

/* --- sending ----------------------------------------------------------------- */

static void syncs_on_its_timer(void)
{
    world_open_settled();
    joined(THEM(5), false);
    joined(OTHERS(5), false);
    joined(OTHERS(6), true);
    deliver("{" OUR_REF(1) ", " GOT_ONE "}");
    deliver("{" OUR_REF(2) ", " GOT_ONE "}");
    deliver("{" OUR_REF(3) ", " GOT_ONE "}");
    deliver(CAST("sync_now"));
    skip_sent();
    wait_ms(SYNC_MS);
    SENT_NOTHING(); /* nothing has changed */
    increment();
    wait_ms(SYNC_MS - 1);
    SENT_NOTHING();
    wait_ms(1);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT(OTHERS(6), OUR_DELTA("#{<<\"c1\">> => 1}"));
    wait_ms(10 * SYNC_MS);
    SENT_NOTHING();
    world_close();
}

/* Later members are sent the state. */
static void drops_the_delta_without_members(void)
{
    world_open_settled();
    increment();
    wait_ms(SYNC_MS);
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    wait_ms(SYNC_MS);
    SENT_NOTHING();
    world_close();
}

static void sends_a_delta_that_leaves_the_value(void)
{
    world_open("#{crdt => pncounter, sync_interval => 1000}");
    replica_settled(world.replica, true, &world.turn);
    joined(THEM(5), true);
    skip_sent();
    deliver(CAST("{mutate, [increment, decrement]}"));
    wait_ms(SYNC_MS);
    CU_ASSERT(world.sent.len > world.read);
    world_close();
}

static void syncs_on_request(void)
{
    world_open_settled();
    joined(THEM(5), true);
    increment();
    skip_sent();
    deliver("sync_now");
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    deliver("sync_now");
    SENT_NOTHING();
    world_close();
}

static void sends_no_deltas_to_slow_nodes(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    skip_sent();
    world.slow = BYTES("b@h");
    increment();
    deliver(CAST("sync"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    increment();
    deliver(CAST("sync"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 2}"));
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 1);

    replica_drained(world.replica, BYTES("b@h"), &world.turn); /* but slow again */
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 1);
    world.slow = BYTES("");
    deliver("{" OUR_REF(2) ", " GOT_ONE "}");
    deliver(CAST("sync"));
    SENT(THEM(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    SENT(OTHERS(5), OUR_DELTA("#{b => 1}"));
    world.slow = BYTES("b@h");
    increment();
    deliver(CAST("sync"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 3}"));
    world.slow = BYTES("");
    deliver("{grove_delta, " GCOUNTER("b", "#{b => 7}") ", " OTHERS(5) "}");
    replica_drained(world.replica, BYTES("c@h"), &world.turn);
    SENT_NOTHING();
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    SENT(THEM(5), OUR_DELTA("#{b => 7, <<\"c1\">> => 3}"));
    replica_drained(world.replica, BYTES("b@h"), &world.turn);
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 0);
    increment();
    deliver(CAST("sync"));
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 4}"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 4}"));
    world_close();
}

/* Without replica_drained(), the next sync notices, with or without a delta. */
static void sends_the_state_at_the_next_sync(void)
{
    world_open_settled();
    world.slow = BYTES("b@h");
    joined(THEM(5), true); /* its state has to wait, too */
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    wait_ms(SYNC_MS);
    SENT_NOTHING();
    CU_ASSERT(status("behind") == 1);
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SENT(THEM(5), OUR_DELTA("#{}"));
    CU_ASSERT(status("behind") == 0);
    world.slow = BYTES("b@h");
    increment();
    wait_ms(SYNC_MS);
    increment();
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 2}"));
    SENT_NOTHING();
    world_close();
}

/* Even if its node is slow. */
static void is_not_behind_if_it_missed_nothing(void)
{
    world_open_settled();
    joined(THEM(5), true);
    skip_sent();
    world.slow = BYTES("b@h");
    wait_ms(3 * SYNC_MS);
    CU_ASSERT(status("behind") == 0);
    world_close();
}

static void syncs_when_it_ends(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    world.slow = BYTES("b@h");
    increment();
    deliver(CAST("sync"));
    deliver("{" OUR_REF(2) ", " GOT_ONE "}");
    increment();
    skip_sent();
    process_exit(world.replica, term_of("normal"), &world.turn);
    SENT(THEM(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    SENT(OTHERS(5), OUR_DELTA("#{b => 1, <<\"c1\">> => 2}"));
    SENT_NOTHING();
    processes_tidy(world.table);
    world_close();
}

/* --- members and pulls --------------------------------------------------------- */

static void exchanges_states_with_new_members(void)
{
    world_open_settled();
    increment();
    joined(US, true);
    SENT_NOTHING();
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    joined(OTHERS(5), false);
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    SENT_NOTHING();
    CU_ASSERT(status("peers") == 2);
    deliver("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{b => 2}") "}}");
    deliver("{" OUR_REF(2) ", " SMALL(GCOUNTER("c", "#{c => 3}")) "}");
    value_is("{v, {ok, 6}}");
    CU_ASSERT(status("merges") == 2);
    /* Both have had our own change with the state. */
    wait_ms(20 * SYNC_MS);
    SENT(THEM(5), OUR_DELTA("#{b => 2, c => 3}"));
    SENT(OTHERS(5), OUR_DELTA("#{b => 2, c => 3}"));
    SENT_NOTHING();
    world_close();
}

static void counts_joins(void)
{
    world_open_settled();
    joined(THEM(5), true);
    skip_sent();
    joined(THEM(5), true);
    SENT_NOTHING();
    left(THEM(5));
    CU_ASSERT(status("peers") == 1);
    left(THEM(5));
    CU_ASSERT(status("peers") == 0);
    left(THEM(5));
    increment();
    deliver(CAST("sync"));
    SENT_NOTHING();
    /* A late reply is ignored; a member that rejoins is a new one. */
    deliver("{" OUR_REF(1) ", " GOT_ONE "}");
    CU_ASSERT(status("merges") == 0);
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT("rex", PULL(OUR_REF(2), THEM(5)));
    SENT_NOTHING();
    world_close();
}

static void failed_pull(const char *ref)
{
    char message[200];
    snprintf(message, sizeof(message), "{%s, {badrpc, {'EXIT', {noproc, {gen_server, call, []}}}}}",
             ref);
    deliver(message);
}

static void pulls_again_with_backoff(void)
{
    world_open_settled();
    joined(THEM(5), true);
    skip_sent();
    failed_pull(OUR_REF(1));
    wait_ms(SYNC_MS);
    SENT("rex", PULL(OUR_REF(2), THEM(5)));
    failed_pull(OUR_REF(2));
    wait_ms(SYNC_MS);
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", PULL(OUR_REF(3), THEM(5)));
    failed_pull(OUR_REF(3));
    wait_ms(3 * SYNC_MS);
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", PULL(OUR_REF(4), THEM(5)));
    failed_pull(OUR_REF(4));
    wait_ms(7 * SYNC_MS);
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", PULL(OUR_REF(5), THEM(5)));
    failed_pull(OUR_REF(5));
    wait_ms(100 * SYNC_MS);
    SENT_NOTHING();
    world_close();
}

static void pulls_again_after_a_timeout(void)
{
    world_open_settled();
    joined(OTHERS(5), false);
    skip_sent();
    wait_ms(LIMIT_PULL_MS - 1);
    SENT_NOTHING();
    wait_ms(1 + SYNC_MS);
    ASKED_DIGEST(OTHERS(5), OUR_REF(2));
    deliver("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{b => 1}")) "}");
    wait_ms(100 * SYNC_MS);
    SENT(OTHERS(5), OUR_DELTA("#{b => 1}"));
    SENT_NOTHING();
    value_is("{v, {ok, 1}}");
    world_close();
}

static void does_not_pull_again_after_a_refusal(void)
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
        skip_sent();
        snprintf(message, sizeof(message), "{%s, %s}", OUR_REF(1), refusals[i]);
        deliver(message);
        wait_ms(100 * SYNC_MS);
        SENT_NOTHING();
        value_is("{v, {ok, 0}}");
        world_close();
    }
}

/* A reply with a term that this node does not accept: it will not be accepted the next time,
 * either. Of a BEAM, and of a coppice. */
static void does_not_pull_again_what_cannot_be_read(void)
{
    for (unsigned beam = 0; beam < 2; beam++) {
        world_open_settled();
        joined(THEM(5), beam);
        skip_sent();
        struct signal reply = {.kind = SIGNAL_SEND,
                               .to = process_pid(world.replica),
                               .payload = term_of("{" OUR_REF(1) ", {ok, too_deep}}"),
                               .unfit = ERR_LIMIT};
        processes_signal(world.table, BYTES("b@h"), &reply, &world.turn);
        wait_ms(100 * SYNC_MS);
        SENT_NOTHING();
        CU_ASSERT_EQUAL(status("refused"), 1);
        CU_ASSERT(logged("b@h") && log_lines() == 1);
        value_is("{v, {ok, 0}}");
        world_close();
    }
}

static void stops_pulling_from_a_member_that_left(void)
{
    world_open_settled();
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    skip_sent();
    failed_pull(OUR_REF(1));
    left(THEM(5));
    left(OTHERS(5));
    failed_pull(OUR_REF(2));
    wait_ms(100 * SYNC_MS);
    SENT_NOTHING();
    world_close();
}

static void limits_open_pulls(void)
{
    world_open_settled();
    for (int i = 0; i < LIMIT_PULLS + 2; i++) {
        char pid[60];
        snprintf(pid, sizeof(pid), "#Pid<'b@h'.%d.0.3>", 10 + i);
        joined(pid, true);
    }
    skip_sent();
    SENT_NOTHING();
    deliver("{" OUR_REF(1) ", {ok, " GCOUNTER("b", "#{}") "}}");
    SENT("rex", PULL(OUR_REF(9), THEM(18)));
    left(THEM(12));
    SENT("rex", PULL(OUR_REF(10), THEM(19)));
    failed_pull(OUR_REF(2));
    SENT_NOTHING();
    wait_ms(SYNC_MS);
    SENT("rex", PULL(OUR_REF(11), THEM(11)));
    SENT_NOTHING();
    world_close();
}

SUITE("exchange", TEST(accepts_every_form_of_delta), TEST(drops_its_own_deltas),
      TEST(accepts_nil_as_an_empty_delta), TEST(does_not_relay_members_deltas),
      TEST(relays_older_changes), TEST(relays_everything_until_caught_up),
      TEST(sends_unknown_fields_with_a_delta_to_a_beam),
      TEST(sends_unknown_fields_to_coppices_once), TEST(refuses_malformed_structs),
      TEST(syncs_on_its_timer), TEST(drops_the_delta_without_members),
      TEST(sends_a_delta_that_leaves_the_value), TEST(syncs_on_request),
      TEST(sends_no_deltas_to_slow_nodes), TEST(sends_the_state_at_the_next_sync),
      TEST(is_not_behind_if_it_missed_nothing), TEST(syncs_when_it_ends),
      TEST(exchanges_states_with_new_members), TEST(counts_joins), TEST(pulls_again_with_backoff),
      TEST(pulls_again_after_a_timeout), TEST(does_not_pull_again_after_a_refusal),
      TEST(does_not_pull_again_what_cannot_be_read), TEST(stops_pulling_from_a_member_that_left),
      TEST(limits_open_pulls))
