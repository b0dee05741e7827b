/* The characters of a text, and what is wrong with them.
 *
 * For the files of this folder that read terms from text (text_*.c). */
#ifndef COPPICE_TERM_TEXT_SCAN_H
#define COPPICE_TERM_TEXT_SCAN_H

#include "../err.h"
#include "bytes.h"
#include "text.h"

/* A text under way: where it stands, what it has become so far (plain external
 * format, not yet canonical), and who hears of mistakes. */
struct text_scan {
    struct text_in in;
    struct buf out;
    struct text_error *error;
};

/* What scan_peek gives where no character is. */
#define SCAN_END 0x110000u
#define SCAN_BAD 0x110001u /* bytes that are not UTF-8 */

/* The next character, which is not consumed. */
uint32_t scan_peek(const struct text_in *in);

/* Consumes the next character; there must be one. */
void scan_step(struct text_in *in);

/* Consumes these characters (ASCII) when they come next; otherwise nothing. */
bool scan_accept(struct text_in *in, const char *characters);

/* Skips white space and comments. */
void scan_white(struct text_in *in);

/* Erlang's letters: those that begin an atom, and all that may follow. */
bool scan_begins_atom(uint32_t c);
bool scan_begins_variable(uint32_t c);
bool scan_continues_name(uint32_t c);
bool scan_is_digit(uint32_t c);

/* Consumes a run of letters, digits, '_' and '@' and returns it. */
struct bytes scan_name(struct text_in *in);

/* Record a mistake and return e: at a place, in the words given ... */
enum err scan_fail(struct text_scan *s, const struct text_in *at, enum err e, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
/* ... or here, as "expected WANTED but found ..."; ERR_UTF8 where the text is
 * not UTF-8, ERR_SHAPE otherwise. */
enum err scan_expected(struct text_scan *s, const char *wanted);

/* Appends, as UTF-8, what stands between two quotes, of which the first is
 * next; what names the thing to the user. */
must_use enum err scan_quoted(struct text_scan *s, struct buf *text, const char *what);

/* Reads what follows a backslash, or after $. */
must_use enum err scan_escape(struct text_scan *s, uint32_t *character);

/* text_leaf.c: each appends one term to s->out.  The next character is a
 * digit (scan_number), a quote, the letter of an atom or '$'. */
must_use enum err scan_number(struct text_scan *s, bool negative);
must_use enum err scan_character(struct text_scan *s, uint32_t *character);
must_use enum err scan_string(struct text_scan *s);
must_use enum err scan_atom(struct text_scan *s);

/* Fills the empty buffer with the UTF-8 text of the atom that comes next. */
must_use enum err scan_atom_text(struct text_scan *s, struct buf *text);

/* A word that has to be quoted as an atom. */
bool scan_is_reserved(struct bytes name);

/* Appends, as UTF-8, one string or several with only white space between. */
must_use enum err scan_strings(struct text_scan *s, struct buf *text);

/* text_special.c: what stands behind "<<", "fun" and '#'. */
must_use enum err scan_binary(struct text_scan *s);
must_use enum err scan_export(struct text_scan *s);
must_use enum err scan_special(struct text_scan *s);

#endif
