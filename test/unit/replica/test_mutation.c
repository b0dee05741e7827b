#include "mem.h"
#include "otp/watch.h"
#include "unit/replica/world.h"

#define FUN                    "fun m:f/1"
#define APPLY(ref, fun, state) REX_CALL(ref, "erlang, apply, [" fun ", [" state "]]")
#define RETURN(ref, value)     "{" ref ", " value "}"

static void value_is(const char *reply)
{
    deliver("{'$gen_call', {" OTHERS(77) ", v}, value}");
    SENT(OTHERS(77), reply);
}

/* --- funs ------------------------------------------------------------------ */

static void applies_a_known_capture_itself(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1}"));
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CAST("{mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1}"));
    SENT_NOTHING();
    value_is("{v, {ok, 2}}");
    world_close();
}

/* Of another module, arity or function. */
static void sends_other_captures_to_the_callers_node(void)
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
        deliver(call);
        CU_ASSERT(memmem(world.sent.at, world.sent.len, "rex ", 4) == world.sent.at);
        SENT("rex", wanted);
        SENT_NOTHING();
        world_close();
    }
}

static void applies_a_fun_on_its_callers_node(void)
{
    world_open_settled();
    deliver(CAST("{mutate, {increment, [3]}}"));
    joined(OTHERS(5), false);
    skip_sent();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(2), FUN, OURS("#{<<\"c1\">> => 3}")));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 1);
    deliver(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 8}")));
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(status("waiting") == 0 && status("mutations") == 2);
    value_is("{v, {ok, 8}}");

    /* The change is sent to the group as our own. */
    deliver(CALL(1, "sync_now"));
    SENT(OTHERS(5), OUR_DELTA("#{<<\"c1\">> => 8}"));
    world_close();
}

static void merges_deltas_while_a_fun_runs(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    deliver(THEIR_DELTA("#{b => 2}"));
    value_is("{v, {ok, 2}}");
    deliver(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 5}")));
    SENT(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 7}}");
    world_close();
}

static void keeps_mutations_in_order(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    deliver(CALL(2, "{mutate, increment}"));
    deliver(CALL(3, "{mutate, decrement}"));
    deliver(CAST("{mutate, increment}"));
    deliver(CALL(4, "{batch, fun m:g/1}"));
    deliver(CALL(5, "{mutate_reply, [increment]}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 6);
    value_is("{v, {ok, 0}}");

    deliver(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 5}")));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "{error, {bad_op, {decrement, []}}}"));
    SENT("rex", APPLY(OUR_REF(2), "fun m:g/1", OURS("#{<<\"c1\">> => 7}")));
    SENT_NOTHING();
    deliver(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 50}"))); /* a late duplicate is ignored */
    SENT_NOTHING();
    deliver(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 10}")));
    SENT(THEM(4), REPLY(4, "ok"));
    SENT(THEM(5), REPLY(5, "{ok, [ok]}"));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == 0);
    value_is("{v, {ok, 11}}");
    world_close();
}

/* A failure is answered, changes nothing, and the next mutation runs. */
static void failed(const char *returned, const char *reply)
{
    world_open_settled();
    deliver(CAST("{mutate, {increment, [3]}}"));
    deliver(CALL(1, "{mutate, " FUN "}"));
    deliver(CALL(2, "{mutate, increment}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{<<\"c1\">> => 3}")));
    if (returned != NULL)
        deliver(returned);
    else
        wait_ms(LIMIT_APPLY_MS);
    SENT(THEM(1), reply);
    SENT(THEM(2), REPLY(2, "ok"));
    SENT_NOTHING();
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

static void limits_the_time_of_a_fun(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    wait_ms(LIMIT_APPLY_MS - 1);
    SENT_NOTHING();
    wait_ms(1);
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    deliver(RETURN(OUR_REF(1), OURS("#{<<\"c1\">> => 9}")));
    SENT_NOTHING();
    value_is("{v, {ok, 0}}");
    world_close();
}

/* A node that does not answer delays others once, however many funs it has queued. */
static void refuses_more_funs_of_an_unresponsive_node(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    for (unsigned i = 0; i < 8; i++)
        deliver(CALL(2, "{mutate, " FUN "}"));
    deliver("{'$gen_call', {" OTHERS(3) ", t3}, {mutate, increment}}");
    deliver("{'$gen_call', {" OTHERS(4) ", t4}, {mutate, " FUN "}}");
    SENT_NOTHING();
    wait_ms(LIMIT_APPLY_MS);
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    for (unsigned i = 0; i < 8; i++)
        SENT(THEM(2), REPLY(2, "{error, unresponsive}"));
    SENT(OTHERS(3), REPLY(3, "ok"));
    SENT("rex", APPLY(OUR_REF(2), FUN, OURS("#{<<\"c1\">> => 1}")));
    deliver(CALL(5, "{mutate, " FUN "}"));
    deliver(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 2}")));
    SENT(OTHERS(4), REPLY(4, "ok"));
    SENT(THEM(5), REPLY(5, "{error, unresponsive}"));
    wait_ms(LIMIT_UNRESPONSIVE_MS - 1);
    deliver(CALL(6, "{mutate, " FUN "}"));
    SENT(THEM(6), REPLY(6, "{error, unresponsive}"));
    wait_ms(1);
    deliver(CALL(7, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(3), FUN, OURS("#{<<\"c1\">> => 2}")));
    world_close();
}

/* A fun of a process of that node. */
static void deliver_fun_of(const char *node)
{
    char message[400];
    snprintf(message, sizeof(message), "{'$gen_call', {#Pid<'%s'.1.0.3>, t}, {mutate, " FUN "}}",
             node);
    deliver_of(node, message);
}

/* Those whose time is over are forgotten before those that have just delayed others. */
static void remembers_the_last_nodes_that_were_unresponsive(void)
{
    char name[16];
    world_open_settled();
    for (unsigned i = 0; i < LIMIT_UNRESPONSIVE; i++) {
        snprintf(name, sizeof(name), "n%u@h", i);
        deliver_fun_of(name);
        wait_ms(LIMIT_APPLY_MS);
    }
    deliver_fun_of("a@k");
    wait_ms(LIMIT_APPLY_MS);
    deliver_fun_of("b@k");
    wait_ms(LIMIT_APPLY_MS);
    skip_sent();
    deliver_fun_of("a@k");
    SENT("#Pid<'a@k'.1.0.3>", "{t, {error, unresponsive}}");
    deliver_fun_of("b@k");
    SENT("#Pid<'b@k'.1.0.3>", "{t, {error, unresponsive}}");
    SENT_NOTHING();
    world_close();
}

static void nothing(struct process *p, struct bytes message, struct turn *t)
{
    (void)p;
    (void)message;
    (void)t;
}

static void no_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static void no_free(void *self)
{
    (void)self;
}

/* Has another process open as many calls as there may be; they end with it. */
static struct process *open_all_calls(void)
{
    static const struct process_kind kind = {
        .module = "caller", .message = nothing, .state = no_state, .free = no_free};
    const struct address whom = {.name = BYTES("rex"), .node = BYTES("d@h")};
    struct process *p = process_start(world.table, &kind, NULL, BYTES(""));
    world.quiet = true;
    while (call_start(p, &whom, term_of("x"), 60000, &world.turn) != 0)
        ;
    world.quiet = false;
    return p;
}

/* Nobody else waits for it. */
static void refuses_a_fun_for_which_there_is_no_call(void)
{
    world_open_settled();
    struct process *caller = open_all_calls();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT(THEM(1), REPLY(1, "{error, overloaded}"));
    deliver(CALL(2, "{mutate, increment}"));
    SENT(THEM(2), REPLY(2, "ok"));
    CU_ASSERT_EQUAL(status("waiting"), 0);
    process_exit(caller, term_of("gone"), &world.turn);
    deliver(CALL(3, "{mutate, " FUN "}"));
    SENT_PREFIX("rex", "{'$gen_call',");
    world_close();
}

/* Nor is a member asked; but when there are calls again. */
static void pulls_when_there_are_calls_again(void)
{
    world_open_settled();
    struct process *caller = open_all_calls();
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{}"));
    SENT_NOTHING();
    process_exit(caller, term_of("gone"), &world.turn);
    wait_ms(SYNC_MS);
    SENT_PREFIX("rex", "{'$gen_call',");
    SENT_NOTHING();
    world_close();
}

/* Behind funs of several nodes a call is answered before its caller gives up; a cast has nobody
 * who would. */
static void answers_who_waits_behind_funs_in_time(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    deliver("{'$gen_call', {" OTHERS(2) ", t2}, {mutate, " FUN "}}");
    deliver(CAST("{mutate, {increment, [10]}}"));
    wait_ms(1000);
    deliver(CALL(3, "{mutate, increment}"));
    wait_ms(LIMIT_APPLY_MS - 1000);
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    SENT("rex", APPLY(OUR_REF(2), FUN, OURS("#{}")));
    wait_ms(1000 + LIMIT_MUTATION_WAIT_MS - LIMIT_APPLY_MS - 1);
    SENT_NOTHING();
    wait_ms(1);
    SENT(THEM(3), REPLY(3, "{error, timeout}"));
    deliver(RETURN(OUR_REF(2), OURS("#{<<\"c1\">> => 2}")));
    SENT(OTHERS(2), REPLY(2, "ok"));
    value_is("{v, {ok, 12}}");
    world_close();
}

static void survives_the_callers_node(void)
{
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    deliver("{'$gen_call', {" OTHERS(2) ", t2}, {mutate, increment}}");
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{}")));
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    SENT(THEM(1), REPLY(1, "{error, {rex_down, noconnection}}"));
    SENT(OTHERS(2), REPLY(2, "ok"));
    SENT_NOTHING();
    value_is("{v, {ok, 1}}");
    world_close();
}

static void refuses_a_cast_capture(void)
{
    world_open_settled();
    deliver(CAST("{mutate, " FUN "}"));
    SENT_NOTHING();
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

/* The message to rex ends in [Fun, [State]], user. */
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

static void deliver_rex_reply(struct bytes answer)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_term(&message, term_of(OUR_REF(1)));
    put_term(&message, answer);
    deliver_bytes(buf_bytes(&message));
    buf_free(&message);
}

/* {Tag, Reply}, with any tag. */
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
    static const struct expectation {
        bool sent_to_rex;
        const char *reply, *value;
    } expected[] = {
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
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct bytes call = recorded(calls, i);
        world_open_settled();
        deliver(CAST("{mutate, {increment, [3]}}"));
        deliver_bytes(call);
        if (expected[i].sent_to_rex) {
            sent_verbatim(fun_of(call));
            deliver_rex_reply(recorded(answers, i));
        }
        replied(expected[i].reply);
        struct buf value = {0};
        crdt_value(replica_crdt(world.replica), &value);
        ASSERT_TERM(buf_bytes(&value), term_of(expected[i].value));
        buf_free(&value);
        world_close();
    }
}

/* --- limits ----------------------------------------------------------------- */

/* Of the mutations that wait, one of which runs. */
#define ONE_NODES (LIMIT_MUTATIONS / LIMIT_NODE_PART)

static void limits_the_number_of_queued_mutations(void)
{
    struct bytes call = term_of(CALL(2, "{mutate, increment}"));
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    skip_sent();
    for (size_t i = 1; i < ONE_NODES; i++)
        deliver_bytes(call);
    SENT_NOTHING();
    deliver(CALL(3, "{mutate, increment}"));
    SENT(THEM(3), REPLY(3, "{error, overloaded}"));
    deliver(CAST("{mutate, increment}"));
    CU_ASSERT(status("refused") == 1);
    /* Another node has room, whoever its callers say they are. */
    deliver_of("c@h", CALL(4, "{mutate, increment}"));
    SENT_NOTHING();
    CU_ASSERT(status("waiting") == ONE_NODES + 1);
    deliver(RETURN(OUR_REF(1), OURS("#{}")));
    SENT(THEM(1), REPLY(1, "ok"));
    skip_sent();
    CU_ASSERT(status("waiting") == 0);
    CU_ASSERT(status("mutations") == ONE_NODES + 1);
    deliver(CALL(3, "{mutate, increment}"));
    SENT(THEM(3), REPLY(3, "ok"));
    world_close();
}

static void limits_the_bytes_of_queued_mutations(void)
{
    const size_t blob = LIMIT_MUTATION_BYTES / LIMIT_NODE_PART / 2 - 4096;
    struct buf big = {0};
    put_tuple(&big, 2);
    put_atom(&big, "$gen_cast");
    put_tuple(&big, 2);
    put_atom(&big, "mutate");
    uint8_t *zeros = mem_take(blob);
    put_binary(&big, (struct bytes){zeros, blob});
    mem_free(zeros);
    world_open_settled();
    deliver(CALL(1, "{mutate, " FUN "}"));
    deliver_bytes(buf_bytes(&big));
    deliver_bytes(buf_bytes(&big));
    CU_ASSERT(status("waiting") == 3 && status("refused") == 0);
    deliver_bytes(buf_bytes(&big));
    CU_ASSERT(status("waiting") == 3 && status("refused") == 1);
    CU_ASSERT(logged("overloaded"));
    deliver(CALL(2, "{mutate, increment}"));
    CU_ASSERT(status("waiting") == 4);
    buf_free(&big);
    world_close();
}

static void answers_late_for_the_node_that_asked(void)
{
    world_open_settled();
    deliver_of("c@h", CALL(1, "{mutate, " FUN "}"));
    CU_ASSERT(was_sent_for("c@h")); /* the question */
    deliver(RETURN(OUR_REF(1), OURS("#{}")));
    CU_ASSERT(was_sent_for("c@h"));
    deliver_of("c@h", CALL(1, "{mutate, " FUN "}"));
    deliver_of("d@h", CALL(2, "{mutate, increment}"));
    deliver(RETURN(OUR_REF(2), OURS("#{}")));
    CU_ASSERT(was_sent_for("d@h"));
    deliver_of("c@h", CALL(1, "{mutate, " FUN "}"));
    deliver_of("d@h", CALL(2, "{mutate, " FUN "}"));
    skip_sent();
    wait_ms(LIMIT_APPLY_MS);
    SENT(THEM(1), REPLY(1, "{error, timeout}"));
    SENT(THEM(2), REPLY(2, "{error, unresponsive}"));
    CU_ASSERT(was_sent_for("d@h"));
    world_close();
}

/* --- catching up ------------------------------------------------------------- */

static void holds_mutations_until_settled(void)
{
    world_open(OPTIONS);
    deliver(CALL(1, "{mutate, increment}"));
    deliver(CALL(2, "{mutate, " FUN "}"));
    SENT_NOTHING();
    value_is("{v, {ok, 0}}");
    CU_ASSERT(status("waiting") == 2);
    replica_settled(world.replica, false, &world.turn);
    SENT_NOTHING();
    replica_settled(world.replica, true, &world.turn);
    SENT(THEM(1), REPLY(1, "ok"));
    SENT("rex", APPLY(OUR_REF(1), FUN, OURS("#{<<\"c1\">> => 1}")));
    SENT_NOTHING();
    CU_ASSERT(world.log.len == 0);
    world_close();
}

static void holds_mutations_until_a_state_arrives(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{}"));
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    deliver(CALL(1, "{mutate, increment}"));
    replica_settled(world.replica, true, &world.turn);
    deliver(THEIR_DELTA("#{b => 1}")); /* not what it waits for */
    SENT_NOTHING();
    deliver(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{<<\"c1\">> => 41}") "}"));
    SENT(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 43}}");
    SENT_NOTHING();
    world_close();
}

/* The first to answer may be as new as we are. */
static void waits_for_every_state(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), false);
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    skip_sent();
    deliver(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{}") "}"));
    SENT_NOTHING();
    deliver(RETURN(OUR_REF(2), SMALL(GCOUNTER("b", "#{<<\"c1\">> => 1}"))));
    SENT(THEM(1), REPLY(1, "ok"));
    value_is("{v, {ok, 2}}");
    world_close();
}

static void continues_when_no_pull_is_pending(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    joined(OTHERS(5), true);
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    skip_sent();
    deliver(RETURN(OUR_REF(1), "{badrpc, {'EXIT', {undef, [{m, f, [x], []}]}}}"));
    SENT_NOTHING();
    left(OTHERS(5));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT_NOTHING();
    CU_ASSERT(world.log.len == 0);
    world_close();
}

static void stops_waiting_at_the_deadline(void)
{
    world_open(OPTIONS);
    joined(THEM(5), true);
    wait_ms(700);
    deliver(CALL(1, "{mutate, increment}"));
    wait_ms(100);
    deliver(CALL(2, "{mutate, increment}"));
    skip_sent();
    wait_ms(LIMIT_CATCH_UP_MS - 101);
    SENT_NOTHING();
    CU_ASSERT(world.log.len == 0);
    wait_ms(1);
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT_NOTHING();
    CU_ASSERT(logged("2 page_views: not every peer sent its state within 3000 ms") &&
              log_lines() == 1);
    deliver(CALL(3, "{mutate, increment}"));
    SENT(THEM(3), REPLY(3, "ok"));
    /* A late state is merged all the same. */
    deliver(RETURN(OUR_REF(1), "{ok, " GCOUNTER("b", "#{b => 7}") "}"));
    value_is("{v, {ok, 10}}");
    CU_ASSERT(log_lines() == 1);
    world_close();
}

/* Later changes in the cluster do not matter. */
static void holds_mutations_only_once(void)
{
    world_open_settled();
    replica_settled(world.replica, false, &world.turn);
    joined(THEM(5), true);
    skip_sent();
    deliver(CALL(1, "{mutate, increment}"));
    SENT(THEM(1), REPLY(1, "ok"));
    world_close();
}

SUITE("mutation", TEST(applies_a_known_capture_itself),
      TEST(sends_other_captures_to_the_callers_node), TEST(applies_a_fun_on_its_callers_node),
      TEST(merges_deltas_while_a_fun_runs), TEST(keeps_mutations_in_order),
      TEST(answers_every_failure), TEST(limits_the_time_of_a_fun),
      TEST(refuses_more_funs_of_an_unresponsive_node),
      TEST(remembers_the_last_nodes_that_were_unresponsive),
      TEST(refuses_a_fun_for_which_there_is_no_call), TEST(pulls_when_there_are_calls_again),
      TEST(answers_who_waits_behind_funs_in_time), TEST(survives_the_callers_node),
      TEST(refuses_a_cast_capture), TEST(serves_an_elixir_caller),
      TEST(limits_the_number_of_queued_mutations), TEST(limits_the_bytes_of_queued_mutations),
      TEST(answers_late_for_the_node_that_asked), TEST(holds_mutations_until_settled),
      TEST(holds_mutations_until_a_state_arrives), TEST(waits_for_every_state),
      TEST(continues_when_no_pull_is_pending), TEST(stops_waiting_at_the_deadline),
      TEST(holds_mutations_only_once))
