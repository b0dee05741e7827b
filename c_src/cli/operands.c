#include "operands.h"

#include <ctype.h>
#include <string.h>

#include "../dist/place.h"
#include "../limits.h"
#include "../term/similar.h"
#include "../term/write.h"
#include "output.h"

struct bytes operands_next(const char **operands)
{
    *operands += strspn(*operands, " ");
    struct bytes word = {(const uint8_t *)*operands, strcspn(*operands, " ")};
    *operands += word.len;
    return word;
}

static bool is_rest(struct bytes word)
{
    return word.len > 0 && word.at[0] == '[';
}

/* X of [X...], else the word. */
static struct bytes name_of(struct bytes word)
{
    return is_rest(word) ? (struct bytes){word.at + 1, word.len - strlen("[...]")} : word;
}

static bool is_literal(struct bytes word)
{
    return islower(word.at[0]);
}

bool operands_alternative(struct bytes *word, struct bytes *alternative)
{
    if (word->len == 0)
        return false;
    const uint8_t *bar = memchr(word->at, '|', word->len);
    size_t len = bar != NULL ? (size_t)(bar - word->at) : word->len;
    *alternative = (struct bytes){word->at, len};
    len += bar != NULL;
    *word = bytes_after(*word, len);
    return true;
}

/* Whether text is one of a|b|c. */
static bool is_alternative(struct bytes word, struct bytes text)
{
    struct bytes one;
    while (operands_alternative(&word, &one))
        if (bytes_equal(one, text))
            return true;
    return false;
}

static bool is_place(struct bytes text)
{
    struct place place;
    bool valid = place_read(text, &place);
    place_free(&place);
    return valid;
}

/* What the operand should have been; NULL if it is right. */
static const char *expected(struct bytes word, struct bytes operand)
{
    if (is_literal(word))
        return is_alternative(word, operand) ? NULL : "one of these words";
    if (operand.len == 0)
        return "some text";
    if (bytes_equal(word, BYTES("NODE")))
        return is_place(operand) ? NULL : PLACE_EXPECTED;
    if (bytes_equal(word, BYTES("SERVER")))
        return is_atom_text(operand) ? NULL : "UTF-8 text of at most 255 characters";
    return NULL;
}

static int fail_operand(struct bytes word, const char *wanted, const char *operand)
{
    struct buf found = {0};
    struct bytes name = name_of(word), one;
    struct similar similar = similar_open(bytes_of(operand));
    char suggestion[80] = "";
    while (word.len > 0 && is_literal(word) && operands_alternative(&word, &one))
        similar_try(&similar, one);
    similar_suggest(&similar, "", suggestion, sizeof(suggestion));
    put_word(&found, operand);
    print_error("%.*s: expected %s, found '%.*s'%s", TEXT(name), wanted, TEXT(found), suggestion);
    buf_free(&found);
    return EX_USAGE;
}

static int check(const struct args *args, const char *operands)
{
    struct bytes word = operands_next(&operands);
    for (int i = 0; i < args->count; i++) {
        const char *operand = args->operands[i];
        if (word.len == 0)
            return fail_operand(BYTES("operands"), "no more of them", operand);
        const char *wanted = expected(word, bytes_of(operand));
        if (wanted != NULL)
            return fail_operand(word, wanted, operand);
        if (!is_rest(word))
            word = operands_next(&operands);
    }
    if (word.len == 0 || is_rest(word))
        return 0;
    return fail(EX_USAGE, "%.*s is missing", TEXT(word));
}

int operands_check(const struct args *args, const char *command, const char *operands)
{
    int code = check(args, operands);
    if (code != 0)
        print_error("usage: coppice %s%s%s", command, *operands != '\0' ? " " : "", operands);
    return code;
}

const char *operands_operation(size_t i)
{
    static const char *const names[] = {"increment", "decrement", "set",       "resolve",
                                        "add",       "remove",    "put",       "update",
                                        "delete",    "insert",    "insert_at", "remove_at"};
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}
