/* Whole connections of an OTP 25 node, recorded by test/vectors/dist/record.escript, replayed
 * through a channel in pieces of every size, and damaged at random. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "dist/channel.h"
#include "dist/control.h"
#include "dist/flags.h"
#include "dist/frame.h"
#include "limits.h"
#include "unit/suite.h"

#define CHALLENGE 0x01020304
#define LONG_TERM 100

/* FLAGS and FLAGS_PLAIN of record.escript: coppices announce more today. */
#define FLAGS_RECORDED UINT64_C(0x2c07cf4fbc)
#define FLAGS_PLAIN    UINT64_C(0x407074fbc)

struct recording {
    const char *name;
    bool dials, replaces;
    uint64_t flags;
    enum err ends;
};

static const struct recording recordings[] = {
    {"large", false, false, FLAGS_RECORDED, OK},
    {"calls", false, false, FLAGS_RECORDED, OK},
    {"monitors", false, false, FLAGS_RECORDED, OK},
    {"links", false, false, FLAGS_RECORDED, OK},
    {"stop", false, false, FLAGS_RECORDED, OK},
    {"spawns", false, false, FLAGS_RECORDED, OK},
    {"aliases", false, false, FLAGS_RECORDED, OK},
    {"traced", false, false, FLAGS_RECORDED, OK},
    {"ticks", false, false, FLAGS_RECORDED, OK},
    {"plain", false, false, FLAGS_PLAIN, OK},
    {"dialled", true, false, FLAGS_RECORDED, OK},
    {"alive_true", true, true, FLAGS_RECORDED, OK},
    {"alive_false", true, false, FLAGS_RECORDED, ERR_STATUS},
    {"simultaneous", true, false, FLAGS_RECORDED, OK},
};

#define RECORDINGS (sizeof(recordings) / sizeof(recordings[0]))

static const struct recording *recording_of(const char *name)
{
    size_t s = 0;
    while (s < RECORDINGS && strcmp(recordings[s].name, name) != 0)
        s++;
    CU_ASSERT_FATAL(s < RECORDINGS);
    return &recordings[s];
}

enum file { IN, OUT, SIGNALS, FILES };

/* Cached: the tests below read each file many times. */
static struct bytes file_of(const struct recording *s, enum file which)
{
    static const char *const suffixes[FILES] = {"in", "out", "signals"};
    static struct bytes files[RECORDINGS][FILES];
    struct bytes *file = &files[s - recordings][which];
    char name[64];
    snprintf(name, sizeof(name), "dist/%s.%s", s->name, suffixes[which]);
    if (file->at == NULL)
        *file = vector(name);
    return *file;
}

static struct channel_self self_of(const struct recording *s)
{
    return (struct channel_self){.name = BYTES("c1@127.0.0.1"),
                                 .cookie = BYTES("secret"),
                                 .flags = s->flags,
                                 .creation = 0x00C0FFEE};
}

static struct channel *open_recording(const struct recording *s, const struct channel_self *self)
{
    return s->dials ? channel_dial(self, BYTES("b@127.0.0.1"), CHALLENGE)
                    : channel_accept(self, CHALLENGE);
}

static void print_term(struct buf *text, const char *what, struct bytes term)
{
    buf_printf(text, " %s=", what);
    if (term.len > LONG_TERM)
        buf_printf(text, "%zu:%08lx", term.len, crc32(0, term.at, (unsigned)term.len));
    else
        for (size_t i = 0; i < term.len; i++)
            buf_printf(text, "%02x", term.at[i]);
}

/* A line as record.escript writes it. */
static void print_signal(struct buf *text, const struct signal *s)
{
    buf_printf(text, "%s", signal_name(s->kind));
    print_term(text, "from", s->from);
    print_term(text, "to", s->to);
    print_term(text, "ref", s->ref);
    print_term(text, "reason", s->reason);
    unsigned long crc = s->payload.len > 0 ? crc32(0, s->payload.at, (unsigned)s->payload.len) : 0;
    buf_printf(text, " id=%llu payload=%zu:%08lx\n", (unsigned long long)s->id, s->payload.len,
               crc);
}

/* Runs the channel until it is quiet or bad. */
static enum channel_event drain(struct channel *c, bool replaces, struct buf *text)
{
    struct signal signal;
    for (;;) {
        enum channel_event event = channel_next(c, &signal);
        if (event == CHANNEL_QUIET || event == CHANNEL_BAD)
            return event;
        if (event == CHANNEL_NAMED)
            channel_answer(c, STATUS_OK);
        else if (event == CHANNEL_ALIVE)
            channel_replace(c, replaces);
        else if (event == CHANNEL_SIGNAL && text != NULL)
            print_signal(text, &signal);
    }
}

static void replay(const struct recording *s, size_t piece)
{
    struct channel_self self = self_of(s);
    struct channel *c = open_recording(s, &self);
    struct bytes in = file_of(s, IN), out = file_of(s, OUT);
    struct buf text = {0};
    enum channel_event event = CHANNEL_QUIET;
    for (size_t at = 0; at < in.len; at += piece) {
        size_t n = in.len - at < piece ? in.len - at : piece;
        channel_feed(c, (struct bytes){in.at + at, n});
        event = drain(c, s->replaces, &text);
    }
    struct bytes output = buf_bytes(channel_out(c));
    CU_ASSERT(output.len <= out.len && bytes_equal(output, (struct bytes){out.at, output.len}));
    CU_ASSERT_EQUAL(channel_error(c), s->ends);
    CU_ASSERT_EQUAL(event, s->ends == OK ? CHANNEL_QUIET : CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_is_up(c), s->ends == OK);
    if (s->ends == OK) {
        CU_ASSERT(bytes_equal(buf_bytes(&text), file_of(s, SIGNALS)));
        CU_ASSERT(bytes_equal(channel_peer(c), BYTES("b@127.0.0.1")));
        CU_ASSERT_EQUAL(channel_flags(c) & ~s->flags, 0);
        CU_ASSERT_EQUAL(channel_flags(c) | DFLAG_ALTACT_SIG, s->flags | DFLAG_ALTACT_SIG);
    } else {
        CU_ASSERT_EQUAL(channel_refusal(c), STATUS_ALIVE);
        CU_ASSERT_EQUAL(text.len, 0);
    }
    buf_free(&text);
    channel_free(c);
}

/* The size of the pieces does not matter. */
static void replays_in_pieces(void)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 13, 61, 64, 65, 1000, 4095, 65537, SIZE_MAX};
    for (size_t s = 0; s < RECORDINGS; s++)
        for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++)
            replay(&recordings[s], pieces[p]);
}

static void refused_with_not_allowed(void)
{
    struct channel_self self = self_of(recording_of("dialled"));
    struct channel *c = channel_dial(&self, BYTES("b@127.0.0.1"), CHALLENGE);
    channel_feed(c, vector("dist/not_allowed.in"));
    CU_ASSERT_EQUAL(drain(c, false, NULL), CHANNEL_BAD);
    CU_ASSERT_EQUAL(channel_error(c), ERR_STATUS);
    CU_ASSERT_EQUAL(channel_refusal(c), STATUS_NOT_ALLOWED);
    channel_free(c);
}

/* The frames of a recording, after its handshake. */
static struct bytes frames_of(const struct recording *s)
{
    struct bytes in = file_of(s, IN), body;
    for (unsigned message = 0; message < (s->dials ? 3 : 2); message++)
        CU_ASSERT_EQUAL(frame_next(&in, 2, LIMIT_HANDSHAKE_BYTES, &body), FRAME_BODY);
    return in;
}

static void body_at_every_cut(struct bytes body)
{
    struct fragments *f = fragments_new();
    struct buf scratch = {0};
    for (size_t cut = 0; cut <= body.len; cut++) {
        struct bytes terms;
        bool versioned;
        enum err e;
        struct signal signal;
        struct bytes front = wall((struct bytes){body.at, cut});
        if (message_take(f, front, &terms, &versioned, &e) == MESSAGE_WHOLE)
            e = control_read(terms, versioned, &scratch, &signal);
        CU_ASSERT_EQUAL(e == OK, cut == body.len);
    }
    buf_free(&scratch);
    fragments_free(f);
}

static void reads_within_bounds(void)
{
    for (size_t s = 0; s < RECORDINGS; s++) {
        if (recordings[s].ends != OK)
            continue;
        struct bytes body, in = frames_of(&recordings[s]);
        for (enum frame kind; (kind = frame_next(&in, 4, LIMIT_FRAME_BYTES, &body)) != FRAME_MORE;)
            if (kind == FRAME_BODY && body.len < 1000)
                body_at_every_cut(body);
        CU_ASSERT_EQUAL(in.len, 0);
    }
}

static void large_messages_interleave(void)
{
    struct bytes body, in = frames_of(recording_of("large"));
    uint64_t before = 0;
    unsigned turns = 0, pieces = 0;
    while (frame_next(&in, 4, LIMIT_FRAME_BYTES, &body) == FRAME_BODY) {
        if (body.at[1] != BODY_FIRST && body.at[1] != BODY_LATER)
            continue;
        uint64_t id = bytes_hash((struct bytes){body.at + 2, 8}, 0);
        turns += id != before;
        before = id;
        pieces++;
    }
    CU_ASSERT_EQUAL(pieces, 22);
    CU_ASSERT(turns > 2);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Changes a few bytes, or cuts off the rest. */
static void damage(struct buf *b, uint64_t *seed)
{
    for (uint64_t times = 1 + random_next(seed) % 4; times > 0 && b->len > 1; times--) {
        size_t at = random_next(seed) % b->len;
        switch (random_next(seed) % 4) {
        case 0:
            b->at[at] = (uint8_t)random_next(seed);
            break;
        case 1:
            b->at[at] ^= (uint8_t)(1 << random_next(seed) % 8);
            break;
        case 2:
            b->at[at] = random_next(seed) % 2 ? 0xff : 0;
            break;
        default:
            b->len = at;
        }
    }
}

static void replay_damaged(const struct recording *s, uint64_t *seed)
{
    struct channel_self self = self_of(s);
    struct channel *c = open_recording(s, &self);
    struct bytes in = file_of(s, IN);
    struct buf damaged = {0};
    /* Mostly after the handshake, which otherwise would rarely succeed. */
    size_t kept = random_next(seed) % 8 == 0 ? 0 : in.len - frames_of(s).len;
    channel_feed(c, (struct bytes){in.at, kept});
    enum channel_event event = drain(c, true, NULL);
    buf_put(&damaged, (struct bytes){in.at + kept, in.len - kept});
    damage(&damaged, seed);
    for (size_t at = 0; at < damaged.len && event != CHANNEL_BAD;) {
        size_t n = 1 + random_next(seed) % 400;
        n = n < damaged.len - at ? n : damaged.len - at;
        channel_feed(c, (struct bytes){damaged.at + at, n});
        event = drain(c, true, NULL);
        at += n;
    }
    CU_ASSERT_EQUAL(event == CHANNEL_BAD, channel_error(c) != OK);
    buf_free(&damaged);
    channel_free(c);
}

/* Mostly the small recordings, now and then the one with fragments. */
static void survives_damage(void)
{
    static const char *const small[] = {"calls",  "links", "stop",    "spawns",     "aliases",
                                        "traced", "ticks", "dialled", "alive_true", "simultaneous"};
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (unsigned round = 0; round < 100000; round++)
        replay_damaged(recording_of(round % 100 == 99 ? "monitors" : small[round % 10]), &seed);
}

SUITE("replay", TEST(replays_in_pieces), TEST(refused_with_not_allowed), TEST(reads_within_bounds),
      TEST(large_messages_interleave), TEST(survives_damage))
