/* The messages of pg, in both versions of its protocol (pg.h lists them).  Private to pg/. */
#ifndef COPPICE_PG_PG_WIRE_H
#define COPPICE_PG_PG_WIRE_H

#include "../err.h"
#include "../otp/gen.h"
#include "pg_roster.h"

/* The newest version that this node speaks. */
#define PG_VERSION 1

enum pg_verb {
    PG_DISCOVER,
    PG_SYNC,       /* all members of the sender's node */
    PG_LOCAL_DATA, /* the same in version 1 */
    PG_JOIN,
    PG_LEAVE,
    PG_UPDATE /* joins and leaves in version 1 */
};

/* A decoded message; fields borrow from it. */
struct pg_message {
    enum pg_verb verb;
    unsigned version;    /* of PG_DISCOVER and PG_LOCAL_DATA; at most PG_VERSION */
    struct buf sender;   /* the pid of the sending scope, canonical; the caller frees it */
    struct bytes fields; /* those of groups and processes, for pg_cursor.h */
};

/* Reads a cast or an info.  m->sender is set if it can be read, even on an error.  The fields are
 * not checked: the first walk over them does that. */
must_use enum err pg_read(struct pg_message *m, const struct gen_message *gen);

/* Replaces out with the pid, made canonical; ERR_SHAPE for any other term. */
must_use enum err pg_read_pid(struct buf *out, struct bytes raw);

/* Messages from the scope whose pid is self.  version is the receiver's. */
void pg_put_discover(struct buf *out, struct bytes self, unsigned version);

/* sync or local_data with the members of source, groups in key order. */
void pg_put_members(struct buf *out, struct bytes self, unsigned version,
                    const struct roster *roster, const struct roster_source *source);

/* A process that joins one group, or leaves some. */
struct pg_change {
    bool joins;
    const struct bytes *groups;
    size_t count; /* at least 1; 1 for a join */
    struct bytes pid;
};

/* join, leave or update. */
void pg_put_change(struct buf *out, struct bytes self, unsigned version,
                   const struct pg_change *change);

#endif
