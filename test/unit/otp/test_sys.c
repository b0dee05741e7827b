#include "unit/otp/scribe.h"

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
    "{status," US(1) ",{module,scribe},[[]," sys_state                                             \
                     "," US(1) ",[],[{header,\"" header "\"},"                                     \
                               "{data,[{\"Status\"," sys_state                                     \
                               "},{\"Parent\"," US(1) "},{\"Logged events\",[]}]},"                \
                                                      "{data,[{\"State\",{state,1}}]}]]}"

static void shows_its_status(void)
{
    world_open();
    struct process *p = scribe_start("one");
    ask("get_status");
    SAID(ANSWER(STATUS("running", "Status for scribe one")));
    ask("suspend");
    SAID(ANSWER("ok"));
    ask("get_status");
    SAID(ANSWER(STATUS("suspended", "Status for scribe one")));
    CU_ASSERT_TRUE(process_suspended(p));
    world_close();
    world_open();
    scribe_start(NULL);
    ask("get_status");
    SAID(ANSWER(STATUS("running", "Status for scribe")));
    HEARD_NO_MORE();
    world_close();
}

/* --- get_state, whose answer depends on the caller's stdlib -------------------- */

#define ASKED(n)                                                                                   \
    "REG_SEND b@h " US(2) " -> rex: {'$gen_call',{" US(2) "," OUR_REF(                             \
        n) "},{call,application,get_key,[stdlib,vsn],user}}"

/* The caller asks, and its rex says this; what is then sent to the caller. */
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
    SAID(monitor);
    SAID(request);
    SAID_NO_MORE();
    char payload[160];
    snprintf(payload, sizeof(payload), "{%s,%s}", ref, rex);
    COME(SIGNAL_SEND, THEM(9), US(2), .payload = payload);
    SAID(demonitor);
    SAID(reply);
    SAID_NO_MORE();
}

static void shows_the_state_in_the_callers_form(void)
{
    static const char bare[] = ANSWER("{state,1}"), in_ok[] = ANSWER("{ok,{state,1}}");
    world_open();
    scribe_start("one");
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

static void shows_the_state_to_who_cannot_be_asked(void)
{
    world_open();
    struct process *p = scribe_start("one");
    ask("suspend");
    SAID(ANSWER("ok"));
    ask("get_state");
    SAID("MONITOR b@h " US(2) " -> rex " OUR_REF(1));
    SAID(ASKED(1));
    COME(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(1), .reason = "noproc");
    SAID(ANSWER("{ok,{state,1}}"));
    ask("get_state");
    SAID("MONITOR b@h " US(2) " -> rex " OUR_REF(2));
    SAID(ASKED(2));
    process_exit(p, term_of("gone"), &world.turn);
    COME(SIGNAL_MONITOR_EXIT, "rex", US(2), .ref = OUR_REF(2), .reason = "noproc");
    SAID_NO_MORE();
    world_close();
}

static void suspends_and_resumes(void)
{
    world_open();
    struct process *p = scribe_start("one");
    ask("suspend");
    ask("suspend");
    SAID(ANSWER("ok"));
    SAID(ANSWER("ok"));
    process_deliver(p, term_of("held"), &world.turn);
    HEARD_NO_MORE();
    ask("resume");
    SAID(ANSWER("ok"));
    HEARD("1 message held");
    CU_ASSERT_FALSE(process_suspended(p));
    world_close();
}

static void send_on(struct process *p)
{
    turn_send(&world.turn, process_pid(p), term_of(THEM(4)), term_of("on"));
}

static void says_ok_before_it_goes_on(void)
{
    world_open();
    struct process *p = scribe_start("one");
    process_suspend(p);
    process_deliver(p, term_of("held"), &world.turn);
    scribe_then(p, send_on);
    ask("resume");
    SAID(ANSWER("ok"));
    SAID("SEND b@h " US(1) " -> " THEM(4) ": on");
    world_close();
}

/* What GenServer.stop does: a monitor of its own, and the call with another. */
static void stops_with_exactly_that_reason(void)
{
    world_open();
    scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "one", .ref = REF(1));
    COME(SIGNAL_MONITOR, THEM(4), "one", .ref = REF(2));
    COME(SIGNAL_REG_SEND, THEM(4), "one",
         .payload = "{system,{" THEM(4) ",[alias|" REF(2) "]},{terminate,{shutdown,<<\"x\">>}}}");
    HEARD("1 leave {shutdown,<<\"x\">>}");
    SAID("ALIAS_SEND b@h " US(1) " -> " REF(2) ": {[alias|" REF(2) "],ok}");
    SAID("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because {shutdown,<<\"x\">>}");
    SAID("MONITOR_EXIT b@h one -> " THEM(4) " " REF(2) " because {shutdown,<<\"x\">>}");
    SAID_NO_MORE();
    world_close();
}

static void says_what_it_cannot(void)
{
    world_open();
    scribe_start("one");
    ask("{replace_state,fun erlang:abs/1}");
    SAID(ANSWER("{error,{callback_failed,{scribe,system_replace_state},{error,notsup}}}"));
    ask("{change_code,m,undefined,[]}");
    SAID(ANSWER("{error,{unknown_system_msg,{change_code,m,undefined,[]}}}"));
    ask("nonsense");
    SAID(ANSWER("{error,{unknown_system_msg,nonsense}}"));
    ask("{}");
    SAID(ANSWER("{error,{unknown_system_msg,{}}}"));
    ask("{get_state}");
    SAID(ANSWER("{error,{unknown_system_msg,{get_state}}}"));
    ask("{terminate}");
    SAID(ANSWER("{error,{unknown_system_msg,{terminate}}}"));
    ask("[<<1>>]");
    SAID(ANSWER("{error,{unknown_system_msg,[<<1>>]}}"));
    ask("suspend");
    SAID(ANSWER("ok"));
    ask("{change_code,m,undefined,[]}");
    SAID(ANSWER("{error,notsup}"));
    HEARD_NO_MORE();
    world_close();
}

/* Maps with a key twice cannot be passed on; no BEAM sends one. */
static void an_impossible_reason_is_refused(void)
{
    world_open();
    struct process *p = scribe_start("one");
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
    SAID(ANSWER("{error,badarg}"));
    CU_ASSERT_FALSE(process_ended(p));
    buf_free(&message);
    world_close();
}

static void answers_what_sys_functions_send(void)
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
        {"replace_state", "{error,{callback_failed,{scribe,system_replace_state},{error,notsup}}}"},
        {"change_code", "{error,{unknown_system_msg,{change_code,mod,undefined,[]}}}"},
        {"suspend", "ok"},
        {"resume", "ok"},
        {"stop", "ok"},
    };
    world_open();
    struct process *p = scribe_start("one");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        buf_clear(&world.said);
        process_deliver(p, wall(recorded("otp/requests.etf", table[i].name)), &world.turn);
        char wanted[200];
        snprintf(wanted, sizeof(wanted), ",%s}\n", table[i].reply);
        size_t n = strlen(wanted);
        bool ends =
            world.said.len > n && memcmp(world.said.at + world.said.len - n, wanted, n) == 0;
        CU_ASSERT(ends);
        if (!ends)
            fprintf(stderr, "\n%s: %.*s", table[i].name, (int)world.said.len, world.said.at);
    }
    CU_ASSERT_TRUE(process_ended(p));
    HEARD("1 leave normal");
    HEARD_NO_MORE();
    world_close();
}

SUITE("sys", TEST(shows_its_status), TEST(shows_the_state_in_the_callers_form),
      TEST(shows_the_state_to_who_cannot_be_asked), TEST(suspends_and_resumes),
      TEST(says_ok_before_it_goes_on), TEST(stops_with_exactly_that_reason),
      TEST(says_what_it_cannot), TEST(an_impossible_reason_is_refused),
      TEST(answers_what_sys_functions_send))
