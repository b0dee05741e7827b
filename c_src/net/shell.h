/* What the program has around a node besides its loop (loop.h): signals, the log on standard error,
 * `ready` on standard output, the owner. */
#ifndef COPPICE_NET_SHELL_H
#define COPPICE_NET_SHELL_H

#include "../node/node.h"
#include "tls_context.h"

struct shell_options {
    /* The first line of the log, of a node that listens: the others that the shell logs itself say
     * on which port, what stops it, and that it has ended. */
    const char *about;
    bool listen; /* on the configured address and port */
    /* Of a node with config->tls, read from there. */
    struct tls_contexts tls;
    /* Of a node that listens: reads the configuration again, into *fresh and *tls, and checks it,
     * when there is a SIGHUP.  False, with the text why, on an error; *fresh and *tls are to be
     * freed either way. */
    bool (*reread)(void *who, struct config *fresh, struct tls_contexts *tls, struct buf *why);
    bool owned; /* end in good order when standard input ends (owner.h) */
    /* A client node's request, or NULL, and the callback for its answer.  It gives the program's
     * exit code, or sets *next to another request, whose answer it takes in turn; or 0 to an answer
     * that others follow (node/event.h).  Requests are borrowed until they are answered. */
    const struct request *request;
    int (*answered)(void *who, enum err err, struct bytes term, const struct request **next);
    void *who;
};

/* Runs the node until it ends; gives the exit code.  Prints `ready NODE PORT` on standard output
 * when the node is registered, log lines on standard error; it waits for neither to be read, but
 * for LIMIT_FLUSH_MS at the end.  The config is the node's, too, and changes with SIGHUP. */
int shell_run(struct node *node, const struct config *config, const struct shell_options *options);

/* Ends the program after the last shell_run(): like exit(), which would wait for a look-up of a
 * name that is still open, up to half a minute if no name server answers.  Standard output has to
 * be flushed before. */
_Noreturn void shell_exit(int code);

#endif
