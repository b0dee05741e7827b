/* Timers: an intrusive binary heap.  Of two with the same time, the one set first rings
 * first.  A time in the past counts as that of the last wakeups_ring(): who is woken again and
 * again, since he has more to do, does not go before others that are due. */
#ifndef COPPICE_OTP_WAKEUP_H
#define COPPICE_OTP_WAKEUP_H

#include <stddef.h>
#include <stdint.h>

#include "turn.h"

struct wakeup {
    uint64_t at_ms;
    uint64_t age; /* the value of wakeups.set when it was set; breaks ties */
    size_t place; /* index in the heap, from 1; 0 when it is not set */
    void (*ring)(struct wakeup *w, struct turn *t);
};

/* All zero is a valid, empty heap. */
struct wakeups {
    struct wakeup **heap;
    size_t count, cap;
    uint64_t set;     /* calls of wakeup_set() so far */
    uint64_t rung_ms; /* the time of the last wakeups_ring() */
};

/* Sets it, or changes its time. */
void wakeup_set(struct wakeups *all, struct wakeup *w, uint64_t at_ms);

/* No effect when it is not set. */
void wakeup_stop(struct wakeups *all, struct wakeup *w);

/* The earliest time; UINT64_MAX when none is set. */
uint64_t wakeups_due(const struct wakeups *all);

/* Stops and rings each wakeup that is due, until they have done the work of a step; the others are
 * the first in the next call.  One set by a callback waits for the next call, too, so that this
 * terminates. */
void wakeups_ring(struct wakeups *all, struct turn *t);

/* Stops all of them: before those who have them are freed, one after the other. */
void wakeups_stop(struct wakeups *all);

/* Frees the heap, not its elements. */
void wakeups_free(struct wakeups *all);

#endif
