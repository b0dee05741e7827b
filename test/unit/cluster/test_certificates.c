/* Who may be connected by the names of its certificate: `allow_certificates`. */
#include "cluster/certificate.h"

#include "dist/handshake.h"
#include "sides.h"

static struct buf list[2];
static const struct name_patterns patterns = {list, 2};

static const struct bytes good[] = {{(const uint8_t *)"x.example.org", 13},
                                    {(const uint8_t *)"B.Example.COM", 13}};
static const struct bytes bad[] = {{(const uint8_t *)"c.example.com", 13},
                                   {(const uint8_t *)"10.0.0.1", 8}};
static const struct certificate allowed = {.dns = good, .dns_count = 2, .has_san = true};
static const struct certificate other = {.dns = bad, .dns_count = 2, .has_san = true};

#define REFUSED                                                                                    \
    "its certificate (DNS:c.example.com, DNS:10.0.0.1) has no name that is among those of "        \
    "allow_certificates;"

/* From now on, sides have TLS and allow b.example.com and all below example.net. */
static void restrict_all(void)
{
    buf_printf(&list[0], "b.example.com");
    buf_printf(&list[1], "*.example.net");
    allow_certificates = &patterns;
    with_tls = true;
}

static void restrict_none(void)
{
    allow_certificates = NULL;
    with_tls = false;
    buf_free(&list[0]);
    buf_free(&list[1]);
}

static void connects(struct side *s, enum connection_event_kind kind, uint32_t connection,
                     const struct certificate *certificate)
{
    event(s, (struct connection_event){kind, connection, .certificate = certificate});
}

/* --- names ------------------------------------------------------------------------- */

static bool matches(const char *cn, const char *dns, bool has_san)
{
    struct bytes name = dns != NULL ? bytes_of(dns) : (struct bytes){0};
    struct certificate c = {
        .cn = bytes_of(cn), .dns = &name, .dns_count = dns != NULL, .has_san = has_san};
    return certificate_matches(&c, &patterns);
}

static void names_are_those_of_hosts(void)
{
    restrict_all();
    CU_ASSERT_TRUE(matches("", "b.example.com", true));
    CU_ASSERT_TRUE(matches("", "B.EXAMPLE.com", true));
    CU_ASSERT_FALSE(matches("", "b.example.com.", true));
    CU_ASSERT_FALSE(matches("", "ab.example.com", true));
    CU_ASSERT_TRUE(matches("", "a.b.example.net", true));
    CU_ASSERT_FALSE(matches("", "example.net", true));
    CU_ASSERT_FALSE(matches("", "", true));
    restrict_none();
}

/* A certificate for every host of a domain is no proof of being one of them. */
static void a_star_in_a_certificate_stands_for_itself(void)
{
    restrict_all();
    CU_ASSERT_FALSE(matches("", "*.example.com", true));
    CU_ASSERT_FALSE(matches("", "*", true));
    CU_ASSERT_TRUE(matches("", "*.example.net", true));
    restrict_none();
}

static void the_cn_counts_without_other_names_only(void)
{
    restrict_all();
    CU_ASSERT_TRUE(matches("b.example.com", NULL, false));
    CU_ASSERT_FALSE(matches("c.example.com", NULL, false));
    CU_ASSERT_FALSE(matches("b.example.com", NULL, true)); /* an iPAddress, for instance */
    CU_ASSERT_FALSE(matches("b.example.com", "c.example.com", true));
    CU_ASSERT_FALSE(matches("", NULL, false));
    restrict_none();
}

static void patterns_are_checked(void)
{
    struct buf longest = {0};
    CU_ASSERT_TRUE(certificate_pattern_valid(BYTES("*")));
    CU_ASSERT_TRUE(certificate_pattern_valid(BYTES("a b")));
    CU_ASSERT_FALSE(certificate_pattern_valid(BYTES("")));
    CU_ASSERT_FALSE(certificate_pattern_valid(BYTES("web1@a.example.com")));
    CU_ASSERT_FALSE(certificate_pattern_valid(BYTES("a\n")));
    for (int i = 0; i < LIMIT_HOST_BYTES; i++)
        buf_put_u8(&longest, 'a');
    CU_ASSERT_TRUE(certificate_pattern_valid(buf_bytes(&longest)));
    buf_put_u8(&longest, 'a');
    CU_ASSERT_FALSE(certificate_pattern_valid(buf_bytes(&longest)));
    buf_free(&longest);
}

static struct buf shown(const struct certificate *c)
{
    struct buf text = {0};
    certificate_put_names(&text, c);
    return text;
}

static void few_names_are_shown(void)
{
    struct bytes many[LIMIT_CERTIFICATE_NAMES];
    struct certificate c = {.cn = BYTES("web1"), .dns = many, .dns_count = LIMIT_CERTIFICATE_NAMES};
    for (int i = 0; i < LIMIT_CERTIFICATE_NAMES; i++)
        many[i] = BYTES("a.very.long.name.of.a.host.example.com");
    c.has_san = true;
    struct buf text = shown(&c);
    CU_ASSERT(text.len < 300 && text.at[text.len - 1] == 'e');
    CU_ASSERT(memcmp(text.at + text.len - 14, ", and 251 more", 14) == 0);
    buf_free(&text);
    c.dns_count = 0;
    text = shown(&c);
    CU_ASSERT(are(&text, "no DNS name"));
    buf_free(&text);
    c.has_san = false;
    text = shown(&c);
    CU_ASSERT(are(&text, "CN=web1"));
    buf_free(&text);
}

/* --- connections ------------------------------------------------------------------- */

/* It gets an answer, which its name was not needed for. */
static void others_are_refused(void)
{
    restrict_all();
    serve(&a, BYTES("a@h"));
    connects(&a, CONNECTION_ACCEPTED, 2, &other);
    CU_ASSERT_TRUE(bytes_equal(buf_bytes(&a.sent), BYTES("\0\0\0\14snot_allowed")));
    buf_clear(&a.sent);
    CU_ASSERT_EQUAL(a.closed, 2);
    CU_ASSERT(are(&a.log, "a stranger disconnected: " REFUSED));
    connects(&a, CONNECTION_ACCEPTED, 4, NULL);
    CU_ASSERT_EQUAL(a.closed, 4);
    CU_ASSERT(are(&a.log, "a stranger disconnected: no certificate of it is verified, and "
                          "allow_certificates compares names;"));
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 2);
    connects(&a, CONNECTION_ACCEPTED, 6, &allowed);
    CU_ASSERT_EQUAL(a.closed, 4);
    close_side(&a);
    restrict_none();
}

/* They fill no disk with lines, cost no other stranger its connection, and no memory. */
static void lines_are_few(void)
{
    restrict_all();
    serve(&a, BYTES("a@h"));
    connects(&a, CONNECTION_ACCEPTED, 2, &allowed);
    for (uint32_t i = 2; i <= 1000; i++)
        connects(&a, CONNECTION_ACCEPTED, 2 * i, &other);
    size_t lines = 0;
    for (size_t i = 0; i < a.log.len; i++)
        lines += a.log.at[i] == ';';
    CU_ASSERT_EQUAL(lines, LIMIT_FEW_LINES);
    CU_ASSERT(cluster_not_allowed(a.cluster) == 999 && a.closes == 999);
    close_side(&a);
    restrict_none();
}

/* a dials b, which shows this certificate. */
static void dial_b(const struct certificate *certificate)
{
    serve(&a, BYTES("a@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true); /* epmd has no certificate */
    CU_ASSERT_TRUE(a.tls);
    connects(&a, CONNECTION_OPENED, a.dialled, certificate);
}

static void others_are_not_dialled(void)
{
    restrict_all();
    dial_b(&other);
    CU_ASSERT_EQUAL(a.sent.len, 0);
    CU_ASSERT_EQUAL(a.closed, a.dialled);
    CU_ASSERT(are(&a.log, "cannot connect to b@h: " REFUSED));
    CU_ASSERT(are(&a.events, "unreachable b@h;"));
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 1);
    /* It is tried again, for it may get another certificate, and logged once. */
    unsigned dials = a.dials;
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT_EQUAL(a.dials, dials + 1);
    looks_up(&a, true);
    connects(&a, CONNECTION_OPENED, a.dialled, &other);
    CU_ASSERT(are(&a.log, ""));
    CU_ASSERT_EQUAL(cluster_not_allowed(a.cluster), 2);
    close_side(&a);
    dial_b(NULL);
    CU_ASSERT(are(&a.log, "cannot connect to b@h: no certificate of it is verified, and "
                          "allow_certificates compares names;"));
    close_side(&a);
    restrict_none();
}

/* A node that is allowed needs a certificate that is, and the other way round. */
static void both_lists_count(void)
{
    struct buf name = {0}, message = {0};
    const struct name_patterns names = {&name, 1};
    restrict_all();
    buf_printf(&name, "b@h");
    allow = &names;
    dial_b(&allowed);
    CU_ASSERT(a.sent.len > 0 && cluster_not_allowed(a.cluster) == 0);
    connects(&a, CONNECTION_ACCEPTED, 2, &allowed);
    buf_put_u16(&message, 0);
    put_name(&message, &(struct hello){DFLAGS_OURS, 1, BYTES("c@h")});
    reads(&a, 2, buf_bytes(&message));
    CU_ASSERT_EQUAL(a.closed, 2);
    CU_ASSERT(are(&a.log, "c@h disconnected: it is not among the nodes of allow;"));
    allow = NULL;
    close_side(&a);
    buf_free(&name);
    buf_free(&message);
    restrict_none();
}

/* What refuses a dial, as a node with the same program reads it. */
static void the_refused_are_told(void)
{
    restrict_all();
    serve(&b, BYTES("b@h"));
    connects(&b, CONNECTION_ACCEPTED, AT_B, &other);
    dial_b(&allowed);
    buf_clear(&a.sent);
    struct buf answer = b.sent;
    b.sent = (struct buf){0};
    reads(&a, a.dialled, buf_bytes(&answer));
    CU_ASSERT(are(&a.log, "cannot connect to b@h: the peer refuses this node: is it allowed there "
                          "(allow, net_kernel:allow/1)?;"));
    buf_free(&answer);
    close_both();
    restrict_none();
}

SUITE("certificates", TEST(names_are_those_of_hosts),
      TEST(a_star_in_a_certificate_stands_for_itself), TEST(the_cn_counts_without_other_names_only),
      TEST(patterns_are_checked), TEST(few_names_are_shown), TEST(others_are_refused),
      TEST(lines_are_few), TEST(others_are_not_dialled), TEST(both_lists_count),
      TEST(the_refused_are_told))
