#include "table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../net/file.h"
#include "output.h"

/* Windows that may be in memory: 64 MB. */
#define WINDOWS_MAX 1024

/* For the signal handler: made before, since it may not print. */
static struct buf lost_message;

/* A page of the file cannot be had. */
static void lost(int signal)
{
    (void)signal;
    ssize_t ignored = write(STDERR_FILENO, lost_message.at, lost_message.len);
    (void)ignored;
    _exit(EX_NOINPUT);
}

static void expect_loss(const char *path)
{
    struct sigaction action = {.sa_handler = lost};
    buf_clear(&lost_message);
    buf_printf(&lost_message,
               "coppice: %s: the file became shorter while it was read, or its disk failed: "
               "if a node has it open, copy it and read the copy\n",
               path);
    sigaction(SIGBUS, &action, NULL);
}

/* False for what has no size, or cannot be mapped. */
static bool map(struct table_file *f, int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 ||
        status.st_size > (off_t)LIMIT_DETS_BYTES)
        return false;
    size_t len = (size_t)status.st_size;
    void *at = mmap(NULL, len, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (at == MAP_FAILED)
        return false;
    f->bytes = (struct bytes){at, len};
    f->mapped = true;
    return true;
}

enum err table_file_open(struct table_file *f, const char *path, bool bounded)
{
    memset(f, 0, sizeof(*f));
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return ERR_CLOSED;
    expect_loss(path);
    bool mapped = bounded && map(f, descriptor);
    close(descriptor);
    if (mapped)
        return OK;
    enum err e = file_read(&f->whole, path, LIMIT_DETS_BYTES);
    f->bytes = buf_bytes(&f->whole);
    return e;
}

void table_file_close(struct table_file *f)
{
    if (f->mapped)
        munmap((void *)(uintptr_t)f->bytes.at, f->bytes.len);
    buf_free(&f->whole);
    buf_free(&lost_message);
}

void table_file_use(struct table_file *f, uint64_t at, uint64_t bytes)
{
    must(at + bytes <= f->bytes.len);
    for (uint64_t i = at / TABLE_FILE_WINDOW; f->mapped && i * TABLE_FILE_WINDOW < at + bytes;
         i++) {
        f->count += f->used[i] == 0;
        f->used[i] = 1;
    }
    if (f->count <= WINDOWS_MAX)
        return;
    madvise((void *)(uintptr_t)f->bytes.at, f->bytes.len, MADV_DONTNEED);
    memset(f->used, 0, sizeof(f->used));
    f->count = 0;
}
