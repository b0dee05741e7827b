/* Copies BYTES once and prints how long that took, in milliseconds: the limit for whoever sends a
 * large answer.
 *
 *     build/bench/copy BYTES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    size_t len = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    char *from = malloc(len), *to = malloc(len);
    if (len == 0 || from == NULL || to == NULL)
        return EXIT_FAILURE;
    memset(from, 'x', len);
    memset(to, 'y', len); /* the page faults are not part of a copy */
    double start = now_ms();
    memcpy(to, from, len);
    double took = now_ms() - start;
    if (memcmp(from, to, len) != 0)
        return EXIT_FAILURE;
    printf("%.3f\n", took);
    return EXIT_SUCCESS;
}
