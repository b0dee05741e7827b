/* The status of many replicas: made in steps, while replicas start and end. */
#include <stdlib.h>

#include "limits.h"
#include "unit/node/outside.h"

#define MANY 3000
#define FEW  200

/* More than one step puts. */
_Static_assert(MANY * 700 > 3 * LIMIT_STATUS_WORK, "many");

static void start_many(void)
{
    struct buf settings = {0};
    for (unsigned i = 0; i < MANY; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gcounter}}. ", i);
    buf_put_u8(&settings, 0);
    start(0, "a@h", (const char *)settings.at);
    run_for(1);
    buf_free(&settings);
}

static void end(void)
{
    outside_close();
    stop_all();
}

static void ask(uint64_t number, const char *term)
{
    const struct request request = {
        .kind = REQUEST_CALL, .name = BYTES("coppice"), .term = term_of(term), .timeout_ms = 5000};
    step(0, (struct event){.kind = EVENT_CALL, .call = number, .request = &request});
}

/* What a call has been answered, up to the end of the line; NULL: nothing yet. */
static const char *answer_to(unsigned number)
{
    char begin[32];
    snprintf(begin, sizeof(begin), "%u: ", number);
    buf_put_u8(&nodes[0].replies, 0);
    nodes[0].replies.len--;
    const char *at = (const char *)nodes[0].replies.at;
    while (at != NULL && *at != 0 && strncmp(at, begin, strlen(begin)) != 0) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    return at != NULL && *at != 0 ? at : NULL;
}

/* Steps until it is answered. */
static unsigned steps_to(unsigned number)
{
    unsigned steps = 0;
    for (; answer_to(number) == NULL; steps++) {
        CU_ASSERT_FATAL(node_due(nodes[0].node) <= net.now_ms);
        step(0, (struct event){.kind = EVENT_WAKE});
    }
    return steps;
}

static bool answer_has(unsigned number, const char *text)
{
    const char *from = answer_to(number), *found = strstr(from, text);
    return found != NULL && found < strchr(from, '\n');
}

static unsigned replicas_in(unsigned number)
{
    unsigned count = 0;
    const char *from = answer_to(number), *until = strchr(from, '\n');
    for (; (from = strstr(from, "mutations =>")) != NULL && from < until; from++)
        count++;
    return count;
}

static void few_are_told_at_once(void)
{
    start(0, "a@h", "{replica, r, #{crdt => gcounter}}.");
    run_for(1);
    ask(1, "status");
    CU_ASSERT(answer_to(1) != NULL && replicas_in(1) == 1);
    end();
}

/* Who asks again and again is not answered more than that in one step. */
static void what_it_takes_is_counted(void)
{
    struct buf settings = {0};
    for (unsigned i = 0; i < FEW; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gcounter}}. ", i);
    buf_put_u8(&settings, 0);
    start(0, "a@h", (const char *)settings.at);
    run_for(1);
    ask(1, "status");
    CU_ASSERT(answer_to(1) != NULL && node_work(nodes[0].node) > LIMIT_STEP_WORK);
    buf_free(&settings);
    stop_all();
    start_many();
    ask(1, "status");
    do {
        CU_ASSERT(node_work(nodes[0].node) >= LIMIT_STATUS_WORK);
        step(0, (struct event){.kind = EVENT_WAKE});
    } while (answer_to(1) == NULL);
    end();
}

static void many_are_told_in_steps(void)
{
    start_many();
    ask(1, "status");
    CU_ASSERT(steps_to(1) > 3);
    CU_ASSERT(replicas_in(1) == MANY);
    CU_ASSERT(answer_has(1, "r0 =>") && answer_has(1, "r2999 =>"));
    CU_ASSERT(answer_has(1, "undelivered => 0"));
    end();
}

/* Two of them get the same, which is made after what the later one has done. */
static void who_asks_meanwhile_gets_the_next(void)
{
    start_many();
    ask(1, "status");
    step(0, (struct event){.kind = EVENT_WAKE});
    ask(2, "{start_replica, late, #{crdt => gset}}");
    ask(3, "status");
    ask(4, "status");
    CU_ASSERT(answer_to(2) != NULL && answer_to(1) == NULL);
    steps_to(1);
    CU_ASSERT(answer_to(3) == NULL && !answer_has(1, "late =>"));
    steps_to(3);
    CU_ASSERT(answer_to(4) != NULL);
    CU_ASSERT(replicas_in(3) == MANY + 1 && answer_has(3, "late =>") && answer_has(4, "late =>"));
    end();
}

/* Those whose turn is over are told of, the others are not. */
static void replicas_may_end_meanwhile(void)
{
    start_many();
    ask(1, "status");
    ask(2, "{stop_replica, r0}");
    ask(3, "{stop_replica, r2998}");
    ask(4, "{stop_replica, r2999}");
    steps_to(1);
    CU_ASSERT(replicas_in(1) == MANY - 2);
    CU_ASSERT(answer_has(1, "r0 =>") && !answer_has(1, "r2998 =>"));
    CU_ASSERT(answer_has(1, "stopped => [r0,r2998,r2999]"));
    end();
}

/* Its callers' monitors tell them (here they go outside); it is restarted. */
static void the_process_may_end_meanwhile(void)
{
    start_many();
    ask(1, "status");
    step(0, (struct event){.kind = EVENT_WAKE});
    exit2(0, process_named(node_processes(nodes[0].node), BYTES("coppice")), "kill");
    CU_ASSERT(answer_to(1) == NULL);
    ask(2, "status");
    steps_to(2);
    CU_ASSERT(replicas_in(2) == MANY && answer_to(1) == NULL);
    /* And with a report that nobody gets. */
    ask(3, "status");
    end();
}

/* --- callers on other nodes ---------------------------------------------------------------- */

static void ask_from(unsigned i, uint64_t number, const char *term)
{
    const struct request request = {.kind = REQUEST_CALL,
                                    .name = BYTES("coppice"),
                                    .node = BYTES("a@h"),
                                    .term = term_of(term),
                                    .timeout_ms = 500000};
    step(i, (struct event){.kind = EVENT_CALL, .call = number, .request = &request});
}

static unsigned lines_with(unsigned i, const char *text)
{
    unsigned count = 0;
    buf_put_u8(&nodes[i].replies, 0);
    nodes[i].replies.len--;
    for (const char *at = (const char *)nodes[i].replies.at;
         at != NULL && (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static unsigned told(unsigned i)
{
    return lines_with(i, "undelivered =>");
}

static void start_many_and_callers(void)
{
    start_many();
    start(1, "b@h", "{connect, ['a@h']}.");
    start(2, "c@h", "{connect, ['a@h']}.");
    run_for(5000);
    CU_ASSERT_FATAL(connected(0, 1) && connected(0, 2));
}

/* All ask before a step of the report is made; then b goes down, and what waits for it with it. */
static void one_node_has_a_part_of_the_callers(void)
{
    start_many_and_callers();
    for (unsigned i = 0; i < LIMIT_STATUS_CALLS / LIMIT_NODE_PART + 2; i++)
        ask_from(1, 10 + i, "status");
    ask_from(2, 5, "status");
    ask(1, "status");
    settle();
    CU_ASSERT_EQUAL(lines_with(1, "overloaded"), 2);
    CU_ASSERT_EQUAL(lines_with(2, "overloaded"), 0);
    crash(1);
    run_for(20000);
    CU_ASSERT_EQUAL(told(2), 1);
    CU_ASSERT(answer_to(1) != NULL && replicas_in(1) == MANY);
    CU_ASSERT(node_due(nodes[0].node) > net.now_ms);
    end();
}

/* What is queued for b, as c was told. */
static unsigned long queued_for_b(void)
{
    const char *key = "queued_bytes => ";
    const char *at = strstr((const char *)nodes[2].replies.at, "peers => #{b@h =>");
    at = at != NULL ? strstr(at, key) : NULL;
    return at != NULL ? strtoul(at + strlen(key), NULL, 10) : 0;
}

/* All ask for one report, of almost a megabyte. */
static void a_slow_node_waits_until_it_has_read(void)
{
    start_many_and_callers();
    nodes[1].hold_acks = true;
    for (unsigned i = 0; i < 100; i++)
        ask_from(1, 100 + i, "status");
    run_for(3000);
    ask_from(2, 6, "status");
    run_for(20);
    CU_ASSERT_EQUAL(told(2), 1);
    CU_ASSERT(queued_for_b() > LIMIT_QUEUE_SLOW_BYTES);
    CU_ASSERT(queued_for_b() < LIMIT_QUEUE_SLOW_BYTES * 5 / 4);
    nodes[1].hold_acks = false;
    acknowledge(1, 0, unacked_by(1, 0));
    run_for(100);
    CU_ASSERT_EQUAL(told(1), 100);
    end();
}

static void system_message(const char *name, const char *term)
{
    struct buf pid = {0};
    buf_put(&pid, process_pid(process_named(node_processes(nodes[0].node), bytes_of(name))));
    signal_to(
        0, (struct signal){.kind = SIGNAL_SEND, .to = buf_bytes(&pid), .payload = term_of(term)});
    buf_free(&pid);
}

/* The map that sys:get_status shows is made in one step. */
static void the_map_is_that_of_one_step(void)
{
    start_many();
    ask(1, "status");
    steps_to(1);
    struct buf text = {0};
    system_message("coppice", "{system, {" OUTSIDER ", t}, get_status}");
    text_print(&text, buf_bytes(&outside.reply));
    const char *from = strstr(answer_to(1), "{ok,") + 4, *until = strchr(from, '\n') - 1;
    CU_ASSERT(until > from + 100000);
    CU_ASSERT(memmem(text.at, text.len, from, (size_t)(until - from)) != NULL);
    buf_free(&text);
    end();
}

/* As a call that times out. */
static void other_things_have_their_turn(void)
{
    const struct request request = {
        .kind = REQUEST_CALL, .name = BYTES("r0"), .term = term_of("value"), .timeout_ms = 1};
    start_many();
    system_message("r0", "{system, {" OUTSIDER ", t}, suspend}");
    ask(1, "status");
    step(0, (struct event){.kind = EVENT_CALL, .call = 2, .request = &request});
    net.now_ms++;
    for (unsigned i = 0; i < 2; i++)
        step(0, (struct event){.kind = EVENT_WAKE});
    CU_ASSERT(answer_to(2) != NULL && answer_to(1) == NULL);
    end();
}

static void it_may_be_suspended_meanwhile(void)
{
    start_many();
    ask(1, "status");
    system_message("coppice", "{system, {" OUTSIDER ", t}, suspend}");
    run_for(1000);
    CU_ASSERT(answer_to(1) == NULL);
    system_message("coppice", "{system, {" OUTSIDER ", t}, resume}");
    run_for(1000);
    CU_ASSERT(answer_to(1) != NULL && replicas_in(1) == MANY);
    end();
}

SUITE("status", TEST(few_are_told_at_once), TEST(what_it_takes_is_counted),
      TEST(many_are_told_in_steps), TEST(the_map_is_that_of_one_step),
      TEST(who_asks_meanwhile_gets_the_next), TEST(replicas_may_end_meanwhile),
      TEST(other_things_have_their_turn), TEST(the_process_may_end_meanwhile),
      TEST(it_may_be_suspended_meanwhile), TEST(one_node_has_a_part_of_the_callers),
      TEST(a_slow_node_waits_until_it_has_read))
