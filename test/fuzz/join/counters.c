/* The greatest count of each actor, and the sum of these. */
#include "term/write.h"
#include "worth.h"

static bool put_sum(struct buf *value, struct rows *plus, struct rows *minus)
{
    __int128 sum = 0;
    bool known = !plus->unknown && !minus->unknown;
    for (size_t i = 0; i < plus->count; i++)
        sum += plus->list[i].n;
    for (size_t i = 0; i < minus->count; i++)
        sum -= minus->list[i].n;
    rows_free(plus);
    rows_free(minus);
    if (!known || sum > INT64_MAX || sum < INT64_MIN)
        return false;
    put_int(value, (int64_t)sum);
    return true;
}

bool worth_gcounter(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows plus = {0}, minus = {0};
    for (size_t i = 0; i < count; i++)
        rows_add_numbers(&plus, (struct bytes){0}, field(structs[i], "counts"));
    return put_sum(value, &plus, &minus);
}

bool worth_pncounter(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows plus = {0}, minus = {0};
    for (size_t i = 0; i < count; i++) {
        struct bytes positive = field(structs[i], "positive"),
                     negative = field(structs[i], "negative");
        rows_add_numbers(&plus, (struct bytes){0}, field(positive, "counts"));
        rows_add_numbers(&minus, (struct bytes){0}, field(negative, "counts"));
    }
    return put_sum(value, &plus, &minus);
}
