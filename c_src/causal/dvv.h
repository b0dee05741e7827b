/* What a DVVSet consists of: a set without tombstones, whose removals are a version
 * vector.
 *
 * An add gives its element the next dot of its actor; a remove raises the context to
 * the dots that its element had, and an element is in the set while it has a dot above
 * the context.  The context hides older dots of the same actor with it, so who removes
 * gives new dots to all other elements that would be hidden.  He cannot do so for one that
 * he has not seen: an add that is older than a removed one, and that was not seen by who
 * removed, is lost.  An ORSet has no such trap.
 *
 * As a join.  Let every element have a number for each actor: that of its dot or, where it
 * has none, context[actor].  Then a state is nothing but numbers (clock[actor],
 * context[actor], number[element][actor]), where each number is at least context[actor] and
 * at most clock[actor]; taking the larger of each gives such a state again; and a dot is
 * there where a number is above the context.  So a join, which takes the larger ones and
 * drops the dots that are not above the context then, is as commutative, associative and
 * idempotent as max() is.
 *
 * Costs an element with one dot: its key, 16 bytes for the dot, 16 (up to 32 of address
 * space) to find it by its number, and what table.h says: 98 bytes in all for a binary of 15
 * bytes, as measured over a million of them.  Costs a remove: 0.3 us for each element that
 * gets a new dot, which is those that its actor has added before it added the removed one,
 * and as much again to tell of it.  They are found without a look at others. */
#ifndef COPPICE_CAUSAL_DVV_H
#define COPPICE_CAUSAL_DVV_H

#include "dots.h"

/* The number of this replica's actor. */
#define DVV_OWN 0

/* What is known of one actor, and where its dots are. */
struct dvv_actor {
    uint64_t clock, context; /* the clock is at least every n that was ever seen */
    struct dot_heap places;
};

struct dvv {
    struct actors actors;
    struct dvv_actor *known; /* by number */
    size_t known_count, known_cap;
    struct table entries; /* element -> struct dots */
    uint32_t *raised;     /* actors with a risen context, until what it hides is dropped */
    size_t raised_count, raised_cap;
};

void dvv_open(struct dvv *s, struct bytes actor, uint64_t seed);
void dvv_close(struct dvv *s);

/* After actors have got numbers. */
void dvv_know_actors(struct dvv *s);

/* What grew joins grown, too, when that is not NULL, in these three.  True when it grew. */

bool dvv_raise_clock(struct dvv *s, struct tag tag, struct dvv *grown);
/* Hidden dots are still there until they are dropped, in grown as well. */
bool dvv_raise_context(struct dvv *s, struct tag tag, struct dvv *grown);
/* Gives an element those of the tags that are above its dots and the context.  Overwrites
 * tags. */
bool dvv_add_dots(struct dvv *s, struct bytes element, struct tag *tags, size_t count,
                  struct dvv *grown);

/* Drops all hidden dots, and calls back for each element that has lost any.  It must not
 * be removed before this ends. */
typedef void dvv_cut(struct dvv *s, struct dots *d, void *arg);
void dvv_drop_hidden(struct dvv *s, dvv_cut *cut, void *arg);

/* The same, and the elements without dots with them. */
void dvv_drop_joined(struct dvv *s);

/* Invariants, of a state from which what is hidden was dropped. */
void dvv_check(const struct dvv *s);

#endif
