/* SPAWN_REQUEST: each is answered, and the process ends at once. */
#include "unit/otp/spy.h"

#include "limits.h"

static struct {
    unsigned runs;
    struct buf call; /* Module:Function and the arguments, of the last */
} ran;

static void run(void *who, const struct spawn *spawn, struct buf *reason, struct turn *t)
{
    (void)who;
    (void)t;
    ran.runs++;
    buf_clear(&ran.call);
    buf_printf(&ran.call, "%.*s:%.*s ", TEXT(spawn->module), TEXT(spawn->function));
    buf_put(&ran.call, spawn->args);
    put_atom(reason, "done");
}

static void request(const char *mfa, const char *args, const char *options, enum err unfit)
{
    struct signal s = {.kind = SIGNAL_SPAWN_REQUEST,
                       .from = term_of(THEM(4)),
                       .ref = term_of(REF(1)),
                       .mfa = term_of(mfa),
                       .options = term_of(options),
                       .payload = term_of(args),
                       .unfit = unfit};
    processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    processes_check(world.table);
}

static void opened(void)
{
    world_open();
    processes_on_spawn(world.table, run, NULL);
    ran.runs = 0;
}

static void closed(void)
{
    SENT_NO_MORE();
    buf_free(&ran.call);
    world_close();
}

#define REFUSED(why) SENT("SPAWN_REPLY b@h " why " -> " THEM(4) " " REF(1))

static void is_not_supported_without_a_function(void)
{
    world_open();
    request("{m,f,0}", "[]", "[]", OK);
    REFUSED("notsup");
    world_close();
}

static void runs_the_function_and_ends(void)
{
    struct buf wanted = {0};
    opened();
    request("{m,f,2}", "[a,{b}]", "[]", OK);
    SENT("SPAWN_REPLY b@h " US(1) " -> " THEM(4) " " REF(1));
    buf_printf(&wanted, "m:f ");
    buf_put(&wanted, term_of("[a,{b}]"));
    CU_ASSERT(ran.runs == 1 && bytes_equal(buf_bytes(&ran.call), buf_bytes(&wanted)));
    CU_ASSERT(process_of_pid(world.table, term_of(US(1))) == NULL);
    buf_free(&wanted);
    closed();
}

/* A string is a list of arguments like any other. */
static void takes_arguments_that_are_a_string(void)
{
    opened();
    request("{m,f,3}", "\"abc\"", "[]", OK);
    SENT("SPAWN_REPLY b@h " US(1) " -> " THEM(4) " " REF(1));
    CU_ASSERT_EQUAL(ran.runs, 1);
    closed();
}

static void tells_monitors_and_links_of_the_end(void)
{
    opened();
    request("{m,f,0}", "[]", "[{reply,no},monitor]", OK);
    SENT("SPAWN_REPLY b@h " US(1) " -> " THEM(4) " " REF(1) " id 2");
    SENT("MONITOR_EXIT b@h " US(1) " -> " THEM(4) " " REF(1) " because done");
    request("{m,f,0}", "[]", "[link]", OK);
    SENT("SPAWN_REPLY b@h " US(2) " -> " THEM(4) " " REF(1) " id 1");
    SENT("EXIT b@h " US(2) " -> " THEM(4) " because done");
    request("{m,f,0}", "[]", "[link,{monitor,[]}]", OK);
    SENT("SPAWN_REPLY b@h " US(3) " -> " THEM(4) " " REF(1) " id 3");
    SENT("EXIT b@h " US(3) " -> " THEM(4) " because done");
    SENT("MONITOR_EXIT b@h " US(3) " -> " THEM(4) " " REF(1) " because done");
    closed();
}

static void refuses_what_is_no_call(void)
{
    static const struct {
        const char *mfa, *args;
    } wrong[] = {
        {"{m,f,1}", "[]"}, {"{m,f,0}", "[1]"}, {"{m,f,0}", "nothing"}, {"{m,f,1}", "[1|2]"},
        {"{m,f}", "[]"},   {"{1,f,0}", "[]"},  {"{m,f,-1}", "[]"},     {"m", "[]"},
    };
    opened();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        request(wrong[i].mfa, wrong[i].args, "[]", OK);
        REFUSED("badarg");
    }
    CU_ASSERT_EQUAL(ran.runs, 0);
    closed();
}

/* Options that it does not know, or that are no list, are passed over. */
static void passes_over_other_options(void)
{
    opened();
    request("{m,f,0}", "[]", "[{priority,high},7,{}|monitor]", OK);
    SENT("SPAWN_REPLY b@h " US(1) " -> " THEM(4) " " REF(1));
    request("{m,f,0}", "[]", "monitor", OK);
    SENT("SPAWN_REPLY b@h " US(2) " -> " THEM(4) " " REF(1));
    closed();
}

static void refuses_what_is_too_much(void)
{
    opened();
    request("{m,f,1}", "[1]", "[monitor]", ERR_LIMIT);
    REFUSED("system_limit");
    for (unsigned i = 0; i < LIMIT_PROCESSES; i++)
        spy_start("");
    request("{m,f,0}", "[]", "[monitor]", OK);
    REFUSED("system_limit");
    CU_ASSERT_EQUAL(ran.runs, 0);
    closed();
}

SUITE("spawn", TEST(is_not_supported_without_a_function), TEST(runs_the_function_and_ends),
      TEST(takes_arguments_that_are_a_string), TEST(tells_monitors_and_links_of_the_end),
      TEST(refuses_what_is_no_call), TEST(passes_over_other_options),
      TEST(refuses_what_is_too_much))
