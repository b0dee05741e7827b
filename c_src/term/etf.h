/* Reading terms: a bounded cursor with a sticky error.
 *
 * Bytes from outside pass etf_check() once, on arrival.  After that an `etf_in` walks them:
 * every read either returns what was asked for or sets the cursor's error, after which every later
 * read returns nothing and changes nothing.  So a parser is a straight line of reads that ends in
 * one etf_finish().
 *
 * The cursor accepts every encoding of a value that OTP 25 to 29 may send, so callers see values
 * and not tags: an atom is an atom, whatever its tag, and a string is a list of small integers.
 *
 * Nothing here allocates, recurses or copies, unless a copy is the purpose (struct atom).  Terms
 * have no leading version byte 131.  Source: OTP, erts/doc "External Term Format" (erl_ext_dist).
 */
#ifndef COPPICE_TERM_ETF_H
#define COPPICE_TERM_ETF_H

#include "../err.h"
#include "../limits.h"
#include "bytes.h"
#include "etf_check.h"

/* The type of a term, whatever its encoding. */
enum etf_kind {
    ETF_NOTHING, /* the cursor is at its end, or has failed */
    ETF_INTEGER,
    ETF_FLOAT,
    ETF_ATOM,
    ETF_REFERENCE,
    ETF_FUN,    /* NEW_FUN_EXT: a closure or local capture */
    ETF_EXPORT, /* fun Module:Function/Arity */
    ETF_PORT,
    ETF_PID,
    ETF_TUPLE,
    ETF_MAP,
    ETF_LIST, /* [] and strings included */
    ETF_BINARY,
    ETF_BITSTRING, /* the last byte is partial */
    ETF_RECORD,    /* a native record, since OTP 29 */
    ETF_FOREIGN,   /* measured, but never accepted by etf_check(): a fun of before OTP 23 */
};

struct etf_in {
    const uint8_t *at, *end;
    enum err err; /* the first error, or OK */
};

/* An atom's text as UTF-8, not NUL-terminated. */
struct atom {
    size_t len;
    uint8_t text[LIMIT_ATOM_BYTES];
};

/* A cursor over whole terms that etf_check() accepted.  Over a term of which only the length is
 * known, etf_peek(), etf_tuple(), etf_accept() and etf_any() may be used. */
static inline struct etf_in etf_open(struct bytes terms)
{
    return (struct etf_in){terms.at, terms.len > 0 ? terms.at + terms.len : terms.at, OK};
}

/* Sets the error, unless one is set already, and empties the cursor. */
void etf_fail(struct etf_in *in, enum err e);

/* The cursor's error, or ERR_TRAILING if it is not at its end. */
must_use enum err etf_finish(struct etf_in *in);

/* The kind of the next term, without consuming it. */
enum etf_kind etf_peek(const struct etf_in *in);

/* Consumes the next term and returns it as it is in the frame. */
struct bytes etf_any(struct etf_in *in);

/* The same in steps of about so many bytes; true once the cursor is behind the term (or has
 * failed).  *left is 1 before the first, and belongs to etf_skip(). */
bool etf_skip(struct etf_in *in, uint64_t *left, size_t bytes);

/* The last term that the cursor has: all that is left, without a walk over it. */
struct bytes etf_last(struct etf_in *in);
/* The arity of the next tuple; its elements follow as the next terms. */
uint32_t etf_tuple(struct etf_in *in);

/* Requires a tuple of exactly this arity (ERR_SHAPE otherwise). */
void etf_tuple_of(struct etf_in *in, uint32_t arity);

/* The number of pairs of the next map; key, value, key, value follow. */
uint32_t etf_map(struct etf_in *in);

/* Copies the atom's text. */
void etf_atom(struct etf_in *in, struct atom *atom);

/* If the next term is the atom with this (ASCII) name, or [], consumes it and returns true;
 * otherwise returns false, without an error. */
bool etf_accept_name(struct etf_in *in, struct bytes name);
static inline bool etf_accept(struct etf_in *in, const char *name)
{
    return etf_accept_name(in, bytes_of(name));
}
bool etf_accept_nil(struct etf_in *in);

/* The text of the next term if that is an atom, in its own encoding, to be compared with ASCII
 * names; empty for any other term.  Does not consume it. */
struct bytes etf_name(const struct etf_in *in);

/* Requires this atom (ERR_SHAPE otherwise). */
void etf_expect(struct etf_in *in, const char *name);

/* An integer in the type's range (ERR_RANGE otherwise). */
int64_t etf_int64(struct etf_in *in);
uint64_t etf_uint64(struct etf_in *in);
uint32_t etf_uint32(struct etf_in *in);

double etf_float(struct etf_in *in);

/* `true` or `false`. */
bool etf_bool(struct etf_in *in);

/* The bytes of a binary; ERR_SHAPE for a bitstring. */
struct bytes etf_binary(struct etf_in *in);

/* The node of a pid, port or reference, as an atom term. */
struct bytes etf_node(struct bytes identifier);

/* The fields of a pid, port or reference.  Slices borrow from the frame. */
struct etf_pid {
    struct bytes node; /* the node name as an atom term, in the frame's encoding */
    uint32_t id, serial, creation;
};
struct etf_pid etf_pid(struct etf_in *in);

struct etf_port {
    struct bytes node;
    uint64_t id;
    uint32_t creation;
};
struct etf_port etf_port(struct etf_in *in);

struct etf_reference {
    struct bytes node;
    uint32_t creation;
    uint32_t words[LIMIT_REF_WORDS];
    unsigned count; /* number of words: 1 to 5 */
};
struct etf_reference etf_reference(struct etf_in *in);

/* fun Module:Function/Arity; the atoms as terms in the frame. */
struct etf_export {
    struct bytes module, function;
    uint32_t arity;
};
struct etf_export etf_export(struct etf_in *in);

/* The pid of the process that created a closure; consumes the whole fun. */
struct bytes etf_fun_creator(struct etf_in *in);

/* Iterates over a list, which must be proper (ERR_SHAPE when an improper tail is reached):
 *
 *     struct bytes element;
 *     for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
 *         ...
 *
 * Afterwards the cursor is past the list (or has failed).  left is the number of elements
 * known to follow, so no more than the frame has bytes; more follow only if the tail is
 * encoded as another list.  An element of a string is a static term and not a slice of the
 * frame. */
struct etf_list {
    struct etf_in *in;
    uint32_t left;
    const uint8_t *string; /* the next element, if the list is a string */
    bool open;             /* a tail follows the elements */
};
struct etf_list etf_list(struct etf_in *in);
bool etf_next(struct etf_list *list, struct bytes *element);

/* The same for an element that is read with the list's cursor, where it is left: of a large one
 * nothing needs to be skipped.  A string is refused (ERR_SHAPE). */
bool etf_more(struct etf_list *list);

/* Appends a text: a binary, or an Erlang string of ASCII characters.  ERR_SHAPE for anything
 * else, for an empty text, and for one with a NUL. */
void etf_text(struct etf_in *in, struct buf *out);

/* [Head | Tail] with exactly one head, as in an alias tag; otherwise returns false and
 * consumes nothing. */
bool etf_cons(struct etf_in *in, struct bytes *head, struct bytes *tail);

#endif
