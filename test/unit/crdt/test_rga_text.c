/* Replays the editing trace of a real paper through the operations by index, and checks the final
 * text.  Times are printed, not asserted. */
#include <time.h>

#include "crdt/figures.h"
#include "crdt/rga/rga.h"
#include "crdt/rga/rga_nodes.h"
#include "fake/paper.h"
#include "unit/crdt/laws.h"

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("rga"));
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* {insert_at, [At, <<Character>>]} or {remove_at, [At]} */
static void edit(struct crdt *c, const struct paper *t, size_t i, struct crdt *delta)
{
    struct buf index = {0}, character = {0};
    struct mutation_turn turn = {.wall_ms = 1700000000000 + i, .delta = delta};
    put_uint(&index, t->at[i]);
    put_binary(&character, (struct bytes){t->characters + i, 1});
    struct op op = {BYTES("insert_at"), 2, {buf_bytes(&index), buf_bytes(&character)}};
    if (t->characters[i] == 0)
        op = (struct op){BYTES("remove_at"), 1, {buf_bytes(&index)}};
    must(crdt_mutate(c, &op, 1, &turn) == OK);
    buf_free(&index);
    buf_free(&character);
}

static void reads(const struct crdt *c, struct bytes wanted)
{
    struct buf value = {0}, text = {0};
    crdt_value(c, &value);
    struct etf_in in = etf_open(buf_bytes(&value));
    struct bytes element;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in character = etf_open(element);
        buf_put(&text, etf_binary(&character));
    }
    CU_ASSERT(etf_finish(&in) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&text), wanted));
    buf_free(&value);
    buf_free(&text);
}

/* Bytes in use, with the free space in nodes but not that in arrays. */
static double bytes_an_element(const struct crdt *c)
{
    const struct rga *r = (const struct rga *)c;
    const struct rga_elements *es = &r->elements;
    size_t bytes = es->count * sizeof(*es->list) + es->index_cap * sizeof(*es->index) +
                   es->terms.len + es->count * sizeof(*r->tree.leaf_of) +
                   r->tree.leaf_count * sizeof(struct rga_leaf) +
                   r->tree.inner_count * sizeof(struct rga_inner);
    return (double)bytes / (double)es->present;
}

static void replays(const struct paper *t)
{
    struct crdt *c = empty(type(), "a");
    double start = now_ms();
    for (size_t i = 0; i < t->count; i++)
        edit(c, t, i, NULL);
    double took = now_ms() - start;
    printf("\n    %zu edits: %.0f ms, %.1f bytes per element\n", t->count, took,
           bytes_an_element(c));
    reads(c, t->end);
    CU_ASSERT(crdt_tombstones(c) == 77463);
    crdt_check(c);
    crdt_free(c);
}

/* Syncs after each edit: a new delta each, joined by a peer. */
static void replays_by_deltas(const struct paper *t)
{
    struct crdt *c = empty(type(), "a"), *peer = empty(type(), "b");
    struct buf out = {0};
    double local = 0, remote = 0;
    for (size_t i = 0; i < t->count; i++) {
        bool changed;
        double start = now_ms();
        struct crdt *delta = crdt_make(type(), c->options);
        edit(c, t, i, delta);
        buf_clear(&out);
        crdt_state(delta, &out);
        crdt_free(delta);
        double made = now_ms();
        must(crdt_merge(peer, buf_bytes(&out), NULL, &changed) == OK && changed);
        local += made - start;
        remote += now_ms() - made;
    }
    printf("    one encoded delta per edit: %.0f ms; joined by a peer: %.0f ms\n", local, remote);
    reads(peer, t->end);
    crdt_check(peer);
    CU_ASSERT(equivalent(c, peer));
    buf_free(&out);
    crdt_free(c);
    crdt_free(peer);
}

/* Syncs once at the end: one delta, equal to the whole state. */
static void replays_into_one_delta(const struct paper *t)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a"), *peer = empty(type(), "b");
    struct buf out = {0};
    bool changed;
    double start = now_ms();
    for (size_t i = 0; i < t->count; i++)
        edit(c, t, i, delta);
    double edited = now_ms();
    crdt_state(delta, &out);
    double written = now_ms();
    must(crdt_merge(peer, buf_bytes(&out), NULL, &changed) == OK && changed);
    double joined = now_ms();
    must(crdt_merge(peer, buf_bytes(&out), NULL, &changed) == OK && !changed);
    printf("    one delta for all: %.0f ms; %zu bytes, encoded in %.0f ms, joined to an empty "
           "state in "
           "%.0f ms, again in %.0f ms\n",
           edited - start, out.len, written - edited, joined - written, now_ms() - joined);
    crdt_check(delta);
    reads(delta, t->end);
    reads(peer, t->end);
    buf_free(&out);
    crdt_free(c);
    crdt_free(peer);
    crdt_free(delta);
}

static void replays_the_trace(void)
{
    struct paper t;
    paper_open(&t, vector("crdt/paper.gz"));
    CU_ASSERT(t.count == 259778 && t.end.len == 104852);
    replays(&t);
    replays_by_deltas(&t);
    replays_into_one_delta(&t);
    paper_close(&t);
}

SUITE("rga_text", TEST(replays_the_trace))
