/* Hybrid logical clock: the time of day as long as that goes forward, and a counter where it
 * does not.
 *
 * Ordered by time, counter and node; the node is any term and kept by the caller.
 *
 * Source: Kulkarni and others, "Logical Physical Clocks" (2014). */
#ifndef COPPICE_CAUSAL_HLC_H
#define COPPICE_CAUSAL_HLC_H

#include <stdbool.h>
#include <stdint.h>

/* Packed: 12 bytes, and not 16. */
struct __attribute__((packed, aligned(4))) hlc {
    int64_t time_ms;
    uint32_t counter;
};

/* <0, 0, >0. */
int hlc_compare(struct hlc a, struct hlc b);

/* A time for something new, later than the last one that was given or seen, whatever
 * the time of day is.  Only at the end of all times it is the same again. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms);

/* The beginning of the millisecond before a time; false where time itself begins. */
bool hlc_before(struct hlc time, struct hlc *before);

#endif
