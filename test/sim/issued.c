#include <string.h>

#include "crdt/mapset.h"
#include "mem.h"
#include "term/etf.h"
#include "world.h"

/* An actor issues each tag, dot or id once, so it stands for one element wherever and whenever
 * it is seen.  Otherwise a removal would remove other elements too.
 *
 *     or_set     entries: #{Element => MapSet of {Actor, N}}
 *     dvv_set    entries: #{Element => #{Actor => N}}
 *     rga        elements: #{{Actor, N} => #{..., timestamp, value}} */

#define CAP_MIN 64

/* --- the table -------------------------------------------------------------- */

/* The slot that has this dot, or is free for it. */
static uint64_t *slot(const struct issued *d, uint64_t dot)
{
    size_t at = dot & (d->cap - 1);
    while (d->list[at][0] != 0 && d->list[at][0] != dot)
        at = (at + 1) & (d->cap - 1);
    return d->list[at];
}

static void grow(struct issued *d)
{
    struct issued more = {.count = d->count, .cap = d->cap > 0 ? 2 * d->cap : CAP_MIN};
    more.list = mem_take(more.cap * sizeof(more.list[0]));
    for (size_t i = 0; i < d->cap; i++)
        if (d->list[i][0] != 0)
            memcpy(slot(&more, d->list[i][0]), d->list[i], sizeof(d->list[i]));
    mem_free(d->list);
    *d = more;
}

void issued_free(struct sim *s)
{
    mem_free(s->issued.list);
}

/* Whether the actor remembers which dots it has issued.  What a durable one has only in memory,
 * it has not told anybody yet: that may be refused, and its dot issued again. */
static bool must_be_unique(const struct sim *s, unsigned at, struct bytes actor, unsigned *node)
{
    struct etf_in in = etf_open(actor);
    struct atom name = {0};
    etf_atom(&in, &name);
    *node = name.len == 2 && name.text[0] == 'n' ? name.text[1] - '1' : MACHINES;
    if (*node >= s->options.nodes || (*node == at && sim_is_stored(s, at)))
        return false;
    return s->options.peers_remember || sim_is_durable(s, *node) || s->nodes[*node].life == 1;
}

static void record(struct sim *s, unsigned at, struct bytes actor, struct bytes number,
                   struct bytes what)
{
    struct issued *d = &s->issued;
    unsigned node;
    if (!must_be_unique(s, at, actor, &node))
        return;
    if (2 * d->count >= d->cap)
        grow(d);
    uint64_t hash = bytes_hash(number, bytes_hash(actor, 1)) | 1, of = bytes_hash(what, 2);
    uint64_t *known = slot(d, hash);
    if (known[0] != 0 && known[1] != of)
        sim_violated(s, "n%u issued a tag or dot twice", node + 1);
    d->count += known[0] == 0;
    known[0] = hash;
    known[1] = of;
}

/* --- the types -------------------------------------------------------------------- */

static void record_tag(struct sim *s, unsigned at, struct bytes tag, struct bytes what)
{
    struct etf_in in = etf_open(tag);
    etf_tuple_of(&in, 2);
    struct bytes actor = etf_any(&in), number = etf_any(&in);
    must(in.err == OK);
    record(s, at, actor, number, what);
}

static void or_set_entry(struct sim *s, unsigned at, struct bytes element, struct bytes tags)
{
    struct etf_in in;
    uint32_t count;
    enum err e = mapset_read(tags, &in, &count);
    must(e == OK);
    for (; count > 0; count--)
        record_tag(s, at, mapset_next(&in), element);
}

static void dvv_set_entry(struct sim *s, unsigned at, struct bytes element, struct bytes dots)
{
    struct etf_in in = etf_open(dots);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes actor = etf_any(&in), number = etf_any(&in);
        record(s, at, actor, number, element);
    }
}

static void rga_entry(struct sim *s, unsigned at, struct bytes id, struct bytes element)
{
    record_tag(s, at, id, element);
}

static const struct layout {
    const char *crdt, *field;
    void (*entry)(struct sim *s, unsigned at, struct bytes key, struct bytes value);
} layouts[] = {
    {"or_set", "entries", or_set_entry},
    {"dvv_set", "entries", dvv_set_entry},
    {"rga", "elements", rga_entry},
};

void issued_check(struct sim *s, unsigned node)
{
    const struct layout *l = NULL;
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (strcmp(layouts[i].crdt, s->options.crdt) == 0)
            l = &layouts[i];
    if (l == NULL)
        return;
    struct etf_in in = etf_open(check_field(buf_bytes(&s->nodes[node].common), l->field));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        l->entry(s, node, key, value);
    }
}
