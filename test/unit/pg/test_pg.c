/* Discovery: which scopes get a discover, when, and in which version; scopes that end. */
#include "pg_world.h"

/* --- discovery --------------------------------------------------------- */

static void answers_discover_in_the_peers_version(void)
{
    struct world *w = world_new();
    join(w, "{counter, <<\"hits\">>}", OURS);
    receive(w, "{discover, " B_SCOPE "}");
    assert_monitored(w, B_SCOPE);
    assert_sent(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{{counter, <<\"hits\">>}, [" OURS "]}]}}");
    assert_sent(w, B_SCOPE, "{discover, SELF}");
    receive(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>, 1}");
    assert_monitored(w, "#Pid<'a1@127.0.0.1'.80.0.7>");
    assert_sent(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
                "{'$gen_cast', {local_data, SELF, 1, #{{counter, <<\"hits\">>} => [" OURS "]}}}");
    assert_sent(w, "#Pid<'a1@127.0.0.1'.80.0.7>", "{discover, SELF, 1}");
    assert_nothing_sent(w);
    leave(w, "{counter, <<\"hits\">>}", OURS);
    assert_sent(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
                "{update, SELF, [{{counter, <<\"hits\">>}, [], [" OURS "]}]}");
    assert_sent(w, B_SCOPE, "{leave, SELF, " OURS ", [{counter, <<\"hits\">>}]}");
    assert_nothing_sent(w);
    world_free(w);
}

static void sends_no_discover_to_a_known_scope(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    receive(w, "{discover, " B_SCOPE "}");
    assert_sent(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    /* Each discover sets the peer's version. */
    receive(w, "{discover, " B_SCOPE ", 7}");
    assert_sent(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    receive(w, "{discover, " B_SCOPE ", 0}");
    assert_sent(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    receive(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    join(w, "g", OURS);
    assert_sent(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    assert_nothing_sent(w);
    world_free(w);
}

static void repeats_discover_until_answered(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    assert_sent(w, "grove", "{discover, SELF, 1}");
    wait_ms(w, LIMIT_DISCOVER_MS - 1);
    assert_nothing_sent(w);
    for (int i = 0; i < 3; i++) {
        wait_ms(w, LIMIT_DISCOVER_MS);
        assert_sent(w, "grove", "{discover, SELF, 1}");
    }
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    receive(w, "{discover, " B_SCOPE ", 1}");
    assert_monitored(w, B_SCOPE);
    assert_sent(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    assert_sent(w, B_SCOPE, "{discover, SELF, 1}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, B_SCOPE, "{discover, SELF, 1}");
    receive(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

/* Dropped before it reaches the scope; what was lost is in the answer to the next discover. */
static void asks_again_after_a_message_that_is_not_accepted(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    struct signal s = {.kind = SIGNAL_REG_SEND,
                       .from = term_of(B_SCOPE),
                       .to = term_of("grove"),
                       .payload = term_of("{join, " B_SCOPE ", too_deep, " B_ONE "}"),
                       .unfit = ERR_LIMIT};
    for (unsigned i = 1; i <= 5; i++) {
        processes_signal(w->table, BYTES(B), &s, &w->turn);
        CU_ASSERT_EQUAL(process_dropped(w->scope), i);
        CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    }
    CU_ASSERT_EQUAL(w->lines, 3); /* the 1st, 2nd and 4th */
    assert_notified(w, "");
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, B_SCOPE, "{discover, SELF}");
    assert_nothing_sent(w);
    world_free(w);
}

/* The scope of OTP 25 would crash with badkey on a leave of an unknown group. */
static void sends_changes_only_after_members(void)
{
    struct world *w = world_new();
    join(w, "g", OURS);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    assert_monitored(w, B_SCOPE);
    leave(w, "g", OURS);
    join(w, "h", OURS);
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{h, [" OURS "]}]}}");
    assert_nothing_sent(w);
    leave(w, "h", OURS);
    assert_sent(w, B_SCOPE, "{leave, SELF, " OURS ", [h]}");
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    world_free(w);
}

static void keeps_the_newer_version(void)
{
    struct world *w = world_new();
    receive(w, "{discover, " B_SCOPE ", 1}");
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, B_SCOPE, "{discover, SELF, 1}");
    /* A sync may answer an earlier discover. */
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    join(w, "g", OURS);
    assert_sent(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(next_sent(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    world_free(w);
}

/* --- peers that end ---------------------------------------------------- */

/* A node without such a scope settles at once, not after a timeout.  Discover is repeated,
 * since the scope may start later. */
static void settles_without_a_remote_scope(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    struct term ref = term_copy(buf_bytes(&w->name_ref));
    struct signal noproc = {.kind = SIGNAL_MONITOR_EXIT,
                            .from = term_of("grove"),
                            .to = process_pid(w->scope),
                            .ref = term_bytes(&ref),
                            .reason = term_of("noproc")};
    processes_signal(w->table, BYTES(B), &noproc, &w->turn);
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(bytes_equal(buf_bytes(&w->name_ref), term_bytes(&ref)));
    term_free(&ref);
    world_free(w);
}

/* After the first message its pid is watched instead. */
static void watches_the_name_until_the_first_message(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    CU_ASSERT_TRUE(w->name_ref.len > 0);
    meet_b(w, "[]");
    CU_ASSERT_EQUAL(w->name_ref.len, 0);
    world_free(w);
}

static void sends_discover_when_a_scope_ends(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_TWO "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    join(w, "g", OURS);
    w->read = w->sent_count;
    buf_clear(&w->notified);
    down(w, B_SCOPE, "killed");
    assert_notified(w, "-g:81 -h:82 ");
    assert_sent(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    leave(w, "g", OURS);
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF}");
    assert_nothing_sent(w);
    world_free(w);
}

/* A scope that our discover crashes must not crash again as soon as it restarts. */
static void limits_discovers_to_a_crashing_scope(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    assert_sent(w, "grove", "{discover, SELF, 1}");
    for (unsigned i = 0; i < 10; i++) {
        char pid[64], message[128];
        snprintf(pid, sizeof(pid), "#Pid<'" B "'.%u.0.7>", 100 + i);
        snprintf(message, sizeof(message), "{'$gen_cast', {sync, %s, []}}", pid);
        receive(w, message);
        assert_monitored(w, pid);
        wait_ms(w, 10);
        down(w, pid, "badarg");
        assert_nothing_sent(w);
    }
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF, 1}");
    assert_nothing_sent(w);
    world_free(w);
}

static void forgets_a_node_that_is_down(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    assert_notified(w, "-g:81 ");
    pg_forget(w->scope, BYTES(B), &w->turn);
    wait_ms(w, 10 * LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    /* Messages that were in flight when the connection was lost. */
    receive(w, "{discover, " B_SCOPE "}");
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_ONE "]}]}}");
    receive(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    assert_nothing_sent(w);
    assert_notified(w, "");
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

static void sends_no_discover_to_a_node_that_is_down(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    w->cut = B;
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

static void replaces_a_restarted_scope(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_TWO "]}]");
    receive(w, "{'$gen_cast', {sync, #Pid<'" B "'.90.0.7>, [{g, [" B_TWO "]}]}}");
    assert_notified(w, "-g:81 -g:82 +g:82 ");
    CU_ASSERT_EQUAL(next_sent(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    assert_monitored(w, "#Pid<'" B "'.90.0.7>");
    assert_nothing_sent(w);
    /* Messages of the old one are ignored. */
    receive(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    down(w, B_SCOPE, "killed");
    assert_notified(w, "");
    assert_members(w, "g", "b182 ");
    world_free(w);
}

/* --- as a process ------------------------------------------------------ */

static void answers_every_call(void)
{
    struct world *w = world_new();
    receive(w, "{'$gen_call', {" B_ONE ", tag}, {join_local, g, " B_ONE "}}");
    assert_sent(w, B_ONE, "{tag, {error, {unknown_request, {join_local, g, " B_ONE "}}}}");
    assert_nothing_sent(w);
    assert_notified(w, "");
    world_free(w);
}

static void shows_its_state(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    join(w, "g", OURS);
    pg_meet(w->scope, BYTES("a1@127.0.0.1"), 0, &w->turn);
    struct buf state = {0};
    process_kind(w->scope)->state(w->scope, &state);
    ASSERT_TERM(buf_bytes(&state),
                term_of("#{groups => #{g => 2}, "
                        "peers => #{'a1@127.0.0.1' => undefined, '" B "' => " B_SCOPE "}}"));
    buf_free(&state);
    world_free(w);
}

static void remote_members_leave_when_it_ends(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    join(w, "g", OURS);
    CU_ASSERT_TRUE(pg_is_scope(w->scope));
    buf_clear(&w->notified);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    assert_notified(w, "-g:81 ");
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    join(w, "h", OURS);
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    assert_nothing_sent(w);
    processes_tidy(w->table);
    world_free(w);
}

static void scope_names_are_unique(void)
{
    struct world *w = world_new();
    struct pg_listener listener = {on_joined, on_left, w};
    CU_ASSERT_PTR_NULL(pg_start(w->table, BYTES("grove"), &listener));
    CU_ASSERT_PTR_NOT_NULL(pg_start(w->table, BYTES("pg"), &listener));
    world_free(w);
}

SUITE("pg", TEST(answers_discover_in_the_peers_version), TEST(sends_no_discover_to_a_known_scope),
      TEST(repeats_discover_until_answered), TEST(asks_again_after_a_message_that_is_not_accepted),
      TEST(sends_changes_only_after_members), TEST(keeps_the_newer_version),
      TEST(settles_without_a_remote_scope), TEST(watches_the_name_until_the_first_message),
      TEST(sends_discover_when_a_scope_ends), TEST(limits_discovers_to_a_crashing_scope),
      TEST(forgets_a_node_that_is_down), TEST(sends_no_discover_to_a_node_that_is_down),
      TEST(replaces_a_restarted_scope), TEST(answers_every_call), TEST(shows_its_state),
      TEST(remote_members_leave_when_it_ends), TEST(scope_names_are_unique))
