/* Why a storage operation failed: for the caller's reply and for one log line. */
#ifndef COPPICE_STORE_FAILURE_H
#define COPPICE_STORE_FAILURE_H

#include "../err.h"

struct storage_failure {
    /* The text of an atom.  If the disk failed, Erlang's name of the error: "enospc", "eio",
     * "erofs", "eacces", or "unknown"; else "locked", "not_dets", "not_a_set", "too_large",
     * "other_type", "other_group", "misplaced". */
    char reason[24];
    char what[256]; /* "cannot sync page_views.dets.tmp: No space left on device" */
};

/* Fills it in from a negative errno of a function in disk.h; step says what was tried, as in
 * "cannot STEP PATH".  Returns ERR_STORAGE, for the caller to return. */
enum err storage_refused(struct storage_failure *f, int code, const char *step, const char *path);

/* Fills it in for any other reason, formatted as by printf.  Returns ERR_STORAGE. */
enum err storage_wrong(struct storage_failure *f, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The end of a path, short enough to leave room for a sentence. */
const char *failure_path(const char *path);

#endif
