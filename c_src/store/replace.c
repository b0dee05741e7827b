#include "replace.h"

/* Small pieces are written in batches. */
#define WRITE_BYTES (256u * 1024)

static int flush(const struct disk *disk, int handle, struct buf *batch)
{
    int code = batch->len > 0 ? disk->write(disk->who, handle, buf_bytes(batch)) : 0;
    buf_clear(batch);
    return code;
}

static int write_all(const struct disk *disk, int handle,
                     bool (*next)(void *who, struct bytes *piece), void *who)
{
    struct buf batch = {0};
    struct bytes piece;
    int code = 0;
    while (code == 0 && next(who, &piece)) {
        if (batch.len + piece.len > WRITE_BYTES)
            code = flush(disk, handle, &batch);
        if (piece.len > WRITE_BYTES)
            code = code == 0 ? disk->write(disk->who, handle, piece) : code;
        else
            buf_put(&batch, piece);
    }
    if (code == 0)
        code = flush(disk, handle, &batch);
    buf_free(&batch);
    return code;
}

enum err replace_write(const struct disk *disk, const char *temporary, const char *path,
                       bool (*next)(void *who, struct bytes *piece), void *who,
                       struct storage_failure *failure)
{
    const char *step = "set the permissions of";
    int handle = disk->open(disk->who, temporary, DISK_TRUNCATE);
    if (handle < 0)
        return storage_refused(failure, handle, "create", temporary);
    int code = disk->copy_permissions(disk->who, handle, path);
    if (code == 0) {
        step = "write";
        code = write_all(disk, handle, next, who);
    }
    if (code == 0) {
        step = "sync";
        code = disk->sync(disk->who, handle);
    }
    int closed = disk->close(disk->who, handle);
    if (code == 0 && closed != 0) {
        step = "close";
        code = closed;
    }
    if (code == 0)
        return OK;
    (void)disk->remove(disk->who, temporary);
    return storage_refused(failure, code, step, temporary);
}

enum err replace_commit(const struct disk *disk, const char *temporary, const char *path,
                        struct storage_failure *failure)
{
    int code = disk->rename(disk->who, temporary, path);
    if (code != 0) {
        (void)disk->remove(disk->who, temporary);
        return storage_refused(failure, code, "rename", temporary);
    }
    code = disk->sync_folder(disk->who, path);
    return code == 0 ? OK : storage_refused(failure, code, "sync the folder of", path);
}
