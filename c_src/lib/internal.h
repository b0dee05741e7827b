/* What the files behind include/coppice.h share.
 *
 * The core is entered by coppice_turn(), coppice_run() and coppice_close() only.  Whatever else the
 * program calls, perhaps from inside a callback, is noted, and `soon` does it in the next turn. */
#ifndef COPPICE_LIB_INTERNAL_H
#define COPPICE_LIB_INTERNAL_H

#include <signal.h>
#include <uv.h>

#include "../../include/coppice.h"
#include "../dist/place.h"
#include "../net/loop.h"
#include "../otp/hash_table.h"
#include "../otp/list.h"

struct coppice {
    struct coppice_options options; /* its callbacks */
    struct config config;
    struct node *node;
    struct loop *loop;
    uv_idle_t soon;
    uv_timer_t later; /* of watches */
    uv_async_t wake;
    struct list waiting; /* calls that the node was not given yet, in order */
    struct list open;    /* calls that it was given */
    struct hash_table by_number;
    uint64_t last_number; /* of a call */
    struct list watches;
    struct buf failure; /* the last line of the log that is an error */
    bool ready;         /* for calls */
    bool stops;         /* coppice_stop() was called */
    bool inside;        /* one of the three */
};

/* --- answers (answer.c) ------------------------------------------------------------------ */

struct coppice_answer {
    enum coppice_status status;
    struct buf term; /* with its version byte, or empty */
    struct buf text; /* with a zero byte; empty: not made yet */
};

/* Tells it and frees what is in it.  told may be NULL. */
void answer_tell(struct coppice_answer *a, coppice_callback *told, void *who);

/* The answer is a term, a checked one. */
void answer_set_term(struct coppice_answer *a, enum coppice_status status, struct bytes term);
/* The answer is a line for people. */
void answer_set_text(struct coppice_answer *a, enum coppice_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- calls (call.c) ------------------------------------------------------------------------ */

struct call {
    struct hash_link link; /* in by_number, once the node was given it */
    struct list entry;     /* in waiting or open */
    uint64_t number;
    struct coppice_answer answer; /* already, to what is not a term or a name; else COPPICE_OK */
    struct place at;
    struct buf server; /* text */
    struct buf term;   /* the request */
    uint64_t timeout_ms;
    bool plain; /* the answer is not one of {ok, Value}, ok, {error, Reason} */
    coppice_callback *told;
    void *who;
};

/* A call of this process of this node, without a time-out; its request is still empty. */
struct call *call_new(const char *server, coppice_callback *told, void *who);
/* Hands it over. */
void call_give(struct coppice *c, struct call *call);

/* Gives the node those that wait, if it is ready; tells those that are no calls. */
void calls_begin(struct coppice *c);
/* ACTION_REPLY */
void calls_replied(void *c, uint64_t number, enum err err, struct bytes term);
/* The node has ended: tells those that wait so. */
void calls_end(struct coppice *c);
/* Frees what callbacks have given since, untold. */
void calls_free(struct coppice *c);

/* --- watches (watch.c) ----------------------------------------------------------------------- */

/* After a step: notes what has changed. */
void watches_look(void *c);
/* Asks for the values of what has changed. */
void watches_begin(struct coppice *c);
/* Frees them, once all calls have ended. */
void watches_free(struct coppice *c);

/* --- the loop (run.c) --------------------------------------------------------------------------
 */

/* Has the next turn begin what waits. */
void do_soon(struct coppice *c);
void run_open(struct coppice *c);

/* What the signals of writing to a closed socket, or beyond a limit of the size of files, are for
 * the program: blocked between the two, and taken back if they came. */
struct blocked {
    sigset_t before; /* the mask */
    sigset_t ours;   /* those that were not pending */
};
void signals_block(struct blocked *b);
void signals_unblock(const struct blocked *b);

#endif
