/* A command's node: node 1, which asks a@h, node 0. */
#include "limits.h"
#include "unit/node/nodes.h"

#define REPLICA "{replica, r, #{crdt => gcounter}}."

static void start_command(void)
{
    start(0, "a@h", REPLICA);
    run_for(LIMIT_CATCH_UP_MS + 1000);
    configure(1, "-coppice_1@h", "");
    begin(1, node_new_client(&nodes[1].config));
}

static void ask(enum request_kind kind, const char *name, const char *term)
{
    const struct request request = {.kind = kind,
                                    .node = BYTES("a@h"),
                                    .name = bytes_of(name),
                                    .term = term_of(term),
                                    .timeout_ms = 5000};
    step(1, (struct event){.kind = EVENT_REQUEST, .request = &request});
    run_for(1);
}

static void assert_answers(const char *wanted)
{
    struct buf *replies = &nodes[1].replies;
    buf_put_u8(replies, 0);
    CU_ASSERT_STRING_EQUAL((const char *)replies->at, wanted);
    buf_clear(replies);
}

static void each_request_is_answered_once(void)
{
    start_command();
    ask(REQUEST_CALL, "r", "{mutate, {increment, [2]}}");
    assert_answers("0: ok ok\n");
    ask(REQUEST_CALL, "r", "value");
    assert_answers("0: ok {ok,2}\n");
    ask(REQUEST_CAST, "r", "{mutate, increment}");
    assert_answers("0: ok ok\n");
    ask(REQUEST_CALL, "nobody", "value");
    assert_answers("0: the connection was closed noproc\n");
    ask(REQUEST_SUBSCRIBE, "nobody", "#{what => value}");
    assert_answers("0: the connection was closed noproc\n");
    ask(REQUEST_CALL, "r", "value");
    assert_answers("0: ok {ok,3}\n");
    stop_all();
}

static struct bytes command_pid;
static bool answered;

/* A call, after messages that are no change of a subscription. */
static void sender_wake(struct process *p, struct turn *t)
{
    struct buf call = {0};
    put_tuple(&call, 3);
    put_atom(&call, "$gen_call");
    put_tuple(&call, 2);
    put_term(&call, process_pid(p));
    put_atom(&call, "t");
    put_atom(&call, "what");
    turn_send(t, process_pid(p), command_pid, term_of("what"));
    turn_send(t, process_pid(p), command_pid, term_of("{coppice_changed, r, ref, change}"));
    turn_send(t, process_pid(p), command_pid, buf_bytes(&call));
    buf_free(&call);
}

static void sender_receives(struct process *p, struct bytes message, struct turn *t)
{
    (void)p;
    (void)t;
    ASSERT_TERM(message, term_of("{t, {error, {unknown_request, what}}}"));
    answered = true;
}

static void its_process_may_be_called(void)
{
    static const struct process_kind kind = {.module = "sender",
                                             .message = sender_receives,
                                             .wake = sender_wake,
                                             .state = rex_state,
                                             .free = rex_free};
    start_command();
    ask(REQUEST_CALL, "r", "value");
    assert_answers("0: ok {ok,0}\n");
    struct process *sender =
        process_start(node_processes(nodes[0].node), &kind, NULL, BYTES("sender"));
    command_pid = process_pid(processes_next(node_processes(nodes[1].node), NULL));
    process_wake_at(sender, net.now_ms);
    run_for(1);
    assert_answers("");
    CU_ASSERT(answered && connected(0, 1));
    ask(REQUEST_CALL, "r", "value");
    assert_answers("0: ok {ok,0}\n");
    stop_all();
}

SUITE("command", TEST(each_request_is_answered_once), TEST(its_process_may_be_called))
