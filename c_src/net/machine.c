#include "machine.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "../mem.h"

static void end(void)
{
    _exit(EX_OSERR);
}

/* libuv aborts without a word where it can have neither a thread nor epoll.  The signal may also
 * come from elsewhere, as from a service manager's watchdog.  It ends the process as soon as this
 * returns: its action is the default one again. */
static void on_abort(int number, siginfo_t *info, void *context)
{
    static const char line[] = "coppice: a library has given up: the machine refuses it a thread "
                               "or a descriptor, see `ulimit -a`, or it has found a mistake\n";
    (void)context;
    ssize_t written = 0;
    if (info->si_pid == getpid() && !die_has_printed())
        written = write(STDERR_FILENO, line, strlen(line));
    (void)written; /* there is nobody to tell */
    raise(number);
}

/* --- the libraries' memory ---------------------------------------------------------------- */

static void *take(size_t n)
{
    return mem_resize(NULL, n);
}

static void *take_for_openssl(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return take(n);
}

static void *resize_for_openssl(void *old, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return mem_resize(old, n);
}

static void free_for_openssl(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    mem_free(block);
}

static void *take_zeroed(size_t count, size_t size)
{
    must(size == 0 || count <= SIZE_MAX / size);
    return mem_take(count * size);
}

void machine_expect_refusal(void)
{
    struct sigaction aborted = {.sa_sigaction = on_abort,
                                .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
    quit_by(end);
    sigemptyset(&aborted.sa_mask);
    must(sigaction(SIGABRT, &aborted, NULL) == 0);
    must(CRYPTO_set_mem_functions(take_for_openssl, resize_for_openssl, free_for_openssl) == 1);
    must(uv_replace_allocator(take, mem_resize, take_zeroed, mem_free) == 0);
}

void machine_needs(int error, const char *what)
{
    if (error != 0)
        quit("coppice: cannot %s: %s\n", what, uv_strerror(error));
}
