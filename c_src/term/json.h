/* Terms as JSON (RFC 8259), for programs that read answers of commands.
 *
 *     integers         numbers; {"$integer": "DIGITS"} beyond 2^53 - 1, where readers that have
 *                      nothing but floats lose digits (RFC 7493, section 2.2)
 *     floats           numbers
 *     atoms            true, false; nil is null; others are strings
 *     binaries         strings if they are UTF-8, else {"$binary": "BASE64"}
 *     lists            arrays; improper ones {"$improper": [[ELEMENT, ...], TAIL]}
 *     tuples           {"$tuple": [ELEMENT, ...]}
 *     maps             objects if their keys are all atoms or all UTF-8 binaries, none of which
 *                      begins with "$"; else {"$map": [[KEY, VALUE], ...]}
 *     all others       {"$term": "TEXT"}, as in text.h: pids, references, ports, funs, bitstrings,
 *                      native records
 *
 * An object with a key that begins with "$" is therefore always one of these.  Atoms and binaries
 * of the same text are not told apart.  docs/json.md is the user's page. */
#ifndef COPPICE_TERM_JSON_H
#define COPPICE_TERM_JSON_H

#include "bytes.h"

/* Appends the JSON of a canonical term on one line; lists of small integers need not be in
 * canonical form.  Recursion is as deep as terms are nested, at most LIMIT_TERM_DEPTH. */
void json_put(struct buf *out, struct bytes term);

#endif
