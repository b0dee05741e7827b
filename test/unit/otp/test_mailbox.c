#include "unit/otp/scribe.h"

#include "limits.h"

static void messages_arrive(void)
{
    world_open();
    scribe_start("one");
    COME(SIGNAL_REG_SEND, THEM(4), "one", .payload = "{hello,1}");
    HEARD("1 message {hello,1}");
    COME(SIGNAL_SEND, THEM(4), US(1), .payload = "hello");
    HEARD("1 message hello");
    COME(SIGNAL_SEND, NULL, US(1), .payload = "unsigned");
    HEARD("1 message unsigned");
    COME(SIGNAL_REG_SEND, THEM(4), "two", .payload = "lost");
    COME(SIGNAL_SEND, THEM(4), US(2), .payload = "lost");
    COME(SIGNAL_SEND, THEM(4), "#Pid<'a@h'.1.0.6>", .payload = "lost");
    COME(SIGNAL_ALIAS_SEND, THEM(4), OUR_REF(1), .payload = "lost");
    COME(SIGNAL_GROUP_LEADER, THEM(4), US(1));
    HEARD_NO_MORE();
    SAID_NO_MORE();
    world_close();
}

static void strangers_are_not_believed(void)
{
    world_open();
    struct process *p = scribe_start("one");
    const char *foreign = "#Pid<'c@h'.1.0.1>";
    COME(SIGNAL_SEND, foreign, US(1), .payload = "forged");
    COME(SIGNAL_EXIT2, foreign, US(1), .reason = "forged");
    COME(SIGNAL_MONITOR, foreign, US(1), REF(1));
    COME(SIGNAL_LINK, THEM(4), foreign);
    COME(SIGNAL_MONITOR, THEM(4), foreign, REF(1));
    COME(SIGNAL_UNLINK_ID, THEM(4), foreign, .id = 1);
    HEARD_NO_MORE();
    SAID_NO_MORE();
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    world_close();
}

static void spawning_is_refused(void)
{
    world_open();
    COME(SIGNAL_SPAWN_REQUEST, THEM(4), NULL, REF(1), .payload = "[]");
    SAID("SPAWN_REPLY b@h notsup -> " THEM(4) " " REF(1));
    world_close();
}

static void a_suspended_process_keeps_its_messages(void)
{
    world_open();
    struct process *p = scribe_start("one");
    process_wake_at(p, 1010);
    process_suspend(p);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    COME(SIGNAL_REG_SEND, THEM(4), "one", .payload = "1");
    COME(SIGNAL_REG_SEND, THEM(4), "one", .payload = "2");
    after(50);
    HEARD_NO_MORE();
    process_resume(p, &world.turn);
    HEARD("1 message 1");
    HEARD("1 message 2");
    HEARD_NO_MORE();
    after(0);
    HEARD("1 wake");
    COME(SIGNAL_REG_SEND, THEM(4), "one", .payload = "3");
    HEARD("1 message 3");
    world_close();
}

static void send_self_three(struct process *p)
{
    process_deliver(p, term_of("3"), &world.turn);
}

static void what_comes_while_resuming_waits_its_turn(void)
{
    world_open();
    struct process *p = scribe_start("one");
    process_suspend(p);
    process_deliver(p, term_of("1"), &world.turn);
    process_deliver(p, term_of("2"), &world.turn);
    scribe_then(p, send_self_three);
    process_resume(p, &world.turn);
    HEARD("1 message 1");
    HEARD("1 message 2");
    HEARD("1 message 3");
    HEARD_NO_MORE();
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
    struct process *p = scribe_start("one");
    process_suspend(p);
    process_deliver(p, term_of("1"), &world.turn);
    process_deliver(p, term_of("2"), &world.turn);
    scribe_then(p, end_itself);
    process_resume(p, &world.turn);
    HEARD("1 message 1");
    HEARD("1 leave enough");
    HEARD_NO_MORE();
    processes_check(world.table);
    processes_tidy(world.table);
    world_close();
}

static void what_is_held_is_bounded(void)
{
    world_open();
    struct process *p = scribe_start("one");
    process_suspend(p);
    for (unsigned i = 0; i < LIMIT_BACKLOG + 2; i++)
        process_deliver(p, term_of("1"), &world.turn);
    CU_ASSERT_TRUE(
        bytes_equal(buf_bytes(&world.log),
                    BYTES("1 one is suspended and its mailbox is full: messages are dropped\n")));
    processes_check(world.table);
    process_resume(p, &world.turn);
    size_t lines = 0;
    for (size_t i = 0; i < world.heard.len; i++)
        lines += world.heard.at[i] == '\n';
    CU_ASSERT_EQUAL(lines, LIMIT_BACKLOG);
    world_close();
}

static void bytes_held_are_bounded(void)
{
    world_open();
    struct process *p = scribe_start(NULL);
    struct buf big = {0}, zeros = {0};
    size_t size = LIMIT_BACKLOG_BYTES / 4;
    memset(buf_room(&zeros, size), 0, size);
    put_binary(&big, (struct bytes){zeros.at, size});
    process_suspend(p);
    for (unsigned i = 0; i < 5; i++)
        process_deliver(p, buf_bytes(&big), &world.turn);
    process_deliver(p, term_of("small"), &world.turn);
    processes_check(world.table);
    CU_ASSERT_TRUE(bytes_equal(
        buf_bytes(&world.log),
        BYTES("1 scribe is suspended and its mailbox is full: messages are dropped\n")));
    buf_free(&big);
    buf_free(&zeros);
    world_close();
}

SUITE("mailbox", TEST(messages_arrive), TEST(strangers_are_not_believed), TEST(spawning_is_refused),
      TEST(a_suspended_process_keeps_its_messages), TEST(what_comes_while_resuming_waits_its_turn),
      TEST(may_end_while_resuming), TEST(what_is_held_is_bounded), TEST(bytes_held_are_bounded))
