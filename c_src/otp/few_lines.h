/* Log lines that others cause: LIMIT_FEW_LINES of a kind, then a pause.  Private to cluster/. */
#ifndef COPPICE_CLUSTER_FEW_LINES_H
#define COPPICE_CLUSTER_FEW_LINES_H

#include "../otp/wakeup.h"

/* The first lines are logged, the rest counted, until a pause is over. */
struct few_lines {
    struct wakeups *wakeups;
    const char *rest; /* "and 12 more REST" */
    unsigned lines;   /* since the pause began */
    uint64_t untold;
    struct wakeup pause;
};

/* rest: static text. */
void few_lines_init(struct few_lines *f, struct wakeups *wakeups, const char *rest);
/* Whether the caller may log a line now; else it is counted. */
bool few_lines_may(struct few_lines *f, struct turn *t);

#endif
