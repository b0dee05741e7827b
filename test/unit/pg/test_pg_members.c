/* Members: messages from remote scopes, joins and leaves on this node, limits. */
#include "pg/pg_scope.h"
#include "pg_world.h"

/* --- members ----------------------------------------------------------- */

static void notifies_only_differences(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_ONE ", " B_TWO "]}]");
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_TWO "]}, {i, [" B_ONE "]}]}}");
    assert_notified(w, "+i:81 -g:81 -h:81 ");
    receive(w,
            "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_TWO "], i => [" B_ONE "]}}}");
    assert_notified(w, "");
    receive(w, "{update, " B_SCOPE ", [{h, [" B_ONE "], [" B_TWO "]}, {i, [], []}, {j, [], []}]}");
    assert_notified(w, "-h:82 +h:81 ");
    /* OTP 29 sends these to scopes of version 0 when a process leaves. */
    receive(w, "{join, " B_SCOPE ", j, []}");
    receive(w, "{leave, " B_SCOPE ", [], [h, j]}");
    assert_notified(w, "");
    receive(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => []}}}");
    assert_notified(w, "-i:81 -h:81 ");
    struct buf status = {0};
    pg_status(w->scope, &status);
    ASSERT_TERM(buf_bytes(&status), term_of("#{}"));
    buf_free(&status);
    world_free(w);
}

static void counts_repeated_joins(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_ONE "]}]");
    receive(w, "{join, " B_SCOPE ", g, [" B_ONE ", " B_TWO "]}");
    assert_notified(w, "+g:82 ");
    receive(w, "{leave, " B_SCOPE ", [" B_ONE "], [g, g]}");
    assert_notified(w, "");
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [g, nothing, g]}");
    assert_notified(w, "-g:81 ");
    /* A sync resets the count. */
    receive(w, "{join, " B_SCOPE ", g, " B_TWO "}");
    receive(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_TWO "]}]}}");
    receive(w, "{leave, " B_SCOPE ", " B_TWO ", [g]}");
    assert_notified(w, "-g:82 ");
    world_free(w);
}

/* A list of numbers below 256 may be a string, or end with one. */
static void leaves_groups_that_are_a_string(void)
{
    struct world *w = world_new();
    struct buf m = {0};
    meet_b(w, "[{1, [" B_ONE "]}, {2, [" B_ONE "]}, {3, [" B_ONE "]}]");
    put_tuple(&m, 4);
    put_atom(&m, "leave");
    put_term(&m, term_of(B_SCOPE));
    put_term(&m, term_of(B_ONE));
    put_list(&m, 1);
    put_uint(&m, 3);
    buf_put(&m, BYTES("\153\0\2\1\2"));
    process_deliver(w->scope, buf_bytes(&m), &w->turn);
    assert_notified(w, "-3:81 -1:81 -2:81 ");
    buf_free(&m);
    world_free(w);
}

static void ignores_changes_from_unknown_scopes(void)
{
    struct world *w = world_new();
    receive(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    receive(w, "{update, " B_SCOPE ", [{g, [" B_ONE "], []}]}");
    assert_notified(w, "");
    assert_nothing_sent(w);
    CU_ASSERT_EQUAL(w->lines, 0);
    world_free(w);
}

/* Of a node only what its own scopes say is believed. */
static void nobody_speaks_for_others(void)
{
    struct world *w = world_new();
    const char *leave = "{leave, " B_SCOPE ", " B_ONE ", [g]}";
    meet_b(w, "[]");
    receive_from(w, B, term_of("{join, " B_SCOPE ", g, " B_ONE "}"));
    assert_notified(w, "+g:81 ");
    receive_from(w, "a1@127.0.0.1", term_of(leave));
    assert_notified(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    receive_from(w, B, term_of(leave));
    assert_notified(w, "-g:81 ");
    world_free(w);
}

static uint64_t refused(const struct world *w)
{
    return ((const struct scope *)process_self(w->scope))->refused;
}

static void drops_malformed_messages(void)
{
    static const char *const messages[] = {
        "hello",
        "{}",
        "{discover}",
        "{discover, '" B "'}",
        "{discover, " B_SCOPE ", one}",
        "{discover, " B_SCOPE ", -1}",
        "{discover, #Pid<'c1@127.0.0.1'.1.0.9>}",
        "{sync, " B_SCOPE ", []}",
        "{'$gen_cast', {discover, " B_SCOPE "}}",
        "{'$gen_cast', {sync, " B_SCOPE ", #{}}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]} | g]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, " B_ONE "}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, [" B_ONE " | " B_ONE "]}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, [" A_ONE "]}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, g]}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, []}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_ONE "], i => [1]}}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_ONE "], i => " B_ONE "}}}",
        "{join, " B_SCOPE ", h}",
        "{join, " B_SCOPE ", h, [" B_ONE ", " A_ONE "]}",
        "{join, " B_SCOPE ", h, [" B_ONE ", " OURS "]}",
        "{join, " B_SCOPE ", h, one}",
        "{leave, " B_SCOPE ", " B_ONE ", g}",
        "{leave, " B_SCOPE ", [" B_ONE ", one], [g]}",
        "{leave, " B_SCOPE ", [" B_ONE "], [g | g]}",
        "{update, " B_SCOPE ", [{g, [], [" B_ONE "]}, {h, [" B_ONE "]}]}",
        "{update, " B_SCOPE ", [{g, [], [" B_ONE "]}, {h, [" B_ONE "], " B_TWO "}]}",
        "{update, " B_SCOPE ", #{}}",
    };
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        receive(w, messages[i]);
        CU_ASSERT_EQUAL(refused(w), i + 1);
        assert_notified(w, "");
        assert_nothing_sent(w);
    }
    /* The dropped messages may have had changes: one discover asks for all members. */
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, B_SCOPE, "{discover, SELF}");
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_nothing_sent(w);
    world_free(w);
}

/* The 1st, 2nd, 4th, ..., 65536th. */
static void logs_dropped_messages_at_a_decreasing_rate(void)
{
    struct world *w = world_new();
    for (int i = 1; i <= 100000; i++)
        receive(w, "junk");
    CU_ASSERT_EQUAL(refused(w), 100000);
    CU_ASSERT_EQUAL(w->lines, 17);
    world_free(w);
}

/* A map with duplicate keys has no canonical form; term_of() cannot write one. */
static void drops_a_group_with_duplicate_keys(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    meet_b(w, "[]");
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, term_of(B_SCOPE));
    put_map(&message, 2);
    for (int i = 0; i < 4; i++)
        put_int(&message, 1);
    put_term(&message, term_of(B_ONE));
    process_deliver(w->scope, wall(buf_bytes(&message)), &w->turn);
    assert_notified(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

static void joins_and_leaves_of_this_node(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_TWO ", " B_ONE "]}]");
    join(w, "g", OURS_TOO);
    join(w, "g", OURS_TOO);
    join(w, "g", OURS);
    assert_notified(w, "+g:501 +g:500 ");
    assert_sent(w, B_SCOPE, "{join, SELF, g, " OURS_TOO "}");
    assert_sent(w, B_SCOPE, "{join, SELF, g, " OURS "}");
    receive(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>}");
    receive(w, "{join, #Pid<'a1@127.0.0.1'.80.0.7>, g, " A_ONE "}");
    w->read = w->sent_count;
    assert_members(w, "g", "c1501 c1500 a181 b182 b181 ");
    assert_members(w, "nothing", "");
    leave(w, "g", OURS_TOO);
    leave(w, "g", OURS_TOO);
    leave(w, "nothing", OURS_TOO);
    assert_notified(w, "+g:81 -g:501 ");
    assert_members(w, "g", "c1500 a181 b182 b181 ");
    world_free(w);
}

static void leaves_all_groups_at_once(void)
{
    struct world *w = world_new();
    join(w, "g", OURS);
    join(w, "1", OURS);
    join(w, "g", OURS_TOO);
    join(w, "h", OURS_TOO);
    meet_b(w, "[]");
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    assert_sent(w, B_SCOPE, "{leave, SELF, " OURS ", [1, g]}");
    assert_notified(w, "-1:500 -g:500 ");
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    assert_nothing_sent(w);
    assert_notified(w, "");
    struct buf status = {0};
    pg_status(w->scope, &status);
    ASSERT_TERM(buf_bytes(&status), term_of("#{g => 1, h => 1}"));
    buf_free(&status);
    world_free(w);
}

/* --- limits ------------------------------------------------------------ */

static void put_b_pids(struct buf *out, uint32_t count)
{
    put_list(out, count);
    for (uint32_t i = 0; i < count; i++)
        put_pid(out, BYTES(B), i, 0, 7);
    put_nil(out);
}

static void ignores_members_beyond_the_limit(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    w->quiet = true;
    meet_b(w, "[]");
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, term_of(B_SCOPE));
    put_atom(&message, "g");
    put_b_pids(&message, LIMIT_MEMBERS / LIMIT_NODE_PART + 3);
    process_deliver(w->scope, buf_bytes(&message), &w->turn);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS / LIMIT_NODE_PART);
    CU_ASSERT_EQUAL(w->lines, 1);
    /* Those of other nodes have room. */
    join(w, "g", OURS);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS / LIMIT_NODE_PART + 1);
    CU_ASSERT_EQUAL(w->lines, 1);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, LIMIT_MEMBERS / LIMIT_NODE_PART);
    buf_free(&message);
    world_free(w);
}

static void put_group_of(struct buf *out, size_t len)
{
    put_tuple(out, 2);
    buf_put_u8(out, 109); /* a binary: 5 bytes more than it holds */
    buf_put(out, (struct bytes){(const uint8_t *)"\0\0", 2});
    buf_put_u8(out, (uint8_t)((len - 5) >> 8));
    buf_put_u8(out, (uint8_t)(len - 5));
    for (size_t i = 5; i < len; i++)
        buf_put_u8(out, 'n');
    put_b_pids(out, 1);
}

/* They are found by their names for each member. */
static void ignores_groups_with_long_names(void)
{
    struct world *w = world_new();
    struct buf m = {0};
    w->quiet = true;
    meet_b(w, "[]");
    put_tuple(&m, 2);
    put_atom(&m, "$gen_cast");
    put_tuple(&m, 3);
    put_atom(&m, "sync");
    put_term(&m, term_of(B_SCOPE));
    put_list(&m, 3);
    put_group_of(&m, LIMIT_GROUP_BYTES);
    put_group_of(&m, LIMIT_GROUP_BYTES + 1);
    put_group_of(&m, 100);
    put_nil(&m);
    process_deliver(w->scope, buf_bytes(&m), &w->turn);
    CU_ASSERT_EQUAL(w->joined, 2);
    CU_ASSERT_EQUAL(w->lines, 1);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, 2);
    buf_free(&m);
    world_free(w);
}

static void refuses_a_leave_beyond_the_limit(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    meet_b(w, "[{1, [" B_ONE "]}]");
    put_tuple(&message, 4);
    put_atom(&message, "leave");
    put_term(&message, term_of(B_SCOPE));
    put_b_pids(&message, 2000);
    put_list(&message, 2000);
    for (int i = 0; i < 2000; i++)
        put_int(&message, i);
    put_nil(&message);
    process_deliver(w->scope, buf_bytes(&message), &w->turn);
    assert_notified(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

/* 20 nodes with 10,000 groups each: would take minutes if anything were quadratic. */
static void many_groups_on_many_nodes(void)
{
    struct world *w = world_new();
    w->quiet = true;
    for (unsigned n = 0; n < 20; n++) {
        char name[32];
        snprintf(name, sizeof(name), "n%02u@host", n);
        struct buf m = {0};
        put_tuple(&m, 2);
        put_atom(&m, "$gen_cast");
        put_tuple(&m, 3);
        put_atom(&m, "sync");
        put_pid(&m, bytes_of(name), 1, 0, 7);
        put_list(&m, 10000);
        for (int g = 0; g < 10000; g++) {
            put_tuple(&m, 2);
            put_int(&m, g);
            put_list(&m, 1);
            put_pid(&m, bytes_of(name), 2, 0, 7);
            put_nil(&m);
        }
        put_nil(&m);
        process_deliver(w->scope, buf_bytes(&m), &w->turn);
        process_deliver(w->scope, buf_bytes(&m), &w->turn);
        buf_free(&m);
    }
    CU_ASSERT_EQUAL(w->joined, 200000);
    CU_ASSERT_EQUAL(w->left, 0);
    pg_forget(w->scope, BYTES("n07@host"), &w->turn);
    while (wakeups_due(&w->wakeups) <= w->turn.now_ms)
        wakeups_ring(&w->wakeups, &w->turn);
    CU_ASSERT_EQUAL(w->left, 10000);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    CU_ASSERT_EQUAL(w->left, 200000);
    world_free(w);
}

/* 20,000 processes of this node, each in a group of its own: likewise. */
static void many_processes_end(void)
{
    struct world *w = world_new();
    w->quiet = true;
    for (int left = 0; left < 2; left++)
        for (uint32_t i = 0; i < 20000; i++) {
            struct buf group = {0}, pid = {0};
            put_uint(&group, i);
            put_pid(&pid, BYTES("c1@127.0.0.1"), i, 0, 9);
            if (left)
                pg_leave_all(w->scope, buf_bytes(&pid), &w->turn);
            else
                pg_join(w->scope, buf_bytes(&group), buf_bytes(&pid), &w->turn);
            buf_free(&group);
            buf_free(&pid);
        }
    CU_ASSERT_EQUAL(w->joined, 20000);
    CU_ASSERT_EQUAL(w->left, 20000);
    world_free(w);
}

static uint64_t work_of(struct world *w, const char *message)
{
    uint64_t before = w->turn.work;
    receive(w, message);
    return w->turn.work - before;
}

/* A group that begins or ends costs more than a member of one that is there. */
static void counts_the_work_of_groups(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    uint64_t begins = work_of(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    uint64_t joins = work_of(w, "{join, " B_SCOPE ", g, " B_TWO "}");
    uint64_t leaves = work_of(w, "{leave, " B_SCOPE ", " B_TWO ", [g]}");
    uint64_t ends = work_of(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    CU_ASSERT(0 < joins && joins < begins);
    CU_ASSERT(0 < leaves && leaves < ends);
    world_free(w);
}

SUITE("pg members", TEST(notifies_only_differences), TEST(counts_repeated_joins),
      TEST(leaves_groups_that_are_a_string), TEST(ignores_changes_from_unknown_scopes),
      TEST(nobody_speaks_for_others), TEST(drops_malformed_messages),
      TEST(logs_dropped_messages_at_a_decreasing_rate), TEST(drops_a_group_with_duplicate_keys),
      TEST(joins_and_leaves_of_this_node), TEST(leaves_all_groups_at_once),
      TEST(ignores_members_beyond_the_limit), TEST(ignores_groups_with_long_names),
      TEST(refuses_a_leave_beyond_the_limit), TEST(many_groups_on_many_nodes),
      TEST(many_processes_end), TEST(counts_the_work_of_groups))
