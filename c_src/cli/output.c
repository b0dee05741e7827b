#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../crdt/mapset.h"
#include "../term/canon.h"
#include "../term/json.h"
#include "../term/text.h"
#include "../term/utf8.h"
#include "../term/write.h"
#include "progress.h"

static bool as_json; /* output_json() */

/* Bytes of a word that are shown. */
#define WORD_BYTES 200
/* A message is cut to so many bytes for errors_into(): a path, and what is wrong in the file. */
#define MESSAGE_BYTES 8192

bool output_has_colour(void)
{
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && (none == NULL || *none == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

void output_json(void)
{
    as_json = true;
}

void put_term_text(struct buf *out, struct bytes term)
{
    struct buf canonical = {0};
    if (canon_put(&canonical, term) == OK)
        text_print(out, buf_bytes(&canonical));
    buf_free(&canonical);
}

static void print_line(struct buf *text)
{
    buf_put_u8(text, '\n');
    fwrite(text->at, 1, text->len, stdout);
    buf_free(text);
}

/* Prints a term that is canonical, but for a list of small integers. */
static void print_text(struct bytes term)
{
    struct buf text = {0};
    if (as_json)
        json_put(&text, term);
    else
        text_print(&text, term);
    print_line(&text);
}

/* Not made canonical again: small integers would become a string. */
static void print_sets_as_lists(struct bytes canonical)
{
    struct buf plain = {0};
    mapset_put_plain(&plain, canonical);
    print_text(buf_bytes(&plain));
    buf_free(&plain);
}

void print_plain(struct bytes term)
{
    struct buf canonical = {0};
    /* Sorts the elements. */
    if (canon_put(&canonical, term) == OK)
        print_sets_as_lists(buf_bytes(&canonical));
    buf_free(&canonical);
}

void print_canonical(struct bytes canonical)
{
    if (as_json)
        print_sets_as_lists(canonical);
    else
        print_text(canonical);
}

bool print_consulted(struct bytes canonical)
{
    struct buf text = {0};
    if (as_json) {
        print_sets_as_lists(canonical);
        return true;
    }
    bool literal = text_is_literal(canonical);
    if (!literal)
        buf_put(&text, BYTES("% "));
    text_print(&text, canonical);
    buf_put_u8(&text, '.');
    print_line(&text);
    return literal;
}

void print_term(struct bytes term)
{
    struct buf canonical = {0};
    if (canon_put(&canonical, term) == OK)
        print_canonical(buf_bytes(&canonical));
    buf_free(&canonical);
}

void print_word(const char *text)
{
    struct buf atom = {0};
    put_atom(&atom, text);
    print_canonical(buf_bytes(&atom));
    buf_free(&atom);
}

/* Where messages go; NULL: to standard error. */
static struct buf *errors;

void errors_into(struct buf *out)
{
    errors = out;
}

static void print_message(const char *format, va_list arguments)
{
    if (errors != NULL) {
        char text[MESSAGE_BYTES];
        vsnprintf(text, sizeof(text), format, arguments);
        buf_printf(errors, "%s%s", errors->len > 0 ? "; " : "", text);
        return;
    }
    progress_wipe();
    fputs("coppice: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void print_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
}

int fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    return code;
}

int fail_to_read(int code, const char *path, enum err e)
{
    return fail(code, "%s: %s", path, e == ERR_LIMIT ? err_text(e) : strerror(errno));
}

/* The length of the character that text begins with; 0 if it cannot be shown. */
static size_t shown(struct bytes text)
{
    uint32_t character = 0;
    size_t n = utf8_next(text, &character);
    bool control = character < ' ' || (character >= 0x7f && character < 0xa0);
    return n > 0 && !control ? n : 0;
}

bool is_plain(const char *word)
{
    struct bytes rest = bytes_of(word);
    if (rest.len > WORD_BYTES)
        return false;
    for (size_t n; (n = shown(rest)) > 0; rest = bytes_after(rest, n))
        continue;
    return rest.len == 0;
}

void put_sentence(struct buf *out, struct bytes text, size_t limit)
{
    struct bytes rest = utf8_front(text, limit);
    bool whole = rest.len == text.len;
    while (rest.len > 0) {
        size_t n = shown(rest);
        if (n > 0)
            buf_put(out, (struct bytes){rest.at, n});
        else
            buf_printf(out, "\\x%02x", rest.at[0]);
        n += n == 0;
        rest = bytes_after(rest, n);
    }
    if (!whole)
        buf_put(out, BYTES("..."));
}

void put_word(struct buf *out, const char *word)
{
    put_sentence(out, bytes_of(word), WORD_BYTES);
}
