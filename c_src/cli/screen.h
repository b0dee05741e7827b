/* A terminal that shows one page, drawn again and again, and keys that are typed meanwhile. */
#ifndef COPPICE_CLI_SCREEN_H
#define COPPICE_CLI_SCREEN_H

#include <stdbool.h>

#include "../term/bytes.h"

/* Whether standard input and output are a terminal whose cursor can be moved. */
bool screen_possible(void);

/* Has keys read one by one and not shown, until screen_close(). */
void screen_open(void);
void screen_close(void);

/* Draws the lines from the upper left corner on, as many and as much of each as there is room for,
 * and a last line. */
void screen_draw(struct bytes page, const char *last);

/* Waits for so long.  False as soon as `q` is typed, Ctrl-C, SIGTERM or SIGHUP come, or standard
 * input ends. */
bool screen_wait(int ms);

#endif
