/* Terms drawn from a fuzzer's input: every tag, what was seen before, and Grove's structs.
 *
 * What is drawn has an end that can be found, but need not be a term that a node accepts: maps may
 * have a key twice, and nesting may be too deep. */
#ifndef COPPICE_FUZZ_TERMS_H
#define COPPICE_FUZZ_TERMS_H

#include "crdt/crdt.h"
#include "input.h"

#define TERMS_KNOWN 32

/* What terms are made of; zeroed at first but for the input. */
struct terms {
    struct input *in;
    struct bytes node; /* of the pids and references that are made up; text */
    struct term known[TERMS_KNOWN];
    size_t seen; /* the latest are kept */
};

void terms_free(struct terms *g);

/* Keeps a copy of any encoded term, to be drawn later. */
void terms_know(struct terms *g, struct bytes term);
/* The i-th of the latest, from 0; `nil` if there is none. */
struct bytes terms_known(const struct terms *g, size_t i);

/* Appends any term, of at most so many levels but for those that are known and those that are made
 * to be deep. */
void put_drawn(struct terms *g, struct buf *out, unsigned levels);
/* One of few small terms, so that states meet in them. */
void put_element(struct terms *g, struct buf *out);
/* One of four actors. */
void put_actor(struct terms *g, struct buf *out);
/* A name that means something to a node, as an atom. */
void put_word(struct terms *g, struct buf *out);
/* An integer, in rare cases one beyond 64 bits or below 0. */
void put_integer(struct terms *g, struct buf *out);

/* Appends a struct of the type whose fields are drawn.  With faults, some are missing, twice there,
 * unknown, or any term. */
void put_struct(struct terms *g, struct buf *out, const struct crdt_type *type, bool faults);
/* An operation that the type may know, as {Name, [Arg]}. */
void put_operation(struct terms *g, struct buf *out, const struct crdt_type *type, unsigned levels);

#endif
