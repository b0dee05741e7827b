/* What the scope makes of what others tell it of their members. */
#include "pg_world.h"

/* --- members ----------------------------------------------------------- */

static void tells_only_differences(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_ONE ", " B_TWO "]}]");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_TWO "]}, {i, [" B_ONE "]}]}}");
    told(w, "+i:81 -g:81 -h:81 ");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_TWO "], i => [" B_ONE "]}}}");
    told(w, "");
    hear(w, "{update, " B_SCOPE ", [{h, [" B_ONE "], [" B_TWO "]}, {i, [], []}, {j, [], []}]}");
    told(w, "-h:82 +h:81 ");
    /* OTP 29 says so to scopes of version 0 when somebody leaves. */
    hear(w, "{join, " B_SCOPE ", j, []}");
    hear(w, "{leave, " B_SCOPE ", [], [h, j]}");
    told(w, "");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => []}}}");
    told(w, "-i:81 -h:81 ");
    struct buf status = {0};
    pg_status(w->scope, &status);
    ASSERT_TERM(buf_bytes(&status), term_of("#{}"));
    buf_free(&status);
    world_free(w);
}

static void counts_how_often_one_joined(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_ONE "]}]");
    hear(w, "{join, " B_SCOPE ", g, [" B_ONE ", " B_TWO "]}");
    told(w, "+g:82 ");
    hear(w, "{leave, " B_SCOPE ", [" B_ONE "], [g, g]}");
    told(w, "");
    hear(w, "{leave, " B_SCOPE ", " B_ONE ", [g, nothing, g]}");
    told(w, "-g:81 ");
    /* A sync counts anew. */
    hear(w, "{join, " B_SCOPE ", g, " B_TWO "}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_TWO "]}]}}");
    hear(w, "{leave, " B_SCOPE ", " B_TWO ", [g]}");
    told(w, "-g:82 ");
    world_free(w);
}

static void ignores_news_of_strangers(void)
{
    struct world *w = world_new();
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    hear(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    hear(w, "{update, " B_SCOPE ", [{g, [" B_ONE "], []}]}");
    told(w, "");
    said_no_more(w);
    CU_ASSERT_EQUAL(w->lines, 0);
    world_free(w);
}

static void drops_what_is_malformed(void)
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
        hear(w, messages[i]);
        CU_ASSERT_EQUAL(w->lines, i + 1);
        told(w, "");
        said_no_more(w);
    }
    /* Something was lost with them: it is asked for, once. */
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{discover, SELF}");
    said_no_more(w);
    world_free(w);
}

/* A map with a key twice has no canonical form; text cannot say it. */
static void drops_a_group_that_is_no_term(void)
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
    told(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

static void members_of_this_node(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_TWO ", " B_ONE "]}]");
    join(w, "g", OURS_TOO);
    join(w, "g", OURS_TOO);
    join(w, "g", OURS);
    told(w, "+g:501 +g:500 ");
    said(w, B_SCOPE, "{join, SELF, g, " OURS_TOO "}");
    said(w, B_SCOPE, "{join, SELF, g, " OURS "}");
    hear(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>}");
    hear(w, "{join, #Pid<'a1@127.0.0.1'.80.0.7>, g, " A_ONE "}");
    w->read = w->sent_count;
    members_are(w, "g", "c1501 c1500 a181 b182 b181 ");
    members_are(w, "nothing", "");
    leave(w, "g", OURS_TOO);
    leave(w, "g", OURS_TOO);
    leave(w, "nothing", OURS_TOO);
    told(w, "+g:81 -g:501 ");
    members_are(w, "g", "c1500 a181 b182 b181 ");
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
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [1, g]}");
    told(w, "-1:500 -g:500 ");
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    said_no_more(w);
    told(w, "");
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

static void leaves_out_members_beyond_the_limit(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    w->quiet = true;
    meet_b(w, "[]");
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, term_of(B_SCOPE));
    put_atom(&message, "g");
    put_b_pids(&message, LIMIT_MEMBERS + 3);
    process_deliver(w->scope, buf_bytes(&message), &w->turn);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS);
    CU_ASSERT_EQUAL(w->lines, 1);
    join(w, "g", OURS);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS);
    CU_ASSERT_EQUAL(w->lines, 2);
    said_no_more(w);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, LIMIT_MEMBERS);
    buf_free(&message);
    world_free(w);
}

static void refuses_a_leave_that_multiplies(void)
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
    told(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

/* 20 nodes with 10,000 groups each: minutes, if anything here were quadratic. */
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
    CU_ASSERT_EQUAL(w->left, 10000);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    CU_ASSERT_EQUAL(w->left, 200000);
    world_free(w);
}

SUITE("pg members", TEST(tells_only_differences), TEST(counts_how_often_one_joined),
      TEST(ignores_news_of_strangers), TEST(drops_what_is_malformed),
      TEST(drops_a_group_that_is_no_term), TEST(members_of_this_node),
      TEST(leaves_all_groups_at_once), TEST(leaves_out_members_beyond_the_limit),
      TEST(refuses_a_leave_that_multiplies), TEST(many_groups_on_many_nodes))
