/* The bytes of a fuzzer's input, as choices.
 *
 * Every function takes what it needs from the front.  An input that is at its end gives zeros, so
 * that every input means something, and a longer one begins like the shorter one. */
#ifndef COPPICE_FUZZ_INPUT_H
#define COPPICE_FUZZ_INPUT_H

#include "term/bytes.h"

struct input {
    const uint8_t *at, *end;
};

static inline bool input_is_over(const struct input *in)
{
    return in->at == in->end;
}

static inline uint8_t draw_byte(struct input *in)
{
    return input_is_over(in) ? 0 : *in->at++;
}

/* A number below `below`, which is from 1 to 256. */
static inline unsigned draw(struct input *in, unsigned below)
{
    return draw_byte(in) % below;
}

/* Mostly a small number; every number of 64 bits can be drawn. */
static inline uint64_t draw_number(struct input *in)
{
    uint64_t n = draw_byte(in);
    for (unsigned more = n < 240 ? 0 : (unsigned)n - 240; more > 0; more -= more > 8 ? more - 8 : 1)
        n = n << 8 | draw_byte(in);
    return n;
}

/* Up to `most` bytes of the input itself. */
static inline struct bytes draw_bytes(struct input *in, size_t most)
{
    size_t len = draw_byte(in), left = (size_t)(in->end - in->at);
    len = len < most ? len : most;
    len = len < left ? len : left;
    struct bytes drawn = {in->at, len};
    in->at += len;
    return drawn;
}

#endif
