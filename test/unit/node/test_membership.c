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

static struct post post = {drop, is_connected, no_flags, never_slow, count_line};

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

SUITE("membership", TEST(logs_restarts_of_scopes_at_a_decreasing_rate))
