/* A scope's state.  Private to pg/:
 *
 *     pg.c         the process, and the functions of pg.h
 *     pg_receive.c messages from remote scopes
 *     pg_intake.c  those with members, validated and applied
 *     pg_remote.c  the remote scopes, and messages to them
 *     pg_wire.c    encoding and decoding the messages
 *     pg_cursor.c  the groups and processes in them
 *     pg_roster*.c the groups and their members */
#ifndef COPPICE_PG_PG_SCOPE_H
#define COPPICE_PG_PG_SCOPE_H

#include "../otp/names.h"
#include "pg.h"
#include "pg_roster.h"
#include "pg_wire.h"

/* A scope process of another node, known by its pid, as in pg: from its first message on, until
 * it ends. */
struct remote_scope {
    struct remote_node *node;
    struct roster_source *members;
    unsigned version; /* of its protocol */
    uint64_t watch;   /* of the process */
    bool informed;    /* it has been sent our members */
    bool incomplete;  /* a message of it was dropped; its members are to be asked for again */
};

/* A connected node.  Any process there may greet us with a discover: a second scope, under
 * another name, or somebody's shell.  So a node has any number of scopes, up to
 * LIMIT_NODE_SCOPES, and which of them has our name is not known. */
struct remote_node {
    struct buf name;   /* first: names.h */
    bool met;          /* by pg_meet(): the process with our name is sent discovers and watched */
    unsigned version;  /* of those discovers */
    uint64_t watch;    /* of the name; 0: none */
    uint64_t retry_ms; /* LIMIT_DISCOVER_MS after the last discover */
    bool absent;       /* the node had no process of that name when last watched */
    bool settled;      /* a scope has sent its members since then */
    struct remote_scope **scopes; /* in the order of their first messages */
    size_t count, cap;
};

struct scope {
    struct process *process;
    struct pg_listener listener;
    struct roster *roster;
    struct roster_source *ours;
    struct names nodes; /* of struct remote_node */
    struct pg_intake *intakes;
    uint64_t retry_ms; /* when what was not answered is repeated; 0: all was */
    uint64_t refused;  /* messages, members and scopes */
};

/* --- pg_remote.c ------------------------------------------------------- */

struct remote_node *pg_node_find(const struct scope *s, struct bytes name);
struct remote_node *pg_node_at(const struct scope *s, size_t i); /* in order of names */
struct remote_node *pg_node_of_watch(const struct scope *s, uint64_t watch);
/* Finds the node, or adds it. */
struct remote_node *pg_node_ensure(struct scope *s, struct bytes name);
/* Removes its scopes, as pg_remote_remove() does, and frees it. */
void pg_node_remove(struct scope *s, struct remote_node *node, struct turn *t);
/* Frees its scopes alone; the roster must have been freed. */
void pg_node_clear(struct remote_node *node);

struct bytes pg_remote_pid(const struct remote_scope *remote);
struct remote_scope *pg_remote_of_pid(const struct scope *s, struct bytes pid);
struct remote_scope *pg_remote_of_watch(const struct scope *s, uint64_t watch);
/* Adds the scope with this pid, which is not known yet, and watches it.  NULL when its node has
 * too many, or is not connected: the message has outlived the connection. */
struct remote_scope *pg_remote_add(struct scope *s, struct bytes pid, struct turn *t);
/* It has ended and is freed: its members leave, a few at once, and many by pg_leave_wake(). */
void pg_remote_remove(struct scope *s, struct remote_scope *remote, struct turn *t);
void pg_leave_wake(struct scope *s, struct turn *t);
/* All that are leaving. */
void pg_leave_finish(struct scope *s, struct turn *t);

/* Schedules a retry of what has not been answered, within LIMIT_DISCOVER_MS. */
void pg_schedule_retry(struct scope *s, struct turn *t);
/* Sends a discover to the process with our name, which is watched from then on, so that a node
 * without such a process, or its end, is noticed at once. */
void pg_discover_name(struct scope *s, struct remote_node *node, struct turn *t);
/* Sends a discover to a known scope. */
void pg_discover_pid(struct scope *s, struct remote_scope *remote, struct turn *t);
/* Sends all members of this node. */
void pg_send_members(struct scope *s, struct remote_scope *remote, struct turn *t);
/* Sends the change to every scope that is informed. */
void pg_send_change(struct scope *s, const struct pg_change *change, struct turn *t);

/* --- pg_receive.c ------------------------------------------------------ */

/* Handles a cast or an info. */
void pg_receive(struct scope *s, const struct gen_message *gen, struct turn *t);
/* Logs a message of the scope with that pid (empty: unknown), which is sent a discover again soon:
 * its answer contains what was lost. */
void pg_refuse(struct scope *s, struct bytes pid, enum err err, struct turn *t);

/* --- pg.c -------------------------------------------------------------- */

/* For whatever is to be done next: at once while something is worked off. */
void pg_set_wake(struct scope *s, const struct turn *t);

void pg_joined(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);
void pg_left(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);

/* A roster_visitor that calls pg_left(); who is a struct scope_turn. */
struct scope_turn {
    struct scope *scope;
    struct turn *turn;
};
void pg_on_removed(void *who, struct bytes group, struct bytes pid);

/* Counts a message, member or scope that is not accepted, and logs it, at a decreasing rate. */
void pg_refused(struct scope *s, struct turn *t, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
