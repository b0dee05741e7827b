/* The canonical encoding: one value, one sequence of bytes.
 *
 * Two terms are equal (=:=) exactly when their canonical bytes are; hashing a
 * term is hashing those bytes.  Every term that is kept is kept in this form:
 *
 *   integers     SMALL_INTEGER, INTEGER, SMALL_BIG, LARGE_BIG: the first that
 *                fits; no leading zero digits; no negative zero
 *   floats       NEW_FLOAT (text floats converted); NaN and infinities refused.
 *                -0.0 stays -0.0: it is another term than 0.0, as in OTP 27
 *                and later.  OTP 25 and 26 hold the two for equal; a cluster that
 *                mixes them and uses -0.0 as a key sees two keys here.
 *   atoms        SMALL_ATOM_UTF8 to 255 bytes, else ATOM_UTF8
 *   tuples       SMALL_TUPLE to 255 elements, else LARGE_TUPLE
 *   lists        NIL; STRING for a proper list of 1 to 65535 bytes; else
 *                one LIST, whose tail is not itself a list
 *   binaries     BINARY; BIT_BINARY with its unused bits zero
 *   maps         keys in key order (term/order.h); equal keys are refused
 *   pids         NEW_PID;  references NEWER_REFERENCE;  ports V4_PORT
 *   funs         NEW_FUN with its size field right and its parts canonical;
 *                exports EXPORT with canonical parts
 *
 * The bytes are also ordinary external format that every OTP from 25 reads. */
#ifndef COPPICE_TERM_CANON_H
#define COPPICE_TERM_CANON_H

#include "../err.h"
#include "bytes.h"

/* Appends the canonical form of one term that etf_check() accepted.  On an
 * error (ERR_DUPLICATE, ERR_LIMIT) out is as it was before. */
must_use enum err canon_put(struct buf *out, struct bytes checked);

/* The same as an owned term; *t is "none" on an error. */
must_use enum err canon_copy(struct term *t, struct bytes checked);

/* The canonical form of a checked term for the moment: the term itself, where
 * it stands, if its kind is one that has a single encoding (a binary, a small
 * atom or integer), else a copy in scratch, which is cleared first. */
must_use enum err canon_view(struct buf *scratch, struct bytes checked, struct bytes *canonical);

/* Bytes with a version byte in front, compressed (131,80) or not: unpacked
 * with at most LIMIT_UNPACKED_BYTES, checked, made canonical, appended.  The
 * whole of external must be the one term.  For terms from files and
 * command lines; frames hold their terms without compression. */
must_use enum err canon_external(struct buf *out, struct bytes external);

#endif
