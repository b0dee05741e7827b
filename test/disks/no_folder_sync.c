/* Preloaded, has fsync() of a folder fail as on a file system that cannot do it. */
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    struct stat s;
    if (fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return real(fd);
}
