/* A scope's state.  Private to pg/:
 *
 *     pg.c         the process, and the functions of pg.h
 *     pg_receive.c messages from remote scopes, applied here
 *     pg_remote.c  the remote scopes, and messages to them
 *     pg_wire.c    encoding and decoding the messages
 *     pg_roster.c  the groups and their members */
#ifndef COPPICE_PG_PG_SCOPE_H
#define COPPICE_PG_PG_SCOPE_H

#include "pg.h"
#include "pg_roster.h"
#include "pg_wire.h"

/* The scope of another node.  Exists from pg_meet() or its first message on. */
struct remote_scope {
    struct roster_node *members;
    struct term pid;   /* empty until its first message */
    unsigned version;  /* of its protocol */
    uint64_t watch;    /* of pid or, while that is empty, of the name; 0: none */
    bool absent;       /* the node had no process of that name when last watched */
    uint64_t retry_ms; /* LIMIT_DISCOVER_MS after the last discover */
    bool settled;      /* it has sent its members */
    bool informed;     /* it has been sent ours */
};

struct scope {
    struct process *process;
    struct pg_listener listener;
    struct roster *roster;
    struct roster_node *ours;
    struct remote_scope **remotes; /* sorted by node */
    size_t count, cap;
    bool retry_set; /* a wake is scheduled */
};

/* --- pg_remote.c ------------------------------------------------------- */

struct bytes pg_remote_node(const struct remote_scope *remote);
struct remote_scope *pg_remote_find(const struct scope *s, struct bytes node);
/* The remote scope with this pid; NULL when its node is unknown, or its scope has another
 * pid. */
struct remote_scope *pg_remote_of_pid(const struct scope *s, struct bytes pid);
struct remote_scope *pg_remote_of_watch(const struct scope *s, uint64_t watch);

/* Finds the node's, or adds it. */
struct remote_scope *pg_remote_ensure(struct scope *s, struct bytes node);
/* Takes pid for the scope of its node; the members of an earlier scope there leave.  NULL when
 * the node is not connected: the message has outlived the connection. */
struct remote_scope *pg_remote_adopt(struct scope *s, struct bytes pid, struct turn *t);
/* It has ended, or was replaced by another: its members leave. */
void pg_remote_reset(struct scope *s, struct remote_scope *remote, struct turn *t);
/* The same, and frees it. */
void pg_remote_remove(struct scope *s, struct remote_scope *remote, struct turn *t);
void pg_remote_free(struct remote_scope *remote);

/* Schedules a retry for scopes that have not answered, within LIMIT_DISCOVER_MS. */
void pg_schedule_retry(struct scope *s, struct turn *t);
/* Sends a discover to its pid or, while that is unknown, to the name.  The name is watched
 * then, so that a node without such a scope is noticed at once. */
void pg_send_discover(struct scope *s, struct remote_scope *remote, struct turn *t);
/* Sends all members of this node; the scope's pid must be known. */
void pg_send_members(struct scope *s, struct remote_scope *remote, struct turn *t);
/* Sends the change to every scope that is informed. */
void pg_send_change(struct scope *s, const struct pg_change *change, struct turn *t);

/* --- pg_receive.c ------------------------------------------------------ */

/* Handles a cast or an info. */
void pg_receive(struct scope *s, const struct gen_message *gen, struct turn *t);

/* --- pg.c: the listener and the log ------------------------------------ */

void pg_joined(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);
void pg_left(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);

/* A roster_visitor that calls pg_left(); who is a struct scope_turn. */
struct scope_turn {
    struct scope *scope;
    struct turn *turn;
};
void pg_on_removed(void *who, struct bytes group, struct bytes pid);

/* Logs a line that starts with "pg scope NAME: ". */
void pg_log(const struct scope *s, struct turn *t, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
