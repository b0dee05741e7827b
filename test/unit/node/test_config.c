#include "node/config.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "unit/suite.h"

static void defaults(void)
{
    struct config c;
    config_init(&c);
    CU_ASSERT_FALSE(c.visible);
    CU_ASSERT_FALSE(c.follow);
    CU_ASSERT_TRUE(c.scope_auto);
    CU_ASSERT_EQUAL(c.ticktime_ms, 60000);
    CU_ASSERT(c.epmd_port == 4369 && c.start_epmd);
    CU_ASSERT_EQUAL(c.port, 0);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.address), BYTES("::")));
    config_free(&c);
}

static void reads_every_key(void)
{
    struct config c;
    struct config_error error;
    struct bytes name, map;
    config_init(&c);
    enum err e = config_read(&c,
                             BYTES("% a comment\n"
                                   "{node, 'c1@host'}.\n"
                                   "{cookie_file, \"/etc/cookie\"}.\n"
                                   "{connect, ['a@host', 'b@host']}.\n"
                                   "{follow, true}.\n"
                                   "{visible, true}.\n"
                                   "{listen, #{port => 9100, address => \"127.0.0.1\"}}.\n"
                                   "{scope, [one, two]}.\n"
                                   "{net_ticktime, 8}.\n"
                                   "{epmd_port, 4370}. {start_epmd, false}.\n"
                                   "{metrics, #{hosts => [\"C1.example\"]}}.\n"
                                   "{tls, #{certfile => \"c.pem\"}}.\n"
                                   "{replica, r1, #{crdt => gset, storage => #{file => \"f\"}}}.\n"
                                   "{replica, r2, #{crdt => 'Elixir.Grove.Counter.PNCounter',"
                                   " actor => {a, 1}, group => g, sync_interval => 10}}.\n"),
                             &error);
    CU_ASSERT_EQUAL(e, OK);
    CU_ASSERT_EQUAL(config_check(&c, NULL, &error), OK);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.node), BYTES("c1@host")));
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.cookie_file), BYTES("/etc/cookie")));
    CU_ASSERT_EQUAL(c.connects, 2);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.connect[1].name), BYTES("b@host")));
    CU_ASSERT_TRUE(c.visible);
    CU_ASSERT_TRUE(c.follow);
    CU_ASSERT(c.port == 9100 && c.port_last == 9100);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.address), BYTES("127.0.0.1")));
    CU_ASSERT(c.tls.on && c.tls.file.len == 0);
    CU_ASSERT_FALSE(c.scope_auto);
    CU_ASSERT_EQUAL(c.scope_count, 2);
    CU_ASSERT_EQUAL(c.ticktime_ms, 8000);
    CU_ASSERT(c.epmd_port == 4370 && !c.start_epmd);
    CU_ASSERT(c.metrics.on && c.metrics.port == 9568 && c.metrics.host_count == 1);
    CU_ASSERT(bytes_equal(buf_bytes(&c.metrics.address), BYTES("127.0.0.1")));
    CU_ASSERT(bytes_equal(buf_bytes(&c.metrics.hosts[0]), BYTES("c1.example")));
    CU_ASSERT(metrics_is_local(&c.metrics) && metrics_shows_values(&c.metrics));
    CU_ASSERT_EQUAL(c.replica_count, 2);
    CU_ASSERT_EQUAL(c.stored_count, 1);
    config_replica(&c, 1, &name, &map);
    ASSERT_TERM(name, term_of("r2"));
    config_free(&c);
}

/* Asserts that the text is refused, at this line and with this in the message. */
static void refused(const char *text, unsigned line, const char *expected)
{
    struct config c;
    struct config_error error = {0};
    config_init(&c);
    CU_ASSERT_NOT_EQUAL(config_read(&c, bytes_of(text), &error), OK);
    bool as_expected = error.line == line && strstr(error.what, expected) != NULL;
    if (!as_expected)
        fprintf(stderr, "\n%s: line %u: %s\n", text, error.line, error.what);
    CU_ASSERT_TRUE(as_expected);
    config_free(&c);
}

static void refuses_invalid_files(void)
{
    refused("{node, 'nohost'}.", 1, "node: expected a node name");
    refused("{node, \"c1@host\"}.", 1, "node: expected");
    refused("{node, '@host'}.", 1, "node");
    refused("{node, 'c1@host'}.\n{colour, red}.", 2, "expected one of node, cookie_file, ");
    refused("{node, 'c1@host'}.\n{colour, red}.", 2, "replica, found colour");
    refused("{cookie, secret}.", 1, "cookie: belongs into the file of cookie_file");
    refused("{listen, #{address => \"localhost\"}}.", 1, "expected an IP address");
    refused("{listen, #{address => \"\"}}.", 1, "expected an IP address");
    refused("{listen, #{address => \"1.2.3\"}}.", 1, "expected an IP address");
    refused("{listen, #{address => \"::g\"}}.", 1, "expected an IP address");
    refused("{node, 'c1@host'", 1, "");
    refused("{node, 'c1@host'}\n{visible, true}.", 2, "");
    refused("node.", 1, "expected {Key, Value}, found node");
    refused("{node}.", 1, "expected {Key, Value}");
    refused("{visible, 1}.", 1, "true or false");
    refused("{follow, 'a@b'}.", 1, "follow: expected true or false");
    refused("{visible, true, false}.", 1, "{Key, Value}");
    refused("\n\n{net_ticktime, 3}.", 3, "seconds from 4 to 86400, found 3");
    refused("{net_ticktime, 86401}.", 1, "found 86401");
    refused("{net_ticktime, fast}.", 1, "found fast");
    refused("{listen, 8080}.", 1, "a map");
    refused("{listen, #{port => 65536}}.", 1, "0 to 65535");
    refused("{listen, #{prot => 1}}.", 1, "did you mean port?");
    refused("{listen, #{address => localhost}}.", 1, "address");
    refused("{connect, 'a@b'}.", 1, "a list of node names");
    refused("{connect, ['a@b'|c]}.", 1, "a list of node names");
    refused("{connect, [a]}.", 1, "found a");
    refused("{metrics, #{hosts => [7]}}.", 1, "metrics: hosts: expected a list of host names");
    refused("{metrics, #{hosts => [\"\"]}}.", 1, "metrics: hosts: expected a list of host names");
    refused("{metrics, #{hosts => [\"a b\"]}}.", 1,
            "metrics: hosts: expected a list of host names");
    refused("{metrics, #{hosts => [\"x\"|y]}}.", 1,
            "metrics: hosts: expected a list of host names");
    refused("{scope, []}.", 1, "scope");
    refused("{scope, 5}.", 1, "scope");
    refused("{cookie_file, []}.", 1, "a path");
    refused("{cookie_file, cookie}.", 1, "a path");
    refused("{epmd_port, 0}.", 1, "1 to 65535");
    refused("{start_epmd, no}.", 1, "true or false");
    refused("{replica, r}.", 1, "{replica, Name, Map}");
    refused("{replica, r, []}.", 1, "expected a map, found []");
    refused("{replica, \"r\", #{crdt => gcounter}}.", 1, "an atom");
    refused("{replica, r, #{}}.", 1, "crdt");
    refused("{replica, r, #{crdt => tree}}.", 1, "tree");
    refused("{replica, r, #{crdt => gcounter, colour => red}}.", 1, "colour");
    refused("{replica, r, #{crdt => gcounter, sync_interval => 9}}.", 1, "sync_interval");
    refused("{replica, r, #{crdt => gcounter}}.\n{replica, r, #{crdt => gcounter}}.", 2,
            "each name once, found r");
    refused("{visible, true}.\n{follow, true}.\n{visible, false}.", 3,
            "visible: expected each key once, found {visible,false}");
    refused("{node, 'a@h'}.\n{node, 'a@h'}.", 2, "node: expected each key once");
    refused("{connect, ['a@h']}. {connect, ['b@h']}.", 1, "connect: expected each key once");
}

static void reads_names_to_look_up(void)
{
    struct config c;
    struct config_error error;
    config_init(&c);
    CU_ASSERT_EQUAL(config_read(&c,
                                BYTES("{connect, ['a@h', {dns, \"x.internal\", #{name => app,"
                                      " interval => 100, port => 9100}}, {dns, <<\"y\">>}]}."),
                                &error),
                    OK);
    CU_ASSERT(c.connects == 1 && c.query_count == 2);
    CU_ASSERT(bytes_equal(buf_bytes(&c.queries[0].host), BYTES("x.internal")));
    CU_ASSERT(bytes_equal(buf_bytes(&c.queries[0].name), BYTES("app")));
    CU_ASSERT(c.queries[0].interval_ms == 100 && c.queries[0].port == 9100);
    CU_ASSERT(bytes_equal(buf_bytes(&c.queries[1].host), BYTES("y")));
    CU_ASSERT(c.queries[1].name.len == 0 && c.queries[1].interval_ms == 5000);
    CU_ASSERT_EQUAL(c.queries[1].port, 0);
    CU_ASSERT_EQUAL(config_flag(&c, "connect", BYTES("{dns, \"z\", #{name => <<\"n\">>}}"), &error),
                    OK);
    CU_ASSERT_EQUAL(config_flag(&c, "connect", BYTES("b@h:9100"), &error), OK);
    CU_ASSERT(c.query_count == 3 && c.connects == 2 && c.connect[1].port == 9100);
    CU_ASSERT_EQUAL(config_read(&c, BYTES("{connect, {dns, \"z\"}}."), &error), OK);
    CU_ASSERT(c.query_count == 1 && c.connects == 0);
    for (unsigned i = 1; i < 16; i++)
        CU_ASSERT_EQUAL(config_flag(&c, "connect", BYTES("{dns, \"z\"}"), &error), OK);
    CU_ASSERT_NOT_EQUAL(config_flag(&c, "connect", BYTES("{dns, \"z\"}"), &error), OK);
    CU_ASSERT_EQUAL(c.query_count, 16);
    config_free(&c);
}

#define X "{dns, \"x\"}, "

static void refuses_names_to_look_up(void)
{
    refused("{connect, [{dns, app}]}.", 1, "connect: dns: expected a host name as a string");
    refused("{connect, {dns, \"\"}}.", 1, "a host name");
    refused("{connect, {dns, [0]}}.", 1, "a host name");
    refused("{connect, [" X X X X X X X X X X X X X X X X "{dns, \"x\"}]}.", 1,
            "connect: expected at most 16 of {dns, Host, Map}");
    refused("{connect, {srv, \"x\"}}.", 1, "a list of node names and {dns, Host, Map}");
    refused("{connect, {dns}}.", 1, "found {dns}");
    refused("{connect, {}}.", 1, "found {}");
    refused("{connect, {dns, \"x\", [{name, app}]}}.", 1, "a map with name, interval and port");
    refused("{connect, {dns, \"x\", #{query => app}}}.", 1, "keys name, interval, port");
    refused("{connect, {dns, \"x\", #{name => \"a@b\"}}}.", 1, "before the @ of a node name");
    refused("{connect, {dns, \"x\", #{name => \"\"}}}.", 1, "before the @ of a node name");
    refused("{connect, {dns, \"x\", #{name => 5}}}.", 1, "before the @ of a node name");
    refused("{connect, {dns, \"x\", #{interval => 99}}}.", 1, "from 100 to 86400000, found 99");
    refused("{connect, {dns, \"x\", #{port => 0}}}.", 1, "1 to 65535, found 0");
    refused("{connect, [{dns, \"x\"}|{dns, \"x\"}]}.", 1, "a list of node names");
}

static void reads_a_range_of_ports(void)
{
    struct config c;
    struct config_error error;
    config_init(&c);
    CU_ASSERT_EQUAL(config_flag(&c, "listen", BYTES("#{port => {9100, 9110}}"), &error), OK);
    CU_ASSERT(c.port == 9100 && c.port_last == 9110);
    CU_ASSERT_EQUAL(config_flag(&c, "listen", BYTES("#{port => 9100}"), &error), OK);
    CU_ASSERT(c.port == 9100 && c.port_last == 9100);
    config_free(&c);
}

static void refuses_invalid_ports(void)
{
    refused("{listen, #{port => {9110, 9100}}}.", 1, "{First, Last} from 1 to 65535, found {9110,");
    refused("{listen, #{port => {0, 9100}}}.", 1, "found {0,9100}");
    refused("{listen, #{port => {9100, 65536}}}.", 1, "found {9100,65536}");
    refused("{listen, #{port => {9100}}}.", 1, "found {9100}");
    refused("{listen, #{port => {9100, 9101, 9102}}}.", 1, "found {9100,9101,9102}");
    refused("{listen, #{port => {9100, high}}}.", 1, "found {9100,high}");
    refused("{connect, ['a@h:http']}.", 1, "connect: expected a list of node names and");
    refused("{connect, ['a@h:0']}.", 1, "found 'a@h:0'");
    refused("{node, 'a@h:9100'}.", 1, "a name without a port");
    refused("{node, 'a@h:http'}.", 1, "a node name");
    refused("{epmd, no}.", 1, "epmd: expected true or false");
    refused("{peer_port, 0}.", 1, "peer_port: expected 1 to 65535, found 0");
    refused("{peer_port, {9100, 9101}}.", 1, "found {9100,9101}");
}

static void refuses_names_of_its_own(void)
{
    refused("{replica, coppice, #{crdt => gcounter}}.", 1,
            "replica coppice: name: expected an atom other than '', undefined, coppice, "
            "net_kernel, global_name_server and rex, found coppice");
    refused("{replica, net_kernel, #{crdt => gcounter}}.", 1, "found net_kernel");
    refused("{replica, rex, #{crdt => gcounter}}.", 1, "found rex");
    refused("{scope, coppice}.", 1, "scope: expected auto, a scope name");
    refused("{scope, [grove, rex]}.", 1, "found rex");
    refused("{scope, ''}.", 1, "found ''");
    refused("{scope, undefined}.", 1, "found undefined");
}

static void requires_a_node_name(void)
{
    struct config c;
    struct config_error error = {0};
    config_init(&c);
    CU_ASSERT_EQUAL(config_read(&c, BYTES("{visible, true}."), &error), OK);
    CU_ASSERT_NOT_EQUAL(config_check(&c, NULL, &error), OK);
    CU_ASSERT_EQUAL(error.line, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.what, "node: missing"));
    config_free(&c);
}

/* Asserts that each term is right, and the whole is not: this line, and this in the message. */
static void refused_whole(const char *text, unsigned line, const char *expected)
{
    struct config c;
    struct config_error error = {0};
    config_init(&c);
    CU_ASSERT_EQUAL(config_read(&c, bytes_of(text), &error), OK);
    CU_ASSERT_NOT_EQUAL(config_check(&c, NULL, &error), OK);
    bool as_expected = error.line == line && strstr(error.what, expected) != NULL;
    if (!as_expected)
        fprintf(stderr, "\n%s: line %u: %s\n", text, error.line, error.what);
    CU_ASSERT_TRUE(as_expected);
    config_free(&c);
}

#define NODE_LINE "{node, 'c1@host'}.\n"
#define IN_G      "#{crdt => gcounter, group => g"

static void reads_who_has_access(void)
{
    struct config c;
    struct config_error error;
    config_init(&c);
    CU_ASSERT(c.allows_all && c.allow.count == 0 && c.read_only.count == 0);
    CU_ASSERT_FATAL(config_read(&c,
                                BYTES(NODE_LINE "{allow, ['a@h', '*@k']}. {read_only, 'web*'}. "
                                                "{connect, ['a@h', 'b@k']}."),
                                &error) == OK);
    CU_ASSERT(!c.allows_all && c.allow.count == 2 && c.read_only.count == 1);
    CU_ASSERT(config_check(&c, NULL, &error) == OK);
    CU_ASSERT(config_flag(&c, "connect", BYTES("b@h"), &error) == OK);
    CU_ASSERT(config_check(&c, NULL, &error) == ERR_SHAPE);
    CU_ASSERT_STRING_EQUAL(
        error.what,
        "connect: 'b@h' is not among the nodes of allow: add it there, or take it out here");
    CU_ASSERT(config_flag(&c, "allow", BYTES("b@*"), &error) == OK);
    CU_ASSERT(c.allow.count == 1);
    CU_ASSERT(config_flag(&c, "allow", BYTES("[]"), &error) == OK);
    CU_ASSERT(!c.allows_all && c.allow.count == 0);
    CU_ASSERT(config_flag(&c, "allow", BYTES("web1"), &error) == ERR_SHAPE);
    CU_ASSERT_STRING_EQUAL(error.what, "allow: expected a list of node names, in which * stands "
                                       "for any characters, found web1");
    config_free(&c);
}

static void replicas_must_fit_together(void)
{
    refused_whole(NODE_LINE "{replica, a, " IN_G ", actor => x}}.\n"
                            "{replica, b, " IN_G "}}.\n  {replica, c, " IN_G ", actor => x}}.",
                  4, "replica c: actor: x is the actor of replica a, which has the same group");
    /* The node's name may come last. */
    refused_whole("{replica, a, " IN_G "}}.\n{replica, b, " IN_G
                  ", actor => <<\"a@c1@host\">>}}.\n" NODE_LINE,
                  2, "replica b: actor: <<\"a@c1@host\">> is the actor of replica a");
    refused_whole(NODE_LINE "{allow, a@h}.\n{connect, [b@h]}.", 3, "connect: 'b@h' is not among");
    refused_whole(NODE_LINE "\n{allow_certificates, x}.", 3, "allow_certificates: there are no");
    refused_whole(NODE_LINE "{epmd, false}.\n{connect, [b@h]}.", 3, "connect: no port is known");
    refused_whole(NODE_LINE "{epmd, false}.\n{connect, [{dns, \"x\"}]}.", 3,
                  "connect: no port is known");
    refused_whole(NODE_LINE "{replica, coppice_scope, #{crdt => gset}}.", 2,
                  "replica coppice_scope: name: coppice_scope is a pg scope of this node");
    /* The scope may come last. */
    refused_whole(NODE_LINE "{replica, g, #{crdt => gset}}.\n{scope, [s, g]}.", 2,
                  "replica g: name: g is a pg scope of this node");
    refused_whole(NODE_LINE "{replica, a, " IN_G ", storage => #{file => \"f\"}}}.\n"
                            "{replica, b, " IN_G ", storage => #{file => \"f\"}}}.",
                  3, "replica b: storage: replica a has the same file and group");
}

static enum err flag(struct config *c, const char *key, const char *value)
{
    struct config_error error = {0};
    return config_flag(c, key, bytes_of(value), &error);
}

static void flags_need_no_quotes(void)
{
    struct config c;
    config_init(&c);
    CU_ASSERT_EQUAL(flag(&c, "node", "c1@host"), OK);
    CU_ASSERT_EQUAL(flag(&c, "node", "'c2@host'"), OK);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.node), BYTES("c2@host")));
    CU_ASSERT_EQUAL(flag(&c, "cookie_file", "/etc/cookie"), OK);
    CU_ASSERT_EQUAL(flag(&c, "cookie_file", "\"/etc/other\""), OK);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.cookie_file), BYTES("/etc/other")));
    CU_ASSERT_EQUAL(flag(&c, "tls", "/etc/dist.conf"), OK);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.tls.file), BYTES("/etc/dist.conf")));
    CU_ASSERT_EQUAL(flag(&c, "tls", "#{cacertfile => \"ca.pem\"}"), OK);
    CU_ASSERT(c.tls.on && c.tls.file.len == 0);
    CU_ASSERT_EQUAL(flag(&c, "scope", "grove"), OK);
    CU_ASSERT_FALSE(c.scope_auto);
    CU_ASSERT_EQUAL(flag(&c, "scope", "auto"), OK);
    CU_ASSERT_TRUE(c.scope_auto);
    CU_ASSERT_EQUAL(flag(&c, "net_ticktime", "12"), OK);
    CU_ASSERT_EQUAL(c.ticktime_ms, 12000);
    CU_ASSERT_EQUAL(flag(&c, "follow", "true"), OK);
    CU_ASSERT_TRUE(c.follow);
    CU_ASSERT_EQUAL(flag(&c, "listen", "#{port => 1}"), OK);
    CU_ASSERT_EQUAL(c.port, 1);
    config_free(&c);
}

static void repeated_flags_add_to_lists(void)
{
    struct config c;
    config_init(&c);
    CU_ASSERT_EQUAL(flag(&c, "connect", "a@host"), OK);
    CU_ASSERT_EQUAL(flag(&c, "connect", "['b@host', 'c@host']"), OK);
    CU_ASSERT_EQUAL(c.connects, 3);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&c.connect[2].name), BYTES("c@host")));
    CU_ASSERT_EQUAL(flag(&c, "replica", "r1, #{crdt => gcounter}"), OK);
    CU_ASSERT_EQUAL(flag(&c, "replica", "r2, #{crdt => pncounter}"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "replica", "r2, #{crdt => pncounter}"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "replica", "r3"), OK);
    CU_ASSERT_EQUAL(c.replica_count, 2);
    struct config_error error = {0};
    CU_ASSERT_EQUAL(flag(&c, "node", "c1@host"), OK);
    CU_ASSERT_EQUAL(flag(&c, "replica", "r3, #{crdt => gset, group => r1, actor => 1}"), OK);
    CU_ASSERT_EQUAL(config_check(&c, NULL, &error), OK);
    CU_ASSERT_EQUAL(flag(&c, "replica", "r4, #{crdt => gset, group => r1, actor => 1}"), OK);
    CU_ASSERT_NOT_EQUAL(config_check(&c, NULL, &error), OK);
    CU_ASSERT_EQUAL(error.line, 0);
    config_free(&c);
}

static void refuses_invalid_flags(void)
{
    struct config c;
    char long_name[400];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    config_init(&c);
    CU_ASSERT_NOT_EQUAL(flag(&c, "colour", "red"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "node", "nohost"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "node", ""), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "node", "-coppice_1@host"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "node", long_name), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "node", "\xff@host"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "connect", "b\xff@host"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "scope", "\xc3"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "scope", long_name), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "visible", "yes"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "connect", "['a@b'"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "listen", ""), OK);
    config_free(&c);
}

static bool is_pattern(const struct config *c, size_t i, const char *wanted)
{
    return bytes_equal(buf_bytes(&c->allow_certificates.list[i]), bytes_of(wanted));
}

static void reads_whose_certificates_are_allowed(void)
{
    struct config c;
    struct config_error error;
    config_init(&c);
    CU_ASSERT_FALSE(c.certified);
    CU_ASSERT_EQUAL(config_read(&c,
                                BYTES("{node, 'a@h'}. {allow_certificates, [\"Web1.example.com\", "
                                      "<<\"*.example.org\">>, db]}."),
                                &error),
                    OK);
    CU_ASSERT(c.certified && c.allow_certificates.count == 3);
    CU_ASSERT(is_pattern(&c, 0, "web1.example.com") && is_pattern(&c, 1, "*.example.org"));
    CU_ASSERT_TRUE(is_pattern(&c, 2, "db"));
    CU_ASSERT_EQUAL(config_check(&c, NULL, &error), ERR_SHAPE);
    CU_ASSERT_STRING_EQUAL(error.what, "allow_certificates: there are no certificates without tls: "
                                       "set tls, too");
    CU_ASSERT_EQUAL(flag(&c, "tls", "dist.conf"), OK); /* whichever comes first */
    CU_ASSERT(c.tls.all_prove && config_check(&c, NULL, &error) == OK);
    CU_ASSERT_EQUAL(flag(&c, "allow_certificates", "*.example.com"), OK);
    CU_ASSERT(c.allow_certificates.count == 1 && is_pattern(&c, 0, "*.example.com"));
    CU_ASSERT(c.tls.all_prove);
    CU_ASSERT_EQUAL(flag(&c, "allow_certificates", "[]"), OK);
    CU_ASSERT(c.certified && c.allow_certificates.count == 0);
    CU_ASSERT_EQUAL(config_flag(&c, "allow_certificates", BYTES("web1@h"), &error), ERR_SHAPE);
    CU_ASSERT_STRING_EQUAL(error.what,
                           "allow_certificates: expected a list of names in certificates, such as "
                           "\"*.example.com\", in which * stands for any characters, found web1@h");
    CU_ASSERT_NOT_EQUAL(flag(&c, "allow_certificates", "[a, 7]"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "allow_certificates", "[a, \"\"]"), OK);
    CU_ASSERT_NOT_EQUAL(flag(&c, "allow_certificates", "[a | b]"), OK);
    config_free(&c);
}

/* Every key has a help text. */
static void keys_have_help(void)
{
    const char *help, *key;
    size_t i = 0;
    for (; (key = config_key(i, &help)) != NULL; i++)
        CU_ASSERT_TRUE(strlen(help) > 0);
    CU_ASSERT_EQUAL(i, 20);
}

#define LONG_NAME                                                                                  \
    "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"   \
    "\u20ac"                                                                                       \
    "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"   \
    "\u20ac"

/* Messages end names that are too long behind a whole character, of which 80 bytes have 26. */
static void shortens_names(void)
{
    static const char *const texts[] = {
        NODE_LINE "{connect, ['" LONG_NAME "@h']}. {allow, []}.",
        NODE_LINE "{connect, ['" LONG_NAME "@h']}. {epmd, false}.",
        NODE_LINE "{scope, '" LONG_NAME "'}. {replica, '" LONG_NAME "', #{crdt => gcounter}}.",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config c;
        struct config_error error;
        config_init(&c);
        CU_ASSERT(config_read(&c, bytes_of(texts[i]), &error) == OK);
        CU_ASSERT(config_check(&c, NULL, &error) == ERR_SHAPE);
        const char *shown = strstr(error.what, "\u20ac");
        CU_ASSERT_FATAL(shown != NULL);
        CU_ASSERT_EQUAL(strspn(shown, "\u20ac"), 78);
        config_free(&c);
    }
}

SUITE("configuration", TEST(defaults), TEST(shortens_names), TEST(reads_every_key),
      TEST(refuses_invalid_files), TEST(refuses_invalid_ports), TEST(reads_names_to_look_up),
      TEST(refuses_names_to_look_up), TEST(reads_a_range_of_ports), TEST(refuses_names_of_its_own),
      TEST(requires_a_node_name), TEST(replicas_must_fit_together), TEST(flags_need_no_quotes),
      TEST(repeated_flags_add_to_lists), TEST(refuses_invalid_flags), TEST(keys_have_help),
      TEST(reads_who_has_access), TEST(reads_whose_certificates_are_allowed))
