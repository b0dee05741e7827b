/* What stories have in common.  Every way through the network takes 1 ms, replicas sync
 * every 100 ms; a disk takes 5 ms, and 20 for a snapshot, which is made every second. */
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

/* Those of types that are no counters (type_stories.c), of a coppice and two BEAMs
 * (beam_stories.c), and of replicas that are kept on disk (disk_stories.c), until one without
 * a name. */
extern const struct story type_stories[], beam_stories[], disk_stories[];

/* Who is in them: so many BEAMs, the last ones.  With disks n1 is durable, and n2 by
 * intervals. */
struct cast {
    unsigned beams;
    bool disks;
};

static inline struct sim *story_world(const struct story *story, struct cast cast)
{
    return sim_new(&(struct sim_options){.seed = 1,
                                         .nodes = story->nodes,
                                         .beams = cast.beams,
                                         .withholds = true,
                                         .crdt = story->crdt,
                                         .sync_ms = SYNC_MS,
                                         .ticktime_ms = TICKTIME_MS,
                                         .latency_min_ms = 1,
                                         .latency_max_ms = 1,
                                         .stored = cast.disks ? 3 : 0,
                                         .interval = cast.disks ? 2 : 0,
                                         .snapshot_ms = 1000,
                                         .disk_min_ms = 5,
                                         .disk_max_ms = 5});
}

/* All are up and know each other; the clock stands at 2000. */
static inline void settle(struct sim *s)
{
    sim_start_all(s);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_forget(s);
}

#endif
