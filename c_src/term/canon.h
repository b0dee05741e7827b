/* The canonical encoding: one byte sequence for each value.
 *
 * Two terms are equal (=:=) exactly if their canonical bytes are; a term is hashed by hashing
 * those bytes.  Every term that is kept is kept in this form:
 *
 *   integers     SMALL_INTEGER, INTEGER, SMALL_BIG, LARGE_BIG: the first that
 *                fits; no leading zero digits; no negative zero
 *   floats       NEW_FLOAT (text floats converted); NaN and infinities refused.
 *                -0.0 and 0.0 are two terms, as since OTP 27.  OTP 25 and 26
 *                treat them as equal; a cluster that mixes releases and uses
 *                -0.0 as a key sees two keys here.
 *   atoms        SMALL_ATOM_UTF8 to 255 bytes, else ATOM_UTF8
 *   tuples       SMALL_TUPLE to 255 elements, else LARGE_TUPLE
 *   lists        NIL; STRING for a proper list of 1 to 65535 bytes; else
 *                one LIST, whose tail is not itself a list
 *   binaries     BINARY; BIT_BINARY with zeros as unused bits
 *   maps         keys in key order (term/order.h); duplicate keys are refused
 *   records      RECORD with its names as canonical atoms; two fields of one name
 *                are refused
 *   pids         NEW_PID;  references NEWER_REFERENCE;  ports V4_PORT
 *   funs         NEW_FUN with a correct size field and canonical parts;
 *                exports EXPORT with canonical parts
 *
 * The bytes are also ordinary external term format, readable by every OTP from 25 on; native
 * records from 29 on. */
#ifndef COPPICE_TERM_CANON_H
#define COPPICE_TERM_CANON_H

#include "../err.h"
#include "bytes.h"

/* Appends the canonical form of one term that etf_check() accepted.  On an error
 * (ERR_DUPLICATE, ERR_LIMIT) out is unchanged. */
must_use enum err canon_put(struct buf *out, struct bytes checked);

/* The same in steps of about so much work, in nanoseconds; a leaf or a comparison of two keys
 * is never divided.  Until the last step, after which canon_step() is true, the term stays where it
 * is, and nobody touches out. */
struct canon;
struct canon *canon_open(struct buf *out, struct bytes checked);
bool canon_step(struct canon *c, uint64_t work, enum err *e);
void canon_close(struct canon *c); /* NULL is allowed */

/* The same as an owned term; "none" on an error. */
must_use enum err canon_copy(struct term *t, struct bytes checked);

/* Whether a checked term is canonical, as far as a quick look tells: false also for every term with
 * a fun in it, or deep in it something else than leaves. */
bool canon_is_plain(struct bytes checked);

/* The canonical form of a checked term for immediate use: the term itself, in place, if that
 * canon_is_plain(), else a copy in scratch, which is cleared first. */
must_use enum err canon_view(struct buf *scratch, struct bytes checked, struct bytes *canonical);

/* Appends the canonical form of a term with a version byte, compressed (131,80) or not:
 * decompressed to at most LIMIT_UNPACKED_BYTES, and checked.  external must be exactly one
 * term.  For files and command lines; terms in frames are never compressed. */
must_use enum err canon_external(struct buf *out, struct bytes external);

#endif
