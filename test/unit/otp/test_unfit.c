/* Messages with a term that this node does not accept, in each place of each message. */
#include "unit/otp/spy.h"

#include "otp/rex.h"
#include "otp/watch.h"
#include "unit/term/unfit.h"

/* Terms in the place of '$' are in a tuple, or deeper. */
#define INSIDE 1

/* The message with '$' replaced, at any depth of tuples. */
static void fill(struct buf *out, struct bytes pattern, struct bytes term)
{
    struct etf_in in = etf_open(pattern);
    if (etf_peek(&in) != ETF_TUPLE) {
        put_term(out, bytes_equal(pattern, term_of("'$'")) ? term : pattern);
        return;
    }
    uint32_t arity = etf_tuple(&in);
    put_tuple(out, arity);
    while (arity-- > 0)
        fill(out, etf_any(&in), term);
}

/* As control_read() would have it. */
static void deliver(const char *pattern, struct bytes term)
{
    struct buf message = {0};
    size_t len;
    fill(&message, term_of(pattern), term);
    struct signal s = {.kind = SIGNAL_REG_SEND,
                       .from = term_of(THEM(4)),
                       .to = term_of("one"),
                       .payload = wall(buf_bytes(&message))};
    s.unfit = etf_check(s.payload, &len);
    CU_ASSERT_EQUAL(s.unfit == OK ? OK : etf_length(s.payload, &len), OK);
    processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    processes_check(world.table);
    buf_free(&message);
}

/* Calls run for each term that is not accepted. */
static void for_each_unfit(void (*run)(struct process *p, struct bytes term, enum err why))
{
    struct buf term = {0};
    enum err why;
    for (size_t i = 0; put_unfit(&term, i, INSIDE, &why); i++) {
        if (why == OK)
            continue;
        world_open();
        run(spy_start("one"), buf_bytes(&term), why);
        CALLED_NO_MORE();
        SENT_NO_MORE();
        world_close();
    }
    buf_free(&term);
}

static void expect_refusal(const char *start, enum err why)
{
    char line[200];
    snprintf(line, sizeof(line), "%s,{error,{bad_term,%s}}}", start, bad_term_reason(why));
    SENT(line);
}

static void answer_calls(struct process *p, struct bytes term, enum err why)
{
    static const char *const patterns[] = {
        "{'$gen_call',{" THEM(4) ",tag},'$'}",
        "{'$gen_call',{" THEM(4) ",tag},{mutate,{add,{'$',1}}}}",
        "{system,{" THEM(4) ",tag},'$'}",
        "{system,{" THEM(4) ",tag},{terminate,{'$'}}}",
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        deliver(patterns[i], term);
        expect_refusal("SEND b@h " US(1) " -> " THEM(4) ": {tag", why);
    }
    deliver("{'$gen_call',{" THEM(4) ",[alias|" REF(4) "]},'$'}", term);
    expect_refusal("ALIAS_SEND b@h " US(1) " -> " REF(4) ": {[alias|" REF(4) "]", why);
    CU_ASSERT_EQUAL(process_dropped(p), 0);
    CU_ASSERT_EQUAL(world.log.len, 0);
}

static void answers_calls(void)
{
    for_each_unfit(answer_calls);
}

/* Of a call that is too large only the beginning has come. */
static void answers_a_call_whose_end_is_missing(void)
{
    world_open();
    struct process *p = spy_start("srv");
    struct bytes call = term_of("{'$gen_call',{" THEM(4) ",tag},[1000,2000,3000]}");
    struct signal s = {.kind = SIGNAL_SEND,
                       .to = process_pid(p),
                       .payload = wall((struct bytes){call.at, call.len - 7}),
                       .unfit = ERR_LIMIT};
    processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    expect_refusal("SEND b@h " US(1) " -> " THEM(4) ": {tag", ERR_LIMIT);
    CU_ASSERT_EQUAL(process_dropped(p), 0);
    world_close();
}

/* A suspended process answers these at once: they need not be kept. */
static void answer_while_suspended(struct process *p, struct bytes term, enum err why)
{
    process_suspend(p, &world.turn);
    deliver("{'$gen_call',{" THEM(4) ",tag},'$'}", term);
    expect_refusal("SEND b@h " US(1) " -> " THEM(4) ": {tag", why);
    process_resume(p, &world.turn);
}

static void answers_while_suspended(void)
{
    for_each_unfit(answer_while_suspended);
}

static size_t log_lines(void)
{
    size_t lines = 0;
    for (size_t i = 0; i < world.log.len; i++)
        lines += world.log.at[i] == '\n';
    return lines;
}

/* Nobody waits, or nobody can tell who does. */
static const char *const dropped[] = {
    "{'$gen_cast','$'}",
    "{'$gen_cast',{mutate,'$'}}",
    "{grove_delta,'$'," THEM(4) "}",
    "{'$','$'}",
    "{'$',{ok,1}}",
    "{'$gen_call',{" THEM(4) ",'$'},value}",
    "{'$gen_call',{'$',tag},value}",
    "{'$gen_call','$',value}",
    "{'$gen_call',{" THEM(4) ",tag},value,'$'}",
    "{'$',{" THEM(4) ",tag},value}",
    "{system,{" THEM(4) ",'$'},get_state}",
    "{" REF(1) ",'$'}",
};

#define DROPPED (sizeof(dropped) / sizeof(dropped[0]))

static void drop_the_rest(struct process *p, struct bytes term, enum err why)
{
    (void)why;
    for (size_t i = 0; i < DROPPED; i++)
        deliver(dropped[i], term);
    CU_ASSERT_EQUAL(process_dropped(p), DROPPED);
    CU_ASSERT_EQUAL(log_lines(), 4); /* the 1st, 2nd, 4th and 8th */
}

static void drops_the_rest(void)
{
    for_each_unfit(drop_the_rest);
}

static uint64_t call_rex(struct process *p)
{
    uint64_t call = rex_start(p, BYTES("b@h"), "m", "f", term_of("[]"), 1000, &world.turn);
    CU_ASSERT_EQUAL(call, 1);
    world.sent_read = world.sent.len;
    return call;
}

static void end_the_call(struct process *p, struct bytes term, enum err why)
{
    struct bytes none;
    CU_ASSERT(answer_is_unfit(&(struct answer){.err = why}));
    CU_ASSERT_EQUAL(rex_read(&(struct answer){.err = why}, &none), REX_UNFIT);
    call_rex(p);
    deliver("{" OUR_REF(1) ",'$'}", term);
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(1));
    CALLED("1 closed 1");
    /* Late, and to another process. */
    deliver("{" OUR_REF(1) ",'$'}", term);
    deliver("{" OUR_REF(7) ",'$'}", term);
    CU_ASSERT_EQUAL(process_dropped(p), 0);
}

static void ends_the_call_whose_reply_it_is(void)
{
    for_each_unfit(end_the_call);
}

static void hold_the_end(struct process *p, struct bytes term, enum err why)
{
    (void)why;
    call_rex(p);
    process_suspend(p, &world.turn);
    deliver("{" OUR_REF(1) ",'$'}", term);
    SENT("DEMONITOR b@h " US(1) " -> rex " OUR_REF(1));
    CALLED_NO_MORE();
    process_resume(p, &world.turn);
    CALLED("1 closed 1");
}

static void holds_the_end_while_suspended(void)
{
    for_each_unfit(hold_the_end);
}

/* The neighbours of the limits on the side that is accepted are delivered. */
static void delivers_what_is_accepted(void)
{
    struct buf term = {0};
    enum err why;
    for (size_t i = 0; put_unfit(&term, i, INSIDE, &why); i++) {
        if (why != OK)
            continue;
        world_open();
        struct process *p = spy_start("one");
        deliver("{info,'$'}", buf_bytes(&term));
        CU_ASSERT(world.calls.len > 0);
        CU_ASSERT_EQUAL(process_dropped(p), 0);
        world_close();
    }
    buf_free(&term);
}

static void ignores_what_is_for_nobody(void)
{
    world_open();
    deliver("{'$gen_call',{" THEM(4) ",tag},'$'}", hex(RECORD_HEX));
    SENT_NO_MORE();
    CU_ASSERT_EQUAL(world.log.len, 0);
    world_close();
}

SUITE("messages that are not accepted", TEST(answers_calls),
      TEST(answers_a_call_whose_end_is_missing), TEST(answers_while_suspended),
      TEST(drops_the_rest), TEST(ends_the_call_whose_reply_it_is),
      TEST(holds_the_end_while_suspended), TEST(delivers_what_is_accepted),
      TEST(ignores_what_is_for_nobody))
