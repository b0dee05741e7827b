/* What is wrong with a value that somebody configured: one form for all such messages. */
#ifndef COPPICE_TERM_EXPECTED_H
#define COPPICE_TERM_EXPECTED_H

#include "bytes.h"

/* Sets what[size] to "KEY: expected EXPECTED, found TERM", with the term shortened.  If expected
 * lists words, "one of port, address" or "the keys port, address", and the term is an atom that
 * is similar to one of them, "; did you mean port?" follows (similar.h). */
void expected_found(char *what, size_t size, const char *key, const char *expected,
                    struct bytes found);

/* Sets what[size] to "KEY: belongs into WHERE", of a key, an atom, that is in the wrong place. */
void expected_elsewhere(char *what, size_t size, struct bytes key, const char *where);

#endif
