/* `coppice dets`: what is in a DETS file, whether it is sound, what can be saved. */
#ifndef COPPICE_CLI_DETS_H
#define COPPICE_CLI_DETS_H

/* Runs `check`, `list`, `dump` or `salvage` (what) on a file and gives the exit code;
 * -1 when there is no such command. */
int dets_command(const char *what, const char *file);

#endif
