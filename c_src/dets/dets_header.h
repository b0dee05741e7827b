/* The header of a DETS file, and what is computed from it: the slot of a key and the position
 * of a segment. */
#ifndef COPPICE_DETS_DETS_HEADER_H
#define COPPICE_DETS_DETS_HEADER_H

#include "../err.h"
#include "../term/bytes.h"
#include "dets_fault.h"
#include "layout.h"

enum dets_type { DETS_SET = 1, DETS_BAG = 2, DETS_DUPLICATE_BAG = 3 };

/* "set", "bag", "duplicate_bag"; NULL for any other number. */
const char *dets_type_name(uint32_t type);

/* The fields as read: each may have any value. */
struct dets_header {
    uint32_t free_lists, cookie, closed, type, version, m, next, keypos, objects, keys, min_slots,
        max_slots, hash, n, base;
    uint32_t counters[DETS_COUNTERS];
    bool has_md5; /* not all zero */
    bool md5_valid;
};

/* ERR_SHORT, and *header all zero, if the file ends before the first block. */
must_use enum err dets_header_read(struct dets_header *header, struct bytes file);

/* Checks that OTP would open the file with this header, which was read from it, without repair,
 * and that OTP could have created a table of these dimensions.
 * ERR_NOT_DETS, ERR_NOT_SAVED, ERR_DAMAGED; ERR_LIMIT for a file larger than
 * LIMIT_DETS_BYTES. */
must_use enum err dets_header_check(const struct dets_header *header, struct bytes file,
                                    struct dets_fault *fault);

/* Whether M, N, Next and the hash are consistent, so that slots can be computed. */
bool dets_header_slots_valid(const struct dets_header *header);

/* Appends everything before the positions of the parts, and computes the MD5. */
void dets_header_put(struct buf *out, const struct dets_header *header);

/* The slot of a canonical key.  The header must have valid slots, and phash2. */
uint32_t dets_slot(const struct dets_header *header, struct bytes key);

/* The number of segments that hold Next slots. */
uint32_t dets_segments(const struct dets_header *header);

/* Reads 32 bits at a position, which must be in the file. */
uint32_t dets_u32(struct bytes file, uint64_t at);

/* Whether the n bytes at a position are in the file. */
bool dets_within(struct bytes file, uint64_t at, uint64_t n);

/* Whether a block can start at this position. */
bool dets_is_aligned(uint64_t at);

/* Whether the header has a position for the part with this number. */
bool dets_has_part(struct bytes file, uint32_t number);

/* Looks up the position of a part, or of a segment, by its number.  ERR_DAMAGED if it is
 * missing or its position is impossible. */
must_use enum err dets_part(struct bytes file, uint32_t number, uint64_t *at,
                            struct dets_fault *fault);
must_use enum err dets_segment(struct bytes file, uint32_t number, uint64_t *at,
                               struct dets_fault *fault);

/* Finds the next existing segment, from number *next on, without regard to Next; its number is
 * then *next - 1.  Skips segments with impossible positions, and adds a fault for each unless
 * faults is NULL.  False after the last. */
bool dets_next_segment(struct bytes file, uint32_t *next, uint64_t *at, struct dets_faults *faults);

/* log2 of the size of the block that holds size bytes. */
unsigned dets_class(uint64_t size);

#endif
