/* Peers by the hundred that come under names of their own, have a replica, and go for good:
 * nothing of them is left. */
#include <malloc.h>

#include "limits.h"
#include "node/node.h"
#include "unit/node/nodes.h"

/* So many that what the allocator keeps for itself, 10 kB or so, is less than what counts. */
#define ROUNDS 1200

#define REPLICA "{scope, s}. {replica, r, #{crdt => gset, group => g}}. "

struct custom {
    const char *follow, *connect; /* of the node that stays, and of those that come */
    uint64_t stay_ms, rest_ms;    /* until it is known to all, and until it is forgotten */
};

/* Comes, meets the first two, and goes in the n-th way. */
static void comes_and_goes(unsigned n, const struct custom *c)
{
    char name[40], config[200];
    snprintf(name, sizeof(name), "visitor%u@h", n);
    snprintf(config, sizeof(config), REPLICA "{connect, %s}.", c->connect);
    start(2, name, config);
    pass(c->stay_ms);
    CU_ASSERT(linked(0, 2) && linked(1, 2));
    CU_ASSERT_EQUAL(number_of(0, "peers"), 2);
    if (n % 3 == 0)
        step(2, (struct event){.kind = EVENT_STOP});
    crash(2);
    pass(1000);
    CU_ASSERT_EQUAL(number_of(0, "peers"), 1);
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

/* What is left of all that the visitors were, once the last has had its time. */
static void nothing_is_left(const struct buf *scope)
{
    struct buf now = state_of(0, "s");
    ASSERT_TERM(buf_bytes(&now), buf_bytes(scope));
    buf_free(&now);
}

static size_t bytes_held(void)
{
    buf_free(&nodes[0].log);
    buf_free(&nodes[1].log);
    return mallinfo2().uordblks; /* 0 where another allocator checks for leaks itself */
}

/* The second half of the visitors costs nothing more than the first. */
static void visits(const struct custom *c)
{
    char config[200];
    size_t bytes[2];
    start(1, "b@h", REPLICA);
    snprintf(config, sizeof(config), REPLICA "{connect, ['b@h']}. {follow, %s}.", c->follow);
    start(0, "a@h", config);
    pass(1000);
    struct buf scope = state_of(0, "s");
    for (unsigned n = 0; n < ROUNDS; n++) {
        comes_and_goes(n, c);
        if ((n + 1) % (ROUNDS / 2) != 0)
            continue;
        pass(c->rest_ms);
        nothing_is_left(&scope);
        bytes[n / (ROUNDS / 2)] = bytes_held();
    }
    /* The allocator keeps a little of what is freed; nothing that is kept is so small. */
    CU_ASSERT(bytes[1] < bytes[0] + ROUNDS / 2 * 32);
    buf_free(&scope);
    end_all();
}

static void forgets_who_came_by_itself(void)
{
    visits(&(struct custom){"false", "['a@h', 'b@h']", 1000, 0});
}

static void forgets_whom_it_has_followed(void)
{
    visits(&(struct custom){"true", "['b@h']", LIMIT_FOLLOW_ASK_MS,
                            LIMIT_FOLLOW_TICKTIMES * 60000 + LIMIT_FOLLOW_ASK_MS});
}

SUITE("visitors", TEST(forgets_who_came_by_itself), TEST(forgets_whom_it_has_followed))
