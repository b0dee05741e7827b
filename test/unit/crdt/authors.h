/* Two authors who write one text at the same time: the two replicas, and the deltas between them.
 */
#ifndef COPPICE_TEST_CRDT_AUTHORS_H
#define COPPICE_TEST_CRDT_AUTHORS_H

#include "crdt/crdt.h"
#include "term/etf.h"
#include "term/write.h"

#define AUTHORS 2

/* One key of an author. */
struct key {
    uint64_t at_ms;
    uint32_t author, index;
    uint32_t seen;     /* how many keys of the other have arrived before it */
    uint8_t character; /* NUL removes the one at the index */
};

/* The two replicas, and the deltas from one to the other. */
struct authors {
    struct crdt *replica[AUTHORS];
    struct buf sent[AUTHORS]; /* by each, one term after the other */
    size_t read[AUTHORS];     /* bytes of these that have arrived at the other */
    uint32_t seen[AUTHORS];   /* deltas */
};

static inline void authors_open(struct authors *a)
{
    static const struct crdt_options options[AUTHORS] = {
        {{(const uint8_t *)"w\1a", 3}, 0x5eed, MAPSET_PLAIN},
        {{(const uint8_t *)"w\1b", 3}, 0xfeed, MAPSET_PLAIN},
    };
    *a = (struct authors){0};
    for (unsigned i = 0; i < AUTHORS; i++)
        a->replica[i] = crdt_make(crdt_type_named(BYTES("rga")), &options[i]);
}

static inline void authors_close(struct authors *a)
{
    for (unsigned i = 0; i < AUTHORS; i++) {
        crdt_free(a->replica[i]);
        buf_free(&a->sent[i]);
    }
}

/* {insert_at, [Index, <<Character>>]} or {remove_at, [Index]}, as a request has it. */
static inline void put_edit(struct buf *out, uint32_t index, const uint8_t *character)
{
    bool removes = *character == 0;
    put_tuple(out, 2);
    put_atom(out, removes ? "remove_at" : "insert_at");
    put_list(out, removes ? 1 : 2);
    put_uint(out, index);
    if (!removes)
        put_binary(out, (struct bytes){character, 1});
    put_nil(out);
}

/* The rest of what the other author has sent by now, or the first of it up to a number of keys,
 * arrives at this one. */
static inline void authors_receive(struct authors *a, uint32_t author, uint32_t seen)
{
    uint32_t other = 1 - author;
    const struct buf *sent = &a->sent[other];
    for (; a->read[other] < sent->len && a->seen[author] < seen; a->seen[author]++) {
        struct bytes rest = {sent->at + a->read[other], sent->len - a->read[other]};
        bool changed;
        must(etf_check(rest, &rest.len) == OK);
        must(crdt_merge(a->replica[author], rest, NULL, &changed) == OK);
        a->read[other] += rest.len;
    }
}

/* Applies a key, with its encoded request, after what its author had seen. */
static inline void authors_press(struct authors *a, const struct key *key, struct bytes request)
{
    struct crdt *c = a->replica[key->author], *delta = crdt_make(c->type, c->options);
    struct mutation_turn turn = {.wall_ms = key->at_ms, .random = key->at_ms, .delta = delta};
    struct ops ops;
    struct bytes bad;
    authors_receive(a, key->author, key->seen);
    must(ops_read(&ops, request, &bad) == OK);
    must(crdt_mutate(c, ops.list, ops.count, &turn) == OK);
    crdt_state(delta, &a->sent[key->author]);
    ops_free(&ops);
    crdt_free(delta);
}

static inline void authors_finish(struct authors *a)
{
    for (unsigned i = 0; i < AUTHORS; i++)
        authors_receive(a, i, UINT32_MAX);
}

#endif
