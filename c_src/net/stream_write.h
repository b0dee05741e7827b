/* Writing to a stream of libuv's: at once, as far as the kernel takes it.
 *
 * Most is taken at once, and needs no request of libuv's, after which it would call epoll_ctl. */
#ifndef COPPICE_NET_STREAM_WRITE_H
#define COPPICE_NET_STREAM_WRITE_H

#include <uv.h>

#include "../term/bytes.h"

enum stream_written {
    STREAM_WRITTEN, /* all is, and done() is not called */
    STREAM_WAITS,   /* done() follows, from the loop */
    STREAM_BROKEN   /* nothing more can be written */
};

struct stream_write {
    uv_stream_t *stream;
    size_t mark; /* for done() */
    /* len: of all bytes; good: they are written. */
    void (*done)(void *who, size_t len, size_t mark, bool good);
    void *who;
};

/* Takes the bytes over, which leaves an empty buffer.  What waits already goes first. */
enum stream_written stream_write(const struct stream_write *write, struct buf *bytes);

#endif
