/* Random numbers of the operating system, fetched by the page: one is needed for each step.  Not
 * OpenSSL's: its first one costs a start 2 ms and a megabyte of memory. */
#ifndef COPPICE_NET_RANDOM_H
#define COPPICE_NET_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills so many bytes. */
void random_fill(void *bytes, size_t count);

/* All zero is valid. */
struct randoms {
    uint64_t numbers[512];
    size_t left;
};

/* Each number is given once, and erased. */
uint64_t random_take(struct randoms *r);

#endif
