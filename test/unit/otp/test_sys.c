#include "unit/otp/spy.h"

#include "limits.h"

#define FROM      "{" THEM(4) ",1}"
#define ANSWER(a) "SEND b@h " US(1) " -> " THEM(4) ": {1," a "}"

static void ask(const char *request)
{
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "system");
    put_term(&message, term_of(FROM));
    put_term(&message, term_of(request));
    process_deliver(processes_next(world.table, NULL), buf_bytes(&message), &world.turn);
    processes_check(world.table);
    buf_free(&message);
}

#define STATUS(sys_state, header)                                                                  \
    "{status," US(1) ",{module,spy},[[]," sys_state                                                \
                     "," US(1) ",[],[{header,\"" header "\"},"                                     \
                               "{data,[{\"Status\"," sys_state                                     \
                               "},{\"Parent\"," US(1) "},{\"Logged events\",[]}]},"                \
                                                      "{data,[{\"State\",{state,1}}]}]]}"

static void answers_get_status(void)
{
    world_open();
    struct process *p = spy_start("one");
    ask("get_status");
    SENT(ANSWER(STATUS("running", "Status for spy one")));
    ask("suspend");
    SENT(ANSWER("ok"));
    ask("get_status");
    SENT(ANSWER(STATUS("suspended", "Status for spy one")));
    CU_ASSERT_TRUE(process_suspended(p));
    world_close();
    world_open();
    spy_start(NULL);
    ask("get_status");
    SENT(ANSWER(STATUS("running", "Status for spy")));
    CALLED_NO_MORE();
    world_close();
}

/* --- get_state: the form depends on the caller's stdlib ------------------------- */

#define ASKED(n)                                                                                   \
    "REG_SEND b@h " US(2) " -> rex: {'$gen_call',{" US(2) "," OUR_REF(                             \
        n) "},{call,application,get_key,[stdlib,vsn],user}}"

/* Asks for the state; the caller's rex answers this; asserts the reply to the caller. */
static void state_after(unsigned n, const char *rex, const char *reply)
{
    char ref[64], monitor[160], request[300], demonitor[160];
    snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", n);
    snprintf(monitor, sizeof(monitor), "MONITOR b@h " US(2) " -> rex %s", ref);
    snprintf(request, sizeof(request),
             "REG_SEND b@h " US(2) " -> rex: {'$gen_call',{" US(
                 2) ",%s},{call,application,get_key,[stdlib,vsn],user}}",
             ref);
    snprintf(demonitor, sizeof(demonitor), "DEMONITOR b@h " US(2) " -> rex %s", ref);
    ask("get_state");
    SENT(monitor);
    SENT(request);
    SENT_NO_MORE();
    char payload[160];
    snprintf(payload, sizeof(payload), "{%s,%s}", ref, rex);
    RECEIVE(SIGNAL_SEND, THEM(9), US(2), .payload = payload);
    SENT(demonitor);
    SENT(reply);
    SENT_NO_MORE();
}

static void answers_get_state_in_the_callers_form(void)
{
    static const char bare[] = ANSWER("{state,1}"), in_ok[] = ANSWER("{ok,{state,1}}");
    world_open();
    spy_start("one");
    state_after(1, "{ok,\"4.2\"}", bare); /* OTP 25 */
    state_after(2, "{ok,\"5.0.2\"}", bare);
    state_after(3, "{ok,\"5.1\"}", in_ok); /* OTP 26.1 */
    state_after(4, "{ok,\"5.10\"}", in_ok);
    state_after(5, "{ok,\"6\"}", in_ok);
    state_after(6, "{ok,[]}", in_ok);
    state_after(7, "{ok,[$4,-1]}", bare);
    state_after(8, "undefined", in_ok);
    state_after(9, "{badrpc,nothing}", in_ok);
    world_close();
}

static void answers_get_state_when_rex_is_missing(void)
{
    world_open();
    struct process *p = spy_start("one");
    ask("suspend");
    SENT(ANSWER("ok"));
    ask("get_state");
    SENT("MONITOR b@h " US(2) " -> rex " OUR_REF(1));
    SENT(ASKED(1));
    RECEIVE(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(1), .reason = "noproc");
    SENT(ANSWER("{ok,{state,1}}"));
    ask("get_state");
    SENT("MONITOR b@h " US(2) " -> rex " OUR_REF(2));
    SENT(ASKED(2));
    process_exit(p, term_of("gone"), &world.turn);
    RECEIVE(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(2), .reason = "noproc");
    SENT_NO_MORE();
    world_close();
}

/* Beyond its part a node is answered in the later form; others are still asked. */
static void one_node_makes_few_questions(void)
{
    world_open();
    spy_start("one");
    world.turn.node = BYTES("b@h");
    for (unsigned i = 0; i < LIMIT_STATE_CALLS / LIMIT_NODE_PART; i++)
        ask("get_state");
    world.sent_read = world.sent.len;
    ask("get_state");
    SENT(ANSWER("{ok,{state,1}}"));
    world.turn.node = BYTES("c@h");
    ask("get_state");
    SENT("MONITOR b@h " US(2) " -> rex " OUR_REF(513));
    SENT(ASKED(513));
    world.turn.node = (struct bytes){0};
    RECEIVE(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(513), .reason = "noproc");
    SENT(ANSWER("{ok,{state,1}}"));
    CU_ASSERT(bytes_equal(buf_bytes(&world.sent_for), BYTES("c@h")));
    world_close();
}

/* Then the form is the later one. */
static void answers_get_state_where_nobody_can_ask(void)
{
    world_open();
    for (unsigned i = 0; i < LIMIT_PROCESSES; i++)
        CU_ASSERT_FATAL(spy_start(NULL) != NULL);
    ask("get_state");
    SENT(ANSWER("{ok,{state,1}}"));
    SENT_NO_MORE();
    world_close();
}

/* It is a process, too. */
static void who_asks_can_be_asked(void)
{
    world_open();
    spy_start("one");
    ask("get_state");
    SENT("MONITOR b@h " US(2) " -> rex " OUR_REF(1));
    SENT(ASKED(1));
    RECEIVE(SIGNAL_SEND, THEM(4), US(2), .payload = "{'$gen_call',{" THEM(4) ",t},what}");
    SENT("SEND b@h " US(2) " -> " THEM(4) ": {t,{error,{unknown_request,what}}}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(2), .payload = "what");
    RECEIVE(SIGNAL_SEND, THEM(4), US(2), .payload = "{system,{" THEM(4) ",t},get_state}");
    SENT("MONITOR b@h " US(2) " -> rex " OUR_REF(2));
    SENT(ASKED(2));
    RECEIVE(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(2), .reason = "noproc");
    SENT("SEND b@h " US(2) " -> " THEM(4) ": {t,{ok,1}}");
    RECEIVE(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(1), .reason = "noproc");
    SENT(ANSWER("{ok,{state,1}}"));
    SENT_NO_MORE();
    world_close();
}

static void suspends_and_resumes(void)
{
    world_open();
    struct process *p = spy_start("one");
    ask("suspend");
    ask("suspend");
    SENT(ANSWER("ok"));
    SENT(ANSWER("ok"));
    process_deliver(p, term_of("held"), &world.turn);
    CALLED_NO_MORE();
    ask("resume");
    SENT(ANSWER("ok"));
    CALLED("1 message held");
    CU_ASSERT_FALSE(process_suspended(p));
    world_close();
}

static void send_from_callback(struct process *p)
{
    turn_send(&world.turn, process_pid(p), term_of(THEM(4)), term_of("on"));
}

static void answers_resume_before_held_messages(void)
{
    world_open();
    struct process *p = spy_start("one");
    process_suspend(p, &world.turn);
    process_deliver(p, term_of("held"), &world.turn);
    spy_then(p, send_from_callback);
    ask("resume");
    SENT(ANSWER("ok"));
    SENT("SEND b@h " US(1) " -> " THEM(4) ": on");
    world_close();
}

/* GenServer.stop sends two monitors: its own, and that of its call. */
static void terminates_with_the_exact_reason(void)
{
    world_open();
    spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", .ref = REF(1));
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", .ref = REF(2));
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one",
            .payload =
                "{system,{" THEM(4) ",[alias|" REF(2) "]},{terminate,{shutdown,<<\"x\">>}}}");
    CALLED("1 leave {shutdown,<<\"x\">>}");
    SENT("ALIAS_SEND b@h " US(1) " -> " REF(2) ": {[alias|" REF(2) "],ok}");
    SENT("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because {shutdown,<<\"x\">>}");
    SENT("MONITOR_EXIT b@h one -> " THEM(4) " " REF(2) " because {shutdown,<<\"x\">>}");
    SENT_NO_MORE();
    world_close();
}

static void refuses_unsupported_commands(void)
{
    world_open();
    spy_start("one");
    ask("{replace_state,fun erlang:abs/1}");
    SENT(ANSWER("{error,{callback_failed,{spy,system_replace_state},{error,notsup}}}"));
    ask("{change_code,m,undefined,[]}");
    SENT(ANSWER("{error,{unknown_system_msg,{change_code,m,undefined,[]}}}"));
    ask("nonsense");
    SENT(ANSWER("{error,{unknown_system_msg,nonsense}}"));
    ask("{}");
    SENT(ANSWER("{error,{unknown_system_msg,{}}}"));
    ask("{get_state}");
    SENT(ANSWER("{error,{unknown_system_msg,{get_state}}}"));
    ask("{terminate}");
    SENT(ANSWER("{error,{unknown_system_msg,{terminate}}}"));
    ask("[<<1>>]");
    SENT(ANSWER("{error,{unknown_system_msg,[<<1>>]}}"));
    ask("suspend");
    SENT(ANSWER("ok"));
    ask("{change_code,m,undefined,[]}");
    SENT(ANSWER("{error,notsup}"));
    CALLED_NO_MORE();
    world_close();
}

/* A map with duplicate keys has no canonical form; no BEAM sends one. */
static void refuses_a_reason_with_duplicate_keys(void)
{
    world_open();
    struct process *p = spy_start("one");
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "system");
    put_term(&message, term_of(FROM));
    put_tuple(&message, 2);
    put_atom(&message, "terminate");
    put_map(&message, 2);
    for (int i = 0; i < 4; i++)
        put_int(&message, 1);
    process_deliver(p, buf_bytes(&message), &world.turn);
    SENT(ANSWER("{error,badarg}"));
    CU_ASSERT_FALSE(process_ended(p));
    buf_free(&message);
    world_close();
}

static void answers_recorded_sys_requests(void)
{
    static const struct {
        const char *name, *reply;
    } table[] = {
        {"log_on", "{error,notsup}"},
        {"log_get", "{ok,[]}"},
        {"log_print", "ok"},
        {"trace_on", "{error,notsup}"},
        {"trace_off", "ok"},
        {"log_to_file_off", "ok"},
        {"statistics_on", "{error,notsup}"},
        {"statistics_get", "{ok,no_statistics}"},
        {"no_debug", "ok"},
        {"install", "{error,notsup}"},
        {"remove", "ok"},
        {"replace_state", "{error,{callback_failed,{spy,system_replace_state},{error,notsup}}}"},
        {"change_code", "{error,{unknown_system_msg,{change_code,mod,undefined,[]}}}"},
        {"suspend", "ok"},
        {"resume", "ok"},
        {"stop", "ok"},
    };
    world_open();
    struct process *p = spy_start("one");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        buf_clear(&world.sent);
        process_deliver(p, wall(recorded("otp/requests.etf", table[i].name)), &world.turn);
        char wanted[200];
        snprintf(wanted, sizeof(wanted), ",%s}\n", table[i].reply);
        size_t n = strlen(wanted);
        bool ends =
            world.sent.len > n && memcmp(world.sent.at + world.sent.len - n, wanted, n) == 0;
        CU_ASSERT(ends);
        if (!ends)
            fprintf(stderr, "\n%s: %.*s", table[i].name, (int)world.sent.len, world.sent.at);
    }
    CU_ASSERT_TRUE(process_ended(p));
    CALLED("1 leave normal");
    CALLED_NO_MORE();
    world_close();
}

SUITE("sys", TEST(answers_get_status), TEST(answers_get_state_in_the_callers_form),
      TEST(answers_get_state_when_rex_is_missing), TEST(one_node_makes_few_questions),
      TEST(answers_get_state_where_nobody_can_ask), TEST(who_asks_can_be_asked),
      TEST(suspends_and_resumes), TEST(answers_resume_before_held_messages),
      TEST(terminates_with_the_exact_reason), TEST(refuses_unsupported_commands),
      TEST(refuses_a_reason_with_duplicate_keys), TEST(answers_recorded_sys_requests))
