/* Loaded in front of the C library (LD_PRELOAD), it fails calls of a process and of the children
 * that it forks.  What it runs by exec() is left alone.
 *
 *     NTH_KIND    what is counted: memory, or system, which is everything else below
 *     NTH         the number of the call that fails, from 1 on; 0: none
 *     NTH_ON      if set, every later call fails, too
 *     NTH_STATE   a file: its first line is afterwards the name of the first call that failed,
 *                 its second the number of calls that were counted */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define STATE_BYTES  4096
#define NUMBER_BYTES 32

/* The C library's own, which dlsym() is not needed for: that allocates. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *block, size_t n);

/* Shared with the children, so that one numbering serves all. */
struct state {
    char failed[NUMBER_BYTES]; /* lines, for whoever reads the file */
    char counted[NUMBER_BYTES];
    atomic_ulong count;
};

static struct state *state;
static bool counts_memory, goes_on;
static unsigned long nth;

/* Found before a signal handler calls them: dlsym() takes a lock. */
static ssize_t (*next_read)(int fd, void *to, size_t n);
static ssize_t (*next_write)(int fd, const void *from, size_t n);
static int (*next_fstat)(int fd, struct stat *found);

/* Decimal, since printf() may allocate. */
static void put_number(char *to, unsigned long number)
{
    char digits[NUMBER_BYTES];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    for (size_t i = 0; i < len; i++)
        to[i] = digits[len - 1 - i];
}

static bool fails(const char *name, bool memory)
{
    if (state == NULL || memory != counts_memory)
        return false;
    unsigned long number = atomic_fetch_add(&state->count, 1) + 1;
    put_number(state->counted, number);
    if (nth == 0 || number < nth || (number > nth && !goes_on))
        return false;
    if (number == nth)
        memcpy(state->failed, name, strlen(name));
    return true;
}

__attribute__((constructor)) static void begin(void)
{
    *(void **)&next_read = dlsym(RTLD_NEXT, "read");
    *(void **)&next_write = dlsym(RTLD_NEXT, "write");
    *(void **)&next_fstat = dlsym(RTLD_NEXT, "fstat");
    const char *kind = getenv("NTH_KIND"), *number = getenv("NTH"), *path = getenv("NTH_STATE");
    if (kind == NULL || number == NULL || path == NULL)
        return;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, STATE_BYTES) != 0)
        abort();
    void *at = mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (at == MAP_FAILED)
        abort();
    counts_memory = strcmp(kind, "memory") == 0;
    goes_on = getenv("NTH_ON") != NULL;
    nth = strtoul(number, NULL, 10);
    unsetenv("LD_PRELOAD");
    struct state *made = at;
    memset(made, ' ', sizeof(made->failed) + sizeof(made->counted));
    made->failed[NUMBER_BYTES - 1] = made->counted[NUMBER_BYTES - 1] = '\n';
    state = made;
}

/* --- memory ----------------------------------------------------------------------------- */

void *malloc(size_t n)
{
    if (!fails("malloc", true))
        return __libc_malloc(n);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t n)
{
    if (!fails("calloc", true))
        return __libc_calloc(count, n);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *block, size_t n)
{
    if (!fails("realloc", true))
        return __libc_realloc(block, n);
    errno = ENOMEM;
    return NULL;
}

/* --- what is asked of the system ------------------------------------------------------------ */

/* A function that gives `result` when it fails, with errno set. */
#define CALL(type, name, result, error, parameters, arguments)                                     \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*next) parameters;                                                             \
        if (fails(#name, false)) {                                                                 \
            errno = error;                                                                         \
            return result;                                                                         \
        }                                                                                          \
        if (next == NULL)                                                                          \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                             \
        return next arguments;                                                                     \
    }

/* Most give -1. */
#define INT(name, error, parameters, arguments) CALL(int, name, -1, error, parameters, arguments)
#define SIZE(name, error, parameters, arguments)                                                   \
    CALL(ssize_t, name, -1, error, parameters, arguments)

INT(socket, EMFILE, (int family, int type, int protocol), (family, type, protocol))
INT(bind, EADDRINUSE, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
INT(listen, EADDRINUSE, (int fd, int backlog), (fd, backlog))
INT(connect, ENETUNREACH, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
INT(getsockname, ENOBUFS, (int fd, struct sockaddr *own, socklen_t *len), (fd, own, len))
INT(getpeername, ENOTCONN, (int fd, struct sockaddr *peer, socklen_t *len), (fd, peer, len))
INT(setsockopt, ENOMEM, (int fd, int level, int name, const void *value, socklen_t len),
    (fd, level, name, value, len))
INT(shutdown, ENOTCONN, (int fd, int how), (fd, how))
SIZE(sendmsg, ENOBUFS, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
SIZE(sendto, ENOBUFS,
     (int fd, const void *from, size_t n, int flags, const struct sockaddr *to, socklen_t len),
     (fd, from, n, flags, to, len))
SIZE(recv, ECONNRESET, (int fd, void *to, size_t n, int flags), (fd, to, n, flags))
SIZE(send, ECONNRESET, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags))
INT(epoll_create1, EMFILE, (int flags), (flags))
INT(epoll_ctl, ENOSPC, (int fd, int what, int of, struct epoll_event *event), (fd, what, of, event))
INT(eventfd, EMFILE, (unsigned start, int flags), (start, flags))
INT(pipe2, EMFILE, (int ends[2], int flags), (ends, flags))

SIZE(pread, EIO, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
SIZE(writev, ENOSPC, (int fd, const struct iovec *parts, int count), (fd, parts, count))
INT(fsync, EIO, (int fd), (fd))
INT(fdatasync, EIO, (int fd), (fd))
INT(ftruncate, EIO, (int fd, off_t bytes), (fd, bytes))
INT(flock, ENOLCK, (int fd, int how), (fd, how))
INT(fchmod, EPERM, (int fd, mode_t mode), (fd, mode))
INT(fchown, EPERM, (int fd, uid_t user, gid_t group), (fd, user, group))
INT(rename, ENOSPC, (const char *from, const char *to), (from, to))
INT(unlink, EACCES, (const char *path), (path))
INT(stat, EACCES, (const char *path, struct stat *found), (path, found))
INT(fstat, EIO, (int fd, struct stat *found), (fd, found))
INT(statx, EACCES, (int at, const char *path, int flags, unsigned mask, struct statx *found),
    (at, path, flags, mask, found))
SIZE(readlink, EACCES, (const char *path, char *to, size_t n), (path, to, n))
CALL(char *, realpath, NULL, EACCES, (const char *path, char *to), (path, to))
CALL(FILE *, fopen, NULL, EMFILE, (const char *path, const char *how), (path, how))
CALL(DIR *, opendir, NULL, EMFILE, (const char *path), (path))
CALL(struct dirent *, readdir, NULL, EIO, (DIR * folder), (folder))
CALL(void *, mmap, MAP_FAILED, ENOMEM,
     (void *at, size_t n, int protection, int flags, int fd, off_t from),
     (at, n, protection, flags, fd, from))

CALL(pid_t, fork, -1, EAGAIN, (void), ())
CALL(int, pthread_create, EAGAIN, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *who),
     (thread, how, run, who))
CALL(int, getaddrinfo, EAI_AGAIN, EAGAIN,
     (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found),
     (host, service, hints, found))

/* It has closed all the same (close(2)). */
int close(int fd)
{
    static int (*next)(int fd);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "close");
    int result = next(fd);
    if (!fails("close", false))
        return result;
    errno = EIO;
    return -1;
}

/* Pipes and the like, by which the process talks to itself, do not fail.  Standard error does not
 * either: the test reads there why a process has ended. */
static bool read_or_write_fails(const char *name, int fd, int of_file)
{
    struct stat found;
    if (fd == STDERR_FILENO || next_fstat(fd, &found) != 0)
        return false;
    bool file = S_ISREG(found.st_mode), socket = S_ISSOCK(found.st_mode);
    if ((!file && !socket) || !fails(name, false))
        return false;
    errno = file ? of_file : ECONNRESET;
    return true;
}

ssize_t read(int fd, void *to, size_t n)
{
    return read_or_write_fails("read", fd, EIO) ? -1 : next_read(fd, to, n);
}

ssize_t write(int fd, const void *from, size_t n)
{
    return read_or_write_fails("write", fd, ENOSPC) ? -1 : next_write(fd, from, n);
}

/* Fails once at most: libuv goes on to ask while there are too many open files. */
int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    static int (*next)(int fd, struct sockaddr *from, socklen_t *len, int flags);
    static atomic_bool failed;
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "accept4");
    if (!fails("accept4", false) || atomic_exchange(&failed, true))
        return next(fd, from, len, flags);
    errno = EMFILE;
    return -1;
}

static int open_by(const char *name, const char *path, int flags, mode_t mode)
{
    if (fails("open", false)) {
        errno = ENFILE;
        return -1;
    }
    int (*next)(const char *path, int flags, ...);
    *(void **)&next = dlsym(RTLD_NEXT, name);
    return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_by("open64", path, flags, mode);
}

/* libuv asks for random bytes so, and where that is unknown, /dev/urandom. */
long syscall(long number, ...)
{
    static long (*next)(long number, ...);
    long a[6];
    va_list more;
    va_start(more, number);
    for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
        a[i] = va_arg(more, long);
    va_end(more);
    if (fails("syscall", false)) {
        errno = ENOSYS;
        return -1;
    }
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
