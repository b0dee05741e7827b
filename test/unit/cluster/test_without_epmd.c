/* Nodes at ports that are configured, not asked of an epmd. */
#include "sides.h"

#define NO_PORT                                                                                    \
    "cannot connect to b@h: no port is known for it: add one to its name (name@host:PORT), or "    \
    "set "                                                                                         \
    "peer_port;"

static void serve_at(struct side *s, struct bytes name, uint16_t peer_port, uint64_t random)
{
    struct cluster_options options = options_of(name, true);
    options.without_epmd = true;
    options.peer_port = peer_port;
    open_side_with(s, &options);
    s->turn.random = random;
    cluster_start(s->cluster, PORT, 0, &s->turn);
}

static void is_ready_at_once(void)
{
    serve_at(&a, BYTES("a@h"), 0, 7);
    CU_ASSERT(a.creation > 3 && a.dials == 0 && a.epmds == 0);
    CU_ASSERT(!cluster_is_registered(a.cluster));
    uint32_t creation = a.creation;
    close_side(&a);
    serve_at(&a, BYTES("a@h"), 0, 8);
    CU_ASSERT(a.creation > 3 && a.creation != creation);
    passes(&a, 600000);
    CU_ASSERT(a.dials == 0 && a.log.len == 0);
    close_side(&a);
}

/* a has dialled b at a port; both are up then. */
static void is_up(uint16_t port)
{
    CU_ASSERT(a.dials == 1 && a.port == port);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, AT_B, .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
}

static void peers_are_dialled_at_peer_port(void)
{
    serve_at(&a, BYTES("a@h"), 9100, 7);
    serve_at(&b, BYTES("b@h"), 0, 8);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    is_up(9100);
    close_both();
}

static void peers_are_dialled_where_they_are(void)
{
    serve_at(&a, BYTES("a@h"), 9100, 7);
    serve_at(&b, BYTES("b@h"), 0, 8);
    cluster_locate(a.cluster, BYTES("b@h"), 9101);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    is_up(9101);
    /* Again when it is lost, and at a new place once it has one. */
    is_closed(&a, a.dialled, ERR_CLOSED);
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT(a.dials == 2 && a.port == 9101);
    cluster_locate(a.cluster, BYTES("b@h"), 9102);
    cluster_locate(a.cluster, BYTES("b@h"), 0);
    is_closed(&a, a.dialled, ERR_REFUSED);
    passes(&a, 2 * LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT(a.dials == 3 && a.port == 9102);
    close_both();
}

static void a_port_is_used_beside_an_epmd(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    a.dials = 0;
    cluster_locate(a.cluster, BYTES("b@h"), 9100);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    is_up(9100);
    close_both();
}

static void without_a_port_nobody_is_dialled(void)
{
    serve_at(&a, BYTES("a@h"), 0, 7);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    CU_ASSERT(a.dials == 0 && are(&a.events, "unreachable b@h;"));
    CU_ASSERT(are(&a.log, NO_PORT) && cluster_has_tried_all(a.cluster));
    passes(&a, 600000);
    CU_ASSERT(a.dials == 0 && a.log.len == 0);
    close_side(&a);
}

/* b's name is the greater one, so its own attempt would win; but a knows nothing of one that is
 * not open, and it may never be: b must not refuse a for it. */
static void an_attempt_that_is_not_open_yields(void)
{
    serve_at(&a, BYTES("a@h"), 9100, 7);
    serve_at(&b, BYTES("b@h"), 9100, 8);
    cluster_connect(b.cluster, BYTES("a@h"), &b.turn);
    CU_ASSERT(b.dials == 1 && b.closes == 0);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    is_up(9100);
    CU_ASSERT(b.closes == 1 && b.closed == b.dialled);
    close_both();
}

static void a_host_that_does_not_answer_is_named(void)
{
    serve_at(&a, BYTES("a@h"), 9100, 7);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    passes(&a, LIMIT_HANDSHAKE_MS);
    CU_ASSERT(are(&a.log, "cannot connect to b@h: its host does not answer;"));
    close_side(&a);
}

SUITE("without epmd", TEST(is_ready_at_once), TEST(peers_are_dialled_at_peer_port),
      TEST(peers_are_dialled_where_they_are), TEST(a_port_is_used_beside_an_epmd),
      TEST(without_a_port_nobody_is_dialled), TEST(an_attempt_that_is_not_open_yields),
      TEST(a_host_that_does_not_answer_is_named))
