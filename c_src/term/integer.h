/* Arithmetic on integers of any size, each a canonical integer term.
 *
 * Counts fit 64 bits nearly always; that path is plain machine arithmetic.
 * Beyond it OpenSSL's BIGNUM does the work.  Arguments are canonical integer
 * terms (must). */
#ifndef COPPICE_TERM_INTEGER_H
#define COPPICE_TERM_INTEGER_H

#include "../err.h"
#include "bytes.h"

/* <0, 0, >0. */
int integer_compare(struct bytes a, struct bytes b);

/* The same against a finite float, by value and without rounding. */
int integer_compare_float(struct bytes a, double f);

/* -1, 0 or 1. */
int integer_sign(struct bytes a);

/* Appends a + b, or a - b.  The result is bounded by its arguments plus one
 * bit; ERR_LIMIT, and nothing appended, beyond LIMIT_INTEGER_BYTES. */
must_use enum err integer_add(struct buf *out, struct bytes a, struct bytes b);
must_use enum err integer_sub(struct buf *out, struct bytes a, struct bytes b);

/* Appends the decimal digits, with '-' where negative. */
void integer_print(struct buf *out, struct bytes a);

/* Appends the integer that digits (0-9, a-z without case, in base 2 to 36) say.
 * ERR_SHAPE for an empty text or a digit that is not of the base, ERR_LIMIT
 * for too many. */
must_use enum err integer_parse(struct buf *out, struct bytes digits, unsigned base, bool negative);

#endif
