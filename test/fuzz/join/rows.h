/* What the references are made of: the fields of structs, and rows in no order. */
#ifndef COPPICE_FUZZ_ROWS_H
#define COPPICE_FUZZ_ROWS_H

#include "crdt/crdt.h"

struct term canonical(struct bytes checked);

/* The value of a field of a struct; empty if it is not there. */
struct bytes field(struct bytes map, const char *name);

/* Keys with a number or a second key each. */
struct row {
    struct term key, second;
    uint64_t n;
};

/* All zero is empty. */
struct rows {
    struct row *list;
    size_t count, cap;
    bool unknown; /* there is a number beyond 64 bits */
};

void rows_free(struct rows *r);

/* The first with these keys; any second one for NULL. */
struct row *rows_find(const struct rows *r, const struct term *key, const struct term *second);

/* Takes both terms.  A row that is there keeps the greater number. */
void rows_add(struct rows *r, struct term key, struct term second, uint64_t n);

/* Adds the numbers of #{Key => N}, each with a copy of a first key unless that is empty. */
void rows_add_numbers(struct rows *r, struct bytes first, struct bytes map);
/* Adds the elements of a MapSet. */
void rows_add_elements(struct rows *r, struct bytes mapset);
/* Adds the elements of an ORSet, one row for each of their tags. */
void rows_add_tags(struct rows *r, struct bytes entries);

/* The keys of the first that are not in the second; where they have second keys, those of which
 * one is not in there. */
void rows_difference(struct rows *shown, const struct rows *added, const struct rows *removed);

#endif
