/* Torn slots: a change had set the slot and marked its old collection as freed, but not written
 * the new one when the process was killed.  Private to dets/.
 *
 * The objects of such a slot are left only in freed collections, to which nothing points.  Which
 * of several freed copies is the last is not known; the last in the file is taken. */
#ifndef COPPICE_DETS_DETS_TORN_H
#define COPPICE_DETS_DETS_TORN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../term/bytes.h"

struct dets_torn_slot {
    uint32_t slot;
    bool elsewhere; /* its collection is in use after all, only the slot is damaged */
};

/* All zero is empty. */
struct dets_torn {
    struct dets_torn_slot *list; /* ascending */
    size_t count, cap;
    uint32_t slots; /* in the table, a multiple of 256; set before dets_torn_find() */
};

/* Slots must be added in ascending order. */
void dets_torn_add(struct dets_torn *torn, uint32_t slot);

/* The torn slot that a key is in; NULL if the key's slot is not torn. */
struct dets_torn_slot *dets_torn_find(const struct dets_torn *torn, struct bytes key);

void dets_torn_free(struct dets_torn *torn);

#endif
