/* The struct %Grove.Counter.GCounter{} around counts: the whole of a GCounter,
 * and each half of a PNCounter. */
#ifndef COPPICE_CRDT_GCOUNTER_H
#define COPPICE_CRDT_GCOUNTER_H

#include "../causal/counts.h"
#include "crdt.h"

struct gcounter {
    struct crdt crdt;
    struct counts counts;
};

#endif
