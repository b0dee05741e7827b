#include "postponed.h"

#include "../limits.h"
#include "internal.h"

/* What is in front of each. */
struct lengths {
    size_t delta, sender;
};

bool postponed_keep(struct replica *r, struct bytes delta, struct bytes sender)
{
    struct lengths lengths = {delta.len, sender.len};
    if (!encoding_is_open(r) || r->postponed.len + delta.len + sender.len > LIMIT_POSTPONED_BYTES)
        return false;
    buf_put(&r->postponed, (struct bytes){(const uint8_t *)&lengths, sizeof(lengths)});
    buf_put(&r->postponed, delta);
    buf_put(&r->postponed, sender);
    return true;
}

bool postponed_any(const struct replica *r)
{
    return r->postponed.len > 0;
}

void postponed_join(struct replica *r, struct turn *t)
{
    struct buf all = r->postponed;
    struct bytes left = buf_bytes(&all);
    r->postponed = (struct buf){0};
    while (left.len > 0) {
        struct lengths lengths;
        memcpy(&lengths, left.at, sizeof(lengths));
        left = bytes_after(left, sizeof(lengths));
        struct bytes delta = {left.at, lengths.delta};
        left = bytes_after(left, lengths.delta);
        exchange_receive(r, delta, (struct bytes){left.at, lengths.sender}, t);
        left = bytes_after(left, lengths.sender);
    }
    buf_free(&all);
}
