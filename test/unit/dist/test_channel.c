/* Two channels connected to each other, and input that no BEAM would send.  Recorded
 * connections are in test_replay.c. */
#include <malloc.h>
#include <string.h>

#include "dist/channel.h"
#include "dist/control.h"
#include "dist/flags.h"
#include "limits.h"
#include "unit/suite.h"

/* Fixed challenges make the output reproducible. */
#define CHALLENGE_A 1000000001
#define CHALLENGE_B 4000000002

static const struct channel_self self_a = {
    {(const uint8_t *)"a@h", 3}, {(const uint8_t *)"cookie", 6}, DFLAGS_OURS, 11, false};
static const struct channel_self self_b = {{(const uint8_t *)"b@h", 3},
                                           {(const uint8_t *)"cookie", 6},
                                           DFLAGS_OURS | DFLAG_PUBLISHED,
                                           12,
                                           false};

struct pair {
    struct channel *a, *b; /* a dials b */
};

static struct pair pair_of(const struct channel_self *a, const struct channel_self *b)
{
    return (struct pair){channel_dial(a, BYTES("b@h"), CHALLENGE_A),
                         channel_accept(b, CHALLENGE_B)};
}

static void pair_free(struct pair *p)
{
    channel_free(p->a);
    channel_free(p->b);
}

/* Passes the output of from to to; returns to's next event. */
static enum channel_event pass(struct channel *from, struct channel *to, struct signal *signal)
{
    channel_feed(to, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
    return channel_next(to, signal);
}

/* The challenge follows the status, by itself. */
static void accept_peer(struct channel *c, enum status status)
{
    struct signal signal;
    channel_answer(c, status);
    size_t len = channel_out(c)->len, head = len - strlen(status_text(status));
    CU_ASSERT(head == 3 || head == 5); /* inside TLS */
    CU_ASSERT_EQUAL(channel_next(c, &signal), CHANNEL_QUIET);
    CU_ASSERT(channel_out(c)->len > len);
}

static void connect_pair(struct pair *p)
{
    struct signal signal;
    CU_ASSERT_EQUAL(pass(p->a, p->b, &signal), CHANNEL_NAMED);
    accept_peer(p->b, STATUS_OK);
    CU_ASSERT_EQUAL(pass(p->b, p->a, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p->a, p->b, &signal), CHANNEL_UP);
    CU_ASSERT_EQUAL(pass(p->b, p->a, &signal), CHANNEL_UP);
    CU_ASSERT(channel_is_up(p->a) && channel_is_up(p->b));
}

static void connects(void)
{
    struct pair p = pair_of(&self_a, &self_b);
    CU_ASSERT(bytes_equal(channel_peer(p.a), BYTES("b@h")));
    CU_ASSERT_EQUAL(channel_peer(p.b).len, 0);
    CU_ASSERT(!channel_is_up(p.a) && !channel_is_up(p.b));
    connect_pair(&p);
    CU_ASSERT(bytes_equal(channel_peer(p.b), BYTES("a@h")));
    CU_ASSERT_EQUAL(channel_peer_creation(p.a), 12);
    CU_ASSERT_EQUAL(channel_peer_creation(p.b), 11);
    /* hidden, because a is */
    CU_ASSERT_EQUAL(channel_flags(p.a), DFLAGS_OURS);
    CU_ASSERT_EQUAL(channel_flags(p.b), DFLAGS_OURS);
    CU_ASSERT_EQUAL(channel_error(p.a), OK);
    CU_ASSERT_EQUAL(channel_refusal(p.a), STATUSES);
    pair_free(&p);
    channel_free(NULL);
}

/* With TLS each length has 4 bytes; every message and answer of the handshake has one. */
static void connects_inside_tls(void)
{
    struct channel_self a = self_a, b = self_b;
    struct signal signal;
    a.tls = b.tls = true;
    struct pair p = pair_of(&a, &b);
    const struct buf *sent = channel_out(p.a);
    CU_ASSERT(sent->len == 4u + sent->at[3] && sent->at[2] == 0 && sent->at[4] == 'N');
    connect_pair(&p);
    channel_tick(p.a);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_QUIET);
    pair_free(&p);
    p = pair_of(&a, &b);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    channel_answer(p.b, STATUS_ALIVE);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_ALIVE);
    channel_replace(p.a, true);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_UP);
    pair_free(&p);
}

/* The first bytes of a client's hello, and a server's alert about ours. */
static void notices_a_peer_with_tls(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    channel_feed(p.b, hex("16 0301 0200 01"));
    channel_feed(p.a, hex("15 0303 0002 020a"));
    CU_ASSERT_EQUAL(channel_next(p.a, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_next(p.b, &signal), CHANNEL_BAD);
    CU_ASSERT(channel_error(p.a) == ERR_SPEAKS_TLS && channel_error(p.b) == ERR_SPEAKS_TLS);
    pair_free(&p);
}

static void accepts_a_simultaneous_connect(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    accept_peer(p.b, STATUS_OK_SIMULTANEOUS);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_UP);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_UP);
    pair_free(&p);
}

static void refuses_peers(void)
{
    static const enum status refusals[] = {STATUS_NOK, STATUS_NOT_ALLOWED};
    struct signal signal;
    for (size_t i = 0; i < 2; i++) {
        struct pair p = pair_of(&self_a, &self_b);
        CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
        channel_answer(p.b, refusals[i]);
        CU_ASSERT_EQUAL(channel_error(p.b), ERR_STATUS);
        CU_ASSERT_EQUAL(channel_refusal(p.b), STATUSES);
        CU_ASSERT_EQUAL(channel_next(p.b, &signal), CHANNEL_BAD);
        CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_BAD);
        CU_ASSERT_EQUAL(channel_error(p.a), ERR_STATUS);
        CU_ASSERT_EQUAL(channel_refusal(p.a), refusals[i]);
        pair_free(&p);
    }
}

static struct pair alive_pair(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    channel_answer(p.b, STATUS_ALIVE);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_ALIVE);
    CU_ASSERT_EQUAL(channel_next(p.a, &signal), CHANNEL_QUIET);
    return p;
}

static void replaces_an_older_connection(void)
{
    struct signal signal;
    struct pair p = alive_pair();
    channel_replace(p.a, true);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_UP);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_UP);
    pair_free(&p);
}

static void keeps_an_older_connection(void)
{
    struct signal signal;
    struct pair p = alive_pair();
    channel_replace(p.a, false);
    CU_ASSERT_EQUAL(channel_error(p.a), ERR_STATUS);
    CU_ASSERT_EQUAL(channel_refusal(p.a), STATUS_ALIVE);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.b), ERR_STATUS);
    CU_ASSERT_EQUAL(channel_refusal(p.b), STATUS_FALSE);
    pair_free(&p);
    p = alive_pair();
    channel_feed(p.b, hex("0003 736f6b")); /* sok */
    CU_ASSERT_EQUAL(channel_next(p.b, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.b), ERR_SHAPE);
    pair_free(&p);
}

/* The acceptor notices, and sends neither an answer nor a digest. */
static void refuses_a_wrong_cookie(void)
{
    struct signal signal;
    for (unsigned side = 0; side < 2; side++) {
        struct channel_self a = self_a, b = self_b;
        (side == 0 ? &a : &b)->cookie = BYTES("cookies");
        struct pair p = pair_of(&a, &b);
        CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
        accept_peer(p.b, STATUS_OK);
        CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
        CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_BAD);
        CU_ASSERT_EQUAL(channel_error(p.b), ERR_COOKIE);
        CU_ASSERT_EQUAL(channel_out(p.b)->len, 0);
        CU_ASSERT(!channel_is_up(p.b));
        pair_free(&p);
    }
}

/* An acceptor that does not know the cookie is found out by its digest. */
static void refuses_a_wrong_digest(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    accept_peer(p.b, STATUS_OK);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_UP);
    struct buf *ack = channel_out(p.b);
    ack->at[ack->len - 1] ^= 1;
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.a), ERR_COOKIE);
    CU_ASSERT(!channel_is_up(p.a));
    pair_free(&p);
}

static void refuses_another_node(void)
{
    struct signal signal;
    struct channel_self other = self_b;
    other.name = BYTES("b@other");
    struct pair p = pair_of(&self_a, &other);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    accept_peer(p.b, STATUS_OK);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.a), ERR_NAME);
    CU_ASSERT(bytes_equal(channel_called(p.a), BYTES("b@other")));
    CU_ASSERT(channel_called(p.b).len == 0);
    CU_ASSERT_EQUAL(channel_out(p.a)->len, 0); /* no digest for a stranger */
    pair_free(&p);
}

static void requires_flags(void)
{
    struct signal signal;
    struct channel_self weak = self_a;
    weak.flags &= ~(DFLAG_MANDATORY_25_DIGEST | DFLAG_BIG_CREATION);
    struct pair p = pair_of(&weak, &self_b);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.b), ERR_FLAGS);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_refusal(p.a), STATUS_NOT_ALLOWED);
    pair_free(&p);
    weak.name = BYTES("b@h");
    p = pair_of(&self_a, &weak);
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    accept_peer(p.b, STATUS_OK);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(p.a), ERR_FLAGS);
    CU_ASSERT_EQUAL(channel_out(p.a)->len, 0);
    pair_free(&p);
}

/* Feeds one side these bytes, expects it to fail with wanted, and compares its output. */
static void fails(bool dials, const char *fed, enum err wanted, const char *answer)
{
    struct signal signal;
    struct channel *c = dials ? channel_dial(&self_a, BYTES("b@h"), 1) : channel_accept(&self_a, 1);
    buf_clear(channel_out(c));
    channel_feed(c, hex(fed));
    CU_ASSERT_EQUAL(channel_next(c, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(c), wanted);
    CU_ASSERT(bytes_equal(buf_bytes(channel_out(c)), hex(answer)));
    channel_feed(c, hex(fed));
    CU_ASSERT_EQUAL(channel_next(c, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(c), wanted);
    channel_free(c);
}

#define NOT_ALLOWED "000c 736e6f745f616c6c6f776564"

static void refuses_malformed_handshakes(void)
{
    fails(false, "000a 6e 0005 00077fbd 624068", ERR_VERSION, "");
    fails(true, "0003 736f6b 000e 6e 0005 00077fbd 00000001 624068", ERR_VERSION, "");
    fails(false, "0000", ERR_SHAPE, "");
    fails(false, "0001 4e", ERR_SHORT, "");
    fails(false, "0801", ERR_LIMIT, "");
    fails(false, "474554202f20485454502f312e31", ERR_LIMIT, ""); /* GET / HTTP/1.1 */
    fails(false, "0003 736f6b", ERR_SHAPE, "");
    fails(false, "0010 4e 0000000004000000 00000001 0001 62", ERR_NAME, "");
    /* "h" asks for a name */
    fails(false, "0010 4e 0000000204000000 00000001 0001 68", ERR_NAME, NOT_ALLOWED);
    fails(true, "0005 7374727565", ERR_SHAPE, "");  /* strue */
    fails(true, "0005 736e616d65", ERR_STATUS, ""); /* sname */
    fails(true, "0003 736f6b 0003 736f6b", ERR_SHAPE, "");
    fails(true, "0000", ERR_SHAPE, "");
    fails(true, "0801", ERR_LIMIT, "");
}

/* A name that is too long, in the longest message that is read. */
static void refuses_oversize_names(void)
{
    struct signal signal;
    struct buf hello = {0};
    struct channel *c = channel_accept(&self_a, 1);
    buf_put(&hello, hex("0800 4e 0000000004000000 00000001 07f1"));
    while (hello.len < 2 + LIMIT_HANDSHAKE_BYTES)
        buf_put_u8(&hello, hello.len == 30 ? '@' : 'x');
    channel_feed(c, (struct bytes){hello.at, hello.len - 1});
    CU_ASSERT_EQUAL(channel_next(c, &signal), CHANNEL_QUIET);
    channel_feed(c, (struct bytes){hello.at + hello.len - 1, 1});
    CU_ASSERT_EQUAL(channel_next(c, &signal), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(c), ERR_NAME);
    buf_free(&hello);
    channel_free(c);
}

#define A "#Pid<'a@h'.1.2.11>"
#define B "#Pid<'b@h'.3.4.12>"
#define R "#Ref<'a@h'.11.1.2.3>"

static struct bytes maybe(const char *text)
{
    return text != NULL ? term_of(text) : (struct bytes){0};
}

static void same(const struct signal *got, const struct signal *wanted)
{
    CU_ASSERT_EQUAL(got->kind, wanted->kind);
    CU_ASSERT(bytes_equal(got->to, wanted->to));
    CU_ASSERT(bytes_equal(got->ref, wanted->ref));
    CU_ASSERT(bytes_equal(got->reason, wanted->reason));
    CU_ASSERT(bytes_equal(got->payload, wanted->payload));
    CU_ASSERT_EQUAL(got->id, wanted->id);
}

/* Every kind of signal, with all flags and with the fewest a peer may announce. */
static void carries_signals(void)
{
    static const struct {
        enum signal_kind kind;
        const char *to, *ref, *reason, *payload;
        uint64_t id;
    } sent[] = {
        {SIGNAL_SEND, B, NULL, NULL, "{m,1}", 0},
        {SIGNAL_REG_SEND, "srv", NULL, NULL, "[]", 0},
        {SIGNAL_LINK, B, NULL, NULL, NULL, 0},
        {SIGNAL_UNLINK, B, NULL, NULL, NULL, 0},
        {SIGNAL_UNLINK_ID, B, NULL, NULL, NULL, 5},
        {SIGNAL_UNLINK_ID_ACK, B, NULL, NULL, NULL, UINT64_MAX},
        {SIGNAL_EXIT, B, NULL, "{shutdown,x}", NULL, 0},
        {SIGNAL_EXIT2, B, NULL, "kill", NULL, 0},
        {SIGNAL_GROUP_LEADER, B, NULL, NULL, NULL, 0},
        {SIGNAL_MONITOR, "srv", R, NULL, NULL, 0},
        {SIGNAL_DEMONITOR, B, R, NULL, NULL, 0},
        {SIGNAL_MONITOR_EXIT, B, R, "noproc", NULL, 0},
        {SIGNAL_SPAWN_REPLY, B, R, NULL, NULL, 0},
        {SIGNAL_ALIAS_SEND, R, NULL, NULL, "late", 0},
    };
    struct channel_self plain = self_a;
    plain.flags = DFLAGS_MANDATORY_25 | DFLAG_ALIAS | DFLAG_UNLINK_ID | DFLAG_DIST_MONITOR |
                  DFLAG_DIST_MONITOR_NAME;
    for (unsigned whole = 0; whole < 2; whole++) {
        struct pair p = pair_of(whole ? &self_a : &plain, &self_b);
        connect_pair(&p);
        for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
            struct signal out = {.kind = sent[i].kind, .from = term_of(A), .id = sent[i].id}, in;
            out.to = maybe(sent[i].to);
            out.ref = maybe(sent[i].ref);
            out.reason = maybe(sent[i].reason);
            out.payload = maybe(sent[i].payload);
            channel_send(p.a, &out);
            CU_ASSERT_EQUAL(channel_out(p.a)->at[4], whole ? 131 : 'p');
            CU_ASSERT_EQUAL_FATAL(pass(p.a, p.b, &in), CHANNEL_SIGNAL);
            same(&in, &out);
            CU_ASSERT_EQUAL(channel_next(p.b, &in), CHANNEL_QUIET);
        }
        pair_free(&p);
    }
}

/* A node of ei: it takes a number that it does not know for an error of the connection. */
static void sends_no_signal_that_the_peer_does_not_know(void)
{
    struct channel_self c_node = self_b;
    c_node.flags = DFLAGS_MANDATORY_25 | DFLAG_V4_NC | DFLAG_DIST_MONITOR;
    struct pair p = pair_of(&self_a, &c_node);
    connect_pair(&p);
    static const enum signal_kind unknown[] = {SIGNAL_MONITOR, SIGNAL_DEMONITOR,
                                               SIGNAL_MONITOR_EXIT, SIGNAL_UNLINK_ID_ACK,
                                               SIGNAL_ALIAS_SEND};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        channel_send(p.a, &(struct signal){.kind = unknown[i], .id = 1});
    CU_ASSERT_EQUAL(channel_out(p.a)->len, 0);
    pair_free(&p);
}

/* Everything a sends until it is up, then a signal, a tick and a signal. */
static void record_a(struct buf *sent_bytes)
{
    struct signal signal, link = {.kind = SIGNAL_LINK, .from = term_of(A), .to = term_of(B)};
    struct pair p = pair_of(&self_a, &self_b);
    buf_put(sent_bytes, buf_bytes(channel_out(p.a)));
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_NAMED);
    accept_peer(p.b, STATUS_OK);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_QUIET);
    buf_put(sent_bytes, buf_bytes(channel_out(p.a)));
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_UP);
    CU_ASSERT_EQUAL(pass(p.b, p.a, &signal), CHANNEL_UP);
    channel_send(p.a, &link);
    channel_tick(p.a);
    channel_send(p.a, &link);
    buf_put(sent_bytes, buf_bytes(channel_out(p.a)));
    pair_free(&p);
}

/* If all is fed at once, nothing is read before the answer is given, and what follows the
 * handshake is not lost. */
static void waits_for_the_answer(void)
{
    struct signal signal;
    struct buf sent_bytes = {0};
    record_a(&sent_bytes);
    struct channel *b = channel_accept(&self_b, CHALLENGE_B);
    channel_feed(b, buf_bytes(&sent_bytes));
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_NAMED);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_QUIET);
    CU_ASSERT_EQUAL(channel_out(b)->len, 0);
    channel_answer(b, STATUS_OK);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_UP);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_SIGNAL);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_SIGNAL);
    ASSERT_TERM(signal.to, term_of(B));
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_QUIET);
    channel_free(b);
    buf_free(&sent_bytes);
}

static void ticks(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    connect_pair(&p);
    channel_tick(p.a);
    CU_ASSERT(bytes_equal(buf_bytes(channel_out(p.a)), hex("00000000")));
    CU_ASSERT_EQUAL(pass(p.a, p.b, &signal), CHANNEL_QUIET);
    CU_ASSERT(channel_is_up(p.b));
    pair_free(&p);
}

static void refuses_malformed_frames(void)
{
    static const struct {
        const char *frame;
        enum err e;
    } wrong[] = {
        {"10000001", ERR_LIMIT},
        {"ffffffff", ERR_LIMIT},
        {"00000001 00", ERR_SHAPE},
        {"00000005 834401 0005", ERR_SHAPE},
        {"00000005 834400 6800", ERR_CONTROL},
        {"00000004 834400 68", ERR_SHORT},
        {"00000012 8346 0000000000000001 0000000000000001", ERR_FRAGMENT},
    };
    struct signal signal;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct pair p = pair_of(&self_a, &self_b);
        connect_pair(&p);
        channel_feed(p.b, hex(wrong[i].frame));
        CU_ASSERT_EQUAL(channel_next(p.b, &signal), CHANNEL_BAD);
        CU_ASSERT_EQUAL(channel_error(p.b), wrong[i].e);
        CU_ASSERT_EQUAL(channel_out(p.b)->len, 0);
        CU_ASSERT(!channel_is_up(p.b));
        pair_free(&p);
    }
}

/* Bytes allocated, as far as malloc reports them. */
static size_t bytes_allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A length field alone allocates nothing. */
static void does_not_allocate_ahead(void)
{
    struct signal signal;
    struct pair p = pair_of(&self_a, &self_b);
    connect_pair(&p);
    size_t before = bytes_allocated();
    channel_feed(p.b, hex("0fffffff 8345 0000000000000001 00000000ffffffff 00"));
    CU_ASSERT_EQUAL(channel_next(p.b, &signal), CHANNEL_QUIET);
    CU_ASSERT(bytes_allocated() < before + 100000);
    pair_free(&p);
}

#define LARGE_BYTES 10000000

/* Frames of this signal, unfragmented or as two fragments. */
static void put_large(struct buf *frame, const struct signal *s, bool fragments)
{
    struct buf control = {0};
    control_write(&control, s, DFLAGS_OURS, false);
    size_t half = control.len / 2;
    buf_put_u32(frame, (uint32_t)(fragments ? half + 19 : control.len + 3));
    buf_put(frame, fragments ? hex("8345 0000000000000001 0000000000000002 00") : hex("834400"));
    buf_put(frame, (struct bytes){control.at, fragments ? half : control.len});
    if (fragments) {
        buf_put_u32(frame, (uint32_t)(control.len - half + 18));
        buf_put(frame, hex("8346 0000000000000001 0000000000000001"));
        buf_put(frame, (struct bytes){control.at + half, control.len - half});
    }
    buf_free(&control);
}

/* The memory of a large message is freed without waiting for another message. */
/* The next event, after other work. */
static enum channel_event next_at_last(struct channel *c, struct signal *signal)
{
    enum channel_event event = CHANNEL_BUSY;
    while (event == CHANNEL_BUSY)
        event = channel_next(c, signal);
    return event;
}

static void frees_memory_of_large_messages(void)
{
    struct signal signal, out = {.kind = SIGNAL_EXIT, .from = term_of(A), .to = term_of(B)};
    struct buf large = {0}, frame = {0};
    buf_put(&large, hex("6d 00989680")); /* a binary of LARGE_BYTES */
    memset(buf_room(&large, LARGE_BYTES), 'x', LARGE_BYTES);
    large.len += LARGE_BYTES;
    for (unsigned fragments = 0; fragments < 2; fragments++) {
        struct pair p = pair_of(&self_a, &self_b);
        connect_pair(&p);
        buf_clear(&frame);
        out.reason = buf_bytes(&large);
        put_large(&frame, &out, fragments);
        size_t before = bytes_allocated();
        channel_feed(p.b, buf_bytes(&frame));
        CU_ASSERT_EQUAL(next_at_last(p.b, &signal), CHANNEL_SIGNAL);
        CU_ASSERT(bytes_equal(signal.reason, out.reason));
        CU_ASSERT_EQUAL(next_at_last(p.b, &signal), CHANNEL_QUIET);
        CU_ASSERT(bytes_allocated() < before + 100000);
        pair_free(&p);
    }
    buf_free(&frame);
    buf_free(&large);
}

#define MANY 50000

/* MANY links, one frame each, in one buffer. */
static void put_links(struct buf *out, struct channel *from)
{
    struct signal link = {.kind = SIGNAL_LINK, .from = term_of(A), .to = term_of(B)};
    for (unsigned i = 0; i < MANY; i++)
        channel_send(from, &link);
    buf_put(out, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
}

static unsigned count_signals(struct channel *c)
{
    struct signal signal;
    unsigned signals = 0;
    while (next_at_last(c, &signal) == CHANNEL_SIGNAL)
        signals++;
    return signals;
}

/* A million frames in one feed: quadratic work would not finish. */
static void reads_many_frames_in_linear_time(void)
{
    struct buf many = {0};
    struct pair p = pair_of(&self_a, &self_b);
    connect_pair(&p);
    for (unsigned i = 0; i < 1000000; i++)
        buf_put_u32(&many, 0);
    put_links(&many, p.a);
    channel_feed(p.b, buf_bytes(&many));
    CU_ASSERT_EQUAL(count_signals(p.b), MANY);
    buf_free(&many);
    pair_free(&p);
}

/* Half a frame is always left over; what was read does not accumulate. */
static void discards_what_was_read(void)
{
    struct buf many = {0};
    struct pair p = pair_of(&self_a, &self_b);
    connect_pair(&p);
    put_links(&many, p.a);
    size_t frame = many.len / MANY, before = bytes_allocated();
    channel_feed(p.b, (struct bytes){many.at, frame / 2});
    CU_ASSERT_EQUAL(count_signals(p.b), 0);
    for (unsigned i = 0; i < MANY - 1; i++) {
        channel_feed(p.b, (struct bytes){many.at + frame / 2 + i * frame, frame});
        CU_ASSERT_EQUAL(count_signals(p.b), 1);
    }
    CU_ASSERT(bytes_allocated() < before + 100000);
    buf_free(&many);
    pair_free(&p);
}

SUITE("channel", TEST(connects), TEST(connects_inside_tls), TEST(notices_a_peer_with_tls),
      TEST(accepts_a_simultaneous_connect), TEST(refuses_peers), TEST(replaces_an_older_connection),
      TEST(keeps_an_older_connection), TEST(refuses_a_wrong_cookie), TEST(refuses_a_wrong_digest),
      TEST(refuses_another_node), TEST(requires_flags), TEST(refuses_malformed_handshakes),
      TEST(refuses_oversize_names), TEST(waits_for_the_answer), TEST(carries_signals),
      TEST(sends_no_signal_that_the_peer_does_not_know), TEST(ticks),
      TEST(refuses_malformed_frames), TEST(does_not_allocate_ahead),
      TEST(frees_memory_of_large_messages), TEST(reads_many_frames_in_linear_time),
      TEST(discards_what_was_read))
