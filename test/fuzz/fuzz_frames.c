/* A row of frame bodies, compared with a simple model of how fragments are put together again.
 *
 * The input is a list of bodies: a byte says what each is, the next ones its sequence and number,
 * of which there are few, so that they meet; or a body is taken as it is. */
#include <stddef.h>
#include <stdint.h>

#include "dist/frame.h"
#include "dist/wire.h"
#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEQUENCES 16

struct model {
    struct {
        bool open;
        uint64_t next;
        struct buf bytes;
    } sequences[SEQUENCES];
};

/* What message_take() must make of a fragment. */
static enum message expected(struct model *m, bool first, unsigned id, uint64_t number,
                             struct bytes piece)
{
    bool there = m->sequences[id].open;
    if (number == 0 || number == UINT64_MAX || first == there ||
        (there && m->sequences[id].next != number))
        return MESSAGE_BAD;
    if (first)
        buf_clear(&m->sequences[id].bytes);
    buf_put(&m->sequences[id].bytes, piece);
    m->sequences[id].next = number - 1;
    m->sequences[id].open = number > 1;
    return number > 1 ? MESSAGE_NONE : MESSAGE_WHOLE;
}

/* Numbers are small, or the largest. */
static uint64_t number_of(uint8_t byte)
{
    return byte < 250 ? byte % 8u : UINT64_MAX - (255u - byte);
}

/* A fragment.  False if the connection is to be closed. */
static bool fragment(struct fragments *f, struct model *m, bool first, struct wire *in)
{
    struct buf frame = {0};
    struct bytes body, terms;
    bool versioned;
    enum err e = OK;
    unsigned id = wire_u8(in) % SEQUENCES;
    uint64_t number = number_of(wire_u8(in));
    struct bytes piece = wire_bytes(in, wire_u8(in) % 32);
    buf_put_u32(&frame, (uint32_t)(18 + first + piece.len));
    buf_put(&frame, first ? BYTES("\203\105") : BYTES("\203\106"));
    buf_put_u64(&frame, id);
    buf_put_u64(&frame, number);
    if (first)
        buf_put_u8(&frame, 0);
    buf_put(&frame, piece);
    struct bytes all = buf_bytes(&frame);
    must(frame_next(&all, 4, frame.len, &body) == FRAME_BODY && all.len == 0);
    enum message wanted = expected(m, first, id, number, piece);
    must(message_take(f, body, &terms, &versioned, &e) == wanted);
    must((wanted == MESSAGE_BAD) == (e != OK) && !versioned);
    must(wanted != MESSAGE_BAD || e == ERR_FRAGMENT);
    if (wanted == MESSAGE_WHOLE)
        must(bytes_equal(terms, buf_bytes(&m->sequences[id].bytes)));
    buf_free(&frame);
    return wanted != MESSAGE_BAD;
}

/* Any body.  Bodies that are not fragments do not touch the sequences; after one that is, the
 * model knows nothing. */
static bool any(struct fragments *f, struct bytes body)
{
    struct bytes terms = {0};
    bool versioned;
    enum err e = OK;
    bool is_fragment = body.len > 1 && body.at[0] == BODY_VERSION && body.at[1] != BODY_WHOLE;
    enum message message = message_take(f, body, &terms, &versioned, &e);
    must((message == MESSAGE_BAD) == (e != OK));
    if (message == MESSAGE_WHOLE && !is_fragment)
        must(terms.len < body.len && terms.at + terms.len == body.at + body.len);
    return message != MESSAGE_BAD && !is_fragment;
}

/* Cuts frames of either width, with a limit, off the input. */
static void cut(struct bytes all)
{
    struct bytes body;
    for (unsigned width = 2; width <= 4; width += 2) {
        struct bytes left = all;
        size_t before = left.len;
        for (enum frame kind; (kind = frame_next(&left, width, 64, &body)) >= FRAME_TICK;) {
            if (kind == FRAME_BAD)
                break;
            must((kind == FRAME_TICK) == (body.len == 0) && body.len <= 64);
            must(left.len + body.len + width == before);
            before = left.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire in = wire_open((struct bytes){data, size});
    struct fragments *f = fragments_new();
    struct model m = {0};
    bool open = true;
    while (open && in.left.len > 0) {
        uint8_t kind = wire_u8(&in);
        if (kind < 200)
            open = fragment(f, &m, kind < 100, &in);
        else
            open = any(f, wire_bytes(&in, wire_u8(&in) % 64));
    }
    cut(in.left);
    fragments_free(f);
    for (size_t i = 0; i < SEQUENCES; i++)
        buf_free(&m.sequences[i].bytes);
    return 0;
}
