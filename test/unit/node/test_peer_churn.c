/* Hundreds of peers, each with a name of its own and a replica, connect and leave for good:
 * nothing about them is kept. */
#include <malloc.h>

#include "limits.h"
#include "node/node.h"
#include "unit/node/nodes.h"

/* Enough for a leak to exceed what the allocator keeps for itself, about 10 kB. */
#define ROUNDS 3000

#define REPLICA "{scope, s}. {replica, r, #{crdt => gset, group => g}}. "

struct churn {
    const char *follow, *connect; /* settings: of node 0, of the visitors */
    uint64_t stay_ms, rest_ms;    /* until all are connected, until all is forgotten */
};

/* The n-th visitor connects to nodes 0 and 1 and leaves: one in three stops, the others crash. */
static void visit(unsigned n, const struct churn *c)
{
    char name[40], config[200];
    snprintf(name, sizeof(name), "visitor%u@h", n);
    snprintf(config, sizeof(config), REPLICA "{connect, %s}.", c->connect);
    start(2, name, config);
    run_for(c->stay_ms);
    CU_ASSERT(connected(0, 2) && connected(1, 2));
    CU_ASSERT_EQUAL(status_number(0, "peers"), 2);
    if (n % 3 == 0)
        step(2, (struct event){.kind = EVENT_STOP});
    crash(2);
    run_for(1000);
    CU_ASSERT_EQUAL(status_number(0, "peers"), 1);
}

static struct buf state_of(unsigned i, const char *name)
{
    struct buf state = {0}, canonical = {0};
    struct process *p = process_named(node_processes(nodes[i].node), bytes_of(name));
    process_kind(p)->state(p, &state);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&state)) == OK);
    buf_free(&state);
    return canonical;
}

/* The pg scope is as it was before the visitors. */
static void check_scope(const struct buf *scope)
{
    struct buf now = state_of(0, "s");
    ASSERT_TERM(buf_bytes(&now), buf_bytes(scope));
    buf_free(&now);
}

static size_t bytes_allocated(void)
{
    buf_free(&nodes[0].log);
    buf_free(&nodes[1].log);
    return mallinfo2().uordblks; /* 0 under ASan, which finds leaks itself */
}

/* The second half of the visitors leaves no more allocated than the first. */
static void run_churn(const struct churn *c)
{
    char config[200];
    size_t bytes[2];
    start(1, "b@h", REPLICA);
    snprintf(config, sizeof(config), REPLICA "{connect, ['b@h']}. {follow, %s}.", c->follow);
    start(0, "a@h", config);
    run_for(1000);
    struct buf scope = state_of(0, "s");
    for (unsigned n = 0; n < ROUNDS; n++) {
        visit(n, c);
        if ((n + 1) % (ROUNDS / 2) != 0)
            continue;
        run_for(c->rest_ms);
        check_scope(&scope);
        bytes[n / (ROUNDS / 2)] = bytes_allocated();
    }
    /* The allocator keeps a little of what is freed; any record kept per visitor is larger. */
    CU_ASSERT(bytes[1] < bytes[0] + ROUNDS / 2 * 32);
    buf_free(&scope);
    stop_all();
}

static void forgets_peers_that_connected(void)
{
    run_churn(&(struct churn){"false", "['a@h', 'b@h']", 1000, 0});
}

static void forgets_peers_that_it_followed(void)
{
    run_churn(&(struct churn){"true", "['b@h']", LIMIT_FOLLOW_ASK_MS,
                              LIMIT_FOLLOW_TICKTIMES * 60000 + LIMIT_FOLLOW_ASK_MS});
}

SUITE("peer churn", TEST(forgets_peers_that_connected), TEST(forgets_peers_that_it_followed))
