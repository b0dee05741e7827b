/* Appends BYTES to a file and syncs it, repeatedly for two seconds, and prints how often per
 * second: a baseline for storage.
 *
 *     build/bench/sync FILE BYTES */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 2

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char bytes[65536];
    size_t len = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int fd =
        len > 0 && len <= sizeof(bytes) ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0)
        return EXIT_FAILURE;
    double start = now_s(), end = start;
    unsigned syncs = 0;
    for (; end - start < SECONDS; end = now_s(), syncs++)
        if (write(fd, bytes, len) != (ssize_t)len || fdatasync(fd) != 0)
            return EXIT_FAILURE;
    printf("%.0f\n", syncs / (end - start));
    return EXIT_SUCCESS;
}
