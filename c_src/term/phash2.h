/* erlang:phash2/1, by which DETS finds the slot of a key.
 *
 * Documented to be the same on every machine and in every release of OTP.  Source:
 * make_hash2() in OTP's erts/emulator/beam/utils.c (to 26) and erl_term_hashing.c (from 27). */
#ifndef COPPICE_TERM_PHASH2_H
#define COPPICE_TERM_PHASH2_H

#include "bytes.h"

/* Results are below this. */
#define PHASH2_RANGE (1u << 27)

/* The hash of one canonical term (term/canon.h) without native records (must): how OTP hashes those
 * is not documented. */
uint32_t phash2(struct bytes canonical);

#endif
