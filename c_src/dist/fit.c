#include "fit.h"

#include "../term/etf.h"
#include "../term/write.h"
#include "flags.h"

/* {Tag, {error, {bad_term, unknown_type}}} for {Tag, Reply}. */
static void refuse_reply(struct signal *s, struct buf *memory)
{
    struct etf_in in = etf_open(s->payload);
    etf_tuple_of(&in, 2);
    struct bytes tag = etf_any(&in);
    put_tuple(memory, 2);
    put_term(memory, tag);
    put_tuple(memory, 2);
    put_atom(memory, "error");
    put_bad_term(memory, ERR_TAG);
    s->payload = buf_bytes(memory);
}

bool signal_fit(struct signal *s, uint64_t flags, struct buf *memory)
{
    if ((flags & DFLAG_NATIVE_RECORDS) != 0)
        return true;
    if (s->reason.len > 0 && etf_has_record(s->reason)) {
        put_bad_term(memory, ERR_TAG);
        s->reason = buf_bytes(memory);
    }
    if (s->payload.len == 0 || !etf_has_record(s->payload))
        return true;
    if (s->awaited)
        refuse_reply(s, memory);
    return s->awaited;
}
