/* The header of a DETS file, and what follows from it: which slot a key has and
 * where the segments stand. */
#ifndef COPPICE_DETS_DETS_HEADER_H
#define COPPICE_DETS_DETS_HEADER_H

#include "../err.h"
#include "../term/bytes.h"
#include "dets_fault.h"
#include "layout.h"

enum dets_type { DETS_SET = 1, DETS_BAG = 2, DETS_DUPLICATE_BAG = 3 };

/* "set", "bag", "duplicate_bag"; NULL for no type. */
const char *dets_type_name(uint32_t type);

/* As the file has it: any field may have any value. */
struct dets_header {
    uint32_t free_lists, cookie, closed, type, version, m, next, keypos, objects, keys, min_slots,
        max_slots, hash, n, base;
    uint32_t counters[DETS_COUNTERS];
    bool has_md5;   /* it is not all zero */
    bool md5_right; /* it is that of the header */
};

/* ERR_SHORT, and *header all zero, when the file ends before the first block. */
must_use enum err dets_header_read(struct dets_header *header, struct bytes file);

/* Whether OTP would open the file with this header, which was read from it,
 * without repair; and whether the table is of dimensions that OTP may give it.
 * ERR_NOT_DETS, ERR_NOT_SAVED, ERR_DAMAGED; ERR_LIMIT for a file beyond
 * LIMIT_DETS_BYTES. */
must_use enum err dets_header_check(const struct dets_header *header, struct bytes file,
                                    struct dets_fault *fault);

/* Whether slots can be computed from it: M, N, Next and the hash. */
bool dets_header_has_slots(const struct dets_header *header);

/* Appends all up to the positions of the parts, with an MD5 made for it. */
void dets_header_put(struct buf *out, const struct dets_header *header);

/* The slot of a canonical key.  The header must have slots, and phash2. */
uint32_t dets_slot(const struct dets_header *header, struct bytes key);

/* How many segments hold Next slots. */
uint32_t dets_segments(const struct dets_header *header);

/* The number of 32 bits that stands at a position of the file. */
uint32_t dets_number(struct bytes file, uint64_t at);

/* Whether n bytes stand at the position. */
bool dets_within(struct bytes file, uint64_t at, uint64_t n);

/* Whether the table has a part of this number. */
bool dets_has_part(struct bytes file, uint32_t number);

/* Finds a part, or a segment of that part, by its number in the table.
 * ERR_DAMAGED when there is none or it cannot stand where it is said to. */
must_use enum err dets_part(struct bytes file, uint32_t number, uint64_t *at,
                            struct dets_fault *fault);
must_use enum err dets_segment(struct bytes file, uint32_t number, uint64_t *at,
                               struct dets_fault *fault);

/* Finds the next segment that is there, from number *next on, whatever Next says:
 * its number is then *next - 1.  Skips, and notes unless faults is NULL, those
 * that cannot stand where they are said to.  False behind the last. */
bool dets_next_segment(struct bytes file, uint32_t *next, uint64_t *at, struct dets_faults *faults);

/* log2 of the bytes that a block takes which holds size bytes. */
unsigned dets_class(uint64_t size);

#endif
