/* Replicas that a BEAM registers in global: a has one, b is a BEAM whose global answers as a test
 * says. */
#include "limits.h"
#include "unit/node/killer.h"
#include "unit/node/outside.h"

#define AGAIN_MS 5000
#define ASK_MS   15000
#define OPEN_MS  20000
#define SETTINGS "{scope, s}. {connect, ['b@h']}. {replica, r, #{crdt => gcounter, global => n}}."

/* What b answers; NULL: nothing. */
static struct {
    const char *whereis, *registers;
    bool several;               /* names */
    unsigned asked, registered; /* how often it was asked to */
    struct buf pid;             /* of the last request to register */
} beam;

static void global_call(struct process *p, const struct gen_message *m, bool registers,
                        struct etf_in *args, struct turn *t)
{
    struct bytes element;
    struct etf_list list = etf_list(args);
    CU_ASSERT(etf_next(&list, &element));
    CU_ASSERT(beam.several || bytes_equal(element, term_of("n")));
    if (registers && etf_next(&list, &element)) {
        buf_clear(&beam.pid);
        buf_put(&beam.pid, element);
    }
    beam.registered += registers;
    beam.asked += !registers;
    const char *answer = registers ? beam.registers : beam.whereis;
    if (answer != NULL)
        gen_reply(p, m->from, term_of(answer), t);
}

/* {call, Module, Function, Args, user}; other modules are not there. */
static void rex_receives(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    struct etf_in in = etf_open(m.request);
    CU_ASSERT_FATAL(m.kind == GEN_CALL && etf_tuple(&in) == 5 && etf_accept(&in, "call"));
    if (!etf_accept(&in, "global")) {
        gen_reply(p, m.from, term_of("{badrpc, none}"), t);
        return;
    }
    bool registers = etf_accept(&in, "register_name");
    CU_ASSERT(registers || etf_accept(&in, "whereis_name"));
    global_call(p, &m, registers, &in, t);
}

static void start_b(const char *whereis, const char *registers)
{
    static const struct process_kind kind = {
        .module = "rex", .message = rex_receives, .state = rex_state, .free = rex_free};
    beam.whereis = whereis;
    beam.registers = registers;
    beam.asked = beam.registered = 0;
    beam.several = false;
    configure(1, "b@h", "{scope, s}.");
    begin(1, node_new_bare(&nodes[1].config, DFLAGS_OURS | DFLAGS_OF_BEAM));
    CU_ASSERT_FATAL(process_start(node_processes(nodes[1].node), &kind, NULL, BYTES("rex")) !=
                    NULL);
}

static void begin_with(const char *whereis, const char *registers)
{
    start_b(whereis, registers);
    start(0, "a@h", SETTINGS);
    run_for(100);
}

static void end(void)
{
    stop_all();
    buf_free(&beam.pid);
    outside_close();
}

static struct process *replica(void)
{
    return process_named(node_processes(nodes[0].node), BYTES("r"));
}

static bool is_registered(void)
{
    return bytes_equal(buf_bytes(&beam.pid), process_pid(replica())) &&
           logged(0, "r: registered in global as n by b@h");
}

/* A call of a's own program: what a sends for it arrives. */
static void call_of_program(const char *node, const char *name, const char *term)
{
    const struct request request = {.kind = REQUEST_CALL,
                                    .node = bytes_of(node),
                                    .name = bytes_of(name),
                                    .term = term_of(term),
                                    .timeout_ms = OPEN_MS};
    step(0, (struct event){.kind = EVENT_CALL, .call = 1, .request = &request});
}

/* To a process that never answers it. */
static void open_call(const char *node)
{
    call_of_program(node, "rex", "{call, erlang, nodes, [connected], user}");
}

/* Starts c and d, and has so many calls open to them that there can be no more for OPEN_MS. */
static void open_all_calls(void)
{
    static const char *const names[] = {"c@h", "d@h"};
    for (unsigned i = 0; i < 2; i++) {
        start_beam(2 + i, names[i], "{scope, s}.", NULL);
        open_call(names[i]);
        run_for(1);
        CU_ASSERT_FATAL(connected(0, 2 + i));
        for (unsigned k = 1; k < LIMIT_CALLS / 2; k++)
            open_call(names[i]);
    }
    CU_ASSERT_EQUAL(nodes[0].replies.len, 0);
    open_call("c@h");
    buf_put_u8(&nodes[0].replies, 0);
    CU_ASSERT_STRING_EQUAL((const char *)nodes[0].replies.at,
                           "1: a queue is full <<\"too many calls are open on this node\">>\n");
}

static void a_free_name_is_registered_once(void)
{
    begin_with("undefined", "yes");
    run_for(10 * AGAIN_MS);
    CU_ASSERT(beam.asked == 1 && beam.registered == 1 && is_registered());
    end();
}

static void nothing_is_done_for_one_that_is_registered(void)
{
    struct buf pid = {0};
    begin_with("{badrpc, nodedown}", "yes");
    text_print(&pid, process_pid(replica()));
    buf_put_u8(&pid, 0);
    beam.whereis = (const char *)pid.at;
    run_for(10 * AGAIN_MS);
    CU_ASSERT(beam.asked == 2 && beam.registered == 0);
    buf_free(&pid);
    end();
}

/* Whatever the answer was, if it was none at all, and if somebody was faster. */
static void it_tries_again_until_it_is_registered(void)
{
    static const char *const owners[] = {"{badrpc, nodedown}", "7", "{undefined}", "[]",
                                         "#Pid<'a@h'.9000.0.1>"};
    begin_with(owners[0], "no");
    for (unsigned i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        CU_ASSERT(beam.asked == i + 1 && beam.registered == 0);
        beam.whereis = i + 1 < sizeof(owners) / sizeof(owners[0]) ? owners[i + 1] : "undefined";
        run_for(AGAIN_MS);
    }
    CU_ASSERT(beam.asked == 6 && beam.registered == 1 && !is_registered());
    beam.whereis = NULL;
    run_for(AGAIN_MS);
    CU_ASSERT_EQUAL(beam.asked, 7);
    beam.whereis = "undefined";
    beam.registers = NULL;
    run_for(ASK_MS + AGAIN_MS);
    CU_ASSERT(beam.asked == 8 && beam.registered == 2 && !is_registered());
    beam.registers = "yes";
    run_for(ASK_MS + AGAIN_MS);
    CU_ASSERT(beam.asked == 9 && beam.registered == 3 && is_registered());
    end();
}

static void a_name_of_another_process_is_waited_for(void)
{
    begin_with("#Pid<'c@h'.1.0.7>", "yes");
    CU_ASSERT(logged(0, "r: b@h has another process as n in global: #Pid<c@h.1.0.7>") ||
              logged(0, "r: b@h has another process as n in global: #Pid<'c@h'.1.0.7>"));
    buf_clear(&nodes[0].log);
    run_for(3 * AGAIN_MS);
    CU_ASSERT(beam.asked == 4 && beam.registered == 0 && !logged(0, "another process"));
    beam.whereis = "undefined";
    run_for(AGAIN_MS);
    CU_ASSERT(is_registered());
    end();
}

/* The pid that global gets is that of the replica that runs then. */
static void a_replica_that_is_restarted_is_registered_as_it_is(void)
{
    begin_with("{badrpc, nodedown}", "yes");
    exit2(0, replica(), "kill");
    beam.whereis = NULL; /* the question is open while the next one is killed */
    run_for(AGAIN_MS);
    exit2(0, replica(), "kill");
    beam.whereis = "undefined";
    run_for(ASK_MS + 2 * AGAIN_MS);
    CU_ASSERT(is_registered());
    end();
}

static void nothing_is_asked_for_one_that_is_stopped(void)
{
    begin_with("{badrpc, nodedown}", "yes");
    ASSERT_TERM(call(0, "{stop_replica, r}"), term_of("ok"));
    run_for(3 * AGAIN_MS);
    CU_ASSERT_EQUAL(beam.asked, 1);
    crash(0);
    beam.whereis = NULL;
    start(0, "a@h", SETTINGS);
    run_for(100);
    ASSERT_TERM(call(0, "{stop_replica, r}"), term_of("ok"));
    run_for(ASK_MS + 3 * AGAIN_MS);
    CU_ASSERT(beam.asked == 2 && beam.registered == 0);
    end();
}

/* When it is back it is asked at once. */
static void a_beam_that_is_gone_is_not_asked(void)
{
    begin_with("{badrpc, nodedown}", "yes");
    crash(1);
    run_for(3 * AGAIN_MS);
    start_b("undefined", "yes");
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(beam.asked == 1 && is_registered());
    end();
}

/* Its questions are asked again. */
static void the_process_that_asks_is_started_again(void)
{
    begin_with(NULL, NULL);
    CU_ASSERT_EQUAL(beam.asked, 1);
    beam.whereis = "undefined";
    kill_from(1, 0, process_of(0, "coppice_registrar"));
    CU_ASSERT(beam.asked == 2 && beam.registered == 1 && !is_registered());
    beam.registers = "yes";
    kill_from(1, 0, process_of(0, "coppice_registrar"));
    CU_ASSERT(beam.asked == 2 && beam.registered == 2 && is_registered());
    end();
}

/* One is asked for, one is to be, one waits for a while. */
static void a_node_may_end_meanwhile(void)
{
    start_b("{badrpc, nodedown}", NULL);
    beam.several = true;
    start(0, "a@h", SETTINGS " {replica, q, #{crdt => gcounter, global => m}}.");
    run_for(100);
    beam.whereis = NULL;
    ASSERT_TERM(call(0, "{stop_replica, r}"), term_of("ok"));
    call_of_program("", "coppice", "{start_replica, s, #{crdt => gcounter, global => o}}");
    call_of_program("", "coppice", "{start_replica, p, #{crdt => gcounter, global => p}}");
    run_for(100);
    CU_ASSERT_EQUAL(beam.asked, 3);
    end();
}

static bool is_known_as_beam(const char *peer)
{
    char wanted[60];
    struct buf status = {0};
    snprintf(wanted, sizeof(wanted), "%s => #{beam => true", peer);
    text_print(&status, call(0, "status"));
    buf_put_u8(&status, 0);
    bool found = strstr((const char *)status.at, wanted) != NULL;
    buf_free(&status);
    return found;
}

/* Of one BEAM for a replica that is restarted; and of another one that connects, what it runs. */
static void what_cannot_be_asked_is_asked_later(void)
{
    begin_with("undefined", "yes");
    CU_ASSERT(is_registered());
    open_all_calls();
    exit2(0, replica(), "kill");
    start_beam(4, "e@h", "{scope, s}. {connect, ['a@h']}.", "[]");
    run_for(AGAIN_MS);
    CU_ASSERT(connected(0, 4) && !is_known_as_beam("e@h"));
    CU_ASSERT(beam.asked == 1 && !is_registered());
    run_for(OPEN_MS + 2 * AGAIN_MS);
    CU_ASSERT(beam.asked == 2 && is_registered());
    CU_ASSERT(is_known_as_beam("e@h"));
    end();
}

SUITE("registrar", TEST(a_free_name_is_registered_once),
      TEST(nothing_is_done_for_one_that_is_registered), TEST(it_tries_again_until_it_is_registered),
      TEST(a_name_of_another_process_is_waited_for),
      TEST(a_replica_that_is_restarted_is_registered_as_it_is),
      TEST(nothing_is_asked_for_one_that_is_stopped), TEST(a_beam_that_is_gone_is_not_asked),
      TEST(the_process_that_asks_is_started_again), TEST(a_node_may_end_meanwhile),
      TEST(what_cannot_be_asked_is_asked_later))
