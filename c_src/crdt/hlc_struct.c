#include "hlc_struct.h"

#include "../term/write.h"

enum { COUNTER, NODE, TIME };

static const char *const fields[] = {"counter", "node", "time", NULL};
static const struct form form = {"Elixir.Grove.HybridLogicalClock", fields,
                                 1u << COUNTER | 1u << NODE | 1u << TIME};

enum err hlc_read_parts(struct bytes checked, struct hlc *time, struct hlc_parts *parts,
                        struct buf *extras)
{
    struct bytes values[sizeof(fields) / sizeof(fields[0])];
    enum err e = struct_read(checked, &form, values, extras);
    if (e != OK)
        return e == ERR_TYPE ? ERR_SHAPE : e;
    struct etf_in counter = etf_open(values[COUNTER]), ms = etf_open(values[TIME]);
    time->counter = etf_uint32(&counter);
    time->time_ms = etf_int64(&ms);
    *parts = (struct hlc_parts){values[COUNTER], values[NODE], values[TIME]};
    e = etf_finish(&counter);
    return e == OK ? etf_finish(&ms) : e;
}

enum err hlc_read(struct bytes checked, struct hlc *time, struct bytes *node, struct buf *extras)
{
    struct hlc_parts parts;
    enum err e = hlc_read_parts(checked, time, &parts, extras);
    if (e == OK)
        *node = parts.node;
    return e;
}

void hlc_put(struct buf *out, struct hlc time, struct bytes node, const struct extras *extras)
{
    struct struct_out s = struct_open(out, &form, extras);
    struct_field(&s, fields[COUNTER]);
    put_uint(out, time.counter);
    struct_field(&s, fields[NODE]);
    put_term(out, node);
    struct_field(&s, fields[TIME]);
    put_int(out, time.time_ms);
    struct_close(&s);
}
