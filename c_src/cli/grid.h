/* Tables of text: columns as wide as their widest cell. */
#ifndef COPPICE_CLI_GRID_H
#define COPPICE_CLI_GRID_H

#include "../term/bytes.h"

struct grid {
    const char *columns; /* a letter for each: l aligned to the left, r to the right */
    bool bold;           /* the first row, on a terminal */
    struct buf text;     /* of all cells */
    struct buf starts;   /* of each in it, size_t */
};

/* The next cell, row after row: the caller appends its text, which has no end of line. */
struct buf *grid_cell(struct grid *g);
/* The same for a text. */
void grid_add(struct grid *g, const char *text);

/* Appends the rows that are complete, one on each line; frees the table. */
void grid_put(struct grid *g, struct buf *out);

#endif
