#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

enum err file_read_input(struct buf *out, size_t limit)
{
    /* A byte at a time: what follows the NUL is not ours. */
    for (char byte = 1; out->len <= limit;) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && errno != EINTR)
            return ERR_CLOSED;
        if (n == 0 || (n > 0 && byte == '\0'))
            return OK;
        if (n > 0)
            buf_put_u8(out, (uint8_t)byte);
    }
    return ERR_LIMIT;
}
