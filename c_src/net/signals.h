/* Unix signals of a node.
 *
 * SIGTERM and SIGINT stop it, and so does SIGHUP once the terminal that was there at the start is
 * closed; otherwise SIGHUP is a request to read files again.  A SIGHUP that was ignored at the
 * start, as by nohup, stays ignored.  SIGUSR1, SIGUSR2, SIGPIPE and SIGXFSZ are ignored; others
 * have their usual effect. */
#ifndef COPPICE_NET_SIGNALS_H
#define COPPICE_NET_SIGNALS_H

#include <stdbool.h>
#include <uv.h>

#define SIGNALS_TAKEN 3

struct signals {
    uv_signal_t handles[SIGNALS_TAKEN];
    bool has_terminal; /* at the start */
    /* name: "SIGTERM"; reload: it is a SIGHUP, and no terminal was closed. */
    void (*taken)(void *who, const char *name, bool reload);
    void *who;
};

/* Takes signals from now on.  The handles are closed with the loop's, behind signals_end(). */
void signals_open(struct signals *s, uv_loop_t *loop,
                  void (*taken)(void *who, const char *name, bool reload), void *who);

/* Ignores SIGHUP from now on: with the loop's handles its usual effect would come back, and end the
 * process while its last lines wait for their reader. */
void signals_end(struct signals *s);

#endif
