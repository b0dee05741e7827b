#include <stdlib.h>

#include "../err.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../term/keyed_hash.h"
#include "../term/order.h"
#include "pg_roster_internal.h"

bool roster_has(const struct roster *r, const struct roster_source *source, struct bytes group,
                struct bytes pid)
{
    return roster_member(r, source, group, pid) != NULL;
}

static int name_order(const void *a, const void *b)
{
    return term_compare_keys(*(const struct bytes *)a, *(const struct bytes *)b);
}

struct bytes *roster_groups(const struct roster *r, const struct roster_source *source,
                            size_t *count)
{
    size_t n = source == NULL ? r->groups.count : source->groups, at = 0;
    struct bytes *names = mem_take(n * sizeof(*names));
    if (source != NULL) {
        for (struct subgroup *sub = source->first; sub != NULL; sub = sub->next)
            names[at++] = term_bytes(&sub->group->name);
    } else {
        for (size_t i = 0; i < r->groups.size; i++)
            for (struct hash_link *l = r->groups.slots[i]; l != NULL; l = l->next)
                names[at++] = term_bytes(&((struct group *)l)->name);
    }
    must(at == n);
    if (n > 1)
        qsort(names, n, sizeof(*names), name_order);
    *count = n;
    return names;
}

struct bytes *roster_groups_of(const struct roster *r, struct bytes pid, size_t *count)
{
    struct bytes *names = NULL;
    size_t n = 0, cap = 0;
    for (struct hash_link *l = hash_table_find(&r->ours, keyed_hash(pid, r->seed)); l != NULL;
         l = hash_table_next(l)) {
        const struct member *m = CONTAINER_OF(l, struct member, by_pid);
        if (!bytes_equal(term_bytes(&m->pid), pid))
            continue;
        names = mem_room(names, n, &cap, sizeof(*names));
        names[n++] = term_bytes(&m->subgroup->group->name);
    }
    if (n > 1)
        qsort(names, n, sizeof(*names), name_order);
    *count = n;
    return names;
}

size_t roster_count(const struct roster *r, const struct roster_source *source, struct bytes group)
{
    struct group *g = roster_group(r, group);
    if (g == NULL || source == NULL)
        return g == NULL ? 0 : g->processes;
    struct subgroup *sub = roster_subgroup(g, source);
    return sub == NULL ? 0 : sub->count;
}

static void walk_subgroup(const struct subgroup *sub, bool counted_only,
                          const struct roster_visitor *each)
{
    for (struct member *m = sub->first; m != NULL; m = m->next)
        if (m->counted || !counted_only)
            each->visit(each->who, term_bytes(&sub->group->name), term_bytes(&m->pid));
}

void roster_walk(const struct roster *r, const struct roster_source *source, struct bytes group,
                 const struct roster_visitor *each)
{
    struct group *g = roster_group(r, group);
    if (g == NULL)
        return;
    struct subgroup *only = source == NULL ? NULL : roster_subgroup(g, source);
    if (only != NULL)
        walk_subgroup(only, false, each);
    for (size_t i = 0; source == NULL && i < g->count; i++)
        walk_subgroup(g->subgroups[i], true, each);
}
