/* Encodes a large state, or its value, in slices: whoever serves others, too, does other work in
 * between.
 *
 * The bytes are those of crdt_state() or crdt_value().  The state must not change between the
 * first slice and the last, or be freed; it may be read. */
#ifndef COPPICE_CRDT_ENCODING_H
#define COPPICE_CRDT_ENCODING_H

#include "crdt.h"

struct crdt_encoding;

/* Borrows c.  A value is that of crdt_value(), otherwise it is the state. */
struct crdt_encoding *crdt_encoding_open(const struct crdt *c, bool value);
void crdt_encoding_free(struct crdt_encoding *e); /* NULL is allowed */

/* Appends about so many bytes more, or none where many entries are left out; true at the end.  A
 * field that its type does not divide (crdt.h, encode) is written whole, and so is the value of a
 * register, a counter, a sequence or a DVVSet.  out may only grow meanwhile, by these calls. */
bool crdt_encoding_step(struct crdt_encoding *e, size_t bytes, struct buf *out);

/* --- for types --------------------------------------------------------------- */

/* In the place of a field: the value, for encode. */
#define CRDT_VALUE CRDT_FIELDS_MAX

/* How far a field has been written; zero but for `until` at its beginning. */
struct put_cursor {
    size_t until;                /* pause when out has so many bytes; SIZE_MAX: never ... */
    size_t skips;                /* ... or at the next entry left out after so many of them */
    size_t at;                   /* of the entries */
    size_t first;                /* where they begin in out; 0: not yet */
    uint32_t count;              /* of those that were written */
    struct crdt_encoding *inner; /* of the nested state that is being written */
};

/* encode() appends what follows *at in a field of the whole state, or (CRDT_VALUE) in the value,
 * until out has at->until bytes or too many entries were left out, but at least one; false if there
 * is more. */

/* Whether to pause at an entry that is left out. */
static inline bool put_cursor_skip(struct put_cursor *at)
{
    return at->skips == 0 || --at->skips == 0;
}

/* encode() for a field with this nested state. */
bool crdt_encoding_nested(const struct crdt *c, struct put_cursor *at, struct buf *out);

#endif
