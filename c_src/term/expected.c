#include "expected.h"

#include <stdio.h>
#include <string.h>

#include "etf.h"
#include "similar.h"
#include "text.h"

/* Bytes of a term in a message, at most. */
#define FOUND_BYTES 80

/* The words behind "one of " or "the keys ", or NULL. */
static const char *words_of(const char *expected)
{
    static const char *const starts[] = {"one of ", "the keys "};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(expected, starts[i], strlen(starts[i])) == 0)
            return expected + strlen(starts[i]);
    return NULL;
}

static void suggest(const char *words, struct bytes typed, char *what, size_t size)
{
    struct similar similar = similar_open(typed);
    for (size_t len; *words != '\0'; words += strspn(words, ", ")) {
        len = strcspn(words, ", ");
        similar_try(&similar, (struct bytes){(const uint8_t *)words, len});
        words += len;
    }
    similar_suggest(&similar, "", what, size);
}

void expected_found(char *what, size_t size, const char *key, const char *expected,
                    struct bytes found)
{
    struct buf text = {0};
    struct atom atom = {0};
    struct etf_in in = etf_open(found);
    const char *words = words_of(expected);
    text_print_short(&text, found, FOUND_BYTES);
    snprintf(what, size, "%s: expected %s, found %.*s", key, expected, TEXT(text));
    buf_free(&text);
    if (words == NULL || etf_peek(&in) != ETF_ATOM)
        return;
    etf_atom(&in, &atom);
    suggest(words, (struct bytes){atom.text, atom.len}, what, size);
}

void expected_elsewhere(char *what, size_t size, struct bytes key, const char *where)
{
    struct buf text = {0};
    text_print_short(&text, key, FOUND_BYTES);
    snprintf(what, size, "%.*s: belongs into %s", TEXT(text), where);
    buf_free(&text);
}
