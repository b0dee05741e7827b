#include "unit/otp/spy.h"

#include "limits.h"
#include "otp/rex.h"
#include "otp/watch.h"

static struct address named(const char *name)
{
    return (struct address){.name = bytes_of(name), .node = BYTES("b@h")};
}

static uint64_t watch_name(struct process *p, const char *name)
{
    struct address whom = named(name);
    return watch_start(p, &whom, &world.turn);
}

static uint64_t call_name(struct process *p, const char *name, uint64_t timeout_ms)
{
    struct address whom = named(name);
    return call_start(p, &whom, term_of("value"), timeout_ms, &world.turn);
}

static uint64_t call_pid(struct process *p, uint64_t timeout_ms)
{
    struct address whom = {.pid = term_of(THEM(4))};
    return call_start(p, &whom, term_of("value"), timeout_ms, &world.turn);
}

/* Skips the signals sent so far. */
static void skip_sent(void)
{
    world.sent_read = world.sent.len;
}

/* --- watches --------------------------------------------------------------- */

static void watches_by_pid_and_name(void)
{
    world_open();
    struct process *p = spy_start("one");
    struct address whom = {.pid = term_of(THEM(4))};
    CU_ASSERT_EQUAL(watch_start(p, &whom, &world.turn), 1);
    SENT("MONITOR b@h " US(1) " -> " THEM(4) " " OUR_REF(1));
    CU_ASSERT_EQUAL(watch_name(p, "pg"), 2);
    SENT("MONITOR b@h " US(1) " -> pg " OUR_REF(2));
    RECEIVE(SIGNAL_MONITOR_EXIT, THEM(4), US(1), .ref = OUR_REF(1), .reason = "{shutdown,1}");
    CALLED("1 down 1 {shutdown,1}");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(2), .reason = "noproc");
    CALLED("1 down 2 noproc");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(2), .reason = "noproc");
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void a_stopped_watch_is_silent(void)
{
    world_open();
    struct process *p = spy_start("one");
    uint64_t watch = watch_name(p, "pg");
    skip_sent();
    watch_stop(p, watch, &world.turn);
    SENT("DEMONITOR b@h " US(1) " -> pg " OUR_REF(1));
    watch_stop(p, watch, &world.turn);
    watch_stop(p, 99, &world.turn);
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(1), .reason = "noproc");
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void accepts_down_only_from_the_watched_node(void)
{
    world_open();
    struct process *p = spy_start("one");
    spy_start("two");
    watch_name(p, "pg");
    receive_from("c@h", &(struct incoming){.kind = SIGNAL_MONITOR_EXIT,
                                           .from = "pg",
                                           .to = US(1),
                                           .ref = OUR_REF(1),
                                           .reason = "forged"});
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(2), .ref = OUR_REF(1), .reason = "misled");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = REF(1), .reason = "not_ours");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = "#Ref<'a@h'.6.1.0.0>", .reason = "old");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = "#Ref<'a@h'.7.1.0>", .reason = "short");
    CALLED_NO_MORE();
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(1), .reason = "true");
    CALLED("1 down 1 true");
    world_close();
}

static void watches_end_with_their_owner(void)
{
    world_open();
    struct process *p = spy_start("one");
    watch_name(p, "pg");
    call_name(p, "rex", 100);
    skip_sent();
    process_exit(p, term_of("normal"), &world.turn);
    processes_check(world.table);
    SENT("DEMONITOR b@h " US(1) " -> pg " OUR_REF(1));
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(2));
    CU_ASSERT_EQUAL(watch_name(p, "pg"), 0);
    CU_ASSERT_EQUAL(call_name(p, "pg", 1), 0);
    SENT_NO_MORE();
    CALLED("1 leave normal");
    advance(200);
    CALLED_NO_MORE();
    world_close();
}

static void node_down_ends_watches_and_calls(void)
{
    world_open();
    struct process *p = spy_start("one");
    watch_name(p, "pg");
    call_pid(p, 100);
    struct address elsewhere = {.name = BYTES("pg"), .node = BYTES("c@h")};
    watch_start(p, &elsewhere, &world.turn);
    skip_sent();
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    processes_check(world.table);
    CALLED("1 down 1 noconnection");
    CALLED("1 closed 2 noconnection");
    advance(200);
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void stop_the_second(struct process *p)
{
    watch_stop(p, 2, &world.turn);
    watch_name(p, "new");
}

static void watches_may_change_during_node_down(void)
{
    world_open();
    struct process *p = spy_start("one");
    for (int i = 0; i < 3; i++)
        watch_name(p, "pg");
    spy_then(p, stop_the_second);
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    CALLED("1 down 1 noconnection");
    CALLED("1 down 3 noconnection");
    CALLED_NO_MORE();
    processes_check(world.table);
    world_close();
}

/* --- calls ------------------------------------------------------------------ */

static void a_call_is_answered(void)
{
    world_open();
    struct process *p = spy_start("one");
    CU_ASSERT_EQUAL(call_name(p, "rex", 100), 1);
    SENT("MONITOR b@h " US(1) " -> rex " OUR_REF(1));
    SENT("REG_SEND b@h " US(1) " -> rex: {'$gen_call',{" US(1) "," OUR_REF(1) "},value}");
    CU_ASSERT_EQUAL(call_pid(p, 100), 2);
    SENT("MONITOR b@h " US(1) " -> " THEM(4) " " OUR_REF(2));
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {'$gen_call',{" US(1) "," OUR_REF(2) "},value}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(2) ",{ok,5}}");
    CALLED("1 answer 2 {ok,5}");
    SENT("DEMONITOR b@h " US(1) " -> " THEM(4) " " OUR_REF(2));
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(2) ",{ok,6}}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",[]}");
    CALLED("1 answer 1 []");
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(1));
    advance(1000);
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void delivers_what_only_looks_like_a_reply(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" REF(1) ",yes}");
    CALLED("1 message {" REF(1) ",yes}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{#Ref<'b@h'.7.1.0.0>,yes}");
    CALLED("1 message {#Ref<'b@h'.7.1.0.0>,yes}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",yes,no}");
    CALLED("1 message {" OUR_REF(1) ",yes,no}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{[alias|" OUR_REF(1) "],yes}");
    CALLED("1 message {[alias|" OUR_REF(1) "],yes}");
    spy_start("two");
    RECEIVE(SIGNAL_SEND, THEM(4), US(2), .payload = "{" OUR_REF(1) ",misled}");
    CALLED_NO_MORE();
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",yes}");
    CALLED("1 answer 1 yes");
    world_close();
}

static void drops_a_reply_to_a_watch(void)
{
    world_open();
    struct process *p = spy_start("one");
    watch_name(p, "pg");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",yes}");
    CALLED_NO_MORE();
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(1), .reason = "over");
    CALLED("1 down 1 over");
    world_close();
}

static void a_call_ends_with_its_callee(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "missing", 100);
    skip_sent();
    RECEIVE(SIGNAL_MONITOR_EXIT, "missing", US(1), .ref = OUR_REF(1), .reason = "noproc");
    CALLED("1 closed 1 noproc");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",late}");
    advance(1000);
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void calls_time_out_in_order(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    call_name(p, "rex", 50);
    call_name(p, "rex", 100);
    call_name(p, "rex", UINT64_MAX);
    skip_sent();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), 1050);
    advance(49);
    CALLED_NO_MORE();
    advance(1);
    CALLED("1 late 2");
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(2));
    advance(50);
    CALLED("1 late 1");
    CALLED("1 late 3");
    CALLED_NO_MORE();
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",too_late}");
    CALLED_NO_MORE();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    world_close();
}

static void a_stopped_call_is_silent(void)
{
    world_open();
    struct process *p = spy_start("one");
    uint64_t call = call_name(p, "rex", 100);
    skip_sent();
    call_stop(p, call, &world.turn);
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(1));
    call_stop(p, call, &world.turn);
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",late}");
    advance(1000);
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void open_calls_are_bounded(void)
{
    world_open();
    struct process *p = spy_start("one");
    uint64_t last = 0;
    for (unsigned i = 0; i < LIMIT_CALLS; i++) {
        last = call_name(p, "rex", 100);
        buf_clear(&world.sent);
    }
    CU_ASSERT_EQUAL(last, LIMIT_CALLS);
    CU_ASSERT_EQUAL(call_name(p, "rex", 100), 0);
    world.sent_read = 0;
    SENT_NO_MORE();
    call_stop(p, 5, &world.turn);
    CU_ASSERT_NOT_EQUAL(call_name(p, "rex", 100), 0);
    processes_check(world.table);
    world_close();
}

static void end_itself(struct process *p)
{
    process_exit(p, term_of("enough"), &world.turn);
}

static void may_end_in_a_callback(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    call_name(p, "rex", 100);
    spy_then(p, end_itself);
    advance(100);
    CALLED("1 late 1");
    CALLED("1 leave enough");
    CALLED_NO_MORE();
    processes_tidy(world.table);
    processes_check(world.table);
    world_close();
}

/* --- while suspended --------------------------------------------------------- */

static void holds_outcomes_while_suspended(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    call_name(p, "rex", 50);
    watch_name(p, "pg");
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "before");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",{ok,5}}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",{ok,6}}");
    RECEIVE(SIGNAL_MONITOR_EXIT, "pg", US(1), .ref = OUR_REF(3), .reason = "over");
    advance(100);
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    CALLED_NO_MORE();
    process_resume(p, &world.turn);
    CALLED("1 message before");
    CALLED("1 answer 1 {ok,5}");
    CALLED("1 down 3 over");
    CALLED("1 late 2");
    CALLED_NO_MORE();
    processes_check(world.table);
    world_close();
}

static void stop_first_call(struct process *p)
{
    call_stop(p, 1, &world.turn);
}

static void a_held_outcome_can_be_cancelled(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "before");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",{ok,5}}");
    skip_sent();
    spy_then(p, stop_first_call);
    process_resume(p, &world.turn);
    CALLED("1 message before");
    CALLED_NO_MORE();
    SENT_NO_MORE();
    processes_check(world.table);
    world_close();
}

static void held_outcomes_end_with_their_owner(void)
{
    world_open();
    struct process *p = spy_start("one");
    call_name(p, "rex", 100);
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ",{ok,5}}");
    skip_sent();
    process_exit(p, term_of("normal"), &world.turn);
    processes_check(world.table);
    SENT_NO_MORE();
    world_close();
}

/* --- rex ---------------------------------------------------------------------- */

static void calls_rex_as_rpc_does(void)
{
    world_open();
    struct process *p = spy_start("one");
    uint64_t call = rex_start(p, BYTES("b@h"), "Elixir.Grove.Cluster.Membership", "scope",
                              term_of("[]"), 100, &world.turn);
    CU_ASSERT_EQUAL(call, 1);
    SENT("MONITOR b@h " US(1) " -> rex " OUR_REF(1));
    SENT("REG_SEND b@h " US(1) " -> rex: {'$gen_call',{" US(1) "," OUR_REF(
        1) "},{call,'Elixir.Grove.Cluster.Membership',scope,[],user}}");
    world_close();
}

static void reads_recorded_rex_replies(void)
{
    static const struct {
        const char *name;
        enum rex_outcome outcome;
        const char *term;
    } table[] = {
        {"value", REX_VALUE, "#{a => 1}"},
        {"throws", REX_VALUE, "ball"},
        {"looks_failed", REX_FAILED, "nodedown"},
        {"exits", REX_RAISED, "over"},
        {"exits_with_list", REX_RAISED, "{over,[1,2,3]}"},
        {"key_error", REX_RAISED, "{badkey,a}"},
        {"raises", REX_RAISED,
         "#{'__struct__' => 'Elixir.RuntimeError','__exception__' => true,message => <<\"no\">>}"},
        {"argument_error", REX_RAISED, "badarg"},
        {"error", REX_RAISED, "boom"},
        {"no_module", REX_UNDEF, NULL},
        {"no_function", REX_UNDEF, NULL},
        {"no_module_deeper", REX_RAISED, "undef"},
        {"no_module_of_fun", REX_UNDEF, NULL},
        {"raising_fun", REX_RAISED, "badarg"},
        {"no_list", REX_RAISED, "badarg"},
        {"killed", REX_RAISED, "killed"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct answer a = {OK, wall(recorded("otp/rex.etf", table[i].name))};
        struct bytes term;
        enum rex_outcome outcome = rex_read(&a, &term);
        CU_ASSERT_EQUAL(outcome, table[i].outcome);
        if (outcome != table[i].outcome)
            fprintf(stderr, "\n%s gave %d\n", table[i].name, (int)outcome);
        CU_ASSERT_EQUAL(term.len == 0, table[i].term == NULL);
        struct buf canonical = {0};
        if (table[i].term != NULL && canon_put(&canonical, term) == OK)
            ASSERT_TERM(buf_bytes(&canonical), term_of(table[i].term));
        buf_free(&canonical);
    }
}

static void strips_only_stack_traces(void)
{
    static const char *const whole[] = {
        "{undef,[{m,f,1,[]}|more]}", "{undef,\"text\"}", "{undef,[{m,f,1}]}",    "{undef,{m,f}}",
        "{undef,[{m,f,1,[]},x]}",    "[undef]",          "{undef,[{1,f,1,[]}]}", "{a,b,[]}",
    };
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char reply[100];
        snprintf(reply, sizeof(reply), "{badrpc,{'EXIT',%s}}", whole[i]);
        struct bytes term;
        struct answer a = {OK, wall(term_of(reply))};
        CU_ASSERT_EQUAL(rex_read(&a, &term), REX_RAISED);
        ASSERT_TERM(term, term_of(whole[i]));
    }
}

static void reads_a_missing_rex_and_a_timeout(void)
{
    struct bytes term;
    CU_ASSERT_EQUAL(rex_read(&(struct answer){ERR_CLOSED, term_of("noproc")}, &term), REX_GONE);
    CU_ASSERT_EQUAL(term.len, 0);
    CU_ASSERT_EQUAL(rex_read(&(struct answer){.err = ERR_TIMEOUT}, &term), REX_LATE);
    CU_ASSERT_EQUAL(term.len, 0);
}

SUITE("call", TEST(watches_by_pid_and_name), TEST(a_stopped_watch_is_silent),
      TEST(accepts_down_only_from_the_watched_node), TEST(watches_end_with_their_owner),
      TEST(node_down_ends_watches_and_calls), TEST(watches_may_change_during_node_down),
      TEST(a_call_is_answered), TEST(delivers_what_only_looks_like_a_reply),
      TEST(drops_a_reply_to_a_watch), TEST(a_call_ends_with_its_callee),
      TEST(calls_time_out_in_order), TEST(a_stopped_call_is_silent), TEST(open_calls_are_bounded),
      TEST(may_end_in_a_callback), TEST(holds_outcomes_while_suspended),
      TEST(a_held_outcome_can_be_cancelled), TEST(held_outcomes_end_with_their_owner),
      TEST(calls_rex_as_rpc_does), TEST(reads_recorded_rex_replies), TEST(strips_only_stack_traces),
      TEST(reads_a_missing_rex_and_a_timeout))
