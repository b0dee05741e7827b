#include "term/bytes.h"

#include <string.h>

#include "unit/suite.h"

#define SEED 0x0123456789abcdefu

/* The same on every machine, and at any alignment. */
static void hashes_the_bytes_only(void)
{
    static const char text[] = "a text of more than three words, and then some";
    char moved[sizeof(text) + 8];
    for (size_t len = 0; len < sizeof(text); len++) {
        uint64_t hash = bytes_hash(wall((struct bytes){(const uint8_t *)text, len}), SEED);
        for (size_t by = 0; by < 8; by++) {
            memcpy(moved + by, text, len);
            CU_ASSERT(bytes_hash((struct bytes){(uint8_t *)moved + by, len}, SEED) == hash);
        }
        CU_ASSERT(bytes_hash((struct bytes){(const uint8_t *)text, len}, SEED + 1) != hash);
    }
    CU_ASSERT(bytes_hash(BYTES("abc"), SEED) == 0xc34b831578f4f937u);
    CU_ASSERT(bytes_hash(BYTES("a text of many words"), SEED) == 0xeebf25d1050e9d0du);
    CU_ASSERT(bytes_hash((struct bytes){0}, SEED) == bytes_hash(BYTES(""), SEED));
}

/* Nodes compare these hashes: they never change. */
static void hashes_few_bytes(void)
{
    static const uint64_t hashes[] = {
        0x3422dd6b5c2de66eu, 0xd38543be4636b976u, 0xc6cbdf09d4b5cc88u, 0xc34b831578f4f937u,
        0xb938000e5f404133u, 0xfa0e504a297881e8u, 0x9b05c8966213404eu, 0x924cf3875162cd82u,
        0xb4366a777a7383f6u, 0xc4446aa3da65f61au,
    };
    for (size_t len = 0; len <= 9; len++)
        CU_ASSERT(bytes_hash(wall((struct bytes){(const uint8_t *)"abcdefgh1", len}), SEED) ==
                  hashes[len]);
}

/* Zeros that differ only in number. */
static void hashes_zeros_by_length(void)
{
    static const uint8_t zeros[64];
    for (size_t a = 0; a <= sizeof(zeros); a++) {
        for (size_t b = 0; b < a; b++)
            CU_ASSERT(bytes_hash((struct bytes){zeros, a}, SEED) !=
                      bytes_hash((struct bytes){zeros, b}, SEED));
    }
}

/* Every bit of every byte matters, and flips half of the low bits, which tables use. */
static void depends_on_every_bit(void)
{
    uint8_t bytes[29] = {109, 0, 0, 0, 24};
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        struct bytes whole = {bytes, len};
        uint64_t hash = bytes_hash(whole, SEED);
        int moved = 0;
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            moved += __builtin_popcountll((bytes_hash(whole, SEED) ^ hash) & 0xffff);
            CU_ASSERT(bytes_hash(whole, SEED) != hash);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        CU_ASSERT(moved > (int)len * 8 * 6 && moved < (int)len * 8 * 10);
    }
}

/* Keys as sets have them, in a table of twice as many places: chance fills 39% of those. */
static void spreads_numbered_keys(void)
{
    enum { KEYS = 1 << 16, PLACES = 2 * KEYS };
    static uint8_t filled[PLACES];
    unsigned most = 0, taken = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct buf key = {0};
        buf_printf(&key, "element-%07u", i);
        size_t at = (size_t)bytes_hash(buf_bytes(&key), SEED) % PLACES;
        taken += filled[at]++ == 0;
        most = filled[at] > most ? filled[at] : most;
        buf_free(&key);
    }
    CU_ASSERT(most < 12);
    CU_ASSERT(taken > PLACES * 38 / 100);
}

SUITE("bytes", TEST(hashes_the_bytes_only), TEST(hashes_few_bytes), TEST(hashes_zeros_by_length),
      TEST(depends_on_every_bit), TEST(spreads_numbered_keys))
