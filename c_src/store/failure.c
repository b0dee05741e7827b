#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../term/utf8.h"

/* The end of a long path is the most useful part, and must leave room for the reason. */
#define PATH_SHOWN 80

const char *failure_path(const char *path)
{
    return (const char *)utf8_back(bytes_of(path), PATH_SHOWN).at;
}

/* What the calls of disk.h return, by their manual pages, and Erlang's names for it:
 * strerrorname_np() is glibc's alone, from 2.32 on. */
static const struct {
    int number;
    const char *name;
} error_names[] = {
    {EACCES, "eacces"},   {EAGAIN, "eagain"},       {EBADF, "ebadf"},
    {EBUSY, "ebusy"},     {EDQUOT, "edquot"},       {EEXIST, "eexist"},
    {EFBIG, "efbig"},     {EINTR, "eintr"},         {EINVAL, "einval"},
    {EIO, "eio"},         {EISDIR, "eisdir"},       {ELOOP, "eloop"},
    {EMFILE, "emfile"},   {EMLINK, "emlink"},       {ENAMETOOLONG, "enametoolong"},
    {ENFILE, "enfile"},   {ENODEV, "enodev"},       {ENOENT, "enoent"},
    {ENOLCK, "enolck"},   {ENOMEM, "enomem"},       {ENOSPC, "enospc"},
    {ENOSYS, "enosys"},   {ENOTDIR, "enotdir"},     {ENOTSUP, "enotsup"},
    {ENXIO, "enxio"},     {EOVERFLOW, "eoverflow"}, {EPERM, "eperm"},
    {EROFS, "erofs"},     {ESTALE, "estale"},       {ETIMEDOUT, "etimedout"},
    {ETXTBSY, "etxtbsy"}, {EXDEV, "exdev"},
};

static const char *error_name(int number)
{
    for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++)
        if (error_names[i].number == number)
            return error_names[i].name;
    return "unknown";
}

enum err storage_refused(struct storage_failure *f, int code, const char *step, const char *path)
{
    must(code < 0);
    snprintf(f->reason, sizeof(f->reason), "%s", error_name(-code));
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
