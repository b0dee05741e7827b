/* Erlang term syntax: parses configuration files and command lines, prints answers and log
 * lines.
 *
 * Every printed term reads back as the same canonical term, but for native records, which are
 * printed as Erlang does and cannot be read.  Terms that have no literal in Erlang have a syntax of
 * their own, both ways:
 *
 *     #Pid<'c1@host'.12.0.1700000000>          id, serial, creation
 *     #Ref<'c1@host'.1700000000.1.2.3>         creation, words
 *     #Port<'c1@host'.7.1700000000>            id, creation
 *     #Fun<"base64 of the encoded fun">        closures
 *     fun m:f/1                                exports
 *
 * Also parsed: % comments, $c characters, "strings" with Erlang's escapes and concatenation of
 * adjacent strings, <<"binaries"/utf8>>, <<1,2,3:4>>, Base#Digits, 1_000, 'quoted atoms', #{k
 * => v}, [a, b | c], and signs before numbers.  Not expressions, variables, records or
 * comprehensions. */
#ifndef COPPICE_TERM_TEXT_H
#define COPPICE_TERM_TEXT_H

#include "../err.h"
#include "bytes.h"

struct text_in {
    struct bytes text;     /* the rest to be parsed */
    unsigned line, column; /* of the next character, from 1; columns count characters */
};

/* A syntax error: its position, and a message for the user. */
struct text_error {
    unsigned line, column;
    char what[160]; /* "expected ',' or ']' but found '}'" */
};

struct text_in text_open(struct bytes text);

/* Skips white space and comments; true at the end of the text. */
bool text_at_end(struct text_in *in);

/* Parses one term, appends its canonical form and stops right after it.  On an error
 * (ERR_SHAPE, ERR_LIMIT, ERR_DUPLICATE, ERR_UTF8) out is unchanged and *error is set. */
must_use enum err text_term(struct text_in *in, struct buf *out, struct text_error *error);

/* Requires the dot that ends a term in a file for file:consult/1. */
must_use enum err text_dot(struct text_in *in, struct text_error *error);

/* Parses a text that is exactly one term, with or without a final dot. */
must_use enum err text_single(struct bytes text, struct buf *out, struct text_error *error);

/* Appends the term as text on one line, as io:format's ~0p does except for the syntax above,
 * with a list of printable characters as "text", a binary of printable UTF-8 as <<"text">> or
 * <<"text"/utf8>>, and an integer of more than a thousand bytes as 16#..., so that the time is
 * linear in the bytes.  The term must be canonical. */
void text_print(struct buf *out, struct bytes term);

/* Whether Erlang reads, too, what text_print() prints: the term, which must be canonical, has no
 * pid, reference, port, closure or native record. */
bool text_is_literal(struct bytes term);

/* The same as text_print(), truncated with "..." after about limit bytes: for log lines. */
void text_print_short(struct buf *out, struct bytes term, size_t limit);

#endif
