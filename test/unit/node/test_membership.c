/* The scopes and replicas of a node, with signals and log lines that only this suite sees. */
#include "limits.h"
#include "unit/node/nodes.h"

static unsigned lines;

static void drop(struct post *post, const struct signal *signal)
{
    (void)post;
    (void)signal;
}

static bool is_connected(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return true;
}

static uint64_t no_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return 0;
}

static bool never_slow(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static void count_line(struct post *post, enum log_level level, struct bytes line)
{
    (void)post;
    (void)level;
    (void)line;
    lines++;
}

static struct post post = {drop, is_connected, no_flags, never_slow, count_line,
                           NULL, NULL,         NULL,     NULL};

/* Whoever knows the cookie may kill a scope as often as they like. */
static void logs_restarts_of_scopes_at_a_decreasing_rate(void)
{
    struct turn t = {.now_ms = 2000, .random = 1, .post = &post};
    start(0, "a@h", "{scope, s}.");
    struct processes *table = node_processes(nodes[0].node);
    lines = 0;
    for (int i = 1; i <= 1000; i++) {
        struct process *scope = process_named(table, BYTES("s"));
        CU_ASSERT_FATAL(scope != NULL);
        process_exit(scope, term_of("killed"), &t);
        processes_tidy(table);
    }
    CU_ASSERT_EQUAL(lines, 10); /* the 1st, 2nd, 4th, ..., 512th */
    stop_all();
}

static void put_sync(struct buf *out, uint32_t groups)
{
    put_tuple(out, 2);
    put_atom(out, "$gen_cast");
    put_tuple(out, 3);
    put_atom(out, "sync");
    put_pid(out, BYTES("b@h"), 1, 0, 7);
    put_list(out, groups);
    for (uint32_t g = 0; g < groups; g++) {
        put_tuple(out, 2);
        put_uint(out, g);
        put_list(out, 1);
        put_pid(out, BYTES("b@h"), 2, 0, 7);
        put_nil(out);
    }
    put_nil(out);
}

/* 100,000 groups are told to 2,000 replicas; status_number() reads that of r. */
static void replicas_are_told_of_their_own_group(void)
{
    struct turn t = {.now_ms = 2000, .random = 1, .post = &post};
    struct buf config = {0}, sync = {0};
    buf_printf(&config, "{scope, s}. {replica, r, #{crdt => gcounter, group => 99999}}. ");
    for (int i = 1; i < 2000; i++)
        buf_printf(&config, "{replica, r%d, #{crdt => gcounter, group => {none, %d}}}. ", i, i);
    buf_put_u8(&config, 0);
    start(0, "a@h", (const char *)config.at);
    struct processes *table = node_processes(nodes[0].node);
    put_sync(&sync, 100000);
    process_deliver(process_named(table, BYTES("s")), buf_bytes(&sync), &t);
    CU_ASSERT_EQUAL(status_number(0, "peers"), 1);
    buf_clear(&sync);
    put_sync(&sync, 99999);
    process_deliver(process_named(table, BYTES("s")), buf_bytes(&sync), &t);
    CU_ASSERT_EQUAL(status_number(0, "peers"), 0);
    process_exit(process_named(table, BYTES("r")), term_of("killed"), &t);
    processes_tidy(table);
    buf_clear(&sync);
    put_sync(&sync, 100000);
    process_deliver(process_named(table, BYTES("s")), buf_bytes(&sync), &t);
    buf_free(&sync);
    buf_free(&config);
    stop_all();
}

SUITE("membership", TEST(replicas_are_told_of_their_own_group),
      TEST(logs_restarts_of_scopes_at_a_decreasing_rate))
