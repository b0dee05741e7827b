#include "reference.h"

#include <string.h>

#include "term/canon.h"
#include "term/write.h"
#include "worth.h"

static const struct {
    const char *type;
    worth *worth;
} references[] = {
    {"gcounter", worth_gcounter},
    {"pncounter", worth_pncounter},
    {"lww_register", worth_lww_register},
    {"mv_register", worth_mv_register},
    {"gset", worth_gset},
    {"two_p_set", worth_two_p_set},
    {"or_set", worth_or_set},
    {"dvv_set", worth_dvv_set},
    {"or_map", worth_or_map},
    {"rga", worth_rga},
};

static worth *worth_of(const struct crdt_type *type)
{
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
        if (strcmp(references[i].type, type->name) == 0)
            return references[i].worth;
    must(false);
    return NULL;
}

bool reference_value(struct buf *value, const struct crdt_type *type, const struct bytes *structs,
                     size_t count)
{
    struct buf any_order = {0};
    bool known = worth_of(type)(&any_order, structs, count);
    enum err e = known ? canon_put(value, buf_bytes(&any_order)) : OK;
    must(e == OK);
    buf_free(&any_order);
    return known;
}

void put_worth(struct buf *out, const struct bytes *structs, size_t count)
{
    put_tuple(out, 2);
    put_term(out, field(structs[0], "__struct__"));
    if (!reference_value(out, crdt_type_of(structs[0]), structs, count))
        put_atom(out, "unknown");
}

void reference_form(struct buf *out, const struct crdt_type *type, struct bytes value)
{
    struct buf form = {0};
    struct etf_in in = etf_open(value);
    if (strcmp(type->name, "or_map") != 0) {
        put_term(&form, value);
    } else {
        uint32_t left = etf_map(&in);
        for (put_map(&form, left); left > 0; left--) {
            put_term(&form, etf_any(&in));
            struct bytes state = etf_any(&in);
            put_worth(&form, &state, 1);
        }
    }
    enum err e = canon_put(out, buf_bytes(&form));
    must(e == OK);
    buf_free(&form);
}
