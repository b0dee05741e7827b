/* Grove's structs: maps that name a module under the key __struct__.
 *
 * A later Grove may have fields that are unknown here.  They are kept and written again, since a
 * reader may rely on every field.  A join keeps the greater value of an unknown field, and of more
 * than LIMIT_UNKNOWN_FIELDS the first in term order; any rule would do that is the same on
 * every replica, in whatever order the fields come. */
#ifndef COPPICE_CRDT_STRUCT_H
#define COPPICE_CRDT_STRUCT_H

#include "../err.h"
#include "../term/etf.h"

/* The form of a struct: its module, its fields in ASCII order, then NULL, and which of them are
 * required (bit i for fields[i]).  If module is NULL it is a plain map, in which __struct__ is an
 * unknown field like any other. */
struct form {
    const char *module;
    const char *const *fields;
    unsigned needed;
};

/* Reads a checked term: values[i] gets the encoded value of fields[i], empty if a field that is
 * not needed is missing.  Other fields are skipped; those with atom names are appended to extras
 * (may be NULL) as a canonical map, if there are any.  ERR_TYPE for anything but a struct of this
 * module, ERR_SHAPE if a needed field is missing, ERR_DUPLICATE for a duplicate field, ERR_LIMIT
 * for too many or too large fields for extras; extras is then unchanged. */
must_use enum err struct_read(struct bytes checked, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* The same for the next term of a cursor, which may have failed if this does. */
must_use enum err struct_next(struct etf_in *in, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* The __struct__ value of a checked term; empty if it is not a struct. */
struct bytes struct_module(struct bytes checked);

/* The unknown fields that a state has collected; all zero is none. */
struct unknown_fields {
    struct term *list; /* name and value, in the order of names */
    uint32_t count;    /* at most LIMIT_UNKNOWN_FIELDS */
};

void unknown_free(struct unknown_fields *u);

/* Joins a map from struct_read() (empty for none); changes are joined to delta too, unless that
 * is NULL.  True if any field grew.  The time depends on the map, not on what u has. */
bool unknown_join(struct unknown_fields *u, struct bytes map, struct unknown_fields *delta);

/* Appends such a map; nothing for no fields. */
void unknown_put(const struct unknown_fields *u, struct buf *map);

/* Unknown fields to be written: such a map. */
struct extras {
    struct term map;
};

/* Writes a struct.  For each field in order the caller calls struct_field() and appends the value,
 * and finally calls struct_close().  The unknown fields (extras, may be NULL) are written in
 * their places among the others. */
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
