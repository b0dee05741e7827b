#include "file.h"

#include <errno.h>
#include <stdio.h>

#define READ_BYTES 65536

enum err file_read(struct buf *out, const char *path, size_t limit)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ERR_CLOSED;
    size_t n = 1;
    while (n > 0 && out->len <= limit) {
        n = fread(buf_room(out, READ_BYTES), 1, READ_BYTES, file);
        out->len += n;
    }
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    errno = failed;
    if (failed != 0)
        return ERR_CLOSED;
    return out->len > limit ? ERR_LIMIT : OK;
}
