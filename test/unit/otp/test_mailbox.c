#include "unit/otp/spy.h"

#include "limits.h"

static void delivers_messages(void)
{
    world_open();
    spy_start("one");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "{hello,1}");
    CALLED("1 message {hello,1}");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "hello");
    CALLED("1 message hello");
    RECEIVE(SIGNAL_SEND, NULL, US(1), .payload = "unsigned");
    CALLED("1 message unsigned");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "two", .payload = "lost");
    RECEIVE(SIGNAL_SEND, THEM(4), US(2), .payload = "lost");
    RECEIVE(SIGNAL_SEND, THEM(4), "#Pid<'a@h'.1.0.6>", .payload = "lost");
    RECEIVE(SIGNAL_ALIAS_SEND, THEM(4), OUR_REF(1), .payload = "lost");
    RECEIVE(SIGNAL_GROUP_LEADER, THEM(4), US(1));
    CALLED_NO_MORE();
    SENT_NO_MORE();
    world_close();
}

static void ignores_pids_of_other_nodes(void)
{
    world_open();
    struct process *p = spy_start("one");
    const char *foreign = "#Pid<'c@h'.1.0.1>";
    RECEIVE(SIGNAL_SEND, foreign, US(1), .payload = "forged");
    RECEIVE(SIGNAL_EXIT2, foreign, US(1), .reason = "forged");
    RECEIVE(SIGNAL_MONITOR, foreign, US(1), REF(1));
    RECEIVE(SIGNAL_LINK, THEM(4), foreign);
    RECEIVE(SIGNAL_MONITOR, THEM(4), foreign, REF(1));
    RECEIVE(SIGNAL_UNLINK_ID, THEM(4), foreign, .id = 1);
    CALLED_NO_MORE();
    SENT_NO_MORE();
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    world_close();
}

static void holds_messages_while_suspended(void)
{
    world_open();
    struct process *p = spy_start("one");
    process_wake_at(p, 1010);
    process_suspend(p, &world.turn);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "1");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "2");
    advance(50);
    CALLED_NO_MORE();
    process_resume(p, &world.turn);
    CALLED("1 message 1");
    CALLED("1 message 2");
    CALLED_NO_MORE();
    advance(0);
    CALLED("1 wake");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "3");
    CALLED("1 message 3");
    world_close();
}

static void send_self_three(struct process *p)
{
    process_deliver(p, term_of("3"), &world.turn);
}

static void keeps_the_order_while_resuming(void)
{
    world_open();
    struct process *p = spy_start("one");
    process_suspend(p, &world.turn);
    process_deliver(p, term_of("1"), &world.turn);
    process_deliver(p, term_of("2"), &world.turn);
    spy_then(p, send_self_three);
    process_resume(p, &world.turn);
    CALLED("1 message 1");
    CALLED("1 message 2");
    CALLED("1 message 3");
    CALLED_NO_MORE();
    processes_check(world.table);
    world_close();
}

static void end_itself(struct process *p)
{
    process_exit(p, term_of("enough"), &world.turn);
}

static void may_end_while_resuming(void)
{
    world_open();
    struct process *p = spy_start("one");
    process_suspend(p, &world.turn);
    process_deliver(p, term_of("1"), &world.turn);
    process_deliver(p, term_of("2"), &world.turn);
    spy_then(p, end_itself);
    process_resume(p, &world.turn);
    CALLED("1 message 1");
    CALLED("1 leave enough");
    CALLED_NO_MORE();
    processes_check(world.table);
    processes_tidy(world.table);
    world_close();
}

static void held_messages_are_bounded(void)
{
    world_open();
    struct process *p = spy_start("one");
    process_suspend(p, &world.turn);
    for (unsigned i = 0; i < LIMIT_BACKLOG + 2; i++)
        process_deliver(p, term_of("1"), &world.turn);
    CU_ASSERT_TRUE(
        bytes_equal(buf_bytes(&world.log),
                    BYTES("2 one is suspended and its mailbox is full: messages are dropped\n")));
    processes_check(world.table);
    process_resume(p, &world.turn);
    size_t lines = 0;
    for (size_t i = 0; i < world.calls.len; i++)
        lines += world.calls.at[i] == '\n';
    CU_ASSERT_EQUAL(lines, LIMIT_BACKLOG);
    world_close();
}

/* Of the messages that are held. */
#define ONE_NODES (LIMIT_BACKLOG / LIMIT_NODE_PART)

/* However much b@h has sent to it. */
static void another_node_has_room(void)
{
    world_open();
    struct process *p = spy_start("one");
    const struct signal theirs = {
        .kind = SIGNAL_REG_SEND, .to = term_of("one"), .payload = term_of("1")};
    const struct signal others = {
        .kind = SIGNAL_REG_SEND, .to = term_of("one"), .payload = term_of("2")};
    process_suspend(p, &world.turn);
    for (unsigned i = 0; i < LIMIT_BACKLOG; i++)
        processes_signal(world.table, BYTES("b@h"), &theirs, &world.turn);
    processes_check(world.table);
    processes_signal(world.table, BYTES("c@h"), &others, &world.turn);
    process_resume(p, &world.turn);
    for (unsigned i = 0; i < ONE_NODES; i++)
        CALLED("1 message 1");
    CALLED("1 message 2");
    CALLED_NO_MORE();
    world_close();
}

static void note_node(struct process *p, struct bytes message, struct turn *t)
{
    (void)message;
    buf_printf(&world.calls, "1 of %.*s\n", (int)t->node.len, (const char *)t->node.at);
    process_exit(p, term_of("enough"), t);
}

static const struct process_kind noting_spy = {
    .module = "spy",
    .message = note_node,
    .state = spy_state,
    .free = spy_free,
};

/* Whoever resumes the process. */
static void a_held_message_is_of_its_node(void)
{
    world_open();
    struct process *p = spy_start_kind("one", &noting_spy);
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "1");
    world.turn.node = BYTES("c@h");
    process_resume(p, &world.turn);
    CU_ASSERT(bytes_equal(world.turn.node, BYTES("c@h")));
    CALLED("1 of b@h");
    processes_check(world.table);
    world_close();
}

static void held_bytes_are_bounded(void)
{
    world_open();
    struct process *p = spy_start(NULL);
    struct buf big = {0}, zeros = {0};
    size_t size = LIMIT_BACKLOG_BYTES / 4;
    memset(buf_room(&zeros, size), 0, size);
    put_binary(&big, (struct bytes){zeros.at, size});
    process_suspend(p, &world.turn);
    for (unsigned i = 0; i < 5; i++)
        process_deliver(p, buf_bytes(&big), &world.turn);
    process_deliver(p, term_of("small"), &world.turn);
    processes_check(world.table);
    CU_ASSERT_TRUE(
        bytes_equal(buf_bytes(&world.log),
                    BYTES("2 spy is suspended and its mailbox is full: messages are dropped\n")));
    buf_free(&big);
    buf_free(&zeros);
    world_close();
}

static void finish(struct process *p, struct turn *t)
{
    (void)t;
    record(p, "finish", 0, (struct bytes){0});
}

static const struct process_kind finishing_spy = {
    .module = "spy",
    .message = spy_message,
    .state = spy_state,
    .finish = finish,
    .free = spy_free,
};

/* All that run and put work off, once each. */
static void what_is_put_off_can_be_finished(void)
{
    world_open();
    spy_start_kind("one", &finishing_spy);
    spy_start("two");
    spy_start_kind("three", &finishing_spy);
    process_exit(spy_start_kind("four", &finishing_spy), term_of("gone"), &world.turn);
    processes_finish(world.table, &world.turn);
    CALLED("1 finish");
    CALLED("3 finish");
    CALLED_NO_MORE();
    processes_check(world.table);
    world_close();
}

SUITE("mailbox", TEST(delivers_messages), TEST(what_is_put_off_can_be_finished),
      TEST(ignores_pids_of_other_nodes), TEST(holds_messages_while_suspended),
      TEST(keeps_the_order_while_resuming), TEST(may_end_while_resuming),
      TEST(held_messages_are_bounded), TEST(held_bytes_are_bounded), TEST(another_node_has_room),
      TEST(a_held_message_is_of_its_node))
