#include "unit/otp/world.h"

#include "limits.h"
#include "otp/lookup.h"
#include "otp/wakeup.h"

/* --- the table ---------------------------------------------------------- */

static void is_found_by_pid_and_name(void)
{
    world_open();
    struct process *one = scribe_start("one"), *two = scribe_start(NULL);
    CU_ASSERT_PTR_EQUAL(process_named(world.table, BYTES("one")), one);
    CU_ASSERT_PTR_NULL(process_named(world.table, BYTES("")));
    CU_ASSERT_PTR_NULL(process_named(world.table, BYTES("on")));
    ASSERT_TERM(process_pid(one), term_of(US(1)));
    ASSERT_TERM(process_pid(two), term_of(US(2)));
    CU_ASSERT_PTR_EQUAL(process_of_pid(world.table, term_of(US(2))), two);
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of(US(3))));
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("#Pid<'a@h'.1.0.6>")));
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("#Pid<'a@h'.1.1.7>")));
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("#Pid<'a@h'.4097.0.7>")));
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("#Pid<'b@h'.1.0.7>")));
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("one")));
    world_close();
}

static void a_taken_name_stays_taken(void)
{
    world_open();
    struct process *one = scribe_start("one");
    CU_ASSERT_PTR_NULL(scribe_start("one"));
    process_exit(one, term_of("normal"), &world.turn);
    struct process *again = scribe_start("one");
    CU_ASSERT_PTR_NOT_NULL(again);
    ASSERT_TERM(process_pid(again), term_of(US(2)));
    processes_check(world.table);
    world_close();
    CU_ASSERT_EQUAL(world.freed, 2);
}

static void many_come_and_go(void)
{
    world_open();
    struct process *p = NULL;
    for (unsigned i = 0; i < LIMIT_PROCESSES; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(p = scribe_start(NULL));
    CU_ASSERT_PTR_NULL(scribe_start(NULL));
    ASSERT_TERM(process_pid(p), term_of(US(4096)));
    process_exit(p, term_of("normal"), &world.turn);
    processes_tidy(world.table);
    CU_ASSERT_PTR_NOT_NULL(p = scribe_start("last"));
    /* Its slot is the one that was left; the numbers between are skipped. */
    ASSERT_TERM(process_pid(p), term_of(US(8192)));
    CU_ASSERT_PTR_EQUAL(process_of_pid(world.table, term_of(US(8192))), p);
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of(US(4096))));
    processes_check(world.table);
    world_close();
    CU_ASSERT_EQUAL(world.freed, LIMIT_PROCESSES + 1);
}

static void is_walked_in_order_of_starting(void)
{
    world_open();
    struct process *a = scribe_start("z"), *b = scribe_start("y"), *c = scribe_start("x");
    process_exit(b, term_of("normal"), &world.turn);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, NULL), a);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, a), c);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, b), c);
    CU_ASSERT_PTR_NULL(processes_next(world.table, c));
    processes_tidy(world.table);
    CU_ASSERT_EQUAL(world.freed, 1);
    process_exit(c, term_of("normal"), &world.turn);
    processes_tidy(world.table);
    struct process *d = scribe_start("w");
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, a), d);
    processes_check(world.table);
    world_close();
}

static void note_end(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    (void)t;
    must(who == &world && process_ended(p));
    CU_ASSERT_PTR_NULL(process_named(world.table, process_name(p)));
    buf_printf(&world.heard, "%.*s ended", (int)process_name(p).len, process_name(p).at);
    write_part(&world.heard, " ", reason);
    buf_printf(&world.heard, "\n");
}

static void says_last_words(void)
{
    world_open();
    processes_on_end(world.table, note_end, &world);
    struct process *p = scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    process_exit(p, term_of("{shutdown,1}"), &world.turn);
    process_exit(p, term_of("again"), &world.turn);
    process_deliver(p, term_of("hello"), &world.turn);
    HEARD("1 leave {shutdown,1}");
    HEARD("one ended {shutdown,1}");
    HEARD_NO_MORE();
    SAID("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because {shutdown,1}");
    SAID_NO_MORE();
    CU_ASSERT_EQUAL(world.freed, 0);
    processes_tidy(world.table);
    CU_ASSERT_EQUAL(world.freed, 1);
    world_close();
}

static void references_are_new_each_time(void)
{
    world_open();
    struct buf ref = {0};
    processes_reference(world.table, &ref);
    ASSERT_TERM(buf_bytes(&ref), term_of(OUR_REF(1)));
    buf_clear(&ref);
    for (unsigned i = 0; i < 1u << 18; i++) {
        buf_clear(&ref);
        processes_reference(world.table, &ref);
    }
    /* A BEAM takes at most 18 bits in the first word. */
    ASSERT_TERM(buf_bytes(&ref), term_of("#Ref<'a@h'.7.1.1.0>"));
    buf_free(&ref);
    world_close();
}

/* --- monitors and links of others ---------------------------------------- */

static void monitors_on_nothing_end_at_once(void)
{
    world_open();
    COME(SIGNAL_MONITOR, THEM(4), "missing", REF(1));
    SAID("MONITOR_EXIT b@h missing -> " THEM(4) " " REF(1) " because noproc");
    COME(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    SAID("MONITOR_EXIT b@h " US(1) " -> " THEM(4) " " REF(2) " because noproc");
    scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "#Pid<'a@h'.1.0.6>", REF(3));
    SAID("MONITOR_EXIT b@h #Pid<'a@h'.1.0.6> -> " THEM(4) " " REF(3) " because noproc");
    COME(SIGNAL_LINK, THEM(4), US(2));
    SAID("EXIT b@h " US(2) " -> " THEM(4) " because noproc");
    COME(SIGNAL_MONITOR, THEM(4), "one", REF(4));
    COME(SIGNAL_LINK, THEM(4), US(1));
    SAID_NO_MORE();
    world_close();
}

static void watchers_hear_of_the_end(void)
{
    world_open();
    struct process *p = scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    COME(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    COME(SIGNAL_MONITOR, THEM(5), US(1), REF(3));
    COME(SIGNAL_LINK, THEM(5), US(1));
    COME(SIGNAL_LINK, THEM(5), US(1));
    COME(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    CU_ASSERT_EQUAL(process_watchers(p), 4);
    COME(SIGNAL_DEMONITOR, THEM(4), US(1), REF(2));
    COME(SIGNAL_DEMONITOR, THEM(5), US(1), REF(1));
    COME(SIGNAL_DEMONITOR, THEM(5), US(1), REF(9));
    CU_ASSERT_EQUAL(process_watchers(p), 3);
    SAID_NO_MORE();
    process_exit(p, term_of("over"), &world.turn);
    processes_check(world.table);
    SAID("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because over");
    SAID("MONITOR_EXIT b@h " US(1) " -> " THEM(5) " " REF(3) " because over");
    SAID("EXIT b@h " US(1) " -> " THEM(5) " because over");
    SAID_NO_MORE();
    world_close();
}

static void a_demonitor_by_name_finds_who_had_it(void)
{
    world_open();
    struct process *p = scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    COME(SIGNAL_DEMONITOR, THEM(4), "one", REF(1));
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    process_exit(p, term_of("normal"), &world.turn);
    SAID_NO_MORE();
    world_close();
}

static void unlinks_are_acknowledged(void)
{
    world_open();
    struct process *p = scribe_start("one");
    COME(SIGNAL_LINK, THEM(4), US(1));
    COME(SIGNAL_UNLINK_ID, THEM(4), US(1), .id = 77);
    SAID("UNLINK_ID_ACK b@h " US(1) " -> " THEM(4) " id 77");
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    COME(SIGNAL_UNLINK_ID, THEM(4), US(1), .id = 78);
    SAID("UNLINK_ID_ACK b@h " US(1) " -> " THEM(4) " id 78");
    COME(SIGNAL_UNLINK_ID, THEM(4), "#Pid<'a@h'.9.0.6>", .id = 79);
    SAID("UNLINK_ID_ACK b@h #Pid<'a@h'.9.0.6> -> " THEM(4) " id 79");
    COME(SIGNAL_UNLINK_ID_ACK, THEM(4), US(1), .id = 80);
    COME(SIGNAL_LINK, THEM(4), US(1));
    COME(SIGNAL_UNLINK, THEM(4), US(1));
    SAID_NO_MORE();
    COME(SIGNAL_EXIT, THEM(4), US(1), .reason = "over");
    CU_ASSERT_FALSE(process_ended(p));
    world_close();
}

static void exits_of_linked_processes_end_it(void)
{
    world_open();
    struct process *p = scribe_start("one");
    COME(SIGNAL_EXIT, THEM(4), US(1), .reason = "not_linked");
    COME(SIGNAL_LINK, THEM(4), US(1));
    COME(SIGNAL_LINK, THEM(5), US(1));
    COME(SIGNAL_EXIT, THEM(4), US(1), .reason = "normal");
    CU_ASSERT_FALSE(process_ended(p));
    COME(SIGNAL_EXIT, THEM(4), US(1), .reason = "spent");
    CU_ASSERT_FALSE(process_ended(p));
    COME(SIGNAL_EXIT, THEM(5), US(1), .reason = "{badmatch,1}");
    CU_ASSERT_TRUE(process_ended(p));
    HEARD("1 leave {badmatch,1}");
    SAID_NO_MORE();
    world_close();
}

static void asked_to_exit(void)
{
    world_open();
    struct process *one = scribe_start("one"), *two = scribe_start("two");
    scribe_start("three");
    COME(SIGNAL_EXIT2, THEM(4), US(1), .reason = "normal");
    CU_ASSERT_FALSE(process_ended(one));
    COME(SIGNAL_EXIT2, THEM(4), US(1), .reason = "kill");
    HEARD("1 leave killed");
    COME(SIGNAL_EXIT2, THEM(4), "two", .reason = "shutdown");
    HEARD("2 leave shutdown");
    COME(SIGNAL_EXIT2, THEM(4), REF(1), .reason = "shutdown");
    COME(SIGNAL_EXIT2, THEM(4), US(2), .reason = "shutdown");
    HEARD_NO_MORE();
    CU_ASSERT_TRUE(process_ended(one) && process_ended(two));
    world_close();
}

static void a_lost_node_takes_its_watchers_along(void)
{
    world_open();
    struct process *p = scribe_start("one");
    COME(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    COME(SIGNAL_LINK, THEM(4), US(1));
    come_from("c@h",
              &(struct coming){.kind = SIGNAL_LINK, .from = "#Pid<'c@h'.1.0.1>", .to = US(1)});
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    processes_check(world.table);
    CU_ASSERT_EQUAL(process_watchers(p), 1);
    process_exit(p, term_of("over"), &world.turn);
    SAID("EXIT c@h " US(1) " -> #Pid<'c@h'.1.0.1> because over");
    SAID_NO_MORE();
    world_close();
}

static void watchers_are_bounded(void)
{
    world_open();
    struct process *p = scribe_start("one");
    struct buf ref = {0};
    struct signal s = {.kind = SIGNAL_MONITOR, .from = term_of(THEM(4)), .to = term_of("one")};
    for (uint32_t i = 0; i <= LIMIT_WATCHERS; i++) {
        const uint32_t words[] = {i & 0xffff, i >> 16, 1};
        buf_clear(&ref);
        put_reference(&ref, BYTES("b@h"), 3, words, 3);
        s.ref = buf_bytes(&ref);
        processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    }
    CU_ASSERT_EQUAL(process_watchers(p), LIMIT_WATCHERS);
    SAID("MONITOR_EXIT b@h one -> " THEM(4) " #Ref<'b@h'.3.0.1.1> because system_limit");
    SAID_NO_MORE();
    COME(SIGNAL_LINK, THEM(4), US(1));
    SAID("EXIT b@h " US(1) " -> " THEM(4) " because system_limit");
    COME(SIGNAL_DEMONITOR, THEM(4), "one", "#Ref<'b@h'.3.5.0.1>");
    COME(SIGNAL_LINK, THEM(4), US(1));
    SAID_NO_MORE();
    buf_free(&ref);
    world_close();
}

/* --- messages ------------------------------------------------------------ */

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
    CU_ASSERT_EQUAL(processes_due(world.table), UINT64_MAX);
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

/* --- waking -------------------------------------------------------------- */

static void wakes_when_asked(void)
{
    world_open();
    struct process *a = scribe_start(NULL), *b = scribe_start(NULL);
    CU_ASSERT_EQUAL(processes_due(world.table), UINT64_MAX);
    process_wake_at(a, 1100);
    process_wake_at(b, 1100);
    process_wake_at(a, 1050);
    CU_ASSERT_EQUAL(processes_due(world.table), 1050);
    after(49);
    HEARD_NO_MORE();
    after(1);
    HEARD("1 wake");
    process_wake_at(b, 0);
    after(100);
    HEARD_NO_MORE();
    CU_ASSERT_EQUAL(processes_due(world.table), UINT64_MAX);
    world_close();
}

static void wake_at_once(struct process *p)
{
    process_wake_at(p, world.turn.now_ms);
}

static void waking_again_at_once_ends(void)
{
    world_open();
    struct process *p = scribe_start(NULL), *q = scribe_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(q, 1000);
    scribe_then(p, wake_at_once);
    after(0);
    HEARD("1 wake");
    HEARD("2 wake");
    HEARD_NO_MORE();
    CU_ASSERT_EQUAL(processes_due(world.table), 1000);
    after(0);
    HEARD("1 wake");
    world_close();
}

static struct process *victim;

static void end_victim(struct process *p)
{
    (void)p;
    process_exit(victim, term_of("murder"), &world.turn);
}

static void may_end_another_who_is_due(void)
{
    world_open();
    struct process *p = scribe_start(NULL);
    victim = scribe_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(victim, 1000);
    scribe_then(p, end_victim);
    after(0);
    HEARD("1 wake");
    HEARD("2 leave murder");
    HEARD_NO_MORE();
    processes_tidy(world.table);
    processes_check(world.table);
    world_close();
}

/* --- what the table is made of -------------------------------------------- */

static uint64_t rung[1000];
static size_t rung_count;

static void note_ring(struct wakeup *w, struct turn *t)
{
    (void)t;
    rung[rung_count++] = w->at_ms;
}

static void wakeups_ring_in_order(void)
{
    world_open();
    struct wakeups all = {0};
    struct wakeup some[1000] = {0};
    for (size_t i = 0; i < 1000; i++) {
        some[i].ring = note_ring;
        wakeup_set(&all, &some[i], turn_random(&world.turn) % 500);
    }
    for (size_t i = 0; i < 1000; i += 3)
        wakeup_stop(&all, &some[i]);
    for (size_t i = 0; i < 1000; i += 5)
        wakeup_set(&all, &some[i], turn_random(&world.turn) % 500);
    size_t set = all.count;
    wakeups_ring(&all, &world.turn);
    CU_ASSERT_EQUAL(rung_count, set);
    for (size_t i = 1; i < rung_count; i++)
        CU_ASSERT(rung[i - 1] <= rung[i]);
    wakeups_free(&all);
    world_close();
}

static void the_newest_of_a_key_is_found_first(void)
{
    struct lookup l = {0};
    struct lookup_link links[600] = {0};
    for (size_t i = 0; i < 600; i++)
        lookup_put(&l, &links[i], i % 3);
    struct lookup_link *at = lookup_find(&l, 1);
    for (size_t i = 598; i != 1; i -= 3) {
        CU_ASSERT_PTR_EQUAL_FATAL(at, &links[i]);
        at = lookup_again(at);
    }
    CU_ASSERT_PTR_EQUAL(at, &links[1]);
    CU_ASSERT_PTR_NULL(lookup_again(at));
    lookup_drop(&l, &links[598]);
    CU_ASSERT_PTR_EQUAL(lookup_find(&l, 1), &links[595]);
    CU_ASSERT_PTR_NULL(lookup_find(&l, 3));
    lookup_free(&l);
}

static void identifiers_name_their_node(void)
{
    CU_ASSERT(bytes_equal(node_of(term_of(THEM(1))), BYTES("b@h")));
    CU_ASSERT(bytes_equal(node_of(term_of(REF(1))), BYTES("b@h")));
    CU_ASSERT(bytes_equal(node_of(term_of("#Port<'c@h'.7.1>")), BYTES("c@h")));
    struct buf atom = {0};
    for (unsigned i = 0; i < 130; i++)
        buf_put(&atom, BYTES("\xc3\xa9"));
    struct buf term = {0};
    put_atom_bytes(&term, buf_bytes(&atom));
    CU_ASSERT(bytes_equal(atom_text(buf_bytes(&term)), buf_bytes(&atom)));
    buf_free(&term);
    buf_free(&atom);
}

SUITE("process", TEST(is_found_by_pid_and_name), TEST(a_taken_name_stays_taken),
      TEST(many_come_and_go), TEST(is_walked_in_order_of_starting), TEST(says_last_words),
      TEST(references_are_new_each_time), TEST(monitors_on_nothing_end_at_once),
      TEST(watchers_hear_of_the_end), TEST(a_demonitor_by_name_finds_who_had_it),
      TEST(unlinks_are_acknowledged), TEST(exits_of_linked_processes_end_it), TEST(asked_to_exit),
      TEST(a_lost_node_takes_its_watchers_along), TEST(watchers_are_bounded), TEST(messages_arrive),
      TEST(strangers_are_not_believed), TEST(spawning_is_refused),
      TEST(a_suspended_process_keeps_its_messages), TEST(what_comes_while_resuming_waits_its_turn),
      TEST(may_end_while_resuming), TEST(what_is_held_is_bounded), TEST(bytes_held_are_bounded),
      TEST(wakes_when_asked), TEST(waking_again_at_once_ends), TEST(may_end_another_who_is_due),
      TEST(wakeups_ring_in_order), TEST(the_newest_of_a_key_is_found_first),
      TEST(identifiers_name_their_node))
