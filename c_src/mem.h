/* Allocation that never returns NULL.
 *
 * Every quantity from outside is bounded by limits.h, so running out of memory is a failure of
 * the machine and not of a peer: the process ends with one line on standard error (quit()).
 * What was acknowledged is on disk or with the peers.  No caller checks for NULL. */
#ifndef COPPICE_MEM_H
#define COPPICE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* n zeroed bytes (n may be 0), freed with mem_free(). */
void *mem_take(size_t n);

/* Resizes the block at old (may be NULL) to n bytes; added bytes are not zeroed.  Consumes
 * old. */
void *mem_resize(void *old, size_t n);

/* Makes room for one more element of size bytes in a vector of count elements: doubles the
 * block when count has reached *cap.  Consumes old. */
void *mem_room(void *old, size_t count, size_t *cap, size_t size);

/* Gives back what a library has allocated, which is NULL only where there is no memory. */
void *mem_had(void *object);

/* The same for a call of a library's that says whether it had memory. */
void mem_sufficed(bool did);

/* NULL is allowed. */
void mem_free(void *block);

/* Bytes that are allocated now, about. */
size_t mem_used(void);

#endif
