/* Child processes: epmd, which is started here; the children that write snapshots (workers.h); and
 * those of others, which nobody else waits for.
 *
 * A container's process 1 gets every process there whose parent has ended, and a program started
 * by a shell's exec has the shell's children.  They are reaped; without that they stay zombies. */
#ifndef COPPICE_NET_CHILDREN_H
#define COPPICE_NET_CHILDREN_H

#include <uv.h>

#include "workers.h"

struct epmd;

struct children {
    uv_loop_t *loop;
    const struct workers *workers;
    bool reaps;
    uv_signal_t ended; /* SIGCHLD */
    struct epmd *epmd; /* while it is being started */
    void (*started_epmd)(void *who, const char *why);
    void *who;
};

/* Borrows both.  The handles are closed with the loop's.  reaps: those of others, too, for which
 * SIGCHLD is taken; the library does not. */
void children_open(struct children *c, uv_loop_t *loop, const struct workers *workers, bool reaps,
                   void (*started_epmd)(void *who, const char *why), void *who);

/* Starts epmd as a daemon, not while it is being started; started_epmd() is called with NULL, or
 * with why it could not be. */
void children_start_epmd(struct children *c, uint16_t port);

/* Reaps those of others, if it is to; called on SIGCHLD, and to be called when a snapshot has
 * ended. */
void children_reap(struct children *c);

#endif
