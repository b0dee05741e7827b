#include "failure.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The end of a long path is the most useful part, and must leave room for the reason. */
#define PATH_SHOWN 80

const char *failure_path(const char *path)
{
    size_t len = strlen(path);
    return len > PATH_SHOWN ? path + len - PATH_SHOWN : path;
}

enum err storage_refused(struct storage_failure *f, int code, const char *step, const char *path)
{
    must(code < 0);
    const char *name = strerrorname_np(-code);
    snprintf(f->reason, sizeof(f->reason), "%s", name != NULL ? name : "unknown");
    for (char *c = f->reason; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    snprintf(f->what, sizeof(f->what), "cannot %s %s: %s", step, failure_path(path),
             strerror(-code));
    return ERR_STORAGE;
}

enum err storage_wrong(struct storage_failure *f, const char *reason, const char *format, ...)
{
    va_list args;
    snprintf(f->reason, sizeof(f->reason), "%s", reason);
    va_start(args, format);
    vsnprintf(f->what, sizeof(f->what), format, args);
    va_end(args);
    return ERR_STORAGE;
}
