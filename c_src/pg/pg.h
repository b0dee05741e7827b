/* A scope of pg: process groups across nodes, as pg.erl of OTP 25 to 29 plays it.
 *
 * A scope is one process, registered under the scope's name.  It greets its
 * namesakes on other nodes, tells them the members on this node, and learns
 * theirs.  Two forms of the protocol exist; the form is a property of each
 * peer, and this scope speaks to each in its own:
 *
 *   version 0 (OTP 25 to 28)            version 1 (OTP 29)
 *   {discover, Pid}                     {discover, Pid, 1}
 *   cast {sync, Pid, [{Group, Pids}]}   cast {local_data, Pid, 1, #{Group => Pids}}
 *   {join, Pid, Group, PidOrPids}       {update, Pid, [{Group, Added, Removed}]}
 *   {leave, Pid, PidOrPids, Groups}
 *
 * The 3-tuple ends the pg of OTP 25, so it is sent only to nodes that are
 * known to have version 1 or that have sent it themselves.
 *
 * pg discovers visible nodes when they connect; hidden nodes it never looks for.
 * So this scope starts discovery itself: when told of a node, when a
 * peer's scope ends while the node stays, and again by timer until it answers.
 *
 * Source: kernel's pg.erl, and from OTP 29 its data_publisher.erl. */
#ifndef COPPICE_PG_PG_H
#define COPPICE_PG_PG_H

#include "../otp/process.h"

/* Told of members on other nodes and on this one; a process that joins twice
 * is told once.  group and pid are canonical and good during the call, which may
 * read the scope but not change it.  When the scope ends, members on other
 * nodes leave. */
struct pg_listener {
    void (*joined)(void *who, struct process *scope, struct bytes group, struct bytes pid,
                   struct turn *t);
    void (*left)(void *who, struct process *scope, struct bytes group, struct bytes pid,
                 struct turn *t);
    void *who;
};

/* Starts a scope process; name is the scope's atom as text.  NULL when the
 * name is taken.  The listener is copied. */
struct process *pg_start(struct processes *table, struct bytes name,
                         const struct pg_listener *listener);

/* True for processes that pg_start() made. */
bool pg_is_scope(const struct process *p);

/* Another node is up; version is that of its pg (0 or 1).  Sends the discover, and
 * again every LIMIT_DISCOVER_MS until it is answered or the node is down. */
void pg_meet(struct process *scope, struct bytes node, unsigned version, struct turn *t);
/* A node is down: its members leave. */
void pg_forget(struct process *scope, struct bytes node, struct turn *t);

/* A process of this node joins or leaves; peers are told.  Joining a group that
 * it is in, or leaving one that it is not in, changes nothing.  A process that
 * ends leaves all its groups: the node calls pg_leave_all.  group and pid are
 * canonical. */
void pg_join(struct process *scope, struct bytes group, struct bytes pid, struct turn *t);
void pg_leave(struct process *scope, struct bytes group, struct bytes pid, struct turn *t);
void pg_leave_all(struct process *scope, struct bytes pid, struct turn *t);

/* Walks the members of a group on all nodes, each once, this node's first, then
 * in order of node and of arrival.  The visitor must not change the scope. */
void pg_members(const struct process *scope, struct bytes group,
                void (*visit)(void *who, struct bytes pid), void *who);

/* Every group known, with the number of its members, as a map: for status. */
void pg_status(const struct process *scope, struct buf *out);

/* True when what the node has to say about groups is known: its namesake has told
 * its members since it was last met, or it has none. */
bool pg_settled(const struct process *scope, struct bytes node);

#endif
