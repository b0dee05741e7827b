#include "types.h"

static const struct crdt_type *const types[] = {
    &gcounter_type,  &pncounter_type, &lww_register_type, &mv_register_type, &gset_type,
    &two_p_set_type, &or_set_type,    &dvv_set_type,      &or_map_type,      &rga_type,
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const struct crdt_type *crdt_type_at(size_t i)
{
    return i < TYPES ? types[i] : NULL;
}

const struct crdt_type *crdt_type_named(struct bytes text)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (bytes_equal(text, bytes_of(types[i]->name)) ||
            bytes_equal(text, bytes_of(types[i]->module)))
            return types[i];
    }
    return NULL;
}

const struct crdt_type *crdt_type_of(struct bytes checked)
{
    struct etf_in module = etf_open(struct_module(checked));
    for (size_t i = 0; i < TYPES; i++) {
        if (etf_accept(&module, types[i]->module))
            return types[i];
    }
    return NULL;
}
