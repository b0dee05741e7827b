/* Who is in which group where: the pg scopes and the replicas of this node. */
#ifndef COPPICE_NODE_MEMBERSHIP_H
#define COPPICE_NODE_MEMBERSHIP_H

#include "config.h"
#include "learning.h"
#include "stores.h"

struct membership;

/* All are borrowed. */
struct membership *membership_new(const struct config *config, struct processes *table,
                                  const struct learning *learning, struct stores *stores);
void membership_free(struct membership *m);

/* Starts the scopes and replicas of the configuration; stops starting scopes anew. */
void membership_start(struct membership *m, struct turn *t);
void membership_stop(struct membership *m);

/* Starts a scope, where there are fewer than LIMIT_SCOPES and it does not run yet. */
void membership_add_scope(struct membership *m, struct bytes name, struct turn *t);

/* Starts a replica and joins its group in every scope.  Takes *options over when it succeeds;
 * NULL when its name is taken. */
struct process *membership_add_replica(struct membership *m, struct replica_options *options,
                                       struct turn *t);

/* A process has ended: it leaves its groups; a scope is started again. */
void membership_ended(struct membership *m, struct process *p, struct turn *t);

/* It is known what a connected node runs: greets its scopes.  And it is down. */
void membership_learned(struct membership *m, struct bytes node, struct turn *t);
void membership_down(struct membership *m, struct bytes node, struct turn *t);

/* Replicas are told whether it is known who is in the cluster.  That is to be found out after
 * membership_unsettle(), and after whatever changes the groups, until the answer is yes. */
void membership_unsettle(struct membership *m);
bool membership_is_settled(const struct membership *m);
void membership_settle(struct membership *m, bool known, struct turn *t);
/* Whether every scope has heard from its namesake on a connected node. */
bool membership_knows(const struct membership *m, struct bytes node);

/* Appends the list of scopes: for status. */
void membership_put_scopes(const struct membership *m, struct buf *out);

#endif
