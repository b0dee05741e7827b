/* Large messages, and the end of scopes with many members: both take many steps. */
#include "pg/pg_scope.h"
#include "pg_world.h"

/* Groups of a large message, and what joins or leaves in a step at most. */
#define GROUPS  3000
#define MOST_IN (LIMIT_STEP_WORK / 500 + LIMIT_LEAVING + 1)

/* --- steps ------------------------------------------------------------- */

static void receive_b(struct world *w, const struct buf *message)
{
    receive_from(w, B, buf_bytes(message));
}

static bool is_busy(const struct world *w)
{
    return wakeups_due(&w->wakeups) <= w->turn.now_ms;
}

/* One step of those that are due at once. */
static void step(struct world *w)
{
    size_t before = w->joined + w->left;
    wakeups_ring(&w->wakeups, &w->turn);
    CU_ASSERT(w->joined + w->left - before <= MOST_IN);
}

/* All of them; returns how many. */
static unsigned settle(struct world *w)
{
    unsigned steps = 0;
    for (; is_busy(w); steps++)
        step(w);
    CU_ASSERT_EQUAL(w->held, 0);
    return steps;
}

static struct world *large_world(void)
{
    struct world *w = world_new();
    w->holds = true;
    meet_b(w, "[]");
    return w;
}

/* --- messages ---------------------------------------------------------- */

static void put_b_pid(struct buf *out, uint32_t id)
{
    put_pid(out, BYTES(B), id, 0, 7);
}

/* {'$gen_cast', {sync, Scope, [...]}}, of which the groups follow, and put_nil(). */
static void begin_sync(struct buf *out, const char *scope, uint32_t groups)
{
    buf_clear(out);
    put_tuple(out, 2);
    put_atom(out, "$gen_cast");
    put_tuple(out, 3);
    put_atom(out, "sync");
    put_term(out, term_of(scope));
    if (groups > 0)
        put_list(out, groups);
}

static void put_one(struct buf *out, uint32_t id)
{
    put_list(out, 1);
    put_b_pid(out, id);
    put_nil(out);
}

/* Groups from..from+count-1, each with the process id. */
static void put_sync(struct buf *out, const char *scope, uint32_t from, uint32_t count, uint32_t id)
{
    begin_sync(out, scope, count);
    for (uint32_t g = 0; g < count; g++) {
        put_tuple(out, 2);
        put_uint(out, from + g);
        put_one(out, id);
    }
    put_nil(out);
}

/* The last process is one of another node. */
static void put_false_sync(struct buf *out)
{
    begin_sync(out, B_SCOPE, GROUPS);
    for (uint32_t g = 0; g < GROUPS; g++) {
        put_tuple(out, 2);
        put_uint(out, g);
        put_list(out, 1);
        put_pid(out, g + 1 < GROUPS ? BYTES(B) : BYTES("a1@127.0.0.1"), 1, 0, 7);
        put_nil(out);
    }
    put_nil(out);
}

static void receive_sync(struct world *w, uint32_t from, uint32_t count, uint32_t id)
{
    struct buf m = {0};
    put_sync(&m, B_SCOPE, from, count, id);
    receive_b(w, &m);
    buf_free(&m);
}

static size_t group_count(const struct world *w)
{
    struct buf out = {0};
    pg_put_groups(w->scope, false, &out);
    struct etf_in in = etf_open(buf_bytes(&out));
    size_t count = 0;
    struct bytes group;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &group);)
        count++;
    buf_free(&out);
    return count;
}

/* --- in steps as at once ----------------------------------------------- */

/* A pseudorandom sequence, the same on every machine. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

/* Up to three, more than one of them the same. */
static void put_some_pids(struct buf *out, uint64_t *state)
{
    uint32_t count = draw(state, 4);
    if (count > 0)
        put_list(out, count);
    for (; count > 0; count--)
        put_b_pid(out, 80 + draw(state, 3));
    put_nil(out);
}

static void put_sync_of_some(struct buf *out, bool map, uint32_t count, uint64_t *state)
{
    put_tuple(out, 2);
    put_atom(out, "$gen_cast");
    put_tuple(out, map ? 4 : 3);
    put_atom(out, map ? "local_data" : "sync");
    put_term(out, term_of(B_SCOPE));
    if (map) {
        put_uint(out, 1);
        put_map(out, count);
    } else {
        put_list(out, count);
    }
    for (uint32_t g = draw(state, 50); count > 0; count--) {
        if (!map)
            put_tuple(out, 2);
        put_uint(out, g++);
        put_some_pids(out, state);
    }
    if (!map)
        put_nil(out);
}

static void put_update_of_some(struct buf *out, uint32_t count, uint64_t *state)
{
    put_tuple(out, 3);
    put_atom(out, "update");
    put_term(out, term_of(B_SCOPE));
    put_list(out, count);
    for (; count > 0; count--) {
        put_tuple(out, 3);
        put_uint(out, draw(state, 50));
        put_some_pids(out, state);
        put_some_pids(out, state);
    }
    put_nil(out);
}

static void put_join_of_some(struct buf *out, uint32_t count, uint64_t *state)
{
    put_tuple(out, 4);
    put_atom(out, "join");
    put_term(out, term_of(B_SCOPE));
    put_uint(out, draw(state, 50));
    put_list(out, count);
    for (; count > 0; count--)
        put_b_pid(out, 80 + draw(state, 5000));
    put_nil(out);
}

/* The groups are a list or, below 256, a string. */
static void put_leave_of_some(struct buf *out, uint32_t count, uint64_t *state)
{
    bool string = draw(state, 2) == 0;
    put_tuple(out, 4);
    put_atom(out, "leave");
    put_term(out, term_of(B_SCOPE));
    put_some_pids(out, state);
    if (string) {
        buf_put(out, BYTES("\153\1\0")); /* of 256 bytes */
        for (int i = 0; i < 256; i++)
            buf_put_u8(out, (uint8_t)draw(state, 256));
        return;
    }
    put_list(out, count);
    for (; count > 0; count--)
        put_uint(out, draw(state, 5000));
    put_nil(out);
}

static void put_any(struct buf *out, uint64_t *state)
{
    uint32_t count = draw(state, 3) == 0 ? 1 + draw(state, 20) : 500 + draw(state, 3000);
    buf_clear(out);
    switch (draw(state, 5)) {
    case 0:
        put_sync_of_some(out, false, count, state);
        break;
    case 1:
        put_sync_of_some(out, true, count, state);
        break;
    case 2:
        put_update_of_some(out, count, state);
        break;
    case 3:
        put_join_of_some(out, count, state);
        break;
    default:
        put_leave_of_some(out, count, state);
    }
}

static void assert_same(struct world *a, struct world *b)
{
    struct buf left = {0}, right = {0};
    CU_ASSERT(bytes_equal(buf_bytes(&a->notified), buf_bytes(&b->notified)));
    pg_status(a->scope, &left);
    pg_status(b->scope, &right);
    CU_ASSERT(bytes_equal(buf_bytes(&left), buf_bytes(&right)));
    buf_free(&left);
    buf_free(&right);
    buf_clear(&a->notified);
    buf_clear(&b->notified);
}

static void takes_large_messages_in_steps(void)
{
    struct world *steps = large_world(), *once = world_new();
    struct buf m = {0};
    uint64_t state = 1;
    unsigned count = 0;
    meet_b(once, "[]");
    for (int i = 0; i < 100; i++) {
        put_any(&m, &state);
        receive_b(once, &m);
        receive_b(steps, &m);
        count += settle(steps);
        assert_same(steps, once);
    }
    CU_ASSERT(count > 1000);
    CU_ASSERT_EQUAL(steps->lines, 0);
    buf_free(&m);
    world_free(steps);
    world_free(once);
}

/* As in the turn with the message itself. */
static void steps_are_their_senders(void)
{
    struct world *w = large_world();
    w->quiet = true;
    w->reader = B;
    w->turn.reader = BYTES(B);
    receive_sync(w, 0, GROUPS, 1);
    w->turn.reader = (struct bytes){0};
    settle(w);
    CU_ASSERT_EQUAL(w->joined, GROUPS);
    CU_ASSERT(w->turn.node.len == 0 && w->turn.reader.len == 0);
    world_free(w);
}

static void settles_in_the_end(void)
{
    struct world *w = world_new();
    w->holds = w->quiet = true;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    receive_sync(w, 0, GROUPS, 1);
    while (is_busy(w)) {
        CU_ASSERT_EQUAL(w->held, 1);
        CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
        step(w);
    }
    CU_ASSERT_EQUAL(w->joined, GROUPS);
    CU_ASSERT_EQUAL(w->held, 0);
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    world_free(w);
}

/* Nothing of it is applied, and its members are asked for again. */
static void an_error_at_the_end_refuses_all(void)
{
    struct world *w = large_world();
    struct buf m = {0};
    wait_ms(w, LIMIT_DISCOVER_MS);
    put_false_sync(&m);
    receive_b(w, &m);
    CU_ASSERT_EQUAL(w->held, 1);
    CU_ASSERT(settle(w) > 1);
    CU_ASSERT_EQUAL(w->lines, 1);
    CU_ASSERT_EQUAL(w->joined, 0);
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, B_SCOPE, "{discover, SELF}");
    buf_free(&m);
    world_free(w);
}

/* A name that is large itself is read in parts, too, and then ignored. */
static void takes_large_names_in_steps(void)
{
    struct world *w = large_world();
    struct buf m = {0};
    w->quiet = true;
    begin_sync(&m, B_SCOPE, 3);
    for (uint32_t g = 0; g < 2; g++) {
        put_tuple(&m, 2);
        put_list(&m, 100000);
        for (uint32_t i = 0; i < 100000; i++)
            put_uint(&m, 1000 * g + i);
        put_nil(&m);
        put_one(&m, 1);
    }
    put_tuple(&m, 2);
    put_atom(&m, "g");
    put_one(&m, 1);
    put_nil(&m);
    receive_b(w, &m);
    CU_ASSERT(settle(w) > 10);
    CU_ASSERT_EQUAL(w->joined, 1);
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&m);
    world_free(w);
}

/* --- meanwhile --------------------------------------------------------- */

static struct world *in_the_middle(void)
{
    struct world *w = large_world();
    w->quiet = true;
    receive_sync(w, 0, GROUPS, 1);
    while (w->joined == 0)
        step(w);
    CU_ASSERT(w->joined < GROUPS);
    return w;
}

/* Those of this node join and leave; what is there so far is read. */
static void others_go_on(void)
{
    struct world *w = in_the_middle();
    size_t so_far = w->joined;
    CU_ASSERT_EQUAL(group_count(w), so_far);
    join(w, "0", OURS);
    join(w, "2999", OURS);
    assert_sent(w, B_SCOPE, "{join, SELF, 0, " OURS "}");
    assert_sent(w, B_SCOPE, "{join, SELF, 2999, " OURS "}");
    assert_members(w, "0", "c1500 b11 ");
    assert_members(w, "2999", "c1500 ");
    leave(w, "0", OURS);
    assert_members(w, "0", "b11 ");
    settle(w);
    assert_members(w, "2999", "c1500 b11 ");
    CU_ASSERT_EQUAL(group_count(w), GROUPS);
    world_free(w);
}

/* Of a node that is not held back, as when a suspended process is resumed. */
static void what_comes_later_is_later(void)
{
    struct world *w = in_the_middle();
    receive(w, "{join, " B_SCOPE ", 2999, " B_TWO "}");
    CU_ASSERT_EQUAL(w->held, 0);
    assert_members(w, "2999", "b11 b182 ");
    receive_sync(w, 0, GROUPS, 1);
    CU_ASSERT_EQUAL(w->held, 1);
    receive_sync(w, 0, GROUPS, 2);
    CU_ASSERT_EQUAL(w->held, 1);
    receive(w, "{leave, " B_SCOPE ", " B_ONE ", [nothing]}");
    settle(w);
    assert_members(w, "2999", "b12 ");
    CU_ASSERT_EQUAL(group_count(w), GROUPS);
    world_free(w);
}

static void two_nodes_take_turns(void)
{
    struct world *w = large_world();
    struct buf m = {0};
    w->quiet = true;
    receive_sync(w, 0, GROUPS, 1);
    begin_sync(&m, "#Pid<'a1@127.0.0.1'.80.0.7>", GROUPS);
    for (uint32_t g = 0; g < GROUPS; g++) {
        put_tuple(&m, 2);
        put_uint(&m, 1000000 + g);
        put_list(&m, 1);
        put_pid(&m, BYTES("a1@127.0.0.1"), 3, 0, 7);
        put_nil(&m);
    }
    put_nil(&m);
    receive_from(w, "a1@127.0.0.1", buf_bytes(&m));
    CU_ASSERT_EQUAL(w->held, 2);
    while (w->held == 2)
        step(w);
    CU_ASSERT(w->joined > GROUPS + GROUPS / 2 && w->joined < 2 * GROUPS);
    settle(w);
    CU_ASSERT_EQUAL(w->joined, 2 * GROUPS);
    buf_free(&m);
    world_free(w);
}

/* What is repeated by time is not forgotten. */
static void discovers_are_repeated_meanwhile(void)
{
    struct world *w = large_world();
    w->quiet = true;
    pg_meet(w->scope, BYTES("a1@127.0.0.1"), 0, &w->turn);
    assert_sent(w, "grove", "{discover, SELF}");
    receive_sync(w, 0, GROUPS, 1);
    step(w);
    w->turn.now_ms += LIMIT_DISCOVER_MS;
    step(w);
    assert_sent(w, "grove", "{discover, SELF}");
    settle(w);
    assert_nothing_sent(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    assert_sent(w, "grove", "{discover, SELF}");
    world_free(w);
}

/* --- ends -------------------------------------------------------------- */

static void assert_all_left(struct world *w)
{
    settle(w);
    CU_ASSERT_EQUAL(w->joined, w->left);
    CU_ASSERT_EQUAL(group_count(w), 0);
}

static void the_node_ends_in_the_middle(void)
{
    struct world *w = in_the_middle();
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->held, 0);
    assert_all_left(w);
    world_free(w);
}

/* Before it is known that it has a scope. */
static void the_node_ends_before(void)
{
    struct world *w = world_new();
    w->holds = true;
    receive_sync(w, 0, GROUPS, 1);
    step(w);
    CU_ASSERT_EQUAL(w->held, 1);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->held, 0);
    assert_all_left(w);
    CU_ASSERT_EQUAL(w->joined, 0);
    world_free(w);
}

/* Nothing of its node is late: the message came first. */
static void the_scope_ends_in_the_middle(void)
{
    struct world *w = in_the_middle();
    down(w, B_SCOPE, "killed");
    CU_ASSERT_EQUAL(w->held, 0);
    CU_ASSERT_EQUAL(w->joined, GROUPS);
    assert_all_left(w);
    world_free(w);
}

static void a_suspended_scope_is_done(void)
{
    struct world *w = in_the_middle();
    process_suspend(w->scope, &w->turn);
    CU_ASSERT_EQUAL(w->held, 0);
    CU_ASSERT_EQUAL(w->joined, GROUPS);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, GROUPS);
    process_resume(w->scope, &w->turn);
    assert_all_left(w);
    world_free(w);
}

static void a_scope_that_ends_is_done(void)
{
    struct world *w = in_the_middle();
    struct buf m = {0};
    put_sync(&m, "#Pid<'a1@127.0.0.1'.80.0.7>", 0, GROUPS, 1);
    receive_from(w, "a1@127.0.0.1", buf_bytes(&m));
    CU_ASSERT_EQUAL(w->held, 2);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    CU_ASSERT_EQUAL(w->held, 0);
    CU_ASSERT_EQUAL(w->joined, w->left);
    buf_free(&m);
    world_free(w);
}

/* A short message that replaces many. */
static void replaced_members_leave_in_steps(void)
{
    struct world *w = in_the_middle();
    settle(w);
    receive_sync(w, 1000, 2, 1);
    CU_ASSERT_EQUAL(w->held, 1);
    CU_ASSERT(settle(w) > GROUPS / MOST_IN);
    CU_ASSERT_EQUAL(w->left, GROUPS - 2);
    CU_ASSERT_EQUAL(group_count(w), 2);
    /* Few are replaced at once. */
    receive_sync(w, 1001, 2, 1);
    CU_ASSERT_EQUAL(w->held, 0);
    CU_ASSERT_EQUAL(w->left, GROUPS - 1);
    world_free(w);
}

/* Those in groups of this node's processes at once. */
static void many_members_leave_in_steps(void)
{
    struct world *w = in_the_middle();
    settle(w);
    join(w, "2999", OURS);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, LIMIT_LEAVING + 1);
    assert_members(w, "2999", "c1500 ");
    pg_forget(w->scope, BYTES(B), &w->turn);
    assert_members(w, "2998", "b11 ");
    pg_let_leave(w->scope, term_of("2998"), &w->turn);
    assert_members(w, "2998", "");
    CU_ASSERT_EQUAL(w->left, LIMIT_LEAVING + 2);
    CU_ASSERT(settle(w) > 1);
    CU_ASSERT_EQUAL(w->left, GROUPS);
    CU_ASSERT_EQUAL(group_count(w), 1);
    world_free(w);
}

/* The listener is told that they have left, and then that they are back. */
static void members_come_back_while_they_leave(void)
{
    struct world *w = in_the_middle();
    settle(w);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT(is_busy(w));
    w->cut = NULL;
    w->quiet = false;
    meet_b(w, "[{2998, [#Pid<'" B "'.1.0.7>]}]");
    receive(w, "{join, " B_SCOPE ", 2999, #Pid<'" B "'.1.0.7>}");
    assert_notified(w, "-2999:1 +2999:1 ");
    assert_members(w, "2998", "b11 ");
    w->quiet = true;
    settle(w);
    assert_members(w, "2998", "b11 ");
    CU_ASSERT_EQUAL(group_count(w), 2);
    CU_ASSERT_EQUAL(w->joined, GROUPS + 2);
    CU_ASSERT_EQUAL(w->left, GROUPS);
    world_free(w);
}

SUITE("pg large", TEST(takes_large_messages_in_steps), TEST(steps_are_their_senders),
      TEST(settles_in_the_end), TEST(an_error_at_the_end_refuses_all),
      TEST(takes_large_names_in_steps), TEST(others_go_on), TEST(what_comes_later_is_later),
      TEST(two_nodes_take_turns), TEST(discovers_are_repeated_meanwhile),
      TEST(the_node_ends_in_the_middle), TEST(the_node_ends_before),
      TEST(the_scope_ends_in_the_middle), TEST(a_suspended_scope_is_done),
      TEST(a_scope_that_ends_is_done), TEST(replaced_members_leave_in_steps),
      TEST(many_members_leave_in_steps), TEST(members_come_back_while_they_leave))
