/* A scope of pg: process groups across nodes, compatible with pg.erl of OTP 25 to 29.
 *
 * A scope is one process, registered under the scope's name.  It sends a discover to the
 * processes with the same name on other nodes; each side then sends the other the members on
 * its node, and later the changes.  The protocol has two versions; this scope speaks to each
 * peer in the peer's:
 *
 *   version 0 (OTP 25 to 28)            version 1 (OTP 29)
 *   {discover, Pid}                     {discover, Pid, 1}
 *   cast {sync, Pid, [{Group, Pids}]}   cast {local_data, Pid, 1, #{Group => Pids}}
 *   {join, Pid, Group, PidOrPids}       {update, Pid, [{Group, Added, Removed}]}
 *   {leave, Pid, PidOrPids, Groups}
 *
 * The 3-tuple crashes the pg of OTP 25, so it is sent only to nodes that are known to have
 * version 1 or that have sent it themselves.
 *
 * pg.erl sends a discover to visible nodes when they connect, but never to hidden ones.  So
 * this scope always sends its own: when pg_meet() is called, when a peer's scope ends while
 * the node stays connected, and again by timer until it is answered.
 *
 * As in pg, whoever sends a discover is a scope from then on, until it ends.  A node may have
 * several, and a process is a member as long as one of them says so.
 *
 * Source: kernel's pg.erl, and from OTP 29 its data_publisher.erl. */
#ifndef COPPICE_PG_PG_H
#define COPPICE_PG_PG_H

#include "../otp/process.h"

/* Notified of members on other nodes and on this one, once for a process that joins twice.
 * group and pid are canonical and valid during the call, which may read the scope but not
 * change it.  When the scope ends, members on other nodes leave.  A process that leaves and comes
 * back, with another scope, is told of both, in this order. */
struct pg_listener {
    void (*joined)(void *who, struct process *scope, struct bytes group, struct bytes pid,
                   struct turn *t);
    void (*left)(void *who, struct process *scope, struct bytes group, struct bytes pid,
                 struct turn *t);
    void *who;
};

/* Starts a scope process; name is the scope's atom as text.  The listener is copied.  The turn
 * gives the seed of its hash tables.  NULL when process_start() returns NULL. */
struct process *pg_start(struct processes *table, struct bytes name,
                         const struct pg_listener *listener, struct turn *t);

/* True for processes that pg_start() started. */
bool pg_is_scope(const struct process *p);

/* A node is up; version is that of its pg (0 or 1).  Sends a discover, and again every
 * LIMIT_DISCOVER_MS until a scope there has answered or the node is down. */
void pg_meet(struct process *scope, struct bytes node, unsigned version, struct turn *t);
/* A node is down: its members leave, those in groups of this node's processes at once, and many
 * others soon: until then they are members. */
void pg_forget(struct process *scope, struct bytes node, struct turn *t);

/* A process of this node joins or leaves; the change is sent to peers.  Joining a group that
 * it is in, or leaving one that it is not in, has no effect.  The node calls pg_leave_all()
 * when a process ends.  group and pid are canonical. */
void pg_join(struct process *scope, struct bytes group, struct bytes pid, struct turn *t);
void pg_leave(struct process *scope, struct bytes group, struct bytes pid, struct turn *t);
void pg_leave_all(struct process *scope, struct bytes pid, struct turn *t);

/* Those that are about to leave this group leave now: before its members are introduced to a
 * process that is new in it. */
void pg_let_leave(struct process *scope, struct bytes group, struct turn *t);

/* Visits the members of a group on all nodes, each once: this node's first, then by name of
 * node; those of a scope in the order in which they joined.  The visitor must not change the
 * scope. */
void pg_members(const struct process *scope, struct bytes group,
                void (*visit)(void *who, struct bytes pid), void *who);

/* Puts the list of groups that have members, in key order (term/order.h); local: on this node. */
void pg_put_groups(const struct process *scope, bool local, struct buf *out);

/* Puts a map of all groups to their number of members, for status. */
void pg_status(const struct process *scope, struct buf *out);

/* True when the node's members are known: a scope there has sent its own since the last
 * pg_meet(), or no process there has our name. */
bool pg_settled(const struct process *scope, struct bytes node);

#endif
