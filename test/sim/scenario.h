/* Shared by the scenarios.  Network latency is 1 ms, replicas sync every 100 ms; a disk job
 * takes 5 ms, a snapshot 20, and one is due every second. */
#ifndef COPPICE_SIM_STORY_H
#define COPPICE_SIM_STORY_H

#include "sim.h"

#define SYNC_MS     100
#define TICKTIME_MS 8000
/* Enough for a round trip and the sync after it. */
#define SOON_MS (SYNC_MS + 50)
/* Enough for every dial to be retried. */
#define LONG_MS 60000

struct scenario {
    const char *name;
    unsigned nodes;
    const char *crdt;
    void (*run)(struct sim *s);
};

/* Each list ends with an entry without a name. */
extern const struct scenario type_scenarios[], beam_scenarios[], disk_scenarios[],
    mount_scenarios[], pubsub_scenarios[], reader_scenarios[];

/* How many nodes, the last ones, are BEAMs.  With disks, n1 is durable, and n2 has durability
 * `interval`.  With mounts, their tables are mounted as single files. */
struct cast {
    unsigned beams;
    bool disks, mounts;
    bool pubsub;
    bool reader;
};

static inline struct sim *scenario_sim(const struct scenario *scenario, struct cast cast)
{
    return sim_new(&(struct sim_options){.seed = 1,
                                         .nodes = scenario->nodes,
                                         .beams = cast.beams,
                                         .withholds = true,
                                         .pubsub = cast.pubsub,
                                         .has_reader = cast.reader,
                                         .crdt = scenario->crdt,
                                         .sync_ms = SYNC_MS,
                                         .ticktime_ms = TICKTIME_MS,
                                         .latency_min_ms = 1,
                                         .latency_max_ms = 1,
                                         .stored = cast.disks ? 3 : 0,
                                         .interval = cast.disks ? 2 : 0,
                                         .mounted = cast.mounts ? 3 : 0,
                                         .snapshot_ms = 1000,
                                         .disk_min_ms = 5,
                                         .disk_max_ms = 5});
}

/* Starts all; at the end, at 2000 ms, they know each other. */
static inline void settle(struct sim *s)
{
    sim_start_all(s);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_clear(s);
}

#endif
