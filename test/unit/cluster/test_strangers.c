/* Connections of those who have not shown that they know the cookie. */
#include "cluster/internal.h"
#include "dist/flags.h"
#include "dist/handshake.h"
#include "sides.h"

#define FIRST 100 /* the number of the first stranger's connection */

static void accept(struct side *s, uint32_t connection)
{
    event(s, (struct connection_event){CONNECTION_ACCEPTED, connection, .written = 0});
}

static void accept_many(struct side *s, uint32_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        accept(s, first + 2 * i);
}

/* The stranger names itself. */
static void names_itself(struct side *s, uint32_t connection, struct bytes name)
{
    struct buf message = {0};
    put_name(&message, &(struct hello){DFLAGS_OURS, 1, name});
    reads(s, connection, buf_bytes(&message));
    buf_free(&message);
}

static unsigned lines(const struct side *s)
{
    unsigned count = 0;
    for (size_t i = 0; i < s->log.len; i++)
        count += s->log.at[i] == ';';
    return count;
}

static void the_oldest_silent_one_makes_room(void)
{
    serve(&a, BYTES("a@h"));
    accept_many(&a, FIRST, LIMIT_STRANGERS);
    CU_ASSERT_EQUAL(a.closes, 0);
    names_itself(&a, FIRST, BYTES("c@h"));
    for (uint32_t i = 1; i < LIMIT_STRANGERS; i++) {
        accept(&a, FIRST + 2 * (LIMIT_STRANGERS + i));
        CU_ASSERT(a.closes == i && a.closed == FIRST + 2 * i);
    }
    close_side(&a);
}

/* All have named themselves: the oldest goes. */
static void the_oldest_makes_room_when_none_is_silent(void)
{
    serve(&a, BYTES("a@h"));
    accept_many(&a, FIRST, LIMIT_STRANGERS);
    for (uint32_t i = 0; i < LIMIT_STRANGERS; i++)
        names_itself(&a, FIRST + 2 * i, BYTES("c@h"));
    accept(&a, FIRST + 2 * LIMIT_STRANGERS);
    CU_ASSERT(a.closes == 1 && a.closed == FIRST);
    close_side(&a);
}

/* One side knows the cookie: its connections, old and new, go on, and so does our dialling. */
static void they_cost_no_peer_its_connection(void)
{
    uint32_t at_a = connect_both();
    unsigned closes = a.closes;
    accept_many(&a, FIRST, 5000);
    CU_ASSERT(a.events.len == 0 && a.closes == closes + 5000 - LIMIT_STRANGERS);
    send_from(&b, "a@h");
    carry(at_a, AT_B);
    CU_ASSERT(are(&a.events, "signal b@h;"));

    cluster_connect(a.cluster, BYTES("c@h"), &a.turn);
    looks_up(&a, true);
    CU_ASSERT(a.port == PORT && a.events.len == 0);
    close_both();
}

static void a_peer_that_connects_meanwhile_is_connected(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    accept_many(&b, FIRST, 5000);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true);
    accept(&b, AT_B);
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
    accept_many(&b, FIRST + 2 * 5000, 5000);
    CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
    close_both();
}

/* All that was sent, on whatever connection; not reported as written. */
static struct buf taken(struct side *s)
{
    struct buf sent = s->sent;
    s->sent = (struct buf){0};
    return sent;
}

/* Whoever names itself like a node that we dial has not shown the cookie yet. */
static void they_do_not_end_our_dialling(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    for (int stage = 0; stage < 3; stage++) {
        uint32_t stranger = FIRST + 2 * (uint32_t)stage;
        cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
        accept(&a, stranger);
        if (stage == 0)
            names_itself(&a, stranger, BYTES("b@h"));
        buf_clear(&a.sent);
        a.port = EPMD_PORT;
        looks_up(&a, true);
        uint32_t at_a = a.dialled, at_b = AT_B + 2 * (uint32_t)stage;
        unsigned closes = a.closes;
        accept(&b, at_b);
        opened(&a, at_a);
        passes(&a, stage == 0 ? LIMIT_LET_IN_MS : 0);
        struct buf hello = taken(&a);
        if (stage == 1)
            names_itself(&a, stranger, BYTES("b@h"));
        reads(&b, at_b, buf_bytes(&hello));
        buf_free(&hello);
        struct buf challenge = taken(&b);
        buf_clear(&a.sent);
        reads(&a, at_a, buf_bytes(&challenge));
        buf_free(&challenge);
        struct buf reply = taken(&a);
        if (stage == 2)
            names_itself(&a, stranger, BYTES("b@h"));
        buf_clear(&a.sent);
        CU_ASSERT_EQUAL(a.closes, closes);
        reads(&b, at_b, buf_bytes(&reply));
        buf_free(&reply);
        carry(at_a, at_b);
        CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
        is_closed(&a, stranger, ERR_CLOSED);
        is_closed(&a, at_a, ERR_CLOSED);
        is_closed(&b, at_b, ERR_CLOSED);
        CU_ASSERT(are(&a.events, "down b@h;") && are(&b.events, "down a@h;"));
        buf_clear(&a.log);
    }
    close_both();
}

/* Both dial, b when it has already let a in, which takes long, and each sees its own end of a
 * connection first: one is left, and is the same on both sides. */
static void two_that_dial_late_keep_one_connection(void)
{
    for (int order = 0; order < 3; order++) {
        serve(&a, BYTES("a@h"));
        serve(&b, BYTES("b@h"));
        cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
        looks_up(&a, true);
        uint32_t from_a = a.dialled;
        opened(&a, from_a);
        accept(&b, AT_B);
        struct buf hello = taken(&a);
        reads(&b, AT_B, buf_bytes(&hello));
        struct buf challenge = taken(&b);
        cluster_connect(b.cluster, BYTES("a@h"), &b.turn);
        looks_up(&b, true);
        uint32_t from_b = b.dialled;
        opened(&b, from_b);
        passes(&b, LIMIT_LET_IN_MS);
        accept(&a, FIRST);
        struct buf hello_back = taken(&b);
        reads(&a, FIRST, buf_bytes(&hello_back));
        struct buf challenge_back = taken(&a);
        reads(&a, from_a, buf_bytes(&challenge));
        struct buf reply = taken(&a);
        if (order == 2) {
            /* b has not answered yet: a's connection is the one. */
            reads(&b, AT_B, buf_bytes(&reply));
            is_closed(&a, FIRST, ERR_CLOSED);
            carry(from_a, AT_B);
        } else {
            reads(&b, from_b, buf_bytes(&challenge_back));
            struct buf reply_back = taken(&b);
            reads(&b, AT_B, buf_bytes(&reply));
            CU_ASSERT(b.closed == AT_B && b.events.len == 0);
            if (order == 0)
                is_closed(&a, from_a, ERR_CLOSED);
            reads(&a, FIRST, buf_bytes(&reply_back));
            carry(FIRST, from_b);
            buf_free(&reply_back);
        }
        CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
        CU_ASSERT(are(&a.log, "") && are(&b.log, ""));
        buf_free(&hello);
        buf_free(&hello_back);
        buf_free(&challenge);
        buf_free(&challenge_back);
        buf_free(&reply);
        close_both();
    }
}

static void they_are_fewer_where_connections_are(void)
{
    open_side(&a, BYTES("a@h"), true);
    cluster_start(a.cluster, PORT, 40, &a.turn);
    registers(&a, "\0");
    accept_many(&a, FIRST, 11);
    CU_ASSERT(a.closes == 1 && a.closed == FIRST);
    close_side(&a);
}

/* A BEAM drops its own attempt, if it has the lesser name, as soon as it hears of ours: so b, whose
 * attempt opens when a has been let in, says nothing as long as that may succeed. */
static void what_opens_late_waits_for_the_peers_attempt(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true);
    uint32_t from_a = a.dialled;
    opened(&a, from_a);
    accept(&b, AT_B);
    cluster_connect(b.cluster, BYTES("a@h"), &b.turn);
    struct buf hello = taken(&a);
    reads(&b, AT_B, buf_bytes(&hello));
    struct buf challenge = taken(&b);
    looks_up(&b, true);
    buf_clear(&b.sent);
    opened(&b, b.dialled);
    passes(&b, LIMIT_LET_IN_MS - 1);
    CU_ASSERT_EQUAL(b.sent.len, 0);
    reads(&a, from_a, buf_bytes(&challenge));
    carry(from_a, AT_B);
    CU_ASSERT(b.closed == b.dialled);
    CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
    CU_ASSERT(are(&a.log, "") && are(&b.log, ""));
    buf_free(&hello);
    buf_free(&challenge);
    close_both();
}

static void they_get_few_log_lines(void)
{
    serve(&a, BYTES("a@h"));
    for (uint32_t i = 0; i < 1000; i++) {
        accept(&a, FIRST + 2 * i);
        reads(&a, FIRST + 2 * i, BYTES("GET / HTTP/1.1\r\n\r\n"));
    }
    CU_ASSERT(a.closes == 1000 && lines(&a) == LIMIT_FEW_LINES);
    passes(&a, LIMIT_FEW_LINES_MS - 1);
    CU_ASSERT_EQUAL(lines(&a), LIMIT_FEW_LINES);
    buf_clear(&a.log);
    passes(&a, 1);
    CU_ASSERT(are(&a.log, "and 995 more were disconnected before the end of the handshake;"));

    /* A minute later the next one is news again; and there is no timer where there is none. */
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT(a.log.len == 0 && wakeups_due(&a.wakeups) == UINT64_MAX);
    accept_many(&a, FIRST, 3);
    passes(&a, LIMIT_HANDSHAKE_MS);
    CU_ASSERT(are(&a.log, "a stranger disconnected: no handshake in time;"
                          "a stranger disconnected: no handshake in time;"
                          "a stranger disconnected: no handshake in time;"));
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT(a.log.len == 0 && wakeups_due(&a.wakeups) == UINT64_MAX);
    close_side(&a);
}

/* With a name that this node is just dialling, or with its own: each is one of those lines. */
static void refused_names_get_few_log_lines(void)
{
    serve(&a, BYTES("a@h"));
    for (uint32_t i = 0; i < 1000; i++) {
        accept(&a, FIRST + 2 * i);
        names_itself(&a, FIRST + 2 * i, BYTES("a@h"));
    }
    CU_ASSERT(a.closes == 1000 && lines(&a) == LIMIT_FEW_LINES);
    close_side(&a);
}

/* Numbers have 32 bits; one that is in use is passed over. */
static void numbers_come_round(void)
{
    uint32_t at_a = connect_both();
    CU_ASSERT_EQUAL(at_a, 5);
    a.cluster->next_connection = UINT32_MAX;
    cluster_connect(a.cluster, BYTES("c@h"), &a.turn);
    CU_ASSERT_EQUAL(a.dialled, UINT32_MAX);
    looks_up(&a, true);
    CU_ASSERT_EQUAL(a.dialled, 3); /* 1 is the registration */
    opened(&a, a.dialled);
    cluster_connect(a.cluster, BYTES("d@h"), &a.turn);
    CU_ASSERT_EQUAL(a.dialled, 7);
    close_both();
}

SUITE("strangers", TEST(the_oldest_silent_one_makes_room),
      TEST(the_oldest_makes_room_when_none_is_silent), TEST(they_cost_no_peer_its_connection),
      TEST(a_peer_that_connects_meanwhile_is_connected), TEST(they_do_not_end_our_dialling),
      TEST(two_that_dial_late_keep_one_connection),
      TEST(what_opens_late_waits_for_the_peers_attempt), TEST(they_are_fewer_where_connections_are),
      TEST(they_get_few_log_lines), TEST(refused_names_get_few_log_lines), TEST(numbers_come_round))
