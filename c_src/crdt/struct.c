#include "struct.h"

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

static enum err unknown_put(struct buf *extras, const struct parser *r)
{
    if (r->unknown_count == 0)
        return OK;
    struct buf map = {0};
    put_map(&map, r->unknown_count);
    buf_put(&map, buf_bytes(&r->unknown));
    enum err e = canon_put(extras, buf_bytes(&map));
    buf_free(&map);
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
        e = unknown_put(extras, &r);
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

void extras_free(struct extras *e)
{
    term_free(&e->map);
}

/* A cursor over a map's pairs, and their number: 0 if map is empty bytes. */
static struct etf_in pairs_open(struct bytes map, uint32_t *count)
{
    struct etf_in in = etf_open(map);
    *count = map.len > 0 ? etf_map(&in) : 0;
    return in;
}

/* A map being written. */
struct map_out {
    struct buf pairs;
    uint32_t count;
};

static void pair_put(struct map_out *m, struct bytes key, struct bytes value)
{
    put_term(&m->pairs, key);
    put_term(&m->pairs, value);
    m->count++;
}

static void map_close(struct map_out *m, struct buf *out)
{
    put_map(out, m->count);
    buf_put(out, buf_bytes(&m->pairs));
    buf_free(&m->pairs);
}

/* A merge of two maps in key order. */
struct map_merge {
    struct etf_in ours, theirs;
    uint32_t ours_left, theirs_left;
    struct bytes key, value; /* its greater value */
    bool grew;               /* the value is theirs */
};

static bool merge_next(struct map_merge *b)
{
    if (b->ours_left == 0 && b->theirs_left == 0)
        return false;
    struct etf_in ours = b->ours, theirs = b->theirs;
    struct bytes mine = etf_any(&ours), their = etf_any(&theirs);
    struct bytes my_value = etf_any(&ours), their_value = etf_any(&theirs);
    int order = b->ours_left == 0 ? 1 : b->theirs_left == 0 ? -1 : term_compare_keys(mine, their);
    b->grew = order > 0 || (order == 0 && term_compare_keys(my_value, their_value) < 0);
    b->key = order > 0 ? their : mine;
    b->value = b->grew ? their_value : my_value;
    if (order <= 0) {
        b->ours = ours;
        b->ours_left--;
    }
    if (order >= 0) {
        b->theirs = theirs;
        b->theirs_left--;
    }
    return true;
}

bool extras_join(struct extras *e, struct bytes map, struct extras *delta)
{
    if (map.len == 0 || bytes_equal(map, term_bytes(&e->map)))
        return false;
    struct map_merge b = {0};
    struct map_out all = {0}, news = {0};
    struct buf joined = {0}, fresh = {0};
    b.ours = pairs_open(term_bytes(&e->map), &b.ours_left);
    b.theirs = pairs_open(map, &b.theirs_left);
    while (merge_next(&b)) {
        pair_put(&all, b.key, b.value);
        if (b.grew)
            pair_put(&news, b.key, b.value);
    }
    bool grew = news.count > 0;
    map_close(&all, &joined);
    map_close(&news, &fresh);
    if (grew) {
        term_free(&e->map);
        e->map = term_take(&joined);
    }
    if (grew && delta != NULL)
        extras_join(delta, buf_bytes(&fresh), NULL);
    buf_free(&joined);
    buf_free(&fresh);
    return grew;
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
