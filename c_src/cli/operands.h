/* What a command takes besides options, as its line of help says:
 *
 *     NODE SERVER OP [ARG...]        check|list|dump|salvage FILE
 *
 * Each word stands for one operand, [X...] for the rest, lower case for itself; '|' separates
 * alternatives. */
#ifndef COPPICE_CLI_OPERANDS_H
#define COPPICE_CLI_OPERANDS_H

#include "args.h"

/* Checks number and form of the operands, so that commands can use them: a NODE is a place
 * (dist/place.h), a SERVER the text of an atom, and none is empty.  Terms are still to be parsed.
 * Returns 0, or EX_USAGE after printing what is wrong. */
int operands_check(const struct args *args, const char *command, const char *operands);

/* Takes the line apart: its next word, empty at the end; and the next alternative of a
 * word, false after the last. */
struct bytes operands_next(const char **operands);
bool operands_alternative(struct bytes *word, struct bytes *alternative);

/* The i-th name of an operation of any data type, NULL after the last: for suggestions. */
const char *operands_operation(size_t i);

#endif
