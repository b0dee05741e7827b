/* How many things there are of each size, and the largest size: kept up as sizes change, so that
 * asking for it costs nothing.
 *
 * Sizes of 0 and 1, the usual ones, are not counted and need no memory; others need 4 bytes for
 * each size up to the largest.  The time of histogram_move() is constant on average, if a size
 * that grows or shrinks by n costs its owner n steps anyway. */
#ifndef COPPICE_CAUSAL_HISTOGRAM_H
#define COPPICE_CAUSAL_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty and valid. */
struct histogram {
    uint32_t *count; /* by size; NULL if there is none above 1 */
    size_t cap;
    uint32_t most; /* the largest size; 0 if there is none above 1 */
};

void histogram_free(struct histogram *h);

/* A thing changes its size; 0: it was or is not there. */
void histogram_move(struct histogram *h, uint32_t from, uint32_t to);

#endif
