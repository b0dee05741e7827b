/* Private to the storms.
 *
 *     storm.c           the parameters of a storm, and the main program
 *     storm_faults.c    faults of nodes, links and disks
 *     storm_lossless.c  storms that lose nothing a node has told its peers
 *     storm_converge.c  what must hold once the faults have ended */
#ifndef COPPICE_SIM_STORM_H
#define COPPICE_SIM_STORM_H

#include "sim.h"

struct storm {
    struct sim *sim;
    unsigned nodes, beams;
    bool large, follows, discovers, repairs, pubsub;
    bool lossless; /* the network is healthy, and restarts wait until all is known to all */
    bool soaks;    /* runs on for settle_ms after it has converged */
    bool counts;   /* its type is a counter */
    uint64_t steps, pause_ms;
    uint64_t faults, disk_faults; /* per 1000 steps */
    uint64_t settle_ms;           /* enough for everything to converge */
    /* At the last restart, when all knew everything: each actor's count, and which of its
     * node's acknowledgements, as sim_acknowledged() counts them, that includes. */
    uint64_t floor[SIM_NODES_MAX], within[SIM_NODES_MAX];
    struct sim_promised known; /* the same of other types */
};

/* No call is open, and everything is known to all. */
bool storm_all_known(struct sim *s);
/* Runs until the condition holds, polling it; false when it did not within settle_ms. */
bool storm_wait(struct storm *st, bool (*holds)(struct sim *s));

void storm_fault(struct storm *st);

void storm_restart(struct storm *st);
void storm_check_floors(struct storm *st);

/* The n-th call to the node's disk fails, for a random n. */
void storm_disk_error(struct sim *s, unsigned node);
/* The same, or the node ends in that call, or its disk is healed. */
void storm_disk_fault(struct sim *s, unsigned node);
void storm_heal_disks(struct sim *s);

/* Heals everything; all must converge, and then answer. */
void storm_converge(struct storm *st);

#endif
