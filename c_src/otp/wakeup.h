/* Times to wake at: a heap over records that live inside what is woken.  Of
 * two with the same time the one that was set first comes first. */
#ifndef COPPICE_OTP_WAKEUP_H
#define COPPICE_OTP_WAKEUP_H

#include <stddef.h>
#include <stdint.h>

#include "turn.h"

struct wakeup {
    uint64_t at_ms;
    uint64_t age; /* counts settings, over the whole heap */
    size_t place; /* in the heap, from 1; 0 when it is not set */
    void (*ring)(struct wakeup *w, struct turn *t);
};

/* All zero is empty and valid. */
struct wakeups {
    struct wakeup **heap;
    size_t count, cap;
    uint64_t set; /* settings so far */
};

/* Sets, or sets anew. */
void wakeup_set(struct wakeups *all, struct wakeup *w, uint64_t at_ms);

/* One that is not set is allowed. */
void wakeup_stop(struct wakeups *all, struct wakeup *w);

/* UINT64_MAX when none is set. */
uint64_t wakeups_due(const struct wakeups *all);

/* Rings those that are due, each stopped first.  One that is set meanwhile
 * waits for the next time, so that this ends. */
void wakeups_ring(struct wakeups *all, struct turn *t);

/* Frees the heap, not what is in it. */
void wakeups_free(struct wakeups *all);

#endif
