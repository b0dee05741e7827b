/* The state and the value, encoded.  Private to replica/.
 *
 * Both are kept until the next change, and shared by all messages that they are sent in.  A large
 * one is encoded in slices, one in each step.  Meanwhile mutations wait, as do large structs that
 * are joined in slices, and a few small deltas (postponed.h), so that all slices are of one state;
 * reads do not.  Whatever cannot wait has the rest encoded at once, before it changes anything. */
#ifndef COPPICE_REPLICA_ENCODING_H
#define COPPICE_REPLICA_ENCODING_H

#include "../term/shared.h"

struct replica;
struct turn;

enum encoded { ENCODED_STATE, ENCODED_VALUE, ENCODED_KINDS };

struct encoding_work;

/* All zero: not encoded. */
struct encoding {
    struct shared *bytes;       /* NULL after a change */
    struct encoding_work *work; /* slices, and the callers that wait for them; NULL: none */
};

/* Replies {ok, State} or {ok, Value} to a call, at once or after some slices. */
void encoding_reply(struct replica *r, enum encoded what, struct bytes from, struct turn *t);

/* The state, or the value, at once.  Valid until the next change. */
struct share encoding_state(struct replica *r);
struct share encoding_value(struct replica *r);

/* {grove_delta, State, Self} at once, in two parts.  Valid until the next change. */
struct message_parts {
    struct bytes first;
    struct share rest;
} encoding_message(struct replica *r);

/* The bytes of that message, if it is at hand; else 0. */
size_t encoding_bytes(const struct replica *r);

/* Whether changes wait for the last slice. */
bool encoding_is_open(const struct replica *r);
/* Whether somebody waits for a reply, be it only because a slow node does not read. */
bool encoding_waits(const struct replica *r);
/* To be called before a change that does not wait: encodes what is left. */
void encoding_finish(struct replica *r);
/* After a change. */
void encoding_forget(struct replica *r);

uint64_t encoding_due(const struct replica *r);
void encoding_wake(struct replica *r, struct turn *t);
/* A slow node has read what was sent to it: its other callers get their replies. */
void encoding_drained(struct replica *r);
void encoding_free(struct replica *r);

#endif
