/* Reading the groups and processes of a message, a little at a time.  Private to pg/.
 *
 * A message may have a million groups.  Each pg_next() reads one group's name, or one process, or a
 * part of what is large, so that whoever walks over a message can stop anywhere and go on later. */
#ifndef COPPICE_PG_PG_CURSOR_H
#define COPPICE_PG_PG_CURSOR_H

#include "../term/canon.h"
#include "../term/etf.h"
#include "pg_wire.h"

struct pg_cursor {
    /* What pg_next() has found: a process that joins or leaves the group, both canonical. */
    bool joins;
    struct buf group, pid;
    enum err err;  /* at the end: OK, or why the message is refused */
    uint64_t work; /* of the last pg_next(), as for turn_worked() */

    /* Private. */
    const struct pg_message *message;
    struct bytes node; /* of the sender */
    struct etf_in in;
    struct etf_list groups;
    uint32_t left;                      /* entries of a map */
    void (*stage)(struct pg_cursor *c); /* NULL at the end */
    bool found;
    const uint8_t *from; /* a term that is skipped, and what etf_skip() has left of it */
    uint64_t skip;
    struct canon *canon; /* of a large name */
    struct etf_in aside; /* processes that are elsewhere than behind the group's name */
    struct etf_list pids;
    struct bytes leaving, joining;
    size_t leaves;
};

enum pg_found {
    PG_PART, /* something else, or only a part of it */
    PG_PAIR,
    PG_END
};

/* Before the first process.  The message must stay as it is, and the cursor where it is. */
void pg_open(struct pg_cursor *c, const struct pg_message *message);

/* Finds the next process, in the order in which the changes take effect.  Of a message that is
 * refused some may have been found: one walk to its end says whether it is, that every process is
 * one of the sender's own node, and that at most LIMIT_LEAVES leave.  A second one then cannot
 * fail.  Not to be called after the end. */
enum pg_found pg_next(struct pg_cursor *c);

void pg_close(struct pg_cursor *c);

#endif
