/* Hybrid logical clock: the wall clock while that goes forward, and a counter while it does
 * not.
 *
 * Ordered by time, counter and node; the node is any term, kept by the caller.
 *
 * Source: Kulkarni and others, "Logical Physical Clocks" (2014). */
#ifndef COPPICE_CAUSAL_HLC_H
#define COPPICE_CAUSAL_HLC_H

#include <stdbool.h>
#include <stdint.h>

/* Packed: 12 bytes instead of 16. */
struct __attribute__((packed, aligned(4))) hlc {
    int64_t time_ms;
    uint32_t counter;
};

/* <0, 0, >0. */
int hlc_compare(struct hlc a, struct hlc b);

/* A new time, later than the last one issued or seen, whatever the wall clock says.  Only at
 * the maximum it repeats, which a last time that is followed is far from. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms);

/* Whether a time from elsewhere is followed: it is not too far ahead (LIMIT_CLOCK_AHEAD_MS).  If
 * one was that a broken clock sent, everybody's clock would soon stand still at the maximum. */
bool hlc_is_followed(struct hlc time, uint64_t wall_ms);

/* --- runs -------------------------------------------------------------------------------
 *
 * The times of a run count down from a random counter, so that two runs that begin in the same
 * millisecond do not mix: with a thousand times each, they do so once in a million.  Random
 * counters lie between those that hlc_tick() gives in a millisecond and half of what fits, which
 * leaves room for ticks after them. */

#define HLC_RUN_FIRST (UINT32_C(1) << 16)
#define HLC_RUN_LAST  (UINT32_C(1) << 31)

/* The first time of a run. */
struct hlc hlc_run(uint64_t wall_ms, uint64_t random);

/* An earlier time: the next of the run if the time is the last one of a run of our own, otherwise
 * the first of a run in the millisecond before.  False if there is none. */
bool hlc_before(struct hlc time, bool own, uint64_t random, struct hlc *before);

#endif
