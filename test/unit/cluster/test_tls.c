/* What a cluster is told about TLS, which it does not see. */
#include "sides.h"

/* a has looked b up and dials it. */
static void dial_b(bool tls)
{
    with_tls = tls;
    serve(&a, BYTES("a@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    CU_ASSERT_FALSE(a.tls);
    looks_up(&a, true);
}

static void fails(enum err err, const char *why)
{
    event(&a, (struct connection_event){CONNECTION_CLOSED, a.dialled, .err = err,
                                        .bytes = bytes_of(why)});
}

static void only_links_have_it(void)
{
    dial_b(true);
    CU_ASSERT_TRUE(a.tls);
    close_side(&a);
    dial_b(false);
    CU_ASSERT_FALSE(a.tls);
    close_side(&a);
}

static void they_connect(void)
{
    with_tls = true;
    connect_both();
    send_from(&a, "b@h");
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&b.events, "signal a@h;"));
    close_both();
}

static void its_reason_is_logged_alone(void)
{
    dial_b(true);
    fails(ERR_TLS, "its certificate has expired");
    CU_ASSERT(are(&a.log, "cannot connect to b@h: its certificate has expired;"));
    CU_ASSERT(are(&a.events, "unreachable b@h;"));
    close_side(&a);
}

/* Not a name that is taken, which a command would retry under another. */
static void a_refusal_may_come_late(void)
{
    dial_b(true);
    opened(&a, a.dialled);
    fails(ERR_TLS, "set certfile");
    CU_ASSERT(are(&a.log, "cannot connect to b@h: set certfile;"));
    CU_ASSERT(are(&a.events, "unreachable b@h;"));
    close_side(&a);
}

/* It is not the peer that has closed it. */
static void a_connection_that_breaks_is_logged(void)
{
    with_tls = true;
    connect_both();
    buf_clear(&a.log);
    buf_clear(&b.log);
    fails(ERR_TLS, "bad record mac");
    CU_ASSERT(are(&a.log, "b@h disconnected: bad record mac;"));
    CU_ASSERT(are(&a.events, "down b@h;"));
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, 4, .written = 0});
    event(&b, (struct connection_event){CONNECTION_CLOSED, 4, .err = ERR_TLS, .bytes = BYTES("x")});
    CU_ASSERT(are(&b.log, "a stranger disconnected: x;"));
    is_closed(&b, AT_B, ERR_CLOSED);
    CU_ASSERT(are(&b.log, "a@h closed the connection;"));
    close_both();
}

static void silence_is_told_from_a_missing_answer(void)
{
    dial_b(true);
    passes(&a, LIMIT_HANDSHAKE_MS);
    CU_ASSERT(are(&a.log, "cannot connect to b@h: no TLS handshake in time: is it a node without "
                          "TLS?;"));
    close_side(&a);
}

static void refused_strangers_get_few_lines(void)
{
    serve(&a, BYTES("a@h"));
    for (int i = 0; i < 3 * LIMIT_FEW_LINES; i++)
        cluster_refused(a.cluster, BYTES("x"), &a.turn);
    CU_ASSERT(are(&a.log, "a connection from x;a connection from x;a connection from x;"
                          "a connection from x;a connection from x;"));
    close_side(&a);
}

SUITE("tls", TEST(only_links_have_it), TEST(they_connect), TEST(its_reason_is_logged_alone),
      TEST(a_refusal_may_come_late), TEST(a_connection_that_breaks_is_logged),
      TEST(silence_is_told_from_a_missing_answer), TEST(refused_strangers_get_few_lines))
