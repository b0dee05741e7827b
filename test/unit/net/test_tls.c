/* Two ends of a TLS connection, joined in memory.  test/interop/tls_refusal_test.exs has more
 * certificates that are refused. */
#include "net/tls.h"

#include <string.h>

#include "certificate.h"

#define LARGE (20u * 1024 * 1024)

struct pair {
    struct tls *a, *b; /* a dials b */
};

/* Passes what from has to say; appends what to reads. */
static void pass(struct tls *from, struct tls *to, struct buf *read)
{
    uint8_t room[1000];
    size_t count = 1;
    struct buf sent = *tls_out(from);
    *tls_out(from) = (struct buf){0};
    tls_feed(to, buf_bytes(&sent));
    while (count > 0) {
        count = tls_read(to, room, sizeof(room));
        if (read != NULL)
            buf_put(read, (struct bytes){room, count});
    }
    buf_free(&sent);
}

static struct pair shake(const char *host)
{
    struct pair p = {tls_new_client(contexts.client, host), tls_new_server(contexts.server)};
    while (tls_out(p.a)->len + tls_out(p.b)->len > 0) {
        if (tls_out(p.a)->len > 0)
            pass(p.a, p.b, NULL);
        if (tls_out(p.b)->len > 0)
            pass(p.b, p.a, NULL);
    }
    return p;
}

static void pair_free(struct pair *p)
{
    tls_free(p->a);
    tls_free(p->b);
}

static bool are_open(const struct pair *p)
{
    return tls_state(p->a) == TLS_OPEN && tls_state(p->b) == TLS_OPEN;
}

static void check_names(const struct certificate *c)
{
    CU_ASSERT_FATAL(c != NULL && c->dns_count == 2 && c->has_san);
    CU_ASSERT(bytes_equal(c->cn, BYTES("web1")));
    CU_ASSERT(bytes_equal(c->dns[0], BYTES("a.example.com")));
    CU_ASSERT(bytes_equal(c->dns[1], BYTES("*.example.org")));
}

static void both_learn_the_names(void)
{
    open_contexts("");
    struct pair p = shake("a.example.com");
    CU_ASSERT_TRUE(are_open(&p));
    check_names(tls_peer(p.a));
    check_names(tls_peer(p.b));
    pair_free(&p);
    tls_contexts_free(&contexts);
}

/* A name that nobody has vouched for is none. */
static void names_that_are_not_verified_are_not_told(void)
{
    open_contexts(", {verify, verify_none}");
    struct pair p = shake("elsewhere");
    CU_ASSERT_TRUE(are_open(&p));
    CU_ASSERT(tls_peer(p.a) == NULL && tls_peer(p.b) == NULL);
    pair_free(&p);
    tls_contexts_free(&contexts);
}

static void the_host_is_checked(void)
{
    static const struct {
        const char *host, *more;
        bool good;
    } tries[] = {
        {"a.example.com", "", true},  {"A.Example.COM", "", true},
        {"127.0.0.1", "", true},      {"127.0.0.2", "", false},
        {"b.example.com", "", false}, {"web1", "", false}, /* only without a subjectAltName */
        {"x.example.org", "", false}, {"x.example.org", ", {wildcards, true}", true},
    };
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        open_contexts(tries[i].more);
        struct pair p = shake(tries[i].host);
        CU_ASSERT_EQUAL(are_open(&p), tries[i].good);
        CU_ASSERT_EQUAL(tls_state(p.a) == TLS_FAILED, !tries[i].good);
        CU_ASSERT_EQUAL(strstr(tls_why(p.a), tries[i].host) != NULL, !tries[i].good);
        CU_ASSERT_EQUAL(strstr(tls_why(p.b), "refuses this node's certificate") != NULL,
                        !tries[i].good);
        pair_free(&p);
        tls_contexts_free(&contexts);
    }
}

static void much_is_carried_both_ways(void)
{
    struct buf large = {0}, read = {0};
    open_contexts("");
    struct pair p = shake("a.example.com");
    uint8_t *at = buf_room(&large, LARGE);
    for (size_t i = 0; i < LARGE; i++)
        at[i] = (uint8_t)(i * i >> 8);
    large.len = LARGE;
    for (int way = 0; way < 2; way++) {
        struct tls *from = way == 0 ? p.a : p.b, *to = way == 0 ? p.b : p.a;
        buf_clear(&read);
        CU_ASSERT_TRUE(tls_write(from, buf_bytes(&large)));
        CU_ASSERT(tls_out(from)->len > LARGE && tls_out(from)->len < LARGE + LARGE / 100);
        pass(from, to, &read);
        CU_ASSERT_TRUE(bytes_equal(buf_bytes(&read), buf_bytes(&large)));
    }
    buf_free(&large);
    buf_free(&read);
    pair_free(&p);
    tls_contexts_free(&contexts);
}

static void the_end_is_told(void)
{
    open_contexts("");
    struct pair p = shake("a.example.com");
    CU_ASSERT_TRUE(tls_write(p.a, BYTES("last")));
    tls_end(p.a);
    struct buf read = {0};
    pass(p.a, p.b, &read);
    CU_ASSERT(read.len == 4 && tls_state(p.b) == TLS_ENDED);
    CU_ASSERT_FALSE(tls_write(p.b, BYTES("too late")));
    buf_free(&read);
    pair_free(&p);
    tls_contexts_free(&contexts);
}

/* Each byte of a record changed: the connection fails, and nothing of it is read. */
static void a_changed_record_is_refused(void)
{
    for (size_t i = 0; i < 30; i++) {
        struct buf read = {0};
        open_contexts("");
        struct pair p = shake("a.example.com");
        CU_ASSERT_TRUE(tls_write(p.a, BYTES("something")));
        if (i < tls_out(p.a)->len && (i < 3 || i > 4))
            tls_out(p.a)->at[i] ^= 0x10;
        else
            buf_put_u8(tls_out(p.a), 0); /* a length, or none left: it waits for more */
        bool whole = i >= 3 && (i <= 4 || i >= tls_out(p.a)->len - 1);
        pass(p.a, p.b, &read);
        CU_ASSERT_EQUAL(tls_state(p.b), whole ? TLS_OPEN : TLS_FAILED);
        CU_ASSERT_EQUAL(read.len, whole ? 9 : 0);
        buf_free(&read);
        pair_free(&p);
        tls_contexts_free(&contexts);
    }
}

static void whoever_does_not_speak_it_is_told(void)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "\0\x15N\0\0\0\xd\x7f\xff", "x"};
    static const size_t lengths[] = {18, 9, 1};
    open_contexts("");
    for (size_t i = 0; i < 3; i++) {
        struct tls *t = tls_new_server(contexts.server);
        tls_feed(t, (struct bytes){(const uint8_t *)texts[i], lengths[i]});
        CU_ASSERT_EQUAL(tls_read(t, NULL, 0), 0);
        tls_feed(t, (struct bytes){0});
        tls_feed_end(t);
        CU_ASSERT_EQUAL(tls_read(t, NULL, 0), 0);
        CU_ASSERT_EQUAL(tls_state(t), TLS_FAILED);
        CU_ASSERT(tls_out(t)->len == 7 && tls_out(t)->at[0] == 0x15);
        CU_ASSERT_EQUAL(strstr(tls_why(t), "does not speak TLS") != NULL, i < 2);
        tls_free(t);
    }
    tls_contexts_free(&contexts);
    unlink(pem);
}

SUITE("tls", TEST(both_learn_the_names), TEST(names_that_are_not_verified_are_not_told),
      TEST(the_host_is_checked), TEST(much_is_carried_both_ways), TEST(the_end_is_told),
      TEST(a_changed_record_is_refused), TEST(whoever_does_not_speak_it_is_told))
