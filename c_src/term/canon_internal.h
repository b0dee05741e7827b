/* State of one canonical copy, shared by the canon_*.c files.
 *
 * Most bytes of most terms are canonical already, so nothing is copied term by term: the input
 * from `run` to `at` has been read and found canonical, and is copied in one go once something
 * after it has to be written differently.  Positions in the result count from its first byte,
 * whether the bytes there have been copied or are still in the run. */
#ifndef COPPICE_TERM_CANON_INTERNAL_H
#define COPPICE_TERM_CANON_INTERNAL_H

#include "../err.h"
#include "../limits.h"
#include "bytes.h"
#include "head.h"

/* The maximum length of a STRING. */
#define STRING_ELEMENTS_MAX UINT16_MAX

/* A key and its value as positions in the result. */
struct canon_pair {
    uint32_t key, value, end;
};

/* A container whose subterms are being read. */
struct canon_frame {
    enum etf_kind kind;
    bool sorted;       /* maps: keys in order so far */
    uint32_t start;    /* position of the head */
    uint64_t left;     /* subterms still to read */
    size_t first_pair; /* maps: index of its first pair */
};

/* A pair by the beginning of its key. */
struct canon_item {
    uint64_t prefix;
    uint32_t pair;
};

/* A part of the items: when its halves are sorted, they are merged. */
struct canon_part {
    size_t from, middle, to;
    size_t left, right, at; /* of the merge */
    unsigned halves;        /* that were taken up */
};

/* A map of which all pairs were read, while they are being put in order; items is NULL if there is
 * none.  Stages follow each other, each of them over all items. */
struct canon_sorting {
    struct canon_item *items, *other; /* the second is scratch */
    size_t count, first_pair, start;  /* start: where the pairs begin in the result */
    enum { CANON_PREFIXES, CANON_MERGES, CANON_DUPLICATES, CANON_PLACES } stage;
    size_t at; /* the next item of a stage */
    unsigned depth;
    struct canon_part parts[33]; /* as many as a count has bits, and one */
};

struct canon {
    const uint8_t *at, *end, *run;
    struct buf *out;
    size_t base; /* length of out at the start */
    enum err err;
    bool ending, ended;       /* a term was read that is not ended yet; the whole has ended */
    struct canon_pair *pairs; /* of all open maps, outermost first */
    size_t pair_count, pair_cap;
    struct buf scratch;
    uint64_t work;           /* of sorting; see LIMIT_SORT_WORK */
    uint64_t spent, allowed; /* in this step, in the same unit */
    unsigned depth;
    struct canon_frame frames[LIMIT_TERM_DEPTH];
    struct canon_sorting sorting;
};

/* canon_put(), and how much of LIMIT_SORT_WORK that took: for tests. */
must_use enum err canon_put_counted(struct buf *out, struct bytes checked, uint64_t *work);

/* The position after everything read so far. */
static inline uint32_t canon_position(const struct canon *c)
{
    return (uint32_t)(c->out->len - c->base + (size_t)(c->at - c->run));
}

/* Copies the run and skips n bytes of input; the caller appends their replacement to out. */
void canon_replace(struct canon *c, uint64_t n);

/* The bytes between two positions, copied or not; valid until the next canon_replace(). */
struct bytes canon_span(struct canon *c, uint32_t from, uint32_t to);

/* Copies the leaf with this head. */
void canon_leaf(struct canon *c, const struct head *head);

/* The value of a term that is an integer and a byte, otherwise -1. */
int canon_byte(const uint8_t *at, const struct head *head);

/* The beginning of a canonical key as a number: a key with a smaller one comes first in key order.
 * Recursion is as deep as first elements are nested, and so at most LIMIT_TERM_DEPTH. */
uint64_t canon_prefix(const uint8_t *key);

/* ERR_DUPLICATE if two of the canonical names of a record's fields are the same. */
enum err canon_record_fields(struct bytes fields, uint64_t count);

/* Called when a map is opened, after each key, after each value, and after the last pair; then
 * canon_map_sort() until that is true.  Errors go to c->err: ERR_DUPLICATE, ERR_LIMIT. */
void canon_map_open(struct canon *c, struct canon_frame *map);
void canon_map_key(struct canon *c, struct canon_frame *map);
void canon_map_value(struct canon *c, struct canon_frame *map);
void canon_map_close(struct canon *c, struct canon_frame *map);
bool canon_map_sort(struct canon *c);
void canon_map_free(struct canon *c);

#endif
