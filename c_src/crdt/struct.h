/* Grove's structs: maps that name a module under the key __struct__.
 *
 * A later Grove may have fields that are unknown here.  They are kept, so that
 * what is written has them too: its reader may count on every field.  In a join the
 * greater value of an unknown field stays: any rule does that is the same
 * everywhere. */
#ifndef COPPICE_CRDT_STRUCT_H
#define COPPICE_CRDT_STRUCT_H

#include "../err.h"
#include "../term/etf.h"

/* What is known of a struct: its module, its fields in ASCII order, then NULL,
 * and which of them must be there (bit i for fields[i]).  Without a module (NULL) it
 * is a map that is no struct, and __struct__ an unknown field like others. */
struct form {
    const char *module;
    const char *const *fields;
    unsigned needed;
};

/* Reads a checked term: values[i] gets fields[i] as it stands there, empty where a
 * field that is not needed is missing.  Other fields are passed over; extras, when
 * not NULL, gets those whose names are atoms as a canonical map, or nothing when there
 * are none.  ERR_TYPE for anything but a struct of this module, ERR_SHAPE when a needed
 * field is missing, ERR_DUPLICATE when one is there twice; extras is then as
 * it was. */
must_use enum err struct_read(struct bytes checked, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* The same for the next term of a cursor, which may have failed where this has. */
must_use enum err struct_next(struct etf_in *in, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* What a checked term has under __struct__; empty where it is no struct. */
struct bytes struct_module(struct bytes checked);

/* The unknown fields of one struct: a canonical map, or none. */
struct extras {
    struct term map;
};

void extras_free(struct extras *e);

/* Joins such a map as struct_read() gives (empty for none); what grew joins
 * grown, too, when that is not NULL.  True when any grew. */
bool extras_join(struct extras *e, struct bytes map, struct extras *grown);

/* Writes a struct: for each field in turn struct_field() and then its value, by the
 * caller, and struct_close(), with the unknown fields (may be NULL) where they
 * belong among them. */
struct struct_out {
    struct buf *out;
    struct etf_in extras; /* not yet written */
    uint32_t left;
};

struct struct_out struct_open(struct buf *out, const struct form *form,
                              const struct extras *extras);
void struct_field(struct struct_out *s, const char *name);
void struct_close(struct struct_out *s);

#endif
