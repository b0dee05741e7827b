/* The messages of pg, in both versions of its protocol (pg.h lists them). */
#ifndef COPPICE_PG_PG_WIRE_H
#define COPPICE_PG_PG_WIRE_H

#include "../err.h"
#include "../otp/gen.h"
#include "pg_roster.h"

/* The newest version that is spoken here. */
#define PG_VERSION 1

enum pg_verb {
    PG_DISCOVER,
    PG_SYNC,       /* all members of the peer's node */
    PG_LOCAL_DATA, /* the same in version 1 */
    PG_JOIN,
    PG_LEAVE,
    PG_UPDATE /* joins and leaves in version 1 */
};

/* A message that has been read; slices borrow from it. */
struct pg_message {
    enum pg_verb verb;
    unsigned version;    /* of PG_DISCOVER and PG_LOCAL_DATA; at most PG_VERSION */
    struct buf peer;     /* the pid of the scope that speaks, canonical; to be freed */
    struct bytes groups; /* for pg_walk() */
    struct bytes pids;
};

/* Reads a cast or an info.  m->peer holds the speaker's pid whenever it is
 * there to be read, also on an error.  What is inside groups and pids is not
 * looked at: that is the first walk's work. */
must_use enum err pg_read(struct pg_message *m, const struct gen_message *gen);

/* Called for each pair of a group and a process, both canonical. */
struct pg_visitor {
    void (*visit)(void *who, bool joins, struct bytes group, struct bytes pid);
    void *who;
};

/* Walks what a message says of members, in the order in which it takes effect.
 * With NULL for the visitor it only says whether all of it is well-formed: every
 * process one of the speaker's own node, and no more than LIMIT_LEAVES.  A walk
 * that has succeeded so cannot fail with a visitor. */
must_use enum err pg_walk(const struct pg_message *m, const struct pg_visitor *visitor);

/* The messages of the scope whose pid is self.  version is the receiver's. */
void pg_put_discover(struct buf *out, struct bytes self, unsigned version);

/* sync or local_data with the node's members, groups in key order. */
void pg_put_whole(struct buf *out, struct bytes self, unsigned version, const struct roster *roster,
                  const struct roster_node *node);

/* What pg_put_news() tells: a process that joins one group, or leaves some. */
struct pg_news {
    bool joins;
    const struct bytes *groups;
    size_t count; /* at least 1; 1 for a join */
    struct bytes pid;
};

/* join, leave or update. */
void pg_put_news(struct buf *out, struct bytes self, unsigned version, const struct pg_news *news);

#endif
