/* The configuration is read again: what changes in a node that runs, and what does not. */
#include "limits.h"
#include "unit/node/outside.h"

/* Node 0 gets other settings; its log begins anew. */
static void reload(const char *settings)
{
    struct config fresh;
    struct config_error error;
    config_init(&fresh);
    fresh.file = "c.config";
    buf_put(&fresh.cookie, BYTES("cookie"));
    buf_put(&fresh.node, buf_bytes(&nodes[0].config.node));
    CU_ASSERT_FATAL(config_read(&fresh, bytes_of(settings), &error) == OK);
    CU_ASSERT_FATAL(config_check(&fresh, NULL, &error) == OK);
    buf_clear(&nodes[0].log);
    step(0, (struct event){.kind = EVENT_CONFIG, .config = &fresh});
    config_free(&fresh);
    settle();
}

static bool runs(const char *name)
{
    return process_named(node_processes(nodes[0].node), bytes_of(name)) != NULL;
}

static void nothing_changes(void)
{
    static const char settings[] = "{net_ticktime, 8}. {connect, ['b@h', {dns, \"x\"}]}. "
                                   "{allow, ['*@h']}. {replica, r, #{crdt => gcounter}}.";
    start(0, "a@h", settings);
    unsigned dials = nodes[0].dials, looked_up = nodes[0].looked_up;
    reload(settings);
    CU_ASSERT(bytes_equal(buf_bytes(&nodes[0].log),
                          BYTES("the configuration was read again: nothing has changed\n")));
    CU_ASSERT(nodes[0].dials == dials && nodes[0].looked_up == looked_up && runs("r"));
    stop_all();
}

static void peers_come_and_go(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "");
    start(0, "a@h", "{connect, ['b@h']}.");
    reload("{connect, ['c@h', 'a@h']}.");
    CU_ASSERT(logged(0, "connect: b@h is gone") && logged(0, "connect: c@h is new") &&
              !logged(0, "a@h"));
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    crash(1);
    crash(2);
    unsigned dials = nodes[0].dials;
    start(1, "b@h", "");
    start(2, "c@h", "");
    run_for(60000);
    CU_ASSERT(!connected(0, 1) && connected(0, 2) && nodes[0].dials > dials);
    stop_all();
}

/* What somebody has asked for is dialled again, whatever is configured. */
static void requests_outlive_the_configuration(void)
{
    start(1, "b@h", "");
    start(0, "a@h", "");
    ASSERT_TERM(call(0, "{connect, 'b@h'}"), term_of("ok"));
    reload("{connect, ['b@h']}.");
    reload("");
    CU_ASSERT(logged(0, "connect: b@h is gone"));
    crash(1);
    start(1, "b@h", "");
    run_for(60000);
    CU_ASSERT(connected(0, 1));
    outside_close();
    stop_all();
}

static void names_come_and_go(void)
{
    start(1, "b@h", "");
    start(0, "a@h", "{connect, [{dns, \"x\", #{name => b}}, {dns, \"y\"}]}.");
    CU_ASSERT_EQUAL(nodes[0].looked_up, 2);
    step(0, (struct event){.kind = EVENT_RESOLVED, .query = 0, .bytes = BYTES("h")});
    settle();
    CU_ASSERT(connected(0, 1));
    reload("{connect, [{dns, \"y\"}, {dns, \"z\"}]}.");
    CU_ASSERT(logged(0, "x is no longer looked up") && logged(0, "z is looked up from now on"));
    CU_ASSERT(connected(0, 1) && nodes[0].looked_up == 3);
    /* An answer that comes too late. */
    step(0, (struct event){.kind = EVENT_RESOLVED, .query = 0, .bytes = BYTES("h")});
    step(0, (struct event){.kind = EVENT_RESOLVED, .query = 2, .bytes = BYTES("")});
    CU_ASSERT(logged(0, "z has no address"));
    crash(1);
    start(1, "b@h", "");
    run_for(60000);
    CU_ASSERT(!connected(0, 1));
    stop_all();
}

/* What was found under a name that is still looked up. */
static void the_nodes_of_another_name_stay(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "");
    start(0, "a@h", "{connect, [{dns, \"x\", #{name => b}}, {dns, \"y\", #{name => c}}]}.");
    for (uint32_t query = 0; query < 2; query++)
        step(0, (struct event){.kind = EVENT_RESOLVED, .query = query, .bytes = BYTES("h")});
    settle();
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    reload("{connect, [{dns, \"y\", #{name => c}}]}.");
    crash(1);
    crash(2);
    start(1, "b@h", "");
    start(2, "c@h", "");
    run_for(60000);
    CU_ASSERT(!connected(0, 1) && connected(0, 2));
    stop_all();
}

static void allow_ends_connections(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['a@h']}.");
    start(0, "a@h", "{connect, ['b@h']}.");
    run_for(60000);
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    reload("{connect, ['b@h']}. {allow, 'b@h'}.");
    CU_ASSERT(logged(0, "c@h disconnected: it is not among the nodes of allow"));
    CU_ASSERT(connected(0, 1) && !connected(0, 2));
    run_for(60000);
    CU_ASSERT(!connected(0, 2));
    reload("{connect, ['b@h']}.");
    run_for(60000);
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    stop_all();
}

/* At the time of a look-up, and of a connection that is not up yet. */
static void allow_ends_attempts(void)
{
    start(1, "b@h", "");
    start(0, "a@h", "{connect, ['b@h']}.");
    crash(1);
    nodes[1].port = 0;
    run_for(60000);
    reload("{allow, []}.");
    unsigned dials = nodes[0].dials;
    run_for(60000);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    stop_all();
}

static void replicas_come_and_go(void)
{
    start(0, "a@h", "{replica, one, #{crdt => gcounter}}. {replica, two, #{crdt => gcounter}}.");
    reload("{replica, two, #{crdt => gcounter}}.\n{replica, three, #{crdt => gset}}.");
    CU_ASSERT(!runs("one") && runs("two") && runs("three"));
    CU_ASSERT(logged(0, "replica one: is gone") && logged(0, "replica three: is new") &&
              logged(0, "read again: 2 changes\n"));
    /* The group and actor of one that is gone are free. */
    reload("{replica, four, #{crdt => gcounter, group => two, actor => x}}.");
    reload("{replica, five, #{crdt => gcounter, group => two, actor => x}}.");
    CU_ASSERT(runs("five") && !runs("four") && !runs("two"));
    stop_all();
}

static void other_options_wait_for_a_restart(void)
{
    start(0, "a@h", "{replica, one, #{crdt => gcounter}}.");
    for (unsigned i = 0; i < 2; i++) {
        reload("\n{replica, one, #{crdt => gset}}.");
        CU_ASSERT(logged(0, "c.config:2:1: replica one: these options cannot change"));
    }
    reload("{replica, one, #{crdt => gcounter}}.");
    CU_ASSERT(logged(0, "nothing has changed"));
    stop_all();
}

static void a_taken_name_is_tried_again(void)
{
    static const char settings[] = "\n{replica, one, #{crdt => gcounter}}.";
    start(0, "a@h", "");
    call(0, "{start_replica, one, #{crdt => gcounter}}");
    reload(settings);
    CU_ASSERT(logged(0, "c.config:2:1: replica one: it cannot start: a process of this name runs"));
    ASSERT_TERM(call(0, "{stop_replica, one}"), term_of("ok"));
    reload(settings);
    CU_ASSERT(logged(0, "replica one: is new") && runs("one"));
    /* Its group and actor, under another name. */
    call(0, "{start_replica, two, #{crdt => gcounter}}");
    reload("{replica, one, #{crdt => gcounter}}. {replica, x, #{crdt => gcounter, group => two, "
           "actor => <<\"two@a@h\">>}}.");
    CU_ASSERT(logged(0, "c.config:1:38: replica x: actor: ") && !runs("x"));
    outside_close();
    stop_all();
}

/* Those behind it in the file are not affected. */
static void one_that_cannot_start_is_alone(void)
{
    static const char settings[] = "{replica, one, #{crdt => gcounter}}. "
                                   "{replica, two, #{crdt => gcounter}}. "
                                   "{replica, three, #{crdt => gcounter}}.";
    start(0, "a@h", "");
    call(0, "{start_replica, one, #{crdt => gset}}");
    reload(settings);
    CU_ASSERT(logged(0, "replica one: it cannot start") && runs("two") && runs("three"));
    reload("{replica, two, #{crdt => gcounter}}.");
    CU_ASSERT(runs("one") && runs("two") && !runs("three"));
    ASSERT_TERM(call(0, "{stop_replica, one}"), term_of("ok"));
    reload(settings);
    CU_ASSERT(logged(0, "replica one: is new") && runs("one") && runs("three"));
    outside_close();
    stop_all();
}

static void the_form_of_the_log_changes(void)
{
    start(0, "a@h", "");
    reload("{log, json}.");
    CU_ASSERT(logged(0, "log: json from now on") && logged(0, "read again: 1 change\n"));
    reload("{log, json}.");
    CU_ASSERT(logged(0, "nothing has changed"));
    reload("");
    CU_ASSERT(logged(0, "log: text from now on"));
    stop_all();
}

/* Also where there are as many as before. */
static void patterns_change(void)
{
    start(1, "b@h", "{connect, ['a@h']}.");
    start(0, "a@h", "{allow, ['b@h', 'x@h']}. {read_only, 'x@h'}.");
    run_for(60000);
    CU_ASSERT(connected(0, 1));
    reload("{allow, ['c@h', 'x@h']}. {read_only, 'y@h'}.");
    CU_ASSERT(logged(0, "allow: 2 names and patterns from now on"));
    CU_ASSERT(logged(0, "read_only: 1 name from now on") && !connected(0, 1));
    reload("{allow, []}.");
    CU_ASSERT(logged(0, "allow: no node from now on"));
    CU_ASSERT(logged(0, "read_only: no node from now on"));
    reload("");
    CU_ASSERT(logged(0, "allow: every node from now on"));
    stop_all();
}

#define TLS "{tls, #{certfile => \"c\", cacertfile => \"d\", verify => verify_peer}}. "

static void certificates_that_are_allowed_change(void)
{
    start(0, "a@h", TLS "{allow_certificates, \"*\"}.");
    reload(TLS "{allow_certificates, [\"x.example\"]}.");
    CU_ASSERT(logged(0, "allow_certificates: 1 name from now on"));
    reload(TLS "{allow_certificates, []}.");
    CU_ASSERT(logged(0, "allow_certificates: none from now on"));
    reload(TLS);
    CU_ASSERT(logged(0, "allow_certificates: every certificate that tls accepts from now on"));
    stop_all();
}

static void other_scopes_wait_for_a_restart(void)
{
    start(0, "a@h", "{scope, [s, t]}.");
    reload("{scope, [s, u]}.");
    CU_ASSERT(logged(0, "c.config:1:1: scope: cannot change"));
    CU_ASSERT(runs("t") && !runs("u"));
    reload("{scope, [s, t]}.");
    CU_ASSERT(logged(0, "nothing has changed"));
    stop_all();
}

static void what_cannot_change_is_said(void)
{
    start(0, "a@h", "");
    reload("{follow, true}.\n{visible, true}.\n{listen, #{port => 9}}.\n{scope, s}.\n"
           "{net_ticktime, 8}.\n{epmd_port, 9}.\n{start_epmd, false}.\n{peer_port, 9}.\n"
           "{tls, #{certfile => \"c\"}}.\n{allow_certificates, \"*\"}.");
    static const char *const keys[] = {"1:1: follow:",     "2:1: visible:",      "3:1: listen:",
                                       "4:1: scope:",      "5:1: net_ticktime:", "6:1: epmd_port:",
                                       "7:1: start_epmd:", "8:1: peer_port:",    "9:1: tls:"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[60];
        snprintf(text, sizeof(text), "c.config:%s cannot change", keys[i]);
        CU_ASSERT(logged(0, text));
    }
    /* Without tls there is no certificate to compare. */
    CU_ASSERT(logged(0, "0 changes, and 9 not made") && !logged(0, "allow_certificates"));
    start(1, "b@h", "{connect, ['a@h']}.");
    CU_ASSERT(connected(0, 1));
    stop_all();
}

/* Before it has its creation, there are no replicas; it starts with what is configured then. */
static void it_may_come_before_the_start(void)
{
    configure(0, "a@h", "{replica, one, #{crdt => gcounter}}.");
    nodes[0].node = node_new(&nodes[0].config);
    reload("{replica, two, #{crdt => gcounter}}.");
    begin(0, nodes[0].node);
    CU_ASSERT(runs("two") && !runs("one"));
    stop_all();
}

SUITE("reload", TEST(nothing_changes), TEST(peers_come_and_go),
      TEST(requests_outlive_the_configuration), TEST(names_come_and_go),
      TEST(allow_ends_connections), TEST(allow_ends_attempts), TEST(replicas_come_and_go),
      TEST(other_options_wait_for_a_restart), TEST(a_taken_name_is_tried_again),
      TEST(one_that_cannot_start_is_alone), TEST(the_form_of_the_log_changes),
      TEST(patterns_change), TEST(certificates_that_are_allowed_change),
      TEST(other_scopes_wait_for_a_restart), TEST(the_nodes_of_another_name_stay),
      TEST(what_cannot_change_is_said), TEST(it_may_come_before_the_start))
