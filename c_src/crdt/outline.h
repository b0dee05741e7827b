/* The fields of a struct of any size, found in steps.
 *
 * Walking over a struct of 70 MB takes more than a tenth of a second.  An outline is made in steps
 * of a few bytes: a copy of the struct's small parts, with the place of the large ones. */
#ifndef COPPICE_CRDT_OUTLINE_H
#define COPPICE_CRDT_OUTLINE_H

#include "struct.h"

/* Values that are not copied: more than are large in any struct of Grove. */
#define OUTLINE_LARGE_MAX 16

struct outline {
    struct etf_in in;     /* a copy of all that follows it, and of its error */
    bool opened;          /* its head was read */
    uint32_t pairs;       /* not yet read */
    uint64_t left;        /* of etf_skip() */
    const uint8_t *key;   /* of the current pair */
    const uint8_t *value; /* NULL while the cursor is in the key */
    struct buf copy;      /* pairs with an atom as key; the large values are [] */
    size_t first;         /* where they begin */
    uint32_t copied;      /* how many */
    struct {
        struct bytes key, value;
    } large[OUTLINE_LARGE_MAX];
    size_t large_count;
};

/* The struct is the term at the front of checked bytes, which must outlive the outline; more may
 * follow it. */
void outline_open(struct outline *o, struct bytes from);
void outline_close(struct outline *o);

/* Walks over about so many bytes; true when the struct's end is reached, or it is none. */
bool outline_step(struct outline *o, size_t bytes);

/* Then struct_read() of it.  values borrow from the outline and from its bytes.  ERR_LIMIT for an
 * unknown field that is large, too. */
must_use enum err outline_read(struct outline *o, const struct form *form, struct bytes *values,
                               struct buf *extras);

/* The type of the struct; NULL for any other term. */
struct crdt_type;
const struct crdt_type *outline_type(struct outline *o);

#endif
