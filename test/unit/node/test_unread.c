/* links.c with so low a limit on what waits of a peer that a few messages reach it. */
#include "limits.h"

#undef LIMIT_UNREAD_BYTES
#define LIMIT_UNREAD_BYTES (256u * 1024)

#include "cluster/links.c"
#include "crdt/figures.h"
#include "unit/node/nodes.h"
#include "unit/replica/large.h"

#define ONE_BYTES (LIMIT_FRAGMENT_BYTES / 2)

static struct buf message;    /* that the sender sends ... */
static const char *addressee; /* ... to this process of a@h */

static void sender_wake(struct process *p, struct turn *t)
{
    turn_send_named(t, process_pid(p), BYTES("a@h"), bytes_of(addressee), buf_bytes(&message));
}

static const struct process_kind sending = {.module = "sender",
                                            .message = rex_message,
                                            .wake = sender_wake,
                                            .state = rex_state,
                                            .free = rex_free};

/* Node 0 reads it, but does nothing that it has put off. */
static void send_from(unsigned i, struct process *sender, const char *to)
{
    addressee = to;
    process_wake_at(sender, net.now_ms);
    step(i, (struct event){.kind = EVENT_WAKE});
    settle();
}

static struct process *start_sender(unsigned i)
{
    return process_start(node_processes(nodes[i].node), &sending, NULL, BYTES("sender"));
}

/* Of so many elements of 100 bytes. */
static void make_delta(const char *actor, uint32_t first)
{
    buf_clear(&message);
    put_tuple(&message, 2);
    put_atom(&message, "delta");
    put_state(&message, "gset", actor, first, LARGE);
}

static size_t elements(void)
{
    return crdt_elements(replica_crdt(process_named(node_processes(nodes[0].node), BYTES("r"))));
}

static void begin_to_join(void)
{
    while (elements() == 0) {
        step(0, (struct event){.kind = EVENT_WAKE});
        settle();
    }
    CU_ASSERT(elements() < LARGE / 2);
}

/* While a large struct is joined in slices its sender is held back.  If it goes on sending, what
 * holds it back is finished: neither is it lost, nor does ever more wait. */
static void what_holds_back_a_peer_is_finished(void)
{
    start(0, "a@h", "{replica, r, #{crdt => gset, group => g}}.");
    start(1, "b@h", "{connect, ['a@h']}.");
    run_for(10000);
    struct process *sender = start_sender(1);
    make_delta("b", 0);
    send_from(1, sender, "r");
    begin_to_join();
    static const uint8_t zeros[ONE_BYTES];
    buf_clear(&message);
    put_binary(&message, (struct bytes){zeros, ONE_BYTES});
    for (unsigned i = 0; i < LIMIT_UNREAD_BYTES / ONE_BYTES - 1; i++)
        send_from(1, sender, "nobody");
    CU_ASSERT(elements() < LARGE / 2);
    send_from(1, sender, "nobody");
    CU_ASSERT(elements() == LARGE && connected(0, 1));
    run_for(10000);
    CU_ASSERT(elements() == LARGE && connected(0, 1) && !logged(0, "disconnected"));
    buf_free(&message);
    stop_all();
}

/* What has come whole is joined, whether or not its sender is still there. */
static void two_peers_send_large_structs(void)
{
    start(0, "a@h", "{replica, r, #{crdt => gset, group => g}}.");
    start(1, "b@h", "{connect, ['a@h']}.");
    start(2, "c@h", "{connect, ['a@h']}.");
    run_for(10000);
    struct process *b = start_sender(1), *c = start_sender(2);
    make_delta("b", 0);
    send_from(1, b, "r");
    make_delta("c", LARGE);
    send_from(2, c, "r");
    begin_to_join();
    crash(1);
    run_for(10000);
    CU_ASSERT(elements() == 2 * LARGE && connected(0, 2));
    buf_free(&message);
    stop_all();
}

SUITE("unread", TEST(what_holds_back_a_peer_is_finished), TEST(two_peers_send_large_structs))
