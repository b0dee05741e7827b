/* How far a command that takes long has come: one line of standard error, where that is a
 * terminal, which is written again at each percent and wiped at the end. */
#ifndef COPPICE_CLI_PROGRESS_H
#define COPPICE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* `doing` is a word, such as "dump", valid until progress_end().  `printing`: the command prints
 * meanwhile; then nothing is shown if standard output is a terminal, or a pipe, behind which may
 * be one. */
void progress_begin(const char *doing, bool printing);

/* So much of all is done; nothing unless progress_begin() was called. */
void progress_show(uint64_t done, uint64_t all);

/* Wipes the line, before something else is printed on standard error; it is shown again later. */
void progress_wipe(void);
void progress_end(void);

#endif
