#include "node/tls_options.h"

#include <stdio.h>
#include <string.h>

#include "term/text.h"
#include "unit/suite.h"

static struct tls_options options;
static struct tls_error error;

static enum err read_value(const char *text)
{
    struct buf term = {0};
    struct text_error wrong;
    CU_ASSERT_FATAL(text_single(bytes_of(text), &term, &wrong) == OK);
    enum err e = tls_options_read(&options, buf_bytes(&term), &error);
    buf_free(&term);
    return e;
}

static bool is(const struct buf *b, const char *wanted)
{
    return bytes_equal(buf_bytes(b), bytes_of(wanted));
}

static void a_map_is_for_both_roles(void)
{
    CU_ASSERT_EQUAL(read_value("#{certfile => \"c.pem\", keyfile => <<\"k.pem\">>, depth => 1,"
                               " cacertfile => \"ca.pem\", versions => ['tlsv1.3'],"
                               " password => \"secret\", crlfile => \"crl\", crl_check => peer,"
                               " wildcards => true, hibernate_after => 5}"),
                    OK);
    CU_ASSERT_TRUE(options.on);
    for (int i = 0; i < TLS_ROLES; i++) {
        const struct tls_role *r = &options.roles[i];
        CU_ASSERT(is(&r->certfile, "c.pem") && is(&r->keyfile, "k.pem"));
        CU_ASSERT(is(&r->cacertfile, "ca.pem") && is(&r->password, "secret"));
        CU_ASSERT(is(&r->crlfile, "crl") && r->crl_check == CRL_PEER && r->depth == 1);
        CU_ASSERT(!r->versions[0] && r->versions[1] && r->wildcards && r->must_show);
    }
    tls_options_free(&options);
    CU_ASSERT_FALSE(options.on);
}

/* As in OTP 26 and later. */
static void only_clients_verify_by_default(void)
{
    CU_ASSERT_EQUAL(read_value("#{}"), OK);
    CU_ASSERT(options.roles[TLS_CLIENT].verify && !options.roles[TLS_SERVER].verify);
    CU_ASSERT(options.roles[TLS_SERVER].versions[0] && options.roles[TLS_SERVER].versions[1]);
    CU_ASSERT_EQUAL(read_value("#{verify => verify_peer}"), OK);
    CU_ASSERT(options.roles[TLS_CLIENT].verify && options.roles[TLS_SERVER].verify);
    CU_ASSERT_EQUAL(read_value("#{verify => verify_none}"), OK);
    CU_ASSERT(!options.roles[TLS_CLIENT].verify && !options.roles[TLS_SERVER].verify);
    tls_options_free(&options);
}

static void ciphers_of_tls_1_3_are_a_list_of_their_own(void)
{
    static const char *const texts[] = {
        "#{ciphers => \"A-B:TLS_X:C::TLS_Y\"}",
        "#{ciphers => [\"A-B\", \"TLS_X:C\", <<\"TLS_Y\">>]}",
    };
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(read_value(texts[i]), OK);
        CU_ASSERT(is(&options.roles[0].ciphers, "A-B:C"));
        CU_ASSERT(is(&options.roles[1].suites, "TLS_X:TLS_Y"));
    }
    tls_options_free(&options);
}

static void lists_of_revoked_certificates_are_used_as_told(void)
{
    static const struct {
        const char *value;
        enum tls_crl_check wanted;
    } checks[] = {{"#{crl_check => false}", CRL_NO},
                  {"#{crl_check => true}", CRL_CHAIN},
                  {"#{crl_check => peer}", CRL_PEER},
                  {"#{crl_check => best_effort}", CRL_BEST_EFFORT}};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        CU_ASSERT_EQUAL(read_value(checks[i].value), OK);
        CU_ASSERT_EQUAL(options.roles[TLS_SERVER].crl_check, checks[i].wanted);
        tls_options_free(&options);
    }
}

static void a_path_is_kept(void)
{
    CU_ASSERT_EQUAL(read_value("\"/etc/dist.conf\""), OK);
    CU_ASSERT(options.on && is(&options.file, "/etc/dist.conf"));
    tls_options_free(&options);
}

static void reads_an_option_file(void)
{
    static const char text[] =
        "%% of -ssl_dist_optfile\n"
        "[{server, [{certfile, \"s.pem\"}, {verify, verify_peer}, {secure_renegotiate, true},\n"
        "           {verify_fun, {fun inet_tls_dist:verify_client/3, []}},\n"
        "           {crl_check, true},\n"
        "           {crl_cache, {ssl_crl_hash_dir, {internal, [{dir, \"crls\"}]}}}]},\n"
        " {client, [{cacertfile, \"ca.pem\"}]}].\n";
    const struct tls_role *server = &options.roles[TLS_SERVER];
    const struct tls_role *client = &options.roles[TLS_CLIENT];
    CU_ASSERT_EQUAL(tls_options_read_file(&options, bytes_of(text), &error), OK);
    CU_ASSERT(is(&server->certfile, "s.pem") && server->verify && is(&server->crl_dir, "crls"));
    CU_ASSERT(server->crl_check == CRL_CHAIN && server->cacertfile.len == 0);
    CU_ASSERT(client->verify && is(&client->cacertfile, "ca.pem") && client->certfile.len == 0);
    tls_options_free(&options);
}

static void refuses_values(void)
{
    static const struct {
        const char *text, *what;
    } wrong[] = {
        {"yes", "tls: expected a map with certfile and others, or the path of an option file, "
                "found yes"},
        {"\"\"", "tls: expected a map"},
        {"#{certfile => 1}", "certfile: expected a path as a string, found 1"},
        {"#{verify => true}", "verify: expected verify_none or verify_peer, found true"},
        {"#{fail_if_no_peer_cert => 1}", "fail_if_no_peer_cert: expected true or false, found 1"},
        {"#{versions => []}", "versions: expected a list of 'tlsv1.2' and 'tlsv1.3', found []"},
        {"#{versions => ['tlsv1.1']}", "versions: expected a list of"},
        {"#{versions => ['tlsv1.2' | x]}", "versions: expected a list of"},
        {"#{ciphers => []}", "ciphers: expected names of OpenSSL"},
        {"#{ciphers => [\"A\", 1]}", "ciphers: expected names of OpenSSL"},
        {"#{depth => 256}", "depth: expected 0 to 255, found 256"},
        {"#{password => secret}", "password: expected a string"},
        {"#{crl_check => yes}", "crl_check: expected true, false, peer or best_effort, found yes"},
        {"#{crl_cache => {ssl_crl_cache, {internal, []}}}",
         "crl_cache: expected {ssl_crl_hash_dir, {internal, [{dir, Path}]}}, found"},
        {"#{verify_fun => {fun m:f/3, []}}",
         "verify_fun: expected {fun inet_tls_dist:verify_client"},
        {"#{cert => <<1>>}", "option: expected one of certfile, keyfile, password, "},
        {"#{1 => 2}", "option: expected one of certfile, "},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT_EQUAL(read_value(wrong[i].text), ERR_SHAPE);
        bool good = strncmp(error.what, wrong[i].what, strlen(wrong[i].what)) == 0;
        CU_ASSERT_TRUE(good && !options.on);
        if (!good)
            fprintf(stderr, "\n%s: %s\n", wrong[i].text, error.what);
        tls_options_free(&options);
    }
}

static void refuses_option_files(void)
{
    static const struct {
        const char *text, *what;
        unsigned line;
    } wrong[] = {
        {"", "", 1},
        {"[{server, [}].", "", 1},
        {"[\n{server, [{certfile, }]}].", "", 2},
        {"{server, []}.", "option file: expected [{server, Options}, {client, Options}]", 0},
        {"[{server, []}, {both, []}].", "option file: expected", 0},
        {"[{server, []} | client].", "option file: expected", 0},
        {"[{server, [{certfile, \"c\"} | x]}].", "options: expected a list", 0},
        {"[{client, [certfile]}].", "option: expected {Key, Value}, found certfile", 0},
        {"[{client, [{depth, -1}]}].", "depth: expected 0 to 255, found -1", 0},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT(tls_options_read_file(&options, bytes_of(wrong[i].text), &error) != OK);
        CU_ASSERT_EQUAL(error.line, wrong[i].line);
        CU_ASSERT_EQUAL(strncmp(error.what, wrong[i].what, strlen(wrong[i].what)), 0);
        CU_ASSERT_FALSE(options.on);
        tls_options_free(&options);
    }
}

/* For allow_certificates: what each role lacks. */
static void names_are_proved_by_verified_peers_only(void)
{
    static const struct {
        const char *text, *what; /* NULL: nothing */
    } tries[] = {
        {"[{server, [{verify, verify_peer}]}]", NULL},
        {"[]", "verify: allow_certificates compares the names of nodes that dial (server), and so "
               "needs verify => verify_peer"},
        {"[{server, [{verify, verify_peer}, {fail_if_no_peer_cert, false}]}]",
         "fail_if_no_peer_cert: allow_certificates compares the names of nodes that dial "},
        {"[{server, [{verify, verify_peer}]}, {client, [{verify, verify_none}]}]",
         "verify: allow_certificates compares the names of nodes that are dialled (client)"},
    };
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct buf text = {0};
        buf_printf(&text, "%s.", tries[i].text);
        CU_ASSERT_EQUAL(tls_options_read_file(&options, buf_bytes(&text), &error), OK);
        enum err e = tls_options_check_proof(&options, &error);
        CU_ASSERT_EQUAL(e == OK, tries[i].what == NULL);
        CU_ASSERT(e == OK || strncmp(error.what, tries[i].what, strlen(tries[i].what)) == 0);
        tls_options_free(&options);
        buf_free(&text);
    }
}

SUITE("tls options", TEST(a_map_is_for_both_roles), TEST(only_clients_verify_by_default),
      TEST(ciphers_of_tls_1_3_are_a_list_of_their_own),
      TEST(lists_of_revoked_certificates_are_used_as_told), TEST(a_path_is_kept),
      TEST(reads_an_option_file), TEST(refuses_values), TEST(refuses_option_files),
      TEST(names_are_proved_by_verified_peers_only))
