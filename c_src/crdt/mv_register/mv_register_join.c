/* What comes is compared with the values that are there; the dominated ones go. */
#include "../../limits.h"
#include "../../mem.h"
#include "../../term/etf.h"
#include "../../term/order.h"
#include "mv_register.h"

struct mv_pair mv_pair_open(struct bytes term)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    struct mv_pair pair = {.value = etf_any(&in)};
    pair.clock = etf_last(&in);
    must(in.err == OK);
    return pair;
}

static void numbered_open(struct mv_register *m)
{
    m->numbered = mem_take(sizeof(*m->numbered));
    actors_init(&m->numbered->actors, m->crdt.options->seed);
}

static void numbered_close(struct mv_register *m)
{
    if (m->numbered == NULL)
        return;
    for (size_t i = 0; i < m->len; i++)
        vclock_free(&m->numbered->list[i]);
    mem_free(m->numbered->list);
    actors_free(&m->numbered->actors);
    mem_free(m->numbered);
    m->numbered = NULL;
}

void mv_free_values(struct mv_register *m)
{
    numbered_close(m);
    for (size_t i = 0; i < m->len; i++)
        term_free(&m->list[i]);
    mem_free(m->list);
    m->list = NULL;
    m->len = 0;
}

/* --- merging values ---------------------------------------------------------------- */

/* Present and incoming values, merged in key order. */
struct merging {
    struct bytes *list;
    struct vclock *clocks; /* numbered, if there are several values */
    bool *fresh;           /* an incoming value */
    bool *dominated;
    size_t len;
    struct bytes *added; /* the incoming values that are kept */
    size_t added_len;
};

static void merging_open(struct merging *x, size_t most)
{
    *x = (struct merging){
        .list = mem_take(most * sizeof(*x->list)),
        .clocks = mem_take(most * sizeof(*x->clocks)),
        .fresh = mem_take(most * sizeof(*x->fresh)),
        .dominated = mem_take(most * sizeof(*x->dominated)),
        .added = mem_take(most * sizeof(*x->added)),
    };
}

static void merging_close(struct merging *x)
{
    mem_free(x->list);
    mem_free(x->clocks);
    mem_free(x->fresh);
    mem_free(x->dominated);
    mem_free(x->added);
}

static int merging_order(const struct mv_register *m, size_t i, const struct bytes *incoming,
                         size_t left)
{
    if (i == m->len)
        return 1;
    return left == 0 ? -1 : term_compare_keys(term_bytes(&m->list[i]), *incoming);
}

static void merge_lists(struct merging *x, const struct mv_register *m,
                        const struct bytes *incoming, size_t count)
{
    for (size_t i = 0, j = 0; i < m->len || j < count; x->len++) {
        int order = merging_order(m, i, incoming + j, count - j);
        x->list[x->len] = order > 0 ? incoming[j] : term_bytes(&m->list[i]);
        x->fresh[x->len] = order > 0;
        i += order <= 0;
        j += order >= 0;
    }
}

/* The clocks of those before are moved. */
static void number_clocks(struct merging *x, struct mv_register *m)
{
    if (m->numbered == NULL)
        numbered_open(m);
    const struct vclock *before = m->numbered->list;
    for (size_t i = 0; i < x->len; i++) {
        if (before != NULL && !x->fresh[i])
            x->clocks[i] = *before++;
        else
            x->clocks[i] = vclock_read(mv_pair_open(x->list[i]).clock, &m->numbered->actors);
    }
    mem_free(m->numbered->list);
    m->numbered->list = NULL;
}

static struct vclocks clocks_of(const struct merging *x, const struct mv_register *m)
{
    return (struct vclocks){&m->numbered->actors, x->clocks, x->fresh, x->len};
}

/* Keeps the values that are not dominated; true if the set of values changed. */
static bool keep_maximal(struct merging *x, struct mv_register *m)
{
    struct term *list = mem_take(x->len * sizeof(*list)), *own = m->list;
    size_t len = 0;
    bool changed = false;
    for (size_t i = 0; i < x->len; i++) {
        struct term *before = x->fresh[i] ? NULL : own++;
        bool stays = !x->dominated[i] && len < LIMIT_CONCURRENT_VALUES;
        changed |= stays == x->fresh[i];
        if (!stays) {
            vclock_free(&x->clocks[i]);
            if (before != NULL)
                term_free(before);
            continue;
        }
        x->clocks[len] = x->clocks[i];
        list[len++] = before != NULL ? *before : term_copy(x->list[i]);
        if (before == NULL)
            x->added[x->added_len++] = x->list[i];
    }
    mem_free(m->list);
    m->list = list;
    m->len = len;
    return changed;
}

/* Up to so many actors are numbered anew when a single value is compared. */
#define FEW_ACTORS 500

static void keep_clocks(struct merging *x, struct mv_register *m)
{
    m->numbered->list = mem_resize(x->clocks, m->len * sizeof(*x->clocks));
    x->clocks = NULL;
    if (m->len == 1 && actors_count(&m->numbered->actors) <= FEW_ACTORS)
        numbered_close(m);
}

static bool join_one_by_one(const struct merging *x, struct mv_register *m, struct counts *delta)
{
    bool later = false;
    for (size_t i = 0; i < x->len; i++)
        if (x->fresh[i])
            later |= counts_join(&m->clock, mv_pair_open(x->list[i]).clock, delta);
    return later;
}

static bool join_greatest(const struct merging *x, struct mv_register *m, struct counts *delta)
{
    struct buf greatest = {0};
    struct vclocks clocks = clocks_of(x, m);
    vclocks_greatest(&clocks, &greatest);
    bool later = counts_join(&m->clock, buf_bytes(&greatest), delta);
    buf_free(&greatest);
    return later;
}

/* The clocks of those before are covered by the register's own.  The greatest of the new ones has
 * every actor: it pays if they have more entries. */
static bool join_clocks(const struct merging *x, struct mv_register *m, struct counts *delta)
{
    size_t entries = 0;
    for (size_t i = 0; i < x->len; i++)
        entries += x->fresh[i] ? x->clocks[i].len : 0;
    bool more = m->numbered != NULL && entries > actors_count(&m->numbered->actors);
    return more ? join_greatest(x, m, delta) : join_one_by_one(x, m, delta);
}

static bool prune(struct merging *x, struct mv_register *m, struct mv_register *delta)
{
    bool several = x->len > 1;
    if (several) {
        number_clocks(x, m);
        struct vclocks clocks = clocks_of(x, m);
        vclocks_compare(&clocks, x->dominated);
    }
    bool later = join_clocks(x, m, delta != NULL ? &delta->clock : NULL);
    bool changed = keep_maximal(x, m);
    if (several)
        keep_clocks(x, m);
    return changed || later;
}

bool mv_join_values(struct mv_register *m, const struct bytes *incoming, size_t count,
                    struct mv_register *delta)
{
    struct merging x;
    merging_open(&x, m->len + count);
    merge_lists(&x, m, incoming, count);
    /* A state that is known already arrives often: then there is nothing to compare. */
    bool changed = x.len > m->len && prune(&x, m, delta);
    if (delta != NULL && x.added_len > 0)
        mv_join_values(delta, x.added, x.added_len, NULL);
    merging_close(&x);
    return changed;
}

/* --- checks ----------------------------------------------------------------------- */

static void check_order(const struct mv_register *m)
{
    must(m->len <= LIMIT_CONCURRENT_VALUES);
    for (size_t i = 1; i < m->len; i++)
        must(term_compare_keys(term_bytes(&m->list[i - 1]), term_bytes(&m->list[i])) < 0);
}

/* Anew, as if all values had just come. */
static void check_none_dominated(const struct mv_register *m)
{
    bool *fresh = mem_take(m->len * sizeof(*fresh));
    bool *dominated = mem_take(m->len * sizeof(*dominated));
    memset(fresh, true, m->len * sizeof(*fresh));
    struct vclocks clocks = {&m->numbered->actors, m->numbered->list, fresh, m->len};
    vclocks_compare(&clocks, dominated);
    for (size_t i = 0; i < m->len; i++)
        must(!dominated[i]);
    mem_free(fresh);
    mem_free(dominated);
}

static void check_numbered(const struct mv_register *m)
{
    must(m->numbered != NULL || m->len < 2);
    if (m->numbered == NULL)
        return;
    must(m->len > 1 || actors_count(&m->numbered->actors) > FEW_ACTORS);
    for (size_t i = 0; i < m->len; i++) {
        struct mv_pair pair = mv_pair_open(term_bytes(&m->list[i]));
        vclock_check(&m->numbered->list[i], pair.clock, &m->numbered->actors);
    }
    for (uint32_t i = 0; i < actors_count(&m->numbered->actors); i++)
        must(counts_have(&m->clock, actors_term(&m->numbered->actors, i)));
    check_none_dominated(m);
}

/* The clock covers the values' clocks if joining them does not make it grow. */
static void check_clock(const struct mv_register *m)
{
    struct counts clock = {0};
    struct buf all = {0};
    counts_put(&m->clock, PART_WHOLE, &all);
    must(vclock_validate(buf_bytes(&all)) == OK);
    counts_join(&clock, buf_bytes(&all), NULL);
    for (size_t i = 0; i < m->len; i++) {
        bool grew = counts_join(&clock, mv_pair_open(term_bytes(&m->list[i])).clock, NULL);
        must(!grew);
    }
    counts_free(&clock);
    buf_free(&all);
}

void mv_check_values(const struct mv_register *m)
{
    check_order(m);
    check_numbered(m);
    check_clock(m);
}
