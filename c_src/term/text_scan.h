/* The scanner: characters and error messages.  Private to text_*.c. */
#ifndef COPPICE_TERM_TEXT_SCAN_H
#define COPPICE_TERM_TEXT_SCAN_H

#include "../err.h"
#include "bytes.h"
#include "text.h"

/* State of a parser: its position, its output so far (plain external format, not yet
 * canonical), and where errors go. */
struct text_scan {
    struct text_in in;
    struct buf out;
    struct text_error *error;
};

/* Results of scan_peek() that are not characters. */
#define SCAN_END 0x110000u
#define SCAN_BAD 0x110001u /* bytes that are not UTF-8 */

/* The next character, without consuming it. */
uint32_t scan_peek(const struct text_in *in);

/* Consumes the next character; there must be one. */
void scan_step(struct text_in *in);

/* Consumes these (ASCII) characters if they are next; otherwise consumes nothing. */
bool scan_accept(struct text_in *in, const char *characters);

/* Skips white space and comments. */
void scan_white(struct text_in *in);

/* Erlang's character classes outside quotes. */
bool scan_begins_atom(uint32_t c);
bool scan_begins_variable(uint32_t c);
bool scan_continues_name(uint32_t c);
bool scan_is_digit(uint32_t c);

/* Consumes and returns a run of letters, digits, '_' and '@'. */
struct bytes scan_name(struct text_in *in);

/* Both record an error and return its code: at a given position with a given message ... */
enum err scan_fail(struct text_scan *s, const struct text_in *at, enum err e, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
/* ... or at the cursor, as "expected WANTED but found ..."; ERR_UTF8 if the text there is not
 * UTF-8, otherwise ERR_SHAPE. */
enum err scan_expected(struct text_scan *s, const char *wanted);

/* Consumes a quoted text, starting at its opening quote, and appends its content as UTF-8;
 * what names it in error messages. */
must_use enum err scan_quoted(struct text_scan *s, struct buf *text, const char *what);

/* Reads an escape sequence after its backslash. */
must_use enum err scan_escape(struct text_scan *s, uint32_t *character);

/* text_leaf.c.  Each appends one term to s->out; the next character is a digit (scan_number),
 * a quote, the letter of an atom or '$'. */
must_use enum err scan_number(struct text_scan *s, bool negative);
must_use enum err scan_character(struct text_scan *s, uint32_t *character);
must_use enum err scan_string(struct text_scan *s);
must_use enum err scan_atom(struct text_scan *s);

/* Puts the UTF-8 text of the next atom into the empty buffer. */
must_use enum err scan_atom_text(struct text_scan *s, struct buf *text);

/* Whether the word must be quoted as an atom. */
bool scan_is_reserved(struct bytes name);

/* Appends one string, or several separated by white space, as UTF-8. */
must_use enum err scan_strings(struct text_scan *s, struct buf *text);

/* text_special.c: what follows "<<", "fun" and '#'. */
must_use enum err scan_binary(struct text_scan *s);
must_use enum err scan_export(struct text_scan *s);
must_use enum err scan_special(struct text_scan *s);

#endif
