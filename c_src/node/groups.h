/* The replicas of a node by group.  Peers tell of members in any number of groups, most of which
 * have no replica here: each costs one look-up, not a walk over all replicas. */
#ifndef COPPICE_NODE_GROUPS_H
#define COPPICE_NODE_GROUPS_H

#include "../otp/hash_table.h"
#include "../otp/process.h"

/* All zero is empty; the seed is that of hashes, since peers choose the groups. */
struct groups {
    struct hash_table by_name;
    uint64_t seed;
};

void groups_free(struct groups *g);

/* group is canonical and copied, the replica borrowed until groups_remove().  A replica is in one
 * group, once. */
void groups_add(struct groups *g, struct bytes group, struct process *replica);
void groups_remove(struct groups *g, struct bytes group, const struct process *replica);

/* The group's i-th replica, in the order in which they were added; NULL when it has no more. */
struct process *groups_at(const struct groups *g, struct bytes group, size_t i);

#endif
