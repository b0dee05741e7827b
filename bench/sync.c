/* Appends BYTES to a file and syncs it, again and again, and prints how often per second: the limit
 * for whoever syncs each change by itself.
 *
 *     build/bench/sync FILE BYTES MS */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    static char bytes[65536];
    struct stat written;
    size_t len = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    int fd =
        len > 0 && len <= sizeof(bytes) ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0)
        return EXIT_FAILURE;
    double start = now_ms(), end = start;
    unsigned syncs = 0;
    for (; end - start < atoi(argv[3]); end = now_ms(), syncs++)
        if (write(fd, bytes, len) != (ssize_t)len || fdatasync(fd) != 0)
            return EXIT_FAILURE;
    if (fstat(fd, &written) != 0 || (size_t)written.st_size != syncs * len)
        return EXIT_FAILURE;
    printf("%.2f\n", syncs * 1e3 / (end - start));
    return EXIT_SUCCESS;
}
