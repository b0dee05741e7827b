/* A keyed hash, for tables whose keys others choose.
 *
 * SipHash with one round for each word and three at the end (Aumasson and Bernstein, "SipHash: a
 * fast short-input PRF", 2012; the variant that Rust and Python use for their tables).  Who does
 * not know the secret cannot make keys that collide; with bytes_hash(), many can be made that do so
 * for any seed that becomes known. */
#ifndef COPPICE_TERM_KEYED_HASH_H
#define COPPICE_TERM_KEYED_HASH_H

#include "bytes.h"

/* secret: a random number that nobody else knows.  Both words of SipHash's key are made of it. */
uint64_t keyed_hash(struct bytes b, uint64_t secret);

/* Of two numbers. */
uint64_t keyed_hash_pair(uint64_t a, uint64_t b, uint64_t secret);

/* SipHash-1-3 itself, with its key of 128 bits: for tests against its published values. */
uint64_t siphash_1_3(struct bytes b, uint64_t key_low, uint64_t key_high);

#endif
