/* Suggestions for a mistyped word: which of several words it is most similar to.
 *
 * Two words are as far apart as one needs insertions, deletions, replacements and swaps of
 * neighbouring bytes to turn one into the other (optimal string alignment, as in Damerau 1964).  A
 * word is suggested if that is at most a third of the longer one's length, or if it begins with
 * what was typed. */
#ifndef COPPICE_TERM_SIMILAR_H
#define COPPICE_TERM_SIMILAR_H

#include "bytes.h"

struct similar {
    struct bytes typed;
    struct bytes best; /* empty: none so far */
    unsigned distance; /* of best */
};

/* Begins a search; typed is borrowed.  Longer words than a key or command have no suggestion. */
struct similar similar_open(struct bytes typed);

/* Considers a word, which is borrowed.  Of equally similar ones the first is kept. */
void similar_try(struct similar *s, struct bytes other);

/* Appends "; did you mean WORD?" to what[size], which ends in a NUL, or nothing if no word is
 * similar or it does not fit.  prefix ("--", or "") stands before the word. */
void similar_suggest(const struct similar *s, const char *prefix, char *what, size_t size);

#endif
