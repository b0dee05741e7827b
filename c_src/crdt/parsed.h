/* The first step of a join by itself, for types with nested states: the fields of a struct. */
#ifndef COPPICE_CRDT_PARSED_H
#define COPPICE_CRDT_PARSED_H

#include "crdt.h"

/* The fields of a checked struct, slices of it in the order of type->fields, and its unknown fields
 * (struct.h). */
struct parsed {
    const struct crdt_type *type;
    struct bytes values[CRDT_FIELDS_MAX];
    struct buf extras;
};

/* Errors as of struct_read(); parsed_free() in any case. */
must_use enum err crdt_parse(struct parsed *r, const struct crdt_type *type, struct bytes checked);
void parsed_free(struct parsed *r);

/* crdt_join() of a struct that is valid: type->validate() has accepted its values. */
bool crdt_join_parsed(struct crdt *c, const struct parsed *r, struct crdt *delta);

#endif
