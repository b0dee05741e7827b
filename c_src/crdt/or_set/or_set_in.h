/* Reads the entries of an ORSet's struct: %{Element => MapSet of tags}.
 *
 * Nearly every element has one tag, surrounded by the same bytes in each entry, and often of the
 * same actor: these are parsed once and compared afterwards. */
#ifndef COPPICE_CRDT_OR_SET_IN_H
#define COPPICE_CRDT_OR_SET_IN_H

#include "../../causal/tags.h"

struct or_set_in {
    struct etf_in in;
    uint32_t left;
    /* In the last set of one tag: the bytes up to its actor, the actor, the bytes behind its n. */
    struct bytes front, actor, back;
};

struct or_set_entry {
    struct bytes element; /* as encoded there */
    uint32_t tags;        /* not yet read */
    struct wire_tag tag;  /* the only one; if its actor is empty, the tags are here: */
    struct etf_in in;
};

/* ERR_SHAPE for anything but a map. */
must_use enum err or_set_in_open(struct or_set_in *e, struct bytes checked);

/* False after the last entry, or if the next one is malformed: e->in.err is then ERR_SHAPE or
 * ERR_DUPLICATE. */
bool or_set_in_next(struct or_set_in *e, struct or_set_entry *entry);

/* The entry's next tag; false after the last, or if it is malformed: entry->in.err is then an error
 * of wire_tag_read(). */
bool or_set_in_tag(struct or_set_entry *entry, struct wire_tag *tag);

#endif
