/* Arithmetic on integers of any size, each a canonical integer term.
 *
 * Counts nearly always fit 64 bits; that path is plain machine arithmetic.  Beyond it
 * OpenSSL's BIGNUM is used.  Arguments are canonical integer terms (must). */
#ifndef COPPICE_TERM_INTEGER_H
#define COPPICE_TERM_INTEGER_H

#include "../err.h"
#include "bytes.h"

/* <0, 0 or >0. */
int integer_compare(struct bytes a, struct bytes b);

/* Compares with a finite float, by exact value. */
int integer_compare_float(struct bytes a, double f);

/* -1, 0 or 1. */
int integer_sign(struct bytes a);

/* Appends a + b or a - b, at most one bit longer than the longer argument.  ERR_LIMIT, with
 * nothing appended, beyond LIMIT_INTEGER_BYTES. */
must_use enum err integer_add(struct buf *out, struct bytes a, struct bytes b);
must_use enum err integer_sub(struct buf *out, struct bytes a, struct bytes b);

/* Appends the decimal digits, with a leading '-' if negative. */
void integer_print(struct buf *out, struct bytes a);

/* Appends the integer written as digits (0-9 and a-z in either case, base 2 to 36).  ERR_SHAPE
 * for an empty text or a digit that is not of the base, ERR_LIMIT for too many digits. */
must_use enum err integer_parse(struct buf *out, struct bytes digits, unsigned base, bool negative);

#endif
