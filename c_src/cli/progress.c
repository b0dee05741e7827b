#include "progress.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *what; /* NULL: nothing is to be shown */
static unsigned shown;   /* percent */
static int width;        /* characters on the line; 0: it is empty */

static bool is_pipe(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
}

void progress_begin(const char *doing, bool printing)
{
    bool mixed = printing && (isatty(STDOUT_FILENO) || is_pipe(STDOUT_FILENO));
    what = isatty(STDERR_FILENO) && !mixed ? doing : NULL;
    shown = 0;
}

void progress_show(uint64_t done, uint64_t all)
{
    unsigned percent = all == 0 ? 100 : (unsigned)(done * 100 / all);
    if (what == NULL || percent == shown)
        return;
    shown = percent;
    width = fprintf(stderr, "\r%s: %u%%", what, percent) - 1;
    fflush(stderr);
}

void progress_wipe(void)
{
    if (width > 0)
        fprintf(stderr, "\r%*s\r", width, "");
    width = 0;
}

void progress_end(void)
{
    progress_wipe();
    what = NULL;
}
