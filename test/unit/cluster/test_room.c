/* The limits on what all peers together may have: connections, and bytes that wait to be read. */
#include "sides.h"

#define MEGABYTE (1u << 20)
/* So many peers with nearly the longest queue that one may have reach the limit for all. */
#define PEERS 17

/* b's number for the connection of ni@h. */
static uint32_t at_b(unsigned i)
{
    return AT_B * (i + 1);
}

static void join(unsigned i)
{
    char name[16];
    snprintf(name, sizeof(name), "n%u@h", i);
    open_side(&a, bytes_of(name), false);
    cluster_start(a.cluster, 0, 0, &a.turn);
    cluster_connect_once(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, at_b(i), .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, at_b(i));
    close_side(&a);
}

/* b sends so much to ni@h, in messages that are not kept. */
static void fill(unsigned i, unsigned megabytes)
{
    enum { ONE = LIMIT_FRAGMENT_BYTES / 2 };
    char name[16];
    struct buf payload = {0}, zeros = {0};
    memset(buf_room(&zeros, ONE), 0, ONE);
    put_binary(&payload, (struct bytes){zeros.at, ONE});
    snprintf(name, sizeof(name), "n%u@h", i);
    const struct signal signal = {.kind = SIGNAL_REG_SEND,
                                  .node = bytes_of(name),
                                  .from = term_of("#Pid<'b@h'.1.0.9>"),
                                  .to = term_of("name"),
                                  .payload = buf_bytes(&payload)};
    for (unsigned sent = 0; sent < megabytes * (MEGABYTE / ONE); sent++) {
        cluster_send(b.cluster, bytes_of(name), &signal, &b.turn);
        cluster_flush(b.cluster, &b.turn);
    }
    cluster_check(b.cluster);
    buf_free(&payload);
    buf_free(&zeros);
}

static size_t queued_for(const char *node)
{
    struct cluster_peer peer;
    return cluster_find(b.cluster, bytes_of(node), &peer) ? peer.queued : 0;
}

/* None of them has more than one may have. */
static void all_peers_together_have_room_for_so_much(void)
{
    enum { MOST = LIMIT_QUEUES_BYTES / MEGABYTE, EACH = LIMIT_FRAME_BYTES / MEGABYTE - 1 };
    serve(&b, BYTES("b@h"));
    for (unsigned i = 0; i < PEERS; i++)
        join(i);
    buf_clear(&b.events);
    b.forgets = true;
    for (unsigned i = 0; i < PEERS - 1; i++)
        fill(i, i == 5 ? EACH + 2 : EACH);
    fill(PEERS - 1, 4);
    CU_ASSERT(b.events.len == 0 && b.log.len == 0);
    fill(PEERS - 1, MOST - (PEERS - 1) * EACH);
    CU_ASSERT(are(&b.events, "down n5@h;") && b.closed == at_b(5));
    CU_ASSERT(are(&b.log, "n5@h disconnected: all peers together do not read as fast as they are "
                          "sent;"));
    CU_ASSERT(queued_for("n4@h") > EACH * MEGABYTE && queued_for("n16@h") > 15 * MEGABYTE);
    close_side(&b);
}

/* b, which may have so many connections; one is that to epmd. */
static void serve_with(size_t connections)
{
    open_side(&b, BYTES("b@h"), true);
    cluster_start(b.cluster, PORT, connections, &b.turn);
    registers(&b, "\0");
}

static bool dials(const char *node)
{
    unsigned before = b.dials;
    cluster_connect(b.cluster, bytes_of(node), &b.turn);
    cluster_check(b.cluster);
    return b.dials > before;
}

static void whom_there_is_no_room_to_dial_is_dialled_later(void)
{
    serve_with(3);
    CU_ASSERT(dials("c@h"));
    uint32_t to_c = b.dialled;
    CU_ASSERT(dials("d@h"));
    CU_ASSERT(!dials("e@h"));
    CU_ASSERT(are(&b.events, "unreachable e@h;"));
    CU_ASSERT(are(&b.log, "cannot connect to e@h: too many connections;"));
    CU_ASSERT(cluster_is_wanted(b.cluster, BYTES("e@h")));
    cluster_release(b.cluster, BYTES("c@h"));
    is_closed(&b, to_c, ERR_REFUSED);
    unsigned before = b.dials;
    passes(&b, LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT_EQUAL(b.dials, before + 1);
    looks_up(&b, false);
    CU_ASSERT(are(&b.events, "unreachable c@h;unknown e@h;"));
    close_side(&b);
}

static void epmd_that_is_back_finds_room(void)
{
    serve_with(2);
    uint32_t registration = b.dialled;
    is_closed(&b, registration, ERR_CLOSED);
    CU_ASSERT(dials("c@h") && !dials("d@h"));
    cluster_release(b.cluster, BYTES("d@h"));
    passes(&b, LIMIT_DIAL_BACKOFF_MIN_MS);
    registers(&b, "\0");
    CU_ASSERT(cluster_is_registered(b.cluster));
    close_side(&b);
}

/* Nor do those who connect take its place, where there are few. */
static void epmd_finds_room_beside_those_who_connect(void)
{
    serve_with(4);
    uint32_t registration = b.dialled;
    for (unsigned i = 0; i < 2; i++)
        join(i);
    is_closed(&b, registration, ERR_CLOSED);
    join(2);
    CU_ASSERT_EQUAL(b.closes, 0);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, at_b(3), .written = 0});
    CU_ASSERT(b.closes == 1 && b.closed == at_b(3));
    unsigned before = b.dials;
    passes(&b, LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT_EQUAL(b.dials, before + 1);
    registers(&b, "\0");
    CU_ASSERT(cluster_is_registered(b.cluster));
    close_side(&b);
}

/* However many connect. */
static void a_part_is_kept_to_dial(void)
{
    enum { ALL = 2 * LIMIT_DIALS_KEPT, ACCEPTED = ALL - 2 };
    serve_with(ALL);
    for (unsigned i = 0; i < ACCEPTED - 1; i++)
        join(i);
    CU_ASSERT(queued_for("n0@h") == 0 && b.closes == 0);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, at_b(ACCEPTED), .written = 0});
    CU_ASSERT(b.closes == 1 && b.closed == at_b(ACCEPTED));
    CU_ASSERT(dials("c@h") && dials("d@h") && !dials("e@h"));
    close_side(&b);
}

SUITE("room", TEST(all_peers_together_have_room_for_so_much),
      TEST(whom_there_is_no_room_to_dial_is_dialled_later), TEST(epmd_that_is_back_finds_room),
      TEST(epmd_finds_room_beside_those_who_connect), TEST(a_part_is_kept_to_dial))
