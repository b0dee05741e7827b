/* Signals of a node that may only read: c@h.  b@h may write. */
#include "otp/watch.h"
#include "unit/otp/spy.h"

#define READER(n) "#Pid<'c@h'." #n ".0.4>"

static unsigned refused;

static bool may_write(const struct rights *r, struct bytes node)
{
    (void)r;
    return !bytes_equal(node, BYTES("c@h"));
}

static void refuse(struct rights *r, struct bytes node, struct turn *t)
{
    (void)r;
    (void)t;
    CU_ASSERT(bytes_equal(node, BYTES("c@h")));
    refused++;
}

static struct rights rights = {may_write, refuse};

static void open(void)
{
    world_open();
    world.turn.rights = &rights;
    refused = 0;
}

#define READS(signal, target, ...)                                                                 \
    receive_from("c@h",                                                                            \
                 &(struct incoming){.kind = signal, .from = READER(4), .to = target, __VA_ARGS__})

/* Whether the turn lets the sender change anything. */
static void note_rights(struct process *p, struct bytes message, struct turn *t)
{
    record(p, turn_may_change(t) ? "write" : "read", 0, message);
}

static const struct process_kind asking_spy = {
    .module = "spy",
    .message = note_rights,
    .state = spy_state,
    .free = spy_free,
};

static void a_turn_knows_its_sender(void)
{
    open();
    spy_start_kind("one", &asking_spy);
    READS(SIGNAL_REG_SEND, "one", .payload = "1");
    CALLED("1 read 1");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "2");
    CALLED("1 write 2");
    CU_ASSERT_EQUAL(refused, 1);
    CU_ASSERT_EQUAL(world.turn.reader.len, 0);
    world_close();
}

/* Whoever resumes the process. */
static void a_held_message_keeps_its_sender(void)
{
    open();
    struct process *p = spy_start_kind("one", &asking_spy);
    process_suspend(p, &world.turn);
    READS(SIGNAL_REG_SEND, "one", .payload = "1");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "one", .payload = "2");
    process_resume(p, &world.turn);
    CALLED("1 read 1");
    CALLED("1 write 2");
    process_suspend(p, &world.turn);
    READS(SIGNAL_REG_SEND, "one", .payload = "3");
    world_close();
}

static void ends_nothing(void)
{
    open();
    struct process *p = spy_start("one");
    READS(SIGNAL_EXIT2, US(1), .reason = "kill");
    READS(SIGNAL_EXIT2, US(1), .reason = "crash");
    READS(SIGNAL_LINK, US(1));
    CU_ASSERT_EQUAL(process_watchers(p), 1);
    READS(SIGNAL_EXIT, US(1), .reason = "crash");
    CU_ASSERT_EQUAL(process_watchers(p), 0);
    CU_ASSERT_EQUAL(refused, 3);
    READS(SIGNAL_EXIT2, US(1), .reason = "normal"); /* as anybody's */
    CU_ASSERT_EQUAL(refused, 3);
    CALLED_NO_MORE();
    CU_ASSERT(!process_ended(p));
    RECEIVE(SIGNAL_EXIT2, THEM(4), US(1), .reason = "kill");
    CU_ASSERT(process_ended(p));
    world_close();
}

static void still_monitors(void)
{
    open();
    struct process *p = spy_start("one");
    READS(SIGNAL_MONITOR, US(1), .ref = "#Ref<'c@h'.1.2.3.4>");
    CU_ASSERT_EQUAL(process_watchers(p), 1);
    CU_ASSERT_EQUAL(refused, 0);
    world_close();
}

static void system_messages_that_change_are_refused(void)
{
    static const char *const changing[] = {
        "suspend", "resume", "{terminate, normal}", "{replace_state, f}", "{change_code, a, b, c}",
    };
    static const char *const reading[] = {"get_state", "get_status", "{debug, no_debug}"};
    char text[200];
    open();
    struct process *p = spy_start("one");
    for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
        snprintf(text, sizeof(text), "{system, {" READER(4) ", t}, %s}", changing[i]);
        READS(SIGNAL_REG_SEND, "one", .payload = text);
        SENT("SEND c@h " US(1) " -> " READER(4) ": {t,{error,read_only}}");
    }
    CU_ASSERT_EQUAL(refused, 5);
    for (size_t i = 0; i < sizeof(reading) / sizeof(reading[0]); i++) {
        snprintf(text, sizeof(text), "{system, {" READER(4) ", t}, %s}", reading[i]);
        READS(SIGNAL_REG_SEND, "one", .payload = text);
    }
    CU_ASSERT_EQUAL(refused, 5);
    CU_ASSERT(!process_ended(p) && !process_suspended(p));
    world_close();
}

/* It may have guessed the reference. */
static void answers_no_call_of_another_node(void)
{
    open();
    struct process *p = spy_start("one");
    call_start(p, &(struct address){.pid = term_of(THEM(4))}, term_of("value"), 1000, &world.turn);
    call_start(p, &(struct address){.pid = term_of(READER(4))}, term_of("value"), 1000,
               &world.turn);
    READS(SIGNAL_SEND, US(1), .payload = "{" OUR_REF(1) ", forged}");
    CALLED_NO_MORE();
    CU_ASSERT_EQUAL(refused, 1);
    READS(SIGNAL_SEND, US(1), .payload = "{" OUR_REF(2) ", mine}");
    CALLED("1 answer 2 mine");
    RECEIVE(SIGNAL_SEND, THEM(4), US(1), .payload = "{" OUR_REF(1) ", ok}");
    CALLED("1 answer 1 ok");
    CU_ASSERT_EQUAL(refused, 1);
    world_close();
}

SUITE("reader", TEST(a_turn_knows_its_sender), TEST(a_held_message_keeps_its_sender),
      TEST(ends_nothing), TEST(still_monitors), TEST(system_messages_that_change_are_refused),
      TEST(answers_no_call_of_another_node))
