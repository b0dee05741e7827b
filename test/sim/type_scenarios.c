/* Scenarios of the data types: how concurrent changes are merged. */
#include "scenario.h"

static void begin(struct sim *s)
{
    sim_stop_accounting(s);
    settle(s);
}

/* Sends both requests while n1 and n2 are partitioned, and heals the partition. */
static void concurrently(struct sim *s, const char *first, const char *second)
{
    sim_run(s, 10000 - sim_now(s));
    sim_cut(s, 0, 1);
    sim_call(s, 0, first);
    sim_run(s, 20);
    sim_call(s, 1, second);
    sim_run(s, SOON_MS);
    sim_heal(s, 0, 1);
    sim_until(s, LONG_MS, sim_converged);
}

static bool all_known(struct sim *s)
{
    return sim_idle(s) && sim_converged(s);
}

static void ask(struct sim *s, unsigned node, const char *request)
{
    sim_call(s, node, request);
    sim_run(s, SOON_MS);
}

static void a_set_only_grows(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, [{add, [a]}, {add, [b]}]}");
    concurrently(s, "{mutate, {add, [c]}}", "{mutate, {add, [d]}}");
    ask(s, 1, "value");
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{add, [a]}, {add, [b]}]}\n"
                 "[ 2007] n1 has a, b\n"
                 "[ 2008] n1, {mutate, [{add, [a]}, {add, [b]}]}: ok\n"
                 "[ 2058] n2 has a, b\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, {add, [c]}}\n"
                 "[10001] n1 has a, b, c\n"
                 "[10002] n1, {mutate, {add, [c]}}: ok\n"
                 "[10020] n2, {mutate, {add, [d]}}\n"
                 "[10027] n2 has a, b, d\n"
                 "[10028] n2, {mutate, {add, [d]}}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n2 has a, b, c, d\n"
                 "[10171] n1 has a, b, c, d\n"
                 "[10171] n2, value\n"
                 "[10173] n2, value: {ok,#{'__struct__' => 'Elixir.MapSet',map => #{a => "
                 "[],b => [],c => [],d => []}}}\n");
}

static void a_removed_element_never_comes_back(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, [{add, [a]}, {add, [b]}]}");
    ask(s, 1, "{mutate, {remove, [a]}}");
    ask(s, 0, "{mutate, {add, [a]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{add, [a]}, {add, [b]}]}\n"
                 "[ 2007] n1 has a, b\n"
                 "[ 2008] n1, {mutate, [{add, [a]}, {add, [b]}]}: ok\n"
                 "[ 2058] n2 has a, b\n"
                 "[ 2150] n2, {mutate, {remove, [a]}}\n"
                 "[ 2157] n2 has b\n"
                 "[ 2158] n2, {mutate, {remove, [a]}}: ok\n"
                 "[ 2158] n1 has b\n"
                 "[ 2300] n1, {mutate, {add, [a]}}\n"
                 "[ 2302] n1, {mutate, {add, [a]}}: ok\n");
}

static void an_add_wins(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, [{add, [a]}, {add, [b]}]}");
    concurrently(s, "{mutate, [{remove, [a]}, {remove, [b]}]}", "{mutate, {add, [a]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{add, [a]}, {add, [b]}]}\n"
                 "[ 2007] n1 has a, b\n"
                 "[ 2008] n1, {mutate, [{add, [a]}, {add, [b]}]}: ok\n"
                 "[ 2058] n2 has a, b\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, [{remove, [a]}, {remove, [b]}]}\n"
                 "[10001] n1 has nothing\n"
                 "[10002] n1, {mutate, [{remove, [a]}, {remove, [b]}]}: ok\n"
                 "[10020] n2, {mutate, {add, [a]}}\n"
                 "[10028] n2, {mutate, {add, [a]}}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n2 has a\n"
                 "[10171] n1 has a\n");
}

static void a_removal_reaches_the_peer(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, [{add, [a]}, {add, [b]}, {add, [c]}]}");
    ask(s, 1, "{mutate, {remove, [c]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{add, [a]}, {add, [b]}, {add, [c]}]}\n"
                 "[ 2007] n1 has a, b, c\n"
                 "[ 2008] n1, {mutate, [{add, [a]}, {add, [b]}, {add, [c]}]}: ok\n"
                 "[ 2058] n2 has a, b, c\n"
                 "[ 2150] n2, {mutate, {remove, [c]}}\n"
                 "[ 2157] n2 has a, b\n"
                 "[ 2158] n2, {mutate, {remove, [c]}}: ok\n"
                 "[ 2158] n1 has a, b\n");
}

/* After the restart n1 would issue its first tag again, were it not for the peer's state. */
static void no_dot_is_issued_twice(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, {add, [a]}}");
    ask(s, 0, "{mutate, {remove, [a]}}");
    sim_crash(s, 0);
    sim_start(s, 0);
    sim_until(s, LONG_MS, sim_all_ready);
    sim_trace_clear(s);
    sim_call(s, 0, "{mutate, {add, [a]}}");
    SIM_WITHIN(s, LONG_MS, all_known);
    SIM_TRACE(s, "[ 2304] n1, {mutate, {add, [a]}}\n"
                 "[ 2318] n1 has a\n"
                 "[ 2319] n1, {mutate, {add, [a]}}: ok\n"
                 "[ 2405] n2 has a\n");
}

static void the_greater_actor_wins_a_tie(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, {set, [a]}}");
    concurrently(s, "{mutate, {set, [c]}}", "{mutate, {set, [b]}}");
    ask(s, 0, "{mutate, {set, [late, 1]}}");
    ask(s, 0, "{mutate, {set, [later, 3]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate, {set, [a]}}\n"
                 "[ 2007] n1 has a\n"
                 "[ 2008] n1, {mutate, {set, [a]}}: ok\n"
                 "[ 2058] n2 has a\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, {set, [c]}}\n"
                 "[10001] n1 has c\n"
                 "[10002] n1, {mutate, {set, [c]}}: ok\n"
                 "[10020] n2, {mutate, {set, [b]}}\n"
                 "[10027] n2 has b\n"
                 "[10028] n2, {mutate, {set, [b]}}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n1 has b\n"
                 "[10171] n1, {mutate, {set, [late, 1]}}\n"
                 "[10173] n1, {mutate, {set, [late, 1]}}: ok\n"
                 "[10321] n1, {mutate, {set, [later, 3]}}\n"
                 "[10322] n1 has later\n"
                 "[10323] n1, {mutate, {set, [later, 3]}}: ok\n"
                 "[10358] n2 has later\n");
}

static void concurrent_values_are_kept_until_resolved(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, {set, [a]}}");
    concurrently(s, "{mutate, {set, [c]}}", "{mutate, {set, [b]}}");
    ask(s, 0, "{mutate, {resolve, [c]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate, {set, [a]}}\n"
                 "[ 2007] n1 has a\n"
                 "[ 2008] n1, {mutate, {set, [a]}}: ok\n"
                 "[ 2058] n2 has a\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, {set, [c]}}\n"
                 "[10001] n1 has c\n"
                 "[10002] n1, {mutate, {set, [c]}}: ok\n"
                 "[10020] n2, {mutate, {set, [b]}}\n"
                 "[10027] n2 has b\n"
                 "[10028] n2, {mutate, {set, [b]}}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n2 has b, c\n"
                 "[10171] n1 has b, c\n"
                 "[10171] n1, {mutate, {resolve, [c]}}\n"
                 "[10172] n1 has c\n"
                 "[10173] n1, {mutate, {resolve, [c]}}: ok\n"
                 "[10258] n2 has c\n");
}

static void a_map_merges_its_values(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate, [{put, [k, gcounter]}, {put, [l, or_set]}]}");
    concurrently(s, "{mutate, [{update, [k, {increment, [2]}]}, {delete, [l]}]}",
                 "{mutate, {update, [k, {increment, [3]}]}}");
    ask(s, 1, "{mutate, {update, [l, {add, [x]}]}}");
    ask(s, 0, "value");
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{put, [k, gcounter]}, {put, [l, or_set]}]}\n"
                 "[ 2007] n1 has k, l\n"
                 "[ 2008] n1, {mutate, [{put, [k, gcounter]}, {put, [l, or_set]}]}: ok\n"
                 "[ 2058] n2 has k, l\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, [{update, [k, {increment, [2]}]}, {delete, [l]}]}\n"
                 "[10001] n1 has k\n"
                 "[10002] n1, {mutate, [{update, [k, {increment, [2]}]}, {delete, [l]}]}: "
                 "ok\n"
                 "[10020] n2, {mutate, {update, [k, {increment, [3]}]}}\n"
                 "[10027] n2 has k, l\n"
                 "[10028] n2, {mutate, {update, [k, {increment, [3]}]}}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n2 has k\n"
                 "[10171] n1 has k\n"
                 "[10171] n2, {mutate, {update, [l, {add, [x]}]}}\n"
                 "[10173] n2, {mutate, {update, [l, {add, [x]}]}}: "
                 "{error,{bad_op,{update,[l,{add,[x]}]}}}\n"
                 "[10321] n1, value\n"
                 "[10323] n1, value: {ok,#{k => #{'__struct__' => "
                 "'Elixir.Grove.Counter.GCounter',actor => n1,counts => #{n1 => 2,n2 => "
                 "3},delta_buffer => #{}}}}\n");
}

static void concurrent_inserts_keep_their_positions(struct sim *s)
{
    begin(s);
    ask(s, 0, "{mutate_reply, [{insert_at, [0, a]}, {insert_at, [1, b]}]}");
    concurrently(s, "{mutate, [{insert_at, [2, x]}, {insert_at, [3, y]}]}",
                 "{mutate, [{insert_at, [2, z]}, {remove_at, [1]}]}");
    ask(s, 1, "{mutate, {remove_at, [0]}}");
    SIM_TRACE(s, "[ 2000] n1, {mutate_reply, [{insert_at, [0, a]}, {insert_at, [1, b]}]}\n"
                 "[ 2007] n1 has a, b\n"
                 "[ 2008] n1, {mutate_reply, [{insert_at, [0, a]}, {insert_at, [1, b]}]}: "
                 "{ok,[{n1,1},{n1,2}]}\n"
                 "[ 2058] n2 has a, b\n"
                 "[10000] n1 - n2 is cut\n"
                 "[10000] n1, {mutate, [{insert_at, [2, x]}, {insert_at, [3, y]}]}\n"
                 "[10001] n1 has a, b, x, y\n"
                 "[10002] n1, {mutate, [{insert_at, [2, x]}, {insert_at, [3, y]}]}: ok\n"
                 "[10020] n2, {mutate, [{insert_at, [2, z]}, {remove_at, [1]}]}\n"
                 "[10027] n2 has a, z\n"
                 "[10028] n2, {mutate, [{insert_at, [2, z]}, {remove_at, [1]}]}: ok\n"
                 "[10170] n1 - n2 is healed\n"
                 "[10171] n2 has a, x, y, z\n"
                 "[10171] n1 has a, x, y, z\n"
                 "[10171] n2, {mutate, {remove_at, [0]}}\n"
                 "[10172] n2 has x, y, z\n"
                 "[10173] n2, {mutate, {remove_at, [0]}}: ok\n"
                 "[10258] n1 has x, y, z\n");
}

const struct scenario type_scenarios[] = {
    {"gset: a set only grows", 2, "gset", a_set_only_grows},
    {"two_p_set: a removed element never comes back", 2, "two_p_set",
     a_removed_element_never_comes_back},
    {"or_set: an add wins", 2, "or_set", an_add_wins},
    {"or_set: a removal reaches the peer", 2, "or_set", a_removal_reaches_the_peer},
    {"or_set: no tag is issued twice", 2, "or_set", no_dot_is_issued_twice},
    {"dvv_set: an add wins", 2, "dvv_set", an_add_wins},
    {"dvv_set: a removal reaches the peer", 2, "dvv_set", a_removal_reaches_the_peer},
    {"dvv_set: no dot is issued twice", 2, "dvv_set", no_dot_is_issued_twice},
    {"lww_register: the greater actor wins a tie", 2, "lww_register", the_greater_actor_wins_a_tie},
    {"mv_register: concurrent values are kept until resolved", 2, "mv_register",
     concurrent_values_are_kept_until_resolved},
    {"or_map: values are merged", 2, "or_map", a_map_merges_its_values},
    {"rga: concurrent inserts keep their positions", 2, "rga",
     concurrent_inserts_keep_their_positions},
    {0},
};
