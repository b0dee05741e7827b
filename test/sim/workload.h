/* Random requests of callers. */
#ifndef COPPICE_SIM_WORKLOAD_H
#define COPPICE_SIM_WORKLOAD_H

#include "sim.h"

/* The node's caller makes one. */
void workload_request(struct sim *s, unsigned node);

#endif
