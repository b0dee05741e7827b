/* A replica and a node that may only read: b@h, from where deliver() sends.  c@h may write. */
#include "unit/replica/world.h"

static unsigned refused;

static bool may_write(const struct rights *r, struct bytes node)
{
    (void)r;
    return !bytes_equal(node, BYTES("b@h"));
}

static void refuse(struct rights *r, struct bytes node, struct turn *t)
{
    (void)r;
    (void)t;
    CU_ASSERT(bytes_equal(node, BYTES("b@h")));
    refused++;
}

static struct rights rights = {may_write, refuse};

static void open(void)
{
    world_open_settled();
    world.turn.rights = &rights;
    refused = 0;
}

static void deliver_from_writer(const char *message)
{
    processes_signal(world.table, BYTES("c@h"),
                     &(struct signal){.kind = SIGNAL_SEND,
                                      .to = process_pid(world.replica),
                                      .payload = term_of(message)},
                     &world.turn);
}

/* Every request of the table that changes, in every form. */
static void changes_are_refused(void)
{
    static const char *const calls[] = {
        "{mutate, increment}",       "{mutate, [increment]}",
        "{batch, increment}",        "{mutate_reply, increment}",
        "{mutate, fun m:f/1}",       "{mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1}",
        "{mutate, {nonsense, [1]}}",
    };
    static const char *const others[] = {
        CAST("{mutate, increment}"),
        CAST("{batch, [increment]}"),
        CAST(THEIR_DELTA("#{b => 1}")),
        CAST("{delta, " GCOUNTER("b", "#{b => 1}") "}"),
        THEIR_DELTA("#{b => 1}"),
        "{grove_delta, " GCOUNTER("b", "#{b => 1}") ", " OTHERS(5) "}",
        "{grove_delta, " GCOUNTER("b", "#{b => 1}") "}",
        "{delta, " GCOUNTER("b", "#{b => 1}") "}",
        "{delta, " GCOUNTER("b", "#{b => 1}") ", " THEM(9) "}",
        "{grove_delta, nil, " THEM(9) "}",
    };
    char text[500];
    open();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        snprintf(text, sizeof(text), "{'$gen_call', {" THEM(1) ", t1}, %s}", calls[i]);
        deliver(text);
        SENT(THEM(1), REPLY(1, "{error, read_only}"));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        deliver(others[i]);
    SENT_NOTHING();
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 0}"));
    CU_ASSERT(status("mutations") == 0 && status("merges") == 0);
    CU_ASSERT_EQUAL(refused, 17);
    world_close();
}

/* What it would return is a change of its own, though another node passed its call on. */
static void no_closure_runs_there(void)
{
    open();
    deliver_from_writer("{'$gen_call', {" THEM(1) ", t1}, {mutate, fun m:f/1}}");
    SENT(THEM(1), REPLY(1, "{error, read_only}"));
    deliver_from_writer("{'$gen_call', {" OTHERS(1) ", t1}, {mutate, fun m:f/1}}");
    SENT_PREFIX("rex", "{'$gen_call',{" US ",#Ref<'a@h'.7.1.0.0>},{call,erlang,apply,");
    world_close();
}

/* Neither by rex nor by comparing; and nobody waits for it. */
static void its_state_is_not_asked_for(void)
{
    open();
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{}"));
    joined(THEM(6), false);
    SENT(THEM(6), OUR_DELTA("#{}"));
    SENT_NOTHING();
    deliver_from_writer("{'$gen_call', {" OTHERS(1) ", t1}, {mutate, increment}}");
    SENT(OTHERS(1), REPLY(1, "ok"));
    wait_ms(SYNC_MS);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT(THEM(6), OUR_DELTA("#{<<\"c1\">> => 1}"));
    world_close();
}

static void anti_entropy_only_sends(void)
{
    world_open("#{crdt => gcounter, sync_interval => 10000, anti_entropy_interval => 1000}");
    world.turn.rights = &rights;
    joined(THEM(5), true);
    skip_sent();
    wait_ms(1300);
    SENT(THEM(5), OUR_DELTA("#{}"));
    SENT_NOTHING();
    CU_ASSERT(status("repairs") == 1);
    world_close();
}

SUITE("read_only", TEST(changes_are_refused), TEST(no_closure_runs_there),
      TEST(its_state_is_not_asked_for), TEST(anti_entropy_only_sends))
