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

/* <0, 0, >0 as `a < b`, `a == b`, `a > b` in Erlang: 1 and 1.0 are equal, and
 * are compared by value exactly (9007199254740993 > 9007199254740992.0). */
int term_compare(struct bytes a, struct bytes b);

/* The order of a map's keys: as above but total over unequal terms, every
 * integer before every float, at any depth; 0 only for the same bytes, -0.0
 * before 0.0. */
int term_compare_keys(struct bytes a, struct bytes b);

/* The order in which DETS keeps the keys of a slot: that of a map's keys in
 * lists and tuples, but inside of maps the first one above.  What is then
 * equal, as #{a => 1} and #{a => 1.0} are, stands as term_compare_keys() says;
 * OTP's function (stdlib, dets_utils.erl, cmp/2) puts either before the other. */
int term_compare_dets(struct bytes a, struct bytes b);

#endif
