/* Attacks by peers that know the cookie: frames that are not what they should be. */

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "attack.h"
#include "crowd.h"
#include "dist/frame.h"
#include "err.h"
#include "flood.h"
#include "limits.h"
#include "term/write.h"

#define CUT_MS          20000
#define DEEP            1000000
#define BOMB_BYTES      (200u * 1024 * 1024)
#define PIECE_BYTES     60000
#define SEQUENCES       16
#define HANDSHAKE_PARTS 2
#define FLIPS           4

/* --- one frame ------------------------------------------------------------------------------ */

/* Sends the bytes that are queued; the target is to close the connection. */
static void expect_cut(struct scene *s, struct link *l)
{
    link_flush(l, CUT_MS);
    expect(s, link_is_cut(l, CUT_MS), "it was not cut off");
    link_close(l);
    while (time_is_left(s))
        pause_ms(10);
}

static void announces_4_gb(struct scene *s)
{
    static const uint8_t length[] = {0xff, 0xff, 0xff, 0xff, BODY_PLAIN};
    struct link *l = let_in(s, "attacker");
    link_raw(l, (struct bytes){length, sizeof(length)});
    expect_cut(s, l);
}

/* As long as is allowed; the rest never comes. */
static void announces_256_mb(struct scene *s)
{
    static const uint8_t length[] = {0x0f, 0xff, 0xff, 0xff, BODY_PLAIN};
    struct link *l = let_in(s, "attacker");
    link_raw(l, (struct bytes){length, sizeof(length)});
    link_flush(l, CUT_MS);
    while (time_is_left(s) && link_drop(l))
        pause_ms(10);
    expect(s, !l->cut, "it was cut off");
    link_close(l);
}

/* A call with such a payload costs its sender this request; its connection stays. */
static void send_payload(struct scene *s, struct link *l, struct bytes payload)
{
    struct buf to = {0}, request = {0};
    struct bytes reply;
    put_atom(&to, "views");
    link_signal(
        l, &(struct signal){.kind = SIGNAL_REG_SEND, .to = buf_bytes(&to), .payload = payload});
    link_call(l, "views", 1, term_of(&request, "value"));
    expect(s, link_flush(l, CUT_MS) && link_reply(l, CUT_MS, &reply), "no answer afterwards");
    buf_free(&to);
    buf_free(&request);
}

static void deep(struct scene *s)
{
    static const uint8_t tuple[] = {104, 1}, list[] = {108, 0, 0, 0, 1};
    struct link *l = let_in(s, "attacker");
    struct buf term = {0};
    unsigned rounds = 0;
    for (; time_is_left(s) && !l->cut; rounds++) {
        buf_clear(&term);
        for (uint32_t i = 0; i < DEEP; i++)
            buf_put(&term, rounds % 2 == 0 ? (struct bytes){tuple, sizeof(tuple)}
                                           : (struct bytes){list, sizeof(list)});
        put_nil(&term);
        for (uint32_t i = 0; i < DEEP && rounds % 2 == 1; i++)
            put_nil(&term);
        send_payload(s, l, buf_bytes(&term));
    }
    figure(s, "%u terms", rounds);
    link_close(l);
    buf_free(&term);
}

static void put_size(struct buf *bomb, uint32_t bytes)
{
    for (int i = 0; i < 4; i++)
        bomb->at[1 + i] = (uint8_t)(bytes >> (24 - 8 * i));
}

/* A compressed term of that size, which says that it has so many bytes. */
static void put_bomb(struct buf *out, uint32_t says, uint32_t bytes)
{
    struct buf plain = {0};
    buf_put_u8(&plain, 109);
    buf_put_u32(&plain, bytes - 5);
    memset(buf_room(&plain, bytes), 0, bytes - 5);
    plain.len = bytes;
    uLongf packed = compressBound(bytes);
    buf_put_u8(out, 80);
    buf_put_u32(out, says);
    must(compress2(buf_room(out, packed), &packed, plain.at, bytes, 1) == Z_OK);
    out->len += packed;
    buf_free(&plain);
}

/* As a payload without a version byte, where no term may be compressed, or with one. */
static void send_bomb(struct link *l, const struct buf *bomb, bool versioned)
{
    struct buf to = {0}, frame = {0};
    put_atom(&to, "views");
    if (versioned) {
        size_t start = frame_open(&frame, 0, &versioned);
        put_version(&frame);
        put_tuple(&frame, 4); /* {REG_SEND, Pid, '', Name} */
        put_uint(&frame, 6);
        put_term(&frame, buf_bytes(&l->pid));
        put_atom(&frame, "");
        put_term(&frame, buf_bytes(&to));
        put_version(&frame);
        put_term(&frame, buf_bytes(bomb));
        frame_close(&frame, start);
        link_raw(l, buf_bytes(&frame));
    } else {
        link_signal(l, &(struct signal){.kind = SIGNAL_REG_SEND,
                                        .to = buf_bytes(&to),
                                        .payload = buf_bytes(bomb)});
    }
    buf_free(&to);
    buf_free(&frame);
}

static void bombs(struct scene *s)
{
    const uint32_t says[] = {BOMB_BYTES, UINT32_MAX, 16};
    struct buf bomb = {0};
    unsigned count = 0;
    put_bomb(&bomb, 0, BOMB_BYTES);
    s->end_ms = now_ms() + s->ms;
    for (; time_is_left(s); count++) {
        struct link *l = let_in(s, "attacker");
        put_size(&bomb, says[count / 2 % 3]);
        send_bomb(l, &bomb, count % 2 == 0);
        link_flush(l, CUT_MS);
        link_is_cut(l, 100);
        link_close(l);
    }
    figure(s, "%u terms", count);
    buf_free(&bomb);
}

/* --- fragments ------------------------------------------------------------------------------- */

static void put_piece(struct link *l, bool first, uint64_t sequence, uint64_t number)
{
    struct buf frame = {0}, to = {0};
    size_t start = fragment_open(&frame, first, sequence, number);
    if (first) {
        put_atom(&to, "views");
        put_tuple(&frame, 4); /* {REG_SEND, Pid, '', Name} */
        put_uint(&frame, 6);
        put_term(&frame, buf_bytes(&l->pid));
        put_atom(&frame, "");
        put_term(&frame, buf_bytes(&to));
        buf_put_u8(&frame, 109); /* a binary of 1 GB */
        buf_put_u32(&frame, 1u << 30);
    }
    memset(buf_room(&frame, PIECE_BYTES), 'x', PIECE_BYTES);
    frame.len += PIECE_BYTES;
    frame_close(&frame, start);
    link_raw(l, buf_bytes(&frame));
    buf_free(&frame);
    buf_free(&to);
}

static void begun_round(struct link *l, uint32_t round)
{
    for (uint32_t i = 0; i < SEQUENCES; i++)
        put_piece(l, true, round * SEQUENCES + i + 1, 1000);
}

static void endless_round(struct link *l, uint32_t round)
{
    for (uint32_t i = 0; i < SEQUENCES; i++)
        put_piece(l, round + i == 0, 1, (UINT64_C(1) << 40) - round * SEQUENCES - i);
}

static void begun(struct scene *s)
{
    expect(s, !flood(s, begun_round, READS), "it was disconnected");
}

static void endless(struct scene *s)
{
    expect(s, !flood(s, endless_round, READS), "it was disconnected");
}

/* --- real traffic, with some bits changed
 * ---------------------------------------------------------- */

static void read_recording(const char *name, struct buf *out)
{
    char path[128];
    snprintf(path, sizeof(path), "test/vectors/dist/%s.in", name);
    FILE *file = fopen(path, "rb");
    must(file != NULL);
    buf_clear(out);
    size_t n = 1;
    while (n > 0) {
        n = fread(buf_room(out, 65536), 1, 65536, file);
        out->len += n;
    }
    fclose(file);
}

static void flip(struct buf *bytes, size_t from)
{
    for (int i = 0; i < FLIPS; i++)
        bytes->at[from + draw() % (bytes->len - from)] ^= (uint8_t)(1u << draw() % 8);
}

static const char *const recordings[] = {"calls",  "monitors", "links",
                                         "spawns", "aliases",  "traced"};

static const char *some_recording(void)
{
    return recordings[draw() % (sizeof(recordings) / sizeof(recordings[0]))];
}

/* What a BEAM sent after the handshake, two messages with lengths of two bytes. */
static void flipped(struct scene *s)
{
    struct buf bytes = {0};
    unsigned count = 0;
    for (; time_is_left(s); count++) {
        struct link *l = let_in(s, "attacker");
        size_t at = 0;
        read_recording(some_recording(), &bytes);
        for (int i = 0; i < HANDSHAKE_PARTS; i++)
            at += 2 + (size_t)(bytes.at[at] << 8 | bytes.at[at + 1]);
        flip(&bytes, at);
        link_raw(l, (struct bytes){bytes.at + at, bytes.len - at});
        link_flush(l, CUT_MS);
        link_is_cut(l, 1);
        link_close(l);
    }
    figure(s, "%u conversations", count);
    buf_free(&bytes);
}

static void say_flipped(struct buf *out, unsigned long number)
{
    (void)number;
    read_recording(some_recording(), out);
    flip(out, 0);
}

static void flipped_handshakes(struct scene *s)
{
    storm(s, s->target.port, say_flipped);
}

const struct attack frame_attacks[] = {
    {"a frame of 4 GB", announces_4_gb, 24, 12,
     "attacker@127.0.0.1 disconnected: larger than this node accepts", NULL, 0},
    {"a frame of 256 MB that never comes", announces_256_mb, 24, 12, NULL, NULL, 0},
    {"terms a million deep", deep, 64, 12, NULL, NULL, 0},
    {"compressed bombs", bombs, 64, 1010, NULL, NULL, 0},
    {"messages that are begun", begun, 350, 12, NULL, NULL, 0},
    {"a message that never ends", endless, 350, 12, NULL, NULL, 0},
    {"real traffic with flipped bits", flipped, 64, 1010, NULL, NULL, 0},
    {"real handshakes with flipped bits", flipped_handshakes, 24, 8, NULL, NULL, 0},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
