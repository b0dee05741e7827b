/* Dots and tags: the n-th thing that an actor did, told apart from every other.
 *
 * On the wire a tag is {Actor, N}.  Here an actor is a number that its state gave
 * it, and a tag 12 bytes.  N is at most 2^63 - 1 (ERR_RANGE beyond): nobody counts
 * further one by one. */
#ifndef COPPICE_CAUSAL_TAGS_H
#define COPPICE_CAUSAL_TAGS_H

#include "../err.h"
#include "../term/etf.h"
#include "table.h"

/* Actors by number, in order of their first appearance; none ever goes. */
struct actors {
    struct table table;
};

void actors_init(struct actors *a, uint64_t seed);
void actors_free(struct actors *a);
size_t actors_count(const struct actors *a);
/* The number of an actor (canonical), given to it where it has none. */
uint32_t actors_number(struct actors *a, struct bytes actor);
/* False where it has none. */
bool actors_find(const struct actors *a, struct bytes actor, uint32_t *number);
/* Good as long as the actors. */
struct bytes actors_term(const struct actors *a, uint32_t number);

/* Packed: 12 bytes, and not 16. */
struct __attribute__((packed, aligned(4))) tag {
    uint64_t n;
    uint32_t actor;
};

bool tag_equal(struct tag a, struct tag b);
/* For tables in memory: strangers choose the numbers, and do not know the seed. */
uint64_t tag_hash(struct tag tag, uint64_t seed);
void tag_put(struct buf *out, const struct actors *a, struct tag tag);

/* The tag as another state numbers its actors, which gets the actor where it has
 * it not yet. */
struct tag tag_for(struct actors *to, const struct actors *from, struct tag tag);

/* Reads the tags of one checked struct.  The same actor stands there again and
 * again, so the last one is remembered. */
struct tag_reader {
    struct buf canonical;
    struct bytes last; /* the actor as it stands there; empty for none */
    uint32_t number;
};

/* All zero to begin with; close frees.  A reader either checks or reads. */
void tag_reader_close(struct tag_reader *r);
/* ERR_SHAPE for what is not {Actor, N}, ERR_RANGE for an N below 0 or too large,
 * ERR_DUPLICATE or ERR_LIMIT for an actor that has no canonical form. */
must_use enum err tag_check(struct tag_reader *r, struct bytes checked);
/* A tag that passed tag_check(). */
struct tag tag_read(struct tag_reader *r, struct actors *a, struct bytes checked);

/* The same for a tag that is a pair Actor => N of a map, the next one of the cursor. */
must_use enum err tag_check_pair(struct tag_reader *r, struct etf_in *pairs);
struct tag tag_read_pair(struct tag_reader *r, struct actors *a, struct etf_in *pairs);

/* Many tags, hashed: 16 to 32 bytes a tag.  All zero is an empty one with seed 0. */
struct tag_set {
    struct tag *slots; /* n == UINT64_MAX: free */
    size_t count, cap;
    uint64_t seed;
};

void tag_set_init(struct tag_set *s, uint64_t seed);
void tag_set_free(struct tag_set *s);
bool tag_set_has(const struct tag_set *s, struct tag tag);
bool tag_set_add(struct tag_set *s, struct tag tag); /* false when it was there */
bool tag_set_remove(struct tag_set *s, struct tag tag);
void tag_set_reserve(struct tag_set *s, size_t n); /* room for n more at once */
/* Walks: *at starts at 0; false at the end. */
bool tag_set_next(const struct tag_set *s, size_t *at, struct tag *tag);
void tag_set_check(const struct tag_set *s);

/* The tags of one element: nearly always one, which costs no allocation.  16
 * bytes; all zero is empty and valid. */
union __attribute__((packed, aligned(4))) tags_in {
    struct tag one;       /* count 1 */
    struct tag_set *many; /* count 2 and more */
};

struct tags {
    union tags_in in;
    uint32_t count;
};

void tags_free(struct tags *t);
bool tags_has(const struct tags *t, struct tag tag);
bool tags_add(struct tags *t, struct tag tag, uint64_t seed); /* false when it was there */
bool tags_remove(struct tags *t, struct tag tag);
bool tags_next(const struct tags *t, size_t *at, struct tag *tag); /* as tag_set_next() */

#endif
