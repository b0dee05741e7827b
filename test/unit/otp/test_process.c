#include "unit/otp/spy.h"

#include "limits.h"
#include "otp/table.h"

/* --- the table ---------------------------------------------------------- */

static void finds_by_pid_and_name(void)
{
    world_open();
    struct process *one = spy_start("one"), *two = spy_start(NULL);
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

static void names_are_unique(void)
{
    world_open();
    struct process *one = spy_start("one");
    CU_ASSERT_PTR_NULL(spy_start("one"));
    process_exit(one, term_of("normal"), &world.turn);
    struct process *again = spy_start("one");
    CU_ASSERT_PTR_NOT_NULL(again);
    ASSERT_TERM(process_pid(again), term_of(US(2)));
    processes_check(world.table);
    world_close();
    CU_ASSERT_EQUAL(world.freed, 2);
}

/* Peers choose names, of replicas that they start and of processes that they look for. */
static void names_are_hashed_with_the_seed(void)
{
    world_open();
    struct processes *other = processes_new(BYTES("a@h"), 7, 2, &world.wakeups);
    struct process *one = spy_start("one");
    struct process *two = process_start(other, process_kind(one), NULL, BYTES("one"));
    CU_ASSERT_NOT_EQUAL(one->named.key, two->named.key);
    CU_ASSERT_PTR_EQUAL(process_named(other, BYTES("one")), two);
    processes_free(other);
    world_close();
}

static void as_many_run_as_there_may_be(void)
{
    world_open();
    struct process *p = NULL;
    for (unsigned i = 0; i < LIMIT_PROCESSES; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(p = spy_start(NULL));
    CU_ASSERT_PTR_NULL(spy_start(NULL));
    /* Number 131072: 0 in the 15 bits of the id, 4 above them. */
    ASSERT_TERM(process_pid(p), term_of("#Pid<'a@h'.0.4.7>"));
    CU_ASSERT_PTR_EQUAL(process_of_pid(world.table, term_of("#Pid<'a@h'.0.4.7>")), p);
    process_exit(p, term_of("normal"), &world.turn);
    processes_tidy(world.table);
    CU_ASSERT_PTR_NOT_NULL(p = spy_start("last"));
    ASSERT_TERM(process_pid(p), term_of("#Pid<'a@h'.1.4.7>"));
    CU_ASSERT_PTR_EQUAL(process_of_pid(world.table, term_of("#Pid<'a@h'.1.4.7>")), p);
    CU_ASSERT_PTR_NULL(process_of_pid(world.table, term_of("#Pid<'a@h'.0.4.7>")));
    processes_check(world.table);
    world_close();
    CU_ASSERT_EQUAL(world.freed, LIMIT_PROCESSES + 1);
}

static void iterates_in_order_of_start(void)
{
    world_open();
    struct process *a = spy_start("z"), *b = spy_start("y"), *c = spy_start("x");
    process_exit(b, term_of("normal"), &world.turn);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, NULL), a);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, a), c);
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, b), c);
    CU_ASSERT_PTR_NULL(processes_next(world.table, c));
    processes_tidy(world.table);
    CU_ASSERT_EQUAL(world.freed, 1);
    process_exit(c, term_of("normal"), &world.turn);
    processes_tidy(world.table);
    struct process *d = spy_start("w");
    CU_ASSERT_PTR_EQUAL(processes_next(world.table, a), d);
    processes_check(world.table);
    world_close();
}

static void record_end(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    (void)t;
    must(who == &world && process_ended(p));
    CU_ASSERT_PTR_NULL(process_named(world.table, process_name(p)));
    buf_printf(&world.calls, "%.*s ended", (int)process_name(p).len, process_name(p).at);
    write_part(&world.calls, " ", reason);
    buf_printf(&world.calls, "\n");
}

static void calls_leave_once(void)
{
    world_open();
    processes_on_end(world.table, record_end, &world);
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    process_exit(p, term_of("{shutdown,1}"), &world.turn);
    process_exit(p, term_of("again"), &world.turn);
    process_deliver(p, term_of("hello"), &world.turn);
    CALLED("1 leave {shutdown,1}");
    CALLED("one ended {shutdown,1}");
    CALLED_NO_MORE();
    SENT("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because {shutdown,1}");
    SENT_NO_MORE();
    CU_ASSERT_EQUAL(world.freed, 0);
    processes_tidy(world.table);
    CU_ASSERT_EQUAL(world.freed, 1);
    world_close();
}

static void references_are_unique(void)
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
    /* A BEAM accepts at most 18 bits in the first word. */
    ASSERT_TERM(buf_bytes(&ref), term_of("#Ref<'a@h'.7.1.1.0>"));
    buf_free(&ref);
    world_close();
}

/* --- monitors and links of others ---------------------------------------- */

static void monitors_of_missing_processes_end_at_once(void)
{
    world_open();
    RECEIVE(SIGNAL_MONITOR, THEM(4), "missing", REF(1));
    SENT("MONITOR_EXIT b@h missing -> " THEM(4) " " REF(1) " because noproc");
    RECEIVE(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    SENT("MONITOR_EXIT b@h " US(1) " -> " THEM(4) " " REF(2) " because noproc");
    spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "#Pid<'a@h'.1.0.6>", REF(3));
    SENT("MONITOR_EXIT b@h #Pid<'a@h'.1.0.6> -> " THEM(4) " " REF(3) " because noproc");
    RECEIVE(SIGNAL_LINK, THEM(4), US(2));
    SENT("EXIT b@h " US(2) " -> " THEM(4) " because noproc");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(4));
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    SENT_NO_MORE();
    world_close();
}

static void notifies_watchers(void)
{
    world_open();
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    RECEIVE(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    RECEIVE(SIGNAL_MONITOR, THEM(5), US(1), REF(3));
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    RECEIVE(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    CU_ASSERT_EQUAL(process_watchers(p), 4);
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), US(1), REF(2));
    RECEIVE(SIGNAL_DEMONITOR, THEM(5), US(1), REF(1));
    RECEIVE(SIGNAL_DEMONITOR, THEM(5), US(1), REF(9));
    CU_ASSERT_EQUAL(process_watchers(p), 3);
    SENT_NO_MORE();
    process_exit(p, term_of("over"), &world.turn);
    processes_check(world.table);
    SENT("MONITOR_EXIT b@h one -> " THEM(4) " " REF(1) " because over");
    SENT("MONITOR_EXIT b@h " US(1) " -> " THEM(5) " " REF(3) " because over");
    SENT("EXIT b@h " US(1) " -> " THEM(5) " because over");
    SENT_NO_MORE();
    world_close();
}

static void demonitors_by_name(void)
{
    world_open();
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "one", REF(1));
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    process_exit(p, term_of("normal"), &world.turn);
    SENT_NO_MORE();
    world_close();
}

static void unlinks_are_acknowledged(void)
{
    world_open();
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    RECEIVE(SIGNAL_UNLINK_ID, THEM(4), US(1), .id = 77);
    SENT("UNLINK_ID_ACK b@h " US(1) " -> " THEM(4) " id 77");
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    RECEIVE(SIGNAL_UNLINK_ID, THEM(4), US(1), .id = 78);
    SENT("UNLINK_ID_ACK b@h " US(1) " -> " THEM(4) " id 78");
    RECEIVE(SIGNAL_UNLINK_ID, THEM(4), "#Pid<'a@h'.9.0.6>", .id = 79);
    SENT("UNLINK_ID_ACK b@h #Pid<'a@h'.9.0.6> -> " THEM(4) " id 79");
    RECEIVE(SIGNAL_UNLINK_ID_ACK, THEM(4), US(1), .id = 80);
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    RECEIVE(SIGNAL_UNLINK, THEM(4), US(1));
    SENT_NO_MORE();
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "over");
    CU_ASSERT_FALSE(process_ended(p));
    world_close();
}

static void exits_of_links_end_it(void)
{
    world_open();
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "not_linked");
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "normal");
    CU_ASSERT_FALSE(process_ended(p));
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "spent");
    CU_ASSERT_FALSE(process_ended(p));
    RECEIVE(SIGNAL_EXIT, THEM(5), US(1), .reason = "{badmatch,1}");
    CU_ASSERT_TRUE(process_ended(p));
    CALLED("1 leave {badmatch,1}");
    SENT_NO_MORE();
    world_close();
}

/* A process's own end has its reason in canonical form, or says why it has none. */
static void reasons_are_made_canonical(void)
{
    static const struct {
        const char *wire, *reason;
    } cases[] = {
        {"74 00000002 6102 6a 6101 6a", "#{1 => [],2 => []}"},
        {"74 00000002 6101 6a 6101 6a", "{bad_term,malformed}"},
        {"62 00000005", "5"},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct signal s = {.kind = i % 2 == 0 ? SIGNAL_EXIT2 : SIGNAL_EXIT,
                           .from = term_of(THEM(4)),
                           .to = term_of(US(1)),
                           .reason = hex(cases[i / 2].wire)};
        char line[100];
        world_open();
        spy_start("one");
        RECEIVE(SIGNAL_LINK, THEM(4), US(1));
        processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
        snprintf(line, sizeof(line), "1 leave %s", cases[i / 2].reason);
        CALLED(line);
        world_close();
    }
}

static void exit2_ends_it(void)
{
    world_open();
    struct process *one = spy_start("one"), *two = spy_start("two");
    spy_start("three");
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(1), .reason = "normal");
    CU_ASSERT_FALSE(process_ended(one));
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(1), .reason = "kill");
    CALLED("1 leave killed");
    RECEIVE(SIGNAL_EXIT2, THEM(4), "two", .reason = "shutdown");
    CALLED("2 leave shutdown");
    RECEIVE(SIGNAL_EXIT2, THEM(4), REF(1), .reason = "shutdown");
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(2), .reason = "shutdown");
    CALLED_NO_MORE();
    CU_ASSERT_TRUE(process_ended(one) && process_ended(two));
    world_close();
}

static void exits_are_messages_to_one_that_traps_them(void)
{
    world_open();
    struct process *p = spy_start_kind("one", &trapping_spy);
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "not_linked");
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    RECEIVE(SIGNAL_EXIT, THEM(4), US(1), .reason = "{badmatch,1}");
    CALLED("1 message {'EXIT'," THEM(4) ",{badmatch,1}}");
    RECEIVE(SIGNAL_EXIT, THEM(5), US(1), .reason = "kill");
    CALLED("1 message {'EXIT'," THEM(5) ",kill}");
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(1), .reason = "normal");
    CALLED("1 message {'EXIT'," THEM(4) ",normal}");
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_EXIT2, THEM(4), "one", .reason = "shutdown");
    CALLED_NO_MORE();
    process_resume(p, &world.turn);
    CALLED("1 message {'EXIT'," THEM(4) ",shutdown}");
    CU_ASSERT_FALSE(process_ended(p));
    process_suspend(p, &world.turn);
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(1), .reason = "kill");
    CALLED("1 leave killed");
    CU_ASSERT_TRUE(process_ended(p));
    world_close();
}

static void node_down_removes_its_watchers(void)
{
    world_open();
    struct process *p = spy_start("one");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    receive_from("c@h",
                 &(struct incoming){.kind = SIGNAL_LINK, .from = "#Pid<'c@h'.1.0.1>", .to = US(1)});
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    processes_check(world.table);
    CU_ASSERT_EQUAL(process_watchers(p), 1);
    process_exit(p, term_of("over"), &world.turn);
    SENT("EXIT c@h " US(1) " -> #Pid<'c@h'.1.0.1> because over");
    SENT_NO_MORE();
    world_close();
}

static void watchers_are_bounded(void)
{
    world_open();
    struct process *p = spy_start("one");
    struct buf ref = {0};
    struct signal s = {.kind = SIGNAL_MONITOR, .from = term_of(THEM(4)), .to = term_of("one")};
    for (uint32_t i = 0; i <= LIMIT_WATCHERS / LIMIT_NODE_PART; i++) {
        const uint32_t words[] = {i & 0xffff, i >> 16, 1};
        buf_clear(&ref);
        put_reference(&ref, BYTES("b@h"), 3, words, 3);
        s.ref = buf_bytes(&ref);
        processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    }
    CU_ASSERT_EQUAL(process_watchers(p), LIMIT_WATCHERS / LIMIT_NODE_PART);
    SENT("MONITOR_EXIT b@h one -> " THEM(4) " #Ref<'b@h'.3.32768.0.1> because system_limit");
    SENT_NO_MORE();
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    SENT("EXIT b@h " US(1) " -> " THEM(4) " because system_limit");
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "one", "#Ref<'b@h'.3.5.0.1>");
    RECEIVE(SIGNAL_LINK, THEM(4), US(1));
    SENT_NO_MORE();
    /* Another node has room. */
    s.from = term_of("#Pid<'c@h'.4.0.3>");
    s.ref = term_of("#Ref<'c@h'.3.1.1.1>");
    processes_signal(world.table, BYTES("c@h"), &s, &world.turn);
    CU_ASSERT_EQUAL(process_watchers(p), LIMIT_WATCHERS / LIMIT_NODE_PART + 1);
    SENT_NO_MORE();
    /* And the first one for as many as it gives up. */
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    SENT("EXIT b@h " US(1) " -> " THEM(5) " because system_limit");
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "one", "#Ref<'b@h'.3.6.0.1>");
    RECEIVE(SIGNAL_LINK, THEM(5), US(1));
    SENT_NO_MORE();
    RECEIVE(SIGNAL_LINK, THEM(6), US(1));
    SENT("EXIT b@h " US(1) " -> " THEM(6) " because system_limit");
    buf_free(&ref);
    world_close();
}

static void reads_the_node_of_identifiers(void)
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

SUITE("process", TEST(finds_by_pid_and_name), TEST(names_are_unique),
      TEST(names_are_hashed_with_the_seed), TEST(as_many_run_as_there_may_be),
      TEST(iterates_in_order_of_start), TEST(calls_leave_once), TEST(references_are_unique),
      TEST(monitors_of_missing_processes_end_at_once), TEST(notifies_watchers),
      TEST(demonitors_by_name), TEST(unlinks_are_acknowledged), TEST(exits_of_links_end_it),
      TEST(reasons_are_made_canonical), TEST(exit2_ends_it),
      TEST(exits_are_messages_to_one_that_traps_them), TEST(node_down_removes_its_watchers),
      TEST(watchers_are_bounded), TEST(reads_the_node_of_identifiers))
