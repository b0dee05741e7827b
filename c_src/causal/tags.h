/* Dots and tags: unique identifiers of the n-th event of an actor.
 *
 * On the wire a tag is {Actor, N}.  Here an actor is a number assigned by its state, and a tag
 * has 12 bytes.  N is at most 2^63 - 1 (ERR_RANGE beyond), which no honest counter reaches. */
#ifndef COPPICE_CAUSAL_TAGS_H
#define COPPICE_CAUSAL_TAGS_H

#include "../err.h"
#include "../term/etf.h"
#include "table.h"

/* Whoever counts the actors of a state is told of each that comes or goes.  The actor (canonical)
 * is borrowed. */
struct actor_watch {
    void (*told)(struct actor_watch *w, struct bytes actor, bool came);
};

/* Actors, numbered in order of their first appearance; removed by actors_undo() only. */
struct actors {
    struct table table;
    struct actor_watch *watch; /* told of new ones, unless NULL */
};

void actors_init(struct actors *a, uint64_t seed);
void actors_free(struct actors *a);
size_t actors_count(const struct actors *a);
/* The number of an actor (canonical), assigned if it has none. */
uint32_t actors_number(struct actors *a, struct bytes actor);
/* Removes those that have come since there were so many. */
void actors_undo(struct actors *a, size_t count);
/* False if it has none. */
bool actors_find(const struct actors *a, struct bytes actor, uint32_t *number);
/* Valid as long as the actors. */
struct bytes actors_term(const struct actors *a, uint32_t number);

/* Packed: 12 bytes instead of 16. */
struct __attribute__((packed, aligned(4))) tag {
    uint64_t n;
    uint32_t actor;
};

bool tag_equal(struct tag a, struct tag b);
/* For tables in memory.  The seed is secret, since peers choose the numbers. */
uint64_t tag_hash(struct tag tag, uint64_t seed);
void tag_put(struct buf *out, const struct actors *a, struct tag tag);

/* The tag with its actor's number in another state, where the actor is added if it is new. */
struct tag tag_translate(struct actors *to, const struct actors *from, struct tag tag);

/* Reads the tags of one checked struct.  Caches the last actor, since it usually repeats. */
struct tag_reader {
    struct buf canonical;
    struct bytes last; /* the last actor as encoded there; empty for none */
    uint32_t number;
};

/* A tag as it is encoded: its actor is a slice of the frame. */
struct wire_tag {
    struct bytes actor;
    uint64_t n;
};

/* The next term of the cursor, {Actor, N}, or its next two, Actor and N.  ERR_SHAPE for anything
 * else, ERR_RANGE for an N below 0 or too large. */
struct wire_tag wire_tag_read(struct etf_in *in);
struct wire_tag wire_tag_read_pair(struct etf_in *in);

/* Starts all zero; close frees.  A reader either validates or reads, not both. */
void tag_reader_close(struct tag_reader *r);
/* ERR_SHAPE for anything but {Actor, N}, ERR_RANGE for an N below 0 or too large, ERR_DUPLICATE
 * or ERR_LIMIT for an actor without a canonical form. */
must_use enum err tag_validate(struct tag_reader *r, struct bytes checked);
/* A tag that passed tag_validate(). */
struct tag tag_read(struct tag_reader *r, struct actors *a, struct bytes checked);

/* The same for a tag that has been read: ERR_DUPLICATE or ERR_LIMIT for its actor. */
must_use enum err tag_validate_wire(struct tag_reader *r, const struct wire_tag *tag);
struct tag tag_of_wire(struct tag_reader *r, struct actors *a, const struct wire_tag *tag);

/* The same for a tag encoded as a pair Actor => N of a map: the next pair of the cursor. */
must_use enum err tag_validate_pair(struct tag_reader *r, struct etf_in *pairs);
struct tag tag_read_pair(struct tag_reader *r, struct actors *a, struct etf_in *pairs);

/* A hash set of tags: 17 to 23 bytes per tag (up to 35 of address space).  All zero is an empty
 * set with seed 0.
 *
 * Iteration is in insertion order, except that a removal puts the last tag in the place of the
 * removed one.  So the order tells nothing about the hashes, and filling one set in the order of
 * another takes no longer than in any other order: in the order of slots, the tags would fill one
 * part of the growing set first, which makes that quadratic. */
struct tag_set {
    struct tag *list;
    /* Open addressing; NULL for a few tags, which need no index.  0 is free.  The low bits of a
     * slot, as many as slots_cap needs, are the tag's position in the list + 1, the others are
     * those of its hash. */
    uint32_t *slots;
    size_t count, cap, slots_cap;
    uint64_t seed;
};

void tag_set_init(struct tag_set *s, uint64_t seed);
void tag_set_free(struct tag_set *s);
bool tag_set_has(const struct tag_set *s, struct tag tag);
/* The same, with the tag's position in the list: changed by removals only. */
bool tag_set_find(const struct tag_set *s, struct tag tag, size_t *position);
bool tag_set_add(struct tag_set *s, struct tag tag); /* false if present */
bool tag_set_remove(struct tag_set *s, struct tag tag);
/* Iterates: *at starts at 0; false at the end. */
bool tag_set_next(const struct tag_set *s, size_t *at, struct tag *tag);
void tag_set_check(const struct tag_set *s);

/* The tags of one element.  A single tag, the usual case, needs no allocation.  12 bytes; all
 * zero is empty and valid. */
struct __attribute__((packed, aligned(4))) tags {
    union {
        uint64_t n;           /* of the single tag */
        struct tag_set *many; /* at least two */
    };
    uint32_t held; /* 0: none; TAGS_MANY: many; else the single tag's actor + 1 */
};

#define TAGS_MANY UINT32_MAX

void tags_free(struct tags *t);
uint32_t tags_count(const struct tags *t);
struct tag tags_single(const struct tags *t); /* the only one */
bool tags_has(const struct tags *t, struct tag tag);
bool tags_add(struct tags *t, struct tag tag, uint64_t seed); /* false if present */
bool tags_remove(struct tags *t, struct tag tag);
bool tags_next(const struct tags *t, size_t *at, struct tag *tag); /* as tag_set_next() */

#endif
