#include "before.h"

#include "../term/etf.h"
#include "../term/write.h"

static const char *const names[] = {"unknown", "nothing", "table"};

void before_put(struct buf *out, const struct before *before)
{
    if (before->kind != BEFORE_SEGMENT) {
        put_atom(out, names[before->kind]);
        return;
    }
    put_tuple(out, 2);
    put_uint(out, before->number);
    put_uint(out, before->sequence);
}

static bool is_atom(struct bytes term, const char *name)
{
    struct etf_in in = etf_open(term);
    etf_expect(&in, name);
    return etf_finish(&in) == OK;
}

struct before before_read(struct bytes term)
{
    struct before before = {BEFORE_SEGMENT, 0, 0};
    struct etf_in in = etf_open(term);
    if (is_atom(term, names[BEFORE_NOTHING]))
        return (struct before){.kind = BEFORE_NOTHING};
    if (is_atom(term, names[BEFORE_TABLE]))
        return (struct before){.kind = BEFORE_TABLE};
    etf_tuple_of(&in, 2);
    before.number = etf_uint64(&in);
    before.sequence = etf_uint64(&in);
    return etf_finish(&in) == OK ? before : (struct before){.kind = BEFORE_UNKNOWN};
}
