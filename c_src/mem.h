/* Memory that is there or ends the process.
 *
 * Decided once for the whole program: every quantity from outside is bounded
 * by limits.h, so running out of memory is the machine's failure and not a
 * peer's.  It ends the process with one line on standard error; what was
 * acknowledged is with the peers or on disk.  No caller checks for NULL. */
#ifndef COPPICE_MEM_H
#define COPPICE_MEM_H

#include <stddef.h>

/* n bytes, zeroed; freed with mem_free.  n may be 0. */
void *mem_take(size_t n);

/* The block at old (may be NULL) made n bytes long; the added part is not
 * zeroed.  Consumes old. */
void *mem_resize(void *old, size_t n);

/* Room for one more element of size bytes in a vector that holds count:
 * doubles the block when count has reached *cap.  Consumes old. */
void *mem_room(void *old, size_t count, size_t *cap, size_t size);

/* NULL is allowed. */
void mem_free(void *block);

#endif
