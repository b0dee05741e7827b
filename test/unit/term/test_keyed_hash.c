/* SipHash-1-3, and what it is for. */
#include "term/keyed_hash.h"

#include <stdlib.h>

#include "unit/suite.h"

/* Of the bytes 0, 1, 2 ... with the key 00 01 ... 0f: the vectors of the crate siphasher, which are
 * those of Rust's own hasher. */
static void has_the_published_values(void)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {0, 0xabac0158050fc4dcu},  {1, 0xc9f49bf37d57ca93u},  {2, 0x82cb9b024dc7d44du},
        {7, 0xd3927d989bb11140u},  {8, 0x369095118d299a8eu},  {9, 0x25a48eb36c063de4u},
        {15, 0xd320d86d2a519956u}, {16, 0xcc4fdd1a7d908b66u}, {17, 0x9cf2689063dbd80cu},
        {63, 0x9d199062b7bbb3a8u},
    };
    uint8_t bytes[64];
    for (uint8_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct bytes b = {bytes, vectors[i].len};
        CU_ASSERT(siphash_1_3(wall(b), 0x0706050403020100u, 0x0f0e0d0c0b0a0908u) ==
                  vectors[i].hash);
    }
}

/* Those without a place, too: what is not known of a name. */
static void nothing_has_a_hash(void)
{
    CU_ASSERT(keyed_hash((struct bytes){0}, 7) == keyed_hash(BYTES(""), 7));
}

static void a_pair_is_two_words(void)
{
    uint8_t words[16] = {1, [8] = 2};
    uint64_t hash = keyed_hash_pair(1, 2, 7);
    CU_ASSERT(hash != keyed_hash_pair(2, 1, 7) && hash != keyed_hash_pair(1, 2, 8));
    CU_ASSERT(hash != keyed_hash((struct bytes){words, sizeof(words)}, 7)); /* that has a length */
}

#define KEYS 1000
#define BITS 10

/* Numbers of 8 bytes whose hashes end in the same bits, found by trying. */
static void find_collisions(uint64_t *keys, uint64_t (*hash)(struct bytes b, uint64_t secret),
                            uint64_t secret)
{
    size_t found = 0;
    for (uint64_t n = 0; found < KEYS; n++)
        if (hash((struct bytes){(const uint8_t *)&n, sizeof(n)}, secret) % (1u << BITS) == 0)
            keys[found++] = n;
}

/* The most keys in one of 2^BITS places. */
static size_t most_together(const uint64_t *keys, uint64_t (*hash)(struct bytes b, uint64_t secret),
                            uint64_t secret)
{
    size_t *places = calloc(1u << BITS, sizeof(*places)), most = 0;
    for (size_t i = 0; i < KEYS; i++) {
        struct bytes b = {(const uint8_t *)&keys[i], sizeof(keys[i])};
        size_t n = ++places[hash(b, secret) % (1u << BITS)];
        most = n > most ? n : most;
    }
    free(places);
    return most;
}

/* What collides for a secret that is known does not for any other. */
static void collisions_hold_for_one_secret(void)
{
    uint64_t keys[KEYS];
    find_collisions(keys, keyed_hash, 1);
    CU_ASSERT_EQUAL(most_together(keys, keyed_hash, 1), KEYS);
    for (uint64_t secret = 2; secret < 50; secret++)
        CU_ASSERT(most_together(keys, keyed_hash, secret) < 12);
}

SUITE("keyed_hash", TEST(has_the_published_values), TEST(nothing_has_a_hash),
      TEST(a_pair_is_two_words), TEST(collisions_hold_for_one_secret))
