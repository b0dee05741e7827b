/* Log lines that others cause: some of a kind in LIMIT_FEW_LINES_MS, and then how many more there
 * would have been. */
#ifndef COPPICE_OTP_FEW_LINES_H
#define COPPICE_OTP_FEW_LINES_H

#include "wakeup.h"

/* The first lines are logged, the rest counted, until a pause is over. */
struct few_lines {
    struct wakeups *wakeups;
    const char *rest;     /* "and 12 more REST" */
    unsigned lines, most; /* lines: since the pause began */
    uint64_t untold;
    struct wakeup pause;
};

/* most: LIMIT_FEW_LINES or LIMIT_PEER_LINES.  rest: static text. */
void few_lines_init(struct few_lines *f, struct wakeups *wakeups, unsigned most, const char *rest);
/* Whether the caller may log a line now; else it is counted. */
bool few_lines_may(struct few_lines *f, struct turn *t);

#endif
