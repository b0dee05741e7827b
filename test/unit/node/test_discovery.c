/* Finding peers by DNS: names are looked up at the start and after each answer; what has an address
 * is dialled, and forgotten when it has none and is away. */
#include "limits.h"
#include "unit/node/nodes.h"

#define FIND_B "{connect, {dns, \"b.h\", #{name => b, interval => 1000}}}. "

/* The answer to the query of that number of node 0; NULL: it fails. */
static void answer(uint32_t query, const char *addresses)
{
    step(0, (struct event){.kind = EVENT_RESOLVED,
                           .query = query,
                           .err = addresses != NULL ? OK : ERR_HOST,
                           .bytes = bytes_of(addresses != NULL ? addresses : "no name server")});
    settle();
}

static unsigned lines(const char *text)
{
    unsigned count = 0;
    buf_put_u8(&nodes[0].log, 0);
    for (const char *at = (const char *)nodes[0].log.at; (at = strstr(at, text)) != NULL; at++)
        count++;
    nodes[0].log.len--;
    return count;
}

static void asks_at_the_start_and_after_each_answer(void)
{
    start(0, "a@h", FIND_B);
    CU_ASSERT_EQUAL(nodes[0].looked_up, 1);
    run_for(10000);
    CU_ASSERT_EQUAL(nodes[0].looked_up, 1);
    answer(0, "");
    run_for(999);
    CU_ASSERT_EQUAL(nodes[0].looked_up, 1);
    run_for(1);
    CU_ASSERT_EQUAL(nodes[0].looked_up, 2);
    answer(0, NULL);
    run_for(1000);
    CU_ASSERT_EQUAL(nodes[0].looked_up, 3);
    stop_all();
}

static void connects_to_what_it_finds_and_forgets_it(void)
{
    start(1, "b@h", "");
    start(0, "a@h", FIND_B);
    answer(0, "h");
    CU_ASSERT(connected(0, 1));
    answer(0, "");
    answer(0, NULL);
    CU_ASSERT(connected(0, 1) && lines("forgotten") == 0);
    crash(1);
    run_for(60000);
    unsigned dials = nodes[0].dials;
    answer(0, NULL);
    run_for(60000);
    CU_ASSERT(nodes[0].dials > dials && lines("forgotten") == 0);
    answer(0, "i");
    CU_ASSERT_EQUAL(lines("b@h is forgotten: b.h does not have its address"), 1);
    dials = nodes[0].dials;
    start(1, "b@h", "");
    answer(0, "h");
    CU_ASSERT(connected(0, 1) && nodes[0].dials > dials);
    stop_all();
}

static void logs_each_change_once(void)
{
    start(0, "a@h", FIND_B);
    for (unsigned i = 0; i < 3; i++)
        answer(0, NULL);
    CU_ASSERT_EQUAL(lines("cannot look up b.h: no name server; trying again every 1000 ms"), 1);
    for (unsigned i = 0; i < 3; i++)
        answer(0, "");
    CU_ASSERT_EQUAL(lines("b.h has no address; looking it up every 1000 ms"), 1);
    answer(0, "h");
    answer(0, "h");
    CU_ASSERT_EQUAL(lines("b.h has addresses again"), 1);
    answer(0, NULL);
    CU_ASSERT_EQUAL(lines("cannot look up b.h"), 2);
    stop_all();
}

static void names_are_made_of_this_nodes_by_default(void)
{
    start(0, "a@h", "{connect, {dns, \"a.h\"}}.");
    unsigned dials = nodes[0].dials;
    answer(0, "h");
    CU_ASSERT_EQUAL(nodes[0].dials, dials); /* it is this node */
    answer(0, "h fdaa::3 10.0.0.1 fdaa::3");
    CU_ASSERT(logged(0, "cannot connect to a@fdaa::3: ") &&
              logged(0, "cannot connect to a@10.0.0.1: "));
    stop_all();
}

static void only_so_many_are_dialled(void)
{
    struct buf many = {0};
    start(0, "a@h", FIND_B);
    unsigned dials = nodes[0].dials;
    for (unsigned i = 0; i < LIMIT_FOUND + 2; i++)
        buf_printf(&many, "%s10.0.%u.%u", i > 0 ? " " : "", i / 256, i % 256);
    buf_put_u8(&many, 0);
    answer(0, (const char *)many.at);
    answer(0, (const char *)many.at);
    CU_ASSERT_EQUAL(nodes[0].dials, dials + LIMIT_FOUND);
    CU_ASSERT_EQUAL(lines("b.h has more addresses than the 1024 that are dialled"), 1);
    /* There is room again. */
    answer(0, "10.1.0.1");
    CU_ASSERT(lines("is forgotten") == LIMIT_FOUND - 1 || lines("is forgotten") == LIMIT_FOUND);
    answer(0, "10.1.0.1");
    CU_ASSERT_EQUAL(nodes[0].dials, dials + LIMIT_FOUND + 1);
    buf_free(&many);
    stop_all();
}

static void what_is_no_node_name_is_passed_over(void)
{
    start(0, "a@h", FIND_B);
    unsigned dials = nodes[0].dials;
    answer(0, " @ x@y \xff");
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    stop_all();
}

static void two_names_may_have_the_same_address(void)
{
    start(1, "b@h", "");
    start(0, "a@h", "{connect, [{dns, \"b.h\", #{name => b}}, {dns, \"b.i\", #{name => b}}]}.");
    answer(0, "h");
    answer(1, "h");
    CU_ASSERT(connected(0, 1));
    crash(1);
    run_for(1000);
    answer(0, "");
    CU_ASSERT_EQUAL(lines("b@h is forgotten"), 1);
    answer(1, "h");
    start(1, "b@h", "");
    run_for(60000);
    CU_ASSERT(connected(0, 1));
    stop_all();
}

static void configured_and_followed_nodes_are_left_alone(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(0, "a@h",
          "{follow, true}. {connect, ['b@h', {dns, \"d\", #{name => c}},"
          " {dns, \"e\", #{name => b}}]}.");
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    answer(0, "h");
    answer(1, "h");
    answer(0, "");
    answer(1, "");
    crash(1);
    crash(2);
    run_for(1000);
    answer(0, "");
    answer(1, "");
    CU_ASSERT_EQUAL(lines("forgotten"), 0);
    start(1, "b@h", "");
    start(2, "c@h", "");
    run_for(60000);
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    stop_all();
}

SUITE("discovery", TEST(asks_at_the_start_and_after_each_answer),
      TEST(connects_to_what_it_finds_and_forgets_it), TEST(logs_each_change_once),
      TEST(names_are_made_of_this_nodes_by_default), TEST(only_so_many_are_dialled),
      TEST(what_is_no_node_name_is_passed_over), TEST(two_names_may_have_the_same_address),
      TEST(configured_and_followed_nodes_are_left_alone))
