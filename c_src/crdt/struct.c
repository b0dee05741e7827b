#include "struct.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/order.h"
#include "../term/write.h"

/* --- reading --------------------------------------------------------------- */

/* The state of reading one struct. */
struct parser {
    const struct form *form;
    struct bytes *values, module;
    size_t next;        /* the field that comes next if the sender has our order */
    struct buf unknown; /* names and values of unknown fields */
    uint32_t unknown_count;
    bool keep_unknown;
};

/* Reads the next key and returns where its value belongs; NULL for an unknown key, which is not
 * consumed. */
static struct bytes *key_read(struct etf_in *in, struct parser *r)
{
    const char *const *fields = r->form->fields;
    if (r->module.len == 0 && r->form->module != NULL && etf_accept(in, "__struct__"))
        return &r->module;
    size_t i = r->next;
    if (fields[i] == NULL || !etf_accept(in, fields[i])) {
        for (i = 0; fields[i] != NULL && !etf_accept(in, fields[i]);)
            i++;
    }
    if (fields[i] != NULL) {
        r->next = i + 1;
        return &r->values[i];
    }
    return r->form->module != NULL && etf_accept(in, "__struct__") ? &r->module : NULL;
}

static void unknown_read(struct etf_in *in, struct parser *r)
{
    bool kept = r->keep_unknown && etf_peek(in) == ETF_ATOM;
    struct bytes key = etf_any(in), value = etf_any(in);
    if (kept && r->unknown_count == LIMIT_UNKNOWN_FIELDS)
        etf_fail(in, ERR_LIMIT);
    if (!kept || in->err != OK)
        return;
    buf_put(&r->unknown, key);
    buf_put(&r->unknown, value);
    r->unknown_count++;
}

static void pair_read(struct etf_in *in, struct parser *r)
{
    struct bytes *place = key_read(in, r);
    if (place == NULL) {
        unknown_read(in, r);
        return;
    }
    if (place->len > 0)
        etf_fail(in, ERR_DUPLICATE);
    *place = etf_any(in);
}

static bool is_of(struct bytes module_term, const char *module)
{
    struct etf_in in = etf_open(module_term);
    return etf_accept(&in, module);
}

/* In the canonical form, which is what is kept and sent. */
static enum err validate_extras(struct bytes map)
{
    struct etf_in in = etf_open(map);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        size_t name = etf_any(&in).len, value = etf_any(&in).len;
        if (name + value > LIMIT_UNKNOWN_FIELD_BYTES)
            return ERR_LIMIT;
    }
    return etf_finish(&in);
}

static enum err extras_read(struct buf *extras, const struct parser *r)
{
    if (r->unknown_count == 0)
        return OK;
    struct buf map = {0}, canonical = {0};
    put_map(&map, r->unknown_count);
    buf_put(&map, buf_bytes(&r->unknown));
    enum err e = canon_put(&canonical, buf_bytes(&map));
    if (e == OK)
        e = validate_extras(buf_bytes(&canonical));
    if (e == OK)
        buf_put(extras, buf_bytes(&canonical));
    buf_free(&map);
    buf_free(&canonical);
    return e;
}

static enum err validate_fields(const struct parser *r)
{
    if (r->form->module != NULL && !is_of(r->module, r->form->module))
        return ERR_TYPE;
    for (size_t i = 0; r->form->fields[i] != NULL; i++) {
        if (r->values[i].len == 0 && (r->form->needed >> i & 1) != 0)
            return ERR_SHAPE;
    }
    return OK;
}

enum err struct_next(struct etf_in *in, const struct form *form, struct bytes *values,
                     struct buf *extras)
{
    if (etf_peek(in) != ETF_MAP)
        return ERR_TYPE;
    for (size_t i = 0; form->fields[i] != NULL; i++)
        values[i] = (struct bytes){0};

    struct parser r = {.form = form, .values = values, .keep_unknown = extras != NULL};
    for (uint32_t pairs = etf_map(in); pairs > 0 && in->err == OK; pairs--)
        pair_read(in, &r);
    enum err e = in->err;
    if (e == OK)
        e = validate_fields(&r);
    if (e == OK)
        e = extras_read(extras, &r);
    buf_free(&r.unknown);
    return e;
}

enum err struct_read(struct bytes checked, const struct form *form, struct bytes *values,
                     struct buf *extras)
{
    struct etf_in in = etf_open(checked);
    enum err e = struct_next(&in, form, values, extras);
    return e == OK ? etf_finish(&in) : e;
}

struct bytes struct_module(struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    if (etf_peek(&in) != ETF_MAP)
        return (struct bytes){0};
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        bool found = etf_accept(&in, "__struct__");
        if (!found)
            etf_any(&in);
        struct bytes value = etf_any(&in);
        if (found)
            return value;
    }
    return (struct bytes){0};
}

/* --- unknown fields -------------------------------------------------------- */

void unknown_free(struct unknown_fields *u)
{
    for (uint32_t i = 0; i < u->count; i++)
        term_free(&u->list[i]);
    mem_free(u->list);
    *u = (struct unknown_fields){0};
}

/* A cursor over a map's pairs, and their number: 0 if map is empty bytes. */
static struct etf_in pairs_open(struct bytes map, uint32_t *count)
{
    struct etf_in in = etf_open(map);
    *count = map.len > 0 ? etf_map(&in) : 0;
    return in;
}

/* Below 0 if field i is before this name, 0 if it has it; *value gets its value. */
static int compare_name(const struct unknown_fields *u, uint32_t i, struct bytes name,
                        struct bytes *value)
{
    struct etf_in in = etf_open(term_bytes(&u->list[i]));
    struct bytes mine = etf_any(&in);
    *value = (struct bytes){in.at, (size_t)(in.end - in.at)};
    return term_compare_keys(mine, name);
}

/* The place for one more field, which moves those behind it: the last one goes if there are too
 * many. */
static void make_place(struct unknown_fields *u, uint32_t at)
{
    if (u->count == LIMIT_UNKNOWN_FIELDS) {
        term_free(&u->list[--u->count]);
    } else {
        u->list = mem_resize(u->list, (u->count + 1) * sizeof(*u->list));
    }
    for (uint32_t i = u->count; i > at; i--)
        u->list[i] = u->list[i - 1];
    u->list[at] = (struct term){0};
    u->count++;
}

static bool field_join(struct unknown_fields *u, struct bytes name, struct bytes value)
{
    struct bytes mine = {0};
    uint32_t i = 0;
    int order = 1;
    while (i < u->count && (order = compare_name(u, i, name, &mine)) < 0)
        i++;
    if (i < u->count && order == 0 && term_compare_keys(mine, value) >= 0)
        return false;
    if (i == LIMIT_UNKNOWN_FIELDS)
        return false;
    if (i == u->count || order > 0)
        make_place(u, i);
    struct buf field = {0};
    buf_put(&field, name);
    buf_put(&field, value);
    term_free(&u->list[i]);
    u->list[i] = term_take(&field);
    return true;
}

bool unknown_join(struct unknown_fields *u, struct bytes map, struct unknown_fields *delta)
{
    uint32_t left;
    struct etf_in in = pairs_open(map, &left);
    bool grew = false;
    for (; left > 0; left--) {
        struct bytes name = etf_any(&in), value = etf_any(&in);
        if (!field_join(u, name, value))
            continue;
        grew = true;
        if (delta != NULL)
            field_join(delta, name, value);
    }
    return grew;
}

void unknown_put(const struct unknown_fields *u, struct buf *map)
{
    if (u->count > 0)
        put_map(map, u->count);
    for (uint32_t i = 0; i < u->count; i++)
        buf_put(map, term_bytes(&u->list[i]));
}

/* --- writing --------------------------------------------------------------- */

/* Writes the unknown fields whose names sort before this one, or (NULL) all that are left. */
static void extras_put(struct struct_out *s, const char *name)
{
    while (s->left > 0) {
        struct etf_in ahead = s->extras, key = s->extras;
        struct atom atom;
        etf_atom(&key, &atom);
        if (name != NULL && bytes_compare((struct bytes){atom.text, atom.len}, bytes_of(name)) > 0)
            return;
        put_term(s->out, etf_any(&ahead));
        put_term(s->out, etf_any(&ahead));
        s->extras = ahead;
        s->left--;
    }
}

struct struct_out struct_open(struct buf *out, const struct form *form, const struct extras *extras)
{
    struct struct_out s = {.out = out};
    uint32_t fields = 0;
    s.extras = pairs_open(extras != NULL ? term_bytes(&extras->map) : (struct bytes){0}, &s.left);
    while (form->fields[fields] != NULL)
        fields++;
    put_map(out, fields + s.left + (form->module != NULL));
    if (form->module != NULL) {
        struct_field(&s, "__struct__");
        put_atom(out, form->module);
    }
    return s;
}

void struct_field(struct struct_out *s, const char *name)
{
    extras_put(s, name);
    put_atom(s->out, name);
}

void struct_close(struct struct_out *s)
{
    extras_put(s, NULL);
    must(etf_finish(&s->extras) == OK);
}
