/* Elixir's MapSet: %{__struct__: MapSet, map: %{Element => []}}, and in Elixir 1.14
 * and earlier also version: 2.
 *
 * Source: Elixir's lib/elixir/lib/map_set.ex. */
#ifndef COPPICE_CRDT_MAPSET_H
#define COPPICE_CRDT_MAPSET_H

#include "../err.h"
#include "../term/etf.h"

/* How one is written: Elixir 1.15 and later have two keys, 1.14 a third (version:
 * 2).  Both are always read. */
enum mapset_form { MAPSET_PLAIN, MAPSET_VERSIONED };

/* Reads one of a checked term: *elements is a cursor before its first element,
 * *count their number.  ERR_TYPE for anything else, ERR_SHAPE for one without its
 * map or with other values than [].  The same element twice, which no BEAM sends, is
 * not looked for: in a join the second changes nothing. */
must_use enum err mapset_read(struct bytes checked, struct etf_in *elements, uint32_t *count);
/* The next element, as it stands there. */
struct bytes mapset_next(struct etf_in *elements);

/* Begins one of this size: the caller appends the elements, each by
 * mapset_element(), and then mapset_end().  Elements need no order: a BEAM makes
 * its own. */
void mapset_put(struct buf *out, enum mapset_form form, uint32_t count);
void mapset_element(struct buf *out, struct bytes element);
/* The same for an element that the caller has appended himself. */
void mapset_element_end(struct buf *out);
void mapset_end(struct buf *out, enum mapset_form form);

#endif
