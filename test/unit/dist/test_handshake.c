/* Handshake messages.  The recorded ones are from OTP 25 with the cookie "secret"
 * (test/vectors/dist/record.escript). */
#include <stdlib.h>
#include <string.h>

#include "dist/flags.h"
#include "dist/frame.h"
#include "dist/handshake.h"
#include "limits.h"
#include "unit/suite.h"

#define COOKIE BYTES("secret")

/* The n-th message of a recording. */
static struct bytes message_of(const char *recording, unsigned n)
{
    struct bytes in = vector(recording), body = {0};
    for (unsigned i = 0; i <= n; i++)
        CU_ASSERT_EQUAL_FATAL(frame_next(&in, 2, LIMIT_HANDSHAKE_BYTES, &body), FRAME_BODY);
    return body;
}

static struct bytes message_in(struct buf *out)
{
    struct bytes in = buf_bytes(out), body = {0};
    CU_ASSERT_EQUAL(frame_next(&in, 2, LIMIT_HANDSHAKE_BYTES, &body), FRAME_BODY);
    CU_ASSERT_EQUAL(in.len, 0);
    return body;
}

static void reads_a_beams_name(void)
{
    struct hello peer;
    CU_ASSERT_EQUAL(read_name(wall(message_of("dist/calls.in", 0)), &peer), OK);
    CU_ASSERT(bytes_equal(peer.name, BYTES("b@127.0.0.1")));
    CU_ASSERT(peer.creation > 3);
    CU_ASSERT_EQUAL(~peer.flags & DFLAGS_MANDATORY_25, 0);
    CU_ASSERT(peer.flags & DFLAG_FRAGMENTS);
    CU_ASSERT(peer.flags & DFLAG_PUBLISHED);
}

static void answers_a_beams_challenge(void)
{
    struct hello peer;
    uint32_t challenge, ours;
    uint8_t digest[DIGEST_BYTES], received[DIGEST_BYTES];
    struct bytes message = message_of("dist/dialled.in", 1);
    CU_ASSERT_EQUAL(read_challenge(wall(message), &peer, &challenge), OK);
    CU_ASSERT(bytes_equal(peer.name, BYTES("b@127.0.0.1")));
    digest_make(digest, COOKIE, challenge);
    struct buf out = {0};
    put_reply(&out, 0x01020304, digest);
    CU_ASSERT(bytes_equal(message_in(&out), message_of("dist/dialled.out", 1)));
    CU_ASSERT_EQUAL(read_reply(wall(message_in(&out)), &ours, received), OK);
    CU_ASSERT_EQUAL(ours, 0x01020304);
    CU_ASSERT(digest_equal(digest, received));
    digest_make(digest, COOKIE, ours);
    CU_ASSERT_EQUAL(read_ack(wall(message_of("dist/dialled.in", 2)), received), OK);
    CU_ASSERT(digest_equal(digest, received));
    buf_free(&out);
}

/* FLAGS of record.escript: coppices announce more today. */
#define FLAGS_RECORDED UINT64_C(0x2c07cf4fbc)

/* A BEAM accepted what the recorder sent; ours must be the same. */
static void writes_what_a_beam_accepted(void)
{
    struct hello self = {FLAGS_RECORDED, 0x00C0FFEE, BYTES("c1@127.0.0.1")};
    struct buf out = {0};
    put_name(&out, &self);
    CU_ASSERT(bytes_equal(message_in(&out), message_of("dist/dialled.out", 0)));
    buf_clear(&out);
    put_status(&out, STATUS_OK);
    CU_ASSERT(bytes_equal(message_in(&out), message_of("dist/calls.out", 0)));
    buf_clear(&out);
    put_challenge(&out, &self, 0x01020304);
    CU_ASSERT(bytes_equal(message_in(&out), message_of("dist/calls.out", 1)));
    buf_clear(&out);
    uint32_t challenge;
    uint8_t digest[DIGEST_BYTES];
    CU_ASSERT_EQUAL(read_reply(message_of("dist/calls.in", 1), &challenge, digest), OK);
    digest_make(digest, COOKIE, challenge);
    put_ack(&out, digest);
    CU_ASSERT(bytes_equal(message_in(&out), message_of("dist/calls.out", 2)));
    buf_free(&out);
}

/* erlang:md5("secret" ++ "0") etc., computed by a BEAM. */
static void makes_digests(void)
{
    uint8_t digest[DIGEST_BYTES];
    digest_make(digest, COOKIE, 0);
    CU_ASSERT_EQUAL(memcmp(digest, hex("175ec77a7f63082590987d0d8b051aff").at, DIGEST_BYTES), 0);
    digest_make(digest, COOKIE, UINT32_MAX);
    CU_ASSERT_EQUAL(memcmp(digest, hex("5dfd181e69aa587cc812eb333e6536b6").at, DIGEST_BYTES), 0);
    digest_make(digest, BYTES(""), 7);
    CU_ASSERT_EQUAL(memcmp(digest, hex("8f14e45fceea167a5a36dedd4bea2543").at, DIGEST_BYTES), 0);
    uint8_t other[DIGEST_BYTES];
    for (unsigned bit = 0; bit < DIGEST_BYTES * 8; bit++) {
        memcpy(other, digest, DIGEST_BYTES);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CU_ASSERT(!digest_equal(digest, other));
    }
}

static enum err any_name(struct bytes message)
{
    struct hello peer;
    return read_name(message, &peer);
}

static enum err any_challenge(struct bytes message)
{
    struct hello peer;
    uint32_t challenge;
    return read_challenge(message, &peer, &challenge);
}

static enum err any_reply(struct bytes message)
{
    uint32_t challenge;
    uint8_t digest[DIGEST_BYTES];
    return read_reply(message, &challenge, digest);
}

static enum err any_ack(struct bytes message)
{
    uint8_t digest[DIGEST_BYTES];
    return read_ack(message, digest);
}

/* Every prefix is refused; trailing bytes are refused except after a name. */
static void refuses_every_prefix(void)
{
    static const struct {
        enum err (*read)(struct bytes);
        const char *recording;
        unsigned n;
        enum err trailing;
    } messages[] = {
        {any_name, "dist/calls.in", 0, OK},
        {any_challenge, "dist/dialled.in", 1, OK},
        {any_reply, "dist/calls.in", 1, ERR_SHAPE},
        {any_ack, "dist/dialled.in", 2, ERR_SHAPE},
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct bytes message = message_of(messages[i].recording, messages[i].n);
        for (size_t cut = 0; cut < message.len; cut++)
            CU_ASSERT_EQUAL(messages[i].read(wall((struct bytes){message.at, cut})), ERR_SHORT);
        CU_ASSERT_EQUAL(messages[i].read(wall(message)), OK);
        struct buf more = {0};
        buf_put(&more, message);
        buf_put_u8(&more, 0);
        CU_ASSERT_EQUAL(messages[i].read(wall(buf_bytes(&more))), messages[i].trailing);
        more.at[0] = 'x';
        CU_ASSERT_EQUAL(messages[i].read(wall(buf_bytes(&more))), ERR_SHAPE);
        buf_free(&more);
    }
}

static enum err with_flags(uint64_t flags)
{
    struct hello self = {flags, 1, BYTES("a@h")}, peer;
    struct buf out = {0};
    put_name(&out, &self);
    enum err e = read_name(wall(message_in(&out)), &peer);
    if (e == OK && (flags & DFLAG_NAME_ME))
        CU_ASSERT_EQUAL(peer.name.len, 0);
    if (flags & DFLAG_MANDATORY_25_DIGEST)
        CU_ASSERT_EQUAL(~peer.flags & DFLAGS_MANDATORY_25, 0);
    buf_free(&out);
    return e;
}

static void requires_flags(void)
{
    CU_ASSERT_EQUAL(DFLAGS_OURS, UINT64_C(0x6D07DF5FBC));
    CU_ASSERT_EQUAL(DFLAGS_MANDATORY_25, 0x1070f94);
    CU_ASSERT_EQUAL(with_flags(DFLAGS_MANDATORY_25), OK);
    CU_ASSERT_EQUAL(with_flags(DFLAG_MANDATORY_25_DIGEST), OK);
    CU_ASSERT_EQUAL(with_flags(DFLAGS_OURS | DFLAG_NAME_ME), OK);
    CU_ASSERT_EQUAL(with_flags(0), ERR_FLAGS);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t one = UINT64_C(1) << bit;
        if (DFLAGS_MANDATORY_25 & one)
            CU_ASSERT_EQUAL(with_flags(DFLAGS_MANDATORY_25 & ~one), ERR_FLAGS);
    }
}

static void refuses_version_5(void)
{
    struct hello peer;
    uint32_t challenge;
    struct bytes old = hex("6e 0005 00077fbd 62 40 68");
    CU_ASSERT_EQUAL(read_name(wall(old), &peer), ERR_VERSION);
    CU_ASSERT_EQUAL(read_challenge(wall(old), &peer, &challenge), ERR_VERSION);
}

static void reads_and_writes_statuses(void)
{
    static const char *const texts[STATUSES] = {
        "ok", "ok_simultaneous", "nok", "not_allowed", "alive", "true", "false"};
    struct buf out = {0};
    enum status status;
    for (int s = 0; s < STATUSES; s++) {
        buf_clear(&out);
        put_status(&out, (enum status)s);
        struct bytes message = message_in(&out);
        CU_ASSERT_EQUAL(message.at[0], 's');
        CU_ASSERT(bytes_equal((struct bytes){message.at + 1, message.len - 1}, bytes_of(texts[s])));
        CU_ASSERT_EQUAL(read_status(wall(message), &status), OK);
        CU_ASSERT_EQUAL(status, (enum status)s);
    }
    buf_free(&out);
    CU_ASSERT_EQUAL(read_status(message_of("dist/not_allowed.in", 0), &status), OK);
    CU_ASSERT_EQUAL(status, STATUS_NOT_ALLOWED);
    CU_ASSERT_EQUAL(read_status(message_of("dist/alive_true.in", 0), &status), OK);
    CU_ASSERT_EQUAL(status, STATUS_ALIVE);
    CU_ASSERT_EQUAL(read_status(message_of("dist/simultaneous.in", 0), &status), OK);
    CU_ASSERT_EQUAL(status, STATUS_OK_SIMULTANEOUS);
    static const char *const unknown[] = {"s", "sOK", "sok ", "so", "snamed:", "sok_simultaneou"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        CU_ASSERT_EQUAL(read_status(wall(bytes_of(unknown[i])), &status), ERR_STATUS);
        CU_ASSERT_EQUAL(status, STATUSES);
    }
    CU_ASSERT_EQUAL(read_status(BYTES(""), &status), ERR_SHORT);
    CU_ASSERT_EQUAL(read_status(BYTES("Nok"), &status), ERR_SHAPE);
}

static struct bytes repeated(struct buf *name, const char *text, unsigned times)
{
    buf_clear(name);
    while (times-- > 0)
        buf_put(name, bytes_of(text));
    buf_put(name, BYTES("@h"));
    return buf_bytes(name);
}

static void validates_names(void)
{
    static const char *const good[] = {"a@h", "c1@127.0.0.1", "a b@h", "\xc3\xa9@h", "a@::1"};
    static const char *const wrong[] = {
        "",        "@",      "a",      "a@",         "@h",   "a@b@c", "a\n@h",
        "a@h\x7f", "\xe9@h", "a@\xc3", "\xc2\x85@h", "a@@h", "@a@h",  "\xed\xa0\x80@h"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CU_ASSERT(node_name_valid(wall(bytes_of(good[i]))));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT(!node_name_valid(wall(bytes_of(wrong[i]))));
    CU_ASSERT(!node_name_valid((struct bytes){(const uint8_t *)"a\0@h", 4}));
    struct buf name = {0};
    CU_ASSERT(node_name_valid(wall(repeated(&name, "x", 253))));
    CU_ASSERT(!node_name_valid(wall(repeated(&name, "x", 254))));
    CU_ASSERT(node_name_valid(wall(repeated(&name, "\xf0\x9f\x8c\xb3", 253))));
    CU_ASSERT(!node_name_valid(wall(repeated(&name, "\xf0\x9f\x8c\xb3", 254))));
    CU_ASSERT(!node_name_valid(wall(repeated(&name, "\xf0\x9f\x8c\xb3", 600))));
    buf_free(&name);
}

static void refuses_invalid_names(void)
{
    struct hello peer;
    /* without '@', and longer than an atom */
    CU_ASSERT_EQUAL(read_name(wall(hex("4e 0000000004000000 00000001 0001 62")), &peer), ERR_NAME);
    struct buf message = {0};
    buf_put(&message, hex("4e 0000000004000000 00000001 0200"));
    for (unsigned i = 0; i < 0x200; i++)
        buf_put_u8(&message, i == 5 ? '@' : 'x');
    CU_ASSERT_EQUAL(read_name(wall(buf_bytes(&message)), &peer), ERR_NAME);
    buf_free(&message);
}

SUITE("handshake", TEST(reads_a_beams_name), TEST(answers_a_beams_challenge),
      TEST(writes_what_a_beam_accepted), TEST(makes_digests), TEST(refuses_every_prefix),
      TEST(requires_flags), TEST(refuses_version_5), TEST(reads_and_writes_statuses),
      TEST(validates_names), TEST(refuses_invalid_names))
