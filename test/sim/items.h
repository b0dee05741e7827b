/* Operations on the types other than counters, in terms of items (sim.h), a bit each. */
#ifndef COPPICE_SIM_ITEMS_H
#define COPPICE_SIM_ITEMS_H

#include "term/bytes.h"

struct sim;

/* An operation, and the items that it adds and may remove. */
struct change {
    char op[100];
    uint64_t adds, removes;
};

/* The form of a value: one item or nil, a MapSet, a map's keys, a list. */
enum shape { SHAPE_ONE, SHAPE_SET, SHAPE_KEYS, SHAPE_LIST };

struct item_type {
    const char *crdt;
    enum shape shape;
    bool retains;  /* an item stays until somebody asks for its removal */
    bool final;    /* a removed item never comes back */
    bool dots;     /* an addition issues a tag or dot, which must be unique */
    bool by_index; /* removals name an index, not the item */
    void (*draw)(struct sim *s, struct change *c);
    const char *add, *remove; /* operations with an item's text; NULL for none */
};

/* NULL for a counter. */
const struct item_type *items_type(const char *crdt);
void items_draw(struct sim *s, struct change *c);
/* The addition or removal of the node's own item; false if the type has no such operation. */
bool items_probe(const struct sim *s, unsigned node, bool adds, struct change *c);
/* The items of a canonical value; false if it contains anything else. */
bool items_read(const struct sim *s, struct bytes value, uint64_t *items);
/* Appends its items as text. */
void items_show(const struct sim *s, struct bytes value, struct buf *out);

#endif
