/* libcoppice: a node of an Erlang cluster inside a C or C++ program.
 *
 *     struct coppice_options options = {0};
 *     struct coppice *node;
 *     char error[COPPICE_ERROR_SIZE];
 *     options.config = "{node, 'counter@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.";
 *     if (coppice_open(&node, &options, error) != COPPICE_OK)
 *         errx(1, "%s", error);
 *     coppice_mutate(node, "hits", "{increment, [5]}", print_answer, NULL);
 *     coppice_run(node);
 *     coppice_close(node);
 *
 * Link with `pkg-config --libs libcoppice`.  docs/embedding.md is a guide with examples.
 *
 * Calls.  A function that takes a callback returns at once and never fails: the callback is called
 * exactly once with the outcome, later, by coppice_run(), coppice_turn() or coppice_close(); it may
 * be NULL.  Calls are made in the order in which they are given, once the node is ready (on_ready),
 * which needs an epmd unless the configuration says {epmd, false}.  Text is UTF-8 and ends with a
 * zero byte.  A term is given as Erlang's text, "{increment, [5]}", or by the functions that end in
 * _term as the external term format with its version byte, as `ei` writes it.
 *
 * Ownership.  Whatever is given is copied before the function returns, and `who` is only handed
 * back.  What a callback is given is valid until it returns.
 *
 * Threads.  A program may have several nodes.  A node is for one thread at a time, but for
 * coppice_wake(), and callbacks are called on that thread.  They may call every function but
 * coppice_run(), coppice_turn() and coppice_close() of their own node.  The library's own threads,
 * for files and look-ups of names, call nothing of the program and block all signals.
 *
 * The process.  The library takes no signals and prints nothing; SIGPIPE and SIGXFSZ are blocked
 * while one of the three functions runs.  Snapshots of replicas with storage are written by a
 * forked child, which runs no handler of the program, neither of signals nor of atexit(), but holds
 * its open files but sockets until it ends; do not wait for children that are not yours
 * (waitpid(-1, ...)).  An epmd may be started, too: {start_epmd, false} prevents that.  After a
 * fork() of the program, only one of the two processes may use the node.  Where memory runs out, or
 * the library finds itself inconsistent, it prints a line on standard error and calls abort().
 *
 * Names begin with coppice_; a new soname is given to what would break a compiled program. */
#ifndef COPPICE_H
#define COPPICE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define COPPICE_API __attribute__((visibility("default")))
#else
#define COPPICE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum coppice_status {
    COPPICE_OK = 0,
    COPPICE_BAD_CONFIG, /* the configuration, its cookie or its certificates */
    COPPICE_BAD_TERM,   /* what was given is not a term, or not such a name: nothing was done */
    COPPICE_REFUSED,    /* the answer was {error, Reason}, and nothing was changed */
    COPPICE_DOWN,       /* no such replica or process, or it ended, or its node was lost, before it
                           answered; unless there was none, it may have done what it was asked */
    COPPICE_TIMEOUT,    /* no answer in time; it may have done it */
    COPPICE_ENDED,      /* this node has ended before the answer; it may have done it */
    COPPICE_TAKEN,      /* epmd knows another node of this name */
    COPPICE_SYSTEM      /* the system refused something: a port, a file */
};

enum coppice_level { COPPICE_INFO, COPPICE_WARNING, COPPICE_ERROR };

struct coppice;
struct coppice_answer;
struct coppice_watch;

/* Zero for everything that is not wanted. */
struct coppice_options {
    /* The text of a configuration file (docs/configuration.md); `node` is required. */
    const char *config;
    /* NULL: from $COPPICE_COOKIE, cookie_file or ~/.erlang.cookie, as for the program. */
    const char *cookie;
    /* A line of the log, without its end.  The library logs nowhere else. */
    void (*on_log)(void *who, enum coppice_level level, const char *line);
    /* Once: the node is registered, and listens on this port. */
    void (*on_ready)(void *who, const char *node, unsigned port);
    /* After coppice_wake(), on the node's thread. */
    void (*on_wake)(void *who);
    void *who; /* of these three */
};

/* --- start and end ------------------------------------------------------------------- */

#define COPPICE_ERROR_SIZE 1024

/* Starts a node, which listens when this returns; sets *node, to be closed by coppice_close().
 * Otherwise COPPICE_BAD_CONFIG or COPPICE_SYSTEM: *node is NULL, and error, of COPPICE_ERROR_SIZE
 * bytes or NULL, says what is wrong, where and what to do.  May call on_log. */
COPPICE_API enum coppice_status coppice_open(struct coppice **node,
                                             const struct coppice_options *options, char *error);

/* Has the node end in good order: it sends its peers the last changes, saves, and leaves epmd and
 * the groups.  That takes coppice_run(), or coppice_turn() until it returns 0. */
COPPICE_API void coppice_stop(struct coppice *node);

/* Stops the node unless it has ended, waits for that, tells the outcome of every call that is open,
 * and frees it with its watches.  It waits half a second for peers, and for the disk as long as it
 * takes.  How the node ended: COPPICE_OK, COPPICE_TAKEN, or COPPICE_SYSTEM, where something could
 * not be saved or a replica failed again and again, as the log says.  NULL is allowed.  A call that
 * a callback makes meanwhile is the one whose own callback is not called. */
COPPICE_API enum coppice_status coppice_close(struct coppice *node);

/* --- the loop: run it, or drive it from a loop of your own ----------------------------- */

/* Runs until the node has ended, by coppice_stop() or by itself; says how, as coppice_close(). */
COPPICE_API enum coppice_status coppice_run(struct coppice *node);

/* Does what is due now, without waiting.  0 once the node has ended, else 1. */
COPPICE_API int coppice_turn(struct coppice *node);

/* coppice_turn() has something to do when this descriptor, the same for the life of the node, is
 * readable (poll(), epoll, kqueue ...) ... */
COPPICE_API int coppice_fd(const struct coppice *node);

/* ... or so many milliseconds have passed; -1: only the descriptor counts.  Ask again before each
 * wait: every other function may change it. */
COPPICE_API int coppice_timeout_ms(struct coppice *node);

/* Has on_wake called soon, once for several calls that come before that.  From any thread, and from
 * signal handlers, as long as the node is not closed. */
COPPICE_API void coppice_wake(struct coppice *node);

/* --- answers ---------------------------------------------------------------------------- */

typedef void coppice_callback(void *who, struct coppice_answer *answer);

COPPICE_API enum coppice_status coppice_status(const struct coppice_answer *answer);

/* COPPICE_OK: the answer as Erlang's text.  Otherwise a line for people, which says what is wrong.
 * Made when it is asked for. */
COPPICE_API const char *coppice_text(struct coppice_answer *answer);

/* The answer, or the Reason of COPPICE_REFUSED, in the external term format with its version byte;
 * *size bytes.  NULL, and 0, for everything else. */
COPPICE_API const void *coppice_term(struct coppice_answer *answer, size_t *size);

/* 1, and *value is set, if the answer is an integer of 64 bits; else 0.  Counters may be larger. */
COPPICE_API int coppice_integer(struct coppice_answer *answer, int64_t *value);

/* --- replicas of this node ------------------------------------------------------------- */

/* Their name is the text of an atom, of at most 255 characters: "hits" for {replica, hits, ...}.
 * All answers are as of the request of that name (docs/requests.md), without the `ok` around it. */

/* Changes it by an operation or a list of operations: "{add, [<<\"x\">>]}", "[increment,
 * increment]".  COPPICE_OK, answer `ok`: it is done, and on disk if the replica has storage. */
COPPICE_API void coppice_mutate(struct coppice *node, const char *replica, const char *operation,
                                coppice_callback *told, void *who);
COPPICE_API void coppice_mutate_term(struct coppice *node, const char *replica, const void *term,
                                     size_t size, coppice_callback *told, void *who);

/* What it holds: an integer for counters, a list for sequences ... */
COPPICE_API void coppice_value(struct coppice *node, const char *replica, coppice_callback *told,
                               void *who);
/* The whole CRDT: Grove's struct, a map. */
COPPICE_API void coppice_state(struct coppice *node, const char *replica, coppice_callback *told,
                               void *who);

/* Starts one: "#{crdt => or_set}".  The answer is its pid. */
COPPICE_API void coppice_start_replica(struct coppice *node, const char *replica,
                                       const char *options, coppice_callback *told, void *who);
/* Stops one; its files stay. */
COPPICE_API void coppice_stop_replica(struct coppice *node, const char *replica,
                                      coppice_callback *told, void *who);

/* Has told, which is not NULL, called with the value: first as it is now, then when it has changed,
 * by whom ever; with storage only once it is on disk.  Changes that come before the program is told
 * of the last ones are told together, and nothing is told twice in a row.  COPPICE_DOWN: there is
 * no such replica, now or any more; it may be started later.  Nothing is told of the end of the
 * node.  Gives the watch, which is freed by coppice_unwatch() or coppice_close(). */
COPPICE_API struct coppice_watch *coppice_watch(struct coppice *node, const char *replica,
                                                coppice_callback *told, void *who);
/* Frees it; from now on it tells nothing. */
COPPICE_API void coppice_unwatch(struct coppice_watch *watch);

/* --- processes of other nodes ------------------------------------------------------------ */

/* Calls the process that is registered as `server` there, as gen_server:call/3 does; the node is
 * connected to first.  COPPICE_OK with whatever it answers, {error, Reason} included.
 *
 * at: "web1@host" or "web1@host:9100"; NULL for this node.  timeout_ms: from 1 to 86400000. */
COPPICE_API void coppice_call(struct coppice *node, const char *at, const char *server,
                              const char *request, unsigned timeout_ms, coppice_callback *told,
                              void *who);
COPPICE_API void coppice_call_term(struct coppice *node, const char *at, const char *server,
                                   const void *term, size_t size, unsigned timeout_ms,
                                   coppice_callback *told, void *who);

/* The version of the library that runs: "0.1.0". */
COPPICE_API const char *coppice_version(void);

#ifdef __cplusplus
}
#endif

#endif
