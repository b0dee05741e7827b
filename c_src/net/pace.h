/* How fast this machine is, so that a step takes LIMIT_STEP_WORK of its time and not of that of the
 * machine on which the prices of turn_worked() were found.  Steps are timed here; what the core
 * learns is a number in its events. */
#ifndef COPPICE_NET_PACE_H
#define COPPICE_NET_PACE_H

#include <stdint.h>

/* All zero: as fast as the prices say. */
struct pace {
    uint32_t slowness; /* as in struct event, at most PACE_SLOWEST */
};

/* Nine times the price.  What takes longer is more than one message, or has been interrupted. */
#define PACE_SLOWEST (8u * 256)

/* A step has taken ns nanoseconds, for work that cost so much (node_work()).  One with little work
 * tells nothing.  It believes a slow step at once in part, and a fast one little by little. */
void pace_note(struct pace *p, uint64_t work, uint64_t ns);

#endif
