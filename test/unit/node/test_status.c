/* The status of many replicas: made in steps, while replicas start and end. */
#include "limits.h"
#include "unit/node/outside.h"

#define MANY 3000

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

SUITE("status", TEST(few_are_told_at_once), TEST(many_are_told_in_steps),
      TEST(who_asks_meanwhile_gets_the_next), TEST(replicas_may_end_meanwhile),
      TEST(the_process_may_end_meanwhile))
