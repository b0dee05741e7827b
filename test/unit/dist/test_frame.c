/* Frames and fragments, written by hand; recorded ones are in test_replay.c. */
#include "dist/flags.h"
#include "dist/frame.h"
#include "limits.h"
#include "unit/suite.h"

#include <sys/mman.h>

static void cuts_frames(void)
{
    struct bytes body, in = wall(hex("0003 616263 0000 0001 64 00"));
    CU_ASSERT_EQUAL(frame_next(&in, 2, 100, &body), FRAME_BODY);
    CU_ASSERT(bytes_equal(body, BYTES("abc")));
    CU_ASSERT_EQUAL(frame_next(&in, 2, 100, &body), FRAME_TICK);
    CU_ASSERT_EQUAL(frame_next(&in, 2, 100, &body), FRAME_BODY);
    CU_ASSERT(bytes_equal(body, BYTES("d")));
    CU_ASSERT_EQUAL(frame_next(&in, 2, 100, &body), FRAME_MORE);
    CU_ASSERT_EQUAL(in.len, 1);
}

/* A prefix is incomplete and leaves the cursor unchanged. */
static void waits_for_every_prefix(void)
{
    struct bytes whole = hex("00000005 68656c6c6f");
    for (size_t cut = 0; cut < whole.len; cut++) {
        struct bytes body, in = wall((struct bytes){whole.at, cut});
        const uint8_t *at = in.at;
        CU_ASSERT_EQUAL(frame_next(&in, 4, 5, &body), FRAME_MORE);
        CU_ASSERT(in.at == at && in.len == cut);
    }
    struct bytes body, in = wall(whole);
    CU_ASSERT_EQUAL(frame_next(&in, 4, 5, &body), FRAME_BODY);
    CU_ASSERT_EQUAL(in.len, 0);
    in = wall(whole);
    CU_ASSERT_EQUAL(frame_next(&in, 4, 4, &body), FRAME_BAD);
    in = wall(hex("ffffffff"));
    CU_ASSERT_EQUAL(frame_next(&in, 4, LIMIT_FRAME_BYTES, &body), FRAME_BAD);
    in = (struct bytes){0};
    CU_ASSERT_EQUAL(frame_next(&in, 4, 4, &body), FRAME_MORE);
}

static void writes_frames(void)
{
    struct buf out = {0};
    bool versioned;
    buf_put(&out, BYTES("before"));
    size_t start = frame_open(&out, DFLAGS_OURS, &versioned);
    CU_ASSERT(!versioned);
    buf_put(&out, BYTES("terms"));
    frame_close(&out, start);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("6265666f7265 00000008 834400 7465726d73")));
    buf_clear(&out);
    start = frame_open(&out, DFLAGS_OURS & ~DFLAG_FRAGMENTS, &versioned);
    CU_ASSERT(versioned);
    frame_close(&out, start);
    CU_ASSERT(bytes_equal(buf_bytes(&out), hex("00000001 70")));
    buf_clear(&out);
    frame_open(&out, DFLAG_DIST_HDR_ATOM_CACHE, &versioned);
    CU_ASSERT(!versioned);
    buf_free(&out);
}

/* Takes one body and expects an error, or these terms (NULL: no message yet). */
static void expect_take(struct fragments *f, const char *body, enum err wanted, const char *terms)
{
    struct bytes got = {0};
    bool versioned = true;
    enum err e = OK;
    enum message message = message_take(f, wall(hex(body)), &got, &versioned, &e);
    CU_ASSERT_EQUAL(e, wanted);
    if (wanted != OK) {
        CU_ASSERT_EQUAL(message, MESSAGE_BAD);
    } else if (terms == NULL) {
        CU_ASSERT_EQUAL(message, MESSAGE_NONE);
    } else {
        CU_ASSERT_EQUAL(message, MESSAGE_WHOLE);
        CU_ASSERT(bytes_equal(got, hex(terms)));
        CU_ASSERT_EQUAL(versioned, hex(body).at[0] == 'p');
    }
}

static void takes_whole_messages(void)
{
    struct fragments *f = fragments_new();
    expect_take(f, "834400 6801", OK, "6801");
    expect_take(f, "70 83 6801", OK, "83 6801");
    expect_take(f, "70", OK, "");
    expect_take(f, "8345 0000000000000001 0000000000000001 00 6801", OK, "6801");
    fragments_free(f);
    fragments_free(NULL);
}

static void refuses_malformed_bodies(void)
{
    struct fragments *f = fragments_new();
    expect_take(f, "00", ERR_SHAPE, NULL);
    expect_take(f, "71 83 6801", ERR_SHAPE, NULL);
    expect_take(f, "83", ERR_SHORT, NULL);
    expect_take(f, "8344", ERR_SHORT, NULL);
    expect_take(f, "8343", ERR_SHAPE, NULL);
    expect_take(f, "8347", ERR_SHAPE, NULL);
    expect_take(f, "8368 01", ERR_SHAPE, NULL);
    /* an atom cache reference in the header: flags, then its index */
    expect_take(f, "834401 00 05 6801", ERR_SHAPE, NULL);
    expect_take(f, "8345 0000000000000001 0000000000000002 01 00 05", ERR_SHAPE, NULL);
    struct bytes first = hex("8345 0000000000000001 0000000000000002 00");
    for (size_t cut = 1; cut < first.len; cut++) {
        struct bytes terms;
        bool versioned;
        enum err e;
        CU_ASSERT_EQUAL(
            message_take(f, wall((struct bytes){first.at, cut}), &terms, &versioned, &e),
            MESSAGE_BAD);
        CU_ASSERT_EQUAL(e, ERR_SHORT);
    }
    fragments_free(f);
}

#define A "0000000000000007 "
#define B "ffffffffffffffff "

static void reassembles_fragments(void)
{
    struct fragments *f = fragments_new();
    expect_take(f, "8345" A "0000000000000003 00 6131", OK, NULL);
    expect_take(f, "8345" B "0000000000000002 00 6231", OK, NULL);
    expect_take(f, "834400 6801", OK, "6801");
    expect_take(f, "8346" A "0000000000000002 6132", OK, NULL);
    expect_take(f, "8346" B "0000000000000001 6232", OK, "6231 6232");
    expect_take(f, "8346" A "0000000000000001", OK, "6131 6132");
    /* an id may be reused once its sequence is complete */
    expect_take(f, "8345" A "0000000000000002 00 6131", OK, NULL);
    expect_take(f, "8346" A "0000000000000001 6133", OK, "6131 6133");
    /* the older of two is complete first; the newer continues */
    expect_take(f, "8345" A "0000000000000002 00 6131", OK, NULL);
    expect_take(f, "8345" B "0000000000000002 00 6231", OK, NULL);
    expect_take(f, "8346" A "0000000000000001 6132", OK, "6131 6132");
    expect_take(f, "8346" B "0000000000000001 6232", OK, "6231 6232");
    fragments_free(f);
}

/* Each with fresh state, after the first of three fragments of sequence A. */
static void refuses_fragments(void)
{
    static const char *const wrong[] = {
        "8346" A "0000000000000003 6132",    /* repeated */
        "8346" A "0000000000000001 6132",    /* one missing */
        "8346" A "0000000000000000 6132",    /* fragments are never numbered 0 */
        "8346" A "ffffffffffffffff 6132",    /* nor this high */
        "8346" B "0000000000000002 6132",    /* never begun */
        "8345" A "0000000000000003 00 6131", /* begun twice */
        "8345" A "0000000000000002 00 6131", /* begun twice, with the number that is next */
        "8345" A "0000000000000001 00 6131", /* begun twice, in one fragment */
        "8345" B "0000000000000000 00 6131", "8345" B "ffffffffffffffff 00 6131",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fragments *f = fragments_new();
        expect_take(f, "8345" A "0000000000000003 00 6131", OK, NULL);
        expect_take(f, wrong[i], ERR_FRAGMENT, NULL);
        fragments_free(f);
    }
}

/* One fragment of a sequence with almost 2^64 more to come. */
static enum err take_fragment(struct fragments *f, uint64_t id, bool first, uint64_t number)
{
    struct buf body = {0};
    struct bytes terms;
    bool versioned;
    enum err e;
    buf_put(&body, first ? hex("8345") : hex("8346"));
    buf_put_u64(&body, id);
    buf_put_u64(&body, number);
    buf_put(&body, hex("00"));
    message_take(f, wall(buf_bytes(&body)), &terms, &versioned, &e);
    buf_free(&body);
    return e;
}

/* Beyond the limit, the sequence that has waited longest is forgotten, and its later fragments are
 * ignored. */
static void limits_sequences(void)
{
    struct fragments *f = fragments_new();
    for (uint64_t id = 0; id < LIMIT_FRAGMENT_SEQUENCES; id++)
        CU_ASSERT_EQUAL(take_fragment(f, id, true, UINT64_MAX - 1), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 0, false, UINT64_MAX - 2), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 5000, true, 2), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 1, false, UINT64_MAX - 2), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 1, false, UINT64_MAX - 7), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 5001, true, 2), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 2, false, UINT64_MAX - 2), OK);
    for (uint64_t id = 3; id < LIMIT_FRAGMENT_SEQUENCES; id++)
        CU_ASSERT_EQUAL(take_fragment(f, id, false, UINT64_MAX - 2), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 0, false, UINT64_MAX - 3), OK);
    CU_ASSERT_EQUAL(take_fragment(f, 5000, false, 1), OK);
    fragments_free(f);
}

/* A body of this many bytes without writing them: all after head reads as zero. */
static struct bytes large_body(size_t len, struct bytes head)
{
    uint8_t *at =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CU_ASSERT_FATAL(at != MAP_FAILED);
    for (size_t i = 0; i < head.len; i++)
        at[i] = head.at[i];
    return (struct bytes){at, len};
}

static enum message take_large(struct fragments *f, const char *head, size_t bytes,
                               struct bytes *terms)
{
    struct bytes body = large_body(hex(head).len + bytes, hex(head));
    bool versioned;
    enum err e;
    enum message m = message_take(f, body, terms, &versioned, &e);
    munmap((void *)(uintptr_t)body.at, body.len);
    return m;
}

/* The first bytes of a message that was skipped. */
static bool is_cut(struct fragments *f, const char *body, const char *beginning)
{
    struct bytes terms, wanted = hex(beginning);
    bool versioned;
    enum err e;
    return message_take(f, wall(hex(body)), &terms, &versioned, &e) == MESSAGE_CUT &&
           terms.len >= wanted.len && terms.len < 10000 &&
           bytes_equal((struct bytes){terms.at, wanted.len}, wanted);
}

/* Those that are too large are skipped to their ends, and cost nobody anything else. */
static void limits_bytes(void)
{
    struct fragments *f = fragments_new();
    struct bytes terms;
    size_t all = LIMIT_FRAME_BYTES;
    expect_take(f, "8345" A "0000000000000003 00 61", OK, NULL);
    /* A has waited longer and is skipped for B */
    CU_ASSERT_EQUAL(take_large(f, "8345" B "0000000000000004 00 42", all - 1, &terms),
                    MESSAGE_NONE);
    CU_ASSERT_EQUAL(take_large(f, "8346" A "0000000000000002", 100, &terms), MESSAGE_NONE);
    CU_ASSERT(is_cut(f, "8346" A "0000000000000001 62", "61 00 00 00"));
    /* B alone is too large */
    CU_ASSERT_EQUAL(take_large(f, "8346" B "0000000000000003", all, &terms), MESSAGE_NONE);
    CU_ASSERT_EQUAL(take_large(f, "8346" B "0000000000000002", all, &terms), MESSAGE_NONE);
    expect_take(f, "8345" A "0000000000000002 00 63", OK, NULL);
    CU_ASSERT(is_cut(f, "8346" B "0000000000000001 62", "42 00 00 00"));
    expect_take(f, "8346" A "0000000000000001 64", OK, "63 64");
    /* what has ended no longer counts */
    CU_ASSERT_EQUAL(take_large(f, "8345" B "0000000000000002 00", all - 1, &terms), MESSAGE_NONE);
    CU_ASSERT_EQUAL(take_large(f, "8346" B "0000000000000001", 1, &terms), MESSAGE_WHOLE);
    expect_take(f, "8346" B "0000000000000001", ERR_FRAGMENT, NULL);
    fragments_free(f);
}

SUITE("frame", TEST(cuts_frames), TEST(waits_for_every_prefix), TEST(writes_frames),
      TEST(takes_whole_messages), TEST(refuses_malformed_bodies), TEST(reassembles_fragments),
      TEST(refuses_fragments), TEST(limits_sequences), TEST(limits_bytes))
