#include "struct.h"

#include "../term/etf.h"
#include "../term/write.h"

/* The place of the key that comes next among names; count for another. */
static size_t key_read(struct etf_in *in, const char *const *names, size_t count)
{
    size_t i = 0;
    while (i < count && !etf_accept(in, names[i]))
        i++;
    if (i == count)
        etf_any(in);
    return i;
}

static void field_read(struct etf_in *in, const char *const *names, size_t count,
                       struct bytes *values)
{
    size_t i = key_read(in, names, count);
    struct bytes value = etf_any(in);
    if (i == count)
        return;
    if (values[i].len > 0)
        etf_fail(in, ERR_DUPLICATE);
    values[i] = value;
}

static bool is_of(struct bytes module_term, const char *module)
{
    struct etf_in in = etf_open(module_term);
    return etf_accept(&in, module);
}

enum err struct_read(struct bytes checked, const char *module, const char *const *names,
                     size_t count, struct bytes *values)
{
    struct etf_in in = etf_open(checked);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_TYPE;
    for (size_t i = 0; i < count; i++)
        values[i] = (struct bytes){0};

    struct bytes name = {0};
    for (uint32_t pairs = etf_map(&in); pairs > 0 && in.err == OK; pairs--) {
        if (!etf_accept(&in, "__struct__"))
            field_read(&in, names, count, values);
        else if (name.len > 0)
            etf_fail(&in, ERR_DUPLICATE);
        else
            name = etf_any(&in);
    }
    enum err e = etf_finish(&in);
    if (e != OK)
        return e;
    if (!is_of(name, module))
        return ERR_TYPE;
    for (size_t i = 0; i < count; i++) {
        if (values[i].len == 0)
            return ERR_SHAPE;
    }
    return OK;
}

/* The underscore sorts before every letter that a field begins with. */
void struct_put(struct buf *out, const char *module, uint32_t fields)
{
    put_map(out, fields + 1);
    put_atom(out, "__struct__");
    put_atom(out, module);
}
