/* What callers ask of each type that is no counter, in items (sim.h), a bit each. */
#ifndef COPPICE_SIM_OPS_H
#define COPPICE_SIM_OPS_H

#include "term/bytes.h"

struct sim;

/* An operation, and what it adds and may take away when it is made. */
struct change {
    char op[100];
    uint64_t adds, removes;
};

/* How the items stand in a value. */
enum shape { SHAPE_ONE, SHAPE_SET, SHAPE_KEYS, SHAPE_LIST };

struct habits {
    const char *crdt;
    enum shape shape;
    bool keeps;   /* what was added stays, unless somebody asks for its removal */
    bool final;   /* what was removed never comes back */
    bool numbers; /* what is added gets numbers, which must not be given twice */
    bool places;  /* removals name a place, and not the item */
    void (*draw)(struct sim *s, struct change *c);
    const char *add, *remove; /* operations with an item's text; NULL for none */
};

/* NULL for a counter. */
const struct habits *ops_habits(const char *crdt);
void ops_draw(struct sim *s, struct change *c);
/* The addition or removal of the node's own item; false where there is none. */
bool ops_probe(const struct sim *s, unsigned node, bool adds, struct change *c);
/* What is in a canonical value; false when that is not only items. */
bool ops_items(const struct sim *s, struct bytes value, uint64_t *items);
/* Appends what is in it as text. */
void ops_show(const struct sim *s, struct bytes value, struct buf *out);

#endif
