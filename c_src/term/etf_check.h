/* Checking terms from outside, once, on arrival, and measuring them. */
#ifndef COPPICE_TERM_ETF_CHECK_H
#define COPPICE_TERM_ETF_CHECK_H

#include "../err.h"
#include "../limits.h"
#include "bytes.h"

/* Checks and measures the term at the front of b: bounds, tags, UTF-8, nesting
 * (LIMIT_TERM_DEPTH), counts larger than the rest of the input, integer and reference sizes,
 * finite floats, and the parts of funs.  *len is set to the term's length; bytes after it are
 * ignored.  Does not look for duplicate keys in a map (canon does); refuses compressed terms
 * (see canon_external).  Errors: ERR_SHORT, ERR_TAG, ERR_LIMIT, ERR_UTF8, ERR_RANGE,
 * ERR_SHAPE. */
must_use enum err etf_check(struct bytes b, size_t *len);

/* The same in steps of about so many bytes, during which b stays where it is.  True after the last:
 * *e is the result, and if that is OK, c->at is behind the term. */
struct etf_check {
    const uint8_t *at, *end;
    bool unlimited; /* ignore this node's own limits */
    size_t depth;
    uint64_t left[LIMIT_TERM_DEPTH]; /* terms still to check in each open container */
};
void etf_check_open(struct etf_check *c, struct bytes b);
bool etf_check_step(struct etf_check *c, size_t bytes, enum err *e);

/* The same as etf_check() without this node's own limits (LIMIT_TERM_DEPTH, LIMIT_INTEGER_BYTES):
 * for terms that are not read but stored and passed on as they are.  On an error *len tells how far
 * it got. */
must_use enum err etf_measure(struct bytes b, size_t *len);

/* Finds only the end of the term at the front of b, whatever its values: for a message that is
 * to be refused without losing what comes after it.  ERR_SHORT, or ERR_TAG or ERR_SHAPE where
 * the end cannot be found: an unknown tag, or a pid, port or reference whose node is not an
 * atom. */
must_use enum err etf_length(struct bytes b, size_t *len);

/* The same in steps, as etf_check_step(): of an error, or of a term that ends at ->at. */
struct etf_length {
    const uint8_t *at, *end;
    uint64_t left; /* terms still to come */
};
void etf_length_open(struct etf_length *l, struct bytes b);
bool etf_length_step(struct etf_length *l, size_t bytes, enum err *e);

/* Whether a checked term has more than so many levels of containers. */
bool etf_is_deeper(struct bytes checked, size_t levels);

#endif
