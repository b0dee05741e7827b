#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

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

/* Appends the only absolute path of a file, with its NUL; false if its folder does not exist. */
static bool put_place(struct buf *out, struct bytes path)
{
    const struct disk *disk = net_disk();
    struct buf named = {0}, target = {0};
    char folder[PATH_MAX];
    buf_put(&named, path);
    buf_put_u8(&named, 0);
    bool found = disk->resolve(disk->who, (const char *)named.at, &target) == 0;
    buf_put_u8(&target, 0);
    char *slash = found ? strrchr((char *)target.at, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : (const char *)target.at;
    if (slash != NULL)
        *slash = 0;
    if (found)
        found = realpath(slash == NULL                ? "."
                         : slash == (char *)target.at ? "/"
                                                      : (char *)target.at,
                         folder) != NULL;
    if (found)
        buf_printf(out, "%s/%s", folder, name);
    buf_put_u8(out, 0);
    buf_free(&named);
    buf_free(&target);
    return found;
}

bool file_is_same(struct bytes a, struct bytes b)
{
    struct buf first = {0}, second = {0};
    bool same = put_place(&first, a) && put_place(&second, b) &&
                bytes_equal(buf_bytes(&first), buf_bytes(&second));
    buf_free(&first);
    buf_free(&second);
    return same;
}
