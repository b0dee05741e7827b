/* What a replica is told at its start, in the configuration or by
 * {start_replica, Name, Map}. */
#ifndef COPPICE_REPLICA_OPTIONS_H
#define COPPICE_REPLICA_OPTIONS_H

#include <stdint.h>

#include "../crdt/crdt.h"

#define SYNC_INTERVAL_MS     5000 /* Grove's default */
#define SYNC_INTERVAL_MIN_MS 10
#define SYNC_INTERVAL_MAX_MS 86400000 /* a day */

struct replica_options {
    struct term name; /* the atom it is registered as */
    const struct crdt_type *type;
    struct term actor; /* any term; default: the node's name as a binary */
    struct term group; /* any term; default: the replica's name */
    uint64_t sync_ms;  /* sync_interval */
    enum mapset_form mapset;
};

/* What is wrong with the options, in words for the user. */
struct options_error {
    char what[200]; /* "sync_interval: expected milliseconds from 10 to 86400000, found abc" */
};

/* Reads `#{crdt => Type, actor => A, group => G, mapset => plain | versioned,
 * sync_interval => Ms}` (canonical terms).  crdt is required; unknown keys, wrong types and
 * impossible values are refused (ERR_SHAPE) with *error set and nothing to free. */
must_use enum err replica_options_read(struct replica_options *o, struct bytes name,
                                       struct bytes map, struct bytes node,
                                       struct options_error *error);

void replica_options_free(struct replica_options *o);

#endif
