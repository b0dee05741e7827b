#include "keyed_hash.h"

#include "word.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotated(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static inline void sip_round(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotated(s->v1, 13) ^ s->v0;
    s->v0 = rotated(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotated(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotated(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotated(s->v1, 17) ^ s->v2;
    s->v2 = rotated(s->v2, 32);
}

static inline struct state begin(uint64_t key_low, uint64_t key_high)
{
    return (struct state){key_low ^ 0x736f6d6570736575u, key_high ^ 0x646f72616e646f6du,
                          key_low ^ 0x6c7967656e657261u, key_high ^ 0x7465646279746573u};
}

static inline void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t finish(struct state *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* What is left after the last whole word, fewer than 8 bytes, and the length above them.  Of a
 * longer text they are the upper bytes of its last 8: one read instead of one for each. */
static inline uint64_t last_word(struct bytes b, size_t left)
{
    uint64_t length = (uint64_t)b.len << 56;
    if (left > 0 && b.len >= sizeof(uint64_t))
        return length | word_at(b.at + b.len - sizeof(uint64_t)) >> 8 * (sizeof(uint64_t) - left);
    return left > 0 ? length | short_word_at(b.at + b.len - left, left) : length;
}

static inline uint64_t siphash(struct bytes b, struct state s)
{
    size_t left = b.len % sizeof(uint64_t);
    for (size_t i = 0; i < b.len - left; i += sizeof(uint64_t))
        take(&s, word_at(b.at + i));
    take(&s, last_word(b, left));
    return finish(&s);
}

/* Any fixed other number does as the upper half: the secret is as good as its 64 bits. */
static inline struct state begin_secret(uint64_t secret)
{
    return begin(secret, rotated(secret, 32) ^ 0x9e3779b97f4a7c15u);
}

uint64_t keyed_hash(struct bytes b, uint64_t secret)
{
    return siphash(b, begin_secret(secret));
}

uint64_t keyed_hash_pair(uint64_t a, uint64_t b, uint64_t secret)
{
    struct state s = begin_secret(secret);
    take(&s, a);
    take(&s, b);
    return finish(&s);
}

uint64_t siphash_1_3(struct bytes b, uint64_t key_low, uint64_t key_high)
{
    return siphash(b, begin(key_low, key_high));
}
