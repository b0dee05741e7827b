#include "sum.h"

#include "etf.h"
#include "integer.h"
#include "write.h"

static const struct bytes zero = {(const uint8_t[]){97, 0}, 2};

static enum err add_big(struct sum *s, struct bytes amount)
{
    buf_clear(&s->next);
    enum err e = integer_add(&s->next, s->big.len > 0 ? buf_bytes(&s->big) : zero, amount);
    if (e != OK)
        return e;
    struct buf spare = s->big;
    s->big = s->next;
    s->next = spare;
    return OK;
}

static enum err carry(struct sum *s)
{
    struct buf term = {0};
    put_uint(&term, s->small);
    s->small = 0;
    enum err e = add_big(s, buf_bytes(&term));
    buf_free(&term);
    return e;
}

enum err sum_add(struct sum *s, struct bytes amount)
{
    struct etf_in in = etf_open(amount);
    uint64_t small = etf_uint64(&in);
    if (in.err != OK)
        return add_big(s, amount);
    enum err e = small > UINT64_MAX - s->small ? carry(s) : OK;
    s->small += small;
    return e;
}

enum err sum_put(struct sum *s, struct buf *out)
{
    if (s->big.len == 0) {
        put_uint(out, s->small);
        return OK;
    }
    enum err e = carry(s);
    if (e == OK)
        buf_put(out, buf_bytes(&s->big));
    return e;
}

void sum_free(struct sum *s)
{
    buf_free(&s->big);
    buf_free(&s->next);
}
