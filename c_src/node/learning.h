/* What connected nodes run.
 *
 * By the flags that it announced, a node is a BEAM, a coppice, or something else (dist/flags.h).
 * Only a BEAM is asked, when it comes up, one question after the other: which version its pg has
 * (a greeting of the wrong version ends the pg of OTP 25), and which pg scope its Grove uses.
 * Nothing is sent to something else, before it has greeted us itself. */
#ifndef COPPICE_NODE_LEARNING_H
#define COPPICE_NODE_LEARNING_H

#include "../otp/process.h"
#include "../otp/wakeup.h"

struct learning;

struct learning_listener {
    /* A BEAM's Grove uses this scope (text). */
    void (*scope)(void *who, struct bytes scope, struct turn *t);
    /* All questions to this node are answered. */
    void (*learned)(void *who, struct bytes node, struct turn *t);
    void *who;
};

/* asks_scope: whether Grove's scope is asked for.  The listener is copied. */
struct learning *learning_new(struct processes *table, struct wakeups *wakeups, bool asks_scope,
                              const struct learning_listener *listener);
void learning_free(struct learning *l);

/* Starts the process that asks; learning_ended() restarts it if it is the one that ended. */
void learning_start(struct learning *l, struct turn *t);
void learning_ended(struct learning *l, const struct process *p, struct turn *t);

/* flags: those that the node announced.  Calls `learned` at once if there is nothing to ask. */
void learning_up(struct learning *l, struct bytes node, uint64_t flags, struct turn *t);
void learning_down(struct learning *l, struct bytes node, struct turn *t);

/* The next node that has answered everything, in the order of names; *node begins empty.  False
 * at the end. */
bool learning_next(const struct learning *l, struct bytes *node);

/* Whether a connected node has not answered everything yet. */
bool learning_is_open(const struct learning *l, struct bytes node);
/* Whether it is a BEAM or a coppice: then its pg may be greeted, and its peers asked for. */
bool learning_is_otp(const struct learning *l, struct bytes node);
/* Whether it runs a BEAM, and the version of its pg (0 or 1); false and 0 where that is unknown. */
bool learning_is_beam(const struct learning *l, struct bytes node);
unsigned learning_pg_version(const struct learning *l, struct bytes node);

#endif
