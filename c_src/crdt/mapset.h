/* Elixir's MapSet: %{__struct__: MapSet, map: %{Element => []}}, and in Elixir 1.14
 * and earlier also version: 2.
 *
 * Source: Elixir's lib/elixir/lib/map_set.ex. */
#ifndef COPPICE_CRDT_MAPSET_H
#define COPPICE_CRDT_MAPSET_H

#include "../err.h"
#include "../term/etf.h"

/* The form in which a MapSet is written: Elixir 1.15 and later have two keys, 1.14 a third
 * (version: 2).  Both forms are always read. */
enum mapset_form { MAPSET_PLAIN, MAPSET_VERSIONED };

/* Reads a MapSet from a checked term: *elements is a cursor before its first element, *count their
 * number.  ERR_TYPE for anything else, ERR_SHAPE if map is missing or has values other than [].
 * Duplicate elements, which no BEAM sends, are not detected: a join ignores the second. */
must_use enum err mapset_read(struct bytes checked, struct etf_in *elements, uint32_t *count);
/* The next element, as encoded there. */
struct bytes mapset_next(struct etf_in *elements);

/* Begins a MapSet of count elements: the caller appends each with mapset_element(), then calls
 * mapset_end().  The elements may be in any order: a BEAM sorts them itself. */
void mapset_put(struct buf *out, enum mapset_form form, uint32_t count);
void mapset_element(struct buf *out, struct bytes element);
/* Completes an element whose term the caller has appended. */
void mapset_element_end(struct buf *out);
void mapset_end(struct buf *out, enum mapset_form form);

/* For people: appends a canonical term with each MapSet, and those that are a map's values, as a
 * list of its elements; what is inside of these, of lists and of tuples is a user's own and stays.
 * The result is not canonical. */
void mapset_put_plain(struct buf *out, struct bytes canonical);

#endif
