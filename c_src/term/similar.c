#include "similar.h"

#include <stdio.h>

/* Bytes of the longest words that are compared. */
#define WORD_BYTES 32

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Row i of the table has the distances of a's first i bytes from each beginning of b; the row of a
 * depends on the two before it. */
static unsigned distance(struct bytes a, struct bytes b)
{
    unsigned rows[WORD_BYTES + 1][WORD_BYTES + 1];
    for (unsigned i = 0; i <= a.len; i++)
        rows[i][0] = i;
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            unsigned replace = rows[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]);
            rows[i][j] = least(replace, 1 + least(rows[i - 1][j], rows[i][j - 1]));
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a.len][b.len];
}

struct similar similar_open(struct bytes typed)
{
    return (struct similar){.typed = typed, .distance = WORD_BYTES};
}

void similar_try(struct similar *s, struct bytes other)
{
    if (s->typed.len == 0 || s->typed.len > WORD_BYTES || other.len > WORD_BYTES)
        return;
    size_t longer = s->typed.len > other.len ? s->typed.len : other.len;
    bool begins = s->typed.len > 1 && s->typed.len < other.len &&
                  memcmp(s->typed.at, other.at, s->typed.len) == 0;
    unsigned d = begins ? 1 : distance(s->typed, other);
    if (d >= s->distance || (!begins && d > longer / 3))
        return;
    s->best = other;
    s->distance = d;
}

void similar_suggest(const struct similar *s, const char *prefix, char *what, size_t size)
{
    size_t len = strlen(what);
    if (s->best.len == 0)
        return;
    int n = snprintf(what + len, size - len, "; did you mean %s%.*s?", prefix, TEXT(s->best));
    if (n < 0 || (size_t)n >= size - len)
        what[len] = '\0';
}
