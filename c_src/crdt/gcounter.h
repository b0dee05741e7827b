/* GCounter: counts in the struct %Grove.Counter.GCounter{}; also each half of a PNCounter. */
#ifndef COPPICE_CRDT_GCOUNTER_H
#define COPPICE_CRDT_GCOUNTER_H

#include "../causal/counts.h"
#include "crdt.h"

struct gcounter {
    struct crdt crdt;
    struct counts counts;
};

#endif
