/* The shell around the node: real sockets, timers, signals and files, by libuv.
 *
 * It turns what the operating system says into events, hands them to
 * node_step(), and carries out the actions that come back.  It decides
 * nothing: whatever could be decided one way or the other is the node's. */
#ifndef COPPICE_NET_SHELL_H
#define COPPICE_NET_SHELL_H

#include "../node/node.h"

struct shell_options {
    bool listen; /* open the listener of the configuration */
    bool owned;  /* end in good order when standard input ends */
    /* The request that a client node is given once it has started, or NULL,
     * and what hears its answer; its result is the program's exit code. */
    const struct request *request;
    int (*answered)(void *who, enum err err, struct bytes term);
    void *who;
};

/* Runs the node until it ends; gives the exit code.  Prints `ready NODE PORT` on
 * standard output when the node says so, log lines on standard error. */
int shell_run(struct node *node, const struct config *config, const struct shell_options *options);

#endif
