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
static void send_from_b(struct process *sender, const char *to)
{
    addressee = to;
    process_wake_at(sender, net.now_ms);
    step(1, (struct event){.kind = EVENT_WAKE});
    settle();
}

static size_t elements(void)
{
    return crdt_elements(replica_crdt(process_named(node_processes(nodes[0].node), BYTES("r"))));
}

/* While a large struct is joined in slices its sender is held back.  If it goes on sending, what
 * holds it back is finished: neither is it lost, nor does ever more wait. */
static void what_holds_back_a_peer_is_finished(void)
{
    start(0, "a@h", "{replica, r, #{crdt => gset, group => g}}.");
    start(1, "b@h", "{connect, ['a@h']}.");
    run_for(10000);
    struct process *sender =
        process_start(node_processes(nodes[1].node), &sending, NULL, BYTES("sender"));
    put_tuple(&message, 2);
    put_atom(&message, "delta");
    put_state(&message, "gset", "b", 0, LARGE);
    send_from_b(sender, "r");
    while (elements() == 0) {
        step(0, (struct event){.kind = EVENT_WAKE});
        settle();
    }
    CU_ASSERT(elements() < LARGE / 2);
    static const uint8_t zeros[ONE_BYTES];
    buf_clear(&message);
    put_binary(&message, (struct bytes){zeros, ONE_BYTES});
    for (unsigned i = 0; i < LIMIT_UNREAD_BYTES / ONE_BYTES - 1; i++)
        send_from_b(sender, "nobody");
    CU_ASSERT(elements() < LARGE / 2);
    send_from_b(sender, "nobody");
    CU_ASSERT(elements() == LARGE && connected(0, 1));
    run_for(10000);
    CU_ASSERT(elements() == LARGE && connected(0, 1) && !logged(0, "disconnected"));
    buf_free(&message);
    stop_all();
}

SUITE("unread", TEST(what_holds_back_a_peer_is_finished))
