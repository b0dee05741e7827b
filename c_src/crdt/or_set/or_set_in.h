/* The entries of an ORSet's struct: %{Element => MapSet of tags}.
 *
 * Nearly every element has one tag, and the same bytes stand around each of them: they
 * are read once, and known again. */
#ifndef COPPICE_CRDT_OR_SET_IN_H
#define COPPICE_CRDT_OR_SET_IN_H

#include "../../err.h"
#include "../../term/etf.h"

struct or_set_in {
    struct etf_in in;
    uint32_t left;
    struct bytes front, behind; /* of the last set with one tag: what stands around it */
};

struct or_set_entry {
    struct bytes element; /* as it stands there, as are the tags */
    uint32_t tags;        /* not yet read */
    struct bytes tag;     /* the only one; empty where they are: */
    struct etf_in in;
};

/* ERR_SHAPE for what is no map. */
must_use enum err or_set_in_open(struct or_set_in *e, struct bytes checked);

/* False behind the last, and where the next one is malformed: ERR_SHAPE or
 * ERR_DUPLICATE are then in e->in.err. */
bool or_set_in_next(struct or_set_in *e, struct or_set_entry *entry);

/* The entry's tags in turn; false behind the last. */
bool or_set_in_tag(struct or_set_entry *entry, struct bytes *tag);

#endif
