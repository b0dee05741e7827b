#include "fit.h"

#include "../term/native_record.h"
#include "../term/write.h"
#include "flags.h"

/* Whether it is the tag of a call: a reference, or [alias | Reference]. */
static bool is_tag(struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct bytes alias, reference;
    if (etf_peek(&in) == ETF_REFERENCE)
        return true;
    return etf_cons(&in, &alias, &reference) && is_tag(reference);
}

/* {Tag, {error, {bad_term, unknown_type}}} for {Tag, Reply}; false for other messages. */
static bool refuse_reply(struct signal *s, struct buf *memory)
{
    struct etf_in in = etf_open(s->payload);
    if (etf_peek(&in) != ETF_TUPLE || etf_tuple(&in) != 2)
        return false;
    struct bytes tag = etf_any(&in);
    if (!is_tag(tag))
        return false;
    put_tuple(memory, 2);
    put_term(memory, tag);
    put_tuple(memory, 2);
    put_atom(memory, "error");
    put_bad_term(memory, ERR_TAG);
    s->payload = buf_bytes(memory);
    s->rest = (struct share){0};
    return true;
}

bool signal_fit(struct signal *s, uint64_t flags, struct buf *memory)
{
    if ((flags & DFLAG_NATIVE_RECORDS) != 0)
        return true;
    if (s->reason.len > 0 && etf_has_record(s->reason)) {
        put_bad_term(memory, ERR_TAG);
        s->reason = buf_bytes(memory);
    }
    if (!etf_has_record(s->payload) && !etf_has_record(s->rest.part))
        return true;
    return refuse_reply(s, memory);
}
