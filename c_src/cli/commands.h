/* The commands of `coppice`: their table, and each from its parsed arguments to its exit code
 * (output.h).
 *
 * Its operands have been checked (operands.h).  A command prints its result and its errors, and
 * borrows args. */
#ifndef COPPICE_CLI_COMMANDS_H
#define COPPICE_CLI_COMMANDS_H

#include "../node/functions.h"
#include "args.h"

#define COPPICE_VERSION "coppice " COPPICE_RELEASE

/* What there is to say about a command: help, completions and checks are made from this. */
struct command {
    const char *name;
    int (*run)(struct args *args);
    const char *operands; /* operands.h */
    const char *help;     /* one line */
    const char *options;  /* keys of those that it heeds, besides --help: "timeout plain", * for
                           * each key of the configuration */
    const char *more;     /* lines: what the one line leaves open; may be empty */
    const char *example;  /* lines: of a shell, with what they print */
};

/* The commands (main.c): the i-th, NULL after the last; and the one of that name, or NULL. */
const struct command *command_at(size_t i);
const struct command *command_named(const char *name);

/* --- help.c ------------------------------------------------------------------------ */

/* Prints the help of one command: usage, example, options. */
void help_print(const struct command *command);

/* help [COMMAND...]: prints that of each, or one line for each command. */
int command_help(struct args *args);

/* Whether an option is in command->options. */
bool command_heeds(const struct command *command, const struct option_row *row);

/* Says that there is no such command, and returns EX_USAGE. */
int help_fail_unknown(const char *name);

/* --- completion.c ----------------------------------------------------------------- */

/* completion bash|zsh|fish: prints what makes that shell complete the commands. */
int command_completion(struct args *args);

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

/* The next five send nothing, and return EX_UNAVAILABLE, unless SERVER is a coppice's replica. */

/* mutate NODE SERVER OP [ARG...]: calls with {mutate, {OP, [ARG, ...]}}; prints the reply. */
int command_mutate(struct args *args);

/* value NODE SERVER, state NODE SERVER: print what a replica answers in {ok, _}; value --plain
 * and watch --plain with sets as lists. */
int command_value(struct args *args);
int command_state(struct args *args);

/* watch NODE SERVER (watch.c): prints the value, and again after each change, one a line, until a
 * signal stops it (0), or the replica or the connection is lost (EX_UNAVAILABLE). */
int command_watch(struct args *args);

/* sync NODE SERVER: has a replica send its delta now; prints `ok`. */
int command_sync(struct args *args);

/* --- status.c ---------------------------------------------------------------------- */

/* status NODE: prints a coppice's peers and replicas as a page; with --term or --json, its map. */
int command_status(struct args *args);

/* --- top.c ------------------------------------------------------------------------- */

/* top NODE: shows that page on a terminal, each second anew, until `q` or a signal. */
int command_top(struct args *args);

/* --- diff.c ------------------------------------------------------------------------ */

/* diff NODE NODE SERVER: prints `equal`, or how the states of two replicas differ (EXIT_FAILURE).
 */
int command_diff(struct args *args);

/* --- dets.c ----------------------------------------------------------------------- */

/* dets check|list|dump|salvage FILE (docs/dets-format.md).  EX_NOINPUT if FILE cannot be
 * read, EXIT_FAILURE if it is damaged, EX_IOERR if the result cannot be written. */
int command_dets(struct args *args);

#endif
