#include "stream_write.h"

#include "../mem.h"

struct waiting {
    uv_write_t request;
    struct stream_write write;
    struct buf bytes;
};

static void waiting_free(struct waiting *w)
{
    buf_free(&w->bytes);
    mem_free(w);
}

static void on_write(uv_write_t *request, int status)
{
    struct waiting *w = request->data;
    const struct stream_write write = w->write;
    size_t len = w->bytes.len;
    waiting_free(w);
    write.done(write.who, len, write.mark, status == 0);
}

/* How many bytes the kernel takes at once; none while others wait.  An error comes again. */
static size_t write_now(uv_stream_t *stream, struct bytes bytes)
{
    uv_buf_t part = uv_buf_init((char *)bytes.at, (unsigned)bytes.len);
    int count = uv_try_write(stream, &part, 1);
    return count > 0 ? (size_t)count : 0;
}

enum stream_written stream_write(const struct stream_write *write, struct buf *bytes)
{
    size_t count = write_now(write->stream, buf_bytes(bytes));
    if (count == bytes->len) {
        buf_free(bytes);
        return STREAM_WRITTEN;
    }
    struct waiting *w = mem_take(sizeof(*w));
    w->write = *write;
    w->bytes = *bytes;
    *bytes = (struct buf){0};
    w->request.data = w;
    uv_buf_t rest = uv_buf_init((char *)w->bytes.at + count, (unsigned)(w->bytes.len - count));
    if (uv_write(&w->request, write->stream, &rest, 1, on_write) == 0)
        return STREAM_WAITS;
    waiting_free(w);
    return STREAM_BROKEN;
}
