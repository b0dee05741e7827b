#include "grid.h"

#include "../err.h"
#include "../mem.h"

#define GAP "  "

struct buf *grid_cell(struct grid *g)
{
    size_t start = g->text.len;
    buf_put(&g->starts, (struct bytes){(const uint8_t *)&start, sizeof(start)});
    return &g->text;
}

void grid_add(struct grid *g, const char *text)
{
    buf_put(grid_cell(g), bytes_of(text));
}

static size_t count(const struct grid *g)
{
    return g->starts.len / sizeof(size_t);
}

static struct bytes cell(const struct grid *g, size_t i)
{
    size_t start, end = g->text.len;
    memcpy(&start, g->starts.at + i * sizeof(start), sizeof(start));
    if (i + 1 < count(g))
        memcpy(&end, g->starts.at + (i + 1) * sizeof(end), sizeof(end));
    return (struct bytes){g->text.at + start, end - start};
}

/* Characters, each a column of a terminal. */
static size_t width(struct bytes text)
{
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += (text.at[i] & 0xc0) != 0x80;
    return characters;
}

static void pad(struct buf *out, size_t n)
{
    memset(buf_room(out, n + 1), ' ', n);
    out->len += n;
}

static void put_row(const struct grid *g, size_t first, const size_t *widths, struct buf *out)
{
    size_t columns = strlen(g->columns);
    for (size_t i = 0; i < columns; i++) {
        struct bytes text = cell(g, first + i);
        size_t space = widths[i] - width(text);
        if (g->columns[i] == 'r')
            pad(out, space);
        buf_put(out, text);
        if (i + 1 < columns && g->columns[i] == 'l')
            pad(out, space);
        if (i + 1 < columns)
            buf_put(out, BYTES(GAP));
    }
}

void grid_put(struct grid *g, struct buf *out)
{
    size_t columns = strlen(g->columns), rows = count(g) / columns;
    must(count(g) % columns == 0);
    size_t *widths = mem_take(columns * sizeof(*widths));
    for (size_t i = 0; i < rows * columns; i++) {
        size_t w = width(cell(g, i));
        if (w > widths[i % columns])
            widths[i % columns] = w;
    }
    for (size_t row = 0; row < rows; row++) {
        bool bold = g->bold && row == 0;
        buf_put(out, bold ? BYTES("\x1b[1m") : BYTES(""));
        put_row(g, row * columns, widths, out);
        buf_put(out, bold ? BYTES("\x1b[0m\n") : BYTES("\n"));
    }
    mem_free(widths);
    buf_free(&g->text);
    buf_free(&g->starts);
}
