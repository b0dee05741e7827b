/* Who greets whom, when, and in which version; scopes that end. */
#include "pg_world.h"

/* --- discovery --------------------------------------------------------- */

static void answers_a_stranger_in_its_version(void)
{
    struct world *w = world_new();
    join(w, "{counter, <<\"hits\">>}", OURS);
    hear(w, "{discover, " B_SCOPE "}");
    watched(w, B_SCOPE);
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{{counter, <<\"hits\">>}, [" OURS "]}]}}");
    said(w, B_SCOPE, "{discover, SELF}");
    hear(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>, 1}");
    watched(w, "#Pid<'a1@127.0.0.1'.80.0.7>");
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
         "{'$gen_cast', {local_data, SELF, 1, #{{counter, <<\"hits\">>} => [" OURS "]}}}");
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>", "{discover, SELF, 1}");
    said_no_more(w);
    leave(w, "{counter, <<\"hits\">>}", OURS);
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
         "{update, SELF, [{{counter, <<\"hits\">>}, [], [" OURS "]}]}");
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [{counter, <<\"hits\">>}]}");
    said_no_more(w);
    world_free(w);
}

static void only_answers_whom_it_knows(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    hear(w, "{discover, " B_SCOPE "}");
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    /* A newer scope raises its own version with any later greeting. */
    hear(w, "{discover, " B_SCOPE ", 7}");
    said(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    hear(w, "{discover, " B_SCOPE ", 0}");
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    join(w, "g", OURS);
    said(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    said_no_more(w);
    world_free(w);
}

static void greets_until_answered(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    said(w, "grove", "{discover, SELF, 1}");
    wait_ms(w, LIMIT_DISCOVER_MS - 1);
    said_no_more(w);
    for (int i = 0; i < 3; i++) {
        wait_ms(w, LIMIT_DISCOVER_MS);
        said(w, "grove", "{discover, SELF, 1}");
    }
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    hear(w, "{discover, " B_SCOPE ", 1}");
    watched(w, B_SCOPE);
    said(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    said(w, B_SCOPE, "{discover, SELF, 1}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{discover, SELF, 1}");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

/* The scope of OTP 25 would end with badkey on a leave that it cannot place. */
static void tells_news_only_after_all(void)
{
    struct world *w = world_new();
    join(w, "g", OURS);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    watched(w, B_SCOPE);
    leave(w, "g", OURS);
    join(w, "h", OURS);
    said_no_more(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{h, [" OURS "]}]}}");
    said_no_more(w);
    leave(w, "h", OURS);
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [h]}");
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    world_free(w);
}

static void keeps_the_newer_version(void)
{
    struct world *w = world_new();
    hear(w, "{discover, " B_SCOPE ", 1}");
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, B_SCOPE, "{discover, SELF, 1}");
    /* A sync may be the answer to an old greeting. */
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    join(w, "g", OURS);
    said(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(next_of(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    world_free(w);
}

/* --- peers that end ---------------------------------------------------- */

/* A node without such a scope is known at once to be one, not after a time-out;
 * and is greeted again, for the scope may be started later. */
static void settles_where_nobody_has_the_name(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    struct term ref = term_copy(buf_bytes(&w->name_ref));
    struct signal noproc = {.kind = SIGNAL_MONITOR_EXIT,
                            .from = term_of("grove"),
                            .to = process_pid(w->scope),
                            .ref = term_bytes(&ref),
                            .reason = term_of("noproc")};
    processes_signal(w->table, BYTES(B), &noproc, &w->turn);
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    said_no_more(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(bytes_equal(buf_bytes(&w->name_ref), term_bytes(&ref)));
    term_free(&ref);
    world_free(w);
}

/* Once it has spoken its pid is watched, and its name no longer. */
static void watches_the_name_only_until_it_speaks(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    CU_ASSERT_TRUE(w->name_ref.len > 0);
    meet_b(w, "[]");
    CU_ASSERT_EQUAL(w->name_ref.len, 0);
    world_free(w);
}

static void greets_again_when_a_scope_ends(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_TWO "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    join(w, "g", OURS);
    w->read = w->sent_count;
    buf_clear(&w->told);
    down(w, B_SCOPE, "killed");
    told(w, "-g:81 -h:82 ");
    said(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    leave(w, "g", OURS);
    said_no_more(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, "grove", "{discover, SELF}");
    said_no_more(w);
    world_free(w);
}

/* A scope that our greeting kills must not be killed as fast as it restarts. */
static void does_not_chase_a_scope_that_keeps_ending(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    said(w, "grove", "{discover, SELF, 1}");
    for (unsigned i = 0; i < 10; i++) {
        char pid[64], message[128];
        snprintf(pid, sizeof(pid), "#Pid<'" B "'.%u.0.7>", 100 + i);
        snprintf(message, sizeof(message), "{'$gen_cast', {sync, %s, []}}", pid);
        hear(w, message);
        watched(w, pid);
        wait_ms(w, 10);
        down(w, pid, "badarg");
        said_no_more(w);
    }
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, "grove", "{discover, SELF, 1}");
    said_no_more(w);
    world_free(w);
}

static void forgets_a_node_that_is_down(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    told(w, "-g:81 ");
    pg_forget(w->scope, BYTES(B), &w->turn);
    wait_ms(w, 10 * LIMIT_DISCOVER_MS);
    said_no_more(w);
    /* What was on its way when the connection went. */
    hear(w, "{discover, " B_SCOPE "}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_ONE "]}]}}");
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    said_no_more(w);
    told(w, "");
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

static void stops_greeting_a_node_that_is_down(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    w->cut = B;
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    world_free(w);
}

static void takes_a_restarted_scope_for_the_old(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_TWO "]}]");
    hear(w, "{'$gen_cast', {sync, #Pid<'" B "'.90.0.7>, [{g, [" B_TWO "]}]}}");
    told(w, "-g:81 -g:82 +g:82 ");
    CU_ASSERT_EQUAL(next_of(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    watched(w, "#Pid<'" B "'.90.0.7>");
    said_no_more(w);
    /* The old one is a stranger now. */
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    down(w, B_SCOPE, "killed");
    told(w, "");
    members_are(w, "g", "b182 ");
    world_free(w);
}

/* --- as a process ------------------------------------------------------ */

static void answers_every_call(void)
{
    struct world *w = world_new();
    hear(w, "{'$gen_call', {" B_ONE ", tag}, {join_local, g, " B_ONE "}}");
    said(w, B_ONE, "{tag, {error, {unknown_request, {join_local, g, " B_ONE "}}}}");
    said_no_more(w);
    told(w, "");
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

static void ends_with_everybody_elses_leaving(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    join(w, "g", OURS);
    CU_ASSERT_TRUE(pg_is_scope(w->scope));
    buf_clear(&w->told);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    told(w, "-g:81 ");
    CU_ASSERT_EQUAL(wakeups_due(&w->wakeups), UINT64_MAX);
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    join(w, "h", OURS);
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    said_no_more(w);
    processes_tidy(w->table);
    world_free(w);
}

static void one_scope_of_a_name(void)
{
    struct world *w = world_new();
    struct pg_listener listener = {on_joined, on_left, w};
    CU_ASSERT_PTR_NULL(pg_start(w->table, BYTES("grove"), &listener));
    CU_ASSERT_PTR_NOT_NULL(pg_start(w->table, BYTES("pg"), &listener));
    world_free(w);
}

SUITE("pg", TEST(answers_a_stranger_in_its_version), TEST(only_answers_whom_it_knows),
      TEST(greets_until_answered), TEST(tells_news_only_after_all), TEST(keeps_the_newer_version),
      TEST(settles_where_nobody_has_the_name), TEST(watches_the_name_only_until_it_speaks),
      TEST(greets_again_when_a_scope_ends), TEST(does_not_chase_a_scope_that_keeps_ending),
      TEST(forgets_a_node_that_is_down), TEST(stops_greeting_a_node_that_is_down),
      TEST(takes_a_restarted_scope_for_the_old), TEST(answers_every_call), TEST(shows_its_state),
      TEST(ends_with_everybody_elses_leaving), TEST(one_scope_of_a_name))
