/* The program that started this one with --owned: it keeps our standard input open for as long as
 * it wants us to run.
 *
 * A thread reads it.  Polling it in the loop would make it non-blocking, and with it the terminal
 * that standard output and error, and a shell, share. */
#ifndef COPPICE_NET_OWNER_H
#define COPPICE_NET_OWNER_H

#include <stdbool.h>
#include <uv.h>

struct owner;

/* Whether standard input is something that an owner can hold open: a pipe, a socket or a
 * terminal. */
bool owner_possible(void);

/* Discards what the owner writes, and calls ended(who) in the loop once its input has ended. */
struct owner *owner_watch(uv_loop_t *loop, void (*ended)(void *who), void *who);

/* Calls nothing any more, and closes the owner's handle in the loop. */
void owner_forget(struct owner *o);

/* Frees it, once the loop is closed.  A thread that still reads keeps it until the process ends.
 * NULL is allowed. */
void owner_free(struct owner *o);

#endif
