/* Grove's structs: maps that name a module under the key __struct__.
 *
 * A later Grove may have fields that are unknown here.  They are kept and written again, since a
 * reader may rely on every field.  A join keeps the greater value of an unknown field; any rule
 * would do that is the same on every replica. */
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
 * module, ERR_SHAPE if a needed field is missing, ERR_DUPLICATE for a duplicate field; extras is
 * then unchanged. */
must_use enum err struct_read(struct bytes checked, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* The same for the next term of a cursor, which may have failed if this does. */
must_use enum err struct_next(struct etf_in *in, const struct form *form, struct bytes *values,
                              struct buf *extras);

/* The __struct__ value of a checked term; empty if it is not a struct. */
struct bytes struct_module(struct bytes checked);

/* The unknown fields of one struct: a canonical map, or empty. */
struct extras {
    struct term map;
};

void extras_free(struct extras *e);

/* Joins a map from struct_read() (empty for none); changes are joined to delta too, unless that
 * is NULL.  True if any field grew. */
bool extras_join(struct extras *e, struct bytes map, struct extras *delta);

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
