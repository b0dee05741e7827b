/* What is measured: for each bound that a peer can reach the worst within it. */
#ifndef COPPICE_TEST_WORST_LINE_H
#define COPPICE_TEST_WORST_LINE_H

#include "rig.h"

struct line {
    const char *name;
    const char *what;            /* for the table: what n is */
    const char *config;          /* of the node, besides its name */
    unsigned counted;            /* n for the count of instructions; a second count is of 2n */
    unsigned full;               /* n for the figures: about a megabyte */
    void (*prepare)(unsigned n); /* not measured; may be NULL */
    void (*put)(unsigned n);     /* into rig.out, what is measured when it is fed */
    void (*check)(unsigned n);   /* that it had its effect; may be NULL */
    void (*then)(unsigned n);    /* measured, too; may be NULL */
};

/* Lines that end with one without a name. */
extern const struct line term_lines[], set_lines[], map_lines[], list_lines[], process_lines[],
    group_lines[], request_lines[], large_lines[];

/* A configuration with one replica r of a type. */
#define REPLICA(type) "{epmd, false}. {replica, r, #{crdt => " type ", actor => a}}."

/* --- structs (structs.c) ---------------------------------------------------------------- */

/* '__struct__' and so many other fields, each of which the caller puts: its name and value. */
void put_struct(struct buf *out, const char *module, uint32_t fields);
void put_key(struct buf *out, const char *name);
/* Field names of structs whose value is the actor z, and nil. */
void put_actor(struct buf *out, const char *name);
void put_no_buffer(struct buf *out);
/* A MapSet of so many elements, each of which the caller puts with put_element_end(). */
void put_mapset(struct buf *out, uint32_t count);
void put_mapset_end(struct buf *out);
/* {z, N} */
void put_tag(struct buf *out, uint32_t n);

/* The head of an ORSet up to the map of entries; that of the rest, up to the tombstones. */
void put_or_set(struct buf *out, uint32_t entries);
void put_or_set_rest(struct buf *out, uint32_t tombstones);
/* An entry with one tag. */
void put_or_set_entry(struct buf *out, uint32_t element, uint32_t tag);

/* {grove_delta, ...} to r; the struct follows, then rig_end(). */
size_t begin_delta(void);
/* The request, an atom, called of r. */
void call_of_r(uint32_t id, const char *request);
/* {mutate, ...} called of r; the operations follow, then rig_end(). */
size_t begin_mutation(uint32_t id);
/* {Name, [...]}, with so many arguments that follow, then put_nil(). */
void put_op(struct buf *out, const char *name, uint32_t args);

/* A batch of n operations {Name, [I]}, with each number from 0 on or always the first. */
void put_batch(const char *name, unsigned n, bool same);
/* A delta for r with the tombstones of the tags number() of each i below n. */
void put_tombstones(unsigned n, uint32_t (*number)(uint32_t i));
/* The number itself. */
uint32_t itself(uint32_t i);

/* An atom with a number in its text. */
void put_numbered(struct buf *out, const char *prefix, uint32_t n, const char *end);
/* A call that starts a replica of such a name. */
void start_replica(const char *prefix, uint32_t n);

/* A check that many steps were made of what came in one read. */
void many_steps(unsigned n);

/* What is fed makes r answer with its value, in many steps if that is large: .put and .check. */
void put_value_call(unsigned n);
void value_is_told(unsigned n);

/* The state of r. */
const struct crdt *state_of_r(void);

/* Numbers that look random, the same in each run. */
uint32_t scramble(uint32_t n);

/* A gset with number() of each i below n; and a delta for r with that. */
void put_gset_struct(unsigned n, uint32_t (*number)(uint32_t i));
void put_gset(unsigned n, uint32_t (*number)(uint32_t i));

#endif
