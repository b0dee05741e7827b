/* Callers that wait for one large answer, which is made in steps and shared by all of them.
 *
 *     callers_add(&c, p, from, most, later, t);     while it is made
 *     callers_give(&c, share);                      once it is there
 *     callers_answer(&c, p, t);                     as long as some are left
 *
 * Nobody's answer is sent while his node does not read what it was sent before. */
#ifndef COPPICE_OTP_CALLERS_H
#define COPPICE_OTP_CALLERS_H

#include "../term/shared.h"
#include "process.h"
#include "quotas.h"

struct caller;

struct callers {
    struct caller *first, **end;
    struct quotas waiting;
    bool answers; /* some may be answered; else there is none, or their nodes are slow */
};

/* secret: as in names.h. */
void callers_open(struct callers *c, uint64_t secret);
/* Forgets all of them, without an answer. */
void callers_close(struct callers *c);

bool callers_any(const struct callers *c);

/* Adds one, whose node may have a part of `most` of them (LIMIT_NODE_PART); or answers
 * {error, overloaded}.  later: he is not to get what is being made, but the next. */
void callers_add(struct callers *c, const struct process *p, struct bytes from, size_t most,
                 bool later, struct turn *t);

/* What everybody gets, as {ok, Value}, who has no answer yet and was not to get a later one.  It is
 * held. */
void callers_give(struct callers *c, struct share value);

/* The next that is made is for those who were to get a later one; whether there are any. */
bool callers_are_late(struct callers *c);

/* Sends what was given to those whose nodes read.  Many from one node would be too much at once. */
void callers_answer(struct callers *c, const struct process *p, struct turn *t);

#endif
