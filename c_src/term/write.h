/* Writing terms, in canonical form if the parts are canonical.
 *
 * Each function appends one term, or the head of one whose parts the caller appends next.
 * Numbers and atoms go through ei's encoders.  No function can fail: lengths are the program's
 * own, bounded by limits.h (must). */
#ifndef COPPICE_TERM_WRITE_H
#define COPPICE_TERM_WRITE_H

#include "../err.h"
#include "bytes.h"

void put_int(struct buf *out, int64_t v);
void put_uint(struct buf *out, uint64_t v);
void put_float(struct buf *out, double v); /* finite */
void put_bool(struct buf *out, bool v);

/* Whether an atom can have this text: UTF-8, of at most LIMIT_ATOM_CHARS characters. */
bool is_atom_text(struct bytes text);

/* An atom from such text. */
void put_atom(struct buf *out, const char *text);
void put_atom_bytes(struct buf *out, struct bytes text);

void put_binary(struct buf *out, struct bytes b);
void put_nil(struct buf *out);

/* Heads: the caller appends arity terms; n keys and values in key order (term/order.h); n
 * elements and a tail.  A list of bytes only is valid as written with put_list(), but not
 * canonical: that form is a STRING. */
void put_tuple(struct buf *out, uint32_t arity);
void put_map(struct buf *out, uint32_t n);
void put_list(struct buf *out, uint32_t n);

/* Sets the number of pairs after the fact; first is the length of out right after put_map(out,
 * 0). */
void put_map_count(struct buf *out, size_t first, uint32_t n);

/* A pid or reference; node is the name as text. */
void put_pid(struct buf *out, struct bytes node, uint32_t id, uint32_t serial, uint32_t creation);
void put_reference(struct buf *out, struct bytes node, uint32_t creation, const uint32_t *words,
                   unsigned count);

/* fun Module:Function/Arity */
void put_export(struct buf *out, const char *module, const char *function, uint8_t arity);

/* A term that is already encoded. */
void put_term(struct buf *out, struct bytes term);

/* Why etf_check() or canon_put() refused a term (why is not OK), in a form for the term's
 * sender: `too_large`, beyond a limit of this node; `unknown_type`, a type that it does not
 * know; or `malformed`. */
const char *bad_term_reason(enum err why);
/* {bad_term, Reason} */
void put_bad_term(struct buf *out, enum err why);

/* The version byte, 131, before a term outside a frame. */
void put_version(struct buf *out);

#endif
