/* What stories have in common.  Every way through the network takes 1 ms, and replicas
 * sync every 100 ms. */
#ifndef COPPICE_SIM_STORY_H
#define COPPICE_SIM_STORY_H

#include "sim.h"

#define SYNC_MS     100
#define TICKTIME_MS 8000
/* A round trip and the sync after it. */
#define SOON_MS (SYNC_MS + 50)
/* Whatever has to be dialled again is, at the latest after this. */
#define LONG_MS 60000

struct story {
    const char *name;
    unsigned nodes;
    const char *crdt;
    void (*tell)(struct sim *s);
};

/* Those of types that are no counters (type_stories.c), until one without a name. */
extern const struct story type_stories[];

/* All are up and know each other; the clock stands at 2000. */
static inline void settle(struct sim *s)
{
    sim_start_all(s);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_forget(s);
}

#endif
