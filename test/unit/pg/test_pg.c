/* Discovery: which scopes get a discover, when, and in which version; scopes that end. */
#include "pg/pg_scope.h"
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
    assert_sent(w, "grove", "{discover, SELF, 1}");
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

/* A discover to a pid has that scope's version, one to the name that which the node is known to
 * have: the 3-tuple crashes OTP 25, whatever other processes there may send. */
static void keeps_versions_apart(void)
{
    struct world *w = world_new();
    receive(w, "{discover, " B_SCOPE ", 1}");
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    /* A sync may answer an earlier discover. */
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    join(w, "g", OURS);
    assert_sent(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    name_down(w, B, "killed");
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF}");
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(next_sent(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    assert_sent(w, "grove", "{discover, SELF, 1}");
    assert_nothing_sent(w);
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
    name_down(w, B, "noproc");
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    assert_nothing_sent(w);
    CU_ASSERT_EQUAL(w->name_ref.len, 0);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF}");
    CU_ASSERT_TRUE(w->name_ref.len > 0);
    world_free(w);
}

/* Which of the pids has the name is not known. */
static void watches_the_name_as_long_as_the_node_is_connected(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    CU_ASSERT_TRUE(w->name_ref.len > 0);
    meet_b(w, "[]");
    CU_ASSERT_TRUE(w->name_ref.len > 0);
    pg_forget(w->scope, BYTES(B), &w->turn);
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
    assert_nothing_sent(w);
    name_down(w, B, "killed");
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
        if (w->name_ref.len > 0)
            name_down(w, B, "badarg");
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

/* --- several scopes on one node ---------------------------------------- */

/* Any process may greet us: a second scope, under another name, or somebody's shell.  Each is one
 * more scope of its node, as in pg, and takes nobody's place. */
static void a_node_has_several_scopes(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    receive(w, "{discover, " B_OTHER "}");
    assert_monitored(w, B_OTHER);
    assert_sent(w, B_OTHER, "{'$gen_cast', {sync, SELF, []}}");
    assert_sent(w, B_OTHER, "{discover, SELF}");
    assert_notified(w, "");
    receive(w, "{join, " B_SCOPE ", h, " B_ONE "}");
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    assert_notified(w, "+h:81 -g:81 ");
    receive(w, "{'$gen_cast', {sync, " B_OTHER ", [{i, [" B_TWO "]}]}}");
    assert_notified(w, "+i:82 ");
    join(w, "g", OURS);
    assert_sent(w, B_SCOPE, "{join, SELF, g, " OURS "}");
    assert_sent(w, B_OTHER, "{join, SELF, g, " OURS "}");
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    buf_clear(&w->notified);
    down(w, B_OTHER, "normal");
    assert_notified(w, "-i:82 ");
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    receive(w, "{join, " B_OTHER ", g, " B_TWO "}");
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [h]}");
    assert_notified(w, "-h:81 ");
    assert_nothing_sent(w);
    world_free(w);
}

/* The listener is told once, and the process stays until the last scope has let go of it. */
static void a_member_of_several_scopes_counts_once(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    receive(w, "{'$gen_cast', {sync, " B_OTHER ", [{g, [" B_TWO ", " B_ONE "]}]}}");
    assert_notified(w, "+g:82 ");
    assert_members(w, "g", "b181 b182 ");
    receive(w, "{leave, " B_OTHER ", " B_ONE ", [g]}");
    receive(w, "{join, " B_OTHER ", g, " B_ONE "}");
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    assert_notified(w, "");
    assert_members(w, "g", "b182 b181 ");
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_TWO "]}]}}");
    down(w, B_OTHER, "killed");
    assert_notified(w, "-g:81 ");
    assert_members(w, "g", "b182 ");
    pg_forget(w->scope, BYTES(B), &w->turn);
    assert_notified(w, "-g:82 ");
    world_free(w);
}

/* The new one may have greeted us before the end of the old one is known. */
static void a_restarted_scope_is_another_one(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_TWO "]}]");
    receive(w, "{'$gen_cast', {sync, " B_OTHER ", [{g, [" B_TWO "]}]}}");
    assert_monitored(w, B_OTHER);
    assert_notified(w, "");
    down(w, B_SCOPE, "killed");
    assert_notified(w, "-g:81 ");
    receive(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    assert_notified(w, "");
    assert_members(w, "g", "b182 ");
    assert_nothing_sent(w);
    world_free(w);
}

/* A process that greets us and never answers is asked once, as by pg. */
static void a_silent_scope_is_asked_once(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    receive(w, "{discover, " B_OTHER "}");
    assert_monitored(w, B_OTHER);
    assert_sent(w, B_OTHER, "{'$gen_cast', {sync, SELF, []}}");
    assert_sent(w, B_OTHER, "{discover, SELF}");
    for (int i = 0; i < 3; i++)
        wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

static void receive_greeting(struct world *w, unsigned id)
{
    char message[128];
    snprintf(message, sizeof(message), "{discover, #Pid<'" B "'.%u.0.7>}", id);
    receive(w, message);
}

static void a_node_has_at_most_so_many_scopes(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    for (unsigned i = 1; i < LIMIT_NODE_SCOPES; i++)
        receive_greeting(w, 100 + i);
    CU_ASSERT_EQUAL(w->lines, 0);
    w->read = w->sent_count;
    receive_greeting(w, 200);
    CU_ASSERT_EQUAL(w->lines, 1);
    assert_nothing_sent(w);
    /* Neither those that it has nor other nodes' are affected, and one that ends makes room. */
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    assert_notified(w, "-g:81 ");
    receive(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>}");
    assert_monitored(w, "#Pid<'a1@127.0.0.1'.80.0.7>");
    w->read = w->sent_count;
    down(w, "#Pid<'" B "'.101.0.7>", "normal");
    receive_greeting(w, 200);
    assert_monitored(w, "#Pid<'" B "'.200.0.7>");
    CU_ASSERT_EQUAL(w->lines, 1);
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
    receive(w, "junk");
    struct buf state = {0};
    process_kind(w->scope)->state(w->scope, &state);
    ASSERT_TERM(buf_bytes(&state),
                term_of("#{groups => #{g => 2}, "
                        "peers => #{'a1@127.0.0.1' => [], '" B "' => [" B_SCOPE "]}, "
                        "refused => 1}"));
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

/* Peers know its pid and the node's creation: neither may give them the seed. */
static void hashes_with_a_random_seed(void)
{
    struct world *w = world_new_with(1), *other = world_new_with(2);
    const struct scope *one = process_self(w->scope), *two = process_self(other->scope);
    CU_ASSERT(bytes_equal(process_pid(w->scope), process_pid(other->scope)));
    CU_ASSERT_NOT_EQUAL(roster_seed(one->roster), roster_seed(two->roster));
    world_free(w);
    world_free(other);
}

static void scope_names_are_unique(void)
{
    struct world *w = world_new();
    struct pg_listener listener = {on_joined, on_left, w};
    CU_ASSERT_PTR_NULL(pg_start(w->table, BYTES("grove"), &listener, &w->turn));
    CU_ASSERT_PTR_NOT_NULL(pg_start(w->table, BYTES("pg"), &listener, &w->turn));
    world_free(w);
}

SUITE("pg", TEST(answers_discover_in_the_peers_version), TEST(sends_no_discover_to_a_known_scope),
      TEST(repeats_discover_until_answered), TEST(asks_again_after_a_message_that_is_not_accepted),
      TEST(sends_changes_only_after_members), TEST(keeps_versions_apart),
      TEST(settles_without_a_remote_scope), TEST(watches_the_name_as_long_as_the_node_is_connected),
      TEST(sends_discover_when_a_scope_ends), TEST(limits_discovers_to_a_crashing_scope),
      TEST(forgets_a_node_that_is_down), TEST(sends_no_discover_to_a_node_that_is_down),
      TEST(a_node_has_several_scopes), TEST(a_member_of_several_scopes_counts_once),
      TEST(a_restarted_scope_is_another_one), TEST(a_silent_scope_is_asked_once),
      TEST(a_node_has_at_most_so_many_scopes), TEST(answers_every_call), TEST(shows_its_state),
      TEST(remote_members_leave_when_it_ends), TEST(hashes_with_a_random_seed),
      TEST(scope_names_are_unique))
