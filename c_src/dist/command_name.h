/* The names under which commands connect: `coppice ping` and the like.
 *
 * They are few, because a BEAM keeps the atom of each node name for ever.  Two commands that chose
 * the same one find out in the handshake, and one of them chooses another.  The names begin with
 * '-', which is below all that node names begin with: of two handshakes under one name, a node
 * whose own name is greater refuses the second, one whose name is less ends the first
 * (net_kernel.erl, accept_pending). */
#ifndef COPPICE_DIST_COMMAND_NAME_H
#define COPPICE_DIST_COMMAND_NAME_H

#include "../term/bytes.h"

/* For commands that end with their answer, and as many for those that stay connected: these must
 * not keep the former from their names. */
#define COMMAND_NAMES 16

/* Appends the name number i, from 0, on that host: -coppice_1@host ...  The first COMMAND_NAMES are
 * for the former, the next ones for the latter. */
void command_name_put(struct buf *out, unsigned i, struct bytes host);

/* Whether a node of this name is a command: nothing asks it anything, follows or shows it. */
bool command_name_is(struct bytes node);

#endif
