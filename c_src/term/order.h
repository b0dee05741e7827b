/* Erlang's term order over canonical terms.
 *
 *   number < atom < reference < fun < port < pid < tuple < map < nil < list
 *          < bitstring
 *
 * Source: the Erlang reference manual, "Term Comparisons"; OTP's
 * erts/emulator/beam/utils.c (erts_cmp_compound) where the manual is silent:
 * pids, ports, references and funs. */
#ifndef COPPICE_TERM_ORDER_H
#define COPPICE_TERM_ORDER_H

#include "bytes.h"

/* <0, 0 or >0 as Erlang's `a < b`, `a == b`, `a > b`: 1 and 1.0 are equal, and numbers are
 * compared by exact value (9007199254740993 > 9007199254740992.0). */
int term_compare(struct bytes a, struct bytes b);

/* The order of map keys: as above, but every integer is less than every float, at any depth.
 * A total order: 0 only for identical bytes; -0.0 is less than 0.0. */
int term_compare_keys(struct bytes a, struct bytes b);

/* The same, and adds to *work what it took: about one for each nanosecond. */
int term_compare_keys_counted(struct bytes a, struct bytes b, uint64_t *work);

/* The order of the keys in a slot of a DETS table: that of map keys within lists and tuples,
 * but inside maps that of term_compare().  Keys that are then equal, such as #{a => 1} and #{a
 * => 1.0}, are ordered as by term_compare_keys(); OTP's function (stdlib, dets_utils.erl,
 * cmp/2) puts either before the other. */
int term_compare_dets(struct bytes a, struct bytes b);

#endif
