/* The inside of a scope, for the files that make it up:
 *
 *     pg.c        the process, and what pg.h offers
 *     pg_hear.c   messages of other scopes: what they change here
 *     pg_peer.c   the other scopes, and what is said to them
 *     pg_wire.c   the messages themselves
 *     pg_roster.c the groups and their members */
#ifndef COPPICE_PG_PG_SCOPE_H
#define COPPICE_PG_PG_SCOPE_H

#include "pg.h"
#include "pg_roster.h"
#include "pg_wire.h"

/* A node that was met, or whose scope has spoken. */
struct peer {
    struct roster_node *members;
    struct term pid;  /* of its scope; none until it has spoken */
    unsigned version; /* of its protocol */
    uint64_t watch;   /* on pid or, until it has spoken, on the name; 0: none */
    bool absent;      /* nobody had the scope's name there when last asked */
    uint64_t ask_ms;  /* LIMIT_DISCOVER_MS after the last discover */
    bool settled;     /* it has told its members */
    bool told;        /* it has been told ours */
};

struct scope {
    struct process *process;
    struct pg_listener listener;
    struct roster *roster;
    struct roster_node *ours;
    struct peer **peers; /* sorted by name */
    size_t count, cap;
    bool waiting; /* a wake has been asked for */
};

/* --- pg_peer.c --------------------------------------------------------- */

struct bytes pg_peer_name(const struct peer *peer);
struct peer *pg_peer_find(const struct scope *s, struct bytes node);
/* The peer whose scope has this pid; NULL when its node is unknown, or known
 * under another pid. */
struct peer *pg_peer_speaking(const struct scope *s, struct bytes pid);
struct peer *pg_peer_of_watch(const struct scope *s, uint64_t watch);

/* Finds the node or adds it. */
struct peer *pg_peer_take(struct scope *s, struct bytes node);
/* From now on pid is the scope of its node; members of an earlier one leave.
 * NULL when the node is not connected: what it said has outlived the
 * connection. */
struct peer *pg_peer_adopt(struct scope *s, struct bytes pid, struct turn *t);
/* Its scope is gone, or not the one it was: the members leave. */
void pg_peer_lose(struct scope *s, struct peer *peer, struct turn *t);
/* The same, and forgets the node. */
void pg_peer_drop(struct scope *s, struct peer *peer, struct turn *t);
void pg_peer_free(struct peer *peer);

/* Has the scope look again, LIMIT_DISCOVER_MS from now at the latest, for peers
 * that have not answered. */
void pg_wait(struct scope *s, struct turn *t);
/* To its scope's pid or, until that has spoken, to the name, which is watched
 * then: so that a node without such a scope is known at once to be one. */
void pg_peer_discover(struct scope *s, struct peer *peer, struct turn *t);
/* All members of this node, to a peer that has spoken. */
void pg_peer_tell(struct scope *s, struct peer *peer, struct turn *t);
/* To every peer that has been told of all before. */
void pg_tell_news(struct scope *s, const struct pg_news *news, struct turn *t);

/* --- pg_hear.c --------------------------------------------------------- */

/* A cast or an info. */
void pg_hear(struct scope *s, const struct gen_message *gen, struct turn *t);

/* --- pg.c: the listener ------------------------------------------------ */

void pg_joined(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);
void pg_left(struct scope *s, struct bytes group, struct bytes pid, struct turn *t);

/* The visitor that passes on who a change of the roster removes. */
struct scope_turn {
    struct scope *scope;
    struct turn *turn;
};
void pg_visit_left(void *scope_turn, struct bytes group, struct bytes pid);

/* Logs "pg scope NAME: " and this. */
void pg_log(const struct scope *s, struct turn *t, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
