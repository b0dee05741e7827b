/* What the parts of a storm share.
 *
 *     storm.c         what a storm is like, and all of them
 *     storm_faults.c  what befalls nodes and links
 *     storm_gentle.c  storms in which nothing that was told is ever lost
 *     storm_calm.c    what must be true afterwards */
#ifndef COPPICE_SIM_STORM_H
#define COPPICE_SIM_STORM_H

#include "sim.h"

struct storm {
    struct sim *sim;
    unsigned nodes, beams;
    bool large, follows, repairs;
    bool gentle;   /* the network is whole, and restarts wait until all is told */
    bool thorough; /* calm is long, whether all agree or not */
    bool counts;
    uint64_t deeds, pause_ms;
    uint64_t faults, disk_faults; /* in 1000 deeds */
    uint64_t calm_ms;             /* when whatever the faults have set going has ended */
    /* When last all knew everything: each actor's count, and what of its node's
     * acknowledgements is in there. */
    uint64_t floor[SIM_NODES_MAX], within[SIM_NODES_MAX];
    struct sim_promised told; /* of other types */
};

/* Nothing is asked for, and all that there is is known to all. */
bool storm_all_told(struct sim *s);
/* Runs until it holds, looking now and then; false when it never did within the storm's
 * calm_ms. */
bool storm_waits(struct storm *st, bool (*holds)(struct sim *s));

void storm_fault(struct storm *st);

void storm_restart(struct storm *st);
void storm_check_floors(struct storm *st);

/* Everything is mended; all must come to agree, and to answer. */
void storm_calm(struct storm *st);

#endif
