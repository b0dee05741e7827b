/* Who may be connected: `allow`.  a@h allows c@h and all of k. */
#include "dist/flags.h"
#include "dist/handshake.h"
#include "sides.h"

static struct buf list[2];
static const struct name_patterns patterns = {list, 2};

static void open_a(void)
{
    buf_printf(&list[0], "c@h");
    buf_printf(&list[1], "*@k");
    allow = &patterns;
    serve(&a, BYTES("a@h"));
    allow = NULL;
}

static void close_a(void)
{
    close_side(&a);
    buf_free(&list[0]);
    buf_free(&list[1]);
}

/* Somebody connects and names itself; returns the status that it is answered. */
static enum status answer_to(uint32_t connection, struct bytes name)
{
    struct buf message = {0};
    enum status status = STATUSES;
    event(&a, (struct connection_event){CONNECTION_ACCEPTED, connection, .written = 0});
    put_name(&message, &(struct hello){DFLAGS_OURS, 1, name});
    buf_clear(&a.sent);
    reads(&a, connection, buf_bytes(&message));
    size_t len = (size_t)(a.sent.at[0] << 8 | a.sent.at[1]);
    CU_ASSERT(read_status((struct bytes){a.sent.at + 2, len}, &status) == OK);
    buf_clear(&a.sent);
    buf_free(&message);
    return status;
}

static void others_are_refused(void)
{
    open_a();
    CU_ASSERT_EQUAL(answer_to(2, BYTES("c@h")), STATUS_OK);
    CU_ASSERT_EQUAL(answer_to(4, BYTES("x@k")), STATUS_OK);
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 0);
    CU_ASSERT_EQUAL(answer_to(6, BYTES("b@h")), STATUS_NOT_ALLOWED);
    CU_ASSERT_EQUAL(a.closed, 6);
    CU_ASSERT(are(&a.log, "b@h disconnected: it is not among the nodes of allow;"));
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 1);
    close_a();
}

/* They fill no disk with lines, and no memory. */
static void lines_are_few(void)
{
    open_a();
    for (uint32_t i = 1; i <= 100; i++)
        answer_to(2 * i, BYTES("b@h"));
    size_t lines = 0;
    for (size_t i = 0; i < a.log.len; i++)
        lines += a.log.at[i] == ';';
    CU_ASSERT_EQUAL(lines, LIMIT_FEW_LINES);
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 100);
    CU_ASSERT_EQUAL(a.closes, 100);
    close_a();
}

static void others_are_not_dialled(void)
{
    open_a();
    unsigned dials = a.dials;
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    CU_ASSERT_EQUAL(a.dials, dials);
    CU_ASSERT(cluster_has_tried_all(a.cluster));
    CU_ASSERT(are(&a.log, "cannot connect to b@h: it is not among the nodes of allow;"));
    cluster_connect(a.cluster, BYTES("c@h"), &a.turn);
    CU_ASSERT_EQUAL(a.dials, dials + 1);
    close_a();
}

/* Also those that are dialled: the look-up of b, and the connection to d. */
static void a_new_list_ends_attempts(void)
{
    serve(&a, BYTES("a@h"));
    cluster_connect(a.cluster, BYTES("d@h"), &a.turn);
    looks_up(&a, true);
    opened(&a, a.dialled);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    cluster_connect(a.cluster, BYTES("c@h"), &a.turn);
    unsigned closes = a.closes;
    buf_printf(&list[0], "c@h");
    buf_printf(&list[1], "*@k");
    cluster_restrict(a.cluster, &patterns, NULL, &a.turn);
    cluster_check(a.cluster);
    CU_ASSERT_EQUAL(a.closes, closes + 2);
    CU_ASSERT(are(&a.events, "unreachable d@h;unreachable b@h;"));
    buf_clear(&a.sent);
    CU_ASSERT(are(&a.log, "cannot connect to d@h: it is not among the nodes of allow;"
                          "cannot connect to b@h: it is not among the nodes of allow;"));
    looks_up(&a, false);
    CU_ASSERT(are(&a.events, "unknown c@h;"));
    close_a();
}

SUITE("allow", TEST(a_new_list_ends_attempts), TEST(others_are_refused), TEST(lines_are_few),
      TEST(others_are_not_dialled))
