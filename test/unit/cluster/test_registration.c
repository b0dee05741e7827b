/* Registering with epmd: one that is there, or not, or is something else. */
#include "sides.h"

#define MISSING                                                                                    \
    "no epmd answers at localhost port 4369: start one there (epmd -daemon), or set epmd_port; "   \
    "trying again;"
#define ODD                                                                                        \
    "what answers at localhost port 4369 is not epmd: set epmd_port to that of an epmd; trying "   \
    "again;"

static void start_side(void)
{
    open_side(&a, BYTES("a@h"), true);
    cluster_start(a.cluster, PORT, 0, &a.turn);
}

/* So many attempts in which nobody listens. */
static void is_refused(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        is_closed(&a, a.dialled, ERR_REFUSED);
        passes(&a, wakeups_due(&a.wakeups) - a.turn.now_ms);
    }
}

static void registers_again(void)
{
    serve(&a, BYTES("a@h"));
    a.creation = 0;
    is_closed(&a, a.dialled, ERR_CLOSED);
    CU_ASSERT(!cluster_is_registered(a.cluster));
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    registers(&a, "\0");
    CU_ASSERT(cluster_is_registered(a.cluster) && a.creation == 0);
    CU_ASSERT(are(&a.log, "lost epmd; registering again when it is back;"
                          "registered again with epmd;"));
    close_side(&a);
}

static void starts_epmd_once_at_its_own_start(void)
{
    start_side();
    is_refused(3);
    CU_ASSERT(a.epmds == 1 && a.log.len == 0);
    cluster_epmd_started(a.cluster, BYTES(""), &a.turn);
    CU_ASSERT(are(&a.log, "started epmd on port 4369;"));
    registers(&a, "\0");
    is_closed(&a, a.dialled, ERR_CLOSED);
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    is_refused(8);
    CU_ASSERT_EQUAL(a.epmds, 1);
    close_side(&a);
}

/* One that is restarted by somebody else keeps its port. */
static void starts_no_epmd_later(void)
{
    serve(&a, BYTES("a@h"));
    is_closed(&a, a.dialled, ERR_CLOSED);
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    is_refused(8);
    CU_ASSERT_EQUAL(a.epmds, 0);
    CU_ASSERT(are(&a.log, "lost epmd; registering again when it is back;" MISSING));
    close_side(&a);
}

static void says_that_there_is_no_epmd(void)
{
    start_side();
    uint64_t started_ms = a.turn.now_ms;
    cluster_epmd_started(a.cluster, BYTES("no such file or directory"), &a.turn);
    is_refused(4);
    CU_ASSERT(are(&a.log, "cannot start epmd: no such file or directory;" MISSING));
    CU_ASSERT(a.turn.now_ms <= started_ms + 5000);
    is_refused(20);
    CU_ASSERT_EQUAL(a.log.len, 0);
    close_side(&a);
}

static void says_that_it_is_not_epmd(void)
{
    start_side();
    for (unsigned i = 0; i < 30; i++) {
        opened(&a, a.dialled);
        buf_clear(&a.sent);
        reads(&a, a.dialled, BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"));
        passes(&a, wakeups_due(&a.wakeups) - a.turn.now_ms);
    }
    CU_ASSERT(are(&a.log, ODD) && a.events.len == 0 && a.epmds == 0);
    close_side(&a);
}

/* It takes the connection, and says nothing or closes it. */
static void says_that_it_does_not_answer(void)
{
    start_side();
    opened(&a, a.dialled);
    buf_clear(&a.sent);
    passes(&a, LIMIT_EPMD_MS);
    CU_ASSERT(are(&a.log, ODD));
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    opened(&a, a.dialled);
    buf_clear(&a.sent);
    is_closed(&a, a.dialled, ERR_CLOSED);
    CU_ASSERT(a.log.len == 0 && a.epmds == 0);
    close_side(&a);
}

/* The connection only keeps the name. */
static void what_epmd_says_later_is_passed_over(void)
{
    serve(&a, BYTES("a@h"));
    reads(&a, a.dialled, BYTES("v\1\0\0\0\7 and more"));
    CU_ASSERT(cluster_is_registered(a.cluster) && a.creation == 9);
    CU_ASSERT(a.closes == 0 && a.log.len == 0);
    close_side(&a);
}

static void gives_a_taken_name_up(void)
{
    start_side();
    for (unsigned i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(a.events.len, 0);
        registers(&a, "\1");
        passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    }
    CU_ASSERT(are(&a.events, "taken ;"));
    close_side(&a);
}

SUITE("registration", TEST(registers_again), TEST(starts_epmd_once_at_its_own_start),
      TEST(starts_no_epmd_later), TEST(says_that_there_is_no_epmd), TEST(says_that_it_is_not_epmd),
      TEST(says_that_it_does_not_answer), TEST(what_epmd_says_later_is_passed_over),
      TEST(gives_a_taken_name_up))
