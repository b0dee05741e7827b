/* Files at start-up: the configuration and the cookie, read whole, and names of tables. */
#ifndef COPPICE_NET_FILE_H
#define COPPICE_NET_FILE_H

#include "../err.h"
#include "../term/bytes.h"

/* Appends the file's bytes.  ERR_CLOSED, with errno set, when it cannot be
 * read; ERR_LIMIT when it has more than limit bytes. */
must_use enum err file_read(struct buf *out, const char *path, size_t limit);

/* The same from standard input, up to its end or a NUL, after which an owner keeps it open. */
must_use enum err file_read_input(struct buf *out, size_t limit);

/* Whether two paths, without NUL, lead to one file, which need not exist: relative or not, through
 * whatever folders and symbolic links. */
bool file_is_same(struct bytes a, struct bytes b);

#endif
