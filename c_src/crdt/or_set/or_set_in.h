/* Reads the entries of an ORSet's struct: %{Element => MapSet of tags}.
 *
 * Nearly every element has one tag, surrounded by the same bytes in each entry: these are parsed
 * once and compared afterwards. */
#ifndef COPPICE_CRDT_OR_SET_IN_H
#define COPPICE_CRDT_OR_SET_IN_H

#include "../../err.h"
#include "../../term/etf.h"

struct or_set_in {
    struct etf_in in;
    uint32_t left;
    struct bytes front, back; /* the bytes around the tag in the last one-tag set */
};

struct or_set_entry {
    struct bytes element; /* as encoded there, like the tags */
    uint32_t tags;        /* not yet read */
    struct bytes tag;     /* the only one; else empty, and they are: */
    struct etf_in in;
};

/* ERR_SHAPE for anything but a map. */
must_use enum err or_set_in_open(struct or_set_in *e, struct bytes checked);

/* False after the last entry, or if the next one is malformed: e->in.err is then ERR_SHAPE or
 * ERR_DUPLICATE. */
bool or_set_in_next(struct or_set_in *e, struct or_set_entry *entry);

/* The entry's next tag; false after the last. */
bool or_set_in_tag(struct or_set_entry *entry, struct bytes *tag);

#endif
