#include "handles.h"

#include "../mem.h"

static void close_handle(uv_handle_t *handle, void *ignored)
{
    (void)ignored;
    if (!uv_is_closing(handle))
        uv_close(handle, handle->type == UV_PROCESS ? (uv_close_cb)mem_free : NULL);
}

static void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(size_t *)count;
}

void handles_close(uv_loop_t *loop)
{
    size_t open;
    uv_walk(loop, close_handle, NULL);
    do {
        open = 0;
        uv_run(loop, UV_RUN_NOWAIT);
        uv_walk(loop, count_handle, &open);
    } while (open > 0);
}
