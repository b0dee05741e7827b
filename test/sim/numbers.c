#include <string.h>

#include "crdt/mapset.h"
#include "mem.h"
#include "term/etf.h"
#include "world.h"

/* An actor gives each of its numbers once: whatever has it is the same wherever and whenever it
 * is seen.  Otherwise a removal would take along what it was not meant for.
 *
 *     or_set     entries: #{Element => MapSet of {Actor, N}}
 *     dvv_set    entries: #{Element => #{Actor => N}}
 *     rga        elements: #{{Actor, N} => #{..., timestamp, value}} */

#define CAP_MIN 64

/* --- what is known ---------------------------------------------------------- */

/* Where the number is, or is to be. */
static uint64_t *slot(const struct numbers *n, uint64_t number)
{
    size_t at = number & (n->cap - 1);
    while (n->list[at][0] != 0 && n->list[at][0] != number)
        at = (at + 1) & (n->cap - 1);
    return n->list[at];
}

static void grow(struct numbers *n)
{
    struct numbers more = {.count = n->count, .cap = n->cap > 0 ? 2 * n->cap : CAP_MIN};
    more.list = mem_take(more.cap * sizeof(more.list[0]));
    for (size_t i = 0; i < n->cap; i++)
        if (n->list[i][0] != 0)
            memcpy(slot(&more, n->list[i][0]), n->list[i], sizeof(n->list[i]));
    mem_free(n->list);
    *n = more;
}

void numbers_free(struct sim *s)
{
    mem_free(s->numbers.list);
}

/* Whether the actor remembers which numbers it has given.  What a durable one has in memory
 * alone it has not told yet: that may be refused, and the number be given to something else. */
static bool is_sure(const struct sim *s, unsigned at, struct bytes actor, unsigned *node)
{
    struct etf_in in = etf_open(actor);
    struct atom name = {0};
    etf_atom(&in, &name);
    *node = name.len == 2 && name.text[0] == 'n' ? name.text[1] - '1' : MACHINES;
    if (*node >= s->options.nodes || (*node == at && sim_is_stored(s, at)))
        return false;
    return s->options.remembers || sim_is_durable(s, *node) || s->nodes[*node].life == 1;
}

static void given(struct sim *s, unsigned at, struct bytes actor, struct bytes number,
                  struct bytes what)
{
    struct numbers *n = &s->numbers;
    unsigned node;
    if (!is_sure(s, at, actor, &node))
        return;
    if (2 * n->count >= n->cap)
        grow(n);
    uint64_t hash = bytes_hash(number, bytes_hash(actor, 1)) | 1, of = bytes_hash(what, 2);
    uint64_t *known = slot(n, hash);
    if (known[0] != 0 && known[1] != of)
        sim_violated(s, "n%u has given a number twice", node + 1);
    n->count += known[0] == 0;
    known[0] = hash;
    known[1] = of;
}

/* --- where they are --------------------------------------------------------------- */

static void given_tag(struct sim *s, unsigned at, struct bytes tag, struct bytes what)
{
    struct etf_in in = etf_open(tag);
    etf_tuple_of(&in, 2);
    struct bytes actor = etf_any(&in), number = etf_any(&in);
    must(in.err == OK);
    given(s, at, actor, number, what);
}

static void or_set_entry(struct sim *s, unsigned at, struct bytes element, struct bytes tags)
{
    struct etf_in in;
    uint32_t count;
    enum err e = mapset_read(tags, &in, &count);
    must(e == OK);
    for (; count > 0; count--)
        given_tag(s, at, mapset_next(&in), element);
}

static void dvv_set_entry(struct sim *s, unsigned at, struct bytes element, struct bytes dots)
{
    struct etf_in in = etf_open(dots);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes actor = etf_any(&in), number = etf_any(&in);
        given(s, at, actor, number, element);
    }
}

static void rga_entry(struct sim *s, unsigned at, struct bytes id, struct bytes element)
{
    given_tag(s, at, id, element);
}

static const struct habit {
    const char *crdt, *field;
    void (*entry)(struct sim *s, unsigned at, struct bytes key, struct bytes value);
} habits[] = {
    {"or_set", "entries", or_set_entry},
    {"dvv_set", "entries", dvv_set_entry},
    {"rga", "elements", rga_entry},
};

void numbers_check(struct sim *s, unsigned node)
{
    const struct habit *h = NULL;
    for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
        if (strcmp(habits[i].crdt, s->options.crdt) == 0)
            h = &habits[i];
    if (h == NULL)
        return;
    struct etf_in in = etf_open(check_field(buf_bytes(&s->nodes[node].common), h->field));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        h->entry(s, node, key, value);
    }
}
