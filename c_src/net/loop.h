/* The event loop around a node: sockets, timers and files, by libuv.
 *
 * It turns libuv's callbacks into events for node_step() and carries out the actions that come
 * back.  It decides nothing: decisions are the node's.
 *
 * The program (shell.h) and the library (lib/) share it.  So it takes no signals, prints nothing
 * and ends no process, and several may be in one process, each in a thread of its own. */
#ifndef COPPICE_NET_LOOP_H
#define COPPICE_NET_LOOP_H

#include <uv.h>

#include "../node/node.h"
#include "tls_context.h"

struct loop;

/* The callbacks are called from inside loop_step(), which none of them may call. */
struct loop_options {
    bool listen; /* on the configured address and port */
    /* Of a node with config->tls, read from there; held by the caller until loop_begin() is done.
     */
    struct tls_contexts tls;
    uint64_t descriptors; /* how many files the process may have open */
    bool reaps;           /* children of others, too: those that process 1 is given */
    /* One line, without its end. */
    void (*log)(void *who, enum log_level level, struct bytes line);
    /* ACTION_READY */
    void (*ready)(void *who, struct bytes node, uint16_t port);
    /* ACTION_ANSWER, of a client node: gives the code with which it ends, or sets *next to another
     * request, which is borrowed until it is answered. */
    int (*answered)(void *who, enum err err, struct bytes term, const struct request **next);
    /* ACTION_REPLY */
    void (*replied)(void *who, uint64_t call, enum err err, struct bytes term);
    void (*stepped)(void *who); /* after each step; or NULL */
    void *who;
};

/* The node and the config are borrowed until loop_free(). */
struct loop *loop_new(struct node *node, const struct config *config,
                      const struct loop_options *options);

/* Listens, and starts the node.  False when it cannot listen; that is logged, the loop is done. */
bool loop_begin(struct loop *l);

/* Frees it, once it is done or where loop_begin() was not called.  False when a look-up of a name
 * is still open: a thread of libuv's waits for a name server, up to half a minute, and what it uses
 * stays allocated until the process ends. */
bool loop_free(struct loop *l);

/* Whose handles are the caller's concern; loop_free() closes all of them. */
uv_loop_t *loop_uv(struct loop *l);

/* Appends what the disk has been busy with for long (ongoing.h).  For any thread. */
void loop_put_ongoing(struct loop *l, struct buf *out);

/* Has the node handle an event; its times and random number are filled in. */
void loop_step(struct loop *l, struct event *e);

/* Stops the node in good order; once it is stopping, does nothing.  why is for the log. */
void loop_stop(struct loop *l, const char *why);

/* The node has ended: it takes no more events. */
bool loop_has_ended(const struct loop *l);

/* The same, and all is written: uv_run() has been or is being stopped. */
bool loop_is_done(const struct loop *l);

/* The exit code with which the node has ended (sysexits.h). */
int loop_code(const struct loop *l);

/* New connections use these, which stay the caller's.  why begins the line of the log. */
void loop_use_tls(struct loop *l, const struct tls_contexts *contexts, const char *why);

#endif
