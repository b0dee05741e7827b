/* The functions that other nodes may call here by rpc and erpc: a closed table.  No code is ever
 * run; what is not in the table does not exist, as on a BEAM without that module. */
#ifndef COPPICE_NODE_FUNCTIONS_H
#define COPPICE_NODE_FUNCTIONS_H

#include "server.h"

/* The version of the program, as in src/coppice.app.src. */
#define COPPICE_RELEASE "0.1.0"

/* What the functions report on; all are borrowed. */
struct functions {
    const struct config *config;
    struct processes *table;
    struct cluster *cluster;
    const struct server *server;
    uint64_t started_ms;    /* when the node was ready */
    uint64_t wall_clock_ms; /* of the last statistics(wall_clock) */
};

enum applied {
    APPLIED_VALUE, /* the value was appended */
    APPLIED_UNDEF, /* there is no such function */
    APPLIED_BADARG /* it does not take these arguments */
};

/* Applies Module:Function(Args...): two texts, and a proper list of arguments, a checked term.
 * Nothing is appended unless there is a value. */
enum applied functions_apply(struct functions *f, const struct spawn *call, struct buf *value,
                             const struct turn *t);

#endif
