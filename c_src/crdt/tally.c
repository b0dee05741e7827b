#include "tally.h"

#include "../limits.h"
#include "../term/sum.h"

static const struct bytes one = {(const uint8_t[]){97, 1}, 2};

static bool amount_read(const struct op *op, struct bytes *amount)
{
    *amount = op->arity == 0 ? one : op->args[0];
    return op->arity <= 1 && counts_is_count(*amount);
}

enum err tally(const struct counts *c, struct bytes actor, const char *name, const struct op *ops,
               size_t count, struct buf *sum, size_t *bad)
{
    struct sum total = {0};
    size_t last = 0, before = sum->len;
    enum err e = sum_add(&total, counts_of(c, actor));
    for (size_t i = 0; i < count && e == OK; i++) {
        struct bytes amount;
        if (!bytes_equal(ops[i].name, bytes_of(name)))
            continue;
        last = i;
        if (!amount_read(&ops[i], &amount))
            e = ERR_BAD_OP;
        else
            e = amount.len > LIMIT_INCREMENT_BYTES ? ERR_LIMIT : sum_add(&total, amount);
    }
    if (e == OK)
        e = sum_put(&total, sum);
    if (e == OK && sum->len - before > LIMIT_COUNT_BYTES) {
        sum->len = before;
        e = ERR_LIMIT;
    }
    if (e != OK)
        *bad = last;
    sum_free(&total);
    return e;
}
