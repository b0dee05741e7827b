/* Who is in which group where: the pg scopes and the replicas of this node. */
#ifndef COPPICE_NODE_MEMBERSHIP_H
#define COPPICE_NODE_MEMBERSHIP_H

#include "config.h"
#include "learning.h"
#include "registrar.h"
#include "stores.h"

struct membership;

/* registrar: is told of each replica that starts.  All are borrowed. */
struct membership *membership_new(const struct config *config, struct processes *table,
                                  const struct learning *learning, struct registrar *registrar,
                                  struct stores *stores, struct wakeups *wakeups);
void membership_free(struct membership *m);

/* Starts the scopes and replicas of the configuration; from stop on, nothing is restarted. */
void membership_start(struct membership *m, struct turn *t);
void membership_stop(struct membership *m);

/* Starts a scope, where there are fewer than LIMIT_SCOPES and it does not run yet. */
void membership_add_scope(struct membership *m, struct bytes name, struct turn *t);

/* ERR_SHAPE, with *error set, if such a replica cannot run beside one that runs under another name
 * (rivals_check()). */
must_use enum err membership_check_replica(const struct membership *m,
                                           const struct replica_options *options,
                                           struct options_error *error);

/* Whether that node may have one more replica started: there are not too many processes, and it has
 * asked for fewer than its part of them. */
bool membership_may_start(const struct membership *m, struct bytes node);

/* Starts a replica and joins its group in every scope.  Takes *options over when it succeeds;
 * NULL when its name is taken. */
struct process *membership_add_replica(struct membership *m, struct replica_options *options,
                                       struct turn *t);

/* A process has ended, for this reason (a term).  A scope is restarted.  A replica leaves its
 * groups and, unless it was stopped on request (normal, shutdown, {shutdown, _}), is restarted with
 * its options; its files must have been closed (stores_ended()).  After LIMIT_RESTARTS restarts
 * within LIMIT_RESTARTS_MS none is made: the owner is to end the node. */
void membership_ended(struct membership *m, struct process *p, struct bytes reason, struct turn *t);
bool membership_has_given_up(const struct membership *m);

/* It is known what a connected node runs: its scopes are greeted.  And it is down. */
void membership_learned(struct membership *m, struct bytes node, struct turn *t);
void membership_down(struct membership *m, struct bytes node, struct turn *t);

/* Replicas wait with mutations until the cluster is known.  It is unsettled by
 * membership_unsettle() and by whatever changes the groups, until membership_settle() tells the
 * replicas that it is known. */
void membership_unsettle(struct membership *m);
bool membership_is_settled(const struct membership *m);
void membership_settle(struct membership *m, bool known, struct turn *t);
/* Whether every scope has the members of its namesake on that node, or there is none. */
bool membership_knows(const struct membership *m, struct bytes node);

/* Appends the list of scopes, and of the replicas that were stopped on request and not started
 * since (at most LIMIT_STOPPED): for status. */
void membership_put_scopes(const struct membership *m, struct buf *out);
void membership_put_stopped(const struct membership *m, struct buf *out);
/* Appends a map of the pubsubs of the replicas (pubsub.h). */
void membership_put_pubsub(const struct membership *m, struct buf *out);

#endif
