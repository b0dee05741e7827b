/* What the files of canon share: one canonical copy under way.
 *
 * Most bytes of most terms are canonical already, so nothing is copied term by
 * term: the input from `run` to `at` has been read and stands as it is, and is
 * copied whole when something has to be written differently behind it.
 * Positions in the result count from its first byte, whether the bytes at a
 * position have been copied yet or are still in the run. */
#ifndef COPPICE_TERM_CANON_WORK_H
#define COPPICE_TERM_CANON_WORK_H

#include "../err.h"
#include "../limits.h"
#include "bytes.h"
#include "head.h"

/* A key and its value, as positions in the result. */
struct canon_pair {
    uint32_t key, value, end;
};

/* A container whose subterms are being read. */
struct canon_frame {
    enum etf_kind kind;
    bool sorted;       /* a map: so far in key order */
    uint32_t start;    /* position of its head */
    uint64_t left;     /* subterms to come */
    size_t first_pair; /* a map: its part of the pairs */
};

struct canon {
    const uint8_t *at, *end, *run;
    struct buf *out;
    size_t base; /* what out held before */
    enum err err;
    struct canon_pair *pairs; /* of all open maps, the outermost first */
    size_t pair_count, pair_cap;
    struct buf scratch;
    uint64_t moved; /* bytes, by sorting; see LIMIT_SORT_BYTES */
    unsigned depth;
    struct canon_frame frames[LIMIT_TERM_DEPTH];
};

/* The position behind all that was read. */
static inline uint32_t canon_position(const struct canon *c)
{
    return (uint32_t)(c->out->len - c->base + (size_t)(c->at - c->run));
}

/* Copies the run, then skips n bytes of input: the caller appends to out what
 * shall stand in their place. */
void canon_replace(struct canon *c, uint64_t n);

/* The bytes between two positions, copied or not; good until the next
 * replacement. */
struct bytes canon_span(struct canon *c, uint32_t from, uint32_t to);

/* Reads one term without subterms whose head this is. */
void canon_leaf(struct canon *c, const struct head *head);

/* The value when the head is an integer's and it is a byte, otherwise -1. */
int canon_byte(const uint8_t *at, const struct head *head);

/* A map: its pairs begin; the term that was read last was a key, or a value;
 * all pairs were read.  An error goes to c->err: ERR_DUPLICATE, ERR_LIMIT. */
void canon_map_open(struct canon *c, struct canon_frame *map);
void canon_map_key(struct canon *c, struct canon_frame *map);
void canon_map_value(struct canon *c, struct canon_frame *map);
void canon_map_close(struct canon *c, struct canon_frame *map);

#endif
