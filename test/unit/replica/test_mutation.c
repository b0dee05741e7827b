#include "mem.h"
#include "unit/replica/world.h"

#define FUN                    "fun m:f/1"
#define APPLY(ref, fun, state) REX_CALL(ref, "erlang, apply, [" fun ", [" state "]]")
#define RETURN(ref, value)     "{" ref ", " value "}"

static void value_is(const char *reply)
{
    told("{'$gen_call', {" OTHERS(77) ", v}, value}");
    SAID(OTHERS(77), reply);
}

/* --- funs ------------------------------------------------------------------ */

static void applies_a_known_capture_here(void)
{
    world_open_settled();
    told(CALL(1, "{mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1}"));
    SAID(THEM(1), REPLY(1, "ok"));
    told(CAST("{mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1}"));
    QUIET();
    value_is("{v, {ok, 2}}");
    world_close();
}

/* Another module, another arity, another function: only the caller's node knows. */
static void sends_other_captures_away(void)
{
    static const char *const captures[] = {
        "fun 'Elixir.Grove.Counter.PNCounter':increment/1",
        "fun 'Elixir.Grove.Counter.GCounter':increment/2",
        "fun 'Elixir.Grove.Counter.GCounter':reset_delta/1",
    };
    for (size_t i = 0; i < 3; i++) {
        char call[300], wanted[700];
        world_open_settled();
        snprintf(call, sizeof(call), "{'$gen_call', {%s, t1}, {mutate, %s}}", THEM(1), captures[i]);
        snprintf(wanted, sizeof(wanted),
                 "{'$gen_call', {%s, %s}, {call, erlang, apply, [%s, [%s]], user}}", US, OUR_REF(1),
                 captures[i], OURS("#{}"));
        told(call);
        CU_ASSERT(memmem(world.said.at, world.said.len, "rex ", 4) == world.said.at);
        SAID("rex", wanted);
        QUIET();
        world_close();
    }
}

static void applies_a_fun_on_its_callers_node(void)
{
    world_open_settled();
    told(CAST("{mutate, {increment, [3]}}"));
    told(CAST("sync_now"));
    told(CALL(1, "{mutate, " FUN "}"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{<<\"c1\">> => 3}")));
    QUIET();
    CU_ASSERT(status("waiting") == 1);
    told(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 8}")));
    SAID(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(status("waiting") == 0 && status("mutations") == 2);
    value_is("{v, {ok, 8}}");

    /* What it added is told to the group as our own. */
    joined(OTHERS(5), false);
    world.read = world.said.len;
    told(CALL(1, "sync_now"));
    SAID(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 8}"));
    world_close();
}

static void holds_nothing_against_a_join(void)
{
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    told(THEIR_DELTA("#{b => 2}"));
    value_is("{v, {ok, 2}}");
    told(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 5}")));
    SAID(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 7}}");
    world_close();
}

static void keeps_mutations_in_order(void)
{
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    told(CALL(2, "{mutate, increment}"));
    told(CALL(3, "{mutate, decrement}"));
    told(CAST("{mutate, increment}"));
    told(CALL(4, "{batch, fun m:g/1}"));
    told(CALL(5, "{mutate_reply, [increment]}"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    QUIET();
    CU_ASSERT(status("waiting") == 6);
    value_is("{v, {ok, 0}}");

    told(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 5}")));
    SAID(THEM(1), REPLY(1, "ok"));
    SAID(THEM(2), REPLY(2, "ok"));
    SAID(THEM(3), REPLY(3, "{error, {bad_op, {decrement, []}}}"));
    SAID("rex", APPLY(OUR_REF(2), "fun m:g/1", OURS("#{<<\"c1\">> => 7}")));
    QUIET();
    told(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 50}"))); /* a late double is nobody's */
    QUIET();
    told(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 10}")));
    SAID(THEM(4), REPLY(4, "ok"));
    SAID(THEM(5), REPLY(5, "{ok, [ok]}"));
    QUIET();
    CU_ASSERT(status("waiting") == 0);
    value_is("{v, {ok, 11}}");
    world_close();
}

/* Each failure is answered, changes nothing, and lets the next mutation in. */
static void failed(const char *returned, const char *reply)
{
    world_open_settled();
    told(CAST("{mutate, {increment, [3]}}"));
    told(CALL(1, "{mutate, " FUN "}"));
    told(CALL(2, "{mutate, increment}"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{<<\"c1\">> => 3}")));
    if (returned != NULL)
        told(returned);
    else
        wait_ms(LIMIT_APPLY_MS);
    SAID(THEM(1), reply);
    SAID(THEM(2), REPLY(2, "ok"));
    QUIET();
    value_is("{v, {ok, 4}}");
    CU_ASSERT(status("mutations") == 2 && status("refused") == 0);
    world_close();
}

#define STACK "[{m, f, 1, []}, {erlang, apply, 2, []}]"

static void answers_every_failure(void)
{
    failed(NULL, REPLY(1, "{error, timeout}"));
    failed(RETURN(OUR_REF(1), "{badrpc, {'EXIT', {#{message => <<\"oops\">>}, " STACK "}}}"),
           REPLY(1, "{error, #{message => <<\"oops\">>}}"));
    failed(RETURN(OUR_REF(1), "{badrpc, {'EXIT', {undef, " STACK "}}}"),
           REPLY(1, "{error, undef}"));
    failed(RETURN(OUR_REF(1), "{badrpc, {'EXIT', {undef, [{m, f, [x], []}]}}}"),
           REPLY(1, "{error, undef}"));
    failed(RETURN(OUR_REF(1), "{badrpc, nodedown}"), REPLY(1, "{error, {badrpc, nodedown}}"));
    failed(RETURN(OUR_REF(1), "17"), REPLY(1, "{error, {bad_result, other_type}}"));
    failed(RETURN(OUR_REF(1), "{ok, " OURS("#{<<\"c1\">> => 5}") "}"),
           REPLY(1, "{error, {bad_result, other_type}}"));
    failed(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => -1}")),
           REPLY(1, "{error, {bad_result, malformed}}"));
    failed(RETURN(OUR_REF(1), OURS("none")), REPLY(1, "{error, {bad_result, malformed}}"));
}

static void waits_no_longer_than_its_limit(void)
{
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    told(CALL(2, "{mutate, " FUN "}"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    wait_ms(LIMIT_APPLY_MS - 1);
    QUIET();
    wait_ms(1);
    SAID(THEM(1), REPLY(1, "{error, timeout}"));
    /* The second has its own time, from when its fun starts. */
    SAID("rex", APPLY(OUR_REF(2), FUN, OURS("#{}")));
    told(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 9}")));
    wait_ms(LIMIT_APPLY_MS - 1);
    QUIET();
    told(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 1}")));
    SAID(THEM(2), REPLY(2, "ok"));
    value_is("{v, {ok, 1}}");
    world_close();
}

static void outlives_the_callers_node(void)
{
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    told("{'$gen_call', {" OTHERS(2) ", t2}, {mutate, increment}}");
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    SAID(THEM(1), REPLY(1, "{error, {rex_down, noconnection}}"));
    SAID(OTHERS(2), REPLY(2, "ok"));
    QUIET();
    value_is("{v, {ok, 1}}");
    world_close();
}

static void has_no_node_for_a_cast_fun(void)
{
    world_open_settled();
    told(CAST("{mutate, " FUN "}"));
    QUIET();
    CU_ASSERT(logged("page_views: refused a cast mutation: no_caller (1 refused so far)"));
    CU_ASSERT(status("refused") == 1 && status("waiting") == 0);
    world_close();
}

/* --- funs and operations as Elixir sends them -------------------------------- */

static struct bytes recorded(struct bytes list, size_t i)
{
    struct etf_in in = etf_open((struct bytes){list.at + 1, list.len - 1});
    struct bytes entry = {0};
    for (struct etf_list l = etf_list(&in); etf_next(&l, &entry) && i > 0;)
        i--;
    struct etf_in at = etf_open(entry);
    etf_tuple_of(&at, 2);
    etf_any(&at);
    return etf_any(&at);
}

/* The fun of {'$gen_call', From, {_, Fun}}. */
static struct bytes fun_of(struct bytes call)
{
    struct etf_in in = etf_open(call);
    etf_tuple_of(&in, 3);
    etf_any(&in);
    etf_any(&in);
    etf_tuple_of(&in, 2);
    etf_any(&in);
    return etf_any(&in);
}

/* What rex was sent ends in [Fun, [State]], user. */
static void sent_verbatim(struct bytes fun)
{
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    etf_tuple_of(&in, 3);
    etf_any(&in);
    etf_any(&in);
    etf_tuple_of(&in, 5);
    etf_expect(&in, "call");
    etf_expect(&in, "erlang");
    etf_expect(&in, "apply");
    struct bytes args[2] = {{0}};
    size_t n = 0;
    for (struct etf_list l = etf_list(&in); n < 2 && etf_next(&l, &args[n]);)
        n++;
    CU_ASSERT(n == 2 && bytes_equal(args[0], fun));
    struct etf_in state = etf_open(args[1]);
    struct bytes only = {0};
    struct etf_list l = etf_list(&state);
    CU_ASSERT(etf_next(&l, &only));
    ASSERT_TERM(only, term_of(OURS("#{<<\"c1\">> => 3}")));
}

static void answered_from_rex(struct bytes answer)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_term(&message, term_of(OUR_REF(1)));
    put_term(&message, answer);
    told_bytes(buf_bytes(&message));
    buf_free(&message);
}

/* {_, Reply}, whatever the tag of this caller's call was. */
static void replied(const char *wanted)
{
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    struct term reply;
    etf_tuple_of(&in, 2);
    etf_any(&in);
    CU_ASSERT_FATAL(canon_copy(&reply, etf_any(&in)) == OK);
    ASSERT_TERM(term_bytes(&reply), term_of(wanted));
    term_free(&reply);
}

static void serves_an_elixir_caller(void)
{
#define EXCEPTION                                                                                  \
    "#{'__struct__' => 'Elixir.RuntimeError', '__exception__' => true, message => <<\"oops\">>}"
    static const struct story {
        bool away;
        const char *reply, *value;
    } stories[] = {
        {false, "ok", "4"},                                   /* captured */
        {true, "ok", "8"},                                    /* closure */
        {true, "ok", "10"},                                   /* variable */
        {true, "ok", "8"},                                    /* batch */
        {true, "{error, " EXCEPTION "}", "3"},                /* raises */
        {true, "{error, {bad_result, other_type}}", "3"},     /* throws */
        {true, "{error, {bad_result, other_type}}", "3"},     /* no_struct */
        {true, "{error, {bad_result, other_type}}", "3"},     /* other_type */
        {true, "{error, {bad_result, malformed}}", "3"},      /* malformed */
        {true, "{error, undef}", "3"},                        /* undefined */
        {true, "{error, {bad_result, other_type}}", "3"},     /* captured_value */
        {false, "{ok, 3}", "3"},                              /* value */
        {false, "{ok, " OURS("#{<<\"c1\">> => 3}") "}", "3"}, /* state */
        {false, "ok", "3"},                                   /* sync_now */
        {false, "ok", "8"},                                   /* operation */
        {false, "ok", "9"},                                   /* operations */
    };
    struct bytes calls = vector("replica/calls.etf"), answers = vector("replica/answers.etf");
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct bytes call = recorded(calls, i);
        world_open_settled();
        told(CAST("{mutate, {increment, [3]}}"));
        told_bytes(call);
        if (stories[i].away) {
            sent_verbatim(fun_of(call));
            answered_from_rex(recorded(answers, i));
        }
        replied(stories[i].reply);
        struct buf value = {0};
        crdt_value(replica_crdt(world.replica), &value);
        ASSERT_TERM(buf_bytes(&value), term_of(stories[i].value));
        buf_free(&value);
        world_close();
    }
}

/* --- bounds ----------------------------------------------------------------- */

static void bounds_how_many_wait(void)
{
    struct bytes call = term_of(CALL(2, "{mutate, increment}"));
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    world.read = world.said.len;
    for (size_t i = 0; i < LIMIT_MUTATIONS; i++)
        told_bytes(call);
    QUIET();
    told(CALL(3, "{mutate, increment}"));
    SAID(THEM(3), REPLY(3, "{error, overloaded}"));
    told(CAST("{mutate, increment}"));
    CU_ASSERT(status("refused") == 1);
    told(RETURN(OUR_REF(1), OURS("#{}")));
    SAID(THEM(1), REPLY(1, "ok"));
    world.read = world.said.len;
    CU_ASSERT(status("waiting") == 0);
    CU_ASSERT(status("mutations") == LIMIT_MUTATIONS + 1);
    told(CALL(3, "{mutate, increment}"));
    SAID(THEM(3), REPLY(3, "ok"));
    world_close();
}

static void bounds_how_much_waits(void)
{
    const size_t blob = LIMIT_MUTATION_BYTES / 2 - 4096;
    struct buf big = {0};
    put_tuple(&big, 2);
    put_atom(&big, "$gen_cast");
    put_tuple(&big, 2);
    put_atom(&big, "mutate");
    uint8_t *zeros = mem_take(blob);
    put_binary(&big, (struct bytes){zeros, blob});
    mem_free(zeros);
    world_open_settled();
    told(CALL(1, "{mutate, " FUN "}"));
    told_bytes(buf_bytes(&big));
    told_bytes(buf_bytes(&big));
    CU_ASSERT(status("waiting") == 3 && status("refused") == 0);
    told_bytes(buf_bytes(&big));
    CU_ASSERT(status("waiting") == 3 && status("refused") == 1);
    CU_ASSERT(logged("overloaded"));
    told(CALL(2, "{mutate, increment}"));
    CU_ASSERT(status("waiting") == 4);
    buf_free(&big);
    world_close();
}

/* --- catching up ------------------------------------------------------------- */

static void holds_mutations_until_settled(void)
{
    world_open(OPTIONS);
    told(CALL(1, "{mutate, increment}"));
    told(CALL(2, "{mutate, " FUN "}"));
    QUIET();
    value_is("{v, {ok, 0}}");
    CU_ASSERT(status("waiting") == 2);
    replica_settled(world.replica, false, &world.turn);
    QUIET();
    replica_settled(world.replica, true, &world.turn);
    SAID(THEM(1), REPLY(1, "ok"));
    SAID("rex", APPLY(OUR_REF(1), FUN, OURS("#{<<\"c1\">> => 1}")));
    QUIET();
    CU_ASSERT(world.log.len == 0);
    world_close();
}

static void holds_mutations_until_a_state_is_in(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    SAID(THEM(5), OUR_DELTA("#{}"));
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    told(CALL(1, "{mutate, increment}"));
    replica_settled(world.replica, true, &world.turn);
    told(THEIR_DELTA("#{b => 1}")); /* not what it waits for */
    QUIET();
    told(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{<<\"c1\">> => 41}") "}"));
    SAID(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 43}}");
    QUIET();
    world_close();
}

/* The first to answer may know as little as we do. */
static void waits_for_every_state(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    told(CALL(1, "{mutate, increment}"));
    world.read = world.said.len;
    told(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{}") "}"));
    QUIET();
    told(RETURN(OUR_REF(2), SMALL(GCOUNTER("b", "#{<<\"c1\">> => 1}"))));
    SAID(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 2}}");
    world_close();
}

static void goes_on_when_no_one_is_left_to_ask(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    replica_settled(world.replica, true, &world.turn);
    told(CALL(1, "{mutate, increment}"));
    world.read = world.said.len;
    told(RETURN(OUR_REF(1), "{badrpc, {'EXIT', {undef, [{m, f, [x], []}]}}}"));
    QUIET();
    left(OTHERS(5));
    SAID(THEM(1), REPLY(1, "ok"));
    QUIET();
    CU_ASSERT(world.log.len == 0);
    world_close();
}

static void gives_up_waiting(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    wait_ms(700);
    told(CALL(1, "{mutate, increment}"));
    wait_ms(100);
    told(CALL(2, "{mutate, increment}"));
    world.read = world.said.len;
    wait_ms(LIMIT_CATCH_UP_MS - 101);
    QUIET();
    CU_ASSERT(world.log.len == 0);
    wait_ms(1);
    SAID(THEM(1), REPLY(1, "ok"));
    SAID(THEM(2), REPLY(2, "ok"));
    QUIET();
    CU_ASSERT(logged("1 page_views: not every peer sent its state within 3000 ms") &&
              log_lines() == 1);
    told(CALL(3, "{mutate, increment}"));
    SAID(THEM(3), REPLY(3, "ok"));
    /* What comes too late is joined all the same. */
    told(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{b => 7}") "}"));
    value_is("{v, {ok, 10}}");
    CU_ASSERT(log_lines() == 1);
    world_close();
}

/* Once it has caught up it does not hold again, whatever the cluster does. */
static void holds_but_once(void)
{
    world_open_settled();
    replica_settled(world.replica, false, &world.turn);
    joined(THEM(5), true);
    world.read = world.said.len;
    told(CALL(1, "{mutate, increment}"));
    SAID(THEM(1), REPLY(1, "ok"));
    world_close();
}

SUITE("mutation", TEST(applies_a_known_capture_here), TEST(sends_other_captures_away),
      TEST(applies_a_fun_on_its_callers_node), TEST(holds_nothing_against_a_join),
      TEST(keeps_mutations_in_order), TEST(answers_every_failure),
      TEST(waits_no_longer_than_its_limit), TEST(outlives_the_callers_node),
      TEST(has_no_node_for_a_cast_fun), TEST(serves_an_elixir_caller), TEST(bounds_how_many_wait),
      TEST(bounds_how_much_waits), TEST(holds_mutations_until_settled),
      TEST(holds_mutations_until_a_state_is_in), TEST(waits_for_every_state),
      TEST(goes_on_when_no_one_is_left_to_ask), TEST(gives_up_waiting), TEST(holds_but_once))
