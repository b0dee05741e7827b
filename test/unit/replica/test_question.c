/* Closures that wait for their node: one question about all that are next in the queue. */
#include "mem.h"
#include "unit/replica/world.h"

/* NEW_FUN_EXT (erl_ext_dist) of m on b@h; the free variable is the number. */
#define FUN_START "cAAAADgBAAECAwQFBgcICQoLDA0ODwAAAAAAAAABdwFtYQBhAFh3A2JAaAAAAAkAAAAAAAAAA2"
#define FUN1      "#Fun<\"" FUN_START "EB\">"
#define FUN2      "#Fun<\"" FUN_START "EC\">"
#define FUN3      "#Fun<\"" FUN_START "ED\">"

#define APPLY(ref, fun, state) REX_CALL(ref, "erlang, apply, [" fun ", [" state "]]")
#define RETURN(ref, value)     "{" ref ", " value "}"
#define COUNT(n)               OURS("#{<<\"c1\">> => " n "}")
#define KILLED(ref, done)      RETURN(ref, "{badrpc, {'EXIT', {'$coppice', " done "}}}")

static void value_is(const char *reply)
{
    deliver("{'$gen_call', {" OTHERS(77) ", v}, value}");
    SENT(OTHERS(77), reply);
}

/* A value of the bindings of the question that was sent last; it begins with
 * {'$gen_call', From, {call, erl_eval, expr, [Form, Bindings | ... */
static struct bytes bound(const char *name)
{
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    struct bytes args[5] = {{0}}, pair = {0}, value = {0};
    etf_tuple_of(&in, 3);
    etf_any(&in);
    etf_any(&in);
    etf_tuple_of(&in, 5);
    for (size_t i = 0; i < 3; i++)
        etf_any(&in);
    struct etf_list list = etf_list(&in);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_FATAL(etf_next(&list, &args[i]));
    struct etf_in bindings = etf_open(args[1]);
    for (struct etf_list all = etf_list(&bindings); etf_next(&all, &pair);) {
        struct etf_in at = etf_open(pair);
        etf_tuple_of(&at, 2);
        bool found = etf_accept(&at, name);
        if (!found)
            etf_any(&at);
        value = found ? etf_any(&at) : value;
    }
    return value;
}

static void asked(const char *ref, const char *funs, const char *state)
{
    char start[200];
    snprintf(start, sizeof(start), "{'$gen_call',{%s,%s},{call,erl_eval,expr,[{block,", US, ref);
    SENT_PREFIX("rex", start);
    ASSERT_TERM(bound("Funs"), term_of(funs));
    ASSERT_TERM(bound("State"), term_of(state));
    ASSERT_TERM(bound("Module"), term_of("'Elixir.Grove.Counter.GCounter'"));
}

/* The first closure is on its way, and FUN1, FUN2 and FUN3 wait behind it. */
static void three_wait(void)
{
    world_open_settled();
    deliver(CALL(9, "{mutate, " FUN1 "}"));
    SENT("rex", APPLY(OUR_REF(1), FUN1, OURS("#{}")));
    deliver(CALL(1, "{mutate, " FUN1 "}"));
    deliver(CALL(2, "{mutate, " FUN2 "}"));
    deliver(CALL(3, "{mutate, " FUN3 "}"));
    SENT_NOTHING();
}

/* And are asked for. */
static void three_asked(void)
{
    three_wait();
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    SENT(THEM(9), REPLY(9, "ok"));
    asked(OUR_REF(2), "[" FUN1 "," FUN2 "," FUN3 "]", COUNT("1"));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 3);
}

static void asks_for_all_that_wait(void)
{
    three_asked();
    deliver(CALL(4, "{mutate, increment}"));
    SENT_NOTHING();
    deliver(RETURN(OUR_REF(2), "[" COUNT("7") "," COUNT("3") "," COUNT("2") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT(THEM(4), REPLY(4, "ok"));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 0 && status("mutations") == 5);
    value_is("{v, {ok, 8}}");
    world_close();
}

static void answers_for_each(void)
{
    three_asked();
    deliver(RETURN(OUR_REF(2), "[{error, undef}, " COUNT("5") ", {error, oops}]"));
    SENT(THEM(1), REPLY(1, "{error, oops}"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "{error, undef}"));
    value_is("{v, {ok, 5}}");
    world_close();

    three_asked();
    deliver(RETURN(OUR_REF(2), "[{exit, {shutdown, 7}}, {exit, gone}, other_type]"));
    SENT(THEM(1), REPLY(1, "{error, {bad_result, other_type}}"));
    SENT(THEM(2), REPLY(2, "{error, gone}"));
    SENT(THEM(3), REPLY(3, "{error, {shutdown, 7}}"));
    SENT_NOTHING();
    CU_ASSERT(status("mutations") == 1);
    value_is("{v, {ok, 1}}");
    world_close();

    /* The last one is not there; the one before calls what is not there. */
    three_asked();
    deliver(RETURN(OUR_REF(2), "[" COUNT("2") ", {exit, {undef, [{m, f, [], []}, {n, g, 1, []}]}}, "
                                              "{exit, {undef, [{" FUN1 ", [x], []}]}}]"));
    SENT(THEM(1), REPLY(1, "{error, undef}"));
    SENT(THEM(2), REPLY(2, "{error, undef}"));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT_NOTHING();
    world_close();
}

/* The funs were too slow, or a reason too large: the rest was not applied. */
static void asks_again_for_the_rest(void)
{
    three_asked();
    deliver(CALL(4, "{mutate, increment}"));
    deliver(RETURN(OUR_REF(2), "[" COUNT("3") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    asked(OUR_REF(3), "[" FUN2 "," FUN3 "]", COUNT("3"));
    deliver(RETURN(OUR_REF(3), "[" COUNT("4") "]"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT("rex", APPLY(OUR_REF(4), FUN3, COUNT("4")));
    deliver(RETURN(OUR_REF(4), COUNT("5")));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT(THEM(4), REPLY(4, "ok"));
    SENT_NOTHING();
    value_is("{v, {ok, 6}}");
    world_close();
}

/* Nobody knows which fun is at fault. */
static void asks_one_by_one(const char *answer)
{
    three_asked();
    deliver(answer);
    SENT("rex", APPLY(OUR_REF(3), FUN1, COUNT("1")));
    deliver(RETURN(OUR_REF(3), OURS("none")));
    SENT(THEM(1), REPLY(1, "{error, {bad_result, malformed}}"));
    SENT("rex", APPLY(OUR_REF(4), FUN2, COUNT("1")));
    deliver(RETURN(OUR_REF(4), COUNT("2")));
    SENT(THEM(2), REPLY(2, "ok"));
    deliver(CALL(4, "{mutate, " FUN1 "}"));
    SENT("rex", APPLY(OUR_REF(5), FUN3, COUNT("2")));
    deliver(RETURN(OUR_REF(5), COUNT("3")));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT("rex", APPLY(OUR_REF(6), FUN1, COUNT("3")));
    SENT_NOTHING();
    world_close();
}

static void asks_one_by_one_after_a_useless_answer(void)
{
    asks_one_by_one(RETURN(OUR_REF(2), "[17]"));
    asks_one_by_one(RETURN(OUR_REF(2), "[other_type, other_type, other_type, other_type]"));
    asks_one_by_one(RETURN(OUR_REF(2), "[" COUNT("9") " | other_type]"));
    asks_one_by_one(RETURN(OUR_REF(2), "[" COUNT("9") ", {error}]"));
    asks_one_by_one(RETURN(OUR_REF(2), "[" COUNT("9") ", {throw, 1}]"));
    asks_one_by_one(RETURN(OUR_REF(2), "[]"));
    asks_one_by_one(RETURN(OUR_REF(2), "ok"));
    asks_one_by_one(RETURN(OUR_REF(2), "{badrpc, {'EXIT', killed}}"));
    asks_one_by_one(RETURN(OUR_REF(2), "{badrpc, {'EXIT', {'$coppice', false}}}"));
    asks_one_by_one(RETURN(OUR_REF(2), "{badrpc, {'EXIT', {undef, [{erl_eval, expr, [x], []}]}}}"));
    asks_one_by_one(RETURN(OUR_REF(2), "{badrpc, nodedown}"));
}

/* The next funs were applied to a state that is not ours. */
static void asks_again_after(const char *first, const char *reply)
{
    char answer[1000];
    three_asked();
    snprintf(answer, sizeof(answer), "{%s, [{error, oops}, %s, %s]}", OUR_REF(2), COUNT("2"),
             first);
    deliver(answer);
    SENT(THEM(1), reply);
    asked(OUR_REF(3), "[" FUN2 "," FUN3 "]", COUNT("1"));
    deliver(RETURN(OUR_REF(3), "[" COUNT("3") "," COUNT("2") "]"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT_NOTHING();
    value_is("{v, {ok, 3}}");
    world_close();
}

static void asks_again_after_an_unsound_result(void)
{
    asks_again_after(OURS("#{<<\"c1\">> => -1}"), REPLY(1, "{error, {bad_result, malformed}}"));
    asks_again_after(OURS("none"), REPLY(1, "{error, {bad_result, malformed}}"));
    asks_again_after("#{a => 1}", REPLY(1, "{error, {bad_result, other_type}}"));
    asks_again_after(OURS("#{}"), REPLY(1, "ok")); /* lacks what we have */
}

/* Deltas of peers that came meanwhile are not lacking. */
static void merges_deltas_meanwhile(void)
{
    three_asked();
    deliver(THEIR_DELTA("#{b => 10}"));
    deliver(RETURN(OUR_REF(2), "[" COUNT("4") "," COUNT("3") "," COUNT("2") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT_NOTHING();
    value_is("{v, {ok, 14}}");
    world_close();
}

/* Behind an unsound result, the one that hangs is not asked for again. */
static void tells_the_hanging_fun_in_any_case(void)
{
    three_asked();
    deliver(KILLED(OUR_REF(2), "[" COUNT("2") "," COUNT("2") "," OURS("#{}") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(3), REPLY(3, "{error, timeout}"));
    SENT(THEM(2), REPLY(2, "{error, unresponsive}"));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 0);
    world_close();
}

/* Those before the fun that hangs have been applied, those behind it have not. */
static void tells_only_the_hanging_fun(void)
{
    three_asked();
    deliver("{'$gen_call', {" OTHERS(4) ", t4}, {mutate, increment}}");
    deliver(KILLED(OUR_REF(2), "[" COUNT("3") "," COUNT("3") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "{error, timeout}"));
    SENT(THEM(3), REPLY(3, "{error, unresponsive}"));
    SENT(OTHERS(4), REPLY(4, "ok"));
    value_is("{v, {ok, 4}}");
    deliver(CALL(5, "{mutate, " FUN1 "}"));
    SENT(THEM(5), REPLY(5, "{error, unresponsive}"));
    world_close();

    three_asked();
    deliver(KILLED(OUR_REF(2), "[" COUNT("1") "]"));
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    SENT(THEM(2), REPLY(2, "{error, unresponsive}"));
    SENT(THEM(3), REPLY(3, "{error, unresponsive}"));
    world_close();

    /* Killed after the last fun. */
    three_asked();
    deliver(KILLED(OUR_REF(2), "[" COUNT("3") "," COUNT("3") ", {error, oops}," COUNT("2") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "{error, oops}"));
    SENT(THEM(3), REPLY(3, "ok"));
    deliver(CALL(5, "{mutate, " FUN1 "}"));
    SENT("rex", APPLY(OUR_REF(3), FUN1, COUNT("3")));
    world_close();
}

static void limits_the_time_of_a_question(void)
{
    three_asked();
    wait_ms(LIMIT_ANSWERED_MS - 1);
    SENT_NOTHING();
    wait_ms(1);
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    SENT(THEM(2), REPLY(2, "{error, timeout}"));
    SENT(THEM(3), REPLY(3, "{error, timeout}"));
    deliver(RETURN(OUR_REF(2), "[" COUNT("9") "]"));
    deliver(CALL(5, "{mutate, " FUN1 "}"));
    SENT(THEM(5), REPLY(5, "{error, unresponsive}"));
    value_is("{v, {ok, 1}}");
    world_close();
}

/* What was put back waits no longer for that. */
static void what_is_asked_again_waits_no_longer(void)
{
    three_asked();
    wait_ms(2000);
    deliver(RETURN(OUR_REF(2), "[" COUNT("3") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    asked(OUR_REF(3), "[" FUN2 "," FUN3 "]", COUNT("3"));
    wait_ms(1000);
    deliver(RETURN(OUR_REF(3), "{badrpc, {'EXIT', killed}}"));
    SENT("rex", APPLY(OUR_REF(4), FUN2, COUNT("3")));
    wait_ms(LIMIT_MUTATION_WAIT_MS - 3000);
    SENT(THEM(3), REPLY(3, "{error, timeout}"));
    SENT_NOTHING();
    world_close();
}

static void survives_the_callers_node(void)
{
    three_asked();
    deliver("{'$gen_call', {" OTHERS(4) ", t4}, {mutate, increment}}");
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    SENT(THEM(1), REPLY(1, "{error, {rex_down, noconnection}}"));
    SENT(THEM(2), REPLY(2, "{error, {rex_down, noconnection}}"));
    SENT(THEM(3), REPLY(3, "{error, {rex_down, noconnection}}"));
    SENT(OTHERS(4), REPLY(4, "ok"));
    value_is("{v, {ok, 2}}");
    world_close();
}

/* Operations, captures, and the closures of other nodes keep their place; a cast is as good as
 * a call. */
static void keeps_the_order(void)
{
    world_open_settled();
    deliver(CALL(9, "{mutate, " FUN1 "}"));
    skip_sent();
    deliver(CALL(1, "{mutate, " FUN1 "}"));
    deliver(CAST("{mutate, " FUN2 "}"));
    deliver("{'$gen_call', {" OTHERS(2) ", t2}, {mutate, " FUN3 "}}");
    deliver(CALL(3, "{mutate, " FUN3 "}"));
    deliver(CALL(4, "{mutate_reply, " FUN3 "}"));
    deliver(CALL(5, "{mutate, " FUN2 "}"));
    deliver(CALL(6, "{mutate, fun m:f/1}"));
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    SENT(THEM(9), REPLY(9, "ok"));
    asked(OUR_REF(2), "[" FUN1 "," FUN2 "]", COUNT("1"));
    deliver(RETURN(OUR_REF(2), "[{error, oops}," COUNT("2") "]"));
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(logged("refused a cast mutation: oops") && status("refused") == 1);
    SENT("rex", APPLY(OUR_REF(3), FUN3, COUNT("2")));
    deliver(RETURN(OUR_REF(3), COUNT("3")));
    SENT(OTHERS(2), REPLY(2, "ok"));
    SENT("rex", APPLY(OUR_REF(4), FUN3, COUNT("3")));
    deliver(RETURN(OUR_REF(4), COUNT("4")));
    SENT(THEM(3), REPLY(3, "ok"));
    SENT(THEM(4), REPLY(4, "{error, {bad_op, " FUN3 "}}"));
    SENT("rex", APPLY(OUR_REF(5), FUN2, COUNT("4")));
    deliver(RETURN(OUR_REF(5), COUNT("5")));
    SENT(THEM(5), REPLY(5, "ok"));
    SENT("rex", APPLY(OUR_REF(6), "fun m:f/1", COUNT("5")));
    SENT_NOTHING();
    world_close();
}

static size_t funs_asked_for(void)
{
    struct etf_in in = etf_open(bound("Funs"));
    struct bytes fun;
    size_t count = 0;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &fun);)
        count++;
    return count;
}

static void limits_the_number_of_funs(void)
{
    world_open_settled();
    for (size_t i = 0; i < LIMIT_QUESTION_FUNS + 3; i++)
        deliver(CALL(1, "{mutate, " FUN1 "}"));
    skip_sent();
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    CU_ASSERT(funs_asked_for() == LIMIT_QUESTION_FUNS);
    CU_ASSERT(status("waiting") == LIMIT_QUESTION_FUNS + 2);
    world_close();
}

/* A closure with a large binary as its free variable. */
static void deliver_large_fun(size_t bytes)
{
    struct buf call = {0}, variable = {0};
    struct bytes small = term_of(FUN1);
    uint8_t *zeros = mem_take(bytes);
    put_binary(&variable, (struct bytes){zeros, bytes});
    mem_free(zeros);
    put_tuple(&call, 2);
    put_atom(&call, "$gen_cast");
    put_tuple(&call, 2);
    put_atom(&call, "mutate");
    buf_put_u8(&call, small.at[0]);
    buf_put_u32(&call, (uint32_t)(small.len - 3 + variable.len));
    buf_put(&call, (struct bytes){small.at + 5, small.len - 7});
    buf_put(&call, buf_bytes(&variable));
    deliver_bytes(buf_bytes(&call));
    buf_free(&call);
    buf_free(&variable);
}

static void limits_the_bytes_of_funs(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN1 "}"));
    for (size_t i = 0; i < 5; i++)
        deliver_large_fun(LIMIT_QUESTION_BYTES / 3);
    skip_sent();
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    CU_ASSERT(funs_asked_for() == 2);
    CU_ASSERT(status("waiting") == 5 && status("refused") == 0);
    world_close();
}

static void open_stored(void)
{
    world_open(
        "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 1000, " NO_REPAIR
        ", storage => #{file => \"v.dets\"}}");
    replica_settled(world.replica, true, &world.turn);
    replica_loaded(world.replica, &(struct disk_content){.saved = false}, NULL, &world.turn);
    replica_begun(world.replica, NULL, &world.turn);
}

/* The callers are answered, and the next question is asked, when the results are on disk. */
static void waits_for_the_disk(void)
{
    open_stored();
    deliver(CALL(9, "{mutate, " FUN1 "}"));
    skip_sent();
    deliver(CALL(1, "{mutate, " FUN1 "}"));
    deliver(CALL(2, "{mutate, " FUN2 "}"));
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    skip_sent();
    replica_appended(world.replica, 100, NULL, &world.turn);
    SENT(THEM(9), REPLY(9, "ok"));
    asked(OUR_REF(2), "[" FUN1 "," FUN2 "]", COUNT("1"));
    deliver(CALL(3, "{mutate, " FUN3 "}"));
    deliver(RETURN(OUR_REF(2), "[{error, oops}," COUNT("3") "]"));
    SENT(THEM(2), REPLY(2, "{error, oops}"));
    expect_prefix("disk", "append", __FILE__, __LINE__);
    SENT_NOTHING();
    replica_appended(world.replica, 100, NULL, &world.turn);
    SENT(THEM(1), REPLY(1, "ok"));
    SENT("rex", APPLY(OUR_REF(3), FUN3, COUNT("3")));

    deliver(CALL(4, "{mutate, " FUN1 "}"));
    world_close();
}

/* Its memory is no longer what the fun was applied to. */
static void a_result_is_refused_when_the_disk_has_failed(void)
{
    const struct disk_trouble trouble = {BYTES("enospc"), BYTES("cannot write")};
    open_stored();
    deliver(CALL(1, "{mutate, " FUN1 "}"));
    deliver("{grove_delta, " GCOUNTER("b", "#{b => 1}") ", " THEM(9) "}");
    skip_sent();
    replica_appended(world.replica, 0, &trouble, &world.turn);
    skip_sent();
    deliver(RETURN(OUR_REF(1), COUNT("1")));
    SENT(THEM(1), REPLY(1, "{error, {storage, enospc}}"));
    CU_ASSERT_EQUAL(status("waiting"), 0);
    world_close();
}

SUITE("question", TEST(asks_for_all_that_wait), TEST(answers_for_each),
      TEST(asks_again_for_the_rest), TEST(asks_one_by_one_after_a_useless_answer),
      TEST(asks_again_after_an_unsound_result), TEST(merges_deltas_meanwhile),
      TEST(tells_the_hanging_fun_in_any_case), TEST(tells_only_the_hanging_fun),
      TEST(limits_the_time_of_a_question), TEST(what_is_asked_again_waits_no_longer),
      TEST(survives_the_callers_node), TEST(keeps_the_order), TEST(limits_the_number_of_funs),
      TEST(limits_the_bytes_of_funs), TEST(waits_for_the_disk),
      TEST(a_result_is_refused_when_the_disk_has_failed))
