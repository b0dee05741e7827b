/* The commands of `coppice`, each from its parsed arguments to its exit code (output.h).
 *
 * Its operands have been checked (operands.h).  A command prints its result and its errors, and
 * borrows args. */
#ifndef COPPICE_CLI_COMMANDS_H
#define COPPICE_CLI_COMMANDS_H

#include "../node/functions.h"
#include "args.h"

#define COPPICE_VERSION "coppice " COPPICE_RELEASE

/* --- run.c ------------------------------------------------------------------------ */

/* run: runs the configured node until SIGTERM, SIGINT or, with --owned, the end of standard input;
 * SIGHUP has the configuration read again. */
int command_run(struct args *args);

/* config check FILE: prints `ok`, or where the configuration is wrong (EX_CONFIG). */
int command_config(struct args *args);

/* --- remote.c: a request to the node that is the first operand (client.h) ----------- */

/* ping NODE: prints `pong`; `pang` if the node does not answer or has another cookie. */
int command_ping(struct args *args);

/* call NODE SERVER TERM: GenServer.call; prints the reply. */
int command_call(struct args *args);

/* cast NODE SERVER TERM: GenServer.cast; prints `ok` once it is sent. */
int command_cast(struct args *args);

/* The next four send nothing, and return EX_UNAVAILABLE, unless SERVER is a coppice's replica. */

/* mutate NODE SERVER OP [ARG...]: calls with {mutate, {OP, [ARG, ...]}}; prints the reply. */
int command_mutate(struct args *args);

/* value NODE SERVER, state NODE SERVER: print what a replica answers in {ok, _}; value --plain with
 * sets as lists. */
int command_value(struct args *args);
int command_state(struct args *args);

/* sync NODE SERVER: has a replica send its delta now; prints `ok`. */
int command_sync(struct args *args);

/* status NODE: prints a coppice's map of its peers and replicas. */
int command_status(struct args *args);

/* --- dets.c ----------------------------------------------------------------------- */

/* dets check|list|dump|salvage FILE (docs/dets-format.md).  EX_NOINPUT if FILE cannot be
 * read, EXIT_FAILURE if it is damaged, EX_IOERR if the result cannot be written. */
int command_dets(struct args *args);

#endif
