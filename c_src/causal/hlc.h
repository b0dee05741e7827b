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
 * the maximum it repeats. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms);

/* The start of the millisecond before a time; false at the minimum. */
bool hlc_before(struct hlc time, struct hlc *before);

#endif
