/* Reading structs of which many follow each other, as the values of a map do.
 *
 * Most have the same fields, encoded in the same order, as the one before: then only the values
 * differ, and what lies between them (names, __struct__ and its module) is compared as bytes. */
#ifndef COPPICE_CRDT_ALIKE_H
#define COPPICE_CRDT_ALIKE_H

#include <string.h>

#include "parsed.h"

/* All zero before the first struct.  Slices of a struct that was read, which must stay. */
struct alike {
    const struct crdt_type *type;              /* NULL for none */
    unsigned count;                            /* of values */
    uint8_t fields[CRDT_FIELDS_MAX];           /* whose they are, in their order */
    struct bytes between[CRDT_FIELDS_MAX + 1]; /* before each of them, and after the last */
};

/* If the next bytes of the cursor are these, consumes them. */
static inline bool skip_same(struct etf_in *in, struct bytes same)
{
    if ((size_t)(in->end - in->at) < same.len || memcmp(in->at, same.at, same.len) != 0)
        return false;
    in->at += same.len;
    return true;
}

/* Reads the next term of a cursor over checked terms, a struct of any type, as crdt_parse() does.
 * ERR_SHAPE for anything else. */
must_use enum err alike_read(struct alike *a, struct etf_in *in, struct parsed *r);

#endif
