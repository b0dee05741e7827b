/* What commands print, and their exit codes.
 *
 * Results go to standard output, error messages to standard error.
 * Exit codes are those of <sysexits.h>:
 *
 *     0                 success
 *     1  EXIT_FAILURE   the reply was {error, _}; replicas differ; a DETS file is damaged
 *     64 EX_USAGE       wrong arguments
 *     66 EX_NOINPUT     a DETS file cannot be read
 *     69 EX_UNAVAILABLE no such node, process or replica; run: epmd refused the node's name
 *     71 EX_OSERR       run: the listener cannot be opened
 *     74 EX_IOERR       standard output or the disk refused a write; run: in the last
 *                       snapshot, for example
 *     75 EX_TEMPFAIL    no reply in time
 *     78 EX_CONFIG      wrong configuration, or no cookie
 *    130 EXIT_INTERRUPTED a signal came before the reply */
#ifndef COPPICE_CLI_OUTPUT_H
#define COPPICE_CLI_OUTPUT_H

#include <stdlib.h>
#include <sysexits.h>

#include "../err.h"
#include "../term/bytes.h"

#define EXIT_INTERRUPTED 130

/* Its name in messages. */
#define STANDARD_INPUT "standard input"

/* Appends a checked term as Erlang text; nothing if it has no canonical form. */
void put_term_text(struct buf *out, struct bytes term);

/* Whether standard output is a terminal that is to have colours: not with $NO_COLOR (unless that is
 * empty, see no-color.org) or on a terminal of the kind `dumb`. */
bool output_has_colour(void);

/* From now on the next five print JSON (term/json.h), and MapSets as print_plain() does: --json.
 */
void output_json(void);

/* Prints a checked term and a newline on standard output. */
void print_term(struct bytes term);

/* The same, with MapSets as lists of their elements in the order of terms, also where they are a
 * value in a map, never as a string: for scripts. */
void print_plain(struct bytes term);

/* The same as print_term() for a term that is canonical already. */
void print_canonical(struct bytes canonical);

/* The same as print_canonical() for one of many terms, as file:consult/1 reads them: with a dot;
 * false if it has no text that Erlang reads (text_is_literal()), so that it is a comment. */
bool print_consulted(struct bytes canonical);

/* The same for the atom of this text: `pong`. */
void print_word(const char *text);

/* Prints "coppice: ", the message and a newline on standard error. */
void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Until it is called with NULL: messages are appended to *out instead, with "; " between them. */
void errors_into(struct buf *out);

/* Prints the message likewise and returns code, for the caller to return. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says that file_read() could not read path: e is its result, errno as it left it. */
int fail_to_read(int code, const char *path, enum err e);

/* Whether a word of the command line can be shown as it is: short, UTF-8, no control characters. */
bool is_plain(const char *word);
/* Appends a word as it is or, if it is not plain, the beginning of it with \xNN for bytes that
 * cannot be shown. */
void put_word(struct buf *out, const char *word);
/* The same for text of any length, of which at most so many bytes are shown. */
void put_sentence(struct buf *out, struct bytes text, size_t limit);

#endif
