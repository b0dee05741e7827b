/* Erlang term syntax: reading configuration and command lines, printing
 * answers and logs.
 *
 * What print writes, read reads back to the same canonical term, for every
 * term.  Beyond what Erlang's own parser knows, both sides have one form each
 * for the terms that have no literal:
 *
 *     #Pid<'c1@host'.12.0.1700000000>          id, serial, creation
 *     #Ref<'c1@host'.1700000000.1.2.3>         creation, words
 *     #Port<'c1@host'.7.1700000000>            id, creation
 *     #Fun<"base64 of the encoded fun">        closures
 *     fun m:f/1                                exports
 *
 * Read as well: % comments, $c characters, "strings" with Erlang's escapes and
 * adjacent strings joined, <<"binaries"/utf8>>, <<1,2,3:4>>, Base#Digits,
 * 1_000, 'quoted atoms', #{k => v}, [a, b | c], and signs before numbers.
 * Not expressions, variables, records or comprehensions. */
#ifndef COPPICE_TERM_TEXT_H
#define COPPICE_TERM_TEXT_H

#include "../err.h"
#include "bytes.h"

struct text_in {
    struct bytes text;     /* what is left to read */
    unsigned line, column; /* of the next character, from 1; columns count characters */
};

/* What a reader tells of a mistake: where, and in words for the user. */
struct text_error {
    unsigned line, column;
    char what[160]; /* "expected ',' or ']' but found '}'" */
};

struct text_in text_open(struct bytes text);

/* Skips white space and comments; true when nothing else is left. */
bool text_at_end(struct text_in *in);

/* Reads one term and appends its canonical form; stops right behind it.  On
 * an error (ERR_SHAPE, ERR_LIMIT, ERR_DUPLICATE, ERR_UTF8) out is as it was
 * and *error says why. */
must_use enum err text_term(struct text_in *in, struct buf *out, struct text_error *error);

/* Requires the dot that ends a term in a file that file:consult/1 reads. */
must_use enum err text_dot(struct text_in *in, struct text_error *error);

/* A text that is one term and nothing else, with or without a dot at its end. */
must_use enum err text_single(struct bytes text, struct buf *out, struct text_error *error);

/* Appends the term as text on one line, as io:format's ~0p would write it but
 * for the forms above: a list of printable characters as "text", a binary that
 * is printable UTF-8 as <<"text">> or <<"text"/utf8>>, an integer of more than
 * a thousand bytes as 16#..., so that the time is linear in the bytes.  The
 * term must be canonical. */
void text_print(struct buf *out, struct bytes term);

/* The same, cut with "..." after about limit bytes: for log lines. */
void text_print_short(struct buf *out, struct bytes term, size_t limit);

#endif
