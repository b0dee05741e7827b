/* Keeps replicas registered in `global` of the BEAMs, under the names of their option `global`.
 *
 * A BEAM registers a name on all nodes that its own global knows.  So each BEAM is asked, one after
 * the other, whom it has under the name; if nobody, it is told to register the replica.  That is
 * repeated when a BEAM connects and when the replica is started again.  A name that belongs to
 * another process, a standby's for instance, is asked for again until it is free; if two parts of
 * a cluster have given it to two processes, neither is killed (random_notify_name).
 *
 * Source: kernel's global.erl (register_name/3, whereis_name/1). */
#ifndef COPPICE_NODE_REGISTRAR_H
#define COPPICE_NODE_REGISTRAR_H

#include "../otp/process.h"
#include "../otp/wakeup.h"
#include "learning.h"

struct registrar;

/* All are borrowed. */
struct registrar *registrar_new(struct processes *table, struct wakeups *wakeups,
                                const struct learning *learning);
void registrar_free(struct registrar *r);

/* Starts the process that asks; registrar_ended() restarts it if it is the one that ended. */
void registrar_start(struct registrar *r);
void registrar_ended(struct registrar *r, const struct process *p, struct turn *t);

/* A replica has been started; ignored where it has no global name. */
void registrar_add(struct registrar *r, const struct process *replica, struct turn *t);
/* It is known what a connected node runs. */
void registrar_learned(struct registrar *r, struct bytes node, struct turn *t);

#endif
