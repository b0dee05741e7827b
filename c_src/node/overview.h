/* What metrics and the status page are made of. */
#ifndef COPPICE_NODE_OVERVIEW_H
#define COPPICE_NODE_OVERVIEW_H

#include "../cluster/cluster.h"
#include "../otp/process.h"
#include "access.h"
#include "config.h"
#include "learning.h"

/* What is known of a node at a moment.  All are borrowed. */
struct overview {
    const struct config *config;
    struct processes *table;
    const struct cluster *cluster;
    const struct access *access;
    const struct learning *learning;
    uint64_t started_ms, now_ms; /* wall clock */
    uint16_t port;
};

/* Like cluster_next(), without commands. */
bool overview_next_peer(const struct overview *o, struct cluster_peer *peer);
/* The i-th node of the configuration that is not connected; start with *i = 0, which is moved on.
 * Empty at the end. */
struct bytes overview_next_missing(const struct overview *o, size_t *i);

#endif
