/* Terms recorded from a BEAM by test/vectors/term/record.escript. */
#ifndef COPPICE_TEST_RECORDED_H
#define COPPICE_TEST_RECORDED_H

#include "err.h"
#include "term/head.h"
#include "unit/suite.h"

struct recorded {
    struct bytes name, external, canonical;
};

static inline struct bytes recorded_field(struct bytes *file, unsigned width)
{
    must(file->len >= width);
    size_t len = head_number(file->at, width);
    must(file->len - width >= len);
    struct bytes field = {file->at + width, len};
    *file = (struct bytes){field.at + len, file->len - width - len};
    return field;
}

/* Cuts the next record off the front of the file; false at its end. */
static inline bool recorded_next(struct bytes *file, struct recorded *r)
{
    if (file->len == 0)
        return false;
    r->name = recorded_field(file, 1);
    r->external = recorded_field(file, 4);
    r->canonical = recorded_field(file, 4);
    return true;
}

#endif
